//! The WebSocket: where connections are opened, and what they are sent first.
//!
//! Invariant: only this folder knows how bytes reach the wire, and only `start` is accepted before a valid access
//! token was presented. A fault here costs one connection.

mod allowed;
mod commands;
mod handshake;
mod life;
mod reader;
mod replies;
mod start;
mod throttle;
mod writer;

use std::sync::Arc;

use actix_codec::Framed;
use actix_http::{Request, h1};
use actix_web::{HttpResponse, get};
use parlour_protocol::limits;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::socket::{Hello, SUBPROTOCOL, ServerFrame};
use parlour_realtime::frames;

use crate::app::App;
use crate::budget::connections::Conn;
use crate::problems::ApiError;
#[cfg(fuzzing)]
use reader::{Incoming, Reader};

/// Opens the WebSocket of the protocol `parlour.v1`. The access token is sent in the `Authorization` header or in the
/// first frame, never in a cookie or in the URL. The frames are described by `openapi/socket.schema.json`.
#[utoipa::path(
    tag = "socket",
    params(("sec-websocket-protocol" = String, Header, description = "`parlour.v1`")),
    responses((status = 101, description = "Switching to the WebSocket protocol"))
)]
#[get("/socket")]
pub async fn open_socket() -> Result<HttpResponse, ApiError> {
    // Never reached by handshakes, which `serve_upgraded` handles.
    let detail = format!("Ask for an upgrade to the WebSocket protocol, and offer {SUBPROTOCOL}.");
    Err(ApiError::because(ErrorCode::Malformed, detail))
}

/// Serves a connection that asks for an upgrade until it ends.
pub async fn serve_upgraded(app: Arc<App>, request: Request, framed: Framed<Conn, h1::Codec>) {
    let hello = frames::encode(&hello(&app));
    if let Some(upgraded) = handshake::accept(&app, request, framed, &hello).await {
        // A task of its own, so that the dispatcher's memory is freed now.
        actix_web::rt::spawn(life::live(app, upgraded));
    }
}

/// Reads everything as a connection would, and shows the texts.
#[cfg(fuzzing)]
pub(crate) fn read_all(received: bytes::BytesMut, mut show: impl FnMut(&str)) {
    let mut reader = Reader::new(received);
    while let Some(incoming) = reader.next() {
        match incoming {
            Incoming::Text(text) => show(&text),
            Incoming::Ping(payload) => drop(frames::pong(&payload)),
            Incoming::Pong | Incoming::Fragment => {}
            Incoming::Bad(_) | Incoming::End => break,
        }
    }
}

/// Reads bytes that arrive in pieces. Returns what was read, and the maximum number of bytes buffered in between.
#[cfg(fuzzing)]
pub(crate) fn read_pieces(pieces: &[&[u8]]) -> (Vec<String>, usize) {
    let mut reader = Reader::new(bytes::BytesMut::new());
    let (mut seen, mut most) = (Vec::new(), 0);
    for piece in pieces {
        reader.receive(piece);
        while let Some(incoming) = reader.next() {
            seen.push(match incoming {
                Incoming::Text(text) => format!("text {text}"),
                Incoming::Fragment => "fragment".to_owned(),
                Incoming::Ping(payload) => format!("ping {payload:?}"),
                Incoming::Pong => "pong".to_owned(),
                Incoming::Bad(code) => {
                    seen.push(format!("bad {code:?}"));
                    return (seen, most);
                }
                Incoming::End => {
                    seen.push("end".to_owned());
                    return (seen, most);
                }
            });
        }
        most = most.max(reader.bytes());
    }
    (seen, most)
}

fn hello(app: &App) -> ServerFrame {
    ServerFrame::Hello(Hello {
        epoch: app.epoch.clone(),
        heartbeat_ms: limits::HEARTBEAT_MS,
        max_frame_bytes: limits::FRAME.0,
        server_time: app.clock.now(),
    })
}
