//! Who may write and read: according to the log itself, and to what people received after they had left.

use std::collections::BTreeMap;

use parlour_protocol::events::{Change, Event};
use parlour_protocol::ids::UserId;

use super::readings::same_but_scrubbed;
use super::{Log, Violation, Visit, deleted};

/// Rights are checked after the row lock, in the transaction that uses them, so the log itself shows whether anyone
/// wrote after losing the right to.
pub(super) fn check_log(events: &[Event]) -> Vec<Violation> {
    let mut member: BTreeMap<UserId, bool> = BTreeMap::new();
    let mut authors = BTreeMap::new();
    let (mut writable, mut found) = (true, Vec::new());
    for event in events {
        let mut by = |who: &UserId, adds: bool| {
            // Somebody who never joined according to the log joined unlogged: large rooms do not log joins.
            if member.get(who) == Some(&false) {
                found.push(Violation::of("I7", format!("{who} wrote {} after leaving", event.seq)));
            }
            if adds && !writable {
                found.push(Violation::of("I7", format!("{who} wrote {} when nobody may write", event.seq)));
            }
        };
        match &event.change {
            Change::MemberJoined { user, .. } => drop(member.insert(*user, true)),
            Change::MemberLeft { user } => drop(member.insert(*user, false)),
            Change::DirectChanged { writable: now } => writable = *now,
            Change::MessageCreated { author, .. } => {
                by(author, true);
                authors.insert(event.seq, *author);
            }
            Change::MessageEdited { author, target, .. } => {
                by(author, true);
                if authors.get(target) != Some(author) {
                    let what = format!("{author} edited {target}, which is not their own");
                    found.push(Violation::of("I7", what));
                }
            }
            Change::MessageDeleted { actor, .. } => by(actor, false),
            Change::ReactionAdded { user, .. } | Change::ReactionRemoved { user, .. } => by(user, true),
            _ => {}
        }
    }
    found
}

/// What arrived during a visit is the log, without gaps; and what was stored after the visitor had left did not arrive
/// later than the bound.
pub(super) fn check_visit(visit: &Visit, log: Option<&Log>) -> Vec<Violation> {
    let at = format!("{} in {}", visit.user, visit.conversation);
    let log = log.map_or(&[][..], |log| &log.events);
    let gone = deleted(log);
    let left = log
        .iter()
        .filter(|event| event.seq > visit.after)
        .find(|event| matches!(event.change, Change::MemberLeft { user } if user == visit.user))
        .map_or(i64::MAX, |event| event.seq);
    let mut found = Vec::new();
    for (expected, (came, event)) in (visit.after + 1..).zip(&visit.events) {
        if event.seq != expected {
            let what = format!("{at}: applied {} where {expected} comes next", event.seq);
            found.push(Violation::of("I4", what));
            break;
        }
        let stored = usize::try_from(event.seq - 1).ok().and_then(|index| log.get(index));
        if !stored.is_some_and(|stored| same_but_scrubbed(&gone, stored, event)) {
            found.push(Violation::of("I5", format!("{at}: heard {event:?}, and the log has {stored:?}")));
        }
        if event.seq > left && *came > visit.left + visit.bound {
            let late = came.saturating_sub(visit.left);
            let what =
                format!("{at}: {} came {late:?} after leaving (at {left}) was acknowledged", event.seq);
            found.push(Violation::of("I7", what));
        }
    }
    found
}
