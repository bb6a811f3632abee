//! Malformed frames: refused or cut off, and they cost only their own connection.

use parlour_protocol::problems::ErrorCode;
use parlour_protocol::socket::CloseCode;
use system_tests::{App, on_all_backends};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

on_all_backends!(commands_that_are_none, frames_that_are_cut_off, fragments);

async fn commands_that_are_none(app: App) {
    let ada = app.person("ada").await;
    let room = ada.create_room("tea").await;
    let mut socket = ada.socket().await;
    for (text, id) in [
        ("{\"op\":\"nothing\",\"id\":41}".to_owned(), Some(41)),
        ("{\"op\":\"ping\",\"id\":42,\"admin\":true}".to_owned(), Some(42)),
        (
            format!(
                "{{\"op\":\"send\",\"id\":43,\"conversation\":\"{room}\",\"cid\":\"client-id-1\",\"body\":7}}"
            ),
            Some(43),
        ),
        ("{\"op\":\"focus\",\"id\":44,\"live\":[7]}".to_owned(), Some(44)),
        ("{\"op\":\"ping\"}".to_owned(), None),
        ("{\"op\":\"ping\",\"id\":-1}".to_owned(), None),
        ("{".to_owned(), None),
        ("null".to_owned(), None),
        (String::new(), None),
        ("[".repeat(15_000), None),
    ] {
        socket.raw(Message::text(text)).await;
        let error = socket.expect_error(id, ErrorCode::Malformed).await;
        assert!(!error.retry);
    }
    socket.expect_nothing().await;
    // The server's tolerance ends.
    for _ in 0..60 {
        socket.raw(Message::text("{")).await;
    }
    socket.expect_close(CloseCode::BadFrame.code()).await;
}

async fn frames_that_are_cut_off(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    let mut witness = bob.socket_on(&[room]).await;
    for (message, code) in [
        (Message::binary(b"{\"op\":\"ping\",\"id\":1}".to_vec()), CloseCode::BadFrame),
        (Message::text("x".repeat(16 * 1024 + 1)), CloseCode::TooLarge),
        (Message::text("x".repeat(1024 * 1024)), CloseCode::TooLarge),
    ] {
        let mut socket = ada.socket().await;
        socket.raw(message).await;
        socket.expect_close(code.code()).await;
        // The same before authentication.
        ada.send(room, "others are not concerned").await;
        witness.event().await;
    }
    let mut socket = ada.socket().await;
    let limit = 16 * 1024 - "{\"op\":\"ping\",\"id\":123456}".len();
    socket.raw(Message::text(format!("{{\"op\":\"ping\",\"id\":123456}}{}", " ".repeat(limit)))).await;
    assert_eq!(socket.answer(123_456).await.unwrap().id, 123_456);
}

async fn fragments(app: App) {
    let ada = app.person("ada").await;
    let pieces = |count: usize| {
        let text = format!("{{\"op\":\"ping\",\"id\":7777}}{}", " ".repeat(200));
        let bytes = text.into_bytes();
        let size = bytes.len().div_ceil(count);
        let parts: Vec<Vec<u8>> = bytes.chunks(size).map(<[u8]>::to_vec).collect();
        let last = parts.len() - 1;
        parts.into_iter().enumerate().map(move |(index, part)| {
            let code = OpCode::Data(if index == 0 { Data::Text } else { Data::Continue });
            Message::Frame(Frame::message(part, code, index == last))
        })
    };
    let mut socket = ada.socket().await;
    for piece in pieces(60) {
        socket.raw(piece).await;
    }
    assert_eq!(socket.answer(7777).await.unwrap().id, 7777);

    for piece in pieces(100) {
        socket.raw(piece).await;
    }
    socket.expect_close(CloseCode::TooLarge.code()).await;

    let mut socket = ada.socket().await;
    socket.raw(Message::Frame(Frame::message(b"{\"op\"".to_vec(), OpCode::Data(Data::Text), false))).await;
    socket.raw(Message::text("{\"op\":\"ping\",\"id\":1}")).await;
    socket.expect_close(CloseCode::BadFrame.code()).await;

    let mut socket = ada.socket().await;
    for size in [5_000, 5_000, 5_000, 5_000] {
        let code = OpCode::Data(if size == 0 { Data::Text } else { Data::Continue });
        socket.raw(Message::Frame(Frame::message(vec![b' '; size], code, false))).await;
    }
    socket.expect_close(CloseCode::BadFrame.code()).await;
}
