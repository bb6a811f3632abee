//! The user's own actions: sending messages through the outbox, typing, opening a conversation.
//!
//! Invariant: a message keeps its cid until the server has answered; one action per conversation is in flight at a
//! time, so that messages are stored in the order in which they were written.

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use parlour_client::engine::{Act, Pending};
use parlour_protocol::ids::{ConversationId, Seq};
use parlour_protocol::messages::Message;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::socket::{Change, ClientFrame, ErrorFrame, Event, OkFrame};
use parlour_protocol::time::Timestamp;

use super::Asked;
use super::outbox::why;
use crate::api::calls::Place;
use crate::browser;
use crate::context::Context;
use crate::open::{Stage, Wish};
use crate::storage::Life;
use crate::texts::chat;

/// A pending message as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) body: String,
    pub(crate) reply_to: Option<Seq>,
    /// When it was written, in milliseconds since 1970.
    pub(crate) at: i64,
    /// Why it was refused, if it was.
    pub(crate) failed: Option<String>,
}

impl Context {
    /// Writes a message: it is shown immediately and sent as soon as possible.
    pub(crate) fn write(&self, id: ConversationId, body: String, reply_to: Option<Seq>) {
        self.open.read.set_value(None);
        self.act(id, Act::Send { body, reply_to });
    }

    /// The pending message with this cid.
    pub(crate) fn waiting(&self, cid: &str) -> Option<Waiting> {
        self.live.with(|inner| {
            let pending = inner.outbox.get(cid)?;
            let Act::Send { body, reply_to } = &pending.act else { return None };
            Some(Waiting { body: body.clone(), reply_to: *reply_to, at: pending.at, failed: why(pending) })
        })
    }

    /// Handles the server's confirmation of an action.
    pub(crate) fn sent(&self, conversation: ConversationId, cid: &str, ok: &OkFrame) {
        let pending = self.live.with(|inner| inner.outbox.get(cid).cloned());
        self.settle(cid);
        // If an earlier attempt had already stored it, it may have changed since; its event shows the result.
        if let (Some(pending), Some(seq), Some(at)) = (pending, ok.seq, ok.at)
            && self.open.is(conversation)
            && ok.duplicate != Some(true)
        {
            self.done(conversation, pending, seq, at);
        }
        if self.open.is(conversation) {
            self.open.draw(self.live, self.me());
        }
        self.flush();
    }

    /// Applies an action as its event will, so that nothing flickers until the event arrives.
    fn done(&self, conversation: ConversationId, pending: Pending, seq: Seq, at: Timestamp) {
        let me = self.me();
        let change = match pending.act {
            Act::Send { body, reply_to } => {
                let message = Message {
                    seq,
                    author: me,
                    cid: pending.cid,
                    body: Some(body),
                    reply_to,
                    // The event brings both.
                    reply_author: None,
                    mentions: None,
                    at,
                    edited_at: None,
                    deleted_at: None,
                    reactions: Vec::new(),
                };
                return self.open.stored(message, self.live, me);
            }
            Act::Edit { seq: target, body } => {
                Change::MessageEdited { author: me, target, body: Some(body), mentions: None }
            }
            Act::Delete { seq: target } => Change::MessageDeleted { actor: me, target, author: None },
            Act::React { seq: target, emoji, on: true } => Change::ReactionAdded { user: me, target, emoji },
            Act::React { seq: target, emoji, on: false } => {
                Change::ReactionRemoved { user: me, target, emoji }
            }
        };
        self.open.anticipate(&Event { conversation, seq, at, change });
    }

    /// Handles the server's refusal of an action.
    pub(crate) fn not_sent(&self, conversation: ConversationId, cid: &str, error: &ErrorFrame) {
        if error.retry {
            let context = *self;
            let jitter = 200.0 + browser::chance() * 800.0;
            let wait = Duration::from_millis(error.retry_after_ms.unwrap_or(1_000) + jitter as u64);
            set_timeout(move || context.flush(), wait);
            return;
        }
        let detail = error.detail.clone().unwrap_or_else(|| error.code.title().to_owned());
        let failed = self.live.with(|inner| match inner.outbox.get(cid)?.act {
            Act::Send { .. } => Some(chat::not_sent(&detail)),
            Act::Edit { .. } => Some(chat::not_saved(&detail)),
            _ => None,
        });
        if let Some(failed) = failed {
            self.say(failed);
            self.live.change(|inner| inner.outbox.refused(cid, error.code, detail));
            self.keep_pending(cid);
        } else if self.settle(cid) && error.code != ErrorCode::Gone {
            // A reaction or a deletion contains no text that could be lost, so a toast with the reason is enough.
            self.toast(detail, true);
        }
        self.outbox_changed(conversation);
        self.flush();
    }

    /// Loads a part of the open conversation, scrolls to a position in it, and follows the log from there.
    pub(crate) fn open_at(&self, id: ConversationId, place: Place, wish: Wish) {
        let context = *self;
        if wish == Wish::End {
            context.keep(Life::Tab, &format!("place.{id}"), None);
        }
        context.open.owed.set_value(None);
        spawn_local(async move {
            let answer = context.api.list_messages(id, place).await;
            if let Ok(page) = &answer {
                context.learn(page.authors.iter());
            }
            if !context.open.is(id) {
                return;
            }
            // If the user stopped reading above the newest page, continue there.
            let unread =
                context.open.read.get_value().filter(|_| wish == Wish::Resume && place == Place::Newest);
            if let (Ok(page), Some(read)) = (&answer, unread)
                && page.older
                && page.items.first().is_some_and(|first| first.seq > read + 1)
            {
                return context.open_at(id, Place::Around(read), wish);
            }
            let ready = context.open.stage.get_untracked() == Stage::Ready;
            let (live, me) = (context.live, context.me());
            match answer {
                Ok(page) if ready && wish == Wish::End => {
                    // Messages loaded earlier stay above, separated by a gap if they are not adjacent.
                    context.open.at_bottom.set(true);
                    context.open.join(page, place.part(), live, me);
                    context.open.arrive(wish);
                    context.sync(id);
                }
                Ok(page) => {
                    live.follow(id, page.head);
                    context.open.replace(page, place.part(), wish, live, me);
                    context.focus_live();
                }
                Err(failure) => {
                    context.open.owed.set_value(Some((place, wish)));
                    if ready {
                        context.complain(&failure);
                    } else {
                        context.open.stage.set(Stage::Failed(failure));
                    }
                }
            }
        });
    }

    /// Retries a failed load, because the connection is back or the user asked.
    pub(crate) fn open_what_is_owed(&self) {
        let owed = self.open.owed.try_update_value(Option::take).flatten();
        if let (Some(id), Some((place, wish))) = (self.open.id.get_untracked(), owed) {
            if matches!(self.open.stage.get_untracked(), Stage::Failed(_)) {
                self.open.stage.set(Stage::Loading);
            }
            self.open_at(id, place, wish);
        }
    }

    /// Handles a gap too large to be fetched event by event: goes to the end, or leaves the reader where they are.
    pub(crate) fn open_again(&self, id: ConversationId, head: Seq) {
        self.members_stale.update(|count| *count += 1);
        if self.open.stage.get_untracked() != Stage::Ready {
            return;
        }
        let at_bottom = self.open.at_bottom.get_untracked();
        self.open.detach(head);
        if at_bottom {
            self.open_at(id, Place::Newest, Wish::End);
        }
    }

    /// Tells the server which conversations are followed live.
    pub(crate) fn focus_live(&self) {
        let live: Vec<ConversationId> = self.open.id.get_untracked().into_iter().collect();
        self.live.command(Asked::Focus, |id| ClientFrame::Focus { id, live });
    }

    /// Tells the server that the user is typing.
    pub(crate) fn say_typing(&self, conversation: ConversationId) {
        self.live.command(Asked::Other, |_| ClientFrame::Typing { conversation });
    }
}
