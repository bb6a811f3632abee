//! The loaded messages of one conversation: pages of history joined with live changes.
//!
//! Invariant: *page + events = fresh page*. Applying the events after a page gives what fetching it again would.

use std::collections::{BTreeMap, VecDeque};

use parlour_protocol::ids::Seq;
use parlour_protocol::messages::{Message, Reaction};
use parlour_protocol::socket::{Change, Event};

/// Changes that are remembered for pages which were read before them and arrive after them.
const RECENT: usize = 256;

/// The messages that are loaded, by position.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Timeline {
    messages: BTreeMap<Seq, Message>,
    recent: VecDeque<Event>,
    detached: bool,
}

impl Timeline {
    /// Adds a page of history; what is newer wins where both know a message.
    pub fn add_page(&mut self, items: impl IntoIterator<Item = Message>) {
        for message in items {
            self.messages.insert(message.seq, message);
        }
    }

    /// Adds a page of history that was read when the log's newest position was `head`: changes that were
    /// applied since are applied to its messages again.
    pub fn add_page_at(&mut self, items: impl IntoIterator<Item = Message>, head: Seq) {
        self.add_page(items);
        let missed: Vec<Event> = self.recent.iter().filter(|event| event.seq > head).cloned().collect();
        for event in &missed {
            if !matches!(event.change, Change::MessageCreated { .. }) {
                self.change(event);
            }
        }
    }

    /// Adds one message, such as an own one whose sending was just answered.
    pub fn add(&mut self, message: Message) {
        self.messages.insert(message.seq, message);
    }

    /// Drops everything.
    pub fn clear(&mut self) {
        self.messages.clear();
        self.recent.clear();
        self.detached = false;
    }

    /// Says whether newer messages exist that are not loaded. New ones are not added then, as a hole would
    /// be before them.
    pub fn set_detached(&mut self, detached: bool) {
        self.detached = detached;
    }

    /// Whether newer messages exist that are not loaded.
    pub fn detached(&self) -> bool {
        self.detached
    }

    /// Lets go of the oldest messages so that at most `keep` stay. True when some went.
    pub fn trim_oldest(&mut self, keep: usize) -> bool {
        let before = self.messages.len();
        while self.messages.len() > keep {
            self.messages.pop_first();
        }
        self.messages.len() != before
    }

    /// Lets go of the newest messages so that at most `keep` stay; then the timeline is detached. True when
    /// some went.
    pub fn trim_newest(&mut self, keep: usize) -> bool {
        let before = self.messages.len();
        while self.messages.len() > keep {
            self.messages.pop_last();
            self.detached = true;
        }
        self.messages.len() != before
    }

    /// How many messages are loaded.
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether nothing is loaded.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
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
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(event.clone());
        self.change(event)
    }

    /// Applies a change whose event is on its way, such as an own one whose command was just answered.
    pub fn anticipate(&mut self, event: &Event) -> Option<Seq> {
        self.change(event)
    }

    fn change(&mut self, event: &Event) -> Option<Seq> {
        match &event.change {
            Change::MessageCreated { .. } if self.detached => None,
            Change::MessageCreated { author, cid, body, reply_to, reply_author, mentions } => {
                let message = Message {
                    seq: event.seq,
                    author: *author,
                    cid: cid.clone(),
                    body: body.clone(),
                    reply_to: *reply_to,
                    reply_author: *reply_author,
                    mentions: mentions.clone(),
                    at: event.at,
                    edited_at: None,
                    // The text is absent only when it was deleted; the event of that follows and says when.
                    deleted_at: None,
                    reactions: Vec::new(),
                };
                self.messages.insert(event.seq, message);
                Some(event.seq)
            }
            Change::MessageEdited { target, body, mentions, .. } => {
                let message = self.messages.get_mut(target)?;
                if body.is_some() {
                    message.body.clone_from(body);
                    message.mentions.clone_from(mentions);
                }
                message.edited_at = Some(event.at);
                Some(*target)
            }
            Change::MessageDeleted { target, .. } => {
                let message = self.messages.get_mut(target)?;
                message.body = None;
                message.mentions = None;
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
            Change::AuthorErased { author } => {
                for message in self.messages.values_mut() {
                    if message.author == *author {
                        message.cid = String::new();
                    }
                    if message.author == *author && message.deleted_at.is_none() {
                        message.body = None;
                        message.deleted_at = Some(event.at);
                        message.edited_at = None;
                        message.reactions.clear();
                    }
                    for reaction in &mut message.reactions {
                        reaction.users.retain(|one| one != author);
                    }
                    message.reactions.retain(|reaction| !reaction.users.is_empty());
                }
                None
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parlour_protocol::ids::{ConversationId, UserId};
    use parlour_protocol::time::Timestamp;

    fn event(seq: Seq, change: Change) -> Event {
        Event { conversation: ConversationId(1), seq, at: Timestamp(seq), change }
    }

    fn created(seq: Seq) -> Event {
        let body = Some(format!("message {seq}"));
        event(
            seq,
            Change::MessageCreated {
                author: UserId(1),
                cid: format!("cid-{seq:05}"),
                body,
                reply_to: None,
                reply_author: None,
                mentions: None,
            },
        )
    }

    fn page(seqs: std::ops::RangeInclusive<Seq>) -> Vec<Message> {
        let mut timeline = Timeline::default();
        seqs.for_each(|seq| {
            timeline.apply(&created(seq));
        });
        timeline.iter().cloned().collect()
    }

    #[test]
    fn a_page_that_comes_late_gets_the_changes_that_overtook_it() {
        let mut timeline = Timeline::default();
        timeline.add_page_at(page(50..=60), 60);
        timeline.apply(&event(61, Change::MessageDeleted { actor: UserId(1), target: 10, author: None }));
        timeline.add_page_at(page(1..=49), 60);
        assert_eq!(timeline.get(10).and_then(|message| message.body.clone()), None);
        assert!(timeline.get(11).is_some_and(|message| message.body.is_some()));
    }

    #[test]
    fn a_detached_timeline_takes_changes_but_no_new_messages() {
        let mut timeline = Timeline::default();
        timeline.add_page_at(page(1..=60), 60);
        assert!(timeline.trim_newest(40));
        assert!(timeline.detached());
        assert_eq!(timeline.apply(&created(61)), None);
        let edit =
            Change::MessageEdited { author: UserId(1), target: 3, body: Some("new".into()), mentions: None };
        assert_eq!(timeline.apply(&event(62, edit)), Some(3));
        assert_eq!((timeline.oldest(), timeline.newest(), timeline.len()), (Some(1), Some(40), 40));
    }
}
