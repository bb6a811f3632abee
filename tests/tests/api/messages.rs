//! Sending, editing, deleting, reacting, and marking as read.

use parlour_client::operations::{ListEvents, MessagesAt};
use parlour_protocol::conversations::MarkRead;
use parlour_protocol::events::Change;
use parlour_protocol::ids::ConversationId;
use parlour_protocol::messages::{EditMessage, Message, SendMessage};
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::rooms::UpdateRoom;
use parlour_protocol::socket::ClientFrame;
use parlour_protocol::time::SECOND;
use parlour_storage::reactions::{self, ReactionRow};
use parlour_storage::server_state;
use reqwest::Method;
use serde_json::json;
use system_tests::{App, Person, Refusal, on_all_backends};

on_all_backends!(
    by_position_and_by_client_id,
    sending,
    sending_again,
    many_send_the_same_at_once,
    answering,
    only_messages_are_answered,
    editing,
    deleting,
    reacting,
    an_emoji_is_one_reaction_however_it_is_written,
    reading,
    sending_too_fast with |config| config.sends_per_second = 1,
);

async fn one(person: &Person, conversation: ConversationId, seq: i64) -> Message {
    let page = person.api.list_messages(conversation, &MessagesAt::Around(seq).limit(1)).await.unwrap();
    page.items.into_iter().find(|message| message.seq == seq).expect("the message")
}

fn text(body: &str) -> SendMessage {
    SendMessage { body: body.to_owned(), reply_to: None }
}

/// A position and a client id are two ways to name a message, with separate paths.
async fn by_position_and_by_client_id(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.create_room("tea").await;
    let stored = ada.api.send_message(room, "12345678", &text("hi")).await.unwrap();
    let found = ada.elsewhere().api.show_message(room, stored.seq).await.unwrap();
    assert_eq!((found.seq, found.cid.as_str(), found.body.as_deref()), (stored.seq, "12345678", Some("hi")));
    // Older clients send to the path without `by-cid`: it is the same message.
    let older = format!("/api/v1/conversations/{room}/messages/12345678");
    let again = ada.call(Method::PUT, &older, Some(json!({"body": "hi"}))).await.expect(200);
    assert_eq!((again["seq"].as_i64(), again["duplicate"].as_bool()), (Some(stored.seq), Some(true)));
    // What is not a message is refused here: other events, positions without an event, invalid ids.
    for seq in ["1", "0", "-1", "99", "12345678", "x", "9223372036854775808"] {
        ada.get(&format!("/api/v1/conversations/{room}/messages/{seq}")).await.refused(ErrorCode::NotFound);
    }
    bob.api.show_message(room, stored.seq).await.refused(ErrorCode::NotMember);
    ada.api.delete_message(room, stored.seq).await.unwrap();
    let deleted = ada.api.show_message(room, stored.seq).await.unwrap();
    assert!(deleted.body.is_none() && deleted.deleted_at.is_some());
}

async fn sending(app: App) {
    let ada = app.person("ada").await;
    let room = ada.create_room("tea").await;
    app.advance(SECOND);
    let path = |cid: &str| format!("/api/v1/conversations/{room}/messages/{cid}");
    let stored = ada
        .call(Method::PUT, &path("client-id-1"), Some(json!({"body": " *hi*\n<b>👋</b> "})))
        .await
        .expect(201);
    assert_eq!(stored, json!({"seq": 2, "at": "2026-01-01T00:00:01.000000Z", "duplicate": false}));
    let message = one(&ada, room, 2).await;
    assert_eq!(message.body.as_deref(), Some(" *hi*\n<b>👋</b> "), "the text is kept as it was written");
    assert_eq!((message.author, message.cid.as_str(), message.edited_at), (ada.id, "client-id-1", None));

    ada.send(room, &"ä".repeat(4000)).await;
    for (field, cid, body) in [
        ("body", "client-id-2", "ä".repeat(4001)),
        ("body", "client-id-2", " \n ".to_owned()),
        ("body", "client-id-2", "a\0b".to_owned()),
        ("cid", "short", "hi".to_owned()),
        ("cid", "client.id.2", "hi".to_owned()),
        ("cid", &"c".repeat(65), "hi".to_owned()),
    ] {
        let problem = ada.api.send_message(room, cid, &text(&body)).await.refused(ErrorCode::Invalid);
        assert_eq!(problem.violations[0].field, field);
    }
    ada.api.send_message(ConversationId(1), "client-id-2", &text("hi")).await.refused(ErrorCode::NotFound);
    assert_eq!(ada.send(room, "hi").await, 4, "refused messages burn no position");
}

async fn sending_again(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    let other = ada.create_room("coffee").await;
    let first = ada.send_as(room, "client-id-1", "hi").await;
    app.advance(SECOND);
    for person in [&ada, &ada.elsewhere()] {
        let again = person.send_as(room, "client-id-1", "hi").await;
        assert_eq!((again.seq, again.at, again.duplicate), (first.seq, first.at, true));
        person.api.send_message(room, "client-id-1", &text("ha")).await.refused(ErrorCode::Conflict);
        let answer = SendMessage { body: "hi".into(), reply_to: Some(1) };
        person.api.send_message(room, "client-id-1", &answer).await.refused(ErrorCode::Conflict);
    }
    let path = format!("/api/v1/conversations/{room}/messages/client-id-1");
    ada.call(Method::PUT, &path, Some(json!({"body": "hi"}))).await.expect(200);
    // A client id is scoped to the author and the conversation.
    assert!(!bob.send_as(room, "client-id-1", "hi").await.duplicate);
    assert!(!ada.send_as(other, "client-id-1", "ha").await.duplicate);

    // After an edit or the deletion of the message, its client id still leads to it.
    ada.api.edit_message(room, first.seq, &EditMessage { body: "hello".into() }).await.unwrap();
    assert!(ada.send_as(room, "client-id-1", "hi").await.duplicate);
    ada.api.delete_message(room, first.seq).await.unwrap();
    assert_eq!(ada.send_as(room, "client-id-1", "hi").await.seq, first.seq);
}

async fn many_send_the_same_at_once(app: App) {
    let ada = app.person("ada").await;
    let room = ada.create_room("tea").await;
    let (here, there) = (ada.clone(), ada.elsewhere());
    let sends = (0..20).map(|number| {
        let person = if number % 2 == 0 { &here } else { &there };
        async move { person.send_as(room, "client-id-1", "hi").await }
    });
    let stored = futures_util::future::join_all(sends).await;
    assert!(stored.iter().all(|one| one.seq == 2), "{stored:?}");
    assert_eq!(stored.iter().filter(|one| !one.duplicate).count(), 1);
    assert_eq!(
        ada.api.list_events(room, &ListEvents { after: Some(0), limit: Some(100) }).await.unwrap().head,
        2
    );
}

async fn answering(app: App) {
    let ada = app.person("ada").await;
    let room = ada.create_room("tea").await;
    let question = ada.send(room, "Tea?").await;
    let answer = SendMessage { body: "Yes".into(), reply_to: Some(question) };
    let seq = ada.api.send_message(room, "client-id-1", &answer).await.unwrap().seq;
    assert_eq!(one(&ada, room, seq).await.reply_to, Some(question));
    for target in [0, -1, seq + 1, i64::MAX] {
        let into_nothing = SendMessage { body: "Yes".into(), reply_to: Some(target) };
        let problem =
            ada.api.send_message(room, "client-id-2", &into_nothing).await.refused(ErrorCode::Invalid);
        assert_eq!(problem.violations[0].field, "reply_to");
    }
    assert_eq!(ada.send(room, "next").await, seq + 1);
}

/// A join, an edit, a reaction, a room change, a deletion, and a deleted message.
async fn only_messages_are_answered(app: App) {
    let ada = app.person("ada").await;
    let room = ada.create_room("tea").await;
    let other = ada.create_room("coffee").await;
    let question = ada.send(room, "Tea?").await;
    let deleted = ada.send(room, "Coffee?").await;
    let answer = |target| SendMessage { body: "Yes".into(), reply_to: Some(target) };
    let early = ada.api.send_message(room, "client-id-1", &answer(deleted)).await.unwrap();
    ada.api.edit_message(room, question, &EditMessage { body: "Green tea?".into() }).await.unwrap();
    ada.api.add_reaction(room, question, "👍").await.unwrap();
    ada.api.delete_reaction(room, question, "👍").await.unwrap();
    ada.api.update_room(room, &UpdateRoom { topic: Some("tea".into()), ..Default::default() }).await.unwrap();
    ada.api.delete_message(room, deleted).await.unwrap();
    let head =
        ada.api.list_events(room, &ListEvents { after: Some(0), limit: Some(100) }).await.unwrap().head;
    ada.send(other, "Milk?").await;

    let mut socket = ada.socket().await;
    for target in (0..=head + 1).filter(|target| ![question, early.seq].contains(target)) {
        let problem =
            ada.api.send_message(room, "client-id-2", &answer(target)).await.refused(ErrorCode::Invalid);
        assert_eq!(problem.violations[0].field, "reply_to", "{target}");
        let command = |id| ClientFrame::Send {
            id,
            conversation: room,
            cid: "client-id-2".into(),
            body: "Yes".into(),
            reply_to: Some(target),
        };
        assert_eq!(socket.command(command).await.unwrap_err().code, ErrorCode::Invalid, "{target}");
    }
    assert_eq!(
        ada.send_as(room, "client-id-2", "Yes").await.seq,
        head + 1,
        "refused messages burn no position"
    );

    // A message that was stored stays stored, whatever happens to the one it replies to.
    let again = ada.api.send_message(room, "client-id-1", &answer(deleted)).await.unwrap();
    assert_eq!((again.seq, again.duplicate), (early.seq, true));
    ada.api.send_message(room, "client-id-2", &answer(deleted)).await.refused(ErrorCode::Conflict);
}

async fn editing(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    let seq = bob.send(room, "helo").await;
    app.advance(SECOND);
    let stored = bob.api.edit_message(room, seq, &EditMessage { body: "hello".into() }).await.unwrap();
    assert_eq!((stored.seq, stored.duplicate), (seq + 1, false));
    let message = one(&ada, room, seq).await;
    assert_eq!((message.body.as_deref(), message.edited_at), (Some("hello"), Some(stored.at)));
    assert!(
        bob.elsewhere()
            .api
            .edit_message(room, seq, &EditMessage { body: "hello".into() })
            .await
            .unwrap()
            .duplicate
    );

    ada.api.edit_message(room, seq, &EditMessage { body: "ha".into() }).await.refused(ErrorCode::Forbidden);
    bob.api.edit_message(room, seq, &EditMessage { body: "  ".into() }).await.refused(ErrorCode::Invalid);
    bob.api
        .edit_message(room, seq, &EditMessage { body: "x".repeat(4001) })
        .await
        .refused(ErrorCode::Invalid);
    for missing in [0, 1, stored.seq, 99] {
        bob.api
            .edit_message(room, missing, &EditMessage { body: "ha".into() })
            .await
            .refused(ErrorCode::NotFound);
    }
    bob.api.delete_message(room, seq).await.unwrap();
    bob.api.edit_message(room, seq, &EditMessage { body: "ha".into() }).await.refused(ErrorCode::Gone);
}

async fn deleting(app: App) {
    let (ada, bob, carol) = (app.person("ada").await, app.person("bob").await, app.person("carol").await);
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    carol.join(room).await;
    let seq = bob.send(room, "a secret").await;
    bob.api.edit_message(room, seq, &EditMessage { body: "a better secret".into() }).await.unwrap();
    carol.api.add_reaction(room, seq, "👍").await.unwrap();
    carol.api.delete_message(room, seq).await.refused(ErrorCode::Forbidden);
    bob.api.delete_message(room, 99).await.refused(ErrorCode::NotFound);
    app.advance(SECOND);
    let stored = bob.api.delete_message(room, seq).await.unwrap();
    assert!(bob.elsewhere().api.delete_message(room, seq).await.unwrap().duplicate);
    bob.api.add_reaction(room, seq, "👍").await.refused(ErrorCode::Gone);

    let message = one(&ada, room, seq).await;
    assert_eq!((message.body, message.deleted_at, message.reactions), (None, Some(stored.at), vec![]));
    let log = ada.api.list_events(room, &ListEvents { after: Some(0), limit: Some(100) }).await.unwrap();
    assert!(log.items.iter().map(|event| event.seq).eq(1..=log.head), "the log stays without holes");
    let words = serde_json::to_string(&log).unwrap();
    assert!(!words.contains("secret"), "the words are gone everywhere: {words}");

    let another = bob.send(room, "hi").await;
    ada.api.delete_message(room, another).await.unwrap();
    assert!(one(&bob, room, another).await.deleted_at.is_some(), "owners may delete others' messages");
}

async fn reacting(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    let seq = ada.send(room, "hi").await;
    let added = bob.api.add_reaction(room, seq, "👍").await.unwrap();
    assert_eq!((added.seq, added.duplicate), (seq + 1, false));
    assert!(bob.elsewhere().api.add_reaction(room, seq, "👍").await.unwrap().duplicate);
    ada.api.add_reaction(room, seq, "👍").await.unwrap();
    ada.api.add_reaction(room, seq, "👩‍👩‍👧").await.unwrap();
    let reactions = one(&ada, room, seq).await.reactions;
    let seen: Vec<_> =
        reactions.iter().map(|reaction| (reaction.emoji.as_str(), reaction.users.clone())).collect();
    assert_eq!(seen, [("👍", vec![bob.id, ada.id]), ("👩‍👩‍👧", vec![ada.id])]);

    assert!(!bob.api.delete_reaction(room, seq, "👍").await.unwrap().duplicate);
    assert!(bob.api.delete_reaction(room, seq, "👍").await.unwrap().duplicate);
    assert_eq!(one(&ada, room, seq).await.reactions[0].users, [ada.id]);
    for bad in ["a", "<b>", "👍 👍", "1"] {
        ada.api.add_reaction(room, seq, bad).await.refused(ErrorCode::Invalid);
    }
    ada.api.add_reaction(room, 1, "👍").await.refused(ErrorCode::NotFound);

    for emoji in (0..18).map(|number| char::from_u32(0x1F600 + number).unwrap().to_string()) {
        ada.api.add_reaction(room, seq, &emoji).await.unwrap();
    }
    ada.api.add_reaction(room, seq, "🐈").await.refused(ErrorCode::LimitReached);
    bob.api.add_reaction(room, seq, "👍").await.unwrap();
}

async fn an_emoji_is_one_reaction_however_it_is_written(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    let seq = ada.send(room, "hi").await;
    let mut socket = ada.socket_on(&[room]).await;
    ada.api.add_reaction(room, seq, "❤").await.unwrap();
    bob.api.add_reaction(room, seq, "❤️").await.unwrap();
    assert!(bob.api.add_reaction(room, seq, "❤").await.unwrap().duplicate);
    let reactions = one(&ada, room, seq).await.reactions;
    assert_eq!(reactions.len(), 1, "{reactions:?}");
    assert_eq!((reactions[0].emoji.as_str(), reactions[0].users.as_slice()), ("❤️", &[ada.id, bob.id][..]));
    for user in [ada.id, bob.id] {
        let change = socket.event().await.change;
        assert_eq!(change, Change::ReactionAdded { user, target: seq, emoji: "❤️".into() });
    }
    assert!(!ada.api.delete_reaction(room, seq, "❤️").await.unwrap().duplicate);
    assert!(!bob.api.delete_reaction(room, seq, "❤").await.unwrap().duplicate);
    assert!(one(&ada, room, seq).await.reactions.is_empty());

    for good in ["ℹ️", "ℹ", "1️⃣", "🇩🇪", "👍🏽", "🏳️‍⚧️"] {
        ada.api.add_reaction(room, seq, good).await.unwrap();
    }
    assert_eq!(one(&ada, room, seq).await.reactions.len(), 5);
    for bad in ["—", "★", "…", "👍👍", "ℹ️a", "\u{FE0F}"] {
        let problem = ada.api.add_reaction(room, seq, bad).await.refused(ErrorCode::Invalid);
        assert_eq!(problem.violations[0].field, "emoji", "{bad}");
        assert!(
            ada.api.delete_reaction(room, seq, bad).await.unwrap().duplicate,
            "there is nothing to take back"
        );
    }

    // Reactions stored by an earlier version are the same emoji, too.
    let mut conn = app.database().connect();
    for (emoji, user) in [("❤", ada.id), ("❤", bob.id), ("❤️", bob.id), ("—", ada.id)] {
        let row =
            ReactionRow { conversation_id: room, seq, emoji: emoji.into(), user_id: user, event_seq: 1 };
        reactions::insert(&mut conn, &row).unwrap();
    }
    server_state::replace(&mut conn, "reaction_emoji", "0").unwrap();
    parlour_chat::reactions::renew_emoji(&mut conn).unwrap();
    let reactions = reactions::list(&mut conn, room, &[seq]).unwrap().remove(&seq).unwrap();
    let users = |emoji: &str| reactions.iter().find(|one| one.emoji == emoji).map(|one| one.users.len());
    assert_eq!((users("❤️"), users("❤"), users("—")), (Some(2), None, Some(1)));
    assert!(!ada.api.delete_reaction(room, seq, "—").await.unwrap().duplicate, "it can be taken back");
}

async fn reading(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    for number in 0..3 {
        ada.send(room, &format!("message {number}")).await;
    }
    let unread = || async { bob.api.show_conversation(room).await.unwrap().unread };
    assert_eq!(unread().await, 3);
    assert_eq!(bob.api.mark_read(room, &MarkRead { seq: 4 }).await.unwrap().seq, 4);
    assert_eq!(unread().await, 1);
    assert_eq!(
        bob.elsewhere().api.mark_read(room, &MarkRead { seq: 3 }).await.unwrap().seq,
        4,
        "it never moves back"
    );
    assert_eq!(bob.api.mark_read(room, &MarkRead { seq: 999 }).await.unwrap().seq, 5, "nor beyond the head");
    assert_eq!(unread().await, 0);
    let events = ada.api.list_events(room, &ListEvents { after: Some(5), limit: Some(10) }).await.unwrap();
    assert!(events.items.is_empty(), "markers are nobody else's business");
    assert!(matches!(
        bob.api.list_events(room, &ListEvents { after: Some(0), limit: Some(1) }).await.unwrap().items[0]
            .change,
        Change::MemberJoined { .. }
    ));
}

async fn sending_too_fast(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    let sends = (0..10).map(|number| {
        let (api, cid) = (ada.api.clone(), format!("client-id-{number}"));
        async move { api.send_message(room, &cid, &text("hi")).await }
    });
    let answers = futures_util::future::join_all(sends).await;
    let refused: Vec<_> = answers.into_iter().filter_map(Result::err).collect();
    assert!(refused.len() >= 5, "{refused:?}");
    for error in refused {
        assert!(
            Err::<(), _>(error).refused(ErrorCode::RateLimited).retry_after_ms.is_some_and(|wait| wait > 0)
        );
    }
    bob.send(room, "others are not concerned").await;
}
