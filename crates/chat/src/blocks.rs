//! Blocking: nothing from the blocked user reaches the blocker, and the blocked user can't tell.
//!
//! Invariant: everything the blocked user sees (responses, events, lists, presence) is what they would see of a
//! stranger who never responds; a friendship ends as if by unfriending. Blocked actions (requests, mentions, typing)
//! are therefore dropped where they would arrive, never refused where they are sent. What both do in a common room
//! stays in its log, which is the same for everyone; the blocker's client knows whose messages to hide.

use parlour_protocol::audit::AuditKind;
use parlour_protocol::blocks::Block;
use parlour_protocol::events::UserChange;
use parlour_protocol::ids::UserId;
use parlour_protocol::limits;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::time::Timestamp;
use parlour_protocol::users::Relation;
use parlour_storage::blocks::BlockRow;
use parlour_storage::{Connection, blocks, friendships, users};

use crate::audit::{Note, note};
use crate::friends::{announce, lock_direct};
use crate::outcome::{Done, Outcome, tell};
use crate::rooms::Listed;
use crate::users::relation;
use crate::{Refusal, page_of};

/// A page of the users whom the caller blocks, newest first, and the cursor of the next page.
pub fn list(
    conn: &mut Connection,
    user: UserId,
    after: Option<(i64, i64)>,
    limit: i64,
) -> Result<Listed<Block>, Refusal> {
    let rows = blocks::list(conn, user)?;
    let all = rows.into_iter().map(|(row, user)| Block { user, at: Timestamp(row.created_at) }).collect();
    Ok(page_of(all, after, limit, |block: &Block| (block.at.0, block.user.id.0)))
}

/// Blocks a user. Doing it twice changes nothing. A friendship and the caller's own request end; a request from the
/// blocked user still looks open to them.
pub fn block(conn: &mut Connection, now: Timestamp, user: UserId, other: UserId) -> Done<Block> {
    if user == other {
        return Err(Refusal::because(ErrorCode::Conflict, "That is you."));
    }
    let row = users::find(conn, other)?.filter(|row| row.deleted_at.is_none()).ok_or(ErrorCode::NotFound)?;
    let direct = lock_direct(conn, user, other)?;
    // A concurrent request is either seen here, or sees this block.
    users::lock_pair(conn, user, other)?;
    if let Some(known) = blocks::find(conn, user, other)? {
        return Ok(Outcome::without_events(Block { user: row.summary(), at: Timestamp(known.created_at) }));
    }
    if blocks::count_of(conn, user)? >= limits::BLOCKS_PER_USER {
        return Err(Refusal::because(ErrorCode::LimitReached, "You've reached the limit of blocked people."));
    }
    blocks::insert(conn, &BlockRow { blocker_id: user, blocked_id: other, created_at: now.0 })?;
    note(conn, now, Note::by(AuditKind::Blocked, user))?;
    let friendship = friendships::lock(conn, user, other)?;
    let mut effects = Vec::new();
    let mut changes = vec![(user, UserChange::BlockAdded { user: other }, false)];
    let ended = |who, whom| (who, UserChange::FriendRemoved { user: whom }, false);
    match relation(friendship.as_ref(), user) {
        Relation::Friend => {
            friendships::delete(conn, user, other)?;
            effects = announce(conn, now, direct, false)?;
            changes.extend([ended(user, other), ended(other, user)]);
        }
        Relation::Outgoing => {
            friendships::delete(conn, user, other)?;
            changes.push(ended(user, other));
            if friendship.is_some_and(|row| !row.hidden) {
                changes.push(ended(other, user));
            }
        }
        Relation::Incoming => {
            friendships::set_hidden(conn, user, other, true)?;
            changes.push(ended(user, other));
        }
        Relation::None | Relation::Myself => {}
    }
    effects.extend(tell(now, changes));
    Ok(Outcome { value: Block { user: row.summary(), at: now }, effects })
}

/// Removes a block. Requests sent in the meantime don't arrive because of that, but the other user can send a new one.
pub fn unblock(conn: &mut Connection, now: Timestamp, user: UserId, other: UserId) -> Done<()> {
    if !blocks::delete(conn, user, other)? {
        return Err(ErrorCode::NotFound.into());
    }
    note(conn, now, Note::by(AuditKind::Unblocked, user))?;
    let effects = tell(now, vec![(user, UserChange::BlockRemoved { user: other }, false)]);
    Ok(Outcome { value: (), effects })
}
