//! Unread messages, and those of them that mention the reader: counters go down as they go up, and count what can be
//! read.

use std::collections::BTreeSet;

use fastrand::Rng;
use parlour_client::native::fresh_cid;
use parlour_client::operations::{ListEvents, ListNotifications, MessagesAt};
use parlour_protocol::accounts::UpdateAccount;
use parlour_protocol::conversations::MarkRead;
use parlour_protocol::events::{Change, UserChange};
use parlour_protocol::ids::{ConversationId, Seq};
use parlour_protocol::messages::{EditMessage, Mention, Message, SendMessage};
use parlour_protocol::notifications::NotificationKind;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::time::{MINUTE, SECOND};
use reqwest::Method;
use system_tests::{App, Person, Refusal, on_all_backends};

on_all_backends!(
    what_is_deleted_is_not_unread,
    people_who_write_have_read_what_stands_above,
    people_who_are_blocked_do_not_count,
    edits_call_people_and_let_them_go,
    a_mention_means_the_account,
    an_answer_tells_whom_it_answers,
    administrators_delete_in_rooms_and_nowhere_else,
    counters_equal_what_can_be_read,
);

/// Unread, mentions, and unread notifications.
async fn counts(person: &Person, conversation: ConversationId) -> (i64, i64, i64) {
    let entry = person.api.show_conversation(conversation).await.unwrap();
    let news = person
        .api
        .list_notifications(&ListNotifications { limit: Some(100), ..Default::default() })
        .await
        .unwrap();
    assert_eq!(
        news.items.iter().filter(|one| !one.read).count() as i64,
        news.unread,
        "what is counted is listed"
    );
    (entry.unread, entry.mentions, news.unread)
}

async fn block(person: &Person, whom: &Person, on: bool) {
    let method = if on { Method::PUT } else { Method::DELETE };
    let reply = person.call(method, &format!("/api/v1/blocks/{}", whom.id), None).await;
    assert!(reply.status.is_success(), "{}", reply.text);
}

async fn answer(person: &Person, conversation: ConversationId, body: &str, target: Seq) -> Seq {
    let message = SendMessage { body: body.into(), reply_to: Some(target) };
    person.api.send_message(conversation, &fresh_cid(), &message).await.unwrap().seq
}

async fn message(person: &Person, conversation: ConversationId, seq: Seq) -> Message {
    let page = person.api.list_messages(conversation, &MessagesAt::Around(seq).limit(1)).await.unwrap();
    page.items.into_iter().find(|one| one.seq == seq).unwrap()
}

async fn what_is_deleted_is_not_unread(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    let mut socket = bob.socket_on(&[room]).await;
    let seq = ada.send(room, "@bob look").await;
    assert_eq!(counts(&bob, room).await, (1, 1, 1));
    ada.api.delete_message(room, seq).await.unwrap();
    assert_eq!(counts(&bob, room).await, (0, 0, 0));
    // Clients receive what they need to count the same.
    socket.expect_user(UserChange::Mentioned { conversation: room, seq, author: ada.id }).await;
    socket.expect_user(UserChange::MentionRemoved { conversation: room, seq }).await;
    socket.expect_event(room, seq).await;
    let event = socket.expect_event(room, seq + 1).await;
    assert_eq!(event.change, Change::MessageDeleted { actor: ada.id, target: seq, author: Some(ada.id) });

    ada.befriend(&bob).await;
    let before = counts(&bob, room).await.2;
    let direct = ada.direct(&bob).await;
    let seq = ada.send(direct, "look").await;
    assert_eq!(counts(&bob, direct).await, (1, 0, before));
    ada.api.delete_message(direct, seq).await.unwrap();
    assert_eq!(counts(&bob, direct).await, (0, 0, before));

    // A deleted room and a deleted account take their unread messages with them.
    app.advance(MINUTE);
    ada.send(room, "@bob once more").await;
    ada.api.delete_room(room).await.unwrap();
    let carol = app.person("carol").await;
    let other = bob.create_room("coffee").await;
    carol.join(other).await;
    carol.send(other, "@bob hello").await;
    assert_eq!(counts(&bob, other).await, (1, 1, before + 1));
    carol
        .call(
            Method::DELETE,
            "/api/v1/account",
            Some(serde_json::json!({"password": "correct horse battery"})),
        )
        .await
        .expect(200);
    assert_eq!(counts(&bob, other).await, (0, 0, before));
}

async fn people_who_write_have_read_what_stands_above(app: App) {
    let (ada, bob) = app.friends("ada", "bob").await;
    let direct = ada.direct(&bob).await;
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    for conversation in [direct, room] {
        ada.send(conversation, "are you there?").await;
        ada.send(conversation, "hello?").await;
        assert_eq!(counts(&bob, conversation).await.0, 2);
        let own = bob.send(conversation, "yes").await;
        // At once, on every node.
        for device in [&bob.elsewhere(), &bob] {
            let entry = device.api.show_conversation(conversation).await.unwrap();
            assert_eq!((entry.head, entry.unread, entry.read_seq), (own, 0, own));
        }
        // What comes afterwards is unread, and nobody else's marker has moved.
        ada.send(conversation, "good").await;
        assert_eq!(counts(&bob, conversation).await.0, 1);
        // Repeating the same message moves nothing: it keeps its position.
        let cid = fresh_cid();
        let message = SendMessage { body: "again".into(), reply_to: None };
        let first = bob.api.send_message(conversation, &cid, &message).await.unwrap();
        ada.send(conversation, "and now?").await;
        let second = bob.api.send_message(conversation, &cid, &message).await.unwrap();
        assert_eq!((second.seq, second.duplicate), (first.seq, true));
        assert_eq!(counts(&bob, conversation).await.0, 1);
    }
    // A refused message does not move the marker.
    ada.send(direct, "one more").await;
    assert_eq!(counts(&bob, direct).await.0, 2);
    ada.api.delete_friend(bob.id).await.unwrap();
    let message = SendMessage { body: "too late".into(), reply_to: None };
    bob.api.send_message(direct, &fresh_cid(), &message).await.unwrap_err();
    assert_eq!(counts(&bob, direct).await.0, 2);
}

async fn people_who_are_blocked_do_not_count(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    let mine = bob.send(room, "hi").await;
    ada.send(room, "@bob look").await;
    app.advance(MINUTE);
    answer(&ada, room, "and look here", mine).await;
    assert_eq!(counts(&bob, room).await, (2, 2, 2));
    block(&bob, &ada, true).await;
    assert_eq!(counts(&bob, room).await, (0, 0, 0));
    app.advance(MINUTE);
    let seq = ada.send(room, "@bob why?").await;
    assert_eq!(counts(&bob, room).await, (0, 0, 0));
    // Blocking is silent: everyone else sees whom the message mentions.
    let mentions = message(&ada, room, seq).await.mentions;
    assert_eq!(mentions, Some(vec![Mention { user: bob.id, handle: "bob".into() }]));
    block(&bob, &ada, false).await;
    assert_eq!(counts(&bob, room).await, (3, 2, 2), "what was said to nobody stays so");
}

async fn edits_call_people_and_let_them_go(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    let seq = ada.send(room, "look").await;
    assert_eq!(counts(&bob, room).await, (1, 0, 0));
    ada.api.edit_message(room, seq, &EditMessage { body: "look @bob".into() }).await.unwrap();
    assert_eq!(counts(&bob, room).await, (1, 1, 1));
    ada.api.edit_message(room, seq, &EditMessage { body: "look, @bob".into() }).await.unwrap();
    assert_eq!(counts(&bob, room).await, (1, 1, 1), "once");
    ada.api.edit_message(room, seq, &EditMessage { body: "look `@bob`".into() }).await.unwrap();
    assert_eq!(counts(&bob, room).await, (1, 0, 0));
}

async fn a_mention_means_the_account(app: App) {
    let (ada, bob, carol) = (app.person("ada").await, app.person("bob").await, app.person("carol").await);
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    carol.join(room).await;
    let seq = ada.send(room, "@Bob, ask @nobody, @dora and @ada; `@carol`").await;
    let means = |people: &[(&Person, &str)]| {
        let mention =
            |(person, handle): &(&Person, &str)| Mention { user: person.id, handle: (*handle).into() };
        Some(people.iter().map(mention).collect::<BTreeSet<_>>())
    };
    let meant = async |seq| message(&ada, room, seq).await.mentions.map(BTreeSet::from_iter);
    assert_eq!(meant(seq).await, means(&[(&bob, "bob"), (&ada, "ada")]));
    let rename = |handle: &str| UpdateAccount { handle: Some(handle.into()), ..Default::default() };
    bob.api.update_account(&rename("robert")).await.unwrap();
    carol.api.update_account(&rename("bob")).await.unwrap();
    assert_eq!(
        meant(seq).await,
        means(&[(&bob, "bob"), (&ada, "ada")]),
        "the old one means the first account"
    );
    let events = carol
        .api
        .list_events(room, &ListEvents { after: Some(seq - 1), limit: Some(1) })
        .await
        .unwrap()
        .items;
    let Change::MessageCreated { mentions, .. } = &events[0].change else { panic!("{events:?}") };
    assert_eq!(mentions.clone().map(BTreeSet::from_iter), means(&[(&bob, "bob"), (&ada, "ada")]));
    // Also when the text around it changes; a new mention means the new account.
    ada.api.edit_message(room, seq, &EditMessage { body: "@bob, please ask @robert".into() }).await.unwrap();
    assert_eq!(meant(seq).await, means(&[(&bob, "bob"), (&bob, "robert")]));
    let next = ada.send(room, "@bob").await;
    assert_eq!(meant(next).await, means(&[(&carol, "bob")]));
    let news = carol
        .api
        .list_notifications(&ListNotifications { limit: Some(10), ..Default::default() })
        .await
        .unwrap();
    assert_eq!(news.items.iter().filter_map(|one| one.message).collect::<Vec<_>>(), [next]);
    assert_eq!(meant(ada.send(room, "nobody here").await).await, None);
    assert_eq!(meant(ada.send(room, "@nobody here").await).await, means(&[]));
}

async fn an_answer_tells_whom_it_answers(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    let question = bob.send(room, "Tea?").await;
    let mut socket = bob.socket().await;
    let seq = answer(&ada, room, "Yes", question).await;
    socket.expect_user(UserChange::Answered { conversation: room, seq, author: ada.id }).await;
    assert_eq!(counts(&bob, room).await, (1, 1, 1));
    let news = bob
        .api
        .list_notifications(&ListNotifications { limit: Some(10), ..Default::default() })
        .await
        .unwrap();
    let one = &news.items[0];
    assert_eq!((one.kind, one.actor.id, one.message), (NotificationKind::Answered, ada.id, Some(seq)));
    assert_eq!(message(&ada, room, seq).await.reply_author, Some(bob.id));
    app.advance(MINUTE);
    answer(&ada, room, "Yes, @bob", question).await;
    assert_eq!(counts(&bob, room).await, (2, 2, 2), "told once");
    ada.api.delete_message(room, seq).await.unwrap();
    assert_eq!(counts(&bob, room).await, (1, 1, 1));
    // Neither the author, who has read everything by writing, nor anyone who has left.
    answer(&bob, room, "Well", question).await;
    assert_eq!(counts(&bob, room).await, (0, 0, 1));
    bob.api.leave_room(room).await.unwrap();
    app.advance(MINUTE);
    answer(&ada, room, "Where are you?", question).await;
    assert_eq!(
        bob.api
            .list_notifications(&ListNotifications { limit: Some(10), ..Default::default() })
            .await
            .unwrap()
            .unread,
        1
    );
}

async fn administrators_delete_in_rooms_and_nowhere_else(app: App) {
    let (ada, bob) = app.friends("ada", "bob").await;
    let root = app.admin("root").await;
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    let seq = ada.send(room, "@bob rude words").await;
    let another = ada.send(room, "more of them").await;
    bob.api.delete_message(room, seq).await.refused(ErrorCode::Forbidden);
    // In any room, since rooms are public: also where they are not members.
    root.api.delete_message(room, seq).await.unwrap();
    assert_eq!(message(&bob, room, seq).await.body, None);
    assert_eq!(counts(&bob, room).await.1, 0);
    root.join(room).await;
    let command = |id| parlour_protocol::socket::ClientFrame::Delete { id, conversation: room, seq: another };
    root.socket().await.command(command).await.unwrap();
    root.api
        .edit_message(room, another, &EditMessage { body: "kind words".into() })
        .await
        .refused(ErrorCode::Forbidden);
    let direct = ada.direct(&bob).await;
    let seq = ada.send(direct, "a secret").await;
    root.api.delete_message(direct, seq).await.refused(ErrorCode::NotFound);
    root.befriend(&ada).await;
    let own = root.direct(&ada).await;
    let seq = ada.send(own, "hello").await;
    root.api.delete_message(own, seq).await.refused(ErrorCode::Forbidden);
}

/// Random histories: each person's counters equal what they can read and have not read.
async fn counters_equal_what_can_be_read(app: App) {
    let mut people = [app.person("ada").await, app.person("bob").await, app.person("carol").await];
    let room = people[0].create_room("tea").await;
    for person in &people[1..] {
        person.join(room).await;
    }
    let mut random = Rng::with_seed(0x5EED);
    let mut blocks: BTreeSet<(usize, usize)> = BTreeSet::new();
    let mut living: Vec<(usize, Seq)> = Vec::new();
    for step in 0..150 {
        app.advance(11 * SECOND);
        if step % 30 == 29 {
            // Access tokens expire in the meantime.
            for person in &mut people {
                *person = person.other_device().await;
            }
        }
        let who = random.usize(..people.len());
        let person = &people[who];
        let named = people[random.usize(..people.len())].handle.clone();
        let body = match random.usize(..3) {
            0 => format!("@{named} {step}"),
            1 => format!("请@{named}看 `@ada` {step}"),
            _ => format!("nobody {step}"),
        };
        let some = (!living.is_empty()).then(|| living[random.usize(..living.len())]);
        match (random.usize(..10), some) {
            (0..=2, _) | (_, None) => living.push((who, person.send(room, &body).await)),
            (3 | 4, Some((_, target))) => living.push((who, answer(person, room, &body, target).await)),
            (5, Some((author, seq))) => {
                people[author]
                    .api
                    .edit_message(room, seq, &EditMessage { body: body.clone() })
                    .await
                    .unwrap();
            }
            (6, Some((author, seq))) => {
                people[author].api.delete_message(room, seq).await.unwrap();
                living.retain(|(_, other)| *other != seq);
            }
            (7, Some((_, seq))) => drop(person.api.mark_read(room, &MarkRead { seq }).await.unwrap()),
            (8, _) => {
                let other = random.usize(..people.len());
                if other != who && blocks.insert((who, other)) {
                    block(person, &people[other], true).await;
                }
            }
            _ => {
                if let Some((blocker, blocked)) = blocks.pop_first() {
                    block(&people[blocker], &people[blocked], false).await;
                }
            }
        }
        if step % 5 != 0 {
            continue;
        }
        for (index, person) in people.iter().enumerate() {
            let entry = person.api.show_conversation(room).await.unwrap();
            let page =
                person.api.list_messages(room, &MessagesAt::After(entry.read_seq).limit(100)).await.unwrap();
            assert!(!page.newer);
            let blocked = |message: &&Message| {
                let author = people.iter().position(|one| one.id == message.author).unwrap();
                blocks.contains(&(index, author))
            };
            let unread: Vec<&Message> = page
                .items
                .iter()
                .filter(|one| one.author != person.id && one.deleted_at.is_none())
                .filter(|one| !blocked(one))
                .collect();
            let news = person
                .api
                .list_notifications(&ListNotifications { limit: Some(100), ..Default::default() })
                .await
                .unwrap();
            let told: BTreeSet<Seq> = news.items.iter().filter_map(|one| one.message).collect();
            let concerns = |one: &Message| {
                let named = one.mentions.iter().flatten().any(|mention| mention.user == person.id);
                named || one.reply_author == Some(person.id)
            };
            assert_eq!(entry.unread, unread.len() as i64, "step {step}: {}", person.handle);
            // Nobody is told of what somebody wrote while they blocked the author.
            let mentions =
                unread.iter().filter(|one| concerns(one) && told.contains(&one.seq)).count() as i64;
            assert_eq!(entry.mentions, mentions, "step {step}: {}", person.handle);
            for seq in told {
                let of = message(person, room, seq).await;
                assert!(of.body.is_some() && concerns(&of), "step {step}: {of:?}");
            }
        }
    }
}
