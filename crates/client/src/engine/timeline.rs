//! The loaded messages of one conversation: pages of history joined with live changes.
//!
//! Invariant: *page + events = fresh page*. Applying the events after a page gives what fetching it again would.

use std::collections::BTreeMap;

use parlour_protocol::ids::Seq;
use parlour_protocol::messages::{Message, Reaction};
use parlour_protocol::socket::{Change, Event};

/// The messages that are loaded, by position.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timeline {
    messages: BTreeMap<Seq, Message>,
}

impl Timeline {
    /// Adds a page of history; what is newer wins where both know a message.
    pub fn add_page(&mut self, items: impl IntoIterator<Item = Message>) {
        for message in items {
            self.messages.insert(message.seq, message);
        }
    }

    /// Drops everything.
    pub fn clear(&mut self) {
        self.messages.clear();
    }

    /// The messages, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Message> {
        self.messages.values()
    }

    /// One message.
    pub fn get(&self, seq: Seq) -> Option<&Message> {
        self.messages.get(&seq)
    }

    /// Position of the oldest loaded message.
    pub fn oldest(&self) -> Option<Seq> {
        self.messages.keys().next().copied()
    }

    /// Position of the newest loaded message.
    pub fn newest(&self) -> Option<Seq> {
        self.messages.keys().next_back().copied()
    }

    /// Applies an event and answers the position of the message that it touched, if that one is loaded.
    pub fn apply(&mut self, event: &Event) -> Option<Seq> {
        match &event.change {
            Change::MessageCreated { author, cid, body, reply_to } => {
                let message = Message {
                    seq: event.seq,
                    author: *author,
                    cid: cid.clone(),
                    body: body.clone(),
                    reply_to: *reply_to,
                    at: event.at,
                    edited_at: None,
                    // The text is absent only when it was deleted; the event of that follows and says when.
                    deleted_at: None,
                    reactions: Vec::new(),
                };
                self.messages.insert(event.seq, message);
                Some(event.seq)
            }
            Change::MessageEdited { target, body, .. } => {
                let message = self.messages.get_mut(target)?;
                if body.is_some() {
                    message.body.clone_from(body);
                }
                message.edited_at = Some(event.at);
                Some(*target)
            }
            Change::MessageDeleted { target, .. } => {
                let message = self.messages.get_mut(target)?;
                message.body = None;
                message.deleted_at = Some(event.at);
                message.edited_at = None;
                message.reactions.clear();
                Some(*target)
            }
            Change::ReactionAdded { user, target, emoji } => {
                let message = self.messages.get_mut(target)?;
                match message.reactions.iter_mut().find(|reaction| reaction.emoji == *emoji) {
                    Some(reaction) if reaction.users.contains(user) => {}
                    Some(reaction) => reaction.users.push(*user),
                    None => message.reactions.push(Reaction { emoji: emoji.clone(), users: vec![*user] }),
                }
                Some(*target)
            }
            Change::ReactionRemoved { user, target, emoji } => {
                let message = self.messages.get_mut(target)?;
                for reaction in message.reactions.iter_mut().filter(|reaction| reaction.emoji == *emoji) {
                    reaction.users.retain(|one| one != user);
                }
                message.reactions.retain(|reaction| !reaction.users.is_empty());
                Some(*target)
            }
            _ => None,
        }
    }
}
