//! Rights that end while they are used: nothing that begins after the end was acknowledged has an effect, and sockets
//! fall silent. Other nodes, which depend on notices, follow within a second.

use parlour_client::operations::ListEvents;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use parlour_client::native::fresh_cid;
use parlour_protocol::events::Change;
use parlour_protocol::ids::ConversationId;
use parlour_protocol::messages::SendMessage;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::socket::{ClientFrame, CloseCode, SUBPROTOCOL, Start};
use reqwest::Method;
use serde_json::json;
use system_tests::{App, Person, Refusal, TestSocket, on_all_backends};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Message, http::HeaderValue};

on_all_backends!(
    no_send_after_leaving,
    no_send_after_unfriending,
    no_send_after_blocking,
    sessions_end_everywhere_within_a_second,
    sessions_end_without_redis with |config| {
        if config.redis_url.is_some() {
            // Nobody listens there.
            config.redis_url = Some(parlour_server::config::Secret("redis://127.0.0.1:9".into()));
        }
    },
    sockets_fall_silent_after_leaving,
    a_log_out_between_handshake_and_start,
);

/// Concurrent senders, spread over the nodes.
const SENDERS: usize = 6;
/// Measurements of how fast the end of a session spreads; and with three nodes.
const SAMPLES: (usize, usize) = (12, 100);

async fn send(person: &Person, conversation: ConversationId) -> bool {
    let message = SendMessage { body: "hi".into(), reply_to: None };
    person.api.send_message(conversation, &fresh_cid(), &message).await.is_ok()
}

/// Sends without a pause on all nodes while `end` withdraws the right. Returns how many were accepted.
async fn racing(
    sender: &Person,
    witness: &Person,
    conversation: ConversationId,
    end: impl Future<Output = ()>,
) -> usize {
    let over = Arc::new(AtomicBool::new(false));
    let senders = (0..SENDERS).map(|number| {
        let (over, sender) = (over.clone(), sender.at_node(number));
        async move {
            let mut accepted = 0;
            loop {
                let began_after = over.load(Ordering::SeqCst);
                let done = send(&sender, conversation).await;
                assert!(!(began_after && done), "a send that began after the right had gone was accepted");
                if began_after {
                    return accepted;
                }
                accepted += usize::from(done);
            }
        }
    });
    let ending = async {
        // In the middle: some have been accepted already.
        while witness.api.show_conversation(conversation).await.unwrap().head < 40 {}
        end.await;
        let head = witness.api.show_conversation(conversation).await.unwrap().head;
        over.store(true, Ordering::SeqCst);
        head
    };
    let (accepted, head) = tokio::join!(join_all(senders), ending);
    let after = witness.api.show_conversation(conversation).await.unwrap().head;
    assert_eq!(head, after, "nothing was written after the end was answered");
    let accepted = accepted.iter().sum();
    assert!(accepted >= 20, "{accepted}");
    accepted
}

async fn no_send_after_leaving(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    racing(&bob, &ada, room, async { bob.elsewhere().api.leave_room(room).await.unwrap() }).await;
    // Also in the log: bob's leaving is the last thing that he did.
    let head = ada.api.show_conversation(room).await.unwrap().head;
    let last = ada
        .api
        .list_events(room, &ListEvents { after: Some(head - 1), limit: Some(10) })
        .await
        .unwrap()
        .items;
    assert!(
        matches!(last.as_slice(), [event] if matches!(event.change, Change::MemberLeft { user, .. } if user == bob.id)),
        "{last:?}"
    );
}

async fn no_send_after_unfriending(app: App) {
    let (ada, bob) = app.friends("ada", "bob").await;
    let direct = ada.direct(&bob).await;
    racing(&bob, &ada, direct, async { ada.api.delete_friend(bob.id).await.unwrap() }).await;
}

async fn no_send_after_blocking(app: App) {
    let (ada, bob) = app.friends("ada", "bob").await;
    let direct = ada.direct(&bob).await;
    let block = async {
        ada.call(Method::PUT, &format!("/api/v1/blocks/{}", bob.id), None).await.expect(200);
    };
    racing(&bob, &ada, direct, block).await;
}

/// The time until no node lets somebody in any more and all their sockets are closed.
async fn ended_everywhere(app: &App, person: &Person, sockets: Vec<TestSocket>) -> Duration {
    let began = Instant::now();
    for node in 0..app.nodes() {
        let there = person.at_node(node);
        while there.api.show_account().await.is_ok() {
            assert!(began.elapsed() < system_tests::DEADLINE, "the session goes on");
        }
    }
    for mut socket in sockets {
        socket.expect_close(CloseCode::SessionRevoked.code()).await;
    }
    began.elapsed()
}

async fn sockets_everywhere(app: &App, person: &Person) -> Vec<TestSocket> {
    let mut sockets = Vec::new();
    for node in 0..app.nodes() {
        sockets.push(person.at_node(node).socket().await);
    }
    sockets
}

async fn sessions_end_everywhere_within_a_second(app: App) {
    let (median, slow) = time_to_end(&app, SAMPLES.0).await;
    println!("sessions end on {} nodes: median {median:?}, slowest {slow:?}", app.nodes());
    // The slowest one may be due to the machine; half of them cannot be.
    assert!(median < Duration::from_secs(1), "{median:?}");
}

#[test]
fn sessions_end_on_three_nodes() {
    system_tests::run_nodes(
        system_tests::Backend::PostgresRedis,
        3,
        |_| {},
        |app| async move {
            let (median, p99) = time_to_end(&app, SAMPLES.1).await;
            println!("sessions end on 3 nodes: median {median:?}, p99 {p99:?}");
            assert!(median < Duration::from_secs(1), "{median:?}");
        },
    );
}

async fn sessions_end_without_redis(app: App) {
    let person = app.person("ada").await;
    let tokens = "/api/v1/account/tokens";
    let token = person.create_token(tokens, json!({"name": "weather report", "scopes": ["read"]})).await;
    let program = person.with_token(&token.secret);
    let sockets = sockets_everywhere(&app, &program).await;
    for node in 0..app.nodes() {
        program.at_node(node).api.show_account().await.unwrap();
    }
    person.call(Method::DELETE, &format!("{tokens}/{}", token.token.id), None).await.expect(204);
    app.read_ended_sessions().await;
    for node in 0..app.nodes() {
        program.at_node(node).api.show_account().await.refused(ErrorCode::Unauthenticated);
    }
    for mut socket in sockets {
        socket.expect_close(CloseCode::SessionRevoked.code()).await;
    }
    let sockets = sockets_everywhere(&app, &person).await;
    let end = format!("/api/v1/sessions/{}", person.session);
    person.call(Method::DELETE, &end, None).await.expect(204);
    // Every node checks by itself.
    app.read_ended_sessions().await;
    for node in 0..app.nodes() {
        person.at_node(node).api.show_account().await.refused(ErrorCode::Unauthenticated);
    }
    for mut socket in sockets {
        socket.expect_close(CloseCode::SessionRevoked.code()).await;
    }
}

/// Ends this many sessions, one after another; returns the median and the 99th percentile of the time it took.
async fn time_to_end(app: &App, samples: usize) -> (Duration, Duration) {
    let root = app.admin("root").await;
    let mut took = Vec::new();
    for number in 0..samples {
        let person = app.person(&format!("person_{number}")).await;
        // Half of them have no socket on the other node, which must learn of the end all the same.
        let sockets = if number % 2 == 0 { sockets_everywhere(app, &person).await } else { Vec::new() };
        for node in 0..app.nodes() {
            person.at_node(node).api.show_account().await.unwrap();
        }
        if number % 3 == 0 {
            root.api.suspend_user(person.id).await.unwrap();
        } else {
            let end = format!("/api/v1/sessions/{}", person.session);
            person.call(Method::DELETE, &end, None).await.expect(204);
        }
        took.push(ended_everywhere(app, &person, sockets).await);
    }
    took.sort();
    (took[samples / 2], took[(samples * 99).div_ceil(100) - 1])
}

async fn sockets_fall_silent_after_leaving(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.create_room("tea").await;
    let mut took = Vec::new();
    for _ in 0..SAMPLES.0 {
        bob.join(room).await;
        let mut sockets = Vec::new();
        for node in 0..app.nodes() {
            sockets.push(bob.at_node(node).socket_on(&[room]).await);
        }
        bob.api.leave_room(room).await.unwrap();
        let began = Instant::now();
        let mut last_heard = Duration::ZERO;
        // Until three in a row were not received on any socket.
        let mut unheard = 0;
        while unheard < 3 {
            assert!(began.elapsed() < system_tests::DEADLINE, "the socket still hears the room");
            let sent = began.elapsed();
            let seq = ada.send(room, "who is listening?").await;
            let mut heard = false;
            for socket in &mut sockets {
                socket.command(|id| ClientFrame::Ping { id }).await.expect("pongs");
                while let Some(event) = socket.take_event() {
                    heard |= event.seq >= seq;
                }
            }
            if heard {
                last_heard = sent;
                unheard = 0;
            } else {
                unheard += 1;
            }
        }
        took.push(last_heard);
        for socket in sockets {
            socket.close().await;
        }
    }
    took.sort();
    println!(
        "sockets fall silent on {} nodes: last heard at most {:?} after",
        app.nodes(),
        took[SAMPLES.0 - 1]
    );
    assert!(took[SAMPLES.0 / 2] < Duration::from_secs(1), "{took:?}");
}

/// The token of the handshake is checked before `start`, and does not count if the session ended meanwhile.
async fn a_log_out_between_handshake_and_start(app: App) {
    for node in 0..app.nodes() {
        let person = app.person(&format!("person_{node}")).await.at_node(node);
        let address = app.address(node).replacen("http", "ws", 1) + "/api/v1/socket";
        let mut request = address.into_client_request().unwrap();
        let token = format!("Bearer {}", person.api.access_token().unwrap());
        request.headers_mut().insert("authorization", HeaderValue::from_str(&token).unwrap());
        request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static(SUBPROTOCOL));
        let (mut stream, _) = tokio_tungstenite::connect_async(request).await.unwrap();
        // On the other node, if there is one: this one must have been notified.
        person.elsewhere().call(Method::DELETE, "/api/v1/sessions/current", None).await.expect(204);
        ended_everywhere(&app, &person, Vec::new()).await;
        let start = serde_json::to_string(&ClientFrame::Start(Start { id: 1, ..Start::default() })).unwrap();
        futures_util::SinkExt::send(&mut stream, Message::text(start)).await.unwrap();
        let code = loop {
            match futures_util::StreamExt::next(&mut stream).await {
                Some(Ok(Message::Close(Some(close)))) => break u16::from(close.code),
                Some(Ok(Message::Text(text))) => {
                    assert!(!text.contains("\"ok\""), "start was answered: {text}");
                }
                other => panic!("the socket must be closed: {other:?}"),
            }
        };
        assert_eq!(code, CloseCode::SessionRevoked.code());
    }
}
