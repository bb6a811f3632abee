//! Messages and their names: what was acknowledged is stored, once, in the order in which it was sent.

use std::collections::BTreeMap;
use std::time::Duration;

use parlour_protocol::events::{Change, Event};
use parlour_protocol::ids::{Seq, UserId};

use super::{Attempt, Mutation, Outcome, Violation, deleted};

/// A message's author and name.
type Name<'r> = (UserId, &'r str);

/// A message that was sent, over all attempts.
struct Sent<'r> {
    began: Duration,
    body: &'r str,
    /// When it was first known to be stored.
    acknowledged: Option<Duration>,
    only_refused: bool,
}

/// All messages that were sent, by name.
fn sent<'r>(attempts: &[&'r Attempt]) -> BTreeMap<Name<'r>, Sent<'r>> {
    let mut sent: BTreeMap<Name, Sent> = BTreeMap::new();
    for attempt in attempts {
        let message = sent.entry((attempt.author, attempt.cid.as_str())).or_insert(Sent {
            began: attempt.began,
            body: &attempt.body,
            acknowledged: None,
            only_refused: true,
        });
        message.began = message.began.min(attempt.began);
        message.only_refused &= matches!(attempt.outcome, Outcome::Refused(_));
        if let Outcome::Acknowledged(_) = attempt.outcome {
            let earlier = message.acknowledged.unwrap_or(Duration::MAX);
            message.acknowledged = Some(earlier.min(attempt.ended));
        }
    }
    sent
}

/// Where messages are in the log, and their text there.
fn stored(events: &[Event]) -> BTreeMap<Name<'_>, (Seq, Option<&str>)> {
    events
        .iter()
        .filter_map(|event| match &event.change {
            Change::MessageCreated { author, cid, body, .. } => {
                Some(((*author, cid.as_str()), (event.seq, body.as_deref())))
            }
            _ => None,
        })
        .collect()
}

/// Checks the messages of one conversation.
pub(super) fn check_messages(attempts: &[&Attempt], events: &[Event]) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut first: BTreeMap<Name, Seq> = BTreeMap::new();
    for event in events {
        if let Change::MessageCreated { author, cid, .. } = &event.change
            && let Some(first) = first.insert((*author, cid), event.seq)
        {
            found.push(Violation::of("I2", format!("{cid} is at {first} and at {}", event.seq)));
        }
    }
    let (stored, sent, gone) = (stored(events), sent(attempts), deleted(events));
    for attempt in attempts {
        if let Outcome::Acknowledged(seq) = attempt.outcome {
            let there = stored.get(&(attempt.author, attempt.cid.as_str())).map(|(seq, _)| *seq);
            if there != Some(seq) {
                let what =
                    format!("{} was acknowledged at {seq}, and the log has it at {there:?}", attempt.cid);
                found.push(Violation::of("I1", what));
            }
        }
    }
    for (name, (seq, body)) in &stored {
        match sent.get(name) {
            None => found.push(Violation::of("I2", format!("{} at {seq} was sent by nobody", name.1))),
            Some(message) if message.only_refused => {
                found.push(Violation::of("I1", format!("{} was refused, and is at {seq}", name.1)));
            }
            // The text of a deleted message must be gone.
            Some(_) if body.is_none() && gone.contains(seq) => {}
            Some(_) if gone.contains(seq) => {
                let what = format!("{} at {seq} was deleted, and says {body:?}", name.1);
                found.push(Violation::of("I5", what));
            }
            Some(message) if *body != Some(message.body) => {
                let what = format!("{} at {seq} says {body:?}, and {:?} was sent", name.1, message.body);
                found.push(Violation::of("I5", what));
            }
            Some(_) => {}
        }
    }
    found
}

/// Looks at everything in the order in which it was first requested: nothing may precede what had been acknowledged by
/// then.
pub(super) fn check_order(
    attempts: &[&Attempt],
    mutations: &[&Mutation],
    events: &[Event],
) -> Vec<Violation> {
    let stored = stored(events);
    let mut begun: Vec<(Duration, Seq)> = Vec::new();
    let mut acknowledged: Vec<(Duration, Seq)> = Vec::new();
    for (name, message) in &sent(attempts) {
        let Some((seq, _)) = stored.get(name) else { continue };
        begun.push((message.began, *seq));
        acknowledged.extend(message.acknowledged.map(|at| (at, *seq)));
    }
    for mutation in mutations.iter().filter(|mutation| mutation.fresh) {
        if let Outcome::Acknowledged(seq) = mutation.outcome {
            begun.push((mutation.began, seq));
            acknowledged.push((mutation.ended, seq));
        }
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
            found.push(Violation::of("I6", format!("{seq} was sent when {highest} had been acknowledged")));
        }
    }
    found
}
