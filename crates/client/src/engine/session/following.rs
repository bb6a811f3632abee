//! Follows the logs: compares the response to `start` with what is known, applies events, and fetches what is missing.
//!
//! Invariant: an event is applied iff its seq is the cursor plus one, no matter how it arrived.

use std::collections::BTreeMap;

use parlour_protocol::events::{Event, UserChange, UserEvent};
use parlour_protocol::ids::{ConversationId, Seq};
use parlour_protocol::limits::{EVENTS_PAGE, REPLAY};
use parlour_protocol::socket::{ClientFrame, ErrorFrame, News, OkFrame, ReplayState, StreamState};

use super::{Asked, Client, Output, Session};
use crate::engine::Verdict;

/// Delay before a refused `sync` is sent again, unless the server gives another, in milliseconds.
const SYNC_AGAIN_MS: u64 = 2_000;

/// The state of fetching a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fetch {
    /// The page after this position is requested.
    Asked(Seq),
    /// The request was refused and is sent again at this time.
    Again(u64),
}

impl Session {
    /// The cursor of a log, if it is followed.
    pub fn cursor(&self, id: ConversationId) -> Option<Seq> {
        self.cursors.get(id)
    }

    /// Sets the conversations to follow live without telling the server; [`Input::Focus`](super::Input::Focus) does, and
    /// so does the next `start`.
    pub fn set_live(&mut self, live: Vec<ConversationId>) {
        self.live = live;
    }

    /// Stops following a log.
    pub fn forget(&mut self, id: ConversationId) {
        self.cursors.forget(id);
        self.heads.remove(&id);
        self.take_sync(id);
        self.direct.remove(&id);
    }

    /// Whether a log is followed event by event.
    pub(super) fn is_close(&self, id: ConversationId) -> bool {
        self.client == Client::Program || self.live.contains(&id) || self.direct.contains(&id)
    }

    /// Compares the response to `start` with what is known.
    pub(super) fn started(&mut self, ok: OkFrame, now: u64) {
        self.up(now);
        if let Some(user) = ok.user {
            let known = self.cursors.user().is_some();
            if !known || user.state != ReplayState::Replay {
                self.cursors.follow_user(user.head.unwrap_or(0));
            }
            if known && user.state != ReplayState::Replay {
                self.out.push(Output::OwnStale);
            }
        }
        let (mut read, mut stale) = (Vec::new(), false);
        for (id, state) in ok.conversations.unwrap_or_default() {
            read.extend(state.read_seq.map(|seq| (id, seq)));
            stale |= self.compare(id, state, now);
        }
        // The new epoch's response omits conversations that it does not know.
        while let Some(id) = self.void.pop_first() {
            self.leave(id);
        }
        self.out.push(Output::Resumed { read, stale });
        if self.live != self.focused {
            self.focus(self.live.clone(), now);
        }
        self.flush(now);
    }

    /// Compares the state of one log with what is known. Returns whether its entry is out of date.
    fn compare(&mut self, id: ConversationId, state: StreamState, now: u64) -> bool {
        let after = state.head.unwrap_or(0);
        let (known, void) = (self.cursors.get(id), self.void.remove(&id));
        let reset = Output::Reset { conversation: id, after };
        match (self.client, state.state, known) {
            (Client::Page, ReplayState::Gone, _) => self.leave(id),
            (Client::Program, ReplayState::Gone, _) if known.is_some() || void => self.leave(id),
            (Client::Program, ReplayState::Gone, _) => {}
            (Client::Page, ReplayState::Gap | ReplayState::Reset, _) => {
                if self.live.contains(&id) {
                    self.continue_from(id, reset, after, now);
                }
                return true;
            }
            (Client::Page, ReplayState::Replay, _) => {
                return known.is_none() || (known < Some(after) && !self.is_close(id));
            }
            (Client::Program, ReplayState::Reset, _) => self.continue_from(id, reset, after, now),
            (Client::Program, _, None) => {
                let following = Output::Following { conversation: id, after };
                self.continue_from(id, if void { reset } else { following }, after, now);
            }
            (Client::Program, ReplayState::Gap, Some(_)) => self.learn(id, after, now),
            // The missed events follow.
            (Client::Program, ReplayState::Replay, Some(_)) => {}
        }
        false
    }

    fn continue_from(&mut self, id: ConversationId, report: Output, after: Seq, now: u64) {
        self.cursors.follow(id, after);
        self.out.push(report);
        self.learn(id, after, now);
    }

    pub(super) fn focus(&mut self, live: Vec<ConversationId>, now: u64) {
        self.live.clone_from(&live);
        if self.is_connected() {
            let fresh = live.iter().copied().filter(|id| !self.focused.contains(id)).collect();
            self.focused.clone_from(&live);
            let id = self.ask(Asked::Focus(fresh), now);
            self.send(ClientFrame::Focus { id, live }, now);
        }
    }

    pub(super) fn follow(&mut self, id: ConversationId, after: Seq, now: u64) {
        if self.client == Client::Program && self.cursors.get(id).is_none() {
            self.out.push(Output::Following { conversation: id, after });
        }
        self.cursors.follow(id, after);
        self.learn(id, after, now);
    }

    pub(super) fn entry(&mut self, id: ConversationId, head: Seq, direct: bool, now: u64) {
        if direct {
            self.direct.insert(id);
        }
        // The cursor of a live conversation belongs to what is loaded of it, so it stays.
        if !(self.live.contains(&id) && self.cursors.get(id).is_some()) {
            self.cursors.follow(id, head);
        }
        self.learn(id, head, now);
    }

    pub(super) fn event(&mut self, event: Event, now: u64) {
        let (id, seq) = (event.conversation, event.seq);
        let verdict = self.cursors.observe(id, seq);
        if verdict == Verdict::Apply {
            self.note_head(id, seq);
            self.out.push(Output::Event(event));
        } else {
            self.learn(id, seq, now);
        }
    }

    pub(super) fn user_event(&mut self, event: UserEvent, now: u64) {
        match self.cursors.observe_user(event.seq) {
            Verdict::Ignore => return,
            Verdict::Fetch { .. } => return self.own_missed(event.seq, now),
            Verdict::Apply => {}
        }
        let (joined, left) = match event.change {
            UserChange::ConversationJoined { conversation } => (Some(conversation), None),
            UserChange::ConversationLeft { conversation } => (None, Some(conversation)),
            _ => (None, None),
        };
        self.out.push(Output::UserEvent(event));
        if let Some(id) = left {
            self.leave(id);
        }
        // The socket sends only what comes after its head.
        if let Some(id) = joined.filter(|id| self.client == Client::Program && self.cursor(*id).is_none()) {
            self.out.push(Output::Locate(id));
        }
    }

    /// Handles missed events of the user's own stream, which is read only at `start` and has no pages.
    pub(super) fn own_missed(&mut self, head: Seq, now: u64) {
        if self.client == Client::Program {
            self.give_up(now);
        } else {
            self.cursors.follow_user(head);
            self.out.push(Output::OwnStale);
        }
    }

    pub(super) fn heads(
        &mut self,
        conversations: BTreeMap<ConversationId, Seq>,
        news: BTreeMap<ConversationId, News>,
        now: u64,
    ) {
        let mut news: Vec<_> = news.into_iter().collect();
        for (id, head) in conversations {
            if self.is_close(id) {
                self.learn(id, head, now);
            } else {
                self.note_head(id, head);
                let at = news.iter().position(|(one, _)| *one == id);
                let news = at.map(|at| news.swap_remove(at).1);
                self.out.push(Output::News { conversation: id, head, news });
            }
        }
    }

    fn note_head(&mut self, id: ConversationId, head: Seq) -> Seq {
        let known = self.heads.entry(id).or_default();
        *known = head.max(*known);
        *known
    }

    /// Notes a head that is known without its events, and fetches the log up to it.
    pub(super) fn learn(&mut self, id: ConversationId, head: Seq, now: u64) {
        let head = self.note_head(id, head);
        let page = self.client == Client::Page;
        let live = self.live.contains(&id);
        match self.cursors.get(id) {
            Some(cursor) if head <= cursor => {}
            // Reading many events of what is not open costs more than loading its entry again.
            Some(cursor) if !page || live || (self.is_close(id) && head - cursor <= REPLAY.0) => {
                self.sync(id, now);
            }
            None if !page || live => {}
            Some(_) | None => self.out.push(Output::Stale(id)),
        }
    }

    /// Requests the events after the cursor, unless a request is in flight.
    pub(super) fn sync(&mut self, id: ConversationId, now: u64) {
        let Some(after) = self.cursors.get(id) else { return };
        if self.is_connected() && !self.syncs.iter().any(|(one, _)| *one == id) {
            self.syncs.push((id, Fetch::Asked(after)));
            let limit = Some(EVENTS_PAGE);
            let frame =
                ClientFrame::Sync { id: self.ask(Asked::Sync(id), now), conversation: id, after, limit };
            self.send(frame, now);
        }
    }

    pub(super) fn synced(&mut self, id: ConversationId, events: Vec<Event>, head: Seq, now: u64) {
        // Nothing is left to do if the conversation was forgotten meanwhile.
        let Some(sync) = self.take_sync(id) else { return };
        for event in events {
            self.note_head(id, event.seq);
            if self.cursors.observe(id, event.seq) == Verdict::Apply {
                self.out.push(Output::Event(event));
            }
        }
        let head = self.note_head(id, head);
        match self.cursors.observe_head(id, head) {
            // The log ends before the announced head: another epoch. Reconnecting resolves it.
            Verdict::Fetch { after } if sync == Fetch::Asked(after) => self.give_up(now),
            _ => self.learn(id, head, now),
        }
    }

    pub(super) fn not_synced(&mut self, id: ConversationId, error: &ErrorFrame, now: u64) {
        if self.take_sync(id).is_none() {
            return;
        }
        if error.retry {
            let wait = error.retry_after_ms.unwrap_or(SYNC_AGAIN_MS);
            self.syncs.push((id, Fetch::Again(now + wait)));
        } else {
            self.leave(id);
        }
    }

    /// Sends the refused requests that are due.
    pub(super) fn sync_again(&mut self, now: u64) {
        for (id, sync) in self.syncs.clone() {
            if matches!(sync, Fetch::Again(at) if now >= at) {
                self.take_sync(id);
                self.sync(id, now);
            }
        }
    }

    fn take_sync(&mut self, id: ConversationId) -> Option<Fetch> {
        let at = self.syncs.iter().position(|(one, _)| *one == id)?;
        Some(self.syncs.swap_remove(at).1)
    }

    fn leave(&mut self, id: ConversationId) {
        self.forget(id);
        self.out.push(Output::Left(id));
    }
}
