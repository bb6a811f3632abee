//! The socket: the handshake, and the life of a connection.
//!
//! Invariant: nothing outside this folder knows how bytes reach the wire, and nothing but `start` is done before
//! somebody has shown a valid access token. A fault here costs one connection.

mod body;
mod commands;
mod reader;

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::{HttpRequest, HttpResponse, get, web};
use parlour_protocol::limits;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::socket::{ClientFrame, CloseCode, Hello, SUBPROTOCOL, ServerFrame};
use parlour_realtime::{Outbox, frames};

use crate::app::App;
use crate::auth::{Shared, bearer_token, check_origin};
use crate::problems::ApiError;
use body::SocketBody;
use commands::Connection;
use reader::{Incoming, Reader};

/// Time for `start`.
const START_WITHIN: Duration = Duration::from_secs(10);
/// A connection without any sign of life for this long is closed.
const SILENCE: Duration = Duration::from_secs(60);
/// Time for the last frames and the close frame to leave.
const FAREWELL: Duration = Duration::from_secs(5);

/// Opens the socket of the protocol `parlour.v1`. The access token comes in the `Authorization` header or in the
/// first frame, never in a cookie or in the address. The frames are described by `openapi/socket.schema.json`.
#[utoipa::path(
    tag = "socket",
    params(("sec-websocket-protocol" = String, Header, description = "`parlour.v1`")),
    responses((status = 101, description = "Switching to the WebSocket protocol"))
)]
#[get("/socket")]
pub async fn open_socket(
    app: Shared,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    check_origin(&app, &request)?;
    let offered = request
        .headers()
        .get_all("sec-websocket-protocol")
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|protocol| protocol.trim() == SUBPROTOCOL);
    if !offered {
        let detail = format!("Offer the subprotocol {SUBPROTOCOL}.");
        return Err(ApiError::because(ErrorCode::Malformed, detail));
    }
    app.connect_rate
        .take(())
        .map_err(|wait| ApiError::retry_after(ErrorCode::Unavailable, wait.max(1000)))?;
    let bearer = match bearer_token(&request) {
        Some(token) => Some(app.authenticate(token)?),
        None => None,
    };
    let (response, session, messages) = actix_ws::handle_with_protocols(&request, payload, &[SUBPROTOCOL])
        .map_err(|error| ApiError::because(ErrorCode::Malformed, error.to_string()))?;
    let outbox = Arc::new(Outbox::new(app.hub.metrics().clone()));
    // Frames are written by a body of our own that shares their bytes; the session's body only keeps the reading
    // side open.
    let response = response.map_body(|_, original| SocketBody::new(outbox.clone(), original));
    let reader = Reader::new(messages, session);
    let connection = Connection::new(app.get_ref().clone(), outbox, bearer);
    actix_web::rt::spawn(live(connection, reader));
    Ok(response.map_into_boxed_body())
}

async fn live(mut connection: Connection, mut reader: Reader) {
    connection.outbox.reply(frames::encode(&hello(&connection.app)));
    let opened = Instant::now();
    let mut heard = opened;
    loop {
        let deadline = if connection.started() { heard + SILENCE } else { opened + START_WITHIN };
        let incoming = tokio::time::timeout_at(deadline.into(), reader.next()).await;
        // Ended from elsewhere: by a revocation, by the queue, by the end of the node.
        if connection.outbox.closing().is_some() {
            break;
        }
        match incoming {
            Ok(Incoming::Text(text)) => {
                heard = Instant::now();
                if let Err(code) = take(&mut connection, &text).await {
                    connection.outbox.close(code);
                    break;
                }
            }
            Ok(Incoming::Ping(payload)) => {
                heard = Instant::now();
                connection.outbox.reply(frames::pong(&payload));
            }
            Ok(Incoming::Pong) => heard = Instant::now(),
            Ok(Incoming::Bad(code)) => {
                connection.outbox.close(code);
                break;
            }
            Ok(Incoming::End) => break,
            Err(_) if heard.elapsed() < SILENCE && connection.started() => {}
            Err(_) => {
                let code = if connection.started() { CloseCode::Heartbeat } else { CloseCode::StartTimeout };
                connection.outbox.close(code);
                break;
            }
        }
    }
    // Lets the close frame leave, and the client answer it.
    if connection.outbox.closing().is_some() {
        let _ = tokio::time::timeout(FAREWELL, reader.drain()).await;
    }
    connection.app.hub.disconnect(&connection.outbox);
}

async fn take(connection: &mut Connection, text: &str) -> Result<(), CloseCode> {
    connection.allow()?;
    match serde_json::from_str::<ClientFrame>(text) {
        Ok(frame) => connection.run(frame).await,
        Err(_) if !connection.started() => Err(CloseCode::BadFrame),
        Err(error) => connection.refuse_malformed(text, &error),
    }
}

fn hello(app: &App) -> ServerFrame {
    ServerFrame::Hello(Hello {
        epoch: app.epoch.clone(),
        heartbeat_ms: limits::HEARTBEAT_MS,
        max_frame_bytes: limits::FRAME.0,
        server_time: app.clock.now(),
    })
}
