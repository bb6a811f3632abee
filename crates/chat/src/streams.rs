//! Catching up: what a client that connects has missed, and the pages of a log.
//!
//! Invariant: a replay is complete up to the head that is answered, or it is not made at all (`gap`).

use std::collections::{BTreeMap, BTreeSet};

use parlour_protocol::conversations::EventPage;
use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::limits;
use parlour_protocol::socket::{Event, ReplayState, UserEvent};
use parlour_storage::conversations::DIRECT;
use parlour_storage::{Connection, conversations, events, friendships, user_events, users};

use crate::{Refusal, rights};

/// Replays are read for at most so many conversations at one `start`; the others get a gap.
const REPLAYED_CONVERSATIONS: usize = 50;
/// Replays end at this many bytes of text, so that they fit into a connection's queue.
const REPLAY_BYTES: usize = 256 * 1024;

/// What a client says that it knows.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Position of each conversation.
    pub cursors: BTreeMap<ConversationId, Seq>,
    /// Position of one's own stream.
    pub user: Option<Seq>,
    /// The cursors belong to another history and mean nothing.
    pub other_epoch: bool,
}

/// One conversation at `start`.
#[derive(Debug, Clone)]
pub struct Followed {
    /// Newest position.
    pub head: Seq,
    /// Whether it is a direct chat.
    pub direct: bool,
    /// What follows for the cursor.
    pub state: ReplayState,
    /// The events after the cursor, complete up to the head; empty unless replaying.
    pub events: Vec<Event>,
}

/// Everything that `start` needs from the database.
#[derive(Debug, Clone)]
pub struct Caught {
    /// Newest position of one's own stream.
    pub user_head: Seq,
    /// What follows for its cursor.
    pub user_state: ReplayState,
    /// The events after its cursor.
    pub user_events: Vec<UserEvent>,
    /// Every conversation that one is in.
    pub conversations: BTreeMap<ConversationId, Followed>,
    /// Conversations that were asked for and that one is not in.
    pub gone: BTreeSet<ConversationId>,
    /// One's friends, who are told that one is there.
    pub friends: Vec<UserId>,
    /// The account is suspended: no socket.
    pub suspended: bool,
}

/// Reads what a client has missed.
pub fn catch_up(conn: &mut Connection, user: UserId, known: &Known) -> Result<Caught, Refusal> {
    let row = users::find(conn, user)?;
    let user_head = row.as_ref().map_or(0, |row| row.last_useq);
    let (user_state, user_events) = match known.user {
        Some(_) if known.other_epoch => (ReplayState::Reset, Vec::new()),
        Some(cursor) if cursor > user_head || cursor < 0 => (ReplayState::Reset, Vec::new()),
        Some(cursor) if user_head - cursor > limits::REPLAY.0 => (ReplayState::Gap, Vec::new()),
        Some(cursor) if cursor < user_head => {
            let rows = user_events::list_after(conn, user, cursor, user_head - cursor)?;
            // The stream forgets its beginning after a while.
            let complete = rows.first().is_some_and(|row| row.useq == cursor + 1);
            if complete {
                (ReplayState::Replay, rows.into_iter().map(|row| row.into_event()).collect())
            } else {
                (ReplayState::Gap, Vec::new())
            }
        }
        _ => (ReplayState::Replay, Vec::new()),
    };

    let mut all = BTreeMap::new();
    let mut budget = limits::REPLAY.1;
    let mut bytes = 0;
    let mut replayed = 0;
    for row in conversations::list_followed(conn, user)? {
        let id = ConversationId(row.id);
        let head = row.last_seq;
        let mut followed =
            Followed { head, direct: row.kind == DIRECT, state: ReplayState::Replay, events: Vec::new() };
        match known.cursors.get(&id) {
            None => {}
            Some(_) if known.other_epoch => followed.state = ReplayState::Reset,
            Some(cursor) if *cursor > head || *cursor < 0 => followed.state = ReplayState::Reset,
            Some(cursor) if *cursor == head => {}
            Some(cursor) => {
                let missed = head - cursor;
                let affordable = missed <= limits::REPLAY.0
                    && missed <= budget
                    && replayed < REPLAYED_CONVERSATIONS
                    && bytes < REPLAY_BYTES;
                if affordable {
                    let rows = events::list_after(conn, id, *cursor, missed)?;
                    bytes += rows.iter().map(|row| row.body.as_ref().map_or(0, String::len)).sum::<usize>();
                    followed.events = rows.into_iter().map(|row| row.into_event()).collect();
                    budget -= missed;
                    replayed += 1;
                } else {
                    followed.state = ReplayState::Gap;
                }
            }
        }
        all.insert(id, followed);
    }
    let gone = known.cursors.keys().filter(|id| !all.contains_key(id)).copied().collect();
    Ok(Caught {
        user_head,
        user_state,
        user_events,
        conversations: all,
        gone,
        friends: friendships::list_ids(conn, user)?,
        suspended: row.is_none_or(|row| row.suspended_at.is_some()),
    })
}

/// A page of a conversation's log.
pub fn list_events(
    conn: &mut Connection,
    user: UserId,
    id: ConversationId,
    after: Seq,
    limit: i64,
) -> Result<EventPage, Refusal> {
    let (conversation, _) = rights::readable(conn, id, user)?;
    let rows = events::list_after(conn, id, after.max(0), limit)?;
    let items: Vec<Event> = rows.into_iter().map(|row| row.into_event()).collect();
    let next_after = items.last().map_or(after, |event| event.seq);
    Ok(EventPage { head: conversation.last_seq.max(next_after), items, next_after })
}
