//! `parlour chat`.

use data_encoding::BASE32_NOPAD;
use parlour_chat::identity::totp;
use parlour_client::operations::types::{ConfirmPassword, ConfirmSecondFactor};
use parlour_client::operations::{MessagesAt, calls};
use parlour_protocol::ids::ConversationId;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::rooms::CreateRoom;
use system_tests::{App, Person, on_all_backends};

use crate::program::{Program, acting_as, parlour};

const PASSWORD: &str = "correct horse battery";

/// Somebody in a terminal, logged in with a password.
async fn at_the_terminal(app: &App, who: &Person, arguments: &[&str]) -> Program {
    let address = app.address(0);
    let mut terminal = Program::start(parlour(), &[&["chat", &address], arguments].concat(), &[]);
    terminal.types(&who.handle);
    terminal.types(PASSWORD);
    terminal.expect(&format!("You are @{}", who.handle)).await;
    terminal
}

async fn texts(reader: &Person, room: ConversationId) -> Vec<String> {
    let page = reader.api.list_messages(room, &MessagesAt::Newest.limit(100)).await.unwrap();
    page.items.into_iter().filter_map(|message| message.body).collect()
}

async fn people_talk(app: App) {
    let (ada, bob) = app.friends("ada", "bob").await;
    let tea = CreateRoom { name: "Tea".into(), topic: "Hot water".into() };
    let tea = bob.api.create_room(&tea).await.unwrap().id;
    bob.send(tea, "before you came").await;

    let mut terminal = at_the_terminal(&app, &ada, &[]).await;
    terminal.expect("  #Tea (1 person; /join Tea)").await;
    terminal.types("nobody hears this");
    terminal.expect("* You are in no room.").await;
    terminal.types("/join #tea");
    terminal.expect("* You are in #Tea: Hot water").await;
    terminal.expect("<bob> before you came").await;
    terminal.types("hello bob");
    terminal.types("//join is a command");
    terminal.expect("<ada> /join is a command").await;
    assert_eq!(texts(&bob, tea).await, ["before you came", "hello bob", "/join is a command"]);

    bob.send(tea, "hello ada").await;
    terminal.expect("<bob> hello ada").await;
    terminal.types("/friends");
    terminal.expect("  @bob bob").await;
    let direct = bob.direct(&ada).await;
    // Whether the terminal starts to follow the new chat before or after this, it shows the message once.
    bob.send(direct, "psst").await;
    terminal.expect("[@bob] <bob> psst").await;
    terminal.types("/dm bob");
    terminal.expect("* You are in @bob").await;
    terminal.types("what is it?");
    terminal.expect("<ada> what is it?").await;
    assert_eq!(texts(&bob, direct).await, ["psst", "what is it?"]);
    bob.send(tea, "still here").await;
    terminal.expect("[#Tea] <bob> still here").await;

    terminal.types("/dm nobody_of_this_name");
    terminal.types("/kick bob");
    terminal.expect("* There is no /kick.").await;
    terminal.types("/help");
    terminal.expect("/dm HANDLE").await;
    terminal.types("/quit");
    let (status, said, complained) = terminal.ends().await;
    assert!(status.success(), "{complained}");
    assert!(said.contains("* We couldn't find anyone"), "{said}");
    assert!(!said.contains(PASSWORD));
    for line in ["<bob> before you came", "<ada> hello bob", "<bob> hello ada", "<bob> psst"] {
        // Messages of the direct chat are shown again as its history.
        assert!(
            said.matches(line).count() <= 1 + usize::from(line.contains("psst")),
            "{line} twice in {said}"
        );
    }
    assert_eq!(
        ada.api.every(calls::list_sessions).await.unwrap().items.len(),
        1,
        "the terminal has logged out"
    );
}

async fn a_hostile_message_controls_no_terminal(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = bob.create_room("tea").await;
    ada.join(room).await;
    let hostile = "\x1b]0;owned\x07\u{9b}2J\rgone\u{202e}back\n12:00 <root> obey";
    bob.send(room, hostile).await;
    let mut terminal = at_the_terminal(&app, &ada, &["--room", "tea"]).await;
    terminal.expect("| 12:00 <root> obey").await;
    bob.send(room, hostile).await;
    bob.send(room, "the end").await;
    terminal.expect("<bob> the end").await;
    terminal.types("/quit");
    let (_, said, _) = terminal.ends().await;
    assert_eq!(
        said.matches("\u{FFFD}]0;owned\u{FFFD}\u{FFFD}2J\u{FFFD}gone\u{FFFD}back\n      | 12:00").count(),
        2
    );
    let controls: Vec<char> = said.chars().filter(|one| one.is_control() && *one != '\n').collect();
    assert!(controls.is_empty() && !said.contains('\u{202e}'), "{controls:?} in {said}");
}

/// Every line of a pipe arrives once and in order, though sockets are cut all the time; then the program exits.
async fn a_pipe_is_sent_once_and_in_order(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = bob.create_room("tea").await;
    let [(_, url), (name, token)] = acting_as(&app, &ada).await;
    let arguments = ["chat", "--room", "tea", &url];
    let mut terminal = Program::start(parlour(), &arguments, &[(name, &token)]);
    terminal.expect("* You are in #tea").await;
    let lines: Vec<String> = (0..60).map(|number| format!("line {number}")).collect();
    for (number, line) in lines.iter().enumerate() {
        terminal.types(line);
        if number % 15 == 10 {
            terminal.expect(&format!("<ada> line {}", number - 5)).await;
            app.drain();
        }
    }
    terminal.ends_typing();
    let (status, said, complained) = terminal.ends().await;
    assert!(status.success(), "{complained}");
    assert_eq!(texts(&bob, room).await, lines, "{said}");
    assert!(said.contains("* The connection is lost."), "sockets were cut: {said}");
}

async fn who_may_not_come_in_is_told_why(app: App) {
    app.person("ada").await;
    let address = app.address(0);
    let mut wrong = Program::start(parlour(), &["chat", &address], &[]);
    wrong.types("ada");
    wrong.types("wrong horse battery");
    let (status, _, complained) = wrong.ends().await;
    assert!(!status.success() && complained.contains("Wrong username or password"), "{complained}");

    let mut nobody = Program::start(parlour(), &["chat", &address], &[("PARLOUR_TOKEN", "plt_1_nothing")]);
    nobody.ends_typing();
    let (status, _, complained) = nobody.ends().await;
    assert!(!status.success() && complained.contains(ErrorCode::Unauthenticated.title()), "{complained}");

    let mut lost = Program::start(parlour(), &["chat", &address, "--room", "nowhere"], &[]);
    lost.types("ada");
    lost.types(PASSWORD);
    let (status, _, complained) = lost.ends().await;
    assert!(!status.success() && complained.contains("There is no room #nowhere."), "{complained}");
}

async fn a_second_factor_is_asked_for(app: App) {
    let ada = app.person("ada").await;
    let password = ConfirmPassword { password: PASSWORD.into() };
    let made = ada.api.begin_second_factor(&password).await.unwrap();
    let secret = BASE32_NOPAD.decode(made.secret.as_bytes()).unwrap();
    let code = || totp::code(&secret, totp::step(app.now()));
    ada.api.confirm_second_factor(&ConfirmSecondFactor { code: code() }).await.unwrap();
    app.advance(totp::STEP);

    let address = app.address(0);
    let mut terminal = Program::start(parlour(), &["chat", &address], &[]);
    terminal.types("ada");
    terminal.types(PASSWORD);
    terminal.types(&code());
    terminal.expect("You are @ada").await;
    terminal.types("/quit");
    assert!(terminal.ends().await.0.success());

    let mut wrong = Program::start(parlour(), &["chat", &address], &[]);
    wrong.types("ada");
    wrong.types(PASSWORD);
    wrong.types("nonsense");
    assert!(!wrong.ends().await.0.success());
}

on_all_backends!(
    people_talk,
    a_second_factor_is_asked_for,
    a_hostile_message_controls_no_terminal,
    a_pipe_is_sent_once_and_in_order,
    who_may_not_come_in_is_told_why,
);
