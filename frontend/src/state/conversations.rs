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
            // Only the server knows whether an edit added or removed a mention.
            effect.doubt = match counted.seen.iter().find(|(seq, _)| seq == target) {
                Some((_, mentioned)) => *mentioned != named(mentions),
                None => {
                    counted.may_be_told(*target, entry.read_seq) && (named(mentions) || counted.told.1 > 0)
                }
            };
        }
        Change::MessageDeleted { target, author, .. } => {
            entry.last_message.take_if(|last| last.seq == *target);
            effect.doubt = match author {
                Some(author) if *author == me || blocked(*author) => false,
                Some(_) => counted.delete(*target, entry.read_seq),
                None => {
                    let seen = counted.seen.iter().any(|(seq, _)| seq == target);
                    counted.seen.retain(|(seq, _)| seq != target);
                    !seen && counted.may_be_told(*target, entry.read_seq)
                }
            };
        }
        Change::MemberJoined { .. } => entry.member_count += 1,
        Change::MemberLeft { .. } => entry.member_count = (entry.member_count - 1).max(0),
        Change::RoomChanged { name, topic, .. } => {
            entry.name = Some(name.clone());
            entry.topic = Some(topic.clone());
        }
        Change::DirectChanged { writable } => {
            entry.writable = *writable;
            if !writable {
                entry.online = None;
            }
        }
        Change::RoomDeleted { .. } => entry.writable = false,
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
mod tests {
    use super::*;
    use parlour_protocol::ids::ConversationId;
    use parlour_protocol::socket::Excerpt;
    use parlour_protocol::time::Timestamp;
    use std::collections::BTreeMap;

    const ME: UserId = UserId(1);

    fn entry() -> Conversation {
        Conversation {
            id: ConversationId(5),
            kind: ConversationKind::Room,
            name: Some("tea".into()),
            topic: None,
            peer: None,
            online: None,
            role: None,
            writable: true,
            member_count: 2,
            head: 3,
            read_seq: 3,
            unread: 0,
            mentions: 0,
            last_message: None,
            last_activity_at: Timestamp(0),
        }
    }

    fn said(seq: Seq, author: i64, body: &str) -> Event {
        let mention = Mention { user: ME, handle: "ada".into() };
        let change = Change::MessageCreated {
            author: UserId(author),
            cid: format!("cid-{seq:05}"),
            body: Some(body.into()),
            reply_to: None,
            reply_author: None,
            mentions: body.to_lowercase().contains("@ada").then(|| vec![mention]),
        };
        Event { conversation: ConversationId(5), seq, at: Timestamp(seq), change }
    }

    fn event(seq: Seq, change: Change) -> Event {
        Event { conversation: ConversationId(5), seq, at: Timestamp(seq), change }
    }

    fn nobody(_: UserId) -> bool {
        false
    }

    #[test]
    fn unread_and_mentions_are_counted_once() {
        let mut entry = entry();
        let mut counted = Counted::new(&entry);
        for event in [said(4, 2, "hi"), said(5, 2, "@ada?"), said(5, 2, "@ada?"), said(2, 2, "old")] {
            apply(&mut entry, &mut counted, &event, ME, nobody);
        }
        assert_eq!((entry.unread, entry.mentions, entry.head), (2, 1, 5));
        assert!(mark_read(&mut entry, &mut counted, 4).moved);
        assert_eq!((entry.unread, entry.mentions), (1, 1), "what stands below is still unread");
        assert!(mark_read(&mut entry, &mut counted, 5).moved);
        assert!(!mark_read(&mut entry, &mut counted, 4).moved);
        assert_eq!((entry.unread, entry.mentions, entry.read_seq), (0, 0, 5));
        let mut told = Conversation { unread: 2, head: 9, last_message: None, ..entry.clone() };
        let mut unmoved = Counted::new(&told);
        assert!(!mark_read(&mut told, &mut unmoved, 5).doubt, "what was known before is told at every start");
        assert!(mark_read(&mut told, &mut unmoved, 7).doubt);
        apply(&mut entry, &mut counted, &said(6, 2, "again"), ME, nobody);
        apply(&mut entry, &mut counted, &said(7, 1, "answer"), ME, nobody);
        assert_eq!(entry.unread, 0, "people who answer have read");
    }

    #[test]
    fn what_is_deleted_unread_counts_no_more() {
        let mut entry = entry();
        let mut counted = Counted::new(&entry);
        apply(&mut entry, &mut counted, &said(4, 2, "@ada?"), ME, nobody);
        let gone = event(5, Change::MessageDeleted { actor: UserId(2), target: 4, author: None });
        assert!(!apply(&mut entry, &mut counted, &gone, ME, nobody).doubt);
        assert_eq!((entry.unread, entry.mentions), (0, 0));
        // Only the server can recount what it counted.
        let mut told = Conversation { unread: 2, mentions: 1, head: 9, read_seq: 3, ..entry };
        let mut counted = Counted::new(&told);
        let gone = event(10, Change::MessageDeleted { actor: UserId(2), target: 8, author: None });
        assert!(apply(&mut told, &mut counted, &gone, ME, nobody).doubt);
        // Except if it is known here that none of them mentions the user and that this message is one of them.
        let mut told = Conversation { unread: 2, mentions: 0, head: 9, ..told };
        let mut counted = Counted::new(&told);
        let gone = |seq, target| {
            event(seq, Change::MessageDeleted { actor: UserId(2), target, author: Some(UserId(2)) })
        };
        for (seq, target, left) in [(10, 3, 2), (11, 8, 1), (12, 7, 0)] {
            assert!(!apply(&mut told, &mut counted, &gone(seq, target), ME, nobody).doubt);
            assert_eq!(told.unread, left);
        }
    }

    #[test]
    fn blocked_people_are_not_counted() {
        let mut entry = entry();
        let mut counted = Counted::new(&entry);
        for event in [said(4, 2, "@ada?"), said(5, 3, "hello")] {
            apply(&mut entry, &mut counted, &event, ME, |author| author == UserId(2));
        }
        assert_eq!((entry.unread, entry.mentions, entry.head), (1, 0, 5));
    }

    /// Any history of messages, edits and deletions by several users, one of them blocked, with reading in between: at
    /// every moment the counters either match the log or are marked as uncertain.
    #[test]
    fn counters_are_at_every_moment_what_the_log_says() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut chance = move |below: u64| random.u64(..below);
        let blocked = |author: UserId| author == UserId(3);
        for _ in 0..200 {
            // The log: author, whether the message mentions the user, and whether it still exists.
            let mut log: BTreeMap<Seq, (i64, bool, bool)> = BTreeMap::new();
            let mut shown = Conversation { head: 0, read_seq: 0, ..entry() };
            let mut counted = Counted::new(&shown);
            let truth = |log: &BTreeMap<Seq, (i64, bool, bool)>, read: Seq| {
                let unread: Vec<bool> = log
                    .range(read + 1..)
                    .filter(|(_, (author, _, there))| *there && *author != 1 && !blocked(UserId(*author)))
                    .map(|(_, (_, mentions, _))| *mentions)
                    .collect();
                (unread.len() as i64, unread.iter().filter(|mentions| **mentions).count() as i64)
            };
            for seq in 1..90 {
                let target = 1 + chance(seq as u64) as Seq;
                let effect = match chance(5) {
                    0 => mark_read(&mut shown, &mut counted, target),
                    1 if log.get(&target).is_some_and(|one| one.2) => {
                        log.entry(target).and_modify(|one| one.2 = false);
                        let author = (chance(2) == 0).then(|| UserId(log[&target].0));
                        let gone = Change::MessageDeleted { actor: UserId(2), target, author };
                        apply(&mut shown, &mut counted, &event(seq, gone), ME, blocked)
                    }
                    _ => {
                        let (author, mentions) = (1 + chance(12).min(3) as i64, chance(3) == 0);
                        log.insert(seq, (author, mentions, true));
                        let body = if mentions { "hey @Ada" } else { "hey" };
                        apply(&mut shown, &mut counted, &said(seq, author, body), ME, blocked)
                    }
                };
                let (unread, mentions) = truth(&log, shown.read_seq);
                if effect.doubt || chance(20) == 0 {
                    let last_message = shown.last_message.clone();
                    shown = Conversation { unread, mentions, head: seq, last_message: None, ..shown };
                    counted = Counted::new(&shown);
                    shown.last_message = last_message;
                }
                assert_eq!((shown.unread, shown.mentions), (unread, mentions), "at {seq}: {log:?}");
            }
        }
    }

    fn excerpt(seq: Seq, author: i64, text: &str) -> Option<Excerpt> {
        Some(Excerpt { seq, author: UserId(author), text: text.into(), at: Timestamp(seq) })
    }

    fn shown(entry: &Conversation) -> (i64, i64, Option<(Seq, &str)>) {
        let last = entry.last_message.as_ref().map(|last| (last.seq, last.body.as_deref().unwrap()));
        (entry.unread, entry.mentions, last)
    }

    #[test]
    fn news_change_an_entry_as_the_events_would() {
        let mut entry = entry();
        let mut counted = Counted::new(&entry);
        let mut tell = |entry: &mut Conversation, head, news: &News| {
            hear(entry, &mut counted, head, Some(news), |author| author == UserId(3))
        };
        let one = News {
            after: 3,
            unread: vec![[4, 5]],
            last: excerpt(5, 2, "two"),
            members: 1,
            ..News::default()
        };
        assert_eq!(tell(&mut entry, 6, &one), Effect::default());
        assert_eq!((shown(&entry), entry.member_count, entry.head), ((2, 0, Some((5, "two"))), 3, 6));
        assert_eq!(entry.last_activity_at, Timestamp(5));
        assert_eq!(tell(&mut entry, 6, &one), Effect::default(), "twice is once");
        assert_eq!(shown(&entry).0, 2);
        // The text of the newest message changes; then it is deleted, and only the server knows the one before it.
        tell(&mut entry, 7, &News { after: 6, last: excerpt(5, 2, "Two"), ..News::default() });
        assert_eq!(shown(&entry), (2, 0, Some((5, "Two"))));
        assert!(tell(&mut entry, 8, &News { after: 7, deleted: vec![5], ..News::default() }).doubt);
        assert_eq!(shown(&entry), (1, 0, None));
        // The user replied on another device, and more has arrived since.
        let own = News {
            after: 8,
            own: Some(9),
            unread: vec![[10, 10]],
            last: excerpt(10, 2, "so?"),
            ..News::default()
        };
        assert!(tell(&mut entry, 10, &own).moved);
        assert_eq!((shown(&entry), entry.read_seq), ((1, 0, Some((10, "so?"))), 9));
        // Nothing of blocked users is shown, even if the server does not know about the block yet.
        tell(&mut entry, 11, &News { after: 10, last: excerpt(11, 3, "nasty"), ..News::default() });
        assert_eq!(shown(&entry), (1, 0, Some((10, "so?"))));
    }

    #[test]
    fn news_that_do_not_fit_are_asked_for_and_others_are_not_counted_twice() {
        let mut entry = entry();
        let mut counted = Counted::new(&entry);
        let late = News { after: 5, unread: vec![[6, 6]], ..News::default() };
        for news in [Some(&late), None] {
            assert!(hear(&mut entry, &mut counted, 6, news, nobody).doubt);
            assert_eq!((entry.head, entry.unread), (3, 0), "still as it was read");
        }
        // The entry was reloaded meanwhile, up to 7.
        let mut entry = Conversation { head: 7, unread: 2, ..entry };
        let mut counted = Counted::new(&entry);
        let more = News { after: 5, unread: vec![[6, 9]], ..News::default() };
        assert!(!hear(&mut entry, &mut counted, 9, Some(&more), nobody).doubt);
        assert_eq!((entry.head, entry.unread), (9, 4));
        let came = News { after: 8, members: 1, ..News::default() };
        assert!(hear(&mut entry, &mut counted, 10, Some(&came), nobody).doubt);
    }

    #[test]
    fn a_mention_counts_once_whether_its_message_comes_before_or_after() {
        let mut entry = entry();
        let mut counted = Counted::new(&entry);
        assert!(!mentioned(&mut entry, &mut counted, 5).doubt);
        assert_eq!((entry.unread, entry.mentions), (1, 1), "it is told at once");
        let news = News { after: 3, unread: vec![[4, 6]], ..News::default() };
        hear(&mut entry, &mut counted, 6, Some(&news), nobody);
        assert_eq!((entry.unread, entry.mentions), (3, 1));
        mentioned(&mut entry, &mut counted, 6);
        assert_eq!((entry.unread, entry.mentions), (3, 2));
        not_mentioned(&mut entry, &mut counted, 5);
        assert_eq!((entry.unread, entry.mentions), (3, 1));
        mark_read(&mut entry, &mut counted, 6);
        mentioned(&mut entry, &mut counted, 6);
        assert_eq!((entry.unread, entry.mentions), (0, 0), "it was read before it was told");
    }

    #[test]
    fn what_is_never_read_takes_no_more_and_more_memory() {
        let mut entry = entry();
        let mut counted = Counted::new(&entry);
        for head in 4..10_000 {
            let news = News { after: head - 1, unread: vec![[head, head]], ..News::default() };
            hear(&mut entry, &mut counted, head, Some(&news), nobody);
        }
        hear(
            &mut entry,
            &mut counted,
            i64::MAX,
            Some(&News { after: 9_999, unread: vec![[10_000, i64::MAX]], ..News::default() }),
            nobody,
        );
        assert_eq!((entry.unread, counted.seen.len()), (MOST, KNOWN));
        assert!(!mark_read(&mut entry, &mut counted, i64::MAX).doubt);
        assert_eq!(entry.unread, 0);
    }

    #[test]
    fn the_end_of_a_friendship_closes_the_composer() {
        let mut entry = entry();
        let mut counted = Counted::new(&entry);
        let change = Change::DirectChanged { writable: false };
        apply(&mut entry, &mut counted, &event(4, change), ME, nobody);
        assert!(!entry.writable);
    }
}
