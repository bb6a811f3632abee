//! The loaded messages of one conversation: pages of history merged with live changes.
//!
//! Invariants: *page + events = fresh page*: applying the events after a page gives what fetching it again would give.
//! And a timeline knows which ranges of the log are loaded, so that a hole is never mistaken for the beginning or the
//! end.

use std::collections::{BTreeMap, VecDeque};

use parlour_protocol::events::{Change, Event};
use parlour_protocol::ids::Seq;
use parlour_protocol::messages::{Message, MessagePage, Reaction};

use super::{Stretch, Stretches};

/// Number of recent events kept, to be applied to pages that were read before them but arrive after them.
const RECENT: usize = 256;

/// Which part of the log a page was requested for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The newest messages.
    Newest,
    /// The messages before a position.
    Before(Seq),
    /// The messages after a position.
    After(Seq),
    /// The messages on both sides of a position.
    Around,
}

/// One element of the displayed list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Piece<'a> {
    /// A message.
    Message(&'a Message),
    /// A gap: what is between these positions is unknown.
    Gap {
        /// The last known position before the gap; 0 if the gap reaches back to the beginning of the log.
        after: Seq,
        /// The first known position after the gap.
        before: Seq,
    },
}

/// The loaded messages by position. A default timeline knows nothing of the log, not even its beginning.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Timeline {
    messages: BTreeMap<Seq, Message>,
    held: Stretches,
    /// The newest position known to exist.
    head: Seq,
    recent: VecDeque<Event>,
}

impl Timeline {
    /// A timeline for a log that is followed from its beginning.
    pub fn from_the_beginning() -> Self {
        let mut timeline = Self::default();
        timeline.held.add(0, 0);
        timeline
    }

    /// Adds a page of history. Events that were applied after the page was read are applied to its messages again.
    pub fn add_page(&mut self, page: MessagePage, part: Part) {
        let (first, last) = (page.items.first().map(|one| one.seq), page.items.last().map(|one| one.seq));
        let from = match part {
            Part::After(seq) => seq + 1,
            _ if page.older => first.unwrap_or(page.head + 1),
            _ => 0,
        };
        let to = match part {
            Part::Before(seq) => seq - 1,
            _ if page.newer => last.unwrap_or(-1),
            _ => page.head,
        };
        self.held.add(from, to);
        if page.newer && !matches!(part, Part::Before(_)) {
            self.head = self.head.max(page.head);
        }
        self.add_messages(page.items, page.head);
    }

    /// Adds single messages without claiming anything about their neighbours. `head` was the log's newest position when
    /// they were read.
    pub fn add_messages(&mut self, items: impl IntoIterator<Item = Message>, head: Seq) {
        for message in items {
            self.messages.insert(message.seq, message);
        }
        let missed: Vec<Event> = self.recent.iter().filter(|event| event.seq > head).cloned().collect();
        for event in &missed {
            let next = self.held.extend(event.seq);
            if next || !matches!(event.change, Change::MessageCreated { .. }) {
                self.change(event, next);
            }
        }
    }

    /// Adds one message, for example the user's own after the server acknowledged it. Its event later closes the hole
    /// before it.
    pub fn add(&mut self, message: Message) {
        self.messages.insert(message.seq, message);
    }

    /// Drops everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Notes that the log reaches at least up to a position.
    pub fn note_head(&mut self, head: Seq) {
        self.head = self.head.max(head);
    }

    /// Whether the beginning of the log is loaded, without a hole between it and the first message.
    pub fn begins(&self) -> bool {
        let on_its_way = |seq| self.held.of(seq).is_none() && self.ends();
        self.held.first().is_some_and(|first| {
            let joins = self.oldest().is_none_or(|oldest| oldest <= first.to || on_its_way(oldest));
            first.from == 0 && joins
        })
    }

    /// Whether the end of the log is loaded, as far as its head is known.
    pub fn ends(&self) -> bool {
        self.held.last().is_some_and(|last| last.to >= self.head)
    }

    /// Drops the oldest messages so that at most `keep` remain.
    pub fn trim_oldest(&mut self, keep: usize) {
        while self.messages.len() > keep {
            self.messages.pop_first();
            if let Some(first) = self.oldest() {
                self.held.cut_before(first);
            }
        }
    }

    /// Drops the newest messages so that at most `keep` remain.
    pub fn trim_newest(&mut self, keep: usize) {
        while self.messages.len() > keep {
            let end = self.held.last().map_or(0, |last| last.to);
            let gone = self.messages.pop_last().map_or(0, |(seq, _)| seq);
            self.note_head(end.max(gone));
            if let Some(last) = self.newest() {
                self.held.cut_after(last);
            }
        }
    }

    /// Drops the messages farthest from a position so that at most `keep` remain.
    pub fn trim_around(&mut self, seq: Seq, keep: usize) {
        let newer = self.messages.range(seq..).count();
        let older = self.messages.len() - newer;
        let half = keep / 2;
        if newer > half {
            self.trim_newest(older + half.max(keep.saturating_sub(older)));
        }
        self.trim_oldest(keep);
    }

    /// The elements to display, oldest first, starting with a gap if older messages are not loaded. The user's own
    /// messages whose events have not arrived yet come last.
    pub fn pieces(&self) -> impl Iterator<Item = Piece<'_>> {
        let end = self.held.last().map_or(0, |last| last.to);
        // If the log has moved on without being followed, more is missing before such messages than what is in flight.
        let (mut at, behind) = (0_i64, !self.ends());
        self.messages.values().flat_map(move |message| {
            let stretch = match self.held.of(message.seq) {
                Some(stretch) => stretch,
                None if behind => Stretch { from: message.seq, to: message.seq },
                None => Stretch { from: at, to: at.max(end) },
            };
            let gap =
                (stretch.from > at).then_some(Piece::Gap { after: (at - 1).max(0), before: stretch.from });
            at = at.max(stretch.to + 1);
            gap.into_iter().chain([Piece::Message(message)])
        })
    }

    /// The first and the last loaded position: older messages are missing before the one, newer ones after the other.
    pub fn edges(&self) -> Option<(Seq, Seq)> {
        let from = match self.pieces().next() {
            Some(Piece::Gap { before, .. }) => before,
            _ => self.held.first()?.from,
        };
        Some((from, self.held.last()?.to))
    }

    /// How many messages are loaded.
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether no message is loaded.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// The messages, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Message> {
        self.messages.values()
    }

    /// The loaded message at a position.
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

    /// Applies an event and returns the position of the message it changed, if that message is loaded.
    pub fn apply(&mut self, event: &Event) -> Option<Seq> {
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(event.clone());
        self.head = self.head.max(event.seq);
        let next = self.held.extend(event.seq);
        self.change(event, next)
    }

    /// Applies a change before its event arrives, for example the user's own after its command was acknowledged.
    pub fn anticipate(&mut self, event: &Event) -> Option<Seq> {
        self.change(event, false)
    }

    /// `next` says whether the event continues a loaded range: only then is a new message inserted.
    fn change(&mut self, event: &Event, next: bool) -> Option<Seq> {
        match &event.change {
            // If it is already loaded, the page it came with knew more about it.
            Change::MessageCreated { .. } if !next => None,
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
                    // The text is missing only if the message was deleted; that event follows and carries the time.
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
