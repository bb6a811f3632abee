//! What was made for requests with an idempotency key.

use diesel::prelude::*;
use parlour_protocol::ids::UserId;

use crate::Connection;
use crate::schema::idempotency_keys;

/// What a key stands for.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = idempotency_keys)]
pub struct IdempotencyRow {
    /// A keyed hash of the key, of who asked, and of the operation.
    pub name: Vec<u8>,
    /// A keyed hash of the key and the request.
    pub request: Vec<u8>,
    /// Who asked.
    pub user_id: Option<i64>,
    /// What was made, as JSON.
    pub result: String,
    /// When.
    pub created_at: i64,
}

/// What was made for a key.
pub fn find(conn: &mut Connection, name: &[u8]) -> QueryResult<Option<IdempotencyRow>> {
    idempotency_keys::table
        .filter(idempotency_keys::name.eq(name))
        .select(IdempotencyRow::as_select())
        .first(conn)
        .optional()
}

/// Says what was made for a key.
pub fn complete(conn: &mut Connection, name: &[u8], result: &str) -> QueryResult<usize> {
    diesel::update(idempotency_keys::table.filter(idempotency_keys::name.eq(name)))
        .set(idempotency_keys::result.eq(result))
        .execute(conn)
}

/// Takes a key. Another transaction that takes the same one waits until this one ends.
pub fn insert(conn: &mut Connection, row: &IdempotencyRow) -> QueryResult<usize> {
    diesel::insert_into(idempotency_keys::table).values(row.clone()).execute(conn)
}

/// Forgets everything that one person's keys stand for.
pub fn delete_of(conn: &mut Connection, user: UserId) -> QueryResult<usize> {
    diesel::delete(idempotency_keys::table.filter(idempotency_keys::user_id.eq(user.0))).execute(conn)
}

/// Forgets what was made before a moment.
pub fn delete_before(conn: &mut Connection, moment: i64) -> QueryResult<usize> {
    diesel::delete(idempotency_keys::table.filter(idempotency_keys::created_at.lt(moment))).execute(conn)
}
