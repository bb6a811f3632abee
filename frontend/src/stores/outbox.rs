//! The user's pending actions, as they are shown.
//!
//! Invariant: the engine's session owns the outbox (`live/outbox.rs`); this only reads it, and tracks its changes.

use leptos::prelude::*;
use parlour_client::engine::{Act, Outbox as Pendings, Pending, SendState};
use parlour_protocol::ids::{ConversationId, Seq};

use crate::live::Live;

/// A pending message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PendingMessage {
    pub(crate) body: String,
    pub(crate) reply_to: Option<Seq>,
    /// When it was written, in milliseconds since 1970.
    pub(crate) at: i64,
    /// Why it was refused, if it was.
    pub(crate) failed: Option<String>,
}

/// A pending edit of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PendingEdit {
    pub(crate) cid: String,
    /// The new text.
    pub(crate) body: String,
    /// Why the edit was refused, if it was.
    pub(crate) failed: Option<String>,
}

/// The pending actions.
#[derive(Clone, Copy)]
pub(crate) struct Outbox {
    live: Live,
    version: RwSignal<u64>,
}

impl Outbox {
    /// The outbox of the engine's session.
    pub(crate) fn new(live: Live) -> Self {
        Self { live, version: RwSignal::new(0) }
    }

    /// Notes that the outbox has changed.
    pub(crate) fn changed(&self) {
        self.version.update(|version| *version += 1);
    }

    fn read<T>(&self, read: impl FnOnce(&Pendings) -> T) -> T {
        self.version.track();
        self.live.with_outbox(read)
    }

    /// The pending message with this cid.
    pub(crate) fn message(&self, cid: &str) -> Option<PendingMessage> {
        self.read(|outbox| {
            let pending = outbox.get(cid)?;
            let Act::Send { body, reply_to } = &pending.act else { return None };
            let (body, failed) = (body.clone(), why(pending));
            Some(PendingMessage { body, reply_to: *reply_to, at: pending.at, failed })
        })
    }

    /// The pending edit of a message, if any.
    pub(crate) fn edit_of(&self, conversation: ConversationId, seq: Seq) -> Option<PendingEdit> {
        self.read(|outbox| {
            let pending = outbox.edit_of(conversation, seq)?;
            let Act::Edit { body, .. } = &pending.act else { return None };
            Some(PendingEdit { cid: pending.cid.clone(), body: body.clone(), failed: why(pending) })
        })
    }

    /// Whether a message has a pending deletion.
    pub(crate) fn deletes(&self, conversation: ConversationId, seq: Seq) -> bool {
        self.read(|outbox| outbox.deletes(conversation, seq))
    }

    /// The user's pending reaction changes: emoji, and true to add or false to remove.
    pub(crate) fn reactions_of(&self, conversation: ConversationId, seq: Seq) -> Vec<(String, bool)> {
        self.read(|outbox| {
            outbox.reactions_of(conversation, seq).map(|(emoji, on)| (emoji.to_owned(), on)).collect()
        })
    }
}

/// Why an action was refused, if it was.
fn why(pending: &Pending) -> Option<String> {
    match &pending.state {
        SendState::Sending => None,
        SendState::Failed { detail, .. } => Some(detail.clone()),
    }
}
