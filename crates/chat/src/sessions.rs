//! Log-ins: opening, refreshing with reuse detection, ending.
//!
//! Invariant: a refresh token works once. Its successor is derived from it, so a client whose answer was lost
//! gets the same successor again for a short while; a token older than that means theft, and ends the session.

use parlour_protocol::audit::AuditKind;
use parlour_protocol::ids::{SessionId, UserId};
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::sessions::Session;
use parlour_protocol::socket::UserChange;
use parlour_protocol::time::{DAY, SECOND, Timestamp};
use parlour_storage::sessions::SessionRow;
use parlour_storage::users::UserRow;
use parlour_storage::{Connection, sessions, users};

use crate::audit::{Note, note};
use crate::outcome::{Done, Outcome, tell};
use crate::{Effect, Refusal, names};

/// A session ends when it was not refreshed for this long.
pub const LIFETIME: i64 = 30 * DAY;
/// A used token is answered again within this time, for clients that lost the answer and for tabs that race.
const GRACE: i64 = 30 * SECOND;

/// Where a session is opened.
#[derive(Debug, Clone)]
pub struct Device {
    /// Its name, for people.
    pub name: String,
    /// A keyed hash of the network that it is in, to know the network again.
    pub network: Vec<u8>,
}

/// Opens a session.
pub fn open(
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
            id: id.0,
            user_id: user.0,
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

/// Refuses to open a session a second time: it must be as it was when it was opened, and neither refreshed nor ended.
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

/// What became of a presented refresh token.
#[derive(Debug, Clone)]
pub enum Refreshed {
    /// Its successor is in force.
    Continued(Box<UserRow>),
    /// It was used before: the session was ended.
    Reused,
}

/// Whether a person has logged in from a network lately, given the hash of it.
pub fn knows_network(conn: &mut Connection, user: UserId, network: &[u8]) -> Result<bool, Refusal> {
    Ok(sessions::exists_in_network(conn, user, network)?)
}

/// Trades a refresh token, given by the hashes of itself and of its successor. `genuine`: whether it was handed out once.
pub fn refresh(
    conn: &mut Connection,
    now: Timestamp,
    id: SessionId,
    presented: &[u8],
    successor: &[u8],
    genuine: bool,
) -> Done<Refreshed> {
    let session = sessions::find(conn, id)?
        // A token is not refreshed.
        .filter(|session| session.scope.is_none())
        .filter(|session| session.revoked_at.is_none() && session.expires_at > now.0)
        .ok_or(ErrorCode::Unauthenticated)?;
    let user = users::find(conn, UserId(session.user_id))?
        .filter(|user| user.is_active())
        .ok_or(ErrorCode::Unauthenticated)?;
    let user_id = UserId(user.id);
    if session.token_hash == presented
        && sessions::rotate(conn, id, presented, successor, now.0, now.0 + LIFETIME)?
    {
        return Ok(Outcome::quiet(Refreshed::Continued(Box::new(user))));
    }
    let session = sessions::find(conn, id)?.ok_or(ErrorCode::Unauthenticated)?;
    let repeated = session.previous_hash.as_deref() == Some(presented)
        && session.token_hash == successor
        && now.0 <= session.rotated_at + GRACE;
    if repeated {
        return Ok(Outcome::quiet(Refreshed::Continued(Box::new(user))));
    }
    // What was never handed out betrays nothing: making up tokens for a session must not end it. Tokens of earlier
    // versions cannot show that they are genuine, but for the last one.
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

/// One's own open log-ins.
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
            id: SessionId(row.id),
            device: row.device,
            current: row.id == current.0,
            created_at: Timestamp(row.created_at),
            last_used_at: Timestamp(row.last_used_at),
        })
        .collect())
}

/// Ends one of one's own log-ins.
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

/// The events that tell every node to close the sockets of ended sessions.
pub(crate) fn ended(now: Timestamp, user: UserId, which: &[SessionId]) -> Vec<Effect> {
    let changes =
        which.iter().map(|session| (user, UserChange::SessionEnded { session: *session }, false)).collect();
    tell(now, changes)
}
