//! The user's own actions: sending messages through the outbox, typing, opening a conversation.
//!
//! Invariant: what is shown before the server has answered is computed from the outbox; when it has answered, the loaded
//! messages change as the event will change them.

use leptos::prelude::*;
use leptos::task::spawn_local;
use parlour_client::engine::{Act, Input, Pending};
use parlour_protocol::events::{Change, Event};
use parlour_protocol::ids::{ConversationId, Seq};
use parlour_protocol::messages::Message;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::socket::OkFrame;
use parlour_protocol::time::Timestamp;

use super::outbox::why;
use crate::context::Context;
use crate::open::{Stage, Wish};
use crate::state::history::Place;
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
            let pending = inner.session.outbox().get(cid)?;
            let Act::Send { body, reply_to } = &pending.act else { return None };
            Some(Waiting { body: body.clone(), reply_to: *reply_to, at: pending.at, failed: why(pending) })
        })
    }

    /// Handles the server's confirmation of an action.
    pub(super) fn sent(&self, pending: Pending, ok: &OkFrame) {
        // If an earlier attempt had already stored it, it may have changed since; its event shows the result.
        if let (Some(seq), Some(at)) = (ok.seq, ok.at)
            && self.open.is(pending.conversation)
            && ok.duplicate != Some(true)
        {
            self.done(pending, seq, at);
        }
    }

    /// Applies an action as its event will, so that nothing flickers until the event arrives.
    fn done(&self, pending: Pending, seq: Seq, at: Timestamp) {
        let (me, conversation) = (self.me(), pending.conversation);
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

    /// Handles the server's final refusal of an action.
    pub(super) fn not_sent(&self, pending: &Pending, code: ErrorCode, detail: String) {
        match pending.act {
            Act::Send { .. } => self.say(chat::not_sent(&detail)),
            Act::Edit { .. } => self.say(chat::not_saved(&detail)),
            // It contains no text that could be lost, so a toast with the reason is enough.
            Act::Delete { .. } | Act::React { .. } if code != ErrorCode::Gone => self.toast(detail, true),
            Act::Delete { .. } | Act::React { .. } => {}
        }
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
                    let head = page.head;
                    context.open.at_bottom.set(true);
                    context.open.join(page, place.part(), live, me);
                    context.open.arrive(wish);
                    context.feed(Input::Head { conversation: id, head });
                }
                Ok(page) => {
                    context.feed(Input::Follow { conversation: id, after: page.head });
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
        self.feed(Input::Focus(live));
    }

    /// Tells the server that the user is typing.
    pub(crate) fn say_typing(&self, conversation: ConversationId) {
        self.feed(Input::Typing { conversation });
    }
}
