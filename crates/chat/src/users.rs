//! Finding users and viewing their profiles.
//!
//! Invariant: a user who can't be found looks exactly like one who doesn't exist.

use parlour_protocol::ids::UserId;
use parlour_protocol::privacy::{FindableBy, PresenceTo};
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::time::Timestamp;
use parlour_protocol::users::{Profile, Relation, User};
use parlour_protocol::validation;
use parlour_storage::friendships::{FriendshipRow, pair};
use parlour_storage::users::UserRow;
use parlour_storage::{Connection, blocks, conversations, friendships, users};

use crate::Refusal;
use crate::rights::is_administrator;

/// Finds a user by exact handle (with or without `@`, in any case) or by id; there is no other way to find someone. A
/// user who hides their handle is found by it only by friends, and by users with an open request between them; for
/// everyone else it is as if the handle didn't exist.
pub fn resolve(conn: &mut Connection, viewer: UserId, who: &str) -> Result<UserRow, Refusal> {
    let who = who.trim();
    let name = who.strip_prefix('@').unwrap_or(who);
    let found = match name.parse::<UserId>() {
        Ok(id) if !who.starts_with('@') => users::find(conn, id)?,
        _ if validation::handle(name).is_ok() => users::find_by_handle(conn, &validation::fold(name))?,
        _ => None,
    };
    let nobody = || Refusal::because(ErrorCode::NotFound, "We couldn't find anyone with that username.");
    let user = found.filter(UserRow::is_active).ok_or_else(nobody)?;
    if !is_id(who) && user.id != viewer && user.findable_by == FindableBy::Nobody {
        let row = friendships::find(conn, viewer, user.id)?;
        if relation(row.as_ref(), viewer) == Relation::None {
            return Err(nobody());
        }
    }
    Ok(user)
}

/// Whether a text identifies a user by id; searching by handle has a stricter limit.
pub fn is_id(who: &str) -> bool {
    who.trim().parse::<UserId>().is_ok()
}

/// The relation of the viewer to the other user of a friendship row.
pub(crate) fn relation(row: Option<&FriendshipRow>, viewer: UserId) -> Relation {
    match row {
        None => Relation::None,
        Some(row) if row.accepted_at.is_some() => Relation::Friend,
        Some(row) if row.requested_by == viewer => Relation::Outgoing,
        Some(row) if row.hidden => Relation::None,
        Some(_) => Relation::Incoming,
    }
}

/// A user's profile, as far as the viewer may see it. `online` says whether the viewer may see their presence; the
/// caller replaces it with the actual presence.
pub fn profile(conn: &mut Connection, viewer: UserId, who: &str) -> Result<Profile, Refusal> {
    let user = resolve(conn, viewer, who)?;
    let id = user.id;
    let (relation, direct) = if id == viewer {
        (Relation::Myself, None)
    } else {
        let row = friendships::find(conn, viewer, id)?;
        let (low, high) = pair(viewer, id);
        let direct = conversations::find_direct(conn, low, high)?;
        (relation(row.as_ref(), viewer), direct.map(|row| row.id))
    };
    let owner = match user.owner_id {
        Some(owner) if owner == viewer || is_administrator(conn, viewer)? => Some(owner),
        _ => None,
    };
    let online = match relation {
        Relation::Myself => Some(true),
        Relation::Friend => Some(user.presence_to == PresenceTo::Friends),
        _ => None,
    };
    Ok(Profile {
        user: user.summary(),
        bio: user.bio,
        relation,
        direct,
        blocked: blocks::find(conn, viewer, id)?.is_some(),
        online,
        owner,
        created_at: Timestamp(user.created_at),
    })
}

/// Several users by id, for showing them next to their messages.
pub fn list(conn: &mut Connection, ids: &[UserId]) -> Result<Vec<User>, Refusal> {
    Ok(users::list(conn, ids)?)
}
