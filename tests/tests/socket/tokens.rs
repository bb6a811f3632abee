//! Sockets that programs open with tokens.

use parlour_protocol::friends::CreateFriendRequest;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use parlour_protocol::api_tokens::CreatedToken;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::socket::{ClientFrame, CloseCode, ReplayState, SUBPROTOCOL, Start};
use parlour_protocol::time::DAY;
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::{App, Person, eventually, on_all_backends};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{self, Message};

on_all_backends!(
    a_token_opens_a_socket,
    a_token_in_the_handshake,
    a_token_that_reads_does_not_write,
    a_limited_socket_hears_nothing_else,
    a_limited_socket_resumes_what_it_may_read,
    sockets_of_a_revoked_token_are_closed,
    sockets_of_a_token_end_with_it,
);

const TOKENS: &str = "/api/v1/account/tokens";

async fn token(person: &Person, scope: &str, rest: Value) -> CreatedToken {
    let mut request = json!({"name": "weather report", "scopes": [scope]});
    request.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    person.create_token(TOKENS, request).await
}

async fn a_token_opens_a_socket(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    let made = token(&ada, "write", json!({})).await;
    let program = ada.with_token(&made.secret);
    let (mut socket, mut elsewhere) =
        (program.socket_on(&[room]).await, program.elsewhere().socket_on(&[room]).await);
    let seq = bob.send(room, "hi").await;
    socket.expect_event(room, seq).await;
    elsewhere.expect_event(room, seq).await;
    let sent = socket.send(room, "client-id-1", "rain").await.unwrap();
    elsewhere.expect_event(room, sent.seq.unwrap()).await;

    for wrong in [format!("plt_{}_{}", made.token.id, "A".repeat(43)), format!("{}x", made.secret)] {
        let mut socket = app.socket(0).await;
        socket.post(|id| ClientFrame::Start(Start { id, token: Some(wrong), ..Start::default() })).await;
        socket.expect_close(CloseCode::AuthenticationFailed.code()).await;
    }
}

/// Opens a socket with a token in the handshake, sends these frames, and returns the responses.
async fn by_handshake(app: &App, token: &str, frames: &[ClientFrame]) -> Result<Vec<Value>, u16> {
    let address = app.address(0).replacen("http", "ws", 1) + "/api/v1/socket";
    let mut request = address.into_client_request().unwrap();
    let token = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
    request.headers_mut().insert("authorization", token);
    request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static(SUBPROTOCOL));
    let mut stream = match tokio_tungstenite::connect_async(request).await {
        Ok((stream, _)) => stream,
        Err(tungstenite::Error::Http(answer)) => return Err(answer.status().as_u16()),
        Err(error) => panic!("{error}"),
    };
    for frame in frames {
        stream.send(Message::text(serde_json::to_string(frame).unwrap())).await.unwrap();
    }
    let mut answers = Vec::new();
    while answers.len() < frames.len() {
        let message = stream.next().await.expect("an answer").unwrap();
        let text = message.into_text().unwrap();
        let values = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        answers.extend(values.filter(|value| value.get("id").is_some()));
    }
    Ok(answers)
}

async fn a_token_in_the_handshake(app: App) {
    let ada = app.person("ada").await;
    let (tea, coffee) = (ada.create_room("tea").await, ada.create_room("coffee").await);
    let made = token(&ada, "read", json!({ "conversations": [tea] })).await;
    let start = ClientFrame::Start(Start { id: 1, ..Start::default() });
    let sync = |id, conversation| ClientFrame::Sync { id, conversation, after: 0, limit: None };
    let frames = [start.clone(), sync(2, tea), sync(3, coffee)];
    let answers = by_handshake(&app, &made.secret, &frames).await.unwrap();
    let of = |id: u64| answers.iter().find(|answer| answer["id"] == id).unwrap();
    assert_eq!(of(1)["conversations"].as_object().unwrap().keys().collect::<Vec<_>>(), [&tea.to_string()]);
    assert!(of(2)["events"].is_array(), "{answers:?}");
    assert_eq!(of(3)["code"], "insufficient_scope");
    let forged = format!("plt_{}_{}", made.token.id, "A".repeat(43));
    assert_eq!(by_handshake(&app, &forged, std::slice::from_ref(&start)).await, Err(401));
    ada.call(Method::DELETE, &format!("{TOKENS}/{}", made.token.id), None).await.expect(204);
    eventually("the node knows", || async {
        by_handshake(&app, &made.secret, std::slice::from_ref(&start)).await == Err(401)
    })
    .await;
}

async fn a_token_that_reads_does_not_write(app: App) {
    let ada = app.person("ada").await;
    let room = ada.create_room("tea").await;
    let seq = ada.send(room, "mine").await;
    let made = token(&ada, "read", json!({})).await;
    let mut socket = ada.with_token(&made.secret).socket_on(&[room]).await;
    let refused = ErrorCode::InsufficientScope;
    assert_eq!(socket.send(room, "client-id-1", "rain").await.unwrap_err().code, refused);
    let (conversation, body) = (room, "rain".to_owned());
    let edit = socket.command(|id| ClientFrame::Edit { id, conversation, seq, body }).await;
    assert_eq!(edit.unwrap_err().code, refused);
    let delete = socket.command(|id| ClientFrame::Delete { id, conversation, seq }).await;
    assert_eq!(delete.unwrap_err().code, refused);
    let emoji = "👍".to_owned();
    let react = socket.command(|id| ClientFrame::React { id, conversation, seq, emoji, on: true }).await;
    assert_eq!(react.unwrap_err().code, refused);
    let read = socket.command(|id| ClientFrame::Read { id, conversation, seq }).await;
    assert_eq!(read.unwrap_err().code, refused);
    socket.post(|_| ClientFrame::Typing { conversation }).await;
    let sync = socket.command(|id| ClientFrame::Sync { id, conversation, after: 0, limit: None }).await;
    assert_eq!(sync.unwrap().events.unwrap().len(), 2);
    let next = ada.send(room, "more").await;
    socket.expect_event(room, next).await;
}

async fn a_limited_socket_hears_nothing_else(app: App) {
    let (ada, bob) = app.friends("ada", "bob").await;
    let (tea, coffee) = (bob.create_room("tea").await, bob.create_room("coffee").await);
    ada.join(tea).await;
    ada.join(coffee).await;
    let direct = ada.direct(&bob).await;
    let made = token(&ada, "write", json!({ "conversations": [tea] })).await;
    let program = ada.with_token(&made.secret);
    let mut socket = app.socket(1).await;
    let start = Start { live: vec![tea, coffee, direct], user_cursor: Some(0), ..program.start() };
    let ok = socket.start(start).await.unwrap();
    assert!(ok.user.is_none(), "its own stream is not told: {ok:?}");
    let states = ok.conversations.unwrap();
    assert_eq!((states[&tea].state, states[&tea].head.is_some()), (ReplayState::Replay, true));
    for other in [coffee, direct] {
        assert_eq!((states[&other].state, states[&other].head), (ReplayState::Gone, None));
    }

    // Everything that happens elsewhere precedes this one message.
    bob.send(coffee, "black, @ada").await;
    bob.send(direct, "hi").await;
    bob.create_room("cocoa").await;
    let cake = ada.create_room("cake").await;
    ada.send(cake, "with cream").await;
    let eve = app.person("eve").await;
    eve.api.create_friend_request(&CreateFriendRequest { to: "ada".into() }).await.unwrap();
    socket.focus(&[tea, coffee, direct, cake]).await;
    bob.send(coffee, "white, @ada").await;
    bob.send(direct, "hi again").await;
    let seq = bob.send(tea, "green, @ada").await;
    socket.expect_event(tea, seq).await;
    let mut seen = ada.elsewhere().socket_on(&[coffee]).await;
    let last = bob.send(coffee, "gone").await;
    seen.expect_event(coffee, last).await;
    socket.expect_nothing().await;

    let refused = ErrorCode::InsufficientScope;
    for conversation in [coffee, direct, cake] {
        let sent = socket.send(conversation, "client-id-1", "rain").await;
        assert_eq!(sent.unwrap_err().code, refused);
        let sync = socket.command(|id| ClientFrame::Sync { id, conversation, after: 0, limit: None }).await;
        assert_eq!(sync.unwrap_err().code, refused);
        let read = socket.command(|id| ClientFrame::Read { id, conversation, seq: 1 }).await;
        assert_eq!(read.unwrap_err().code, refused);
    }
    let sent = socket.send(tea, "client-id-1", "black tea").await.unwrap();
    socket.expect_event(tea, sent.seq.unwrap()).await;

    // It goes offline when its person does, and comes back with them.
    ada.api.leave_room(tea).await.unwrap();
    assert_eq!(socket.send(tea, "client-id-2", "x").await.unwrap_err().code, ErrorCode::NotMember);
    ada.join(tea).await;
    let mut heard = false;
    while !heard {
        let seq = bob.send(tea, "heard?").await;
        socket.command(|id| ClientFrame::Ping { id }).await.unwrap();
        while let Some(event) = socket.take_event() {
            heard |= event.seq == seq;
        }
    }
}

async fn a_limited_socket_resumes_what_it_may_read(app: App) {
    let ada = app.person("ada").await;
    let (tea, coffee) = (ada.create_room("tea").await, ada.create_room("coffee").await);
    let seq = ada.send(tea, "green").await;
    ada.send(coffee, "black").await;
    let made = token(&ada, "read", json!({ "conversations": [tea] })).await;
    let program = ada.with_token(&made.secret);
    let mut socket = app.socket(0).await;
    let cursors = [(tea, 1), (coffee, 1)].into();
    let ok = socket.start(Start { cursors, user_cursor: Some(0), ..program.start() }).await.unwrap();
    let states = ok.conversations.unwrap();
    assert_eq!((states[&tea].state, states[&coffee].state), (ReplayState::Replay, ReplayState::Gone));
    socket.expect_event(tea, seq).await;
    socket.expect_nothing().await;
}

async fn sockets_of_a_revoked_token_are_closed(app: App) {
    let ada = app.person("ada").await;
    let room = ada.create_room("tea").await;
    let limited = json!({ "conversations": [room] });
    for (kept, ended) in [(json!({}), json!({})), (limited.clone(), limited)] {
        let (kept, ended) = (token(&ada, "read", kept).await, token(&ada, "read", ended).await);
        let program = ada.with_token(&ended.secret);
        let mut sockets = vec![program.socket().await, program.elsewhere().socket().await];
        let mut others = vec![ada.socket().await, ada.with_token(&kept.secret).elsewhere().socket().await];
        let began = Instant::now();
        ada.call(Method::DELETE, &format!("{TOKENS}/{}", ended.token.id), None).await.expect(204);
        for socket in &mut sockets {
            socket.expect_close(CloseCode::SessionRevoked.code()).await;
        }
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
        for socket in &mut others {
            socket.command(|id| ClientFrame::Ping { id }).await.unwrap();
        }
        let mut again = app.socket(1).await;
        let start = program.start();
        again.post(|id| ClientFrame::Start(Start { id, ..start })).await;
        again.expect_close(CloseCode::AuthenticationFailed.code()).await;
    }
}

async fn sockets_of_a_token_end_with_it(app: App) {
    let ada = app.person("ada").await;
    let made = token(&ada, "read", json!({ "days": 1 })).await;
    let mut socket = ada.with_token(&made.secret).socket().await;
    app.advance(DAY);
    app.read_ended_sessions().await;
    socket.expect_close(CloseCode::SessionRevoked.code()).await;
}
