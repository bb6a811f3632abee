//! One connection without authentication: whose turn it is, and how long the client may keep us waiting.
//!
//! A connection *waits* while it is the client's turn: before a request, while its body is received, while its
//! response is not read. It is *served* while it is our turn, and *queued* until we begin to serve it. Sockets leave
//! the count of the `door` once they are authenticated.
//!
//! Invariant: only the client's own time counts against it, never the time that we take to read what it sent.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;
use std::time::Duration;

use tokio::time::Instant;

use super::addresses::AddressKey;
use super::memory::Kill;

/// Time limit for a complete request head, from its first byte.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// A client that reads fewer than [`TAKEN`] bytes in this time gets no more of its response.
const TAKE_WITHIN: Duration = Duration::from_secs(30);
/// Bytes; see [`TAKE_WITHIN`].
pub(super) const TAKEN: usize = 32 * 1024;
/// Minimum time for which a connection that broke the rules is held: if it were closed at once, the client could be
/// back at once, and each attempt costs as much as a small request.
const HOLD: Duration = Duration::from_secs(1);

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
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
    pub(super) began: Instant,
    pub(super) turn: AtomicU8,
    /// When the client's turn began, in milliseconds after `began`.
    pub(super) since: AtomicU64,
    /// When the client stopped reading what is written, in milliseconds after `began`, plus one; zero while it reads.
    pub(super) blocked: AtomicU64,
    /// When it began to wait for us to read what the client may have sent, in milliseconds after `began`, plus one; zero
    /// if it does not.
    pub(super) unread: AtomicU64,
    pub(super) taken: AtomicUsize,
    /// Bytes that were read before they were asked for.
    pub(super) ahead: AtomicUsize,
    pub(super) reading: Mutex<Option<Waker>>,
    /// The client has sent something in its current turn.
    pub(super) receiving: AtomicBool,
    /// Somebody authenticated on this connection.
    pub(super) known: AtomicBool,
    /// A response was begun and may not be written completely.
    pub(super) answering: AtomicBool,
    /// No request has come yet.
    pub(super) fresh: AtomicBool,
    /// It has become a socket whose client has not authenticated yet.
    pub(super) is_socket: AtomicBool,
    /// A body was announced and is not wanted: the dispatcher discards what arrives.
    pub(super) unwanted: AtomicBool,
    pub(super) thrown_away: AtomicUsize,
    pub(super) generous: AtomicBool,
    /// It sent something that is not HTTP: nothing more is read or written, and it is held for [`HOLD`] so that the
    /// client does not come back at once.
    pub(super) held: AtomicBool,
    /// The maximum was read ahead, and there was no complete request in it.
    pub(super) starved: AtomicBool,
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
            unread: AtomicU64::default(),
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

    pub(super) fn millis(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    fn turn_to(&self, turn: Turn) {
        self.turn.store(turn as u8, Ordering::Relaxed);
        self.unread.store(0, Ordering::Relaxed);
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

    /// Whether nothing has been read from it yet.
    pub(super) fn is_unread(&self) -> bool {
        self.fresh.load(Ordering::Relaxed) && !self.receiving.load(Ordering::Relaxed)
    }

    /// For how long the connection has existed.
    pub(super) fn age(&self) -> Duration {
        self.began.elapsed()
    }

    /// How long the client has kept us waiting, or has waited in the queue; `None` while it is served. The time in which
    /// the connection waits to be read is not the client's, unless it is the client that does not read.
    pub(super) fn waits(&self) -> Option<Duration> {
        let (blocked, unread) = (self.blocked.load(Ordering::Relaxed), self.unread.load(Ordering::Relaxed));
        let (since, now) = if blocked > 0 {
            (blocked - 1, self.millis())
        } else if self.turn.load(Ordering::Relaxed) == Turn::Served as u8 {
            return None;
        } else {
            (self.since.load(Ordering::Relaxed), if unread > 0 { unread - 1 } else { self.millis() })
        };
        Some(Duration::from_millis(now.saturating_sub(since)))
    }

    /// Holds the connection: nothing is read or written any more, and [`HOLD`] begins now.
    pub(super) fn hold(&self) {
        // It may have been waiting to be read, and never is now: its clock must not stand still.
        self.unread.store(0, Ordering::Relaxed);
        self.since.store(self.millis(), Ordering::Relaxed);
        self.held.store(true, Ordering::Relaxed);
    }

    /// Whether the client has exceeded its time limit. Bodies and idle connections are limited elsewhere.
    pub(super) fn is_overdue(&self) -> bool {
        if self.held.load(Ordering::Relaxed) {
            let held = self.millis().saturating_sub(self.since.load(Ordering::Relaxed));
            return Duration::from_millis(held) >= HOLD;
        }
        let Some(waits) = self.waits() else { return false };
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

    /// The connection waits for its turn to be read.
    pub(super) fn waits_to_be_read(&self) {
        if self.unread.load(Ordering::Relaxed) == 0 {
            self.unread.store(self.millis() + 1, Ordering::Relaxed);
        }
    }

    /// It is read: what it waited for that moves the client's turn.
    pub(super) fn is_read(&self) {
        let unread = self.unread.swap(0, Ordering::Relaxed);
        if unread > 0 {
            let waited = self.millis().saturating_sub(unread - 1);
            self.since.fetch_add(waited, Ordering::Relaxed);
        }
    }

    pub(super) fn read_ahead(&self, count: usize) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_time_in_which_nobody_read_is_not_the_clients() {
        let place = Place::new(AddressKey::of([192, 0, 2, 1].into()));
        let later = |seconds| tokio::time::advance(Duration::from_secs(seconds));
        let waits = || place.waits().map(|waits| waits.as_secs());
        later(2).await;
        assert_eq!(waits(), Some(2));
        place.waits_to_be_read();
        later(7).await;
        place.waits_to_be_read();
        later(7).await;
        assert_eq!(waits(), Some(2));
        place.is_read();
        assert_eq!(waits(), Some(2));
        place.read_ahead(10);
        assert_eq!(waits(), Some(0), "the time limit of a head begins with its first byte");
        later(9).await;
        assert!(!place.is_overdue());
        place.waits_to_be_read();
        later(9).await;
        assert!(!place.is_overdue(), "it may have sent the rest");
        place.is_read();
        later(1).await;
        assert!(place.is_overdue());
        place.turn_to(Turn::Served);
        assert_eq!(waits(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_never_read_again_is_closed() {
        let later = |millis| tokio::time::advance(Duration::from_millis(millis));
        let place = || Place::new(AddressKey::of([192, 0, 2, 1].into()));

        let held = place();
        held.read_ahead(10);
        later(5000).await;
        held.waits_to_be_read();
        held.hold();
        later(999).await;
        assert!(!held.is_overdue(), "it is held for a whole second, however long its head took");
        later(1).await;
        assert!(held.is_overdue());

        let blocked = place();
        blocked.turn_to(Turn::Served);
        blocked.blocked.store(blocked.millis() + 1, Ordering::Relaxed);
        blocked.waits_to_be_read();
        later(30_000).await;
        assert!(blocked.is_overdue(), "its client does not read");
    }
}
