//! Log-ins and the hashes of their refresh tokens. Tokens are sessions with a scope; see [`crate::api_tokens`].

use diesel::prelude::*;
use parlour_protocol::ids::{SessionId, UserId};

use crate::Connection;
use crate::schema::sessions;

/// A log-in of one device.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = sessions)]
#[diesel(treat_none_as_default_value = false)]
pub struct SessionRow {
    /// Random id.
    pub id: i64,
    /// Whose.
    pub user_id: i64,
    /// Name of the device.
    pub device: String,
    /// SHA-256 of the current refresh token.
    pub token_hash: Vec<u8>,
    /// SHA-256 of the token before it.
    pub previous_hash: Option<Vec<u8>>,
    /// When the current token replaced the previous one.
    pub rotated_at: i64,
    /// When the session was made.
    pub created_at: i64,
    /// When it was last refreshed.
    pub last_used_at: i64,
    /// When it ends unless it is refreshed.
    pub expires_at: i64,
    /// When it was ended.
    pub revoked_at: Option<i64>,
    /// A keyed hash of the network that it was opened from.
    pub network: Option<Vec<u8>>,
    /// What a token may do: 1 read, 2 read and write. None for log-ins.
    pub scope: Option<i16>,
    /// The conversations that a token is limited to, as JSON.
    pub conversations: Option<String>,
}

/// Adds a session.
pub fn insert(conn: &mut Connection, row: &SessionRow) -> QueryResult<usize> {
    diesel::insert_into(sessions::table).values(row.clone()).execute(conn)
}

/// A session by id.
pub fn find(conn: &mut Connection, id: SessionId) -> QueryResult<Option<SessionRow>> {
    sessions::table.find(id.0).select(SessionRow::as_select()).first(conn).optional()
}

/// Whether a person has a session, open or not, that was opened from this network.
pub fn exists_in_network(conn: &mut Connection, user: UserId, network: &[u8]) -> QueryResult<bool> {
    let opened = sessions::table.filter(sessions::user_id.eq(user.0)).filter(sessions::network.eq(network));
    diesel::select(diesel::dsl::exists(opened)).get_result(conn)
}

/// The open log-ins of a person, last used first.
pub fn list(conn: &mut Connection, user: UserId, now: i64) -> QueryResult<Vec<SessionRow>> {
    sessions::table
        .filter(sessions::user_id.eq(user.0))
        .filter(sessions::scope.is_null())
        .filter(sessions::revoked_at.is_null())
        .filter(sessions::expires_at.gt(now))
        .order(sessions::last_used_at.desc())
        .limit(100)
        .select(SessionRow::as_select())
        .load(conn)
}

/// Puts the successor token in place; fails to (false) when the current token is not `current` any more.
pub fn rotate(
    conn: &mut Connection,
    id: SessionId,
    current: &[u8],
    next: &[u8],
    now: i64,
    expires_at: i64,
) -> QueryResult<bool> {
    diesel::update(
        sessions::table
            .find(id.0)
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
    .execute(conn)
    .map(|changed| changed == 1)
}

/// Ends open sessions of a person: one, or all, or all but one. Answers which ended.
pub fn revoke(
    conn: &mut Connection,
    user: UserId,
    only: Option<SessionId>,
    except: Option<SessionId>,
    now: i64,
) -> QueryResult<Vec<SessionId>> {
    let ids: Vec<i64> = sessions::table
        .filter(sessions::user_id.eq(user.0))
        .filter(sessions::revoked_at.is_null())
        .select(sessions::id)
        .load(conn)?;
    let ended: Vec<i64> = ids
        .into_iter()
        .filter(|id| only.is_none_or(|one| one.0 == *id) && except.is_none_or(|one| one.0 != *id))
        .collect();
    diesel::update(sessions::table.filter(sessions::id.eq_any(&ended)))
        .set(sessions::revoked_at.eq(Some(now)))
        .execute(conn)?;
    Ok(ended.into_iter().map(SessionId).collect())
}

/// Ends every open session of everybody; answers how many there were.
pub fn revoke_all(conn: &mut Connection, now: i64) -> QueryResult<usize> {
    diesel::update(sessions::table.filter(sessions::revoked_at.is_null()))
        .set(sessions::revoked_at.eq(Some(now)))
        .execute(conn)
}

/// Sessions that were ended at or after a moment: whose access tokens may still look valid.
pub fn list_revoked_since(conn: &mut Connection, since: i64) -> QueryResult<Vec<(SessionId, i64)>> {
    let rows: Vec<(i64, Option<i64>)> = sessions::table
        .filter(sessions::revoked_at.ge(since))
        .select((sessions::id, sessions::revoked_at))
        .load(conn)?;
    Ok(rows.into_iter().filter_map(|(id, at)| Some((SessionId(id), at?))).collect())
}

/// Open sessions that ran out in a span of time.
pub fn list_expired(conn: &mut Connection, after: i64, upto: i64) -> QueryResult<Vec<SessionId>> {
    let ids: Vec<i64> = sessions::table
        .filter(sessions::expires_at.gt(after))
        .filter(sessions::expires_at.le(upto))
        .filter(sessions::revoked_at.is_null())
        .select(sessions::id)
        .load(conn)?;
    Ok(ids.into_iter().map(SessionId).collect())
}

/// Deletes what ended or ran out before a moment.
pub fn delete_ended_before(conn: &mut Connection, moment: i64) -> QueryResult<usize> {
    diesel::delete(
        sessions::table.filter(sessions::expires_at.lt(moment).or(sessions::revoked_at.lt(moment))),
    )
    .execute(conn)
}
