//! Pending actions, stored on the device and shared by all tabs.
//!
//! Invariant: every pending action has its own storage entry, written before it is sent and removed when the server has
//! answered. The tab where it was done sends it; if that tab is gone or slow, another tab takes over, or the next start
//! does. If two tabs send the same action, no harm is done: the server treats actions with the same cid as one.

use std::cell::Cell;
use std::time::Duration;

use leptos::prelude::*;
use parlour_client::engine::{Act, Pending, SendState};
use parlour_protocol::ids::{ConversationId, Seq};

use crate::browser;
use crate::context::Context;
use crate::state::{kept, tabs};
use crate::storage::{self, Life};

use super::Asked;

/// How long a connected tab waits for another open tab to send that tab's own actions, in milliseconds: the other one
/// may be in the background and slow to connect.
const WAITS_MS: i64 = 2_500;

/// Within this time, a closed tab may turn out to be reloading, in milliseconds.
const RELOADING_MS: u64 = 3_000;

/// A pending edit of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) cid: String,
    /// The new text.
    pub(crate) body: String,
    /// Why the edit was refused, if it was.
    pub(crate) failed: Option<String>,
}

impl Context {
    /// Does something in a conversation: stores and shows it immediately, and sends it as soon as possible.
    pub(crate) fn act(&self, conversation: ConversationId, act: Act) {
        let now = browser::now_ms() as i64;
        let (cid, tab) = (browser::random_cid(), self.tab.get_value());
        let gone = self.live.change(|inner| {
            // Two actions in the same millisecond stay in order.
            inner.last_at = now.max(inner.last_at + 1);
            let at = inner.last_at;
            let on_its_way: Vec<String> =
                inner.asked.values().filter_map(Asked::cid).map(str::to_owned).collect();
            let gone =
                inner.outbox.replaced(conversation, &act, |cid| on_its_way.iter().any(|one| one == cid));
            let state = SendState::Sending;
            inner.outbox.put(Pending { conversation, cid: cid.clone(), at, tab, act, state });
            gone
        });
        gone.iter().for_each(|cid| self.forget_pending(cid));
        self.keep_pending(&cid);
        self.outbox_changed(conversation);
        self.flush();
    }

    /// Sends what is due, including actions left by closed tabs.
    pub(crate) fn flush(&self) {
        if !self.live.connected() {
            return;
        }
        let tab = self.tab.get_value();
        let now = browser::now_ms() as i64;
        let waits = Cell::new(false);
        let due: Vec<Pending> = self.live.with(|inner| {
            let on_its_way =
                |id| inner.asked.values().any(|one| matches!(one, Asked::Send(there, _) if *there == id));
            let elsewhere = |one: &Pending| {
                let recent = now - one.at.max(inner.connected_at) < WAITS_MS;
                let elsewhere = one.tab != tab && recent && self.is_open(&one.tab);
                waits.set(waits.get() || elsewhere);
                elsewhere
            };
            inner
                .outbox
                .due(|one| on_its_way(one.conversation) || elsewhere(one))
                .into_iter()
                .cloned()
                .collect()
        });
        if waits.get() && !self.live.change(|inner| std::mem::replace(&mut inner.waits, true)) {
            let context = *self;
            let look_again = move || {
                context.live.change(|inner| inner.waits = false);
                context.flush();
            };
            set_timeout(look_again, Duration::from_millis(WAITS_MS.unsigned_abs() + 100));
        }
        for pending in due {
            if pending.tab != tab {
                self.live.change(|inner| inner.outbox.take_on(&pending.cid, &tab).is_some());
                self.keep_pending(&pending.cid);
            }
            let asked = Asked::Send(pending.conversation, pending.cid.clone());
            self.live.command(asked, |id| pending.command(id));
        }
    }

    /// The pending edit of a message, if any. Tracks the outbox.
    pub(crate) fn change_of(&self, conversation: ConversationId, seq: Seq) -> Option<Change> {
        self.outbox_version.track();
        self.live.with(|inner| {
            let pending = inner.outbox.edit_of(conversation, seq)?;
            let Act::Edit { body, .. } = &pending.act else { return None };
            Some(Change { cid: pending.cid.clone(), body: body.clone(), failed: why(pending) })
        })
    }

    /// The text of a message including a pending edit.
    pub(crate) fn text_of(&self, conversation: ConversationId, seq: Seq) -> String {
        let wanted = untrack(|| self.change_of(conversation, seq)).map(|change| change.body);
        let stored = || self.open.message(seq).and_then(|message| message.get_untracked().body);
        wanted.or_else(stored).unwrap_or_default()
    }

    /// Whether a message has a pending deletion. Tracks the outbox.
    pub(crate) fn deletes(&self, conversation: ConversationId, seq: Seq) -> bool {
        self.outbox_version.track();
        self.live.with(|inner| inner.outbox.deletes(conversation, seq))
    }

    /// The user's pending reaction changes: emoji, and true to add or false to remove. Tracks the outbox.
    pub(crate) fn reacts(&self, conversation: ConversationId, seq: Seq) -> Vec<(String, bool)> {
        self.outbox_version.track();
        self.live.with(|inner| {
            inner.outbox.reactions_of(conversation, seq).map(|(emoji, on)| (emoji.to_owned(), on)).collect()
        })
    }

    /// Retries a refused action.
    pub(crate) fn retry(&self, conversation: ConversationId, cid: &str) {
        let tab = self.tab.get_value();
        self.live
            .change(|inner| inner.outbox.retry(cid).is_some() && inner.outbox.take_on(cid, &tab).is_some());
        self.keep_pending(cid);
        self.outbox_changed(conversation);
        self.flush();
    }

    /// Discards a refused action.
    pub(crate) fn discard(&self, conversation: ConversationId, cid: &str) {
        self.settle(cid);
        self.outbox_changed(conversation);
    }

    /// Removes an action that the server has done or the user has discarded. Returns whether it was pending.
    pub(crate) fn settle(&self, cid: &str) -> bool {
        let was = self.live.change(|inner| inner.outbox.settled(cid));
        if was {
            self.forget_pending(cid);
            self.outbox_version.update(|version| *version += 1);
        }
        was
    }

    /// Redraws after a change of the outbox.
    pub(crate) fn outbox_changed(&self, conversation: ConversationId) {
        self.outbox_version.update(|version| *version += 1);
        if self.open.is(conversation) {
            self.open.draw(self.live, self.me());
        }
    }

    /// Stores the current state of a pending action.
    pub(crate) fn keep_pending(&self, cid: &str) {
        let text = self.live.with(|inner| inner.outbox.get(cid).map(kept::write));
        if let Some(text) = text {
            self.keep(Life::Device, &format!("outbox.{cid}"), Some(&text));
        }
    }

    fn forget_pending(&self, cid: &str) {
        self.keep(Life::Device, &format!("outbox.{cid}"), None);
    }

    /// Loads the unsent actions of all tabs from the storage.
    pub(crate) fn restore_outbox(&self) {
        let me = self.me();
        for name in storage::names(me, Life::Device, "outbox.") {
            let kept = storage::read(me, Life::Device, &name);
            if let Some(pending) = kept.and_then(|text| kept::read(&text)) {
                self.live.change(|inner| {
                    inner.last_at = inner.last_at.max(pending.at);
                    inner.outbox.put(pending);
                });
            }
        }
        self.still_here();
    }

    /// Handles another tab having added, changed or settled a pending action.
    pub(crate) fn outbox_changed_elsewhere(&self, cid: &str, value: Option<String>) {
        let pending = value.and_then(|text| kept::read(&text));
        let conversation = self.live.change(|inner| match pending {
            Some(pending) => {
                let conversation = pending.conversation;
                inner.outbox.put(pending);
                Some(conversation)
            }
            None => {
                let conversation = inner.outbox.get(cid).map(|one| one.conversation);
                inner.outbox.settled(cid);
                conversation
            }
        });
        if let Some(conversation) = conversation {
            self.outbox_changed(conversation);
            self.flush();
        }
    }

    /// Tells the other tabs that this one is open, and takes over the actions of closed ones.
    pub(crate) fn still_here(&self) {
        let me = self.me();
        if me.0 == 0 {
            return;
        }
        let now = browser::now_ms() as i64;
        self.keep(Life::Device, &tabs::name(&self.tab.get_value()), Some(&now.to_string()));
        for name in storage::names(me, Life::Device, &tabs::name("")) {
            if !tabs::open(storage::read(me, Life::Device, &name).as_deref(), now) {
                self.keep(Life::Device, &name, None);
            }
        }
        self.flush();
    }

    /// Marks this tab as closed, so that another may take over its pending actions.
    pub(crate) fn tab_closes(&self) {
        self.keep(Life::Device, &tabs::name(&self.tab.get_value()), None);
    }

    /// Handles another tab having closed. It may be reloading and send its own actions, so this waits first.
    pub(crate) fn tab_closed(&self) {
        let context = *self;
        set_timeout(move || context.flush(), Duration::from_millis(RELOADING_MS));
    }

    fn is_open(&self, tab: &str) -> bool {
        let seen = self.kept(Life::Device, &tabs::name(tab));
        tabs::open(seen.as_deref(), browser::now_ms() as i64)
    }
}

/// Why an action was refused, if it was.
pub(crate) fn why(pending: &Pending) -> Option<String> {
    match &pending.state {
        SendState::Sending => None,
        SendState::Failed { detail, .. } => Some(detail.clone()),
    }
}
