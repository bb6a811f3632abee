//! What connections that do not follow a conversation live are told about it: each event is summarised once, and each
//! connection collects the summaries since its last report.
//!
//! Invariant: what is collected is bounded however much happens, and is either complete or given up. If given up, the
//! client gets only the head and fetches the conversation again.

use std::collections::BTreeSet;
use std::sync::Arc;

use parlour_protocol::events::{Change, Event};
use parlour_protocol::ids::{Seq, UserId};
use parlour_protocol::socket::{Excerpt, News};
use parlour_protocol::time::Timestamp;

/// Maximum characters of an excerpt, not counting the `…` at its end.
const EXCERPT: usize = 40;
/// Maximum ranges of unread messages in one report. A range that grows counts once.
const STRETCHES: usize = 32;
/// Maximum deletions in one report.
const DELETIONS: usize = 16;
/// Approximate bytes of one conversation in a frame, without the excerpt and the lists: ids have 19 digits, and a
/// timestamp has 27 characters.
const LINE: usize = 170;

/// What an event means to somebody who sees its conversation in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Summary {
    /// No change that a list shows.
    Nothing,
    /// A message was sent.
    Said {
        /// Its author.
        author: UserId,
        /// When it was sent.
        at: Timestamp,
        /// Excerpt of its text; `None` if it has been deleted since.
        text: Option<Arc<str>>,
    },
    /// A message was edited.
    Edited {
        /// Its author.
        author: UserId,
        /// When it was edited.
        at: Timestamp,
        /// Seq of the message.
        target: Seq,
        /// Excerpt of the new text.
        text: Arc<str>,
    },
    /// A message was deleted.
    Deleted {
        /// Seq of the message.
        target: Seq,
        /// Its author.
        author: UserId,
    },
    /// Somebody joined.
    Joined,
    /// Somebody left.
    Left,
    /// The room was deleted.
    Over,
}

impl Summary {
    /// Summarises an event. `None` for an event after which the conversation must be fetched again.
    pub fn of(event: &Event) -> Option<Self> {
        let at = event.at;
        Some(match &event.change {
            Change::MessageCreated { author, body, .. } => {
                Self::Said { author: *author, at, text: body.as_deref().map(excerpt) }
            }
            Change::MessageEdited { author, target, body: Some(body), .. } => {
                Self::Edited { author: *author, at, target: *target, text: excerpt(body) }
            }
            // The message has been deleted since, which a later event reports.
            Change::MessageEdited { body: None, .. } => Self::Nothing,
            Change::MessageDeleted { target, author: Some(author), .. } => {
                Self::Deleted { target: *target, author: *author }
            }
            Change::ReactionAdded { .. } | Change::ReactionRemoved { .. } => Self::Nothing,
            Change::MemberJoined { .. } => Self::Joined,
            Change::MemberLeft { .. } => Self::Left,
            Change::RoomDeleted { .. } => Self::Over,
            Change::RoomChanged { .. }
            | Change::AuthorErased { .. }
            // Without the author, a client cannot tell whether the message counted as unread.
            | Change::MessageDeleted { author: None, .. }
            | Change::DirectChanged { .. }
            | Change::Unknown(_) => return None,
        })
    }
}

/// The first words of a message on one line, at most [`EXCERPT`] characters.
fn excerpt(body: &str) -> Arc<str> {
    let mut line = String::new();
    let mut count = 0;
    for word in body.split_whitespace() {
        let gap = usize::from(count > 0);
        let length = word.chars().take(EXCERPT + 1).count();
        if count + gap + length > EXCERPT {
            // A first word that is too long is cut; later ones are left out.
            line.extend(word.chars().take(if count == 0 { EXCERPT } else { 0 }));
            line.push('…');
            break;
        }
        line.extend((gap == 1).then_some(' '));
        line.push_str(word);
        count += gap + length;
    }
    line.into()
}

/// The owner of the list, and the people whose messages do not count in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    pub me: UserId,
    pub blocked: &'a BTreeSet<UserId>,
}

/// What happened in a conversation since a connection was last told about it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Gathered {
    pub head: Seq,
    /// `None` once given up.
    news: Option<Box<Newest>>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Newest {
    after: Seq,
    unread: Vec<[Seq; 2]>,
    own: Option<Seq>,
    last: Option<(Seq, UserId, Arc<str>, Timestamp)>,
    deleted: Vec<Seq>,
    members: i64,
    over: bool,
}

impl Gathered {
    /// Starts a collection whose first event will be `seq`.
    pub fn before(seq: Seq) -> Self {
        let after = seq - 1;
        Self { head: after, news: Some(Box::new(Newest { after, ..Newest::default() })) }
    }

    /// Adds an event. Without a summary, or after a gap in the seqs, only the head is kept.
    pub fn add(&mut self, seq: Seq, summary: Option<&Summary>, reader: Reader) {
        if seq <= self.head {
            return;
        }
        let next = self.head + 1 == seq;
        self.head = seq;
        let kept = match (&mut self.news, summary) {
            (Some(news), Some(summary)) if next => news.add(seq, summary, reader),
            _ => false,
        };
        if !kept {
            self.news = None;
        }
    }

    /// Approximate size in a frame, in bytes.
    pub fn size(&self) -> usize {
        self.news.as_ref().map_or(LINE / 4, |news| {
            let text = news.last.as_ref().map_or(0, |(_, _, text, _)| text.len());
            LINE + text + 20 * news.unread.len() + 8 * news.deleted.len()
        })
    }

    /// The collected news, or `None` if incomplete.
    pub fn news(self) -> Option<News> {
        let Newest { after, unread, own, last, deleted, members, over } = *self.news?;
        let last = last.map(|(seq, author, text, at)| Excerpt { seq, author, text: (*text).into(), at });
        Some(News { after, unread, own, last, deleted, members, over })
    }
}

impl Newest {
    /// Returns false if there is too much to keep.
    fn add(&mut self, seq: Seq, summary: &Summary, reader: Reader) -> bool {
        match summary {
            Summary::Nothing => {}
            Summary::Said { author, .. } if reader.blocked.contains(author) => {}
            Summary::Said { author, at, text } => {
                if *author == reader.me {
                    // Sending a message marks everything before it as read.
                    self.own = Some(seq);
                    self.unread.clear();
                }
                if let Some(text) = text {
                    self.last = Some((seq, *author, text.clone(), *at));
                    if *author != reader.me {
                        match self.unread.last_mut() {
                            Some(stretch) if stretch[1] + 1 == seq => stretch[1] = seq,
                            _ => self.unread.push([seq, seq]),
                        }
                    }
                }
            }
            Summary::Edited { author, .. } if reader.blocked.contains(author) => {}
            Summary::Edited { author, at, target, text } => match &mut self.last {
                Some((last, _, known, _)) if last == target => *known = text.clone(),
                Some((last, ..)) if *last > *target => {}
                _ => self.last = Some((*target, *author, text.clone(), *at)),
            },
            Summary::Deleted { author, .. } if reader.blocked.contains(author) => {}
            Summary::Deleted { target, .. } => {
                self.last.take_if(|(last, ..)| last == target);
                self.take_unread(*target);
                self.deleted.push(*target);
            }
            Summary::Joined => self.members += 1,
            Summary::Left => self.members -= 1,
            Summary::Over => self.over = true,
        }
        self.unread.len() <= STRETCHES && self.deleted.len() <= DELETIONS
    }

    fn take_unread(&mut self, seq: Seq) {
        let Some(at) = self.unread.iter().position(|[first, last]| (*first..=*last).contains(&seq)) else {
            return;
        };
        let [first, last] = self.unread.remove(at);
        let rest = [[first, seq - 1], [seq + 1, last]];
        for stretch in rest.into_iter().rev().filter(|[first, last]| first <= last) {
            self.unread.insert(at, stretch);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    const ME: UserId = UserId(1);
    const BLOCKED: UserId = UserId(9);

    fn said(author: i64, text: &str) -> Summary {
        Summary::Said { author: UserId(author), at: Timestamp(0), text: Some(text.into()) }
    }

    fn gather(from: Seq, events: &[Option<Summary>]) -> Gathered {
        let blocked = BTreeSet::from([BLOCKED]);
        let mut gathered = Gathered::before(from);
        for (seq, event) in (from..).zip(events) {
            gathered.add(seq, event.as_ref(), Reader { me: ME, blocked: &blocked });
        }
        gathered
    }

    fn news(from: Seq, events: impl IntoIterator<Item = Summary>) -> News {
        let events: Vec<Option<Summary>> = events.into_iter().map(Some).collect();
        gather(from, &events).news().unwrap()
    }

    fn last(seq: Seq, author: i64, text: &str) -> Option<Excerpt> {
        Some(Excerpt { seq, author: UserId(author), text: text.into(), at: Timestamp(0) })
    }

    #[test]
    fn messages_of_others_are_unread_in_stretches_and_the_newest_is_told() {
        let events = [said(2, "one"), said(3, "two"), Summary::Nothing, said(2, "three"), said(9, "nasty")];
        let told = news(5, events);
        assert_eq!((told.after, told.own), (4, None));
        assert_eq!(told.unread, [[5, 6], [8, 8]]);
        assert_eq!(told.last, last(8, 2, "three"), "nothing of those whom one blocks");
        let told = news(5, [said(2, "one"), said(1, "mine"), said(2, "two")]);
        assert_eq!((told.own, told.unread.as_slice()), (Some(6), [[7, 7]].as_slice()));
    }

    #[test]
    fn a_change_of_the_newest_message_reaches_its_excerpt() {
        let edited = |target, text: &str| Summary::Edited {
            author: UserId(2),
            at: Timestamp(0),
            target,
            text: text.into(),
        };
        assert_eq!(news(5, [said(2, "one"), edited(5, "One"), edited(3, "no")]).last, last(5, 2, "One"));
        // Messages from before the report: only the client knows whether one of them is the one shown.
        assert_eq!(
            news(5, [edited(3, "older"), edited(4, "newer"), edited(3, "x")]).last,
            last(4, 2, "newer")
        );
        let deleted = |target| Summary::Deleted { target, author: UserId(2) };
        let told = news(5, [said(2, "one"), said(2, "two"), said(2, "three"), deleted(6), deleted(7)]);
        assert_eq!(
            (told.unread.as_slice(), told.deleted.as_slice()),
            ([[5, 5]].as_slice(), [6, 7].as_slice())
        );
        assert_eq!(told.last, None, "which one is the newest now is for the log to say");
    }

    /// A random history of messages, edits and deletions by several people, reported at random moments: after each
    /// report, a list that applies the news shows what the log says. The list reads the log only if its newest
    /// message was deleted.
    #[test]
    fn a_list_that_applies_the_news_shows_what_the_log_says() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut chance = move |below: u64| random.u64(..below);
        let blocked = BTreeSet::from([BLOCKED]);
        let reader = Reader { me: ME, blocked: &blocked };
        for _ in 0..300 {
            // The log: the author of each message and its current text.
            let mut log: BTreeMap<Seq, (UserId, Option<String>)> = BTreeMap::new();
            let (mut unread, mut last) = (BTreeSet::new(), None);
            let mut gathered: Option<Gathered> = None;
            for seq in 1..60 {
                let target = 1 + chance(seq as u64) as Seq;
                let there = log.get_mut(&target).filter(|one| one.1.is_some());
                let summary = match (chance(4), there) {
                    (0, Some((author, text))) => {
                        let edited: Arc<str> = format!("{target} at {seq}").into();
                        *text = Some(edited.to_string());
                        Summary::Edited { author: *author, at: Timestamp(0), target, text: edited }
                    }
                    (1, Some((author, text))) => {
                        *text = None;
                        Summary::Deleted { target, author: *author }
                    }
                    (2, _) => Summary::Nothing,
                    _ => {
                        let author = if chance(4) == 0 { BLOCKED } else { UserId(1 + chance(4) as i64) };
                        log.insert(seq, (author, Some(seq.to_string())));
                        said(author.0, &seq.to_string())
                    }
                };
                gathered.get_or_insert_with(|| Gathered::before(seq)).add(seq, Some(&summary), reader);
                if chance(5) > 0 {
                    continue;
                }
                let Some(news) = gathered.take().and_then(Gathered::news) else { panic!("not that much") };
                let seen = |(author, text): &(UserId, Option<String>)| *author != BLOCKED && text.is_some();
                let newest = log.iter().rev().find(|(_, one)| seen(one));
                let newest = newest.map(|(seq, (_, text))| (*seq, text.clone().unwrap()));
                unread.retain(|seq| news.own.is_none_or(|own| *seq > own));
                unread.extend(news.unread.iter().flat_map(|[first, last]| *first..=*last));
                unread.retain(|seq| !news.deleted.contains(seq));
                if let Some(said) = news.last
                    && (said.seq > news.after || last.as_ref().is_some_and(|(seq, _)| *seq == said.seq))
                {
                    last = Some((said.seq, said.text));
                }
                if news.deleted.iter().any(|gone| last.as_ref().is_none_or(|(seq, _)| gone >= seq)) {
                    last = newest.clone();
                }
                let own = log.iter().rev().find(|(_, (author, _))| *author == ME).map_or(0, |(seq, _)| *seq);
                let others = log.range(own + 1..).filter(|(_, one)| seen(one)).map(|(seq, _)| *seq);
                assert_eq!((&unread, &last), (&others.collect(), &newest), "at {seq} of {log:?}");
            }
        }
    }

    #[test]
    fn who_comes_and_goes_is_counted() {
        let told = news(5, [Summary::Joined, Summary::Joined, Summary::Left, Summary::Over]);
        assert_eq!((told.members, told.over), (1, true));
    }

    #[test]
    fn what_is_not_complete_is_not_told() {
        assert_eq!(gather(5, &[Some(said(2, "one")), None, Some(said(2, "two"))]).news(), None);
        let reader = Reader { me: ME, blocked: &BTreeSet::new() };
        let mut gathered = Gathered::before(5);
        gathered.add(5, Some(&said(2, "one")), reader);
        gathered.add(7, Some(&said(2, "three")), reader);
        assert_eq!((gathered.head, gathered.news()), (7, None), "nobody knows what 6 was");
    }

    #[test]
    fn what_is_gathered_is_bounded() {
        let many: Vec<_> = (0..100_000).map(|_| Some(said(2, "x"))).collect();
        assert_eq!(gather(1, &many).news().unwrap().unread, [[1, 100_000]]);
        let broken: Vec<_> =
            (0..200).map(|n| Some(if n % 2 == 0 { said(2, "x") } else { Summary::Nothing })).collect();
        assert_eq!(gather(1, &broken).news(), None);
        let deleted: Vec<_> =
            (0..200).map(|target| Some(Summary::Deleted { target, author: UserId(2) })).collect();
        assert_eq!(gather(300, &deleted).news(), None);
    }

    #[test]
    fn an_excerpt_is_one_short_line() {
        assert_eq!(&*excerpt(" a\n\n b\tc "), "a b c");
        assert_eq!(&*excerpt(&"ö".repeat(41)), format!("{}…", "ö".repeat(40)));
        assert_eq!(&*excerpt(&"word ".repeat(9)), format!("{}…", ["word"; 8].join(" ")));
        assert_eq!(excerpt(&"x ".repeat(20)).chars().count(), 39);
        assert_eq!(&*excerpt("\u{200B}"), "\u{200B}");
    }
}
