//! Who asked for a new password, as they wrote it, until it was looked at.

use diesel::prelude::*;

use crate::Connection;
use crate::schema::reset_requests;

/// A request.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = reset_requests)]
pub struct ResetRequestRow {
    /// A handle or an address, as it was written.
    pub who: String,
    /// What tokens are derived from.
    pub nonce: Vec<u8>,
    /// Where the request came from.
    pub client_address: String,
    /// When.
    pub requested_at: i64,
}

/// Adds a request.
pub fn insert(conn: &mut Connection, row: ResetRequestRow) -> QueryResult<usize> {
    diesel::insert_into(reset_requests::table).values(row).execute(conn)
}

/// How many wait.
pub fn count(conn: &mut Connection) -> QueryResult<i64> {
    reset_requests::table.count().get_result(conn)
}

/// Takes the oldest requests away, to answer them in this transaction.
pub fn take(conn: &mut Connection, limit: i64) -> QueryResult<Vec<ResetRequestRow>> {
    let waiting: Vec<(i64, ResetRequestRow)> = reset_requests::table
        .order(reset_requests::id.asc())
        .limit(limit)
        .select((reset_requests::id, ResetRequestRow::as_select()))
        .load(conn)?;
    let mut taken = Vec::new();
    for (id, row) in waiting {
        // A node that waited here for another finds nothing.
        if diesel::delete(reset_requests::table.find(id)).execute(conn)? == 1 {
            taken.push(row);
        }
    }
    Ok(taken)
}

/// Forgets what nobody looked at.
pub fn delete_before(conn: &mut Connection, moment: i64) -> QueryResult<usize> {
    diesel::delete(reset_requests::table.filter(reset_requests::requested_at.lt(moment))).execute(conn)
}
