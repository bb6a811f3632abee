//! The outgoing queue of one connection.
//!
//! The writer task of the connection's thread writes what is queued as soon as it can. What a socket does not accept
//! at once, and the end of the connection, are left to the connection's own task, which then *holds* the queue until
//! it is empty.
//!
//! Invariant: at any time either the thread or the task writes, so that bytes keep their order. The queue is bounded
//! by frames and by bytes. When it is full, ephemerals are dropped first; then the connection is marked as lagged,
//! its queued events are dropped (they are in the log), and one `resync` follows when the queue drains. A connection
//! that does not drain is closed.

mod heads;
mod queue;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parlour_protocol::ids::{ConversationId, Seq, SessionId, UserId};
use parlour_protocol::socket::CloseCode;

use self::queue::{Kind, MAX_BYTES, MAX_FRAMES, Next, State, note};
use crate::feed::Topic;
use crate::metrics::{Metrics, count};
use crate::ready::{ReadyList, Token};

/// A connection with more bytes than this queued is slow; slow connections count towards [`MAX_NODE_BYTES`].
const SLOW: usize = 32 * 1024;
/// Maximum bytes queued for all slow connections of a node; beyond it, each of them may queue at most [`SLOW`].
const MAX_NODE_BYTES: usize = 48 * 1024 * 1024;
/// A connection that lags this often within [`LAG_WINDOW`] is closed.
const MAX_LAGS: usize = 3;
const LAG_WINDOW: Duration = Duration::from_secs(60);
/// When a reply is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// As soon as the socket takes it.
    Now,
    /// Together with the next frame, or after [`crate::ready::LATER`]: a write of its own costs more than the reply.
    WithNext,
}

/// The queue of one connection: filled by feeds, drained by the socket.
pub struct Outbox {
    owner: OnceLock<(UserId, SessionId)>,
    /// If set, the only conversations that it may follow.
    only: OnceLock<BTreeSet<ConversationId>>,
    metrics: Arc<Metrics>,
    ready: Arc<ReadyList>,
    token: Token,
    state: Mutex<State>,
}

impl Outbox {
    /// Creates the empty queue of a connection whose owner is not known yet. `token` identifies it on its thread's
    /// ready list.
    pub fn new(metrics: Arc<Metrics>, ready: Arc<ReadyList>, token: Token) -> Self {
        let (owner, only) = (OnceLock::new(), OnceLock::new());
        Self { owner, only, metrics, ready, token, state: Mutex::default() }
    }

    /// Sets the owner. Feeds ignore a connection without one; the first call wins.
    pub fn identify(&self, user: UserId, session: SessionId) {
        let _ = self.owner.set((user, session));
    }

    /// Limits the connection to some conversations. Call before it follows anything: it then hears of no other
    /// conversation, nor of the events in the owner's own stream.
    pub fn limit_to(&self, only: BTreeSet<ConversationId>) {
        let _ = self.only.set(only);
    }

    /// Whether it is limited to some conversations.
    pub fn is_limited(&self) -> bool {
        self.only.get().is_some()
    }

    /// Whether it may follow a topic.
    pub fn may_follow(&self, topic: Topic) -> bool {
        match (topic, self.only.get()) {
            (Topic::Conversation(id), Some(only)) => only.contains(&id),
            _ => true,
        }
    }

    /// The owner and the session that the connection was opened with.
    pub fn owner(&self) -> Option<(UserId, SessionId)> {
        self.owner.get().copied()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic while holding the lock leaves at worst a frame too many or too few, which a resync repairs.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues the reply to a command. If replies pile up, the client is not reading: the connection is closed.
    pub fn reply(&self, frame: Bytes, urgency: Urgency) {
        let mut state = self.state();
        let much = state.bytes + frame.len();
        if state.queue.len() >= 2 * MAX_FRAMES
            || much > 2 * MAX_BYTES
            || (state.bytes > SLOW && self.node_is_full())
        {
            return self.close_locked(&mut state, CloseCode::SlowConsumer);
        }
        if urgency == Urgency::WithNext && !state.listed && !state.held {
            if self.put(&mut state, frame, Kind::Reply) && !std::mem::replace(&mut state.listed_later, true) {
                self.ready.add_later(self.token);
            }
            return;
        }
        self.push(&mut state, frame, Kind::Reply);
    }

    /// Queues a stored event; a connection that has lagged only notes its position.
    pub fn event(&self, topic: Topic, seq: Seq, frame: Bytes) {
        let mut state = self.state();
        if state.finished {
            return;
        }
        if state.lag.is_none() && self.is_full(&state, frame.len()) {
            let before = state.queue.len();
            state.retain(|kind| !matches!(kind, Kind::Ephemeral));
            for _ in state.queue.len()..before {
                count(&self.metrics.ephemerals_dropped);
            }
            if self.is_full(&state, frame.len()) {
                self.fall_behind(&mut state);
            }
        }
        if state.lag.is_some() {
            return state.leave_out(topic, seq);
        }
        count(&self.metrics.frames_queued);
        self.push(&mut state, frame, Kind::Durable(topic, seq));
    }

    /// Queues a frame that may be dropped.
    pub fn ephemeral(&self, frame: Bytes) {
        let mut state = self.state();
        if state.lag.is_some() || state.queue.len() >= MAX_FRAMES / 2 || state.bytes >= MAX_BYTES / 2 {
            return count(&self.metrics.ephemerals_dropped);
        }
        self.push(&mut state, frame, Kind::Ephemeral);
    }

    /// Tells the client to fetch a conversation, or its own stream, up to `head`.
    pub fn must_fetch(&self, topic: Topic, head: Seq) {
        let mut state = self.state();
        state.lag.get_or_insert_with(Default::default);
        state.leave_out(topic, head);
        self.wake(&mut state);
    }

    fn fall_behind(&self, state: &mut State) {
        count(&self.metrics.connections_lagged);
        let now = Instant::now();
        state.lags.retain(|at| now.duration_since(*at) < LAG_WINDOW);
        state.lags.push_back(now);
        if state.lags.len() >= MAX_LAGS {
            count(&self.metrics.slow_consumers_closed);
            self.close_locked(state, CloseCode::SlowConsumer);
        }
        let mut left_out = (BTreeMap::new(), None);
        for (_, kind) in &state.queue {
            note(&mut left_out, kind);
        }
        state.retain(|kind| matches!(kind, Kind::Reply));
        state.lag = Some(left_out);
        self.account(state);
    }

    fn node_is_full(&self) -> bool {
        self.metrics.waiting_bytes.load(Ordering::Relaxed) > MAX_NODE_BYTES
    }

    fn is_full(&self, state: &State, more: usize) -> bool {
        state.full(more) || (state.bytes + more > SLOW && self.node_is_full())
    }

    /// Updates the node's total with what is queued here, if that is more than [`SLOW`].
    fn account(&self, state: &mut State) {
        let held = state.bytes + state.rest.as_ref().map_or(0, Bytes::len);
        let counted = if held > SLOW { held } else { 0 };
        if counted > state.counted {
            self.metrics.waiting_bytes.fetch_add(counted - state.counted, Ordering::Relaxed);
        } else if counted < state.counted {
            self.metrics.waiting_bytes.fetch_sub(state.counted - counted, Ordering::Relaxed);
        }
        state.counted = counted;
    }

    /// Bytes that wait to be written.
    pub fn waiting(&self) -> usize {
        let state = self.state();
        state.bytes + state.rest.as_ref().map_or(0, Bytes::len)
    }

    /// Closes the connection once everything queued has been written. The first reason wins.
    pub fn close(&self, code: CloseCode) {
        let mut state = self.state();
        self.close_locked(&mut state, code);
    }

    fn close_locked(&self, state: &mut State, code: CloseCode) {
        state.close.get_or_insert(code);
        self.wake(state);
    }

    /// Why the connection is to be closed, if it is.
    pub fn closing(&self) -> Option<CloseCode> {
        self.state().close
    }

    /// Gives up a connection whose socket accepts no more bytes.
    pub fn stalled(&self) {
        count(&self.metrics.slow_consumers_closed);
        self.finish();
    }

    /// Marks the connection as gone: drops the queue and accepts nothing more.
    pub fn finish(&self) {
        let mut state = self.state();
        state.finished = true;
        state.rest = None;
        state.queue.clear();
        state.heads.clear();
        state.bytes = 0;
        self.account(&mut state);
        state.hold();
    }

    /// Up to about `CHUNK` queued bytes for one write, for the thread that writes for all its connections. `None`
    /// when nothing is queued, or when the connection's task writes (a connection that is to be closed is handed to
    /// it here).
    pub fn take_ready(&self) -> Option<Bytes> {
        let mut state = self.state();
        state.listed = false;
        if state.held {
            return None;
        }
        if state.close.is_some() {
            state.hold();
            return None;
        }
        let next = state.next();
        self.account(&mut state);
        match next {
            Next::Chunk(chunk) => Some(chunk),
            Next::End | Next::Nothing => None,
        }
    }

    /// Like [`Self::take_ready`], for the list that is written after a delay.
    pub fn take_later(&self) -> Option<Bytes> {
        self.state().listed_later = false;
        self.take_ready()
    }

    /// Hands the queue to the connection's task, because the socket did not accept all that [`Self::take_ready`]
    /// returned: the task writes the rest and everything queued until the queue is empty.
    pub fn hold(&self, rest: Bytes) {
        let mut state = self.state();
        state.rest = Some(rest);
        self.account(&mut state);
        if state.counted > 0 && self.node_is_full() {
            drop(state);
            return self.stalled();
        }
        state.hold();
    }

    /// What the connection's task writes next; `None` when the connection is to end.
    pub fn poll_held(&self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let mut state = self.state();
        if state.held {
            let next = state.next();
            self.account(&mut state);
            match next {
                Next::Chunk(chunk) => return Poll::Ready(Some(chunk)),
                Next::End => return Poll::Ready(None),
                Next::Nothing => state.held = false,
            }
        }
        // An existing waker is usually the same one, and `clone_from` then skips the clone.
        match &mut state.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    fn push(&self, state: &mut State, frame: Bytes, kind: Kind) {
        if self.put(state, frame, kind) {
            self.wake(state);
        }
    }

    /// Queues a frame without waking the writer. Returns false if the connection is gone.
    fn put(&self, state: &mut State, frame: Bytes, kind: Kind) -> bool {
        if state.finished {
            return false;
        }
        state.bytes += frame.len();
        state.queue.push_back((frame, kind));
        if state.bytes > SLOW {
            self.account(state);
        }
        true
    }

    /// Tells the writer that there is something to write.
    fn wake(&self, state: &mut State) {
        if state.held {
            state.hold();
        } else if !state.listed {
            state.listed = true;
            self.ready.add(self.token);
        }
    }

    /// Returns false if it was already there.
    pub(crate) fn add_topic(&self, topic: Topic) -> bool {
        self.state().topics.insert(topic)
    }

    pub(crate) fn remove_topic(&self, topic: Topic) {
        self.state().topics.remove(&topic);
    }

    pub(crate) fn has_topic(&self, topic: Topic) -> bool {
        self.state().topics.contains(&topic)
    }

    pub(crate) fn topics(&self) -> Vec<Topic> {
        self.state().topics.iter().copied().collect()
    }

    /// Replaces the set of conversations that are followed live, and returns the previous one.
    pub fn set_live(&self, live: BTreeSet<ConversationId>) -> BTreeSet<ConversationId> {
        std::mem::replace(&mut self.state().live, live)
    }

    pub(crate) fn is_live(&self, conversation: ConversationId) -> bool {
        self.state().live.contains(&conversation)
    }
}

#[cfg(test)]
mod tests;
