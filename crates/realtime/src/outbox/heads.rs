//! Reports about conversations that are not followed live.
//!
//! Invariant: a report is small, whatever the number of busy conversations, and each of them has its turn.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::time::{Duration, Instant};

use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::socket::ServerFrame;

use super::Outbox;
use super::queue::{Kind, State};
use crate::feed::Topic;
use crate::frames;
use crate::news::{Gathered, Reader, Summary};

/// Minimum interval between two reports of heads to one connection.
const HEADS_EVERY: Duration = Duration::from_secs(2);
/// Approximate bytes of one report; conversations that do not fit come first in the next one. This keeps heads below
/// 2 KiB per second, however many busy rooms somebody is in.
const HEADS_BYTES: usize = 4000;
impl Outbox {
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

    pub(super) fn flush_heads(&self, state: &mut State) {
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
}

impl State {
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
}
