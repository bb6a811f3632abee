//! What nodes return and what readers applied, compared position by position.

use std::collections::BTreeSet;

use parlour_client::engine::Timeline;
use parlour_protocol::events::{Change, Event};
use parlour_protocol::ids::Seq;
use parlour_protocol::messages::Message;

use super::{Log, Reading, Snapshot, Violation, deleted};

pub(super) fn check_gapless(log: &Log) -> Vec<Violation> {
    let mut found = Vec::new();
    let at = format!("{} at {}", log.conversation, log.node);
    for (expected, event) in (1..).zip(&log.events) {
        if event.seq != expected {
            found.push(Violation::of("I3", format!("{at}: {} where {expected} belongs", event.seq)));
            break;
        }
    }
    let last = log.events.last().map_or(0, |event| event.seq);
    if last != log.head {
        found.push(Violation::of("I3", format!("{at}: the log ends at {last} and its head is {}", log.head)));
    }
    found
}

pub(super) fn check_same_log(first: &Log, other: &Log) -> Option<Violation> {
    let same = |a: &Event, b: &Event| a == b;
    compare("I5", (&first.node, &first.events), (&other.node, &other.events), same)
}

/// Compares what two sides know, position by position.
fn compare(
    length: &'static str,
    one: (&str, &[Event]),
    other: (&str, &[Event]),
    same: impl Fn(&Event, &Event) -> bool,
) -> Option<Violation> {
    if let Some((a, b)) = one.1.iter().zip(other.1).find(|(a, b)| !same(a, b)) {
        let (one, other) = (one.0, other.0);
        return Some(Violation::of("I5", format!("{one} has {a:?} where {other} has {b:?}")));
    }
    (one.1.len() != other.1.len()).then(|| {
        let what = format!("{} has {} events, {} has {}", one.0, one.1.len(), other.0, other.1.len());
        Violation::of(length, what)
    })
}

/// Whether two events are the same, except that the text of deleted messages is gone for anyone who came later.
pub(super) fn same_but_scrubbed(deleted: &BTreeSet<Seq>, log: &Event, heard: &Event) -> bool {
    if log == heard {
        return true;
    }
    let mut heard = heard.clone();
    match &mut heard.change {
        Change::MessageCreated { body, .. } if deleted.contains(&heard.seq) => *body = None,
        Change::MessageEdited { target, body, .. } if deleted.contains(target) => *body = None,
        _ => {}
    }
    *log == heard
}

/// What every follower has in the end.
fn messages_of(events: &[Event]) -> Vec<Message> {
    let mut timeline = Timeline::from_the_beginning();
    for event in events {
        timeline.apply(event);
    }
    timeline.iter().cloned().collect()
}

fn check_messages(who: &str, messages: &[Message], snapshot: &Snapshot) -> Option<Violation> {
    let node = &snapshot.node;
    if let Some((has, fresh)) = messages.iter().zip(&snapshot.messages).find(|(a, b)| a != b) {
        return Some(Violation::of("I4", format!("{who} ends with {has:?}, and {node} tells {fresh:?}")));
    }
    let (has, fresh) = (messages.len(), snapshot.messages.len());
    (has != fresh)
        .then(|| Violation::of("I4", format!("{who} ends with {has} messages, and {node} tells {fresh}")))
}

/// *State + events = fresh state*, for a client that begins with an empty state.
pub(super) fn check_snapshot(snapshot: &Snapshot, log: Option<&Log>) -> Option<Violation> {
    let log = log?;
    check_messages(&format!("the log at {}", log.node), &messages_of(&log.events), snapshot)
}

pub(super) fn check_reading(
    reading: &Reading,
    log: Option<&Log>,
    snapshot: Option<&Snapshot>,
) -> Vec<Violation> {
    let at = format!("{} in {}", reading.reader, reading.conversation);
    let mut found: Vec<Violation> =
        reading.strange.iter().map(|strange| Violation::of("I4", format!("{at}: {strange}"))).collect();
    for (expected, event) in (1..).zip(&reading.events) {
        if event.seq != expected {
            let what = format!("{at}: applied {} where {expected} comes next", event.seq);
            found.push(Violation::of("I4", what));
            return found;
        }
    }
    let log = log.map_or(("nobody", &[][..]), |log| (log.node.as_str(), log.events.as_slice()));
    let gone = deleted(log.1);
    let differs =
        compare("I4", log, (&at, &reading.events), |log, heard| same_but_scrubbed(&gone, log, heard));
    match (differs, snapshot) {
        (Some(differs), _) => found.push(differs),
        (None, Some(snapshot)) => {
            found.extend(check_messages(&at, &messages_of(&reading.events), snapshot));
        }
        (None, None) => {}
    }
    found
}
