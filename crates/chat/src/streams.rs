//! Catch-up: what a connecting client has missed, and pages of a log.
//!
//! Invariant: a replay is complete up to the head that is reported, or there is none (`gap`).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use parlour_protocol::conversations::{ConversationKind, EventPage};
use parlour_protocol::events::{Event, UserEvent};
use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::limits;
use parlour_protocol::privacy::PresenceTo;
use parlour_protocol::rights::Permission;
use parlour_protocol::socket::ReplayState;
use parlour_storage::events::EventRow;
use parlour_storage::{Connection, connect_snapshot, events, user_events};

use crate::rights::Access;
use crate::{Refusal, read_bounded};

/// Maximum number of conversations replayed per `start`; the others get a gap.
const REPLAYED_CONVERSATIONS: usize = 50;

/// What a client already has.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Last position of each conversation.
    pub cursors: BTreeMap<ConversationId, Seq>,
    /// Last position of the user's event stream; `None` if the client has none.
    pub user: Option<Seq>,
    /// Whether the cursors belong to another history, which makes them meaningless.
    pub other_epoch: bool,
}

/// A conversation in the response to `start`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Followed {
    /// Latest position of the log.
    pub head: Seq,
    /// Whether it is a direct chat.
    pub direct: bool,
    /// The user's read marker.
    pub read_seq: Seq,
    /// What is sent for the cursor.
    pub state: ReplayState,
}

/// A conversation a user is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Id of the conversation.
    pub id: ConversationId,
    /// Latest position of the log.
    pub head: Seq,
    /// Whether it is a direct chat.
    pub direct: bool,
    /// The user's read marker.
    pub read_seq: Seq,
}

/// Snapshot of a user, taken at `start`: everything it needs from the database, except the events to replay.
#[derive(Debug, Clone, Default)]
pub struct ConnectSnapshot {
    /// Latest position of the user's event stream.
    pub user_head: Seq,
    /// Every conversation the user is in.
    pub conversations: Vec<Place>,
    /// The friends who can see that the user is online; empty while the user is invisible.
    pub friends: Vec<UserId>,
    /// The users whom this user blocks: their messages don't count as news.
    pub blocked: BTreeSet<UserId>,
    /// Whether the account is suspended or deleted; it gets no socket then.
    pub suspended: bool,
}

/// Part of a conversation's log that a user has missed and may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missed {
    /// The conversation.
    pub conversation: ConversationId,
    /// Last position the client has.
    pub after: Seq,
    /// Last position to replay.
    pub upto: Seq,
}

/// What is sent for each of a client's cursors.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What is sent for the cursor of the user's event stream.
    pub user: ReplayState,
    /// The position after which the user's event stream is replayed; `None` if it isn't.
    pub user_after: Option<Seq>,
    /// Every conversation the user is in.
    pub conversations: BTreeMap<ConversationId, Followed>,
    /// What is replayed.
    pub missed: Vec<Missed>,
    /// Conversations with a cursor that the user isn't in.
    pub gone: BTreeSet<ConversationId>,
}

/// Snapshots of these users, in the same order; one query, however many there are. Unknown users count as suspended.
pub fn list_snapshots(conn: &mut Connection, people: &[UserId]) -> Result<Vec<ConnectSnapshot>, Refusal> {
    let ids = Vec::from_iter(BTreeSet::from_iter(people.iter().copied()));
    let gone = ConnectSnapshot { suspended: true, ..ConnectSnapshot::default() };
    let mut found: HashMap<UserId, ConnectSnapshot> = HashMap::with_capacity(ids.len());
    let mut invisible = BTreeSet::new();
    for fact in connect_snapshot::list(conn, &ids)? {
        match fact {
            connect_snapshot::Fact::Account { user, last_useq, presence_to, suspended } => {
                if presence_to != PresenceTo::Friends {
                    invisible.insert(user);
                }
                found.insert(
                    user,
                    ConnectSnapshot { user_head: last_useq, suspended, ..ConnectSnapshot::default() },
                );
            }
            connect_snapshot::Fact::Conversation { user, id, last_seq, kind, read_seq } => {
                if let Some(snapshot) = found.get_mut(&user) {
                    let direct = kind == ConversationKind::Direct;
                    snapshot.conversations.push(Place { id, head: last_seq, direct, read_seq });
                }
            }
            connect_snapshot::Fact::Block(user, blocked) => {
                if let Some(snapshot) = found.get_mut(&user) {
                    snapshot.blocked.insert(blocked);
                }
            }
            connect_snapshot::Fact::Friends(low, high) => {
                for (one, other) in [(low, high), (high, low)] {
                    if let Some(snapshot) = found.get_mut(&one).filter(|_| !invisible.contains(&one)) {
                        snapshot.friends.push(other);
                    }
                }
            }
        }
    }
    Ok(people.iter().map(|user| found.get(user).unwrap_or(&gone).clone()).collect())
}

impl ConnectSnapshot {
    /// Compares the snapshot with what a client has, without reading anything.
    pub fn compare(&self, known: &Known) -> Plan {
        let (user, user_after) = match known.user {
            Some(_) if known.other_epoch => (ReplayState::Reset, None),
            Some(cursor) if cursor > self.user_head || cursor < 0 => (ReplayState::Reset, None),
            Some(cursor) if self.user_head - cursor > limits::REPLAY.0 => (ReplayState::Gap, None),
            Some(cursor) if cursor < self.user_head => (ReplayState::Replay, Some(cursor)),
            _ => (ReplayState::Replay, None),
        };
        let mut conversations = BTreeMap::new();
        let mut missed = Vec::new();
        let mut budget = limits::REPLAY.1;
        for &Place { id, head, direct, read_seq } in &self.conversations {
            let state = match known.cursors.get(&id) {
                None => ReplayState::Replay,
                Some(_) if known.other_epoch => ReplayState::Reset,
                Some(cursor) if *cursor > head || *cursor < 0 => ReplayState::Reset,
                Some(cursor) if *cursor == head => ReplayState::Replay,
                Some(cursor) => {
                    let count = head - cursor;
                    if count <= limits::REPLAY.0.min(budget) && missed.len() < REPLAYED_CONVERSATIONS {
                        budget -= count;
                        missed.push(Missed { conversation: id, after: *cursor, upto: head });
                        ReplayState::Replay
                    } else {
                        ReplayState::Gap
                    }
                }
            };
            conversations.insert(id, Followed { head, direct, read_seq, state });
        }
        let gone = known.cursors.keys().filter(|id| !conversations.contains_key(id)).copied().collect();
        Plan { user, user_after, conversations, missed, gone }
    }
}

/// Missed events of the user's stream; `None` if the first of them was already deleted.
pub fn list_user_events(
    conn: &mut Connection,
    user: UserId,
    after: Seq,
    upto: Seq,
) -> Result<Option<Vec<UserEvent>>, Refusal> {
    let rows = user_events::list_after(conn, user, after, upto - after)?;
    let complete = rows.first().is_some_and(|row| row.useq == after + 1);
    Ok(complete.then(|| rows.into_iter().map(|row| row.into_event()).collect()))
}

/// Missed events of several conversations. Each conversation is read once, however many users missed something there,
/// from the earliest requested position to the latest.
pub fn list_missed(
    conn: &mut Connection,
    missed: &[Missed],
) -> Result<HashMap<ConversationId, Vec<Event>>, Refusal> {
    let mut ranges: BTreeMap<ConversationId, (Seq, Seq)> = BTreeMap::new();
    for part in missed {
        let range = ranges.entry(part.conversation).or_insert((part.after, part.upto));
        *range = (range.0.min(part.after), range.1.max(part.upto));
    }
    ranges
        .into_iter()
        .map(|(id, (after, upto))| {
            // Events left out here become a gap for those who miss them.
            let (rows, _) = read_bounded(upto - after, size, |count, last: Option<&EventRow>| {
                Ok(events::list_after(conn, id, last.map_or(after, |row| row.seq), count)?)
            })?;
            Ok((id, rows.into_iter().map(|row| row.into_event()).collect()))
        })
        .collect()
}

fn size(row: &EventRow) -> usize {
    row.body.as_ref().map_or(0, String::len)
}

/// A page of a conversation's log. It is shorter than requested if its messages are long.
pub fn list_events(
    conn: &mut Connection,
    user: UserId,
    id: ConversationId,
    after: Seq,
    limit: i64,
) -> Result<EventPage, Refusal> {
    let access = Access::find(conn, id, user)?.require(Permission::Read)?;
    let (rows, _) = read_bounded(limit, size, |count, last: Option<&EventRow>| {
        Ok(events::list_after(conn, id, last.map_or(after.max(0), |row| row.seq), count)?)
    })?;
    let items: Vec<Event> = rows.into_iter().map(|row| row.into_event()).collect();
    Ok(EventPage::after(after, items, access.conversation.last_seq))
}
