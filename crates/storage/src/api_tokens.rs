//! Personal access tokens: sessions that have a scope and are never refreshed.
//!
//! Invariant: code that ends sessions, or tells other nodes that they ended, doesn't need to know about tokens.

use diesel::prelude::*;
use parlour_protocol::ids::{TokenId, UserId};
use parlour_protocol::time::MINUTE;

use crate::schema::{sessions, users};
use crate::sessions::SessionRow;
use crate::users::UserRow;
use crate::{Connection, Result};

/// A token by id, with the account it acts as, even if the token was revoked or the account is gone.
pub fn find(conn: &mut Connection, id: TokenId) -> Result<Option<(SessionRow, UserRow)>> {
    Ok(sessions::table
        .inner_join(users::table)
        .filter(sessions::id.eq(id))
        .filter(sessions::scope.is_not_null())
        .select((SessionRow::as_select(), UserRow::as_select()))
        .first(conn)
        .optional()?)
}

/// Valid tokens of a user or bot, newest first.
pub fn list(conn: &mut Connection, user: UserId, now: i64, limit: i64) -> Result<Vec<SessionRow>> {
    Ok(sessions::table
        .filter(sessions::user_id.eq(user))
        .filter(sessions::scope.is_not_null())
        .filter(sessions::revoked_at.is_null())
        .filter(sessions::expires_at.gt(now))
        .order((sessions::created_at.desc(), sessions::id.desc()))
        .limit(limit)
        .select(SessionRow::as_select())
        .load(conn)?)
}

/// Records that a token was used, unless that was recorded within the last minute.
pub fn touch(conn: &mut Connection, id: TokenId, now: i64) -> Result<usize> {
    Ok(diesel::update(
        sessions::table
            .find(id)
            .filter(sessions::scope.is_not_null())
            .filter(sessions::last_used_at.le(now - MINUTE)),
    )
    .set(sessions::last_used_at.eq(now))
    .execute(conn)?)
}
