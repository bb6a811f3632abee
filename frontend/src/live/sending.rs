//! What one does oneself: messages through the outbox, read markers, typing, opening a conversation.
//!
//! Invariant: a message keeps its name until the server has answered; of each conversation one message is
//! on its way at a time, so that they are stored in the order in which they were written.

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use parlour_client::engine::SendState;
use parlour_protocol::ids::{ConversationId, Seq};
use parlour_protocol::messages::Message;
use parlour_protocol::socket::{ClientFrame, ErrorFrame, OkFrame};
use serde::{Deserialize, Serialize};

use super::Asked;
use crate::api::calls::Place;
use crate::browser;
use crate::context::Context;
use crate::open::Stage;
use crate::state::conversations;

/// A pending message, as it is kept for a reload of the page.
#[derive(Serialize, Deserialize)]
struct Kept {
    conversation: ConversationId,
    cid: String,
    body: String,
    reply_to: Option<Seq>,
}

/// A pending message, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) body: String,
    pub(crate) reply_to: Option<Seq>,
    /// Why it was refused, if it was.
    pub(crate) failed: Option<String>,
}

impl Context {
    /// Writes a message: it is shown at once and sent when it can be.
    pub(crate) fn write(&self, id: ConversationId, body: String, reply_to: Option<Seq>) {
        self.live.change(|inner| inner.outbox.push(id, browser::random_cid(), body, reply_to));
        self.keep_outbox();
        self.open.read.set_value(None);
        self.open.draw(self.live, self.me());
        self.flush();
    }

    /// A pending message, as it stands.
    pub(crate) fn waiting(&self, cid: &str) -> Option<Waiting> {
        self.live.with(|inner| {
            inner.outbox.get(cid).map(|pending| Waiting {
                body: pending.body.clone(),
                reply_to: pending.reply_to,
                failed: match &pending.state {
                    SendState::Sending => None,
                    SendState::Failed { detail, .. } => Some(detail.clone()),
                },
            })
        })
    }

    /// Sends what is due.
    pub(crate) fn flush(&self) {
        let due: Vec<(ConversationId, String, String, Option<Seq>)> = self.live.with(|inner| {
            let busy =
                |id| inner.asked.values().any(|asked| matches!(asked, Asked::Send(there, _) if *there == id));
            let own = |one: &&parlour_client::engine::Pending| {
                (one.conversation, one.cid.clone(), one.body.clone(), one.reply_to)
            };
            inner.outbox.due(busy).iter().map(own).collect()
        });
        for (conversation, cid, body, reply_to) in due {
            self.live.command(Asked::Send(conversation, cid.clone()), |id| ClientFrame::Send {
                id,
                conversation,
                cid,
                body,
                reply_to,
            });
        }
    }

    /// The server has stored a message.
    pub(crate) fn sent(&self, conversation: ConversationId, cid: &str, ok: &OkFrame) {
        let written = self.waiting(cid);
        self.live.change(|inner| inner.outbox.settled(cid));
        self.keep_outbox();
        if let (Some(written), Some(seq), Some(at)) = (written, ok.seq, ok.at)
            && self.open.is(conversation)
        {
            let message = Message {
                seq,
                author: self.me(),
                cid: cid.to_owned(),
                body: Some(written.body),
                reply_to: written.reply_to,
                // The event tells both.
                reply_author: None,
                mentions: None,
                at,
                edited_at: None,
                deleted_at: None,
                reactions: Vec::new(),
            };
            // An older duplicate may have been changed since; the log tells.
            if ok.duplicate != Some(true) {
                self.open.stored(message, self.live, self.me());
            }
            self.open.draw(self.live, self.me());
        }
        self.flush();
    }

    /// The server has refused a message.
    pub(crate) fn not_sent(&self, conversation: ConversationId, cid: &str, error: &ErrorFrame) {
        if error.retry {
            let context = *self;
            let jitter = 200.0 + browser::chance() * 800.0;
            let wait = Duration::from_millis(error.retry_after_ms.unwrap_or(1_000) + jitter as u64);
            set_timeout(move || context.flush(), wait);
            return;
        }
        let detail = error.detail.clone().unwrap_or_else(|| error.code.title().to_owned());
        self.live.change(|inner| inner.outbox.refused(cid, error.code, detail));
        self.outbox_changed(conversation);
        self.flush();
    }

    /// A message was seen in the log: it is not pending any more.
    pub(crate) fn settle(&self, cid: &str) {
        if self.live.change(|inner| inner.outbox.settled(cid)) {
            self.keep_outbox();
        }
    }

    /// Tries a refused message again.
    pub(crate) fn retry(&self, conversation: ConversationId, cid: &str) {
        self.live.change(|inner| inner.outbox.retry(cid).is_some());
        self.outbox_changed(conversation);
        self.flush();
    }

    /// Gives a refused message up.
    pub(crate) fn discard(&self, conversation: ConversationId, cid: &str) {
        self.live.change(|inner| inner.outbox.settled(cid));
        self.outbox_changed(conversation);
    }

    fn outbox_changed(&self, conversation: ConversationId) {
        self.keep_outbox();
        self.outbox_version.update(|version| *version += 1);
        if self.open.is(conversation) {
            self.open.draw(self.live, self.me());
        }
    }

    fn outbox_key(&self) -> String {
        format!("outbox.{}", self.me())
    }

    fn keep_outbox(&self) {
        let kept: Vec<Kept> = self.live.with(|inner| {
            let keep = |one: &parlour_client::engine::Pending| Kept {
                conversation: one.conversation,
                cid: one.cid.clone(),
                body: one.body.clone(),
                reply_to: one.reply_to,
            };
            inner.outbox.iter().map(keep).collect()
        });
        let text = (!kept.is_empty()).then(|| serde_json::to_string(&kept).unwrap_or_default());
        browser::store(false, &self.outbox_key(), text.as_deref());
    }

    /// Takes up what was not sent before the page was reloaded.
    pub(crate) fn restore_outbox(&self) {
        let text = browser::stored(false, &self.outbox_key()).unwrap_or_default();
        for kept in serde_json::from_str::<Vec<Kept>>(&text).unwrap_or_default() {
            self.live
                .change(|inner| inner.outbox.push(kept.conversation, kept.cid, kept.body, kept.reply_to));
        }
    }

    /// Forgets what was not sent, as its author leaves.
    pub(crate) fn forget_outbox(&self) {
        browser::store(false, &self.outbox_key(), None);
    }

    /// Opens a conversation at a place: its messages, then live from there.
    pub(crate) fn open_at(&self, id: ConversationId, place: Place) {
        let context = *self;
        if let Place::Newest = place {
            browser::store(false, &format!("place.{id}"), None);
        }
        spawn_local(async move {
            let answer = context.api.list_messages(id, place).await;
            if !context.open.is(id) {
                return;
            }
            match answer {
                Ok(page) => {
                    context.live.follow(id, page.head);
                    let me = context.me();
                    context.open.replace(page, context.live, me);
                    context.focus_live();
                }
                Err(failure) => context.open.stage.set(Stage::Failed(failure)),
            }
        });
    }

    /// Too much was missed: goes to the end, or leaves the reader where they are.
    pub(crate) fn open_again(&self, id: ConversationId) {
        if self.open.at_bottom.get_untracked() {
            self.open_at(id, Place::Newest);
        } else {
            self.open.detach();
        }
    }

    /// Says which conversations are followed live.
    pub(crate) fn focus_live(&self) {
        let live: Vec<ConversationId> = self.open.id.get_untracked().into_iter().collect();
        self.live.command(Asked::Focus, |id| ClientFrame::Focus { id, live });
    }

    /// Everything up to a position was seen.
    pub(crate) fn mark_read(&self, id: ConversationId, seq: Seq) {
        let Some(entry) = self.entry(id) else { return };
        let mut moved = false;
        entry.maybe_update(|entry| {
            let unread = entry.unread;
            moved = conversations::mark_read(entry, seq);
            moved || unread != entry.unread
        });
        if moved {
            self.live.command(Asked::Other, |command| ClientFrame::Read {
                id: command,
                conversation: id,
                seq,
            });
        }
    }

    /// One is typing.
    pub(crate) fn say_typing(&self, conversation: ConversationId) {
        self.live.command(Asked::Other, |_| ClientFrame::Typing { conversation });
    }
}
