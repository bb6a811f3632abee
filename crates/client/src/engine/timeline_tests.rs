//! What a timeline guarantees: events that overtook a page are applied to it, and a gap is never hidden.

use std::collections::BTreeSet;

use parlour_protocol::events::{Change, Event};
use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::messages::{Message, MessagePage};
use parlour_protocol::time::Timestamp;

use super::{Part, Piece, Timeline};

fn event(seq: Seq, change: Change) -> Event {
    Event { conversation: ConversationId(1), seq, at: Timestamp(seq), change }
}

fn created(seq: Seq) -> Event {
    let change = Change::MessageCreated {
        author: UserId(1),
        cid: format!("cid-{seq:05}"),
        body: Some(format!("message {seq}")),
        reply_to: None,
        reply_author: None,
        mentions: None,
    };
    event(seq, change)
}

fn message(seq: Seq) -> Message {
    let mut timeline = Timeline::default();
    timeline.add_page(page(&[], false, false, seq - 1), Part::Newest);
    timeline.apply(&created(seq));
    timeline.get(seq).cloned().expect("it continues the page")
}

fn page(seqs: &[Seq], older: bool, newer: bool, head: Seq) -> MessagePage {
    let items = seqs.iter().map(|seq| message(*seq)).collect();
    MessagePage { items, older, newer, head, previous: None, next: None, authors: Vec::new() }
}

fn seqs(range: std::ops::RangeInclusive<Seq>) -> Vec<Seq> {
    range.collect()
}

#[test]
fn a_page_that_comes_late_gets_the_changes_that_overtook_it() {
    let mut timeline = Timeline::default();
    timeline.add_page(page(&seqs(50..=60), true, false, 60), Part::Newest);
    timeline.apply(&event(61, Change::MessageDeleted { actor: UserId(1), target: 10, author: None }));
    timeline.add_page(page(&seqs(1..=49), false, true, 60), Part::Before(50));
    assert_eq!(timeline.get(10).and_then(|message| message.body.clone()), None);
    assert!(timeline.get(11).is_some_and(|message| message.body.is_some()));
    assert!(timeline.begins() && timeline.ends());
}

#[test]
fn a_timeline_without_its_end_takes_changes_but_no_new_messages() {
    let mut timeline = Timeline::default();
    timeline.add_page(page(&seqs(1..=60), false, false, 60), Part::Newest);
    timeline.trim_newest(40);
    assert!(timeline.begins() && !timeline.ends());
    assert_eq!(timeline.apply(&created(61)), None);
    let edit =
        Change::MessageEdited { author: UserId(1), target: 3, body: Some("new".into()), mentions: None };
    assert_eq!(timeline.apply(&event(62, edit)), Some(3));
    assert_eq!((timeline.oldest(), timeline.newest(), timeline.len()), (Some(1), Some(40), 40));
}

#[test]
fn nothing_is_shown_of_a_log_that_could_not_be_read() {
    let mut timeline = Timeline::default();
    assert_eq!(timeline.apply(&created(5)), None);
    assert!(!timeline.begins() && !timeline.ends() && timeline.pieces().next().is_none());
}

#[test]
fn a_page_that_was_overtaken_by_new_messages_is_continued_with_them() {
    let mut timeline = Timeline::default();
    timeline.apply(&created(4));
    timeline.apply(&created(5));
    timeline.add_page(page(&[2, 3], true, false, 3), Part::Newest);
    assert_eq!((timeline.newest(), timeline.ends()), (Some(5), true));
}

#[test]
fn an_own_message_stands_at_the_end_until_its_event_comes() {
    let mut timeline = Timeline::default();
    timeline.add_page(page(&[1, 2], false, false, 2), Part::Newest);
    timeline.add(message(4));
    assert!(!timeline.pieces().any(|piece| matches!(piece, Piece::Gap { .. })));
    timeline.apply(&created(3));
    timeline.apply(&created(4));
    assert_eq!(timeline.iter().map(|one| one.seq).collect::<Vec<_>>(), [1, 2, 3, 4]);
    // The event of another own message does not arrive: the log has moved on without this client.
    timeline.add(message(9));
    timeline.note_head(12);
    let gap = timeline.pieces().nth(4);
    assert_eq!(gap, Some(Piece::Gap { after: 4, before: 9 }));
}

#[test]
fn what_is_let_go_is_what_is_farthest_from_the_reader() {
    let bounds = |seq| {
        let mut timeline = Timeline::default();
        timeline.add_page(page(&seqs(1..=100), false, false, 100), Part::Newest);
        timeline.trim_around(seq, 40);
        (timeline.oldest().unwrap_or(0), timeline.newest().unwrap_or(0), timeline.len())
    };
    assert_eq!(bounds(50), (30, 69, 40));
    assert_eq!(bounds(3), (1, 40, 40));
    assert_eq!(bounds(98), (61, 100, 40));
}

/// A server's log: for each position, whether it is a message.
#[derive(Default)]
struct Log(Vec<bool>);

impl Log {
    fn head(&self) -> Seq {
        self.0.len() as Seq
    }

    fn messages(&self) -> Vec<Seq> {
        (1..=self.head()).filter(|seq| self.0[*seq as usize - 1]).collect()
    }

    fn event(&self, seq: Seq) -> Event {
        if self.0[seq as usize - 1] { created(seq) } else { event(seq, Change::Unknown(Default::default())) }
    }

    fn page(&self, part: Part, at: Seq, limit: usize) -> MessagePage {
        let all = self.messages();
        let (from, to) = match part {
            Part::Newest => (all.len().saturating_sub(limit), all.len()),
            Part::Before(seq) => {
                let to = all.partition_point(|one| *one < seq);
                (to.saturating_sub(limit), to)
            }
            Part::After(seq) => {
                let from = all.partition_point(|one| *one <= seq);
                (from, (from + limit).min(all.len()))
            }
            Part::Around => {
                let middle = all.partition_point(|one| *one < at);
                (middle.saturating_sub(limit / 2), (middle + limit / 2).min(all.len()))
            }
        };
        page(&all[from..to], from > 0, to < all.len(), self.head())
    }
}

/// Asserts that every gap in the displayed list is marked, up to what the client knows of the log.
fn check(timeline: &Timeline, log: &Log, cursor: Seq, seed: u64) {
    let all = log.messages();
    let mut before: Option<Seq> = None;
    let mut gap = false;
    for piece in timeline.pieces() {
        match piece {
            Piece::Gap { after, before: next } => {
                assert!(after < next && !gap, "seed {seed}: a gap is between two things");
                gap = true;
            }
            Piece::Message(message) => {
                let hidden =
                    all.iter().any(|seq| *seq > before.unwrap_or(0) && *seq < message.seq && *seq <= cursor);
                assert!(gap || !hidden, "seed {seed}: something is missing before {}", message.seq);
                (before, gap) = (Some(message.seq), false);
            }
        }
    }
    let newest = before.unwrap_or(0);
    let more = all.iter().any(|seq| *seq > newest && *seq <= cursor);
    assert!(!(timeline.ends() && more), "seed {seed}: something is missing at the end");
    let first = all.first().copied().unwrap_or(Seq::MAX);
    assert!(!timeline.begins() || timeline.oldest().is_none_or(|oldest| oldest <= first), "seed {seed}");
}

/// Any order of late or lost pages, events, jumps, trimming, lost connections and reconnects: the displayed list
/// consists of gapless ranges of the log with every gap marked, and loading at the gaps ends with the whole log.
#[test]
fn whatever_happens_every_gap_is_marked_and_can_be_closed() {
    for seed in 1..=400_u64 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut log = Log((0..60 + random.usize(..80)).map(|_| random.usize(..4) > 0).collect());
        let mut timeline = Timeline::default();
        let mut cursor = log.head();
        // Pages that were read and are still in flight.
        let mut late: Vec<(MessagePage, Part)> = Vec::new();
        for _ in 0..120 {
            let at = 1 + random.usize(..log.head() as usize) as Seq;
            match random.usize(..12) {
                0 | 1 => (0..random.usize(..4)).for_each(|_| log.0.push(random.usize(..4) > 0)),
                // Events arrive in order while the connection lasts.
                2 | 3 => {
                    for _ in 0..random.usize(..6) {
                        if cursor < log.head() {
                            cursor += 1;
                            timeline.apply(&log.event(cursor));
                        }
                    }
                }
                // Too much was missed: the log is followed from its head again.
                4 => {
                    cursor = log.head();
                    timeline.note_head(cursor);
                }
                5 => late.push((log.page(Part::Newest, 0, 10), Part::Newest)),
                6 => late.push((log.page(Part::Around, at, 10), Part::Around)),
                7 => {
                    let gaps: Vec<(Seq, Seq)> = gaps(&timeline);
                    if let Some((after, before)) = gaps.first() {
                        let part =
                            if random.usize(..2) == 0 { Part::Before(*before) } else { Part::After(*after) };
                        late.push((log.page(part, 0, 10), part));
                    }
                }
                8 | 9 if !late.is_empty() => {
                    let (page, part) = late.remove(random.usize(..late.len()));
                    timeline.add_page(page, part);
                    cursor = cursor.max(0);
                }
                // A page that never arrives.
                10 if !late.is_empty() => drop(late.remove(0)),
                11 => match random.usize(..3) {
                    0 => timeline.trim_oldest(30),
                    1 => timeline.trim_newest(30),
                    _ => timeline.trim_around(at, 30),
                },
                _ => {}
            }
            check(&timeline, &log, cursor, seed);
        }
        // Load at every gap until none is left.
        while cursor < log.head() {
            cursor += 1;
            timeline.apply(&log.event(cursor));
        }
        timeline.add_page(log.page(Part::Newest, 0, 10), Part::Newest);
        while let Some((_, before)) = gaps(&timeline).first().copied() {
            timeline.add_page(log.page(Part::Before(before), 0, 10), Part::Before(before));
            check(&timeline, &log, cursor, seed);
        }
        let shown: BTreeSet<Seq> = timeline.iter().map(|one| one.seq).collect();
        assert_eq!(shown, log.messages().into_iter().collect(), "seed {seed}");
        assert!(timeline.begins() && timeline.ends(), "seed {seed}");
    }
}

fn gaps(timeline: &Timeline) -> Vec<(Seq, Seq)> {
    timeline
        .pieces()
        .filter_map(|piece| match piece {
            Piece::Gap { after, before } => Some((after, before)),
            Piece::Message(_) => None,
        })
        .collect()
}
