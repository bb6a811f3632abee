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

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use parlour_protocol::ids::{ConversationId, Seq, SessionId, UserId};
use parlour_protocol::socket::{CloseCode, ServerFrame};

use crate::feed::Topic;
use crate::frames;
use crate::metrics::{Metrics, count};
use crate::news::{Gathered, Reader, Summary};
use crate::ready::{ReadyList, Token};

/// Maximum queued frames; replies may take up to twice as many.
const MAX_FRAMES: usize = 256;
/// Maximum queued bytes; replies may take up to twice as many.
const MAX_BYTES: usize = 512 * 1024;
/// A connection with more bytes than this queued is slow; slow connections count towards [`MAX_NODE_BYTES`].
const SLOW: usize = 32 * 1024;
/// Maximum bytes queued for all slow connections of a node; beyond it, each of them may queue at most [`SLOW`].
const MAX_NODE_BYTES: usize = 48 * 1024 * 1024;
/// A connection that lags this often within [`LAG_WINDOW`] is closed.
const MAX_LAGS: usize = 3;
const LAG_WINDOW: Duration = Duration::from_secs(60);
/// Minimum interval between two reports of heads to one connection.
const HEADS_EVERY: Duration = Duration::from_secs(2);
/// Approximate bytes of one report; conversations that do not fit come first in the next one. This keeps heads below
/// 2 KiB per second, however many busy rooms somebody is in.
const HEADS_BYTES: usize = 4000;
/// Maximum bytes handed to the socket at once, so that one connection cannot hold the thread for long.
const CHUNK: usize = 64 * 1024;

/// When a reply is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// As soon as the socket takes it.
    Now,
    /// Together with the next frame, or after [`crate::ready::LATER`]: a write of its own costs more than the reply.
    WithNext,
}

enum Kind {
    /// A reply to the client's own command, bounded by the rate limit of commands; or heads, bounded by
    /// [`HEADS_EVERY`].
    Reply,
    /// A stored event; it can be fetched again.
    Durable(Topic, Seq),
    /// Typing and presence; may be dropped.
    Ephemeral,
}

#[derive(Default)]
struct State {
    queue: VecDeque<(Bytes, Kind)>,
    bytes: usize,
    /// Bytes of this queue that are included in the node's total.
    counted: usize,
    /// Newest positions that were left out since the connection lagged.
    lag: Option<(BTreeMap<ConversationId, Seq>, Option<Seq>)>,
    lags: VecDeque<Instant>,
    /// Heads that wait for the next report, with the news collected for them.
    heads: BTreeMap<ConversationId, Gathered>,
    heads_told: Option<Instant>,
    /// The last conversation reported; the next report starts after it.
    told_up_to: Option<ConversationId>,
    /// People whose messages are no news to the owner.
    blocked: BTreeSet<UserId>,
    close: Option<CloseCode>,
    finished: bool,
    /// Whether the connection is on its thread's ready list.
    listed: bool,
    /// Whether the connection is on the list that its thread writes after a delay.
    listed_later: bool,
    /// Whether the connection's own task writes.
    held: bool,
    /// Bytes that the socket did not accept at once.
    rest: Option<Bytes>,
    waker: Option<Waker>,
    topics: BTreeSet<Topic>,
    live: BTreeSet<ConversationId>,
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

/// What to write next.
enum Next {
    Chunk(Bytes),
    End,
    Nothing,
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

    /// Records an event of a conversation that is not followed live: its position and its summary. Returns true if
    /// heads now wait for [`Self::flush_due_heads`] that did not wait before.
    pub fn head(&self, conversation: ConversationId, seq: Seq, summary: Option<&Summary>) -> bool {
        let me = self.owner().map_or(UserId(0), |(user, _)| user);
        let mut locked = self.state();
        let state = &mut *locked;
        let waits_already = !state.heads.is_empty();
        let gathered = state.heads.entry(conversation).or_insert_with(|| Gathered::before(seq));
        gathered.add(seq, summary, Reader { me, blocked: &state.blocked });
        if state.heads_told.is_none_or(|at| at.elapsed() >= HEADS_EVERY) {
            self.flush_heads(state);
        }
        !waits_already && !state.heads.is_empty()
    }

    /// Sets the people whose messages are no news to the owner. Call before anything is followed.
    pub fn set_blocked(&self, blocked: BTreeSet<UserId>) {
        self.state().blocked = blocked;
    }

    /// From now on, messages of this person are no news to the owner, or are news again.
    pub(crate) fn block(&self, user: UserId, blocks: bool) {
        let mut state = self.state();
        if blocks {
            state.blocked.insert(user);
        } else {
            state.blocked.remove(&user);
        }
    }

    /// Reports waiting heads if it is time. Returns true if some still wait.
    pub fn flush_due_heads(&self) -> bool {
        let mut state = self.state();
        if state.finished {
            return false;
        }
        if state.heads_told.is_none_or(|at| at.elapsed() >= HEADS_EVERY) {
            self.flush_heads(&mut state);
        }
        !state.heads.is_empty()
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

    fn flush_heads(&self, state: &mut State) {
        if state.heads.is_empty() {
            return;
        }
        state.heads_told = Some(Instant::now());
        let lags = state.lag.is_some() || state.full(0);
        let (mut conversations, mut news) = (BTreeMap::new(), BTreeMap::new());
        for (conversation, gathered) in state.take_heads(if lags { usize::MAX } else { HEADS_BYTES }) {
            if lags {
                state.leave_out(Topic::Conversation(conversation), gathered.head);
            } else {
                conversations.insert(conversation, gathered.head);
                news.extend(gathered.news().map(|news| (conversation, news)));
            }
        }
        if !lags {
            self.push(state, frames::encode(&ServerFrame::Heads { conversations, news }), Kind::Reply);
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

impl State {
    fn full(&self, more: usize) -> bool {
        self.queue.len() >= MAX_FRAMES || self.bytes + more > MAX_BYTES
    }

    /// Hands the queue to the connection's task.
    fn hold(&mut self) {
        self.held = true;
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn next(&mut self) -> Next {
        if let Some(rest) = self.rest.take() {
            return Next::Chunk(rest);
        }
        if self.finished {
            return Next::End;
        }
        if self.queue.is_empty() {
            if let Some((conversations, user)) = self.lag.take() {
                return Next::Chunk(frames::encode(&ServerFrame::Resync { conversations, user }));
            }
            let Some(code) = self.close else {
                return Next::Nothing;
            };
            self.finished = true;
            return Next::Chunk(frames::close(code));
        }
        let mut chunk = self.take_first();
        if !self.queue.is_empty() && chunk.len() < CHUNK {
            let mut joined = BytesMut::with_capacity(self.bytes.min(CHUNK) + chunk.len());
            joined.extend_from_slice(&chunk);
            while joined.len() < CHUNK && !self.queue.is_empty() {
                let next = self.take_first();
                joined.extend_from_slice(&next);
            }
            chunk = joined.freeze();
        }
        if self.queue.is_empty() {
            // Frees the memory of a burst; an idle connection holds next to nothing.
            self.queue.shrink_to(4);
        }
        Next::Chunk(chunk)
    }

    fn take_first(&mut self) -> Bytes {
        let Some((frame, _)) = self.queue.pop_front() else {
            return Bytes::new();
        };
        self.bytes -= frame.len();
        frame
    }

    fn retain(&mut self, keep: impl Fn(&Kind) -> bool) {
        let mut bytes = 0;
        self.queue.retain(|(frame, kind)| {
            let kept = keep(kind);
            bytes += if kept { frame.len() } else { 0 };
            kept
        });
        self.bytes = bytes;
    }

    /// Takes heads of at most `bytes`, round-robin by conversation; at least one.
    fn take_heads(&mut self, bytes: usize) -> Vec<(ConversationId, Gathered)> {
        let from = self.told_up_to.map_or(Bound::Unbounded, Bound::Excluded);
        let first: Vec<ConversationId> =
            self.heads.range((from, Bound::Unbounded)).map(|(id, _)| *id).collect();
        let again = self.heads.keys().copied().take(self.heads.len() - first.len());
        let ids: Vec<ConversationId> = first.iter().copied().chain(again).collect();
        let mut taken = Vec::new();
        let mut size = 0;
        for id in ids {
            let more = self.heads.get(&id).map_or(0, Gathered::size);
            if size > 0 && size + more > bytes {
                break;
            }
            size += more;
            taken.extend(self.heads.remove(&id).map(|gathered| (id, gathered)));
            self.told_up_to = Some(id);
        }
        taken
    }

    fn leave_out(&mut self, topic: Topic, seq: Seq) {
        if let Some(lag) = self.lag.as_mut() {
            note(lag, &Kind::Durable(topic, seq));
        }
    }
}

fn note(lag: &mut (BTreeMap<ConversationId, Seq>, Option<Seq>), kind: &Kind) {
    match kind {
        Kind::Durable(Topic::Conversation(id), seq) => {
            let head = lag.0.entry(*id).or_default();
            *head = (*seq).max(*head);
        }
        Kind::Durable(Topic::User(_), seq) => lag.1 = Some(lag.1.unwrap_or(0).max(*seq)),
        Kind::Reply | Kind::Ephemeral => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parlour_protocol::socket::News;
    use parlour_protocol::time::Timestamp;

    const ROOM: Topic = Topic::Conversation(ConversationId(1));

    fn outbox() -> Outbox {
        Outbox::new(Arc::default(), Arc::default(), 7)
    }

    fn take(outbox: &Outbox) -> Option<Bytes> {
        outbox.take_ready()
    }

    fn held(outbox: &Outbox) -> Poll<Option<Bytes>> {
        outbox.poll_held(&mut Context::from_waker(Waker::noop()))
    }

    fn listed(outbox: &Outbox) -> Vec<Token> {
        let mut tokens = Vec::new();
        let _ = outbox.ready.poll_take(&mut Context::from_waker(Waker::noop()), &mut tokens);
        tokens
    }

    #[test]
    fn all_that_waits_leaves_in_one_write() {
        let outbox = outbox();
        for seq in 1..=10 {
            outbox.event(ROOM, seq, frames::text(b"x"));
        }
        assert_eq!(take(&outbox).map(|chunk| chunk.len()), Some(30));
        assert_eq!(take(&outbox), None);
    }

    #[test]
    fn who_waits_to_be_written_is_listed_once() {
        let outbox = outbox();
        outbox.event(ROOM, 1, frames::text(b"x"));
        outbox.event(ROOM, 2, frames::text(b"x"));
        assert_eq!(listed(&outbox), [7]);
        assert!(take(&outbox).is_some());
        assert_eq!(listed(&outbox), [0; 0]);
        outbox.event(ROOM, 3, frames::text(b"x"));
        assert_eq!(listed(&outbox), [7]);
    }

    #[test]
    fn a_patient_reply_leaves_with_what_comes_next_or_a_moment_later() {
        let later = |outbox: &Outbox| {
            let mut tokens = Vec::new();
            let _ = outbox.ready.poll_take_later(&mut Context::from_waker(Waker::noop()), &mut tokens);
            tokens
        };
        let outbox = outbox();
        outbox.reply(frames::text(b"one"), Urgency::WithNext);
        outbox.reply(frames::text(b"two"), Urgency::WithNext);
        assert_eq!(
            (listed(&outbox), later(&outbox)),
            (Vec::new(), vec![7]),
            "once, and not to be written now"
        );
        outbox.event(ROOM, 1, frames::text(b"x"));
        assert_eq!(listed(&outbox), [7]);
        assert_eq!(take(&outbox).map(|chunk| chunk.len()), Some(13), "all in one write, in order");
        assert_eq!(outbox.take_later(), None);
        outbox.reply(frames::text(b"one"), Urgency::WithNext);
        assert_eq!(later(&outbox), [7]);
        assert_eq!(outbox.take_later(), Some(frames::text(b"one")));
        // Where the task writes, it writes this as well.
        outbox.hold(Bytes::from_static(b"rest"));
        outbox.reply(frames::text(b"one"), Urgency::WithNext);
        assert_eq!(held(&outbox), Poll::Ready(Some(Bytes::from_static(b"rest"))));
        assert_eq!(held(&outbox), Poll::Ready(Some(frames::text(b"one"))));
    }

    #[test]
    fn what_a_socket_does_not_take_is_written_first_by_the_task_and_everything_after_it() {
        let outbox = outbox();
        outbox.event(ROOM, 1, frames::text(b"one"));
        let chunk = take(&outbox).unwrap();
        assert!(held(&outbox).is_pending());
        outbox.hold(chunk.slice(2..));
        outbox.event(ROOM, 2, frames::text(b"two"));
        assert_eq!(take(&outbox), None, "the task writes now");
        assert_eq!(held(&outbox), Poll::Ready(Some(Bytes::from_static(b"one"))));
        assert_eq!(held(&outbox), Poll::Ready(Some(frames::text(b"two"))));
        assert!(held(&outbox).is_pending());
        outbox.event(ROOM, 3, frames::text(b"three"));
        assert_eq!(take(&outbox), Some(frames::text(b"three")), "and the thread again");
    }

    #[test]
    fn a_connection_ends_after_what_was_queued() {
        let outbox = outbox();
        outbox.event(ROOM, 1, frames::text(b"x"));
        outbox.close(CloseCode::Draining);
        assert_eq!(take(&outbox), None, "the end is the task's business");
        assert_eq!(held(&outbox), Poll::Ready(Some(frames::text(b"x"))));
        assert_eq!(held(&outbox), Poll::Ready(Some(frames::close(CloseCode::Draining))));
        assert_eq!(held(&outbox), Poll::Ready(None));
    }

    #[test]
    fn a_full_queue_drops_ephemerals_first_and_then_asks_to_resync() {
        let outbox = outbox();
        for _ in 0..100 {
            outbox.ephemeral(frames::text(b"e"));
        }
        for seq in 1..=256 {
            outbox.event(ROOM, seq, frames::text(b"x"));
        }
        assert_eq!(outbox.metrics.ephemerals_dropped.load(std::sync::atomic::Ordering::Relaxed), 100);
        assert_eq!(outbox.metrics.connections_lagged.load(std::sync::atomic::Ordering::Relaxed), 0);
        outbox.event(ROOM, 257, frames::text(b"x"));
        outbox.event(ROOM, 258, frames::text(b"x"));
        let frame = take(&outbox).unwrap();
        let text = std::str::from_utf8(&frame[2..]).unwrap();
        assert_eq!(text, r#"{"type":"resync","conversations":{"1":258}}"#);
        outbox.event(ROOM, 259, frames::text(b"x"));
        assert_eq!(take(&outbox).map(|chunk| chunk.len()), Some(3));
    }

    #[test]
    fn the_third_lag_in_a_minute_closes() {
        let outbox = outbox();
        for _ in 0..MAX_LAGS {
            for seq in 1..=257 {
                outbox.event(ROOM, seq, frames::text(b"x"));
            }
            while take(&outbox).is_some() && outbox.closing().is_none() {}
        }
        assert_eq!(outbox.closing(), Some(CloseCode::SlowConsumer));
    }

    fn said(text: &str) -> Summary {
        Summary::Said { author: UserId(2), at: Timestamp(0), text: Some(text.into()) }
    }

    fn told(outbox: &Outbox) -> (Vec<(ConversationId, Seq)>, BTreeMap<ConversationId, News>, usize) {
        let Some(frame) = take(outbox) else { return Default::default() };
        let begin = frame.windows(7).position(|bytes| bytes == br#"{"type""#).unwrap();
        let json = &frame[begin..];
        let ServerFrame::Heads { conversations, news } = serde_json::from_slice(json).unwrap() else {
            panic!("heads")
        };
        (conversations.into_iter().collect(), news, frame.len())
    }

    /// Pretends that the last report of heads is long past.
    fn later(outbox: &Outbox) -> bool {
        outbox.state().heads_told = None;
        outbox.flush_due_heads()
    }

    #[test]
    fn heads_are_told_at_once_and_then_together() {
        let outbox = outbox();
        assert!(!outbox.head(ConversationId(1), 5, Some(&said("one"))));
        let (heads, news, _) = told(&outbox);
        assert_eq!(heads, [(ConversationId(1), 5)]);
        assert_eq!(news[&ConversationId(1)].last.as_ref().unwrap().text, "one");
        assert!(outbox.head(ConversationId(1), 6, Some(&said("two"))));
        assert!(!outbox.head(ConversationId(1), 7, Some(&said("three"))));
        assert!(!outbox.head(ConversationId(2), 9, None));
        assert!(take(&outbox).is_none());
        assert!(outbox.flush_due_heads());
        assert!(!later(&outbox));
        let (heads, news, _) = told(&outbox);
        assert_eq!(heads, [(ConversationId(1), 7), (ConversationId(2), 9)]);
        assert_eq!(news.keys().copied().collect::<Vec<_>>(), [ConversationId(1)]);
        assert_eq!((news[&ConversationId(1)].after, &news[&ConversationId(1)].unread), (5, &vec![[6, 7]]));
    }

    #[test]
    fn those_whom_one_blocks_are_no_news_and_are_again() {
        let outbox = outbox();
        outbox.set_blocked(BTreeSet::from([UserId(2)]));
        outbox.head(ConversationId(1), 5, Some(&said("nasty")));
        assert_eq!(told(&outbox).1[&ConversationId(1)], News { after: 4, ..News::default() });
        outbox.block(UserId(2), false);
        outbox.head(ConversationId(1), 6, Some(&said("nice")));
        outbox.block(UserId(2), true);
        outbox.head(ConversationId(1), 7, Some(&said("nasty")));
        assert!(!later(&outbox));
        assert_eq!(told(&outbox).1[&ConversationId(1)].unread, [[6, 6]]);
    }

    /// Somebody is in fifty rooms, each with a message every two seconds, for ten minutes.
    #[test]
    fn heads_take_less_than_two_kibibytes_a_second_and_come_in_turn() {
        let outbox = outbox();
        let room = |number: i64| ConversationId(4_611_686_018_427_387_904 + number);
        let author = UserId(4_611_686_018_427_387_904);
        let text: Arc<str> = "x".repeat(40).into();
        let mut bytes = 0;
        let mut last = [0; 50];
        let mut longest = 0;
        outbox.state().heads_told = Some(Instant::now());
        for turn in 0..300 {
            for number in 0..50 {
                let at = Timestamp(1_795_401_856_123_456);
                let summary = Summary::Said { author, at, text: Some(text.clone()) };
                outbox.head(room(number), 100_000 + turn, Some(&summary));
            }
            later(&outbox);
            while let (heads, news, size @ 1..) = told(&outbox) {
                assert_eq!(heads.len(), news.len());
                bytes += size;
                for (id, seq) in heads {
                    let told = &mut last[usize::try_from(id.0 - room(0).0).unwrap()];
                    longest = longest.max(turn - *told);
                    (*told, _) = (turn, assert_eq!(seq, 100_000 + turn));
                }
            }
        }
        let rate = bytes / 600;
        println!("{rate} bytes a second, each room told every {} s at most", 2 * longest);
        assert!(rate < 2048 && longest <= 4, "{rate} bytes a second, and {longest} turns");
    }
}
