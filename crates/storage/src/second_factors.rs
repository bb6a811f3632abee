//! Second factors, and the hashes of their recovery codes.

use diesel::prelude::*;
use parlour_protocol::ids::UserId;

use crate::schema::{passkeys, recovery_codes, second_factors};
use crate::{Connection, Result};

/// A second factor.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = second_factors)]
#[diesel(treat_none_as_default_value = false)]
pub struct SecondFactorRow {
    /// Id of the user.
    pub user_id: UserId,
    /// The nonce from which the secret is derived, together with the server's key.
    pub nonce: Vec<u8>,
    /// When it was turned on; `None` until it is confirmed.
    pub confirmed_at: Option<i64>,
    /// The newest time step whose code was used.
    pub last_step: i64,
}

/// A user's second factor, confirmed or not.
pub fn find(conn: &mut Connection, user: UserId) -> Result<Option<SecondFactorRow>> {
    Ok(second_factors::table.find(user).select(SecondFactorRow::as_select()).first(conn).optional()?)
}

/// Which of these users have a confirmed second factor or a passkey; a user with both is listed twice.
pub fn list_protected(conn: &mut Connection, users: &[UserId]) -> Result<Vec<UserId>> {
    let mut found: Vec<UserId> = second_factors::table
        .filter(second_factors::user_id.eq_any(users))
        .filter(second_factors::confirmed_at.is_not_null())
        .select(second_factors::user_id)
        .load(conn)?;
    let with_passkeys = passkeys::table.filter(passkeys::user_id.eq_any(users));
    found.extend(with_passkeys.select(passkeys::user_id).distinct().load::<UserId>(conn)?);
    Ok(found)
}

/// Inserts a second factor.
pub fn insert(conn: &mut Connection, row: &SecondFactorRow) -> Result<usize> {
    Ok(diesel::insert_into(second_factors::table).values(row.clone()).execute(conn)?)
}

/// Confirms a second factor; returns whether there was an unconfirmed one.
pub fn confirm(conn: &mut Connection, user: UserId, now: i64) -> Result<bool> {
    let count =
        diesel::update(second_factors::table.find(user).filter(second_factors::confirmed_at.is_null()))
            .set(second_factors::confirmed_at.eq(Some(now)))
            .execute(conn)?;
    Ok(count == 1)
}

/// Uses up a time step; returns false if this step or a later one was already used.
pub fn use_step(conn: &mut Connection, user: UserId, step: i64) -> Result<bool> {
    let count = diesel::update(second_factors::table.find(user).filter(second_factors::last_step.lt(step)))
        .set(second_factors::last_step.eq(step))
        .execute(conn)?;
    Ok(count == 1)
}

/// Replaces a user's recovery codes.
pub fn replace_codes(conn: &mut Connection, user: UserId, hashes: &[Vec<u8>]) -> Result<()> {
    delete_codes(conn, user)?;
    for hash in hashes {
        diesel::insert_into(recovery_codes::table)
            .values((recovery_codes::user_id.eq(user), recovery_codes::code_hash.eq(hash)))
            .execute(conn)?;
    }
    Ok(())
}

/// Uses up a recovery code; returns whether it existed.
pub fn take_code(conn: &mut Connection, user: UserId, hash: &[u8]) -> Result<bool> {
    let code = recovery_codes::user_id.eq(user).and(recovery_codes::code_hash.eq(hash));
    Ok(diesel::delete(recovery_codes::table.filter(code)).execute(conn)? == 1)
}

/// Number of unused recovery codes.
pub fn count_codes(conn: &mut Connection, user: UserId) -> Result<i64> {
    Ok(recovery_codes::table.filter(recovery_codes::user_id.eq(user)).count().get_result(conn)?)
}

fn delete_codes(conn: &mut Connection, user: UserId) -> Result<usize> {
    Ok(diesel::delete(recovery_codes::table.filter(recovery_codes::user_id.eq(user))).execute(conn)?)
}

/// Deletes a second factor and its recovery codes; returns whether there was one.
pub fn delete(conn: &mut Connection, user: UserId) -> Result<bool> {
    delete_codes(conn, user)?;
    Ok(diesel::delete(second_factors::table.find(user)).execute(conn)? == 1)
}
