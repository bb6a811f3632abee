//! Sessions: opening them, refreshing them with reuse detection, ending them.
//!
//! Invariant: a refresh token works once. Its successor is derived from it, so a client that lost the response gets the
//! same successor again for a short while. An older token means theft, and ends the session.

use parlour_protocol::audit::AuditKind;
use parlour_protocol::events::UserChange;
use parlour_protocol::ids::{SessionId, UserId};
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::sessions::Session;
use parlour_protocol::time::{DAY, SECOND, Timestamp};
use parlour_storage::sessions::SessionRow;
use parlour_storage::users::UserRow;
use parlour_storage::{Connection, sessions, users};

use crate::audit::{Note, note};
use crate::outcome::{Done, Outcome, tell};
use crate::{Effect, Refusal, names};

/// A session expires if it isn't refreshed for this long.
pub const LIFETIME: i64 = 30 * DAY;
/// A used token is accepted again within this time, for clients that lost the response and for tabs that race.
const GRACE: i64 = 30 * SECOND;

/// The device that opens a session.
#[derive(Debug, Clone)]
pub struct Device {
    /// Name of the device, for people.
    pub name: String,
    /// A keyed hash of its network, for recognizing the network later.
    pub network: Vec<u8>,
}

/// Opens a session.
pub(crate) fn open(
    conn: &mut Connection,
    now: Timestamp,
    id: SessionId,
    user: UserId,
    device: &Device,
    token_hash: &[u8],
) -> Result<(), Refusal> {
    sessions::insert(
        conn,
        &SessionRow {
            id,
            user_id: user,
            device: names::kept(&device.name),
            network: Some(device.network.clone()),
            token_hash: token_hash.to_vec(),
            previous_hash: None,
            rotated_at: now.0,
            created_at: now.0,
            last_used_at: now.0,
            expires_at: now.0 + LIFETIME,
            revoked_at: None,
            scope: None,
            conversations: None,
        },
    )?;
    Ok(())
}

/// Refuses to return a session a second time if it isn't as it was when it was opened: it must not have been refreshed
/// or ended.
pub fn check_untouched(
    conn: &mut Connection,
    now: Timestamp,
    id: SessionId,
    token_hash: &[u8],
) -> Result<(), Refusal> {
    let row = sessions::find(conn, id)?;
    let same =
        |row: SessionRow| row.token_hash == token_hash && row.revoked_at.is_none() && row.expires_at > now.0;
    if row.is_some_and(same) {
        Ok(())
    } else {
        Err(Refusal::because(ErrorCode::Conflict, "What was made with this key was used since: log in."))
    }
}

/// Result of presenting a refresh token.
#[derive(Debug, Clone)]
pub enum Refreshed {
    /// The successor is valid.
    Continued(Box<UserRow>),
    /// It was already used; the session was ended.
    Reused,
}

/// Whether a user has a session, open or ended, that was opened from this network, given its hash.
pub fn knows_network(conn: &mut Connection, user: UserId, network: &[u8]) -> Result<bool, Refusal> {
    Ok(sessions::exists_in_network(conn, user, network)?)
}

/// Exchanges a refresh token, given its hash and the hash of its successor. `genuine` says whether the server once
/// issued the token.
pub fn refresh(
    conn: &mut Connection,
    now: Timestamp,
    id: SessionId,
    presented: &[u8],
    successor: &[u8],
    genuine: bool,
) -> Done<Refreshed> {
    let session = sessions::find(conn, id)?
        // Personal access tokens can't be refreshed.
        .filter(|session| session.scope.is_none())
        .filter(|session| session.revoked_at.is_none() && session.expires_at > now.0)
        .ok_or(ErrorCode::Unauthenticated)?;
    let user = users::find(conn, session.user_id)?
        .filter(|user| user.is_active())
        .ok_or(ErrorCode::Unauthenticated)?;
    let user_id = user.id;
    if session.token_hash == presented
        && sessions::rotate(conn, id, presented, successor, now.0, now.0 + LIFETIME)?
    {
        return Ok(Outcome::without_events(Refreshed::Continued(Box::new(user))));
    }
    let session = sessions::find(conn, id)?.ok_or(ErrorCode::Unauthenticated)?;
    let repeated = session.previous_hash.as_deref() == Some(presented)
        && session.token_hash == successor
        && now.0 <= session.rotated_at + GRACE;
    if repeated {
        return Ok(Outcome::without_events(Refreshed::Continued(Box::new(user))));
    }
    // A token that was never issued proves nothing: making up tokens for a session must not end it. Of the tokens
    // issued by earlier versions, only the previous one can be recognized.
    if !genuine && session.previous_hash.as_deref() != Some(presented) {
        return Err(ErrorCode::Unauthenticated.into());
    }
    let revoked = sessions::revoke(conn, user_id, Some(id), None, now.0)?;
    note(conn, now, Note::by(AuditKind::RefreshReused, user_id))?;
    Ok(Outcome { value: Refreshed::Reused, effects: ended(now, user_id, &revoked) })
}

/// When a session was opened.
pub fn opened_at(conn: &mut Connection, id: SessionId) -> Result<Option<Timestamp>, Refusal> {
    Ok(sessions::find(conn, id)?.map(|row| Timestamp(row.created_at)))
}

/// The user's open log-ins.
pub fn list(
    conn: &mut Connection,
    now: Timestamp,
    user: UserId,
    current: SessionId,
) -> Result<Vec<Session>, Refusal> {
    let rows = sessions::list(conn, user, now.0)?;
    Ok(rows
        .into_iter()
        .map(|row| Session {
            id: row.id,
            device: row.device,
            current: row.id == current,
            created_at: Timestamp(row.created_at),
            last_used_at: Timestamp(row.last_used_at),
        })
        .collect())
}

/// Ends one of the user's log-ins.
pub fn end(conn: &mut Connection, now: Timestamp, user: UserId, id: SessionId) -> Done<()> {
    if sessions::find(conn, id)?.is_some_and(|session| session.scope.is_some()) {
        return Err(ErrorCode::NotFound.into());
    }
    let revoked = sessions::revoke(conn, user, Some(id), None, now.0)?;
    if revoked.is_empty() {
        return Err(ErrorCode::NotFound.into());
    }
    note(conn, now, Note::by(AuditKind::SessionEnded, user))?;
    Ok(Outcome { value: (), effects: ended(now, user, &revoked) })
}

/// The events that make every node close the sockets of ended sessions.
pub(crate) fn ended(now: Timestamp, user: UserId, which: &[SessionId]) -> Vec<Effect> {
    let changes =
        which.iter().map(|session| (user, UserChange::SessionEnded { session: *session }, false)).collect();
    tell(now, changes)
}
