//! Commands and their REST twins: the same effect, the same responses, the same refusals.

use parlour_client::operations::{ListConversations, ListEvents};
use parlour_protocol::conversations::MarkRead;
use parlour_protocol::events::{Change, Ephemeral};
use parlour_protocol::ids::ConversationId;
use parlour_protocol::messages::{EditMessage, SendMessage};
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::socket::{ClientFrame, EffectOutcome};
use parlour_protocol::time::SECOND;
use system_tests::{App, Refusal, on_all_backends};

on_all_backends!(
    sending,
    sending_again_anywhere,
    refused_sends,
    editing_deleting_and_reacting,
    reading,
    many_read_at_once,
    paging_the_log,
    too_many_commands with |config| config.sends_per_second = 1,
);

async fn sending(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    let (mut hers, mut his) = (ada.socket_on(&[room]).await, bob.socket_on(&[room]).await);
    app.advance(SECOND);
    let ok = hers.send(room, "client-id-1", "hi").await.unwrap();
    assert_eq!((ok.conversation, ok.seq, ok.duplicate), (Some(room), Some(3), Some(false)));
    for socket in [&mut hers, &mut his] {
        let event = socket.expect_event(room, 3).await;
        assert_eq!(Some(event.at), ok.at);
        let expected = Change::MessageCreated {
            author: ada.id,
            cid: "client-id-1".into(),
            body: Some("hi".into()),
            reply_to: None,
            reply_author: None,
            mentions: None,
        };
        assert_eq!(event.change, expected);
        socket.expect_nothing().await;
    }
    let answer = ClientFrame::Send {
        id: 77,
        conversation: room,
        cid: "client-id-2".into(),
        body: "hi yourself".into(),
        reply_to: Some(3),
    };
    his.post(|_| answer).await;
    assert_eq!(his.answer(77).await.unwrap().seq, Some(4));
    let event = hers.expect_event(room, 4).await;
    assert!(matches!(event.change, Change::MessageCreated { reply_to: Some(3), .. }));
}

async fn sending_again_anywhere(app: App) {
    let ada = app.person("ada").await;
    let room = ada.create_room("tea").await;
    let mut here = ada.socket_on(&[room]).await;
    let mut there = ada.elsewhere().socket_on(&[room]).await;
    let first = here.send(room, "client-id-1", "hi").await.unwrap();
    for socket in [&mut here, &mut there] {
        let again = socket.send(room, "client-id-1", "hi").await.unwrap();
        assert_eq!((again.seq, again.at, again.duplicate), (first.seq, first.at, Some(true)));
        let other = socket.send(room, "client-id-1", "ha").await.unwrap_err();
        assert_eq!(
            (other.code, other.retry, other.outcome),
            (ErrorCode::Conflict, false, EffectOutcome::None)
        );
    }
    for person in [&ada, &ada.elsewhere()] {
        let again = person.send_as(room, "client-id-1", "hi").await;
        assert_eq!((Some(again.seq), again.duplicate), (first.seq, true));
        let message = SendMessage { body: "ha".into(), reply_to: None };
        person.api.send_message(room, "client-id-1", &message).await.refused(ErrorCode::Conflict);
    }
    // And the other way round.
    let by_rest = ada.send_as(room, "client-id-2", "hi").await;
    let again = there.send(room, "client-id-2", "hi").await.unwrap();
    assert_eq!((again.seq, again.duplicate), (Some(by_rest.seq), Some(true)));
    for socket in [&mut here, &mut there] {
        socket.expect_event(room, 2).await;
        socket.expect_event(room, 3).await;
        socket.expect_no_event().await;
    }
}

async fn refused_sends(app: App) {
    let (ada, bob) = app.friends("ada", "bob").await;
    let eve = app.person("eve").await;
    let (room, direct) = (ada.create_room("tea").await, ada.direct(&bob).await);
    let mut socket = eve.socket().await;
    for (conversation, cid, body, code) in [
        (room, "client-id-1", "hi", ErrorCode::NotMember),
        (direct, "client-id-1", "hi", ErrorCode::NotFound),
        (ConversationId(1), "client-id-1", "hi", ErrorCode::NotFound),
        (room, "short", "hi", ErrorCode::Invalid),
        (room, "client-id-1", "  ", ErrorCode::Invalid),
    ] {
        let error = socket.send(conversation, cid, body).await.unwrap_err();
        assert_eq!((error.code, error.retry, error.outcome), (code, false, EffectOutcome::None));
        // The REST twin responds the same.
        let message = SendMessage { body: body.to_owned(), reply_to: None };
        eve.api.send_message(conversation, cid, &message).await.refused(code);
    }
    socket.expect_nothing().await;
    assert_eq!(ada.send(room, "hi").await, 2, "refused sends burn no position");
}

async fn editing_deleting_and_reacting(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    let (mut hers, mut his) = (ada.socket_on(&[room]).await, bob.socket_on(&[room]).await);
    let conversation = room;
    assert_eq!(ada.send(room, "helo").await, 3);

    let edit = |body: &str| {
        let body = body.to_owned();
        move |id| ClientFrame::Edit { id, conversation, seq: 3, body }
    };
    assert_eq!(hers.command(edit("hello")).await.unwrap().seq, Some(4));
    assert_eq!(hers.command(edit("hello")).await.unwrap().duplicate, Some(true));
    assert!(
        ada.elsewhere()
            .api
            .edit_message(room, 3, &EditMessage { body: "hello".into() })
            .await
            .unwrap()
            .duplicate
    );
    assert_eq!(his.command(edit("ha")).await.unwrap_err().code, ErrorCode::Forbidden);
    bob.api.edit_message(room, 3, &EditMessage { body: "ha".into() }).await.refused(ErrorCode::Forbidden);

    let react =
        |on: bool| move |id| ClientFrame::React { id, conversation, seq: 3, emoji: "👍".into(), on };
    assert_eq!(his.command(react(true)).await.unwrap().seq, Some(5));
    assert_eq!(his.command(react(true)).await.unwrap().duplicate, Some(true));
    assert!(bob.elsewhere().api.add_reaction(room, 3, "👍").await.unwrap().duplicate);
    assert_eq!(bob.api.delete_reaction(room, 3, "👍").await.unwrap().seq, 6);
    assert_eq!(his.command(react(false)).await.unwrap().duplicate, Some(true));
    let bad =
        his.command(|id| ClientFrame::React { id, conversation, seq: 3, emoji: "x".into(), on: true }).await;
    assert_eq!(bad.unwrap_err().code, ErrorCode::Invalid);

    let delete = |id| ClientFrame::Delete { id, conversation, seq: 3 };
    assert_eq!(his.command(delete).await.unwrap_err().code, ErrorCode::Forbidden);
    assert_eq!(hers.command(delete).await.unwrap().seq, Some(7));
    assert_eq!(hers.command(delete).await.unwrap().duplicate, Some(true));
    assert!(ada.elsewhere().api.delete_message(room, 3).await.unwrap().duplicate);
    assert_eq!(hers.command(edit("again")).await.unwrap_err().code, ErrorCode::Gone);
    assert_eq!(his.command(react(true)).await.unwrap_err().code, ErrorCode::Gone);
    let nothing = hers.command(|id| ClientFrame::Delete { id, conversation, seq: 99 }).await;
    assert_eq!(nothing.unwrap_err().code, ErrorCode::NotFound);

    for socket in [&mut hers, &mut his] {
        let changes = [
            None,
            Some(Change::MessageEdited {
                author: ada.id,
                target: 3,
                body: Some("hello".into()),
                mentions: None,
            }),
            Some(Change::ReactionAdded { user: bob.id, target: 3, emoji: "👍".into() }),
            Some(Change::ReactionRemoved { user: bob.id, target: 3, emoji: "👍".into() }),
            Some(Change::MessageDeleted { actor: ada.id, target: 3, author: Some(ada.id) }),
        ];
        for (seq, change) in (3..).zip(changes) {
            let event = socket.expect_event(room, seq).await;
            assert!(change.is_none_or(|change| change == event.change), "{event:?}");
        }
        socket.expect_nothing().await;
    }
}

async fn reading(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    let device = bob.other_device().await.elsewhere();
    let (mut socket, mut other) = (bob.socket_on(&[room]).await, device.socket().await);
    for _ in 0..3 {
        ada.send(room, "hi").await;
    }
    // A message from the other device arrives after the notice that somebody is connected.
    let written = device.send(room, "from there").await;
    while socket.event_with_text().await.1.seq < written {}
    let read = |seq| move |id| ClientFrame::Read { id, conversation: room, seq };
    let told = |seq| Ephemeral::Read { conversation: room, seq };

    ada.send(room, "one").await;
    ada.send(room, "two").await;
    ada.send(room, "three").await;
    while socket.event_with_text().await.1.seq < written + 3 {}
    assert_eq!(socket.command(read(written + 2)).await.unwrap().seq, Some(written + 2));
    assert_eq!(other.ephemeral().await, told(written + 2));
    assert_eq!(socket.command(read(3)).await.unwrap().seq, Some(written + 2), "it never moves back");
    assert_eq!(
        bob.api.mark_read(room, &MarkRead { seq: 999 }).await.unwrap().seq,
        written + 3,
        "nor beyond the head"
    );
    assert_eq!(socket.ephemeral().await, told(written + 3), "also what no socket said");
    assert_eq!(other.ephemeral().await, told(written + 3));
    assert_eq!(
        other.command(read(1)).await.unwrap().seq,
        Some(written + 3),
        "it was stored before it was told"
    );
    socket.expect_nothing().await;

    let mut later = app.socket(0).await;
    let started = later.start(bob.start()).await.unwrap();
    assert_eq!(started.conversations.unwrap()[&room].read_seq, Some(written + 3));
    let entry = bob.api.list_conversations(&ListConversations::default()).await.unwrap().items.remove(0);
    assert_eq!((entry.read_seq, entry.unread), (written + 3, 0));

    let eve = app.person("eve").await;
    let mut outside = eve.socket().await;
    assert_eq!(outside.command(read(1)).await.unwrap_err().code, ErrorCode::NotMember);
    let nowhere = |id| ClientFrame::Read { id, conversation: ConversationId(1), seq: 1 };
    assert_eq!(outside.command(nowhere).await.unwrap_err().code, ErrorCode::NotFound);
}

/// Many markers of many people are stored together, and each gets its own response.
async fn many_read_at_once(app: App) {
    let ada = app.person("ada").await;
    let rooms = [ada.create_room("tea").await, ada.create_room("coffee").await];
    let mut sockets = Vec::new();
    for name in ["bob", "carl", "dora", "emil"] {
        let person = app.person(name).await;
        person.join(rooms[0]).await;
        sockets.push(person.socket().await);
    }
    let mut last = 0;
    for _ in 0..3 {
        last = ada.send(rooms[0], "hi").await;
    }
    let mut asked = Vec::new();
    for socket in &mut sockets {
        let mut ids = Vec::new();
        for seq in [last, last - 1, last - 2] {
            for conversation in rooms {
                ids.push(socket.post(|id| ClientFrame::Read { id, conversation, seq }).await);
            }
        }
        asked.push(ids);
    }
    for (socket, ids) in sockets.iter_mut().zip(asked) {
        let mut outcomes = Vec::new();
        for id in ids {
            outcomes.push(socket.answer(id).await);
        }
        let good: Vec<_> = outcomes.iter().filter_map(|one| one.as_ref().ok()).collect();
        assert_eq!(good.len(), 3);
        assert!(good.iter().all(|ok| (ok.conversation, ok.seq) == (Some(rooms[0]), Some(last))), "{good:?}");
        let refused = outcomes.iter().filter_map(|one| one.as_ref().err());
        assert!(
            refused.clone().count() == 3 && refused.into_iter().all(|one| one.code == ErrorCode::NotMember)
        );
    }
}

async fn paging_the_log(app: App) {
    let (ada, eve) = (app.person("ada").await, app.person("eve").await);
    let room = ada.create_room("tea").await;
    for _ in 0..5 {
        ada.send(room, "hi").await;
    }
    let mut socket = ada.elsewhere().socket().await;
    let sync = |after, limit| move |id| ClientFrame::Sync { id, conversation: room, after, limit };
    let page = socket.command(sync(2, Some(3))).await.unwrap();
    let events = page.events.unwrap();
    assert_eq!(
        (page.head, events.iter().map(|event| event.seq).collect::<Vec<_>>()),
        (Some(6), vec![3, 4, 5])
    );
    assert_eq!(
        events,
        ada.api.list_events(room, &ListEvents { after: Some(2), limit: Some(3) }).await.unwrap().items,
        "the same as over REST"
    );
    assert_eq!(socket.command(sync(6, None)).await.unwrap().events, Some(vec![]));
    assert_eq!(eve.socket().await.command(sync(0, None)).await.unwrap_err().code, ErrorCode::NotMember);
}

async fn too_many_commands(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let mut socket = ada.socket().await;
    let mut ids = Vec::new();
    for _ in 0..80 {
        ids.push(socket.post(|id| ClientFrame::Ping { id }).await);
    }
    let mut refused = 0;
    for id in ids {
        if let Err(error) = socket.answer(id).await {
            assert_eq!((error.code, error.retry), (ErrorCode::RateLimited, true));
            assert!(error.retry_after_ms.is_some_and(|wait| wait > 0));
            refused += 1;
        }
    }
    assert!(refused > 5, "{refused}");
    bob.socket().await.expect_nothing().await;
    // A client that continues all the same is cut off, and may come back.
    for _ in 0..120 {
        socket.post(|id| ClientFrame::Ping { id }).await;
    }
    socket.expect_close(parlour_protocol::socket::CloseCode::RateLimited.code()).await;
}
