//! What waits to be written to one connection.
//!
//! Invariant: `bytes` is the length of all queued frames together, and frames leave in the order in which they came.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::task::Waker;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::socket::{CloseCode, ServerFrame};

use crate::feed::Topic;
use crate::frames;
use crate::news::Gathered;

/// Maximum queued frames; replies may take up to twice as many.
pub(super) const MAX_FRAMES: usize = 256;
/// Maximum queued bytes; replies may take up to twice as many.
pub(super) const MAX_BYTES: usize = 512 * 1024;
/// Maximum bytes handed to the socket at once, so that one connection cannot hold the thread for long.
const CHUNK: usize = 64 * 1024;

pub(super) enum Kind {
    /// A reply to the client's own command, bounded by the rate limit of commands; or heads, bounded by
    /// [`HEADS_EVERY`].
    Reply,
    /// A stored event; it can be fetched again.
    Durable(Topic, Seq),
    /// Typing and presence; may be dropped.
    Ephemeral,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) queue: VecDeque<(Bytes, Kind)>,
    pub(super) bytes: usize,
    /// Bytes of this queue that are included in the node's total.
    pub(super) counted: usize,
    /// Newest positions that were left out since the connection lagged.
    pub(super) lag: Option<(BTreeMap<ConversationId, Seq>, Option<Seq>)>,
    pub(super) lags: VecDeque<Instant>,
    /// Heads that wait for the next report, with the news collected for them.
    pub(super) heads: BTreeMap<ConversationId, Gathered>,
    pub(super) heads_told: Option<Instant>,
    /// The last conversation reported; the next report starts after it.
    pub(super) told_up_to: Option<ConversationId>,
    /// People whose messages are no news to the owner.
    pub(super) blocked: BTreeSet<UserId>,
    pub(super) close: Option<CloseCode>,
    pub(super) finished: bool,
    /// Whether the connection is on its thread's ready list.
    pub(super) listed: bool,
    /// Whether the connection is on the list that its thread writes after a delay.
    pub(super) listed_later: bool,
    /// Whether the connection's own task writes.
    pub(super) held: bool,
    /// Bytes that the socket did not accept at once.
    pub(super) rest: Option<Bytes>,
    pub(super) waker: Option<Waker>,
    pub(super) topics: BTreeSet<Topic>,
    pub(super) live: BTreeSet<ConversationId>,
}

/// What to write next.
pub(super) enum Next {
    Chunk(Bytes),
    End,
    Nothing,
}

impl State {
    pub(super) fn full(&self, more: usize) -> bool {
        self.queue.len() >= MAX_FRAMES || self.bytes + more > MAX_BYTES
    }

    /// Hands the queue to the connection's task.
    pub(super) fn hold(&mut self) {
        self.held = true;
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    pub(super) fn next(&mut self) -> Next {
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

    pub(super) fn retain(&mut self, keep: impl Fn(&Kind) -> bool) {
        let mut bytes = 0;
        self.queue.retain(|(frame, kind)| {
            let kept = keep(kind);
            bytes += if kept { frame.len() } else { 0 };
            kept
        });
        self.bytes = bytes;
    }

    pub(super) fn leave_out(&mut self, topic: Topic, seq: Seq) {
        if let Some(lag) = self.lag.as_mut() {
            note(lag, &Kind::Durable(topic, seq));
        }
    }
}

pub(super) fn note(lag: &mut (BTreeMap<ConversationId, Seq>, Option<Seq>), kind: &Kind) {
    match kind {
        Kind::Durable(Topic::Conversation(id), seq) => {
            let head = lag.0.entry(*id).or_default();
            *head = (*seq).max(*head);
        }
        Kind::Durable(Topic::User(_), seq) => lag.1 = Some(lag.1.unwrap_or(0).max(*seq)),
        Kind::Reply | Kind::Ephemeral => {}
    }
}
