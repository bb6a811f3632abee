//! The checker: from everything that clients did and saw, whether the promise was kept.
//!
//! It is pure: a recording goes in, violations come out. Named as in the promise: every acknowledged change is in
//! the log (I1), each name at most once (I2), positions 1 to the head without holes (I3), anyone who follows applies
//! exactly that, one after the other, and has in the end what a fresh fetch gives (I4), a position means the same to
//! everybody (I5), what was acknowledged before another was sent comes before it (I6), and nobody wrote or received
//! anything without the right to (I7).

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

use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::messages::Message;
use parlour_protocol::socket::{Change, Event};

/// How one attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Stored at this position.
    Acknowledged(Seq),
    /// Refused for good.
    Refused(String),
    /// Refused because the message was deleted.
    Gone,
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

/// What is done to a message that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Another text.
    Edit {
        /// Which message.
        target: Seq,
        /// The text.
        body: String,
    },
    /// No text any more.
    Delete {
        /// Which message.
        target: Seq,
    },
    /// A reaction, given or taken back.
    React {
        /// To which message.
        target: Seq,
        /// With what.
        emoji: String,
        /// Given.
        on: bool,
    },
}

/// One attempt to change a message.
#[derive(Debug, Clone)]
pub struct Mutation {
    /// Who.
    pub user: UserId,
    /// Where.
    pub conversation: ConversationId,
    /// What.
    pub action: Action,
    /// When it was asked for.
    pub began: Duration,
    /// When its outcome was known.
    pub ended: Duration,
    /// How it ended.
    pub outcome: Outcome,
    /// It was this attempt that made the change; otherwise things were so already.
    pub fresh: bool,
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

/// What somebody received between coming into a conversation and leaving it.
#[derive(Debug, Clone)]
pub struct Visit {
    /// Who.
    pub user: UserId,
    /// Where.
    pub conversation: ConversationId,
    /// The position after which events began.
    pub after: Seq,
    /// Events, and when they came.
    pub events: Vec<(Duration, Event)>,
    /// When leaving was acknowledged.
    pub left: Duration,
    /// How long after that events may still come.
    pub bound: Duration,
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

/// All messages of one conversation as one node tells them afresh.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Which node.
    pub node: String,
    /// Which conversation.
    pub conversation: ConversationId,
    /// Oldest first.
    pub messages: Vec<Message>,
}

/// How far somebody has read.
#[derive(Debug, Clone)]
pub struct Marker {
    /// Who.
    pub user: UserId,
    /// Where.
    pub conversation: ConversationId,
    /// The furthest position that was acknowledged.
    pub acknowledged: Seq,
    /// What the server says now.
    pub stored: Seq,
}

/// Everything that happened.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    /// All attempts to send.
    pub attempts: Vec<Attempt>,
    /// All attempts to change messages.
    pub mutations: Vec<Mutation>,
    /// All readers, after everything became quiet.
    pub readings: Vec<Reading>,
    /// All stays of people who come and go.
    pub visits: Vec<Visit>,
    /// All logs, from every node, after everything became quiet. The first of a conversation is compared with the
    /// rest.
    pub logs: Vec<Log>,
    /// All messages, from every node, after everything became quiet.
    pub snapshots: Vec<Snapshot>,
    /// Read markers.
    pub markers: Vec<Marker>,
}

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which.
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
