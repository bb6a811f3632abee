//! Commands and their REST twins: the same effect, the same answers, the same refusals.

use parlour_protocol::ids::ConversationId;
use parlour_protocol::messages::SendMessage;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::socket::{Change, ClientFrame, EffectOutcome};
use parlour_protocol::time::SECOND;
use system_tests::{App, Refusal, on_all_backends};

on_all_backends!(
    sending,
    sending_again_anywhere,
    refused_sends,
    editing_deleting_and_reacting,
    reading,
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
        // The REST twin says the same.
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
    assert!(ada.elsewhere().api.edit_message(room, 3, "hello").await.unwrap().duplicate);
    assert_eq!(his.command(edit("ha")).await.unwrap_err().code, ErrorCode::Forbidden);
    bob.api.edit_message(room, 3, "ha").await.refused(ErrorCode::Forbidden);

    let react =
        |on: bool| move |id| ClientFrame::React { id, conversation, seq: 3, emoji: "👍".into(), on };
    assert_eq!(his.command(react(true)).await.unwrap().seq, Some(5));
    assert_eq!(his.command(react(true)).await.unwrap().duplicate, Some(true));
    assert!(bob.elsewhere().api.react(room, 3, "👍", true).await.unwrap().duplicate);
    assert_eq!(bob.api.react(room, 3, "👍", false).await.unwrap().seq, 6);
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
    let (mut socket, mut other) = (bob.socket().await, bob.other_device().await.elsewhere().socket().await);
    for _ in 0..3 {
        ada.send(room, "hi").await;
    }
    let read = |seq| move |id| ClientFrame::Read { id, conversation: room, seq };
    assert_eq!(socket.command(read(4)).await.unwrap().seq, Some(4));
    assert_eq!(socket.command(read(3)).await.unwrap().seq, Some(4), "it never moves back");
    assert_eq!(bob.api.mark_read(room, 5).await.unwrap().seq, 5);
    let elsewhere = other.command(read(1)).await.unwrap();
    assert_eq!(elsewhere.seq, Some(5));
    for socket in [&mut socket, &mut other] {
        for seq in [4, 5] {
            let moved = parlour_protocol::socket::UserChange::ReadMoved { conversation: room, seq };
            socket.expect_user(moved).await;
        }
    }
    assert_eq!(ada.socket().await.command(read(999)).await.unwrap().seq, Some(5), "nor beyond the head");
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
    assert_eq!(events, ada.api.list_events(room, 2, 3).await.unwrap().items, "the same as over REST");
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
    // Who goes on all the same is cut off, and may come back.
    for _ in 0..60 {
        socket.post(|id| ClientFrame::Ping { id }).await;
    }
    socket.expect_close(parlour_protocol::socket::CloseCode::RateLimited.code()).await;
}
