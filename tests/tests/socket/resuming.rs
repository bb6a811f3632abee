//! Reconnecting: a cursor is all it takes, on any node; and a cursor that cannot be continued is reported.

use parlour_protocol::friends::CreateFriendRequest;
use parlour_protocol::messages::EditMessage;
use std::collections::BTreeMap;

use parlour_client::native::fresh_cid;
use parlour_protocol::events::UserChange;
use parlour_protocol::ids::ConversationId;
use parlour_protocol::socket::{ClientFrame, ReplayState, Start};
use parlour_protocol::time::DAY;
use system_tests::{App, Person, TestSocket, on_all_backends};

on_all_backends!(
    on_any_node_after_any_time,
    replays_are_complete_or_not_made,
    replays_end_at_a_thousand,
    cursors_that_do_not_fit,
    ones_own_stream,
    no_window_between_replay_and_live,
);

fn cursors(list: &[(ConversationId, i64)]) -> BTreeMap<ConversationId, i64> {
    list.iter().copied().collect()
}

/// Sends many messages quickly.
async fn flood(person: &Person, room: ConversationId, count: usize) {
    let mut socket = person.socket().await;
    let mut ids = Vec::new();
    for number in 0..count {
        let (cid, body) = (fresh_cid(), format!("message {number}"));
        let post = socket.post(|id| ClientFrame::Send { id, conversation: room, cid, body, reply_to: None });
        ids.push(post.await);
    }
    for id in ids {
        socket.answer(id).await.unwrap();
    }
    socket.close().await;
}

async fn on_any_node_after_any_time(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    for number in 0..3 {
        ada.send(room, &format!("message {number}")).await;
    }
    app.advance(29 * DAY);
    for person in [&ada, &bob] {
        person.api.refresh().await.unwrap();
    }
    ada.api.edit_message(room, 3, &EditMessage { body: "late".into() }).await.unwrap();
    for person in [bob.clone(), bob.elsewhere()] {
        let mut socket = person.socket_on(&[]).await;
        socket.expect_nothing().await;
        let node_of = person.clone();
        let start = Start { cursors: cursors(&[(room, 2)]), live: vec![room], ..person.start() };
        let mut socket = TestSocket::connect(node_of.api.base().as_str()).await;
        let ok = socket.start(start).await.unwrap();
        let head = ok.conversations.unwrap()[&room].head.unwrap();
        for seq in 3..=head {
            socket.expect_event(room, seq).await;
        }
        let seq = ada.send(room, "live").await;
        assert_eq!(seq, head + 1);
        socket.expect_event(room, seq).await;
        socket.expect_no_event().await;
    }
}

async fn replays_are_complete_or_not_made(app: App) {
    let ada = app.person("ada").await;
    let room = ada.create_room("tea").await;
    flood(&ada, room, 201).await;
    for (cursor, state) in [(1, ReplayState::Gap), (2, ReplayState::Replay)] {
        let mut socket = app.socket(1).await;
        let start = Start { cursors: cursors(&[(room, cursor)]), live: vec![room], ..ada.start() };
        let told = socket.start(start).await.unwrap().conversations.unwrap()[&room];
        assert_eq!((told.head, told.state), (Some(202), state));
        if state == ReplayState::Replay {
            for seq in cursor + 1..=202 {
                socket.expect_event(room, seq).await;
            }
        }
        socket.expect_no_event().await;
        // Either way the log can be paged.
        let page =
            socket.command(|id| ClientFrame::Sync { id, conversation: room, after: cursor, limit: Some(50) });
        let page = page.await.unwrap();
        assert_eq!((page.head, page.events.unwrap().len()), (Some(202), 50));
    }
}

async fn replays_end_at_a_thousand(app: App) {
    let ada = app.person("ada").await;
    let mut rooms = Vec::new();
    for number in 0..6 {
        let room = ada.create_room(&format!("room {number}")).await;
        flood(&ada, room, 180).await;
        rooms.push(room);
    }
    let mut socket = app.socket(0).await;
    let known: Vec<_> = rooms.iter().map(|room| (*room, 1)).collect();
    let states =
        socket.start(Start { cursors: cursors(&known), ..ada.start() }).await.unwrap().conversations.unwrap();
    let replayed: Vec<_> = rooms.iter().filter(|room| states[room].state == ReplayState::Replay).collect();
    let gaps = rooms.iter().filter(|room| states[room].state == ReplayState::Gap).count();
    assert_eq!((replayed.len(), gaps), (5, 1));
    let mut seen: BTreeMap<ConversationId, i64> = BTreeMap::new();
    for _ in 0..5 * 180 {
        let event = socket.event().await;
        let cursor = seen.entry(event.conversation).or_insert(1);
        assert_eq!(event.seq, *cursor + 1);
        *cursor = event.seq;
    }
    socket.expect_no_event().await;
    assert!(replayed.iter().all(|room| seen[room] == 181));
}

async fn cursors_that_do_not_fit(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let (room, left) = (ada.create_room("tea").await, ada.create_room("coffee").await);
    bob.join(left).await;
    ada.api.leave_room(left).await.unwrap();
    let unknown = ConversationId(1);
    let known = cursors(&[(room, 99), (left, 1), (unknown, 1)]);
    let mut socket = app.socket(0).await;
    let start = Start { cursors: known.clone(), live: vec![left], user_cursor: Some(999), ..ada.start() };
    let ok = socket.start(start).await.unwrap();
    assert_eq!(ok.user.unwrap().state, ReplayState::Reset);
    let states = ok.conversations.unwrap();
    assert_eq!((states[&room].state, states[&room].head), (ReplayState::Reset, Some(1)));
    for gone in [left, unknown] {
        assert_eq!((states[&gone].state, states[&gone].head), (ReplayState::Gone, None));
    }
    bob.send(left, "among ourselves").await;
    socket.expect_no_event().await;

    // Another history: nothing that the client knows is valid.
    let mut socket = app.socket(0).await;
    let start = Start {
        cursors: cursors(&[(room, 1)]),
        epoch: Some("another".into()),
        user_cursor: Some(1),
        ..ada.start()
    };
    let ok = socket.start(start).await.unwrap();
    assert_eq!(ok.user.unwrap().state, ReplayState::Reset);
    assert_eq!(ok.conversations.unwrap()[&room].state, ReplayState::Reset);
    socket.expect_no_event().await;
}

async fn ones_own_stream(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let mut socket = app.socket(0).await;
    let before = socket.start(ada.start()).await.unwrap().user.unwrap().head.unwrap();
    socket.close().await;
    bob.api.create_friend_request(&CreateFriendRequest { to: "ada".into() }).await.unwrap();
    ada.api.accept_friend_request(bob.id).await.unwrap();

    let mut socket = app.socket(1).await;
    let start = Start { user_cursor: Some(before), ..ada.start() };
    let user = socket.start(start).await.unwrap().user.unwrap();
    assert_eq!((user.head, user.state), (Some(before + 2), ReplayState::Replay));
    let requested = socket.expect_user(UserChange::FriendRequested { user: bob.id }).await;
    assert_eq!(requested.seq, before + 1);
    socket.expect_user(UserChange::FriendAdded { user: bob.id, accepted: false }).await;
    let room = ada.create_room("tea").await;
    let joined = socket.expect_user(UserChange::ConversationJoined { conversation: room }).await;
    assert_eq!(joined.seq, before + 3);
}

/// Connections that start while others write miss nothing and see nothing twice.
async fn no_window_between_replay_and_live(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    let writing = async {
        for number in 0..60 {
            ada.send(room, &format!("message {number}")).await;
        }
        ada.api.show_room(room).await.unwrap().head
    };
    let connecting = async {
        let mut sockets = Vec::new();
        for node in 0..6 {
            let mut socket = app.socket(node).await;
            let start = Start { cursors: cursors(&[(room, 0)]), live: vec![room], ..bob.start() };
            let told = socket.start(start).await.unwrap().conversations.unwrap()[&room];
            assert_eq!(told.state, ReplayState::Replay);
            sockets.push(socket);
        }
        sockets
    };
    let (head, sockets) = tokio::join!(writing, connecting);
    for mut socket in sockets {
        for seq in 1..=head {
            socket.expect_event(room, seq).await;
        }
        socket.expect_no_event().await;
    }
}
