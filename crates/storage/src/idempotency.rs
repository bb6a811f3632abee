//! Results of requests that carried an idempotency key.

use diesel::prelude::*;
use parlour_protocol::ids::UserId;

use crate::schema::idempotency_keys;
use crate::{Connection, Result};

/// An idempotency key and its result.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = idempotency_keys)]
pub struct IdempotencyRow {
    /// A keyed hash of the key, the caller and the operation.
    pub name: Vec<u8>,
    /// A keyed hash of the key and the request.
    pub request: Vec<u8>,
    /// The caller; `None` if not logged in.
    pub user_id: Option<UserId>,
    /// The result as JSON, without secrets; empty until the work is done.
    pub result: String,
    /// When the key was first used, in microseconds since 1970.
    pub created_at: i64,
}

/// The key with this name, if it was used.
pub fn find(conn: &mut Connection, name: &[u8]) -> Result<Option<IdempotencyRow>> {
    Ok(idempotency_keys::table
        .filter(idempotency_keys::name.eq(name))
        .select(IdempotencyRow::as_select())
        .first(conn)
        .optional()?)
}

/// Stores the result of a key.
pub fn complete(conn: &mut Connection, name: &[u8], result: &str) -> Result<usize> {
    Ok(diesel::update(idempotency_keys::table.filter(idempotency_keys::name.eq(name)))
        .set(idempotency_keys::result.eq(result))
        .execute(conn)?)
}

/// Claims a key. Another transaction that claims the same key waits until this one ends.
pub fn insert(conn: &mut Connection, row: &IdempotencyRow) -> Result<usize> {
    Ok(diesel::insert_into(idempotency_keys::table).values(row.clone()).execute(conn)?)
}

/// Deletes all keys of a user.
pub fn delete_of(conn: &mut Connection, user: UserId) -> Result<usize> {
    Ok(diesel::delete(idempotency_keys::table.filter(idempotency_keys::user_id.eq(user))).execute(conn)?)
}

/// Deletes keys first used before `moment`.
pub fn delete_before(conn: &mut Connection, moment: i64) -> Result<usize> {
    Ok(diesel::delete(idempotency_keys::table.filter(idempotency_keys::created_at.lt(moment)))
        .execute(conn)?)
}
