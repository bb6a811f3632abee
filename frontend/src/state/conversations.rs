//! How events change a conversation's sidebar entry, and how news change one that is not followed live.
//!
//! Invariant: an entry describes the state at its `head`; an event at or below it changes nothing. Its counters are
//! what the server would count, going down as well as up; if that cannot be computed here, the server is asked.

use parlour_protocol::conversations::{Conversation, ConversationKind};
use parlour_protocol::events::{Change, Event};
use parlour_protocol::ids::{Seq, UserId};
use parlour_protocol::messages::{Mention, Message};
use parlour_protocol::socket::News;

/// Unread messages are counted up to this number, as on the server.
const MOST: i64 = 100;
/// Maximum number of unread messages known individually; of earlier ones only the count is kept.
const KNOWN: usize = 200;

/// The consequences of a change, in addition to the entry's new state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Effect {
    /// The read marker has moved.
    pub(crate) moved: bool,
    /// The counters are uncertain: only the server knows them.
    pub(crate) doubt: bool,
}

/// The bookkeeping of an entry's unread messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    /// The server's count: unread messages, and mentions among them. Which ones they are is unknown.
    told: (i64, i64),
    /// The messages counted by the server are at or below this position.
    until: Seq,
    /// Unread messages that arrived since, in order, and whether they mention the user.
    seen: Vec<(Seq, bool)>,
}

impl Counted {
    /// Starts from the server's count.
    pub(crate) fn new(entry: &Conversation) -> Self {
        let until = entry.last_message.as_ref().map_or(entry.head, |last| last.seq);
        Self { told: (entry.unread, entry.mentions), until, seen: Vec::new() }
    }

    /// Adds an unread message.
    fn note(&mut self, seq: Seq, mentions: bool) {
        let at = self.seen.partition_point(|(one, _)| *one < seq);
        match self.seen.get_mut(at) {
            Some((one, known)) if *one == seq => *known |= mentions,
            _ => self.seen.insert(at, (seq, mentions)),
        }
        if self.seen.len() > KNOWN {
            let (first, mentions) = self.seen.remove(0);
            self.told = ((self.told.0 + 1).min(MOST), (self.told.1 + i64::from(mentions)).min(MOST));
            self.until = self.until.max(first);
        }
    }

    fn read(&mut self, seq: Seq) {
        self.seen.retain(|(one, _)| *one > seq);
        if seq >= self.until {
            self.told = (0, 0);
        }
    }

    /// Removes a deleted message that counted as unread. Returns true if only the server knows the new count.
    fn delete(&mut self, seq: Seq, read: Seq) -> bool {
        let seen = self.seen.len();
        self.seen.retain(|(one, _)| *one != seq);
        if self.seen.len() < seen || !self.may_be_told(seq, read) {
            return false;
        }
        // Messages beyond the maximum were not counted, and which ones mention the user is unknown.
        if self.told.0 >= MOST || self.told.1 > 0 {
            return true;
        }
        self.told.0 -= 1;
        false
    }

    /// Removes a deleted message that may have counted as unread: its author is unknown. Returns true if only the server
    /// knows the new count.
    fn delete_unknown(&mut self, seq: Seq, read: Seq) -> bool {
        let seen = self.seen.len();
        self.seen.retain(|(one, _)| *one != seq);
        self.seen.len() == seen && self.may_be_told(seq, read)
    }

    /// Handles an edited message, which mentions the user now or not. Only the server knows whether an edit added or
    /// removed a mention: returns true if it must be asked.
    fn edit(&self, seq: Seq, read: Seq, mentions: bool) -> bool {
        match self.seen.iter().find(|(one, _)| *one == seq) {
            Some((_, mentioned)) => *mentioned != mentions,
            None => self.may_be_told(seq, read) && (mentions || self.told.1 > 0),
        }
    }

    /// Whether a message may be one of those counted by the server.
    fn may_be_told(&self, seq: Seq, read: Seq) -> bool {
        self.told != (0, 0) && seq > read && seq <= self.until
    }

    fn show(&self, entry: &mut Conversation) {
        let mentions = self.seen.iter().filter(|(_, mentions)| *mentions).count() as i64;
        entry.unread = (self.told.0 + self.seen.len() as i64).min(MOST);
        entry.mentions = self.told.1 + mentions;
    }
}

/// Applies an event to an entry. Messages by blocked users are not counted.
pub(crate) fn apply(
    entry: &mut Conversation,
    counted: &mut Counted,
    event: &Event,
    me: UserId,
    blocked: impl Fn(UserId) -> bool,
) -> Effect {
    let mut effect = Effect::default();
    if event.seq <= entry.head {
        return effect;
    }
    entry.head = event.seq;
    entry.last_activity_at = event.at;
    let named = |mentions: &Option<Vec<Mention>>| mentions.iter().flatten().any(|one| one.user == me);
    match &event.change {
        Change::MessageCreated { author, cid, body, reply_to, reply_author, mentions } => {
            if *author == me {
                // An author has read everything above their own message.
                entry.read_seq = entry.read_seq.max(event.seq);
                counted.read(event.seq);
            } else if body.is_some() && !blocked(*author) {
                counted.note(event.seq, *reply_author == Some(me) || named(mentions));
            }
            if body.is_some() {
                entry.last_message = Some(Message {
                    seq: event.seq,
                    author: *author,
                    cid: cid.clone(),
                    body: body.clone(),
                    reply_to: *reply_to,
                    reply_author: *reply_author,
                    mentions: mentions.clone(),
                    at: event.at,
                    edited_at: None,
                    deleted_at: None,
                    reactions: Vec::new(),
                });
            }
        }
        Change::MessageEdited { target, body, mentions, .. } => {
            if let Some(last) = entry.last_message.as_mut().filter(|last| last.seq == *target)
                && body.is_some()
            {
                last.body.clone_from(body);
            }
            effect.doubt = counted.edit(*target, entry.read_seq, named(mentions));
        }
        Change::MessageDeleted { target, author, .. } => {
            entry.last_message.take_if(|last| last.seq == *target);
            effect.doubt = match author {
                Some(author) if *author == me || blocked(*author) => false,
                Some(_) => counted.delete(*target, entry.read_seq),
                None => counted.delete_unknown(*target, entry.read_seq),
            };
        }
        Change::MemberJoined { .. } => entry.member_count += 1,
        Change::MemberLeft { .. } => entry.member_count = (entry.member_count - 1).max(0),
        Change::RoomChanged { name, topic, .. } => {
            entry.name = Some(name.clone());
            entry.topic = Some(topic.clone());
        }
        Change::DirectChanged { writable } => {
            entry.apply_rights(&event.change);
            if !writable {
                entry.online = None;
            }
        }
        Change::RoomDeleted { .. } => entry.apply_rights(&event.change),
        _ => {}
    }
    counted.show(entry);
    effect
}

/// Applies the news of a conversation that is not followed live. Without news, or if they start after this entry's
/// head, the entry stays unchanged and is marked as uncertain. `blocked` is known here slightly earlier than on the
/// server.
pub(crate) fn hear(
    entry: &mut Conversation,
    counted: &mut Counted,
    head: Seq,
    news: Option<&News>,
    blocked: impl Fn(UserId) -> bool,
) -> Effect {
    let mut effect = Effect::default();
    let before = entry.head;
    if head <= before {
        return effect;
    }
    let Some(news) = news.filter(|news| news.after <= before) else {
        return Effect { doubt: true, ..effect };
    };
    entry.head = head;
    if let Some(own) = news.own {
        entry.read_seq = entry.read_seq.max(own);
        counted.read(entry.read_seq);
    }
    let fresh = before.max(entry.read_seq) + 1;
    // Messages beyond the counted maximum are skipped.
    let known = |[first, last]: &[Seq; 2]| (*first).max(fresh).max(*last - KNOWN as Seq)..=*last;
    news.unread.iter().flat_map(known).for_each(|seq| counted.note(seq, false));
    if let Some(said) = news.last.as_ref().filter(|said| !blocked(said.author)) {
        let shown = entry.last_message.as_mut().filter(|last| last.seq == said.seq);
        if let Some(last) = shown {
            last.body = Some(said.text.clone());
        } else if said.seq > before {
            entry.last_activity_at = entry.last_activity_at.max(said.at);
            entry.last_message = Some(Message {
                seq: said.seq,
                author: said.author,
                cid: String::new(),
                body: Some(said.text.clone()),
                reply_to: None,
                reply_author: None,
                mentions: None,
                at: said.at,
                edited_at: None,
                deleted_at: None,
                reactions: Vec::new(),
            });
        }
    }
    for seq in &news.deleted {
        effect.doubt |= counted.delete(*seq, entry.read_seq);
        // The message before it is now the newest and may not be the one shown.
        effect.doubt |= entry.last_message.as_ref().is_none_or(|last| *seq >= last.seq);
        entry.last_message.take_if(|last| last.seq == *seq);
    }
    // Some of the joins and leaves may already be counted.
    effect.doubt |= news.members != 0 && news.after < before;
    entry.member_count = (entry.member_count + news.members).max(0);
    effect.moved = news.own.is_some();
    counted.show(entry);
    effect
}

/// Records that a message mentions the user or replies to one of their messages. This may arrive before or after the
/// message itself.
pub(crate) fn mentioned(entry: &mut Conversation, counted: &mut Counted, seq: Seq) -> Effect {
    let known = counted.seen.iter().any(|(one, _)| *one == seq);
    if seq > entry.read_seq && (known || seq > entry.head) {
        counted.note(seq, true);
        counted.show(entry);
    }
    // It is unknown whether the server's count already includes it.
    Effect { moved: false, doubt: !known && seq <= entry.head && counted.may_be_told(seq, entry.read_seq) }
}

/// Records that a message no longer mentions the user.
pub(crate) fn not_mentioned(entry: &mut Conversation, counted: &mut Counted, seq: Seq) -> Effect {
    match counted.seen.iter_mut().find(|(one, _)| *one == seq) {
        Some((_, mentions)) => *mentions = false,
        None => {
            let doubt = counted.told.1 > 0 && counted.may_be_told(seq, entry.read_seq);
            return Effect { moved: false, doubt };
        }
    }
    counted.show(entry);
    Effect::default()
}

/// Marks everything up to a position as read.
pub(crate) fn mark_read(entry: &mut Conversation, counted: &mut Counted, seq: Seq) -> Effect {
    let moved = seq > entry.read_seq;
    entry.read_seq = entry.read_seq.max(seq);
    counted.read(entry.read_seq);
    counted.show(entry);
    // Only the server knows how many of the messages it counted are below this position.
    Effect { moved, doubt: moved && counted.told != (0, 0) }
}

/// The displayed name of a conversation, without the `#` of a room.
pub(crate) fn title(entry: &Conversation) -> String {
    match entry.kind {
        ConversationKind::Room => entry.name.clone().unwrap_or_default(),
        ConversationKind::Direct => entry.peer.as_ref().map_or_else(
            || crate::texts::common::deleted_user().to_owned(),
            |peer| peer.display_name.clone(),
        ),
    }
}

#[cfg(test)]
mod tests;
