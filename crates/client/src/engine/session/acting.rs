//! The user's actions: which of them to send now, and what becomes of them.
//!
//! Invariant: of each conversation one action is in flight at a time, so that the server stores them in the order in which
//! they were done; nothing overtakes one that is refused for now or that another tab is about to send.

use std::cell::Cell;

use parlour_protocol::ids::ConversationId;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::socket::{ErrorFrame, OkFrame};

use super::{Asked, Client, Output, Session};
use crate::engine::{Act, Pending, SendState};

/// How long a connected tab waits for another open tab to send that tab's own actions, in milliseconds: the other one
/// may be in the background and slow to connect.
const ANOTHER_TAB_MS: u64 = 2_500;
/// Delay before an action that was refused for now is sent again, unless the server gives another, in milliseconds.
const AGAIN_MS: u64 = 1_000;
/// Clients that were refused at the same moment are spread over this many milliseconds, after the first of them.
const SPREAD_MS: (f64, f64) = (200.0, 800.0);

impl Session {
    pub(super) fn act(&mut self, conversation: ConversationId, cid: String, act: Act, now: u64) {
        // Two actions in the same millisecond stay in order.
        self.last_at = i64::try_from(now).unwrap_or(i64::MAX).max(self.last_at + 1);
        let asked = &self.asked;
        let on_its_way =
            |cid: &str| asked.iter().any(|(_, one)| matches!(one, Asked::Act(_, sent) if sent == cid));
        for cid in self.outbox.replaced(conversation, &act, on_its_way) {
            self.out.push(Output::Outbox { conversation, cid });
        }
        self.out.push(Output::Outbox { conversation, cid: cid.clone() });
        let (at, tab, state) = (self.last_at, self.tab.clone(), SendState::Sending);
        self.outbox.put(Pending { conversation, cid, at, tab, act, state });
        self.flush(now);
    }

    pub(super) fn retry(&mut self, cid: &str, now: u64) {
        if self.outbox.retry(cid).is_some() {
            self.take_on(cid);
            self.flush(now);
        }
    }

    pub(super) fn settle(&mut self, cid: &str, now: u64) {
        self.remove(cid);
        self.flush(now);
    }

    pub(super) fn elsewhere(&mut self, cid: &str, pending: Option<Pending>, now: u64) {
        match pending {
            Some(pending) => {
                self.last_at = self.last_at.max(pending.at);
                self.outbox.put(pending);
            }
            None => drop(self.outbox.settled(cid)),
        }
        self.flush(now);
    }

    /// Sends what is due, including actions left by closed tabs.
    pub(super) fn flush(&mut self, now: u64) {
        if !self.is_connected() {
            return;
        }
        self.pauses.retain(|(_, until)| *until > now);
        let later = Cell::new(None::<u64>);
        let another_sends = |one: &Pending| {
            let until = self.connected_at.max(one.at.try_into().unwrap_or(0)) + ANOTHER_TAB_MS;
            let waits = one.tab != self.tab && self.tabs.contains(&one.tab) && now < until;
            if waits {
                later.set(Some(later.get().map_or(until, |first| first.min(until))));
            }
            waits
        };
        let busy = |one: &Pending| {
            let there = one.conversation;
            self.pauses.iter().any(|(id, _)| *id == there)
                || self.asked.iter().any(|(_, asked)| matches!(asked, Asked::Act(id, _) if *id == there))
                || another_sends(one)
        };
        let due: Vec<Pending> = self.outbox.due(busy).into_iter().cloned().collect();
        self.look_again = later.get();
        for pending in due {
            if pending.tab != self.tab {
                self.take_on(&pending.cid);
            }
            let id = self.ask(Asked::Act(pending.conversation, pending.cid.clone()), now);
            self.send(pending.command(id), now);
        }
    }

    pub(super) fn stored(&mut self, cid: &str, ok: OkFrame, now: u64) {
        if let Some(pending) = self.outbox.get(cid).cloned() {
            self.outbox.settled(cid);
            let conversation = pending.conversation;
            self.out.push(Output::Sent { pending, ok: Box::new(ok) });
            self.out.push(Output::Outbox { conversation, cid: cid.to_owned() });
        }
        self.flush(now);
    }

    pub(super) fn not_stored(
        &mut self,
        conversation: ConversationId,
        cid: &str,
        error: ErrorFrame,
        now: u64,
    ) {
        if error.retry {
            let jitter = SPREAD_MS.0 + (self.chance)() * SPREAD_MS.1;
            let wait = error.retry_after_ms.unwrap_or(AGAIN_MS) + jitter as u64;
            self.pauses.push((conversation, now + wait));
        } else if let Some(pending) = self.outbox.get(cid).cloned() {
            let (code, detail) = (error.code, error.detail);
            let detail = detail.unwrap_or_else(|| code.title().to_owned());
            self.give_back(pending, code, detail);
        }
        self.flush(now);
    }

    /// Reports an action that was refused for good.
    fn give_back(&mut self, pending: Pending, code: ErrorCode, detail: String) {
        // A reaction or a deletion contains no text that could be lost.
        let has_text = matches!(pending.act, Act::Send { .. } | Act::Edit { .. });
        if self.client == Client::Page && has_text {
            self.outbox.refused(&pending.cid, code, detail.clone());
            self.note_outbox(&pending.cid);
        } else {
            self.remove(&pending.cid);
        }
        self.out.push(Output::Refused { pending, code, detail });
    }

    fn take_on(&mut self, cid: &str) {
        let tab = self.tab.clone();
        self.outbox.take_on(cid, &tab);
        self.note_outbox(cid);
    }

    fn remove(&mut self, cid: &str) {
        self.note_outbox(cid);
        self.outbox.settled(cid);
    }

    /// Reports a change of an action that is in the outbox.
    fn note_outbox(&mut self, cid: &str) {
        if let Some(conversation) = self.outbox.get(cid).map(|one| one.conversation) {
            self.out.push(Output::Outbox { conversation, cid: cid.to_owned() });
        }
    }
}
