//! The checker: from everything that clients did and saw, whether the promise was kept.
//!
//! It is pure: a recording goes in, violations come out. Named as in the promise: every acknowledged message is in
//! the log (I1), each name at most once (I2), positions 1 to the head without holes (I3), whoever follows applies
//! exactly that, one after the other (I4), a position means the same to everybody (I5), and what was acknowledged
//! before another was sent comes before it (I6).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::socket::{Change, Event};

/// How one attempt to send ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Stored at this position.
    Acknowledged(Seq),
    /// Refused for good.
    Refused(String),
    /// Nobody knows: the answer was lost, or said so.
    Unknown(String),
}

/// One attempt to send a message. Attempts under the same name are the same message.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Who.
    pub author: UserId,
    /// Where to.
    pub conversation: ConversationId,
    /// The message's name.
    pub cid: String,
    /// Its text.
    pub body: String,
    /// When it was sent, from the beginning of the run.
    pub began: Duration,
    /// When its outcome was known.
    pub ended: Duration,
    /// How it ended.
    pub outcome: Outcome,
}

/// What one reader applied in one conversation, beginning at position 1.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Who.
    pub reader: String,
    /// Where.
    pub conversation: ConversationId,
    /// In the order in which it was applied.
    pub events: Vec<Event>,
    /// What must not happen to somebody who follows: resets, and being sent away.
    pub strange: Vec<String>,
}

/// The log of one conversation as one node tells it.
#[derive(Debug, Clone)]
pub struct Log {
    /// Which node.
    pub node: String,
    /// Which conversation.
    pub conversation: ConversationId,
    /// What it says is the newest position.
    pub head: Seq,
    /// Oldest first.
    pub events: Vec<Event>,
}

/// Everything that happened.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    /// All attempts to send.
    pub attempts: Vec<Attempt>,
    /// All readers, after everything became quiet.
    pub readings: Vec<Reading>,
    /// All logs, from every node, after everything became quiet. The first of a conversation is compared with the
    /// rest.
    pub logs: Vec<Log>,
}

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub invariant: &'static str,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.what)
    }
}

/// Finds all broken promises.
pub fn check(recording: &Recording) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut logs: BTreeMap<ConversationId, &Log> = BTreeMap::new();
    for log in &recording.logs {
        found.extend(check_gapless(log));
        match logs.get(&log.conversation) {
            None => drop(logs.insert(log.conversation, log)),
            Some(first) => {
                let other = (log.node.as_str(), log.events.as_slice());
                found.extend(check_same("I5", (&first.node, &first.events), other));
            }
        }
    }
    for reading in &recording.readings {
        found.extend(check_reading(reading, logs.get(&reading.conversation).copied()));
    }
    let conversations: BTreeSet<ConversationId> =
        recording.attempts.iter().map(|attempt| attempt.conversation).chain(logs.keys().copied()).collect();
    for conversation in conversations {
        let attempts: Vec<&Attempt> =
            recording.attempts.iter().filter(|attempt| attempt.conversation == conversation).collect();
        let events = logs.get(&conversation).map_or(&[][..], |log| &log.events);
        found.extend(check_messages(&attempts, events));
    }
    found
}

fn violation(invariant: &'static str, what: impl Into<String>) -> Violation {
    Violation { invariant, what: what.into() }
}

fn check_gapless(log: &Log) -> Vec<Violation> {
    let mut found = Vec::new();
    let at = format!("{} at {}", log.conversation, log.node);
    for (expected, event) in (1..).zip(&log.events) {
        if event.seq != expected {
            found.push(violation("I3", format!("{at}: {} where {expected} belongs", event.seq)));
            break;
        }
    }
    let last = log.events.last().map_or(0, |event| event.seq);
    if last != log.head {
        found.push(violation("I3", format!("{at}: the log ends at {last} and its head is {}", log.head)));
    }
    found
}

/// Compares what two know, position by position.
fn check_same(invariant: &'static str, one: (&str, &[Event]), other: (&str, &[Event])) -> Option<Violation> {
    if let Some((a, b)) = one.1.iter().zip(other.1).find(|(a, b)| a != b) {
        let (one, other) = (one.0, other.0);
        return Some(violation("I5", format!("{one} has {a:?} where {other} has {b:?}")));
    }
    (one.1.len() != other.1.len()).then(|| {
        let what = format!("{} has {} events, {} has {}", one.0, one.1.len(), other.0, other.1.len());
        violation(invariant, what)
    })
}

fn check_reading(reading: &Reading, log: Option<&Log>) -> Vec<Violation> {
    let at = format!("{} in {}", reading.reader, reading.conversation);
    let mut found: Vec<Violation> =
        reading.strange.iter().map(|strange| violation("I4", format!("{at}: {strange}"))).collect();
    for (expected, event) in (1..).zip(&reading.events) {
        if event.seq != expected {
            found.push(violation("I4", format!("{at}: applied {} where {expected} comes next", event.seq)));
            return found;
        }
    }
    let log = log.map_or(("nobody", &[][..]), |log| (log.node.as_str(), log.events.as_slice()));
    found.extend(check_same("I4", log, (&at, &reading.events)));
    found
}

/// A message that was sent, over all attempts.
struct Sent<'r> {
    began: Duration,
    body: &'r str,
    /// When it was first known to be stored.
    acknowledged: Option<Duration>,
    only_refused: bool,
}

/// Checks the messages of one conversation.
fn check_messages(attempts: &[&Attempt], events: &[Event]) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut stored: BTreeMap<(UserId, &str), (Seq, Option<&str>)> = BTreeMap::new();
    for event in events {
        if let Change::MessageCreated { author, cid, body, .. } = &event.change {
            let place = (event.seq, body.as_deref());
            if let Some((first, _)) = stored.insert((*author, cid), place) {
                found.push(violation("I2", format!("{cid} is at {first} and at {}", event.seq)));
            }
        }
    }
    let mut sent: BTreeMap<(UserId, &str), Sent> = BTreeMap::new();
    for attempt in attempts {
        let name = (attempt.author, attempt.cid.as_str());
        let message = sent.entry(name).or_insert(Sent {
            began: attempt.began,
            body: &attempt.body,
            acknowledged: None,
            only_refused: true,
        });
        message.began = message.began.min(attempt.began);
        message.only_refused &= matches!(attempt.outcome, Outcome::Refused(_));
        if let Outcome::Acknowledged(seq) = attempt.outcome {
            let earlier = message.acknowledged.unwrap_or(Duration::MAX);
            message.acknowledged = Some(earlier.min(attempt.ended));
            let there = stored.get(&name).map(|(seq, _)| *seq);
            if there != Some(seq) {
                let what =
                    format!("{} was acknowledged at {seq}, and the log has it at {there:?}", attempt.cid);
                found.push(violation("I1", what));
            }
        }
    }
    for (name, (seq, body)) in &stored {
        match sent.get(name) {
            None => found.push(violation("I2", format!("{} at {seq} was sent by nobody", name.1))),
            Some(message) if message.only_refused => {
                found.push(violation("I1", format!("{} was refused, and is at {seq}", name.1)));
            }
            Some(message) if *body != Some(message.body) => {
                let what = format!("{} at {seq} says {body:?}, and {:?} was sent", name.1, message.body);
                found.push(violation("I5", what));
            }
            Some(_) => {}
        }
    }
    found.extend(check_order(&sent, &stored));
    found
}

/// Looks at all messages in the order in which they were first sent: none may lie before one that had been
/// acknowledged by then.
fn check_order(
    sent: &BTreeMap<(UserId, &str), Sent>,
    stored: &BTreeMap<(UserId, &str), (Seq, Option<&str>)>,
) -> Vec<Violation> {
    let place = |name| stored.get(name).map(|(seq, _)| *seq);
    let mut begun: Vec<(Duration, Seq)> = Vec::new();
    let mut acknowledged: Vec<(Duration, Seq)> = Vec::new();
    for (name, message) in sent {
        let Some(seq) = place(name) else { continue };
        begun.push((message.began, seq));
        acknowledged.extend(message.acknowledged.map(|at| (at, seq)));
    }
    begun.sort_unstable();
    acknowledged.sort_unstable();
    let mut before = acknowledged.into_iter().peekable();
    let (mut highest, mut found) = (0, Vec::new());
    for (began, seq) in begun {
        while let Some((_, earlier)) = before.next_if(|(at, _)| *at < began) {
            highest = highest.max(earlier);
        }
        if seq < highest {
            found.push(violation("I6", format!("{seq} was sent when {highest} had been acknowledged")));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: ConversationId = ConversationId(1);
    const ADA: UserId = UserId(7);

    fn event(seq: Seq) -> Event {
        let at = "2026-01-01T00:00:00.000Z";
        let data =
            serde_json::json!({"author": "7", "cid": format!("cid-{seq}"), "body": format!("body {seq}")});
        let json = serde_json::json!({
            "conversation": "1", "seq": seq, "at": at, "kind": "message.created", "data": data,
        });
        serde_json::from_value(json).unwrap()
    }

    fn attempt(number: i64, began: u64, ended: u64, outcome: Outcome) -> Attempt {
        Attempt {
            author: ADA,
            conversation: ROOM,
            cid: format!("cid-{number}"),
            body: format!("body {number}"),
            began: Duration::from_millis(began),
            ended: Duration::from_millis(ended),
            outcome,
        }
    }

    /// Four messages, one after the other; the second was unknown at first, two nodes, one reader.
    fn kept() -> Recording {
        let events: Vec<Event> = (1..=4).map(event).collect();
        let mut attempts: Vec<Attempt> = (1..=4)
            .map(|seq| attempt(seq, seq as u64 * 10 + 2, seq as u64 * 10 + 5, Outcome::Acknowledged(seq)))
            .collect();
        attempts.push(attempt(2, 20, 21, Outcome::Unknown("lost".into())));
        attempts.push(attempt(9, 60, 61, Outcome::Refused("too large".into())));
        attempts.push(attempt(10, 62, 63, Outcome::Unknown("lost".into())));
        let log = |node: &str| Log { node: node.into(), conversation: ROOM, head: 4, events: events.clone() };
        Recording {
            attempts,
            readings: vec![Reading {
                reader: "bob".into(),
                conversation: ROOM,
                events: events.clone(),
                strange: Vec::new(),
            }],
            logs: vec![log("one"), log("two")],
        }
    }

    /// The invariants that are broken after a change.
    fn broken(plant: impl FnOnce(&mut Recording)) -> BTreeSet<&'static str> {
        let mut recording = kept();
        plant(&mut recording);
        check(&recording).into_iter().map(|violation| violation.invariant).collect()
    }

    fn rename(event: &mut Event, number: i64) {
        if let Change::MessageCreated { cid, .. } = &mut event.change {
            *cid = format!("cid-{number}");
        }
    }

    /// Changes what everybody agrees on.
    fn everywhere(recording: &mut Recording, change: impl Fn(&mut Vec<Event>)) {
        for log in &mut recording.logs {
            change(&mut log.events);
            log.head = log.events.last().map_or(0, |event| event.seq);
        }
        recording.readings.iter_mut().for_each(|reading| change(&mut reading.events));
    }

    #[test]
    fn a_kept_promise_is_left_alone() {
        assert!(check(&kept()).is_empty(), "{:?}", check(&kept()));
        // An unknown outcome may be either.
        assert!(
            broken(|run| everywhere(run, |events| {
                events.push(event(5));
                rename(events.last_mut().unwrap(), 10);
                if let Change::MessageCreated { body, .. } = &mut events[4].change {
                    *body = Some("body 10".into());
                }
            }))
            .is_empty()
        );
    }

    #[test]
    fn a_lost_acknowledged_message_is_found() {
        let lost = broken(|run| everywhere(run, |events| events.truncate(3)));
        assert_eq!(lost, ["I1"].into());
        let moved = broken(|run| run.attempts[3].outcome = Outcome::Acknowledged(3));
        assert_eq!(moved, ["I1"].into());
        let nothing = broken(|run| {
            run.logs.clear();
            run.readings.clear();
        });
        assert_eq!(nothing, ["I1"].into());
    }

    #[test]
    fn a_message_that_was_refused_and_is_there_is_found() {
        let refused = broken(|run| {
            run.attempts.retain(|attempt| attempt.cid != "cid-4");
            run.attempts.push(attempt(4, 42, 43, Outcome::Refused("no".into())));
        });
        assert_eq!(refused, ["I1"].into());
    }

    #[test]
    fn a_doubled_message_is_found() {
        let doubled = broken(|run| {
            everywhere(run, |events| {
                events.push(event(5));
                rename(events.last_mut().unwrap(), 2);
            });
        });
        assert!(doubled.contains("I2"), "{doubled:?}");
        let from_nowhere = broken(|run| everywhere(run, |events| events.push(event(5))));
        assert_eq!(from_nowhere, ["I2"].into());
    }

    #[test]
    fn a_hole_and_a_wrong_head_are_found() {
        let hole = broken(|run| everywhere(run, |events| drop(events.remove(1))));
        assert!(hole.contains("I3"), "{hole:?}");
        assert_eq!(broken(|run| run.logs[1].head = 5), ["I3"].into());
    }

    #[test]
    fn readers_that_skip_repeat_reorder_or_stay_behind_are_found() {
        let changes: [fn(&mut Vec<Event>); 5] = [
            |events| drop(events.remove(1)),
            |events| events.insert(2, event(2)),
            |events| events.swap(1, 2),
            |events| drop(events.pop()),
            |events| events.clear(),
        ];
        for (number, change) in changes.into_iter().enumerate() {
            assert_eq!(broken(|run| change(&mut run.readings[0].events)), ["I4"].into(), "change {number}");
        }
        assert_eq!(broken(|run| run.readings[0].strange.push("reset".into())), ["I4"].into());
    }

    #[test]
    fn another_content_at_the_same_position_is_found() {
        let alter = |event: &mut Event| {
            if let Change::MessageCreated { body, .. } = &mut event.change {
                *body = Some("forged".into());
            }
        };
        assert_eq!(broken(|run| alter(&mut run.logs[1].events[2])), ["I5"].into());
        assert_eq!(broken(|run| alter(&mut run.readings[0].events[2])), ["I5"].into());
        assert_eq!(broken(|run| everywhere(run, |events| alter(&mut events[2]))), ["I5"].into());
        assert_eq!(broken(|run| drop(run.logs[1].events.pop())), ["I3", "I5"].into());
    }

    #[test]
    fn a_message_before_one_that_was_acknowledged_earlier_is_found() {
        // The fourth was sent after the third was acknowledged, and lies before it.
        let swapped = broken(|run| {
            everywhere(run, |events| {
                let (third, fourth) = (events[2].change.clone(), events[3].change.clone());
                (events[2].change, events[3].change) = (fourth, third);
            });
            run.attempts[2].outcome = Outcome::Acknowledged(4);
            run.attempts[3].outcome = Outcome::Acknowledged(3);
        });
        assert_eq!(swapped, ["I6"].into());
        // Also when its own outcome stayed unknown.
        let unknown = broken(|run| {
            everywhere(run, |events| {
                let (third, fourth) = (events[2].change.clone(), events[3].change.clone());
                (events[2].change, events[3].change) = (fourth, third);
            });
            run.attempts[2].outcome = Outcome::Acknowledged(4);
            run.attempts[3].outcome = Outcome::Unknown("lost".into());
        });
        assert_eq!(unknown, ["I6"].into());
        // At the same time either order is right.
        let together = broken(|run| {
            everywhere(run, |events| {
                let (third, fourth) = (events[2].change.clone(), events[3].change.clone());
                (events[2].change, events[3].change) = (fourth, third);
            });
            run.attempts[2].outcome = Outcome::Acknowledged(4);
            run.attempts[3].outcome = Outcome::Acknowledged(3);
            run.attempts[3].began = run.attempts[2].began;
        });
        assert!(together.is_empty(), "{together:?}");
    }
}
