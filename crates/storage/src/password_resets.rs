//! Password reset links, by the hashes of their tokens.
//!
//! Invariant: a user has at most one link; a new one replaces it.

use diesel::prelude::*;
use parlour_protocol::ids::UserId;

use crate::schema::password_resets;
use crate::{Connection, Result};

/// Stores a link, replacing the user's earlier one.
pub fn replace(conn: &mut Connection, user: UserId, token_hash: &[u8], expires_at: i64) -> Result<usize> {
    delete(conn, user)?;
    Ok(diesel::insert_into(password_resets::table)
        .values((
            password_resets::user_id.eq(user),
            password_resets::token_hash.eq(token_hash),
            password_resets::expires_at.eq(expires_at),
        ))
        .execute(conn)?)
}

/// The user a link belongs to, unless it has expired.
pub fn find(conn: &mut Connection, token_hash: &[u8], now: i64) -> Result<Option<UserId>> {
    Ok(password_resets::table
        .filter(password_resets::token_hash.eq(token_hash))
        .filter(password_resets::expires_at.gt(now))
        .select(password_resets::user_id)
        .first(conn)
        .optional()?)
}

/// Uses up a link; returns whether it still existed.
pub fn take(conn: &mut Connection, token_hash: &[u8]) -> Result<bool> {
    let count = diesel::delete(password_resets::table.filter(password_resets::token_hash.eq(token_hash)))
        .execute(conn)?;
    Ok(count == 1)
}

/// Deletes a user's link.
pub fn delete(conn: &mut Connection, user: UserId) -> Result<usize> {
    Ok(diesel::delete(password_resets::table.find(user)).execute(conn)?)
}

/// Deletes links that expired before `moment`.
pub fn delete_before(conn: &mut Connection, moment: i64) -> Result<usize> {
    Ok(diesel::delete(password_resets::table.filter(password_resets::expires_at.lt(moment))).execute(conn)?)
}
