//! What is stored on this device for the signed-in user: settings, and which conversations have a draft.

use std::collections::BTreeSet;

use leptos::prelude::*;
use parlour_protocol::ids::{ConversationId, UserId};

use super::session::Session;
use crate::state::keys;
use crate::storage::{self, Life};

/// The user's settings on this device.
#[derive(Clone, Copy)]
pub(crate) struct Preferences {
    session: Session,
    pub(crate) theme: RwSignal<Option<String>>,
    /// Whether Enter inserts a line break and Ctrl+Enter sends.
    pub(crate) enter_breaks: RwSignal<bool>,
    /// Whether the details of a conversation are shown.
    pub(crate) details: RwSignal<bool>,
    /// Conversations with an unsent draft.
    pub(crate) drafts: RwSignal<BTreeSet<ConversationId>>,
}

impl Preferences {
    /// The defaults.
    pub(crate) fn new(session: Session) -> Self {
        Self {
            session,
            theme: RwSignal::new(None),
            enter_breaks: RwSignal::new(false),
            details: RwSignal::new(false),
            drafts: RwSignal::new(BTreeSet::new()),
        }
    }

    /// Returns to the defaults. What is stored stays.
    pub(crate) fn clear(&self) {
        self.theme.set(None);
        self.enter_breaks.set(false);
        self.details.set(false);
        self.drafts.set(BTreeSet::new());
    }

    /// Loads what is stored for an account.
    pub(crate) fn load(&self, owner: UserId) {
        let kept = |name| storage::read(owner, Life::Device, name);
        self.theme.set(kept("theme"));
        self.enter_breaks.set(kept("enter").is_some());
        self.details.set(kept("details").is_some());
        for name in storage::names(owner, Life::Device, "draft.") {
            self.note_draft(&name, true);
        }
    }

    /// Reads a value stored for the signed-in user.
    pub(crate) fn kept(&self, life: Life, name: &str) -> Option<String> {
        storage::read(self.session.me(), life, name)
    }

    /// Stores a value for the signed-in user, or removes it.
    pub(crate) fn keep(&self, life: Life, name: &str, value: Option<&str>) {
        storage::write(self.session.me(), life, name, value);
        self.note_draft(name, value.is_some());
    }

    /// Handles another tab having changed a stored value.
    pub(crate) fn changed_elsewhere(&self, name: &str, value: Option<String>) {
        match name {
            "theme" => self.theme.set(value),
            "enter" => self.enter_breaks.set(value.is_some()),
            _ => self.note_draft(name, value.is_some()),
        }
    }

    /// Updates the set of drafts, if `name` is the storage key of a draft.
    fn note_draft(&self, name: &str, there: bool) {
        let Some(id) = keys::draft(name) else { return };
        self.drafts.maybe_update(|drafts| if there { drafts.insert(id) } else { drafts.remove(&id) });
    }
}
