//! Edits, deletions and reactions: what was acknowledged happened, what happened was requested, and what was deleted
//! stays deleted.

use std::collections::BTreeMap;

use parlour_protocol::events::{Change, Event};
use parlour_protocol::ids::{Seq, UserId};

use super::{Action, Mutation, Outcome, Violation};

/// Whether an event is the result of an action. The text of a deleted message is gone from the log.
fn is(action: &Action, user: UserId, change: &Change) -> bool {
    match (action, change) {
        (Action::Edit { target, body }, Change::MessageEdited { author, target: at, body: now, .. }) => {
            *author == user && target == at && now.as_ref().is_none_or(|now| now == body)
        }
        (Action::Delete { target }, Change::MessageDeleted { actor, target: at, .. }) => {
            *actor == user && target == at
        }
        (
            Action::React { target, emoji, on: true },
            Change::ReactionAdded { user: who, target: at, emoji: with },
        )
        | (
            Action::React { target, emoji, on: false },
            Change::ReactionRemoved { user: who, target: at, emoji: with },
        ) => *who == user && target == at && with == emoji,
        _ => false,
    }
}

fn target(action: &Action) -> Seq {
    match action {
        Action::Edit { target, .. } | Action::Delete { target } | Action::React { target, .. } => *target,
    }
}

/// The message that an event changes, if any.
fn touched(change: &Change) -> Option<Seq> {
    match change {
        Change::MessageEdited { target, .. }
        | Change::MessageDeleted { target, .. }
        | Change::ReactionAdded { target, .. }
        | Change::ReactionRemoved { target, .. } => Some(*target),
        _ => None,
    }
}

/// Checks the changes of one conversation.
pub(super) fn check_changes(mutations: &[&Mutation], events: &[Event]) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut changes: BTreeMap<Seq, Vec<&Event>> = BTreeMap::new();
    for event in events {
        if let Some(target) = touched(&event.change) {
            changes.entry(target).or_default().push(event);
        }
    }
    let of = |target: Seq| changes.get(&target).map_or(&[][..], Vec::as_slice);
    let mut asked: BTreeMap<Seq, Vec<&Mutation>> = BTreeMap::new();
    for mutation in mutations {
        let target = target(&mutation.action);
        asked.entry(target).or_default().push(mutation);
        let happened = |event: &&Event| is(&mutation.action, mutation.user, &event.change);
        let deleted = || of(target).iter().any(|event| matches!(event.change, Change::MessageDeleted { .. }));
        let kept = match &mutation.outcome {
            Outcome::Acknowledged(seq) if mutation.fresh => {
                of(target).iter().any(|event| event.seq == *seq && happened(event))
            }
            // A reaction that is not there may also never have been there.
            Outcome::Acknowledged(_) if matches!(mutation.action, Action::React { on: false, .. }) => true,
            Outcome::Acknowledged(_) => of(target).iter().any(happened),
            Outcome::Gone => deleted(),
            Outcome::Refused(_) | Outcome::Unknown(_) => true,
        };
        if !kept {
            let what = format!("{mutation:?} is not what the log has: {:?}", of(target));
            found.push(Violation::of("I1", what));
        }
    }
    for (target, events) in &changes {
        let mutations = asked.get(target).map_or(&[][..], Vec::as_slice);
        let mut gone = false;
        for event in events {
            let meant = mutations.iter().filter(|one| is(&one.action, one.user, &event.change));
            let (mut any, mut not_refused) = (false, false);
            for one in meant {
                any = true;
                not_refused |= !matches!(one.outcome, Outcome::Refused(_) | Outcome::Gone);
            }
            if !any {
                found.push(Violation::of("I2", format!("nobody asked for {event:?}")));
            } else if !not_refused {
                found.push(Violation::of("I1", format!("{event:?} was refused, and is there")));
            }
            if gone {
                found.push(Violation::of("I2", format!("{event:?} changes what had been deleted")));
            }
            gone |= matches!(event.change, Change::MessageDeleted { .. });
        }
    }
    found
}
