//! Pending actions, stored on the device and shared by all tabs.
//!
//! Invariant: every pending action has its own storage entry, written before it is sent and removed when the server has
//! answered. The tab where it was done sends it; if that tab is gone or slow, another tab takes over, or the next start
//! does. If two tabs send the same action, no harm is done: the server treats actions with the same cid as one.

use std::time::Duration;

use leptos::prelude::*;
use parlour_client::engine::{Act, Input};
use parlour_protocol::ids::ConversationId;

use crate::browser;
use crate::context::Context;
use crate::state::{kept, tabs};
use crate::storage::{self, Life};

/// Within this time, a closed tab may turn out to be reloading, in milliseconds.
const RELOADING_MS: u64 = 3_000;

impl Context {
    /// Does something in a conversation: stores and shows it immediately, and sends it as soon as possible.
    pub(crate) fn act(&self, conversation: ConversationId, act: Act) {
        self.feed(Input::Act { conversation, cid: browser::random_cid(), act });
    }

    /// Retries a refused action.
    pub(crate) fn retry(&self, cid: String) {
        self.feed(Input::Retry { cid });
    }

    /// Removes an action that arrived as an event, or that was refused and that the user has discarded.
    pub(crate) fn settle(&self, cid: String) {
        self.feed(Input::Settle { cid });
    }

    /// Redraws after a change of the outbox.
    fn outbox_changed(&self, conversation: ConversationId) {
        self.outbox.changed();
        if self.open.is(conversation) {
            self.open.draw();
        }
    }

    /// Stores the current state of an action, or removes it if it is not pending any more.
    pub(super) fn keep_pending(&self, conversation: ConversationId, cid: &str) {
        let text = self.live.with_outbox(|outbox| outbox.get(cid).map(kept::write));
        self.preferences.keep(Life::Device, &format!("outbox.{cid}"), text.as_deref());
        self.outbox_changed(conversation);
    }

    /// Loads the unsent actions of all tabs from the storage.
    pub(crate) fn restore_outbox(&self) {
        let me = self.session.me();
        for name in storage::names(me, Life::Device, "outbox.") {
            let kept = storage::read(me, Life::Device, &name);
            if let Some(pending) = kept.and_then(|text| kept::read(&text)) {
                self.feed(Input::Elsewhere { cid: pending.cid.clone(), pending: Some(pending) });
            }
        }
        self.still_here();
    }

    /// Handles another tab having added, changed or settled a pending action.
    pub(crate) fn outbox_changed_elsewhere(&self, cid: &str, value: Option<String>) {
        let pending = value.and_then(|text| kept::read(&text));
        let known = self.live.with_outbox(|outbox| outbox.get(cid).map(|one| one.conversation));
        let conversation = pending.as_ref().map(|one| one.conversation).or(known);
        self.feed(Input::Elsewhere { cid: cid.to_owned(), pending });
        if let Some(conversation) = conversation {
            self.outbox_changed(conversation);
        }
    }

    /// Tells the other tabs that this one is open, and takes over the actions of closed ones.
    pub(crate) fn still_here(&self) {
        let me = self.session.me();
        if me.0 == 0 {
            return;
        }
        let now = browser::now_ms() as i64;
        self.preferences.keep(Life::Device, &tabs::name(&self.live.tab()), Some(&now.to_string()));
        self.note_tabs();
    }

    /// Finds out which tabs are open, and takes over the actions of the others.
    pub(crate) fn note_tabs(&self) {
        let (me, now) = (self.session.me(), browser::now_ms() as i64);
        let mut open = Vec::new();
        for name in storage::names(me, Life::Device, &tabs::name("")) {
            if tabs::open(storage::read(me, Life::Device, &name).as_deref(), now) {
                open.extend(name.strip_prefix(&tabs::name("")).map(str::to_owned));
            } else {
                self.preferences.keep(Life::Device, &name, None);
            }
        }
        self.feed(Input::Tabs(open));
    }

    /// Marks this tab as closed, so that another may take over its pending actions.
    pub(crate) fn tab_closes(&self) {
        self.preferences.keep(Life::Device, &tabs::name(&self.live.tab()), None);
    }

    /// Handles another tab having closed. It may be reloading and send its own actions, so this waits first.
    pub(crate) fn tab_closed(&self) {
        let (context, generation) = (*self, self.live.generation());
        let look = move || {
            if context.live.generation() == generation {
                context.note_tabs();
            }
        };
        set_timeout(look, Duration::from_millis(RELOADING_MS));
    }
}
