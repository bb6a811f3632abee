//! The WebSocket: the handshake, and the life of a connection.
//!
//! Invariant: only this folder knows how bytes reach the wire, and only `start` is accepted before a valid access
//! token was presented. A fault here costs one connection.

mod allowed;
mod commands;
mod handshake;
mod reader;
mod replies;
mod start;
mod throttle;
mod writer;

use std::net::Shutdown;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_codec::Framed;
use actix_http::{Request, h1};
use actix_web::{HttpResponse, get};
use bytes::Bytes;
use parlour_protocol::limits;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::socket::{ClientFrame, CloseCode, Hello, SUBPROTOCOL, ServerFrame};
use parlour_realtime::{Urgency, frames};
use socket2::SockRef;
use tokio::time::Instant;

use crate::app::App;
use crate::budget::connections::Conn;
use crate::budget::memory::Owner;
use crate::budget::{AFTER_REFUSAL, BODIES_OF_ONE, SMALL};
use crate::problems::ApiError;
use commands::Connection;
use handshake::Upgraded;
use reader::{Incoming, Reader};

/// Time limit for `start`.
const START_WITHIN: Duration = Duration::from_secs(10);
/// Time limit for the rest of a message that has begun to arrive.
const UNFINISHED: Duration = Duration::from_secs(20);
/// Frames handled before other connections of the thread get their turn.
const AT_ONCE: usize = 64;
/// A connection is closed after this long without any sign of life.
const SILENCE: Duration = Duration::from_secs(60);
/// Bytes that are read and discarded from a client that keeps sending after the close frame: before `start`, and
/// after it. Beyond that, the connection is no longer read, and held until its time is up.
const FORGET: (usize, usize) = (64 * 1024, 1200 * 1024);
/// Receive buffer left to the kernel once the connection is no longer read.
const KEPT_BY_KERNEL: usize = 16 * 1024;
/// Time limit for the client's answer to the close frame.
const FAREWELL: Duration = Duration::from_secs(5);

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
        actix_web::rt::spawn(live(app, upgraded));
    }
}

/// What woke a connection.
enum Woken {
    Write(Option<Bytes>),
    Readable,
    Deadline,
    Killed,
}

async fn live(app: Arc<App>, upgraded: Upgraded) {
    let Upgraded { stream, entry, received, bearer, address } = upgraded;
    let kill = entry.place.kill().clone();
    entry.place.becomes_socket();
    // Until it has started, it counts as an unauthenticated connection.
    let mut entry = Some(entry);
    let stream = Rc::new(stream);
    let (outbox, _place) = writer::register(&stream, app.hub.metrics().clone());
    let mut connection = Connection::new(app, outbox, bearer, address);
    let mut reader = Reader::new(received);
    // One timer for the life of the socket: creating one on every wake would double the work of a delivery.
    let mut deadline = pin!(tokio::time::sleep(START_WITHIN));
    let mut killed = pin!(kill.wait());
    let mut open = true;
    let (mut forgotten, mut deaf) = (0, false);
    // Bytes that arrived with the handshake are already here.
    let mut unread = true;
    // Reserved memory for an incomplete message, and whether there is one.
    let (mut held, mut unfinished) = (None, false);
    loop {
        if unread {
            unread = false;
            let mut taken = 0;
            // Once the connection is to be closed, no more messages are handled.
            while connection.outbox.closing().is_none()
                && let Some(incoming) = reader.next()
            {
                match Box::pin(take(&mut connection, incoming)).await {
                    Ok(true) if connection.started() => {
                        entry = None;
                        // A message that never ends is no sign of life.
                        if !unfinished {
                            deadline.as_mut().reset(Instant::now() + SILENCE);
                        }
                    }
                    Ok(true) => {}
                    Ok(false) => return connection.app.hub.disconnect(&connection.outbox),
                    Err(code) => connection.outbox.close(code),
                }
                taken += 1;
                if connection.throttle.wait_ms().is_some() {
                    // Each refusal costs as much as a command, so wait a moment before the next one is read.
                    tokio::time::sleep(AFTER_REFUSAL).await;
                }
                if taken % AT_ONCE == 0 {
                    tokio::task::yield_now().await;
                }
            }
            let bytes = reader.held();
            if bytes == 0 && unfinished && connection.started() {
                deadline.as_mut().reset(Instant::now() + SILENCE);
            } else if bytes > 0 && !unfinished && connection.started() {
                deadline.as_mut().reset(Instant::now() + UNFINISHED);
            }
            unfinished = bytes > 0;
            held = None;
            if bytes > SMALL {
                let owner = connection.user.map_or(Owner::Address(address), Owner::Person);
                held = connection.app.budgets.memory.hold(owner, bytes, BODIES_OF_ONE, &kill);
                if held.is_none() {
                    connection.outbox.close(CloseCode::Overloaded);
                }
            }
        }
        let woken = tokio::select! {
            chunk = std::future::poll_fn(|cx| connection.outbox.poll_held(cx)), if open => Woken::Write(chunk),
            // Polled rather than awaited by `readable()`: this replaces the waker that the HTTP dispatcher left in
            // the stream, which would keep the memory of its ended task, 2.9 KiB, for the life of the socket.
            _ = std::future::poll_fn(|cx| stream.poll_read_ready(cx)), if !deaf => Woken::Readable,
            () = deadline.as_mut() => Woken::Deadline,
            () = killed.as_mut(), if deaf || open && connection.outbox.closing().is_none() => Woken::Killed,
        };
        match woken {
            Woken::Write(Some(chunk)) => {
                if !writer::write_patiently(&stream, chunk, &connection.outbox).await {
                    break;
                }
            }
            // The close frame was written: the client has a moment to answer it.
            Woken::Write(None) => {
                open = false;
                connection.app.hub.disconnect(&connection.outbox);
                let _ = SockRef::from(&*stream).shutdown(Shutdown::Write);
                deadline.as_mut().reset(Instant::now() + FAREWELL);
            }
            // Whatever arrives before the client's close frame is read and discarded: closing with unread bytes would
            // reset the connection, and the client might never see the reason.
            Woken::Readable if connection.outbox.closing().is_some() => match Reader::discard(&stream) {
                Some(count) => {
                    forgotten += count;
                    deaf = forgotten > if connection.started() { FORGET.1 } else { FORGET.0 };
                    if deaf {
                        let _ = SockRef::from(&*stream).set_recv_buffer_size(KEPT_BY_KERNEL);
                    }
                }
                None => break,
            },
            Woken::Readable => {
                if !reader.fill(&stream) {
                    break;
                }
                unread = true;
            }
            Woken::Killed if deaf => break,
            Woken::Killed if connection.app.draining.load(Ordering::Acquire) => {
                connection.outbox.close(CloseCode::Draining);
            }
            // Unauthenticated sockets make room without notice; others are told to reconnect.
            Woken::Killed if entry.is_some() => break,
            Woken::Killed => connection.outbox.close(CloseCode::Overloaded),
            Woken::Deadline if open => {
                let code = if connection.started() { CloseCode::Heartbeat } else { CloseCode::StartTimeout };
                connection.outbox.close(code);
                deadline.as_mut().reset(Instant::now() + FAREWELL);
            }
            Woken::Deadline => break,
        }
    }
    drop((held, entry));
    connection.app.hub.disconnect(&connection.outbox);
}

/// Handles one message. Returns false if the client has closed the connection.
async fn take(connection: &mut Connection, incoming: Incoming) -> Result<bool, CloseCode> {
    match incoming {
        Incoming::Text(text) => {
            connection.throttle.charge_command()?;
            match serde_json::from_str::<ClientFrame>(&text) {
                Ok(frame) => connection.run(frame).await?,
                Err(error) if !connection.started() => {
                    connection.refuse_malformed(&text, &error)?;
                    return Err(CloseCode::BadFrame);
                }
                Err(error) => connection.refuse_malformed(&text, &error)?,
            }
        }
        Incoming::Ping(payload) => {
            connection.throttle.charge_sign()?;
            connection.outbox.reply(frames::pong(&payload), Urgency::Now);
        }
        Incoming::Pong | Incoming::Fragment => connection.throttle.charge_sign()?,
        Incoming::Bad(code) => return Err(code),
        Incoming::End => return Ok(false),
    }
    Ok(true)
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
