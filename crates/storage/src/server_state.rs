//! Facts about this database: its epoch and the secrets that all nodes share.

use diesel::prelude::*;

use crate::Connection;
use crate::on_backend;
use crate::schema::server_state::dsl;

/// One fact.
pub fn find(conn: &mut Connection, key: &str) -> QueryResult<Option<String>> {
    dsl::server_state.find(key).select(dsl::value).first(conn).optional()
}

/// Stores a fact unless it is there, and answers the one that is there then. Two nodes that start at once agree.
pub fn find_or_insert(conn: &mut Connection, key: &str, value: &str) -> QueryResult<String> {
    on_backend!(conn, inner => diesel::insert_into(dsl::server_state)
        .values((dsl::key.eq(key), dsl::value.eq(value)))
        .on_conflict_do_nothing()
        .execute(inner))?;
    dsl::server_state.find(key).select(dsl::value).first(conn)
}

/// Stores a fact in the place of the one that is there.
pub fn replace(conn: &mut Connection, key: &str, value: &str) -> QueryResult<usize> {
    diesel::update(dsl::server_state.find(key)).set(dsl::value.eq(value)).execute(conn)
}
