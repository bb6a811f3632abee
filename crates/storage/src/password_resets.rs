//! Links with which somebody sets a new password, by the hashes of their tokens.

use diesel::prelude::*;
use parlour_protocol::ids::UserId;

use crate::Connection;
use crate::schema::password_resets;

/// Puts a link in the place of the one that the person may have had.
pub fn replace(
    conn: &mut Connection,
    user: UserId,
    token_hash: &[u8],
    expires_at: i64,
) -> QueryResult<usize> {
    delete(conn, user)?;
    diesel::insert_into(password_resets::table)
        .values((
            password_resets::user_id.eq(user.0),
            password_resets::token_hash.eq(token_hash),
            password_resets::expires_at.eq(expires_at),
        ))
        .execute(conn)
}

/// Whose link it is, unless it has run out.
pub fn find(conn: &mut Connection, token_hash: &[u8], now: i64) -> QueryResult<Option<UserId>> {
    password_resets::table
        .filter(password_resets::token_hash.eq(token_hash))
        .filter(password_resets::expires_at.gt(now))
        .select(password_resets::user_id)
        .first(conn)
        .optional()
        .map(|found| found.map(UserId))
}

/// Uses a link up; answers whether it was still there.
pub fn take(conn: &mut Connection, token_hash: &[u8]) -> QueryResult<bool> {
    diesel::delete(password_resets::table.filter(password_resets::token_hash.eq(token_hash)))
        .execute(conn)
        .map(|count| count == 1)
}

/// Forgets the link of a person.
pub fn delete(conn: &mut Connection, user: UserId) -> QueryResult<usize> {
    diesel::delete(password_resets::table.find(user.0)).execute(conn)
}

/// Forgets what ran out before a moment.
pub fn delete_before(conn: &mut Connection, moment: i64) -> QueryResult<usize> {
    diesel::delete(password_resets::table.filter(password_resets::expires_at.lt(moment))).execute(conn)
}
