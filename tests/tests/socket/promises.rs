//! What holds whatever happens: one encoding for everyone, damaged lines stop nothing, slow readers lose nothing, and
//! the socket and REST agree.

use diesel::RunQueryDsl;
use diesel::sql_types::BigInt;
use parlour_client::native::fresh_cid;
use parlour_client::operations::{ListEvents, MessagesAt};
use parlour_protocol::conversations::MarkRead;
use parlour_protocol::events::Change;
use parlour_protocol::ids::ConversationId;
use parlour_protocol::messages::EditMessage;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::socket::{ClientFrame, CloseCode, Start};
use parlour_storage::on_backend;
use system_tests::{App, Person, on_all_backends};

on_all_backends!(
    encoded_once_for_everybody,
    damaged_lines_stop_nothing,
    slow_readers_are_told_to_fetch,
    readers_that_stay_slow_are_closed,
    both_ways_refuse_alike,
);

async fn encoded_once_for_everybody(app: App) {
    const SOCKETS: usize = 8;
    const MESSAGES: u64 = 10;
    let ada = app.person("ada").await.at_node(0);
    let room = ada.create_room("tea").await;
    let bob = app.person("bob").await;
    bob.join(room).await;
    let mut sockets = Vec::new();
    for node in 0..app.nodes() {
        for _ in 0..SOCKETS / app.nodes() {
            sockets.push(bob.at_node(node).socket_on(&[room]).await);
        }
    }
    let before: Vec<u64> = (0..app.nodes()).map(|node| app.metrics(node, "events_encoded")).collect();
    for number in 0..MESSAGES {
        ada.send(room, &format!("message {number}")).await;
    }
    for socket in &mut sockets {
        for number in 0..MESSAGES {
            assert!(matches!(
                socket.event().await.change,
                Change::MessageCreated { body: Some(body), .. } if body == format!("message {number}")
            ));
        }
    }
    let encoded = |node: usize| app.metrics(node, "events_encoded") - before[node];
    assert_eq!(encoded(0), MESSAGES, "once each, however many follow");
    for node in 1..app.nodes() {
        assert_eq!(encoded(node), 0, "other nodes pass the same bytes on");
    }
}

async fn damaged_lines_stop_nothing(app: App) {
    let ada = app.person("ada").await;
    let room = ada.create_room("tea").await;
    let message = ada.send(room, "hi").await;
    let damaged = ada.api.add_reaction(room, message, "👍").await.unwrap().seq;
    let last = ada.send(room, "still here").await;
    let statement = "UPDATE events SET body = 'no json' WHERE conversation_id = $1 AND seq = $2";
    let query = diesel::sql_query(statement).bind::<BigInt, _>(room.0).bind::<BigInt, _>(damaged);
    let mut database = app.database().connect();
    assert_eq!(on_backend!(&mut database, inner => query.execute(inner)).unwrap(), 1);

    for person in [ada.clone(), ada.elsewhere()] {
        let page =
            person.api.list_events(room, &ListEvents { after: Some(0), limit: Some(100) }).await.unwrap();
        assert!(page.items.iter().map(|event| event.seq).eq(1..=last));
        let at = |seq: i64| &page.items[seq as usize - 1].change;
        assert!(matches!(at(damaged), Change::Unknown(_)), "{:?}", at(damaged));
        assert!(matches!(at(last), Change::MessageCreated { .. }));

        let mut socket = app.socket(0).await;
        let cursors = [(room, message)].into();
        socket.start(Start { cursors, live: vec![room], ..person.start() }).await.unwrap();
        assert!(matches!(socket.expect_event(room, damaged).await.change, Change::Unknown(_)));
        socket.expect_event(room, last).await;
    }
    assert_eq!(ada.api.list_messages(room, &MessagesAt::Newest.limit(10)).await.unwrap().items.len(), 2);
}

/// Sends enough that a connection that does not read falls behind again: beyond what the kernel buffers.
async fn flood_until_lagged(app: &App, sender: &Person, room: ConversationId) {
    let lagged =
        |app: &App| (0..app.nodes()).map(|node| app.metrics(node, "connections_lagged")).sum::<u64>();
    let before = lagged(app);
    let mut socket = sender.socket().await;
    let body = "x".repeat(3900);
    while lagged(app) == before {
        let mut ids = Vec::new();
        for _ in 0..32 {
            let (cid, body) = (fresh_cid(), body.clone());
            let post =
                socket.post(|id| ClientFrame::Send { id, conversation: room, cid, body, reply_to: None });
            ids.push(post.await);
        }
        for id in ids {
            socket.answer(id).await.unwrap();
        }
    }
    socket.close().await;
}

async fn slow_readers_are_told_to_fetch(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    let mut slow = bob.socket_on(&[room]).await;
    let first = ada.send(room, "before").await;
    flood_until_lagged(&app, &ada, room).await;
    // What the kernel had buffered arrives in order; then the resync, which says that the rest is in the log; then live
    // events again.
    let (positions, _) = slow.resync().await;
    let told = positions[&room];
    let mut seen = Vec::new();
    while let Some(event) = slow.take_event() {
        seen.push(event.seq);
    }
    assert!(seen.iter().copied().eq(first..first + seen.len() as i64), "{seen:?}");
    let last = ada.send(room, "after").await;
    let mut cursor = *seen.last().unwrap();
    while cursor < last {
        let page =
            bob.api.list_events(room, &ListEvents { after: Some(cursor), limit: Some(200) }).await.unwrap();
        assert_eq!(page.items[0].seq, cursor + 1, "nothing is lost");
        cursor = page.next_after;
    }
    assert!(told > *seen.last().unwrap() && told < last);
    loop {
        let event = slow.event().await;
        assert!(event.seq > told, "what the resync covers does not come again");
        if event.seq == last {
            break;
        }
    }
}

async fn readers_that_stay_slow_are_closed(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    let mut slow = bob.socket_on(&[room]).await;
    for _ in 0..2 {
        flood_until_lagged(&app, &ada, room).await;
        slow.resync().await;
        while slow.take_event().is_some() {}
    }
    flood_until_lagged(&app, &ada, room).await;
    slow.expect_close(CloseCode::SlowConsumer.code()).await;
    // The client may come back.
    bob.socket_on(&[room]).await.expect_nothing().await;
}

/// Every command that changes something, refused in every way: REST and the socket use the same code and words.
async fn both_ways_refuse_alike(app: App) {
    let (ada, bob) = app.friends("ada", "bob").await;
    let eve = app.person("eve").await;
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    let direct = ada.direct(&bob).await;
    let (hers, gone) = (ada.send(room, "hers").await, ada.send(room, "gone").await);
    ada.send(direct, "private").await;
    ada.api.delete_message(room, gone).await.unwrap();
    let nowhere = ConversationId(1);
    let long = "x".repeat(5000);
    let mut count = 0;
    for person in [&bob, &eve] {
        let mut socket = person.socket().await;
        for conversation in [room, direct, nowhere] {
            for seq in [hers, gone, 1, 99, 0, -1] {
                for (body, emoji) in [("hi", "👍"), ("", "a"), (long.as_str(), "not one")] {
                    let api = &person.api;
                    let text = body.to_owned();
                    let word = emoji.to_owned();
                    let pairs = [
                        (
                            socket
                                .command(|id| ClientFrame::Edit { id, conversation, seq, body: text })
                                .await,
                            api.edit_message(conversation, seq, &EditMessage { body: body.to_string() })
                                .await
                                .map(drop),
                        ),
                        (
                            socket
                                .command(|id| ClientFrame::React {
                                    id,
                                    conversation,
                                    seq,
                                    emoji: word,
                                    on: true,
                                })
                                .await,
                            api.add_reaction(conversation, seq, emoji).await.map(drop),
                        ),
                        (
                            socket.command(|id| ClientFrame::Read { id, conversation, seq }).await,
                            api.mark_read(conversation, &MarkRead { seq }).await.map(drop),
                        ),
                    ];
                    for (by_socket, by_rest) in pairs {
                        let by_socket: Result<(), ErrorCode> =
                            by_socket.map(drop).map_err(|error| error.code);
                        let by_rest = by_rest.map_err(|error| error.code().expect("a problem"));
                        assert_eq!(by_socket, by_rest, "{} {conversation} {seq} {emoji}", person.handle);
                        count += usize::from(by_rest.is_err());
                    }
                    if person.id == eve.id {
                        // Only somebody who is not allowed to, so that nothing is deleted.
                        let by_socket =
                            socket.command(|id| ClientFrame::Delete { id, conversation, seq }).await;
                        let by_rest = api.delete_message(conversation, seq).await;
                        assert_eq!(Some(by_socket.unwrap_err().code), by_rest.unwrap_err().code());
                        count += 1;
                    }
                }
            }
        }
    }
    assert!(count > 100, "{count} refusals were compared");
}
