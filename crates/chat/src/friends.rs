//! Friendships: request, accept, decline, cancel, end.
//!
//! Invariant: every change to a friendship first locks the pair's direct chat, if there is one. A send that holds the
//! same lock therefore sees the friendship unchanged until it commits.

use parlour_protocol::events::{Change, UserChange};
use parlour_protocol::friends::{Friend, FriendRequest, FriendRequests, Relationship};
use parlour_protocol::ids::{ConversationId, UserId};
use parlour_protocol::limits;
use parlour_protocol::privacy::RequestsFrom;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::time::{DAY, Timestamp};
use parlour_protocol::users::Relation;
use parlour_storage::friendships::{FriendshipRow, pair};
use parlour_storage::users::{UserChanges, UserRow};
use parlour_storage::{
    Connection, blocks, conversations, declined_requests, events, friendships, members, users,
};

use crate::outcome::{Done, Outcome, tell};
use crate::rooms::Listed;
use crate::users::{relation, resolve};
use crate::{Effect, Refusal, page_of};

/// How long further requests don't arrive after one was declined.
pub const COOL_DOWN: i64 = 7 * DAY;

/// A page of friends, newest friendship first, and the cursor of the next page. `online` says whether the user may see
/// a friend's presence; the caller replaces it with the actual presence.
pub fn list(
    conn: &mut Connection,
    user: UserId,
    after: Option<(i64, i64)>,
    limit: i64,
) -> Result<Listed<Friend>, Refusal> {
    let directs = conversations::list_directs(conn, user)?;
    let rows = friendships::list(conn, user)?;
    let present = friendships::list_present_ids(conn, user)?;
    let all = rows
        .into_iter()
        .filter_map(|(row, other)| {
            let direct = directs.iter().find(|direct| direct.peer_of(user) == Some(other.id));
            let online = present.contains(&other.id);
            Some(Friend {
                since: Timestamp(row.accepted_at?),
                user: other,
                online,
                direct: direct.map(|direct| direct.id),
            })
        })
        .collect();
    Ok(page_of(all, after, limit, |friend: &Friend| (friend.since.0, friend.user.id.0)))
}

/// Open requests in both directions.
pub fn list_requests(conn: &mut Connection, user: UserId) -> Result<FriendRequests, Refusal> {
    let mut requests = FriendRequests { incoming: Vec::new(), outgoing: Vec::new() };
    for (row, other) in friendships::list(conn, user)? {
        let list = match relation(Some(&row), user) {
            Relation::Outgoing => &mut requests.outgoing,
            Relation::Incoming => &mut requests.incoming,
            _ => continue,
        };
        list.push(FriendRequest { user: other, at: Timestamp(row.created_at) });
    }
    Ok(requests)
}

/// Sends a friend request. Crossing requests become a friendship; requesting twice changes nothing. The sender isn't
/// told whether a request arrives: to them it is open in any case.
pub fn request(conn: &mut Connection, now: Timestamp, user: UserId, who: &str) -> Done<Relationship> {
    // Once today's requests are used up, an unknown handle is refused like an existing one.
    let day = today(conn, now, user);
    let other = match (resolve(conn, user, who), day) {
        (Err(_), Err(used_up)) => return Err(used_up),
        (found, _) => found?,
    };
    if other.id == user {
        return Err(Refusal::field("to", "That is you."));
    }
    if blocks::find(conn, user, other.id)?.is_some() {
        return Err(Refusal::because(ErrorCode::Conflict, "You've blocked this person. Unblock them first."));
    }
    let direct = lock_direct(conn, user, other.id)?;
    // A concurrent block by the other user is either seen here, or sees this request: both lock the two users.
    match friendships::lock(conn, user, other.id)? {
        Some(row) if row.accepted_at.is_none() && row.requested_by != user => {
            befriend(conn, now, user, other, direct)
        }
        Some(row) if row.hidden && arrives(conn, now, user, &other)? => {
            friendships::set_hidden(conn, user, other.id, false)?;
            let effects = tell(now, vec![(other.id, UserChange::FriendRequested { user }, true)]);
            Ok(Outcome { value: relationship(&other, Relation::Outgoing), effects })
        }
        Some(row) => Ok(Outcome::without_events(relationship(&other, relation(Some(&row), user)))),
        None => {
            let own = friendships::count_of(conn, user)?;
            if own.friends + own.outgoing >= limits::FRIENDS_PER_USER {
                return Err(Refusal::because(ErrorCode::LimitReached, "Your friends list is full."));
            }
            if own.outgoing >= limits::OUTGOING_REQUESTS {
                let detail = "You have too many open requests. Cancel some first.";
                return Err(Refusal::because(ErrorCode::LimitReached, detail));
            }
            count_request(conn, now, user)?;
            let arrives = arrives(conn, now, user, &other)?;
            if arrives && friendships::count_of(conn, other.id)?.incoming >= limits::INCOMING_REQUESTS {
                // Strangers can't fill up the list: the oldest request is hidden, but still looks open to its sender.
                friendships::hide_oldest_incoming(conn, other.id)?;
            }
            let (low, high) = pair(user, other.id);
            friendships::insert(
                conn,
                &FriendshipRow {
                    low_user: low,
                    high_user: high,
                    requested_by: user,
                    created_at: now.0,
                    accepted_at: None,
                    hidden: !arrives,
                },
            )?;
            let mut changes = vec![(user, UserChange::FriendAsked { user: other.id }, false)];
            if arrives {
                changes.push((other.id, UserChange::FriendRequested { user }, true));
            }
            let effects = tell(now, changes);
            Ok(Outcome { value: relationship(&other, Relation::Outgoing), effects })
        }
    }
}

/// Whether a request reaches its recipient: not if they block the sender, declined them recently, or don't want such
/// requests.
fn arrives(conn: &mut Connection, now: Timestamp, user: UserId, other: &UserRow) -> Result<bool, Refusal> {
    let wanted = match other.requests_from {
        RequestsFrom::Everybody => true,
        RequestsFrom::CommonRoom => members::share_room(conn, user, other.id)?,
        RequestsFrom::Nobody => false,
    };
    let declined = declined_requests::find(conn, user, other.id)?;
    Ok(wanted
        && declined.is_none_or(|at| now.0 >= at + COOL_DOWN)
        && blocks::find(conn, other.id, user)?.is_none())
}

/// How many requests a user has sent today, and when that day started: (start, count). An error once the limit is
/// reached.
fn today(conn: &mut Connection, now: Timestamp, user: UserId) -> Result<(i64, i64), Refusal> {
    let row = users::find(conn, user)?.filter(UserRow::is_active).ok_or(ErrorCode::Unauthenticated)?;
    let (since, count) =
        if now.0 >= row.asked_since + DAY { (now.0, 0) } else { (row.asked_since, row.asked_count) };
    if count >= limits::FRIEND_REQUESTS_PER_DAY {
        let wait = (since + DAY - now.0) / 1000;
        return Err(Refusal::TooOften { wait_ms: wait.unsigned_abs().max(1) });
    }
    Ok((since, count))
}

/// Counts a request against the daily limit, whatever becomes of it.
fn count_request(conn: &mut Connection, now: Timestamp, user: UserId) -> Result<(), Refusal> {
    let (since, count) = today(conn, now, user)?;
    let changes =
        UserChanges { asked_since: Some(since), asked_count: Some(count + 1), ..UserChanges::default() };
    users::update(conn, user, changes)?;
    Ok(())
}

/// Accepts a request. Accepting twice changes nothing.
pub fn accept(conn: &mut Connection, now: Timestamp, user: UserId, other_id: UserId) -> Done<Relationship> {
    let direct = lock_direct(conn, user, other_id)?;
    let row = friendships::lock(conn, user, other_id)?.ok_or(ErrorCode::NotFound)?;
    let other = users::find(conn, other_id)?.ok_or(ErrorCode::NotFound)?;
    match relation(Some(&row), user) {
        Relation::Friend => Ok(Outcome::without_events(relationship(&other, Relation::Friend))),
        Relation::Incoming => befriend(conn, now, user, other, direct),
        // A request that didn't arrive doesn't exist for this user.
        Relation::None => Err(ErrorCode::NotFound.into()),
        _ => Err(Refusal::because(ErrorCode::Conflict, "Only the other person can accept this request.")),
    }
}

/// Declines an incoming request, or cancels the user's own. A declined request still looks open to its sender; for some
/// days, further ones from them don't arrive.
pub fn withdraw(conn: &mut Connection, now: Timestamp, user: UserId, other: UserId) -> Done<()> {
    let row = friendships::lock(conn, user, other)?.ok_or(ErrorCode::NotFound)?;
    let mut changes = vec![(user, UserChange::FriendRemoved { user: other }, false)];
    match relation(Some(&row), user) {
        Relation::Outgoing => {
            friendships::delete(conn, user, other)?;
            if !row.hidden {
                changes.push((other, UserChange::FriendRemoved { user }, false));
            }
        }
        Relation::Incoming => {
            friendships::set_hidden(conn, user, other, true)?;
            declined_requests::note(conn, other, user, now.0)?;
        }
        _ => return Err(ErrorCode::NotFound.into()),
    }
    Ok(Outcome { value: (), effects: tell(now, changes) })
}

/// Declines all requests that a user can see.
pub fn decline_all(conn: &mut Connection, now: Timestamp, user: UserId) -> Done<()> {
    let mut changes = Vec::new();
    for other in friendships::list_incoming(conn, user, limits::INCOMING_REQUESTS)? {
        friendships::set_hidden(conn, user, other, true)?;
        declined_requests::note(conn, other, user, now.0)?;
        changes.push((user, UserChange::FriendRemoved { user: other }, false));
    }
    Ok(Outcome { value: (), effects: tell(now, changes) })
}

/// Ends a friendship. From this commit on, neither user can write in the direct chat.
pub fn unfriend(conn: &mut Connection, now: Timestamp, user: UserId, other: UserId) -> Done<()> {
    let direct = lock_direct(conn, user, other)?;
    friendships::lock(conn, user, other)?
        .filter(|row| row.accepted_at.is_some())
        .ok_or(ErrorCode::NotFound)?;
    friendships::delete(conn, user, other)?;
    let mut effects = announce(conn, now, direct, false)?;
    effects.extend(tell(
        now,
        vec![
            (user, UserChange::FriendRemoved { user: other }, false),
            (other, UserChange::FriendRemoved { user }, false),
        ],
    ));
    Ok(Outcome { value: (), effects })
}

fn befriend(
    conn: &mut Connection,
    now: Timestamp,
    user: UserId,
    other: UserRow,
    direct: Option<ConversationId>,
) -> Done<Relationship> {
    for person in [user, other.id] {
        if friendships::count_of(conn, person)?.friends >= limits::FRIENDS_PER_USER {
            return Err(Refusal::because(ErrorCode::LimitReached, "The friends list is full."));
        }
    }
    friendships::accept(conn, user, other.id, now.0)?;
    let mut effects = announce(conn, now, direct, true)?;
    effects.extend(tell(
        now,
        vec![
            (user, UserChange::FriendAdded { user: other.id, accepted: false }, false),
            (other.id, UserChange::FriendAdded { user, accepted: true }, true),
        ],
    ));
    Ok(Outcome { value: relationship(&other, Relation::Friend), effects })
}

fn relationship(other: &UserRow, relation: Relation) -> Relationship {
    Relationship { user: other.summary(), relation }
}

/// Locks the direct chat of two users, if there is one. Always call this before locking their friendship.
pub(crate) fn lock_direct(
    conn: &mut Connection,
    a: UserId,
    b: UserId,
) -> Result<Option<ConversationId>, Refusal> {
    let (low, high) = pair(a, b);
    let Some(direct) = conversations::find_direct(conn, low, high)? else {
        return Ok(None);
    };
    conversations::lock(conn, direct.id)?;
    Ok(Some(direct.id))
}

/// Appends to a direct chat whether its two users can write now.
pub(crate) fn announce(
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
