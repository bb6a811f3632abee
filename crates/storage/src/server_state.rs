//! Key-value facts about this database: its epoch, and secrets that all nodes share.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool};

use crate::on_backend;
use crate::schema::server_state::dsl;
use crate::{Connection, Result};

/// The value of a key.
pub fn find(conn: &mut Connection, key: &str) -> Result<Option<String>> {
    Ok(dsl::server_state.find(key).select(dsl::value).first(conn).optional()?)
}

/// Stores a value unless the key already has one, and returns the value it has then. Two nodes that start at the same
/// time get the same value.
pub fn find_or_insert(conn: &mut Connection, key: &str, value: &str) -> Result<String> {
    on_backend!(conn, inner => diesel::insert_into(dsl::server_state)
        .values((dsl::key.eq(key), dsl::value.eq(value)))
        .on_conflict_do_nothing()
        .execute(inner))?;
    Ok(dsl::server_state.find(key).select(dsl::value).first(conn)?)
}

/// The database server's time, in microseconds since 1970; `None` with SQLite, which runs on the same machine.
pub fn now(conn: &mut Connection) -> Result<Option<i64>> {
    match conn {
        Connection::Sqlite(_) => Ok(None),
        Connection::Postgres(conn) => {
            let micros = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint";
            Ok(Some(diesel::select(sql::<BigInt>(micros)).get_result(conn)?))
        }
    }
}

/// Replaces the value of an existing key.
pub fn replace(conn: &mut Connection, key: &str, value: &str) -> Result<usize> {
    Ok(diesel::update(dsl::server_state.find(key)).set(dsl::value.eq(value)).execute(conn)?)
}

/// Stores a value, whether or not the key exists.
pub fn put(conn: &mut Connection, key: &str, value: &str) -> Result<()> {
    if replace(conn, key, value)? == 0 {
        find_or_insert(conn, key, value)?;
    }
    Ok(())
}

/// Whether committed data survives a crash of the database's machine. SQLite is configured that way on every
/// connection.
pub fn is_durable(conn: &mut Connection) -> Result<bool> {
    match conn {
        Connection::Sqlite(_) => Ok(true),
        Connection::Postgres(conn) => {
            let off = "current_setting('fsync') = 'off' OR current_setting('full_page_writes') = 'off'";
            Ok(!diesel::select(sql::<Bool>(off)).get_result::<bool>(conn)?)
        }
    }
}
