//! One connection of somebody who has not said who they are: whose turn it is, and for how long it may keep us waiting.
//!
//! A connection *waits* while it is the client's turn: before a request, while its body is received, while its answer
//! is not taken. It is *served* while it is ours, and *queued* while we have not come to it. Sockets leave the count of
//! the `door` when they have started.
//!
//! Invariant: no more is read from a connection than what was asked for and a little ahead.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use actix_web::rt::net::TcpStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::addresses::AddressKey;
use super::door::Entry;
use super::memory::Kill;
use crate::problems;

/// A request must be complete this long after its first byte.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// Bytes that are thrown away of a body that nobody wants, so that a client that sends on sees the answer; more of
/// somebody known whose picture is too large.
const THROW_AWAY: (usize, usize) = (64 * 1024, 8 * 1024 * 1024);
/// A client that is slower than [`TAKEN`] bytes in this time gets no more of its answer.
const TAKE_WITHIN: Duration = Duration::from_secs(30);
/// See [`TAKE_WITHIN`].
const TAKEN: usize = 32 * 1024;
/// Bytes that are read ahead of what is asked for: a head of the longest kind and some of the body, and while a request is
/// served little of what follows it.
const AHEAD: (usize, usize) = (16 * 1024, 8 * 1024);
/// A connection that broke the rules is held for at least this long: one that is closed at once can be there again at
/// once, and each costs as much as a small request.
const HOLD: Duration = Duration::from_secs(1);

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// The client's, before a request.
    Request = 0,
    /// Ours.
    Served = 1,
    /// The client's, which is to send a body.
    Body = 2,
    /// Ours, and we have not come to it yet. When it must be, such a connection is closed for another one.
    Queued = 3,
}

/// A connection's place among those that are counted.
pub struct Place {
    pub(super) address: AddressKey,
    pub(super) kill: Arc<Kill>,
    began: Instant,
    turn: AtomicU8,
    /// Milliseconds after `began` since when it is the client's turn.
    since: AtomicU64,
    /// Milliseconds after `began` since when the client does not take what is written, plus one; zero when it does.
    blocked: AtomicU64,
    taken: AtomicUsize,
    /// Bytes that were read and not asked for.
    ahead: AtomicUsize,
    reading: Mutex<Option<Waker>>,
    /// The client has sent something since its turn began.
    receiving: AtomicBool,
    /// Somebody has shown who they are on this connection.
    known: AtomicBool,
    /// An answer was begun that may not have been written to its end.
    answering: AtomicBool,
    /// No request has come yet.
    fresh: AtomicBool,
    /// It has become a socket, whose client has not said yet who it is.
    pub(super) is_socket: AtomicBool,
    /// A body was announced and is not wanted: what comes of it is thrown away by the dispatcher.
    unwanted: AtomicBool,
    thrown_away: AtomicUsize,
    generous: AtomicBool,
    /// What it sent was no HTTP: nothing more is read or written, and it is held for [`HOLD`] so that it does not come
    /// back at once.
    held: AtomicBool,
    /// As much as may be was read, and there was no request in it.
    starved: AtomicBool,
}

impl Place {
    pub(super) fn new(address: AddressKey) -> Self {
        Self {
            address,
            kill: Arc::default(),
            began: Instant::now(),
            turn: AtomicU8::new(Turn::Request as u8),
            since: AtomicU64::default(),
            blocked: AtomicU64::default(),
            taken: AtomicUsize::default(),
            ahead: AtomicUsize::default(),
            reading: Mutex::default(),
            receiving: AtomicBool::default(),
            known: AtomicBool::default(),
            answering: AtomicBool::default(),
            fresh: AtomicBool::new(true),
            is_socket: AtomicBool::default(),
            unwanted: AtomicBool::default(),
            thrown_away: AtomicUsize::default(),
            generous: AtomicBool::default(),
            held: AtomicBool::default(),
            starved: AtomicBool::default(),
        }
    }

    /// Where it comes from.
    pub fn network(&self) -> AddressKey {
        self.address
    }

    /// The whole of a body that is too large may be sent to somebody known: they see why it is not wanted.
    pub fn be_generous(&self) {
        if self.is_known() {
            self.generous.store(true, Ordering::Relaxed);
        }
    }

    /// Closes the connection.
    pub fn kill(&self) -> &Arc<Kill> {
        &self.kill
    }

    /// The connection has become a socket; it is the client's turn to say who it is.
    pub fn becomes_socket(&self) {
        self.is_socket.store(true, Ordering::Relaxed);
        self.turn_to(Turn::Request);
    }

    /// Somebody has shown who they are: others are closed first when there are too many.
    pub fn know(&self) {
        self.known.store(true, Ordering::Relaxed);
    }

    /// They came too fast: until a request of theirs is served again they are no better than strangers.
    pub fn forget(&self) {
        self.known.store(false, Ordering::Relaxed);
    }

    /// Whether somebody has shown who they are.
    pub fn is_known(&self) -> bool {
        self.known.load(Ordering::Relaxed)
    }

    fn millis(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    fn turn_to(&self, turn: Turn) {
        self.turn.store(turn as u8, Ordering::Relaxed);
        self.since.store(self.millis(), Ordering::Relaxed);
        self.receiving.store(false, Ordering::Relaxed);
        self.starved.store(false, Ordering::Relaxed);
    }

    /// Whether the next request may begin at once: the first one has waited for its turn as a connection.
    pub fn has_waited(&self) -> bool {
        self.fresh.swap(false, Ordering::Relaxed)
    }

    /// Whether we have not come to it yet.
    pub(super) fn is_queued(&self) -> bool {
        self.turn.load(Ordering::Relaxed) == Turn::Queued as u8
    }

    /// For how long the client keeps us waiting, or waits in the queue; `None` while it is served.
    pub(super) fn waits(&self) -> Option<Duration> {
        let now = self.millis();
        let blocked = self.blocked.load(Ordering::Relaxed);
        let since = if blocked > 0 {
            blocked - 1
        } else if self.turn.load(Ordering::Relaxed) == Turn::Served as u8 {
            return None;
        } else {
            self.since.load(Ordering::Relaxed)
        };
        Some(Duration::from_millis(now.saturating_sub(since)))
    }

    /// Whether the client has used up its time. Bodies and idle connections have limits elsewhere.
    pub(super) fn is_overdue(&self) -> bool {
        let Some(waits) = self.waits() else { return false };
        if self.held.load(Ordering::Relaxed) {
            return waits >= HOLD;
        }
        if self.blocked.load(Ordering::Relaxed) > 0 {
            return waits >= TAKE_WITHIN;
        }
        self.turn.load(Ordering::Relaxed) == Turn::Request as u8
            && self.receiving.load(Ordering::Relaxed)
            && waits >= HEAD_WITHIN
    }

    /// The client is to send a body; what is returned ends that.
    pub fn receive_body(self: &Arc<Self>) -> ReceivingBody {
        self.turn_to(Turn::Body);
        ReceivingBody(self.clone())
    }

    fn read_ahead(&self, count: usize) {
        self.ahead.fetch_add(count, Ordering::Relaxed);
        if self.turn.load(Ordering::Relaxed) == Turn::Request as u8
            && !self.receiving.swap(true, Ordering::Relaxed)
        {
            self.since.store(self.millis(), Ordering::Relaxed);
        }
    }

    fn ask_for_more(&self, count: usize) {
        let before = self.ahead.load(Ordering::Relaxed);
        self.ahead.store(before.saturating_sub(count), Ordering::Relaxed);
        let waker = self.reading.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// A body that is being received.
pub struct ReceivingBody(Arc<Place>);

impl ReceivingBody {
    /// A part of the body was taken: as much may be read again.
    pub fn took(&self, count: usize) {
        self.0.ask_for_more(count);
    }

    /// All of it was taken.
    pub fn done(&self) {
        self.0.unwanted.store(false, Ordering::Relaxed);
    }
}

impl Drop for ReceivingBody {
    fn drop(&mut self) {
        self.0.turn_to(Turn::Served);
    }
}

/// A request that is being served; dropping it makes it the client's turn again.
pub struct Serving(Arc<Place>);

impl Serving {
    /// A request has come, which waits until it is its turn.
    pub fn queue(place: &Arc<Place>, has_body: bool) -> Self {
        place.turn_to(Turn::Queued);
        place.unwanted.store(has_body, Ordering::Relaxed);
        place.answering.store(true, Ordering::Relaxed);
        Self(place.clone())
    }

    /// Begins to serve it.
    pub fn begin(&self) {
        self.0.turn_to(Turn::Served);
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.turn_to(Turn::Request);
        self.0.ask_for_more(usize::MAX);
    }
}

/// A connection as the HTTP dispatcher sees it.
pub struct Conn {
    stream: TcpStream,
    entry: Entry,
}

impl Conn {
    pub(super) fn new(stream: TcpStream, entry: Entry) -> Self {
        Self { stream, entry }
    }

    /// The connection's place.
    pub fn place(&self) -> &Arc<Place> {
        &self.entry.place
    }

    /// The connection by itself, and its entry.
    pub fn into_parts(self) -> (TcpStream, Entry) {
        (self.stream, self.entry)
    }
}

impl AsyncRead for Conn {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let place = self.entry.place.clone();
        if place.held.load(Ordering::Relaxed) {
            return Poll::Pending;
        }
        let throws_away = place.turn.load(Ordering::Relaxed) == Turn::Request as u8
            && place.unwanted.load(Ordering::Relaxed);
        let served = place.turn.load(Ordering::Relaxed) != Turn::Request as u8;
        let most_ahead = if served { AHEAD.1 } else { AHEAD.0 };
        if place.ahead.load(Ordering::Relaxed) >= most_ahead && !throws_away {
            if place.turn.load(Ordering::Relaxed) == Turn::Request as u8 {
                // The dispatcher looks at what was read before it comes back: when it still finds no request in so much,
                // the head is too long.
                if place.starved.swap(true, Ordering::Relaxed) {
                    let _ = self.stream.try_write(&problems::of_the_dispatcher(431));
                    return Poll::Ready(Ok(()));
                }
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            // Nobody has asked for what was read before.
            *place.reading.lock().unwrap_or_else(PoisonError::into_inner) = Some(cx.waker().clone());
            return Poll::Pending;
        }
        if throws_away {
            let generous = place.generous.load(Ordering::Relaxed);
            let most = if generous { THROW_AWAY.1 } else { THROW_AWAY.0 };
            if place.thrown_away.load(Ordering::Relaxed) > most {
                // Closed, not held: its buffers are as large as they get.
                return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
            }
        }
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        let count = buf.filled().len() - before;
        if count > 0 {
            place.read_ahead(count);
            if throws_away {
                place.thrown_away.fetch_add(count, Ordering::Relaxed);
            }
        }
        polled
    }
}

impl AsyncWrite for Conn {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let place = self.entry.place.clone();
        if place.held.load(Ordering::Relaxed) {
            return Poll::Pending;
        }
        if !place.answering.load(Ordering::Relaxed)
            && let Some(ours) = problems::in_place_of(bytes)
        {
            // A kilobyte always fits: nothing else was written on this connection that is not flushed.
            let _ = self.stream.try_write(&ours);
            if place.is_known() {
                return Poll::Ready(Ok(bytes.len()));
            }
            // The client sees the answer and its end. The dispatcher would close the connection as soon as it has written;
            // it waits, until the connection is overdue.
            place.held.store(true, Ordering::Relaxed);
            let _ = Pin::new(&mut self.stream).poll_shutdown(cx);
            return Poll::Pending;
        }
        match Pin::new(&mut self.stream).poll_write(cx, bytes) {
            Poll::Pending => {
                if place.blocked.load(Ordering::Relaxed) == 0 {
                    place.taken.store(0, Ordering::Relaxed);
                    place.blocked.store(place.millis() + 1, Ordering::Relaxed);
                }
                Poll::Pending
            }
            Poll::Ready(Ok(count)) => {
                if place.blocked.load(Ordering::Relaxed) > 0
                    && place.taken.fetch_add(count, Ordering::Relaxed) + count >= TAKEN
                {
                    place.blocked.store(0, Ordering::Relaxed);
                }
                Poll::Ready(Ok(count))
            }
            failed => failed,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Everything was written: the client has taken it, or the kernel has.
        let place = &self.entry.place;
        place.blocked.store(0, Ordering::Relaxed);
        if place.turn.load(Ordering::Relaxed) == Turn::Request as u8 {
            place.answering.store(false, Ordering::Relaxed);
        }
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
