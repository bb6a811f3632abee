//! The first frames: `hello`, `start`, and who is not let in.

use parlour_client::native::Socket;
use parlour_protocol::ids::ConversationId;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::socket::{ClientFrame, CloseCode, ReplayState, Start};
use parlour_protocol::time::{MINUTE, Timestamp};
use reqwest::Method;
use system_tests::{App, Reply, on_all_backends};
use tokio_tungstenite::tungstenite::Message;

on_all_backends!(
    saying_hello,
    who_is_not_let_in,
    start_comes_first,
    ended_sessions_are_closed,
    ten_sockets_and_no_more,
    the_upgrade,
);

async fn saying_hello(app: App) {
    let (ada, bob) = app.friends("ada", "bob").await;
    let room = ada.create_room("tea").await;
    let direct = ada.direct(&bob).await;
    let mut socket = app.socket(0).await;
    assert_eq!(socket.hello.epoch, ada.api.show_server().await.unwrap().epoch);
    assert_eq!((socket.hello.heartbeat_ms, socket.hello.max_frame_bytes), (25_000, 16_384));
    assert_eq!(socket.hello.server_time, Timestamp::parse("2026-01-01T00:00:00Z").unwrap());

    let ok = socket.start(Start { live: vec![room], ..ada.start() }).await.unwrap();
    let states = ok.conversations.unwrap();
    assert_eq!(states.len(), 2);
    assert_eq!((states[&room].head, states[&room].state), (Some(1), ReplayState::Replay));
    assert_eq!((states[&direct].head, states[&direct].state), (Some(0), ReplayState::Replay));
    assert_eq!(ok.user.unwrap().state, ReplayState::Replay);
    socket.expect_no_event().await;

    assert_eq!(socket.start(ada.start()).await.unwrap_err().code, ErrorCode::Conflict);
    socket.expect_no_event().await;
}

async fn who_is_not_let_in(app: App) {
    let ada = app.person("ada").await;
    for token in [None, Some("x".to_owned()), ada.api.access_token().map(|token| format!("{token}x"))] {
        let mut socket = app.socket(0).await;
        let id = socket.post(|id| ClientFrame::Start(Start { id, token, ..Start::default() })).await;
        let refused =
            socket.expect_refusal(ErrorCode::Unauthenticated, CloseCode::AuthenticationFailed).await;
        assert_eq!(refused.id, Some(id));
    }
    app.advance(11 * MINUTE);
    let mut socket = app.socket(0).await;
    socket.post(|id| ClientFrame::Start(Start { id, ..ada.start() })).await;
    socket.expect_refusal(ErrorCode::TokenExpired, CloseCode::TokenExpired).await;
    ada.api.refresh().await.unwrap();

    let phone = ada.other_device().await;
    ada.api.delete_session(phone.session).await.unwrap();
    let mut socket = app.socket(0).await;
    socket.post(|id| ClientFrame::Start(Start { id, ..phone.start() })).await;
    socket.expect_refusal(ErrorCode::Unauthenticated, CloseCode::AuthenticationFailed).await;
}

async fn start_comes_first(app: App) {
    let mut socket = app.socket(0).await;
    socket.post(|id| ClientFrame::Ping { id }).await;
    socket.expect_refusal(ErrorCode::Unauthenticated, CloseCode::AuthenticationFailed).await;
    for (nonsense, id) in [
        ("", None),
        ("{", None),
        ("[]", None),
        ("{\"op\":\"nothing\",\"id\":1}", Some(1)),
        ("{\"op\":\"start\",\"id\":2,\"admin\":true}", Some(2)),
        ("{\"op\":\"start\",\"id\":3,\"live\":\"all\"}", Some(3)),
    ] {
        let mut socket = app.socket(0).await;
        socket.raw(Message::text(nonsense)).await;
        let refused = socket.expect_refusal(ErrorCode::Malformed, CloseCode::BadFrame).await;
        assert_eq!(refused.id, id, "{nonsense}");
        assert!(!refused.retry && refused.detail.is_some());
    }
    // More than can be followed.
    let ada = app.person("ada").await;
    let mut socket = app.socket(0).await;
    let live = (1..=51).map(ConversationId).collect();
    socket.post(|id| ClientFrame::Start(Start { id, live, ..ada.start() })).await;
    socket.expect_refusal(ErrorCode::Malformed, CloseCode::BadFrame).await;
}

async fn ended_sessions_are_closed(app: App) {
    let root = app.admin("root").await;
    let ada = app.person("ada").await;
    let phone = ada.other_device().await.elsewhere();
    let (mut here, mut there) = (ada.socket().await, phone.socket().await);
    ada.api.delete_session(phone.session).await.unwrap();
    there.expect_close(CloseCode::SessionRevoked.code()).await;
    here.user_event().await;
    here.expect_nothing().await;

    let mut elsewhere = ada.elsewhere().socket().await;
    root.api.suspend_user(ada.id).await.unwrap();
    here.expect_close(CloseCode::SessionRevoked.code()).await;
    elsewhere.expect_close(CloseCode::SessionRevoked.code()).await;
}

async fn ten_sockets_and_no_more(app: App) {
    let ada = app.person("ada").await;
    let mut sockets = Vec::new();
    for _ in 0..10 {
        sockets.push(ada.socket().await);
    }
    let mut one_more = app.socket(0).await;
    one_more.post(|id| ClientFrame::Start(Start { id, ..ada.start() })).await;
    one_more.expect_close(CloseCode::TooManyConnections.code()).await;
    for socket in &mut sockets {
        socket.expect_nothing().await;
    }
}

async fn the_upgrade(app: App) {
    let ada = app.person("ada").await;
    let reply = ada.get("/api/v1/socket").await;
    assert_eq!(reply.status, 400, "{}", reply.text);
    let url = ada.api.base().join("/api/v1/socket").unwrap();
    let without_protocol = ada
        .api
        .request(Method::GET, url)
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    let reply = Reply::from_response("GET socket".into(), without_protocol.send().await.unwrap()).await;
    reply.refused(ErrorCode::Malformed);
    assert!(Socket::connect(ada.api.base()).await.is_ok());
}
