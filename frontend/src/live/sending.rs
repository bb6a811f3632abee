//! The user's own actions in conversations: sending messages through the outbox, and typing.
//!
//! Invariant: what is shown before the server has answered is computed from the outbox; when it has answered, the loaded
//! messages change as the event will change them.

use leptos::prelude::*;
use parlour_client::engine::{Act, Input, Pending};
use parlour_protocol::events::{Change, Event};
use parlour_protocol::ids::{ConversationId, Seq};
use parlour_protocol::messages::Message;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::socket::OkFrame;
use parlour_protocol::time::Timestamp;

use crate::context::Context;
use crate::texts::chat;

impl Context {
    /// Writes a message: it is shown immediately and sent as soon as possible.
    pub(crate) fn write(&self, id: ConversationId, body: String, reply_to: Option<Seq>) {
        self.open.read.set_value(None);
        self.act(id, Act::Send { body, reply_to });
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
        let (me, conversation) = (self.session.me(), pending.conversation);
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
                return self.open.stored(message);
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
            Act::Send { .. } => self.ui.say(chat::not_sent(&detail)),
            Act::Edit { .. } => self.ui.say(chat::not_saved(&detail)),
            // It contains no text that could be lost, so a toast with the reason is enough.
            Act::Delete { .. } | Act::React { .. } if code != ErrorCode::Gone => self.ui.toast(detail, true),
            Act::Delete { .. } | Act::React { .. } => {}
        }
    }

    /// Tells the server that the user is typing.
    pub(crate) fn say_typing(&self, conversation: ConversationId) {
        self.feed(Input::Typing { conversation });
    }
}
