//! Friendship: ask, accept, decline, cancel, end.
//!
//! Invariant: whatever changes a friendship first locks the pair's direct chat, if there is one. A send that
//! holds the same lock therefore sees the friendship as it is until it commits.

use parlour_protocol::friends::{Friend, FriendRequest, FriendRequests, Relationship};
use parlour_protocol::ids::{ConversationId, UserId};
use parlour_protocol::limits;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::socket::{Change, UserChange};
use parlour_protocol::time::Timestamp;
use parlour_protocol::users::Relation;
use parlour_storage::friendships::{FriendshipRow, pair};
use parlour_storage::users::UserRow;
use parlour_storage::{Connection, conversations, events, friendships, users};

use crate::outcome::{Done, Outcome, tell};
use crate::users::{relation, resolve};
use crate::{Effect, Refusal};

/// Friends, most recent first. Presence is filled in by the caller.
pub fn list(conn: &mut Connection, user: UserId) -> Result<Vec<Friend>, Refusal> {
    let directs = conversations::list_directs(conn, user)?;
    let rows = friendships::list(conn, user)?;
    Ok(rows
        .into_iter()
        .filter_map(|(row, other)| {
            let direct = directs
                .iter()
                .find(|direct| direct.peer_of(user) == Some(other.id))
                .map(|direct| ConversationId(direct.id));
            Some(Friend { since: Timestamp(row.accepted_at?), user: other, online: false, direct })
        })
        .collect())
}

/// Open requests in both directions.
pub fn list_requests(conn: &mut Connection, user: UserId) -> Result<FriendRequests, Refusal> {
    let mut requests = FriendRequests { incoming: Vec::new(), outgoing: Vec::new() };
    for (row, other) in friendships::list(conn, user)? {
        if row.accepted_at.is_none() {
            let request = FriendRequest { user: other, at: Timestamp(row.created_at) };
            if row.requested_by == user.0 { &mut requests.outgoing } else { &mut requests.incoming }
                .push(request);
        }
    }
    Ok(requests)
}

/// Asks for friendship. A crossing request becomes a friendship; asking twice changes nothing.
pub fn request(conn: &mut Connection, now: Timestamp, user: UserId, who: &str) -> Done<Relationship> {
    let other = resolve(conn, who)?;
    let other_id = UserId(other.id);
    if other_id == user {
        return Err(Refusal::field("to", "That is you."));
    }
    let direct = lock_direct(conn, user, other_id)?;
    match friendships::lock(conn, user, other_id)? {
        Some(row) if row.accepted_at.is_none() && row.requested_by != user.0 => {
            befriend(conn, now, user, other, direct)
        }
        Some(row) => Ok(Outcome::quiet(relationship(&other, relation(Some(&row), user)))),
        None => {
            for person in [user, other_id] {
                if friendships::count_of(conn, person)? >= limits::FRIENDS_PER_USER {
                    return Err(Refusal::because(ErrorCode::LimitReached, "The list of friends is full."));
                }
            }
            let (low, high) = pair(user, other_id);
            friendships::insert(
                conn,
                &FriendshipRow {
                    low_user: low.0,
                    high_user: high.0,
                    requested_by: user.0,
                    created_at: now.0,
                    accepted_at: None,
                },
            )?;
            let effects = tell(
                conn,
                now,
                vec![
                    (other_id, UserChange::FriendRequested { user }, true),
                    (user, UserChange::FriendAsked { user: other_id }, false),
                ],
            )?;
            Ok(Outcome { value: relationship(&other, Relation::Outgoing), effects })
        }
    }
}

/// Accepts a request. Accepting twice changes nothing.
pub fn accept(conn: &mut Connection, now: Timestamp, user: UserId, other_id: UserId) -> Done<Relationship> {
    let direct = lock_direct(conn, user, other_id)?;
    let row = friendships::lock(conn, user, other_id)?.ok_or(ErrorCode::NotFound)?;
    let other = users::find(conn, other_id)?.ok_or(ErrorCode::NotFound)?;
    match relation(Some(&row), user) {
        Relation::Friend => Ok(Outcome::quiet(relationship(&other, Relation::Friend))),
        Relation::Incoming => befriend(conn, now, user, other, direct),
        _ => Err(Refusal::because(ErrorCode::Conflict, "Only the other one can accept this request.")),
    }
}

/// Declines an incoming request or cancels one's own.
pub fn withdraw(conn: &mut Connection, now: Timestamp, user: UserId, other: UserId) -> Done<()> {
    let row = friendships::lock(conn, user, other)?
        .filter(|row| row.accepted_at.is_none())
        .ok_or(ErrorCode::NotFound)?;
    friendships::delete(conn, user, other)?;
    let mut changes = vec![(user, UserChange::FriendRemoved { user: other }, false)];
    // A cancelled request disappears for the other one; a declined one says nothing to the one who asked.
    if row.requested_by == user.0 {
        changes.push((other, UserChange::FriendRemoved { user }, false));
    }
    Ok(Outcome { value: (), effects: tell(conn, now, changes)? })
}

/// Ends a friendship: from this commit on, neither can write in the direct chat.
pub fn unfriend(conn: &mut Connection, now: Timestamp, user: UserId, other: UserId) -> Done<()> {
    let direct = lock_direct(conn, user, other)?;
    friendships::lock(conn, user, other)?
        .filter(|row| row.accepted_at.is_some())
        .ok_or(ErrorCode::NotFound)?;
    friendships::delete(conn, user, other)?;
    let mut effects = announce(conn, now, direct, false)?;
    effects.extend(tell(
        conn,
        now,
        vec![
            (user, UserChange::FriendRemoved { user: other }, false),
            (other, UserChange::FriendRemoved { user }, false),
        ],
    )?);
    Ok(Outcome { value: (), effects })
}

fn befriend(
    conn: &mut Connection,
    now: Timestamp,
    user: UserId,
    other: UserRow,
    direct: Option<ConversationId>,
) -> Done<Relationship> {
    let other_id = UserId(other.id);
    friendships::accept(conn, user, other_id, now.0)?;
    let mut effects = announce(conn, now, direct, true)?;
    effects.extend(tell(
        conn,
        now,
        vec![
            (user, UserChange::FriendAdded { user: other_id, accepted: false }, false),
            (other_id, UserChange::FriendAdded { user, accepted: true }, true),
        ],
    )?);
    Ok(Outcome { value: relationship(&other, Relation::Friend), effects })
}

fn relationship(other: &UserRow, relation: Relation) -> Relationship {
    Relationship { user: other.summary(), relation }
}

fn lock_direct(conn: &mut Connection, a: UserId, b: UserId) -> Result<Option<ConversationId>, Refusal> {
    let (low, high) = pair(a, b);
    let Some(direct) = conversations::find_direct(conn, low, high)? else {
        return Ok(None);
    };
    let id = ConversationId(direct.id);
    conversations::lock(conn, id)?;
    Ok(Some(id))
}

fn announce(
    conn: &mut Connection,
    now: Timestamp,
    direct: Option<ConversationId>,
    writable: bool,
) -> Result<Vec<Effect>, Refusal> {
    match direct {
        Some(id) => {
            Ok(vec![Effect::Event(events::append(conn, id, now, Change::DirectChanged { writable })?)])
        }
        None => Ok(Vec::new()),
    }
}
