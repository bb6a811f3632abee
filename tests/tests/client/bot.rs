//! The example bot answers each message once, whenever it is killed.

use std::path::Path;

use parlour_client::operations::MessagesAt;
use parlour_protocol::ids::{ConversationId, Seq};
use parlour_protocol::messages::Message;
use system_tests::{App, Person, eventually, on_all_backends};

use crate::program::{Program, example};

fn start(app: &App, bot: &Person, file: &Path) -> Program {
    let (url, token) = (app.address(0), bot.api.access_token().unwrap());
    let environment = [("PARLOUR_URL", url.as_str()), ("PARLOUR_TOKEN", token.as_str())];
    Program::start(example("bot"), &[file.to_str().unwrap()], &environment)
}

/// The bot's answers to a message.
async fn answers(reader: &Person, bot: &Person, room: ConversationId, to: Seq) -> Vec<Message> {
    let page = reader.api.list_messages(room, &MessagesAt::Newest.limit(100)).await.unwrap();
    let answers = page.items.into_iter().filter(|one| one.author == bot.id && one.reply_to == Some(to));
    answers.collect()
}

async fn expect_answer(reader: &Person, bot: &Person, room: ConversationId, to: Seq) -> String {
    eventually("the bot answers", async || !answers(reader, bot, room, to).await.is_empty()).await;
    answers(reader, bot, room, to).await.remove(0).body.unwrap()
}

async fn it_answers_once_though_it_is_killed(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let bot = ada.create_bot("dicer").await;
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    bot.join(room).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bot.json");

    // Messages from before its first start are ignored.
    let early = bob.send(room, "!ping").await;
    let mut program = start(&app, &bot, &file);
    eventually("it follows", async || file.exists() && program.complained().contains("connected")).await;
    let mut asked = vec![bob.send(room, "!ping").await, bob.send(room, " !help ").await];
    assert_eq!(expect_answer(&bob, &bot, room, asked[0]).await, "pong");
    assert!(expect_answer(&bob, &bot, room, asked[1]).await.contains("!roll"));
    let before = std::fs::read(&file).unwrap();

    // Killed while it answers, at a different moment each time, and asked while it is down.
    for round in 0..6 {
        let rolled = bob.send(room, "!roll").await;
        if round % 2 == 0 {
            expect_answer(&bob, &bot, room, rolled).await;
        }
        program.kill();
        asked.extend([rolled, bob.send(room, "!roll").await]);
        program = start(&app, &bot, &file);
    }
    for seq in &asked {
        expect_answer(&bob, &bot, room, *seq).await;
    }

    // Killed before it could record any of this: it answers everything again, and nothing is stored twice.
    program.kill();
    std::fs::write(&file, &before).unwrap();
    program = start(&app, &bot, &file);
    let ignored = [bob.send(room, "no command").await, bob.send(room, "!unknown").await];
    let own = bot.send(room, "!ping").await;
    asked.push(bob.send(room, "!ping").await);
    expect_answer(&bob, &bot, room, *asked.last().unwrap()).await;
    for seq in asked {
        let answers = answers(&bob, &bot, room, seq).await;
        assert_eq!(answers.len(), 1, "{seq} is answered by {answers:?}");
    }
    for seq in ignored.into_iter().chain([own, early]) {
        assert_eq!(answers(&bob, &bot, room, seq).await, [], "{seq} asks for nothing");
    }
    assert!(program.complained().contains("connected"));
}

on_all_backends!(it_answers_once_though_it_is_killed);
