//! The life of a connection, from its handshake to its end.
//!
//! Invariant: a connection waits for the client only as long as its deadline allows, and an idle one holds no buffer.

use std::net::Shutdown;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_web::rt::net::TcpStream;
use bytes::Bytes;
use parlour_protocol::socket::{ClientFrame, CloseCode};
use parlour_realtime::{Urgency, frames};
use socket2::SockRef;
use tokio::time::{Instant, Sleep};

use super::commands::Connection;
use super::handshake::Upgraded;
use super::reader::{Incoming, Reader};
use super::writer;
use crate::app::App;
use crate::budget::door::Entry;
use crate::budget::memory::{Held, Kill, Owner};
use crate::budget::{AFTER_REFUSAL, BODIES_OF_ONE, SMALL};

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

/// What woke a connection.
enum Woken {
    Write(Option<Bytes>),
    Readable,
    Deadline,
    Killed,
}

struct Life {
    connection: Connection,
    stream: Rc<TcpStream>,
    reader: Reader,
    kill: Arc<Kill>,
    /// Until it has started, it counts as an unauthenticated connection.
    entry: Option<Entry>,
    /// Whether a message is incomplete, and the memory reserved for it.
    unfinished: bool,
    held: Option<Held>,
    /// Whether the close frame has not been written yet.
    open: bool,
    /// Bytes that were discarded after the connection was to be closed, and whether no more are read.
    forgotten: usize,
    deaf: bool,
}

/// Serves a connection until it ends.
pub(super) async fn live(app: Arc<App>, upgraded: Upgraded) {
    let Upgraded { stream, entry, received, bearer, address } = upgraded;
    let kill = entry.place.kill().clone();
    entry.place.becomes_socket();
    let stream = Rc::new(stream);
    let (outbox, _place) = writer::register(&stream, app.hub.metrics().clone());
    let mut life = Life {
        connection: Connection::new(app, outbox, bearer, address),
        stream,
        reader: Reader::new(received),
        kill: kill.clone(),
        entry: Some(entry),
        unfinished: false,
        held: None,
        open: true,
        forgotten: 0,
        deaf: false,
    };
    // One timer for the life of the socket: creating one on every wake would double the work of a delivery.
    let mut deadline = pin!(tokio::time::sleep(START_WITHIN));
    let mut killed = pin!(kill.wait());
    // Bytes that arrived with the handshake are already here.
    let mut unread = true;
    loop {
        // On the heap, so that an idle connection takes no memory for it.
        if std::mem::take(&mut unread) && !Box::pin(life.read(deadline.as_mut())).await {
            break;
        }
        let closing = life.connection.outbox.closing().is_some();
        let woken = tokio::select! {
            chunk = std::future::poll_fn(|cx| life.connection.outbox.poll_held(cx)), if life.open => {
                Woken::Write(chunk)
            }
            // Polled rather than awaited by `readable()`: this replaces the waker that the HTTP dispatcher left in
            // the stream, which would keep the memory of its ended task, 2.9 KiB, for the life of the socket.
            _ = std::future::poll_fn(|cx| life.stream.poll_read_ready(cx)), if !life.deaf => Woken::Readable,
            () = deadline.as_mut() => Woken::Deadline,
            () = killed.as_mut(), if life.deaf || life.open && !closing => Woken::Killed,
        };
        let goes_on = match woken {
            Woken::Write(Some(chunk)) => {
                writer::write_patiently(&life.stream, chunk, &life.connection.outbox).await
            }
            Woken::Write(None) => life.bid_farewell(deadline.as_mut()),
            Woken::Readable if life.connection.outbox.closing().is_some() => life.discard(),
            Woken::Readable => {
                unread = true;
                life.reader.fill(&life.stream)
            }
            Woken::Killed => life.make_room(),
            Woken::Deadline => life.time_out(deadline.as_mut()),
        };
        if !goes_on {
            break;
        }
    }
    let Life { connection, entry, held, .. } = life;
    drop((held, entry));
    connection.app.hub.disconnect(&connection.outbox);
}

/// What happens to a connection. Every function returns whether it goes on.
impl Life {
    /// Handles the messages that have arrived.
    async fn read(&mut self, mut deadline: Pin<&mut Sleep>) -> bool {
        let mut taken = 0;
        // Once the connection is to be closed, no more messages are handled.
        while self.connection.outbox.closing().is_none()
            && let Some(incoming) = self.reader.next()
        {
            match take(&mut self.connection, incoming).await {
                Ok(true) if self.connection.started() => {
                    self.entry = None;
                    // A message that never ends is no sign of life.
                    if !self.unfinished {
                        deadline.as_mut().reset(Instant::now() + SILENCE);
                    }
                }
                Ok(true) => {}
                Ok(false) => return false,
                Err(code) => self.connection.outbox.close(code),
            }
            taken += 1;
            if self.connection.throttle.wait_ms().is_some() {
                // Each refusal costs as much as a command, so wait a moment before the next one is read.
                tokio::time::sleep(AFTER_REFUSAL).await;
            }
            if taken % AT_ONCE == 0 {
                tokio::task::yield_now().await;
            }
        }
        let bytes = self.reader.held();
        if bytes == 0 && self.unfinished && self.connection.started() {
            deadline.as_mut().reset(Instant::now() + SILENCE);
        } else if bytes > 0 && !self.unfinished && self.connection.started() {
            deadline.as_mut().reset(Instant::now() + UNFINISHED);
        }
        self.unfinished = bytes > 0;
        self.held = None;
        if bytes > SMALL {
            let Connection { app, outbox, user, address, .. } = &self.connection;
            let owner = user.map_or(Owner::Address(*address), Owner::Person);
            self.held = app.budgets.memory.hold(owner, bytes, BODIES_OF_ONE, &self.kill);
            if self.held.is_none() {
                outbox.close(CloseCode::Overloaded);
            }
        }
        true
    }

    /// The close frame was written: the client has a moment to answer it.
    fn bid_farewell(&mut self, deadline: Pin<&mut Sleep>) -> bool {
        self.open = false;
        self.connection.app.hub.disconnect(&self.connection.outbox);
        let _ = SockRef::from(&*self.stream).shutdown(Shutdown::Write);
        deadline.reset(Instant::now() + FAREWELL);
        true
    }

    /// Whatever arrives before the client's close frame is read and discarded: closing with unread bytes would reset the
    /// connection, and the client might never see the reason.
    fn discard(&mut self) -> bool {
        let Some(count) = Reader::discard(&self.stream) else {
            return false;
        };
        self.forgotten += count;
        self.deaf = self.forgotten > if self.connection.started() { FORGET.1 } else { FORGET.0 };
        if self.deaf {
            let _ = SockRef::from(&*self.stream).set_recv_buffer_size(KEPT_BY_KERNEL);
        }
        true
    }

    /// The connection has to make room for others.
    fn make_room(&self) -> bool {
        let Connection { app, outbox, .. } = &self.connection;
        if self.deaf {
            return false;
        }
        if app.draining.load(Ordering::Acquire) {
            outbox.close(CloseCode::Draining);
            return true;
        }
        // Unauthenticated sockets make room without notice; others are told to reconnect.
        if self.entry.is_some() {
            return false;
        }
        outbox.close(CloseCode::Overloaded);
        true
    }

    /// The deadline has passed.
    fn time_out(&self, deadline: Pin<&mut Sleep>) -> bool {
        if self.open {
            let started = self.connection.started();
            let code = if started { CloseCode::Heartbeat } else { CloseCode::StartTimeout };
            self.connection.outbox.close(code);
            deadline.reset(Instant::now() + FAREWELL);
        }
        self.open
    }
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
