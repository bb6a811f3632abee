//! The newest notifications, and how many are unread.

use leptos::prelude::*;
use parlour_protocol::ids::{ConversationId, Seq};
use parlour_protocol::notifications::Notifications;
use parlour_protocol::time::Timestamp;

use crate::state::load::Load;
use crate::state::notifications::{self, About};

/// The notifications.
#[derive(Clone, Copy)]
pub(crate) struct Notices {
    pub(crate) list: RwSignal<Load<Notifications>>,
}

impl Notices {
    /// Nothing is loaded yet.
    pub(crate) fn new() -> Self {
        Self { list: RwSignal::new(Load::Pending) }
    }

    /// Forgets all notifications.
    pub(crate) fn clear(&self) {
        self.list.set(Load::Pending);
    }

    /// The number of unread notifications.
    pub(crate) fn unread(&self) -> i64 {
        self.list.with(|load| load.ready().map_or(0, |notices| notices.unread))
    }

    /// Adds a notification, if the others are loaded.
    pub(crate) fn add(&self, seq: Seq, at: Timestamp, about: About) {
        self.list.maybe_update(|load| load.change(|notices| notifications::notify(notices, seq, at, about)));
    }

    /// Removes the notifications of a deleted message. Returns whether there were any.
    pub(crate) fn forget(&self, conversation: ConversationId, message: Seq) -> bool {
        let mut found = false;
        self.list.maybe_update(|load| {
            load.change(|notices| found = notifications::forget(notices, conversation, message));
            found
        });
        found
    }

    /// Clears the badge, because everything up to a position was seen. Returns false if there is something newer.
    pub(crate) fn see(&self, up_to: Seq) -> bool {
        let mut all = true;
        self.list.maybe_update(|load| {
            let before = load.ready().map_or(0, |notices| notices.unread);
            load.change(|notices| all = notifications::see(notices, up_to));
            all && before > 0
        });
        all
    }
}
