//! When requests for friendship were declined, so that the next ones can be kept back for a while.

use diesel::prelude::*;
use parlour_protocol::ids::UserId;

use crate::Connection;
use crate::on_backend;
use crate::schema::declined_requests;

/// Notes that a request was declined; a later one replaces an earlier one.
pub fn note(conn: &mut Connection, asked_by: UserId, declined_by: UserId, at: i64) -> QueryResult<usize> {
    let row = (
        declined_requests::asked_by.eq(asked_by.0),
        declined_requests::declined_by.eq(declined_by.0),
        declined_requests::declined_at.eq(at),
    );
    on_backend!(conn, inner => diesel::insert_into(declined_requests::table)
        .values(row)
        .on_conflict((declined_requests::asked_by, declined_requests::declined_by))
        .do_update()
        .set(declined_requests::declined_at.eq(at))
        .execute(inner))
}

/// When the last request of a person to another was declined.
pub fn find(conn: &mut Connection, asked_by: UserId, declined_by: UserId) -> QueryResult<Option<i64>> {
    declined_requests::table
        .find((asked_by.0, declined_by.0))
        .select(declined_requests::declined_at)
        .first(conn)
        .optional()
}

/// Forgets what was declined before a moment.
pub fn delete_before(conn: &mut Connection, moment: i64) -> QueryResult<usize> {
    diesel::delete(declined_requests::table.filter(declined_requests::declined_at.lt(moment))).execute(conn)
}
