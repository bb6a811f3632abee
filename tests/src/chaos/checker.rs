//! The checker: decides from everything that clients did and saw whether the promise was kept.
//!
//! It is pure: a recording goes in, violations come out. Invariants are numbered as in the promise: every acknowledged
//! change is in the log (I1), each name at most once (I2), positions 1 to the head without holes (I3), every follower
//! applies exactly that, in order, and ends with what a fresh fetch returns (I4), a position means the same to everyone
//! (I5), what was acknowledged before another message was sent precedes it (I6), and nobody wrote or received anything
//! without the right to (I7).

mod changes;
mod messages;
#[cfg(test)]
mod planted;
mod readings;
mod rights;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use parlour_protocol::events::{Change, Event};
use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::messages::Message;

/// How one attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Stored at this position.
    Acknowledged(Seq),
    /// Refused for good.
    Refused(String),
    /// Refused because the message was deleted.
    Gone,
    /// The outcome is unknown: the response was lost, or said so.
    Unknown(String),
}

/// One attempt to send a message. Attempts with the same author and name are the same message.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Who sent it.
    pub author: UserId,
    /// The conversation.
    pub conversation: ConversationId,
    /// The message's client id.
    pub cid: String,
    /// Its text.
    pub body: String,
    /// When it was sent, since the beginning of the run.
    pub began: Duration,
    /// When its outcome was known.
    pub ended: Duration,
    /// How it ended.
    pub outcome: Outcome,
}

/// A change of an existing message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Replaces the text.
    Edit {
        /// Which message.
        target: Seq,
        /// The new text.
        body: String,
    },
    /// Deletes the message.
    Delete {
        /// Which message.
        target: Seq,
    },
    /// Adds or removes a reaction.
    React {
        /// Which message.
        target: Seq,
        /// The emoji.
        emoji: String,
        /// True adds, false removes.
        on: bool,
    },
}

/// One attempt to change a message.
#[derive(Debug, Clone)]
pub struct Mutation {
    /// Who made it.
    pub user: UserId,
    /// The conversation.
    pub conversation: ConversationId,
    /// The change.
    pub action: Action,
    /// When it was requested.
    pub began: Duration,
    /// When its outcome was known.
    pub ended: Duration,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether this attempt made the change; otherwise it had been made already.
    pub fresh: bool,
}

/// What one reader applied in one conversation, from position 1 on.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Name of the reader.
    pub reader: String,
    /// The conversation.
    pub conversation: ConversationId,
    /// Events in the order in which they were applied.
    pub events: Vec<Event>,
    /// What must not happen to a follower: resets, and removal from the conversation.
    pub strange: Vec<String>,
}

/// What somebody received between joining a conversation and leaving it.
#[derive(Debug, Clone)]
pub struct Visit {
    /// The visitor.
    pub user: UserId,
    /// The conversation.
    pub conversation: ConversationId,
    /// The position after which events began.
    pub after: Seq,
    /// Events, and when they arrived.
    pub events: Vec<(Duration, Event)>,
    /// When leaving was acknowledged.
    pub left: Duration,
    /// How long after that events may still arrive.
    pub bound: Duration,
}

/// The log of one conversation as one node returns it.
#[derive(Debug, Clone)]
pub struct Log {
    /// Which node.
    pub node: String,
    /// Which conversation.
    pub conversation: ConversationId,
    /// The newest position according to the node.
    pub head: Seq,
    /// Oldest first.
    pub events: Vec<Event>,
}

/// All messages of one conversation as freshly fetched from one node.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Which node.
    pub node: String,
    /// Which conversation.
    pub conversation: ConversationId,
    /// Oldest first.
    pub messages: Vec<Message>,
}

/// Somebody's read marker.
#[derive(Debug, Clone)]
pub struct Marker {
    /// Whose marker.
    pub user: UserId,
    /// The conversation.
    pub conversation: ConversationId,
    /// The furthest position that was acknowledged.
    pub acknowledged: Seq,
    /// The position that the server returns now.
    pub stored: Seq,
}

/// Everything that happened.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    /// All attempts to send.
    pub attempts: Vec<Attempt>,
    /// All attempts to change messages.
    pub mutations: Vec<Mutation>,
    /// All readings, taken after everything became quiet.
    pub readings: Vec<Reading>,
    /// All visits of people who come and go.
    pub visits: Vec<Visit>,
    /// All logs, from every node, after everything became quiet. The first log of a conversation is the one that the
    /// rest are compared with.
    pub logs: Vec<Log>,
    /// All messages, from every node, after everything became quiet.
    pub snapshots: Vec<Snapshot>,
    /// Read markers.
    pub markers: Vec<Marker>,
}

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The invariant.
    pub invariant: &'static str,
    /// What is wrong.
    pub what: String,
}

impl Violation {
    /// Names an invariant or requirement, and what is wrong.
    pub fn of(invariant: &'static str, what: impl Into<String>) -> Self {
        Self { invariant, what: what.into() }
    }
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
        found.extend(readings::check_gapless(log));
        match logs.get(&log.conversation) {
            None => drop(logs.insert(log.conversation, log)),
            Some(first) => found.extend(readings::check_same_log(first, log)),
        }
    }
    for snapshot in &recording.snapshots {
        found.extend(readings::check_snapshot(snapshot, logs.get(&snapshot.conversation).copied()));
    }
    for reading in &recording.readings {
        let snapshot = recording.snapshots.iter().find(|one| one.conversation == reading.conversation);
        found.extend(readings::check_reading(reading, logs.get(&reading.conversation).copied(), snapshot));
    }
    for visit in &recording.visits {
        found.extend(rights::check_visit(visit, logs.get(&visit.conversation).copied()));
    }
    let conversations: BTreeSet<ConversationId> =
        recording.attempts.iter().map(|attempt| attempt.conversation).chain(logs.keys().copied()).collect();
    for conversation in conversations {
        let attempts: Vec<&Attempt> =
            recording.attempts.iter().filter(|attempt| attempt.conversation == conversation).collect();
        let mutations: Vec<&Mutation> =
            recording.mutations.iter().filter(|mutation| mutation.conversation == conversation).collect();
        let events = logs.get(&conversation).map_or(&[][..], |log| &log.events);
        found.extend(messages::check_messages(&attempts, events));
        found.extend(changes::check_changes(&mutations, events));
        found.extend(messages::check_order(&attempts, &mutations, events));
        found.extend(rights::check_log(events));
    }
    for marker in recording.markers.iter().filter(|marker| marker.stored < marker.acknowledged) {
        let Marker { user, conversation, acknowledged, stored } = marker;
        let what = format!("{user} read {conversation} up to {acknowledged}, and the server says {stored}");
        found.push(Violation::of("I1", what));
    }
    found
}

/// Positions of messages that were deleted.
fn deleted(events: &[Event]) -> BTreeSet<Seq> {
    let target = |event: &Event| match event.change {
        Change::MessageDeleted { target, .. } => Some(target),
        _ => None,
    };
    events.iter().filter_map(target).collect()
}
