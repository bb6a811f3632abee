//! What a server stores, written without the engine and as the server does it: not by applying events.

use std::collections::BTreeMap;

use fastrand::Rng;
use parlour_protocol::events::{Change, Event};
use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::messages::{Message, MessagePage, Reaction};
use parlour_protocol::rooms::MemberRole;
use parlour_protocol::time::Timestamp;

const EMOJI: [&str; 3] = ["👍", "🎉", "🐢"];

/// One conversation: the log, and next to it the current state of each message.
#[derive(Default)]
pub(super) struct Stored {
    pub(super) log: Vec<Event>,
    pub(super) messages: BTreeMap<Seq, Message>,
}

impl Stored {
    pub(super) fn head(&self) -> Seq {
        self.log.len() as Seq
    }

    fn append(&mut self, room: ConversationId, change: Change) -> Event {
        let seq = self.head() + 1;
        let event = Event { conversation: room, seq, at: Timestamp(seq * 1000), change };
        self.log.push(event.clone());
        event
    }

    /// Appends a random event of some other user.
    pub(super) fn happen(&mut self, room: ConversationId, random: &mut Rng) -> Event {
        let user = UserId(random.usize(..3) as i64);
        let living: Vec<Seq> =
            self.messages.values().filter(|one| one.deleted_at.is_none()).map(|one| one.seq).collect();
        let target = if living.is_empty() { 0 } else { living[random.usize(..living.len())] };
        let seq = self.head() + 1;
        match random.usize(..(if living.is_empty() { 3 } else { 10 })) {
            0 => self.append(room, Change::MemberJoined { user, role: MemberRole::Member }),
            1 => self.append(room, Change::Unknown(serde_json::json!({"kind": "poll.opened"}))),
            2..=4 => self.create(room, user, format!("cid-{seq:05}"), format!("message {seq}")),
            5 | 6 => self.edit(room, target, format!("edited at {seq}")),
            7 => self.delete(room, user, target),
            _ => {
                let emoji = EMOJI[random.usize(..EMOJI.len())];
                let on = !self.reacts(target, user, emoji);
                self.react(room, user, target, emoji, on)
            }
        }
    }

    pub(super) fn create(
        &mut self,
        room: ConversationId,
        author: UserId,
        cid: String,
        body: String,
    ) -> Event {
        let seq = self.head() + 1;
        let body = Some(body);
        let message = Message {
            seq,
            author,
            cid: cid.clone(),
            body: body.clone(),
            reply_to: None,
            reply_author: None,
            mentions: None,
            at: Timestamp(seq * 1000),
            edited_at: None,
            deleted_at: None,
            reactions: Vec::new(),
        };
        self.messages.insert(seq, message);
        let change =
            Change::MessageCreated { author, cid, body, reply_to: None, reply_author: None, mentions: None };
        self.append(room, change)
    }

    pub(super) fn edit(&mut self, room: ConversationId, target: Seq, body: String) -> Event {
        let at = Timestamp((self.head() + 1) * 1000);
        let message = self.messages.get_mut(&target).unwrap();
        let (author, body) = (message.author, Some(body));
        message.body.clone_from(&body);
        message.edited_at = Some(at);
        self.append(room, Change::MessageEdited { author, target, body, mentions: None })
    }

    pub(super) fn delete(&mut self, room: ConversationId, actor: UserId, target: Seq) -> Event {
        let at = Timestamp((self.head() + 1) * 1000);
        let message = self.messages.get_mut(&target).unwrap();
        (message.body, message.edited_at, message.deleted_at) = (None, None, Some(at));
        message.reactions.clear();
        // Redact the text in the log, too, wherever it occurs.
        for event in &mut self.log {
            match &mut event.change {
                Change::MessageCreated { body, .. } if event.seq == target => *body = None,
                Change::MessageEdited { target: edited, body, .. } if *edited == target => *body = None,
                _ => {}
            }
        }
        self.append(room, Change::MessageDeleted { actor, target, author: None })
    }

    pub(super) fn reacts(&self, target: Seq, user: UserId, emoji: &str) -> bool {
        self.messages[&target].reactions.iter().any(|one| one.emoji == emoji && one.users.contains(&user))
    }

    pub(super) fn react(
        &mut self,
        room: ConversationId,
        user: UserId,
        target: Seq,
        emoji: &str,
        on: bool,
    ) -> Event {
        let emoji = emoji.to_owned();
        let reactions = &mut self.messages.get_mut(&target).unwrap().reactions;
        let there = reactions.iter().position(|one| one.emoji == emoji);
        match (on, there) {
            (true, Some(at)) => reactions[at].users.push(user),
            (true, None) => reactions.push(Reaction { emoji: emoji.clone(), users: vec![user] }),
            (false, Some(at)) => {
                reactions[at].users.retain(|one| *one != user);
                if reactions[at].users.is_empty() {
                    reactions.remove(at);
                }
            }
            (false, None) => {}
        }
        let change = match on {
            true => Change::ReactionAdded { user, target, emoji },
            false => Change::ReactionRemoved { user, target, emoji },
        };
        self.append(room, change)
    }

    /// The whole history as a page.
    pub(super) fn page(&self) -> MessagePage {
        MessagePage {
            items: self.messages.values().cloned().collect(),
            older: false,
            newer: false,
            head: self.head(),
            previous: None,
            next: None,
            authors: Vec::new(),
        }
    }
}
