//! Facts about this database: its epoch and the secrets that all nodes share.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool};

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

/// The time on the database's machine, in microseconds since 1970; none with SQLite, which has no other machine.
pub fn now(conn: &mut Connection) -> QueryResult<Option<i64>> {
    match conn {
        Connection::Sqlite(_) => Ok(None),
        Connection::Postgres(conn) => {
            let micros = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint";
            diesel::select(sql::<BigInt>(micros)).get_result(conn).map(Some)
        }
    }
}

/// Stores a fact in the place of the one that is there.
pub fn replace(conn: &mut Connection, key: &str, value: &str) -> QueryResult<usize> {
    diesel::update(dsl::server_state.find(key)).set(dsl::value.eq(value)).execute(conn)
}

/// Stores a fact, whether it is there or not.
pub fn put(conn: &mut Connection, key: &str, value: &str) -> QueryResult<()> {
    if replace(conn, key, value)? == 0 {
        find_or_insert(conn, key, value)?;
    }
    Ok(())
}

/// Whether the database keeps what it has confirmed when its machine crashes. SQLite is told to with every connection.
pub fn is_durable(conn: &mut Connection) -> QueryResult<bool> {
    match conn {
        Connection::Sqlite(_) => Ok(true),
        Connection::Postgres(conn) => {
            let off = "current_setting('fsync') = 'off' OR current_setting('full_page_writes') = 'off'";
            diesel::select(sql::<Bool>(off)).get_result::<bool>(conn).map(|off| !off)
        }
    }
}
