//! One connection without authentication: whose turn it is, and how long the client may keep us waiting.
//!
//! A connection *waits* while it is the client's turn: before a request, while its body is received, while its
//! response is not read. It is *served* while it is our turn, and *queued* until we begin to serve it. Sockets leave
//! the count of the `door` once they are authenticated.
//!
//! Invariant: no more is read from a connection than what was asked for, and a little ahead.

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
use super::pace::Paced;
use crate::problems;

/// Time limit for a complete request head, from its first byte.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// Bytes of an unwanted body that are discarded, so that a client that keeps sending still sees the response; more
/// for somebody authenticated whose picture is too large.
const THROW_AWAY: (usize, usize) = (64 * 1024, 8 * 1024 * 1024);
/// A client that reads fewer than [`TAKEN`] bytes in this time gets no more of its response.
const TAKE_WITHIN: Duration = Duration::from_secs(30);
/// Bytes; see [`TAKE_WITHIN`].
const TAKEN: usize = 32 * 1024;
/// Bytes read ahead of what was asked for: before a request, a head of maximum size and some of the body; while a
/// request is served, little of what follows it.
const AHEAD: (usize, usize) = (16 * 1024, 8 * 1024);
/// Minimum time for which a connection that broke the rules is held: if it were closed at once, the client could be
/// back at once, and each attempt costs as much as a small request.
const HOLD: Duration = Duration::from_secs(1);

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// The client's turn, before a request.
    Request = 0,
    /// Our turn.
    Served = 1,
    /// The client's turn to send a body.
    Body = 2,
    /// Our turn, but serving has not begun. If necessary, such a connection is closed in favour of another.
    Queued = 3,
}

/// State of one counted connection.
pub struct Place {
    pub(super) address: AddressKey,
    pub(super) kill: Arc<Kill>,
    began: Instant,
    turn: AtomicU8,
    /// When the client's turn began, in milliseconds after `began`.
    since: AtomicU64,
    /// When the client stopped reading what is written, in milliseconds after `began`, plus one; zero while it reads.
    blocked: AtomicU64,
    taken: AtomicUsize,
    /// Bytes that were read before they were asked for.
    ahead: AtomicUsize,
    reading: Mutex<Option<Waker>>,
    /// The client has sent something in its current turn.
    receiving: AtomicBool,
    /// Somebody authenticated on this connection.
    known: AtomicBool,
    /// A response was begun and may not be written completely.
    answering: AtomicBool,
    /// No request has come yet.
    fresh: AtomicBool,
    /// It has become a socket whose client has not authenticated yet.
    pub(super) is_socket: AtomicBool,
    /// A body was announced and is not wanted: the dispatcher discards what arrives.
    unwanted: AtomicBool,
    thrown_away: AtomicUsize,
    generous: AtomicBool,
    /// It sent something that is not HTTP: nothing more is read or written, and it is held for [`HOLD`] so that the
    /// client does not come back at once.
    held: AtomicBool,
    /// The maximum was read ahead, and there was no complete request in it.
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

    /// The network that the client connects from.
    pub fn network(&self) -> AddressKey {
        self.address
    }

    /// Lets an authenticated client send the whole of a body that is too large, so that it sees the reason.
    pub fn be_generous(&self) {
        if self.is_known() {
            self.generous.store(true, Ordering::Relaxed);
        }
    }

    /// Handle that closes the connection.
    pub fn kill(&self) -> &Arc<Kill> {
        &self.kill
    }

    /// The connection has become a socket; now it is the client's turn to authenticate.
    pub fn becomes_socket(&self) {
        self.is_socket.store(true, Ordering::Relaxed);
        self.turn_to(Turn::Request);
    }

    /// Marks the connection as authenticated: when there are too many, others are closed first.
    pub fn know(&self) {
        self.known.store(true, Ordering::Relaxed);
    }

    /// The client exceeded its rate limit: until one of its requests is served again, it is treated like a stranger.
    pub fn forget(&self) {
        self.known.store(false, Ordering::Relaxed);
    }

    /// Whether the connection is authenticated.
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

    /// Whether the next request may begin at once; true only for the first, since its connection has waited already.
    pub fn has_waited(&self) -> bool {
        self.fresh.swap(false, Ordering::Relaxed)
    }

    /// Whether its request waits to be served.
    pub(super) fn is_queued(&self) -> bool {
        self.turn.load(Ordering::Relaxed) == Turn::Queued as u8
    }

    /// How long the client has kept us waiting, or has waited in the queue; `None` while it is served.
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

    /// Whether the client has exceeded its time limit. Bodies and idle connections are limited elsewhere.
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

    /// Starts the client's turn to send a body, which ends when the returned value is dropped.
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
    /// Reports that bytes of the body were consumed: as many more may be read.
    pub fn took(&self, count: usize) {
        self.0.ask_for_more(count);
    }

    /// Reports that the whole body was received.
    pub fn done(&self) {
        self.0.unwanted.store(false, Ordering::Relaxed);
    }
}

impl Drop for ReceivingBody {
    fn drop(&mut self) {
        self.0.turn_to(Turn::Served);
    }
}

/// A request in progress; dropping it starts the client's next turn.
pub struct Serving(Arc<Place>);

impl Serving {
    /// Registers a request that waits for its turn.
    pub fn queue(place: &Arc<Place>, has_body: bool) -> Self {
        place.turn_to(Turn::Queued);
        place.unwanted.store(has_body, Ordering::Relaxed);
        place.answering.store(true, Ordering::Relaxed);
        Self(place.clone())
    }

    /// Marks the request as being served.
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
    reader: Paced,
}

impl Conn {
    pub(super) fn new(stream: TcpStream, entry: Entry, reader: Paced) -> Self {
        Self { stream, entry, reader }
    }

    /// The state of the connection.
    pub fn place(&self) -> &Arc<Place> {
        &self.entry.place
    }

    /// Splits it into the stream and its entry at the door.
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
                // The dispatcher parses what was read before it polls again: if it still finds no request in that
                // much, the head is too long.
                if place.starved.swap(true, Ordering::Relaxed) {
                    let _ = self.stream.try_write(&problems::of_the_dispatcher(431));
                    return Poll::Ready(Ok(()));
                }
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            // What was read before has not been asked for yet.
            *place.reading.lock().unwrap_or_else(PoisonError::into_inner) = Some(cx.waker().clone());
            return Poll::Pending;
        }
        if throws_away {
            let generous = place.generous.load(Ordering::Relaxed);
            let most = if generous { THROW_AWAY.1 } else { THROW_AWAY.0 };
            if place.thrown_away.load(Ordering::Relaxed) > most {
                // Closed rather than held: its buffers are as large as they get.
                return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
            }
        }
        let paced = !place.is_known();
        if paced && self.reader.poll(cx).is_pending() {
            return Poll::Pending;
        }
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        let count = buf.filled().len() - before;
        if paced && polled.is_pending() {
            self.reader.give_back();
        }
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
            // A kilobyte always fits: nothing else on this connection is still unflushed.
            let _ = self.stream.try_write(&ours);
            if place.is_known() {
                return Poll::Ready(Ok(bytes.len()));
            }
            // The client sees the response and the end of the stream. The dispatcher would close the connection right
            // after writing; `Pending` makes it wait until the connection is overdue.
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
        // Everything was written, to the client or to the kernel's buffer.
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
