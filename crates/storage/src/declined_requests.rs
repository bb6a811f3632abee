//! When friend requests were declined, so that further ones can be held back for a while.

use diesel::prelude::*;
use parlour_protocol::ids::UserId;

use crate::on_backend;
use crate::schema::declined_requests;
use crate::{Connection, Result};

/// Records that a request was declined, replacing an earlier record.
pub fn note(conn: &mut Connection, asked_by: UserId, declined_by: UserId, at: i64) -> Result<usize> {
    let row = (
        declined_requests::asked_by.eq(asked_by),
        declined_requests::declined_by.eq(declined_by),
        declined_requests::declined_at.eq(at),
    );
    Ok(on_backend!(conn, inner => diesel::insert_into(declined_requests::table)
        .values(row)
        .on_conflict((declined_requests::asked_by, declined_requests::declined_by))
        .do_update()
        .set(declined_requests::declined_at.eq(at))
        .execute(inner))?)
}

/// When the last request of `asked_by` was declined by `declined_by`, in microseconds since 1970.
pub fn find(conn: &mut Connection, asked_by: UserId, declined_by: UserId) -> Result<Option<i64>> {
    Ok(declined_requests::table
        .find((asked_by, declined_by))
        .select(declined_requests::declined_at)
        .first(conn)
        .optional()?)
}

/// Deletes records older than `moment`.
pub fn delete_before(conn: &mut Connection, moment: i64) -> Result<usize> {
    Ok(diesel::delete(declined_requests::table.filter(declined_requests::declined_at.lt(moment)))
        .execute(conn)?)
}
