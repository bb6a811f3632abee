//! Requests for a new password, as users wrote them, until they are processed.

use diesel::prelude::*;

use crate::on_backend;
use crate::schema::reset_requests;
use crate::{Connection, Result};

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

/// Adds a request; returns its id.
pub fn insert(conn: &mut Connection, row: ResetRequestRow) -> Result<i64> {
    Ok(on_backend!(conn, inner => diesel::insert_into(reset_requests::table)
        .values(row)
        .returning(reset_requests::id)
        .get_result(inner))?)
}

/// Number of waiting requests.
pub fn count(conn: &mut Connection) -> Result<i64> {
    Ok(reset_requests::table.count().get_result(conn)?)
}

/// Removes and returns a request, to process it in this transaction. `None` if it is gone.
pub fn take(conn: &mut Connection, id: i64) -> Result<Option<ResetRequestRow>> {
    let row = reset_requests::table.find(id).select(ResetRequestRow::as_select()).first(conn).optional()?;
    // A node that waited here for another one finds the row deleted.
    let taken = diesel::delete(reset_requests::table.find(id)).execute(conn)? == 1;
    Ok(row.filter(|_| taken))
}

/// Deletes requests older than `moment`.
pub fn delete_before(conn: &mut Connection, moment: i64) -> Result<usize> {
    Ok(diesel::delete(reset_requests::table.filter(reset_requests::requested_at.lt(moment))).execute(conn)?)
}
