//! Sessions and the hashes of their refresh tokens. Personal access tokens are sessions with a scope; see
//! [`crate::api_tokens`].

use diesel::prelude::*;
use parlour_protocol::ids::{SessionId, UserId};

use crate::schema::sessions;
use crate::{Connection, Result};

/// A session: the log-in of one device, or a token.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = sessions)]
#[diesel(treat_none_as_default_value = false)]
pub struct SessionRow {
    /// Random id.
    pub id: SessionId,
    /// Id of the user.
    pub user_id: UserId,
    /// Name of the device or token.
    pub device: String,
    /// SHA-256 of the current refresh token.
    pub token_hash: Vec<u8>,
    /// SHA-256 of the previous refresh token.
    pub previous_hash: Option<Vec<u8>>,
    /// When the current token replaced the previous one.
    pub rotated_at: i64,
    /// When the session was created.
    pub created_at: i64,
    /// When it was last refreshed or, for a token, last used (0 before the first use).
    pub last_used_at: i64,
    /// When it expires unless it is refreshed.
    pub expires_at: i64,
    /// When it was ended.
    pub revoked_at: Option<i64>,
    /// A keyed hash of the network that it was opened from.
    pub network: Option<Vec<u8>>,
    /// What a token may do: 1 read, 2 read and write. `None` for log-ins.
    pub scope: Option<i16>,
    /// The conversations that a token is limited to, as a JSON list of ids; `None` for all.
    pub conversations: Option<String>,
}

/// Inserts a session.
pub fn insert(conn: &mut Connection, row: &SessionRow) -> Result<usize> {
    Ok(diesel::insert_into(sessions::table).values(row.clone()).execute(conn)?)
}

/// A session by id.
pub fn find(conn: &mut Connection, id: SessionId) -> Result<Option<SessionRow>> {
    Ok(sessions::table.find(id).select(SessionRow::as_select()).first(conn).optional()?)
}

/// Whether a user has a session, open or not, that was created from this network.
pub fn exists_in_network(conn: &mut Connection, user: UserId, network: &[u8]) -> Result<bool> {
    let opened = sessions::table.filter(sessions::user_id.eq(user)).filter(sessions::network.eq(network));
    Ok(diesel::select(diesel::dsl::exists(opened)).get_result(conn)?)
}

/// Up to 100 open log-ins of a user, most recently used first.
pub fn list(conn: &mut Connection, user: UserId, now: i64) -> Result<Vec<SessionRow>> {
    Ok(sessions::table
        .filter(sessions::user_id.eq(user))
        .filter(sessions::scope.is_null())
        .filter(sessions::revoked_at.is_null())
        .filter(sessions::expires_at.gt(now))
        .order(sessions::last_used_at.desc())
        .limit(100)
        .select(SessionRow::as_select())
        .load(conn)?)
}

/// Replaces the current token with its successor; returns false if the current token is no longer `current`, or the
/// session was ended.
pub fn rotate(
    conn: &mut Connection,
    id: SessionId,
    current: &[u8],
    next: &[u8],
    now: i64,
    expires_at: i64,
) -> Result<bool> {
    let changed = diesel::update(
        sessions::table
            .find(id)
            .filter(sessions::token_hash.eq(current))
            .filter(sessions::revoked_at.is_null()),
    )
    .set((
        sessions::token_hash.eq(next),
        sessions::previous_hash.eq(Some(current)),
        sessions::rotated_at.eq(now),
        sessions::last_used_at.eq(now),
        sessions::expires_at.eq(expires_at),
    ))
    .execute(conn)?;
    Ok(changed == 1)
}

/// Ends open sessions of a user: one, all, or all except one. Returns the ended ones.
pub fn revoke(
    conn: &mut Connection,
    user: UserId,
    only: Option<SessionId>,
    except: Option<SessionId>,
    now: i64,
) -> Result<Vec<SessionId>> {
    let ids: Vec<SessionId> = sessions::table
        .filter(sessions::user_id.eq(user))
        .filter(sessions::revoked_at.is_null())
        .select(sessions::id)
        .load(conn)?;
    let ended: Vec<SessionId> = ids
        .into_iter()
        .filter(|id| only.is_none_or(|one| one == *id) && except.is_none_or(|one| one != *id))
        .collect();
    diesel::update(sessions::table.filter(sessions::id.eq_any(&ended)))
        .set(sessions::revoked_at.eq(Some(now)))
        .execute(conn)?;
    Ok(ended)
}

/// Ends all open sessions of all users; returns how many there were.
pub fn revoke_all(conn: &mut Connection, now: i64) -> Result<usize> {
    Ok(diesel::update(sessions::table.filter(sessions::revoked_at.is_null()))
        .set(sessions::revoked_at.eq(Some(now)))
        .execute(conn)?)
}

/// Sessions ended at or after `since`, with the time; their access tokens may still look valid.
pub fn list_revoked_since(conn: &mut Connection, since: i64) -> Result<Vec<(SessionId, i64)>> {
    Ok(sessions::table
        .filter(sessions::revoked_at.ge(since))
        .select((sessions::id, sessions::revoked_at.assume_not_null()))
        .load(conn)?)
}

/// Sessions that expired after `after` and up to `upto` without being ended.
pub fn list_expired(conn: &mut Connection, after: i64, upto: i64) -> Result<Vec<SessionId>> {
    Ok(sessions::table
        .filter(sessions::expires_at.gt(after))
        .filter(sessions::expires_at.le(upto))
        .filter(sessions::revoked_at.is_null())
        .select(sessions::id)
        .load(conn)?)
}

/// Deletes sessions that ended or expired before `moment`.
pub fn delete_ended_before(conn: &mut Connection, moment: i64) -> Result<usize> {
    Ok(diesel::delete(
        sessions::table.filter(sessions::expires_at.lt(moment).or(sessions::revoked_at.lt(moment))),
    )
    .execute(conn)?)
}
