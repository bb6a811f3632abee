use super::*;
use crate::state::samples;
use parlour_protocol::ids::ConversationId;
use parlour_protocol::socket::Excerpt;
use parlour_protocol::time::Timestamp;
use std::collections::BTreeMap;

const ME: UserId = UserId(1);

fn entry() -> Conversation {
    let name = Some("tea".into());
    Conversation { name, head: 3, read_seq: 3, ..samples::conversation(5, ConversationKind::Room) }
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
    let one =
        News { after: 3, unread: vec![[4, 5]], last: excerpt(5, 2, "two"), members: 1, ..News::default() };
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
