//! Requests for a new password, as users wrote them, until they are processed.

use diesel::prelude::*;

use crate::Connection;
use crate::schema::reset_requests;

/// A request.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = reset_requests)]
pub struct ResetRequestRow {
    /// A handle or an email address, as it was entered.
    pub who: String,
    /// The nonce from which tokens are derived.
    pub nonce: Vec<u8>,
    /// IP address of the client.
    pub client_address: String,
    /// When it was requested, in microseconds since 1970.
    pub requested_at: i64,
}

/// Adds a request.
pub fn insert(conn: &mut Connection, row: ResetRequestRow) -> QueryResult<usize> {
    diesel::insert_into(reset_requests::table).values(row).execute(conn)
}

/// Number of waiting requests.
pub fn count(conn: &mut Connection) -> QueryResult<i64> {
    reset_requests::table.count().get_result(conn)
}

/// Removes and returns the oldest requests, to process them in this transaction.
pub fn take(conn: &mut Connection, limit: i64) -> QueryResult<Vec<ResetRequestRow>> {
    let waiting: Vec<(i64, ResetRequestRow)> = reset_requests::table
        .order(reset_requests::id.asc())
        .limit(limit)
        .select((reset_requests::id, ResetRequestRow::as_select()))
        .load(conn)?;
    let mut taken = Vec::new();
    for (id, row) in waiting {
        // A node that waited here for another one finds the row deleted.
        if diesel::delete(reset_requests::table.find(id)).execute(conn)? == 1 {
            taken.push(row);
        }
    }
    Ok(taken)
}

/// Deletes requests older than `moment`.
pub fn delete_before(conn: &mut Connection, moment: i64) -> QueryResult<usize> {
    diesel::delete(reset_requests::table.filter(reset_requests::requested_at.lt(moment))).execute(conn)
}
