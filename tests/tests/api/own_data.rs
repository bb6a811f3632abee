//! Exporting one's own data, and leaving nothing behind.

use parlour_client::operations::{ListEvents, ListNamed, ListUsers};
use parlour_protocol::friends::CreateFriendRequest;
use parlour_protocol::jobs::JobKind;
use parlour_protocol::messages::EditMessage;
use parlour_protocol::own_data::ExportLine;
use std::sync::{Arc, LazyLock, Mutex};

use diesel::prelude::*;
use diesel::sql_types::Text;
use parlour_protocol::events::{Change, UserChange};
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::rooms::UpdateRoom;
use parlour_protocol::socket::CloseCode;
use parlour_protocol::time::MINUTE;
use parlour_storage::events::EventRow;
use parlour_storage::schema::jobs;
use parlour_storage::{Connection, own_data};
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::{App, Authenticator, Backend, Person, Refusal, eventually, on_all_backends};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

on_all_backends!(
    exporting,
    exports_keep_to_what_one_may_read,
    deleting_an_account,
    nothing_is_left with |config| {
        // Passkeys must be available.
        config.public_url = Some("http://localhost:8080".into());
        system_tests::mail::on(config);
    },
    the_last_administrator_stays,
    an_interrupted_deletion_goes_on,
    long_histories_are_erased_in_steps,
);

const EXPORT: &str = "/api/v1/account/export";
const ACCOUNT: &str = "/api/v1/account";
const HOUR: i64 = 60 * MINUTE;

fn password() -> Option<Value> {
    Some(json!({"password": "correct horse battery"}))
}

async fn export(person: &Person) -> Vec<(String, Value)> {
    let reply = person.call(Method::POST, EXPORT, password()).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let line = |text: &str| {
        let known: ExportLine = serde_json::from_str(text).unwrap();
        let line: Value = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_value(&known).unwrap(), line, "the type says everything");
        (line["kind"].as_str().unwrap().to_owned(), line["data"].clone())
    };
    reply.text.lines().map(line).collect()
}

async fn exporting(app: App) {
    let (ada, bob) = app.friends("ada", "bob").await;
    let direct = ada.direct(&bob).await;
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    for number in 0..120 {
        ada.send(room, &format!("mine {number}")).await;
    }
    bob.send(room, "his in the room").await;
    ada.send(direct, "mine to him").await;
    bob.send(direct, "his to me").await;
    ada.call(Method::POST, EXPORT, Some(json!({"password": "wrong horse"})))
        .await
        .refused(ErrorCode::BadCredentials);
    ada.call(Method::POST, EXPORT, Some(json!({}))).await.refused(ErrorCode::Malformed);
    app.call(Method::POST, EXPORT, password()).await.refused(ErrorCode::Unauthenticated);

    let lines = export(&ada).await;
    let kinds: Vec<&str> = lines.iter().map(|(kind, _)| kind.as_str()).collect();
    let first = "export account privacy friends friend_requests blocks identities sessions tokens bots passkeys \
                 notifications email";
    assert_eq!(kinds[..13].join(" "), first);
    assert_eq!(lines.last().unwrap(), &("end".to_owned(), json!({"messages": 122})));
    let text = format!("{lines:?}");
    assert!(text.contains("mine 0") && text.contains("mine 119") && text.contains("his to me"));
    let of = |kind: &'static str| lines.iter().filter(move |(each, _)| each == kind).map(|(_, data)| data);
    assert!(
        !of("messages").any(|data| data.to_string().contains("his in the room")),
        "others' words in rooms"
    );
    assert_eq!(of("account").next().unwrap()["handle"], "ada");
    assert_eq!(of("friends").next().unwrap()[0]["user"]["handle"], "bob");
    assert!(!text.contains("correct horse") && !text.contains("argon2"));
    export(&ada).await;
    export(&ada).await;
    ada.call(Method::POST, EXPORT, password()).await.refused(ErrorCode::RateLimited);
}

async fn exports_keep_to_what_one_may_read(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = bob.create_room("tea").await;
    ada.join(room).await;
    ada.send(room, "said in a room that was left").await;
    ada.api.leave_room(room).await.unwrap();
    ada.api.create_friend_request(&CreateFriendRequest { to: "bob".into() }).await.unwrap();
    bob.api.delete_friend_request(ada.id).await.unwrap();
    bob.call(Method::PUT, &format!("/api/v1/blocks/{}", ada.id), None).await.expect(200);
    let text = format!("{:?}", export(&ada).await);
    assert!(!text.contains("said in a room that was left"), "what cannot be read live is not exported");
    assert!(text.contains("outgoing") && !text.contains("hidden") && !text.contains("declined"));
    assert!(format!("{:?}", export(&bob).await).contains("ada"), "one's own blocks are one's own");
}

async fn deleting_an_account(app: App) {
    let (ada, bob) = app.friends("ada", "bob").await;
    let direct = ada.direct(&bob).await;
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    let mine = ada.send(room, "words of ada").await;
    let private = ada.send(direct, "secret of ada").await;
    let his = bob.send(room, "words of bob").await;
    ada.api.add_reaction(room, his, "👍").await.unwrap();
    bob.api.add_reaction(room, mine, "👍").await.unwrap();
    let (mut hers, mut watching) = (ada.socket().await, bob.socket_on(&[room]).await);

    let wrong = Some(json!({"password": "wrong horse"}));
    ada.call(Method::DELETE, ACCOUNT, wrong).await.refused(ErrorCode::BadCredentials);
    app.call(Method::DELETE, ACCOUNT, password()).await.refused(ErrorCode::Unauthenticated);
    let receipt = ada.call(Method::DELETE, ACCOUNT, password()).await.expect(200);
    assert_eq!(receipt["account"], ada.id.to_string());
    let erased = &receipt["erased"];
    assert_eq!((&erased["messages"], &erased["conversations"]), (&json!(2), &json!(2)), "{receipt}");
    assert_eq!((&erased["friendships"], &erased["sessions"]), (&json!(1), &json!(1)), "{receipt}");

    hers.expect_close(CloseCode::SessionRevoked as u16).await;
    for person in [&ada, &ada.elsewhere()] {
        eventually("the token is refused", || async { person.api.show_account().await.is_err() }).await;
    }
    ada.api.refresh().await.refused(ErrorCode::Unauthenticated);
    bob.api.show_user("ada").await.refused(ErrorCode::NotFound);
    bob.api.show_user(&ada.id.to_string()).await.refused(ErrorCode::NotFound);
    watching.expect_user(UserChange::FriendRemoved { user: ada.id }).await;
    let mut seen = Vec::new();
    while seen.len() < 4 {
        let event = watching.event().await;
        seen.push((event.conversation, event.change));
    }
    for expected in [
        (direct, Change::DirectChanged { writable: false }),
        (direct, Change::AuthorErased { author: ada.id }),
        (room, Change::AuthorErased { author: ada.id }),
        (room, Change::MemberLeft { user: ada.id }),
    ] {
        assert!(seen.contains(&expected), "{expected:?} in {seen:?}");
    }

    // The conversations and the other person's text stay, and so do the positions; the author is a deleted user.
    for (conversation, seq) in [(room, mine), (direct, private)] {
        let path = format!("/api/v1/conversations/{conversation}/messages");
        let page = bob.get(&path).await.expect(200);
        let message = page["items"].as_array().unwrap().iter().find(|one| one["seq"] == seq).unwrap().clone();
        assert!(message.get("body").is_none() && message.get("deleted_at").is_some(), "{message}");
        assert!(message.get("reactions").is_none_or(|list| *list == json!([])), "{message}");
        let log = bob
            .api
            .list_events(conversation, &ListEvents { after: Some(0), limit: Some(200) })
            .await
            .unwrap();
        assert!(log.items.iter().map(|event| event.seq).eq(1..=log.head), "gapless");
    }
    let listed = bob.api.list_users(&ListUsers::of(&[ada.id])).await.unwrap().items;
    assert_eq!((listed[0].handle.as_str(), listed[0].display_name.as_str()), ("deleted", "Deleted user"));
    assert!(!bob.api.show_conversation(direct).await.unwrap().writable);
    assert_eq!(bob.api.show_room(room).await.unwrap().member_count, 1);
    bob.api
        .update_room(room, &UpdateRoom { topic: Some("mine now".into()), ..UpdateRoom::default() })
        .await
        .unwrap();
    bob.call(Method::PUT, &format!("/api/v1/blocks/{}", ada.id), None).await.refused(ErrorCode::NotFound);
    assert_ne!(app.person("ada").await.id, ada.id, "the handle is free");
}

/// Every value of every table, as text.
fn dump(app: &App) -> String {
    #[derive(QueryableByName)]
    struct Line {
        #[diesel(sql_type = Text)]
        text: String,
    }
    let mut conn = app.database().connect();
    match &mut conn {
        Connection::Postgres(inner) => {
            let tables: Vec<Line> = diesel::sql_query(
                "SELECT table_name::text AS text FROM information_schema.tables WHERE table_schema = 'public'",
            )
            .load(inner)
            .unwrap();
            assert!(tables.len() > 10);
            let mut all = String::new();
            for table in tables {
                let sql = format!("SELECT t::text AS text FROM \"{}\" t", table.text);
                let lines: Vec<Line> = diesel::sql_query(sql).load(inner).unwrap();
                lines.iter().for_each(|line| all.push_str(&line.text));
            }
            all
        }
        sqlite @ Connection::Sqlite(_) => {
            own_data::settle(sqlite).unwrap();
            drop(conn);
            // Deleted rows, free pages and the write-ahead log are in the files, too.
            let mut all = String::new();
            for entry in std::fs::read_dir(app.database().folder.path()).unwrap() {
                all.push_str(&String::from_utf8_lossy(&std::fs::read(entry.unwrap().path()).unwrap()));
            }
            all
        }
    }
}

/// All key names in Redis, the only place there that could hold text.
async fn redis_keys() -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let url: reqwest::Url = system_tests::redis().expect("TEST_REDIS_URL").parse().unwrap();
    let address = (url.host_str().unwrap().to_owned(), url.port().unwrap_or(6379));
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(b"KEYS *\r\nPING\r\n").await.unwrap();
    let mut text = Vec::new();
    while !String::from_utf8_lossy(&text).contains("+PONG") {
        assert!(stream.read_buf(&mut text).await.unwrap() > 0);
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// What the servers of this process log, at full detail.
#[derive(Clone, Default)]
struct Logs(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Logs {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Starts to capture the logs, once for all tests of this process.
fn logs() -> Logs {
    static LOGS: LazyLock<Logs> = LazyLock::new(|| {
        let logs = Logs::default();
        let writer = logs.clone();
        let wanted = "info,parlour_server=trace,parlour_realtime=trace,parlour_storage=trace";
        let lines = tracing_subscriber::fmt::layer().with_writer(move || writer.clone());
        tracing_subscriber::registry().with(lines).with(wanted.parse::<Targets>().unwrap()).init();
        logs
    });
    LOGS.clone()
}

async fn nothing_is_left(app: App) {
    let marker = "zebramarker";
    let logs = logs();
    let bob = app.person("bob").await;
    let ada = app.person("zebramarker_ada").await;
    bob.befriend(&ada).await;
    let profile = json!({"display_name": "The Zebramarker", "bio": "zebramarker of the bio"});
    ada.call(Method::PATCH, ACCOUNT, Some(profile)).await.expect(200);
    let device = json!({"handle": "zebramarker_ada", "password": "correct horse battery", "device": "zebramarker phone"});
    app.call(Method::POST, "/api/v1/sessions", Some(device)).await.expect(201);
    let wrong = json!({"handle": "zebramarker_ada", "password": "zebramarker password"});
    app.call(Method::POST, "/api/v1/sessions", Some(wrong)).await.refused(ErrorCode::BadCredentials);
    let room = bob.create_room("tea").await;
    ada.join(room).await;
    let direct = ada.direct(&bob).await;
    for conversation in [room, direct] {
        let cid = format!("zebramarker-{conversation}");
        let seq = ada.send_as(conversation, &cid, "zebramarker, first words").await.seq;
        ada.api
            .edit_message(conversation, seq, &EditMessage { body: "zebramarker, second words".into() })
            .await
            .unwrap();
        ada.api
            .edit_message(conversation, seq, &EditMessage { body: "zebramarker, third words".into() })
            .await
            .unwrap();
        let gone = ada.send_as(conversation, &format!("{cid}-gone"), "zebramarker, deleted words").await.seq;
        ada.api.delete_message(conversation, gone).await.unwrap();
    }
    let begun = ada.call(Method::POST, "/api/v1/account/passkeys/begin", password()).await.expect(201);
    let made = Authenticator::default().make(&begun["options"]);
    let body = json!({"ceremony": begun["ceremony"], "credential": made, "name": "zebramarker passkey"});
    ada.call(Method::POST, "/api/v1/account/passkeys", Some(body)).await.expect(201);
    let begun = ada.call(Method::POST, "/api/v1/account/passkeys/begin", password()).await;
    assert_eq!(begun.expect(201)["options"]["user"]["name"], "zebramarker_ada");
    let left = bob.create_room("coffee").await;
    ada.join(left).await;
    ada.send(left, "zebramarker in a room that was left").await;
    ada.api.leave_room(left).await.unwrap();
    // A confirmed address, a pending one, mails that nobody accepts, and a request for a new password.
    super::email::confirmed(&app, &ada, "zebramarker@example.org").await;
    app.mail().set_mood(system_tests::mail::Mood::Refusing(451));
    super::email::choose(&ada, "other.zebramarker@example.org").await.expect(200);
    let forgotten = json!({"handle_or_email": "zebramarker@example.org"});
    app.call(Method::POST, "/api/v1/password-resets/requests", Some(forgotten)).await.expect(202);
    eventually("mails were refused", || async { app.mail().begun() > 2 }).await;
    assert!(dump(&app).to_lowercase().contains(marker), "the search finds what is there");

    // Something that the server logs.
    let phone = ada.other_device().await;
    let used = json!({ "refresh_token": phone.api.refresh_token().unwrap() });
    phone.api.refresh().await.unwrap();
    app.advance(MINUTE);
    app.call(Method::POST, "/api/v1/sessions/refresh", Some(used)).await.refused(ErrorCode::Unauthenticated);

    ada.call(Method::DELETE, ACCOUNT, password()).await.expect(200);
    eventually("nothing is left in the database", || async { !dump(&app).to_lowercase().contains(marker) })
        .await;
    for entry in std::fs::read_dir(app.database().folder.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).to_lowercase().contains(marker), "in a file");
    }
    let logged = String::from_utf8_lossy(&logs.0.lock().unwrap()).to_lowercase();
    assert!(logged.contains("a refresh token was used again"), "the logs are kept");
    assert!(logged.contains("a job is tried again later"), "also those about mails");
    assert!(!logged.contains(marker), "in the logs");
    if app.backend() == Backend::PostgresRedis {
        let keys = redis_keys().await;
        assert!(!keys.contains(marker), "{keys}");
    }
    for path in
        [format!("/api/v1/conversations/{room}/events"), format!("/api/v1/conversations/{direct}/events")]
    {
        assert!(!bob.get(&path).await.text.to_lowercase().contains(marker));
    }
}

async fn the_last_administrator_stays(app: App) {
    let root = app.admin("root").await;
    root.call(Method::DELETE, ACCOUNT, password()).await.refused(ErrorCode::Conflict);
    root.api.show_account().await.unwrap();
    let second = app.admin("second").await;
    root.call(Method::DELETE, ACCOUNT, password()).await.expect(200);
    let listed = second
        .api
        .list_admin_users(&ListNamed { search: None, after: None, limit: Some(10) })
        .await
        .unwrap()
        .items;
    let handles: Vec<&str> = listed.iter().map(|one| one.user.handle.as_str()).collect();
    assert_eq!(handles, ["second"]);
    second.api.reinstate_user(root.id).await.refused(ErrorCode::NotFound);
}

async fn an_interrupted_deletion_goes_on(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = bob.create_room("tea").await;
    ada.join(room).await;
    ada.send(room, "half erased").await;
    // As if the node died after the first transaction.
    let mut conn = app.database().connect();
    let now = app.now();
    parlour_chat::identity::account_erasure::end_person(&mut conn, now, ada.id, "192.0.2.1").unwrap();
    let unfinished =
        |before: i64| own_data::list_to_erase(&mut app.database().connect(), before).unwrap().len();
    assert_eq!(unfinished(now.0 + 1), 1);
    let waiting = app.metrics_of_jobs(0, "jobs_waiting").await;
    assert_eq!(waiting[&JobKind::Erasure], 1);
    // The request has a while for doing it by itself.
    app.advance(10 * MINUTE);
    eventually("a node goes on", || async { unfinished(now.0 + 1) == 0 }).await;
    assert!(!bob.get(&format!("/api/v1/conversations/{room}/events")).await.text.contains("half erased"));
    eventually("the job is done", || async {
        app.metrics_of_jobs(0, "jobs_waiting").await[&JobKind::Erasure] == 0
    })
    .await;
    // One that a node of an earlier version left behind has no job until the next cleaning.
    let eve = app.person("eve").await;
    eve.join(room).await;
    eve.send(room, "half erased as well").await;
    parlour_chat::identity::account_erasure::end_person(&mut conn, app.now(), eve.id, "192.0.2.1").unwrap();
    diesel::delete(jobs::table.filter(jobs::kind.eq("erasure"))).execute(&mut conn).unwrap();
    app.advance(HOUR);
    eventually("a node goes on", || async { unfinished(app.now().0) == 0 }).await;
    assert!(!bob.get(&format!("/api/v1/conversations/{room}/events")).await.text.contains("half erased"));
}

async fn long_histories_are_erased_in_steps(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = bob.create_room("tea").await;
    ada.join(room).await;
    // More than one step handles, written as the server itself would.
    let at = parlour_protocol::time::Timestamp(1_767_225_600_000_000);
    let mut conn = app.database().connect();
    let count = 4_500;
    parlour_storage::conversations::advance(&mut conn, &[(room, count)], at.0).unwrap();
    let first = bob.api.show_conversation(room).await.unwrap().head - count + 1;
    let rows: Vec<EventRow> = (first..first + count)
        .map(|seq| {
            let body = Some("words of a long life".to_owned());
            let cid = format!("cid-{seq:08}");
            EventRow::new(
                room,
                seq,
                at,
                &Change::MessageCreated {
                    author: ada.id,
                    cid,
                    body,
                    reply_to: None,
                    reply_author: None,
                    mentions: None,
                },
            )
        })
        .collect();
    for some in rows.chunks(500) {
        parlour_storage::events::insert_messages(&mut conn, some.to_vec()).unwrap();
    }
    drop(conn);
    let receipt = ada.call(Method::DELETE, ACCOUNT, password()).await.expect(200);
    assert_eq!(
        (&receipt["erased"]["messages"], &receipt["erased"]["conversations"]),
        (&json!(count), &json!(1))
    );
    assert!(!dump(&app).contains("words of a long life"));
    let page = bob
        .api
        .list_events(room, &ListEvents { after: Some(first + count - 1), limit: Some(200) })
        .await
        .unwrap();
    let changes: Vec<Change> = page.items.into_iter().map(|event| event.change).collect();
    let erased = Change::AuthorErased { author: ada.id };
    assert_eq!(changes, [erased.clone(), erased.clone(), erased, Change::MemberLeft { user: ada.id }]);
}
