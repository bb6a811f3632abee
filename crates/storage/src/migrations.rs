//! The embedded migrations: one folder per database, with the same names.
//!
//! Invariant: a migration works with the code before and after it, because nodes of both versions run together for a
//! while.

use diesel::connection::SimpleConnection;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::Connection;

/// Migrations for PostgreSQL.
pub const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");
/// Migrations for SQLite.
pub const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

/// Key of the advisory lock that keeps two nodes from migrating at the same time: "parlour" in ASCII.
const LOCK: i64 = 0x70_61_72_6c_6f_75_72;

/// Applies missing migrations and returns how many there were.
pub fn run(conn: &mut Connection) -> Result<usize, String> {
    match conn {
        Connection::Postgres(inner) => {
            let text = |error: diesel::result::Error| error.to_string();
            // Waiting for another node's migration may take longer than any ordinary statement.
            inner
                .batch_execute(&format!(
                    "SET statement_timeout = 0; SET lock_timeout = 0; SELECT pg_advisory_lock({LOCK})"
                ))
                .map_err(text)?;
            let outcome = inner
                .run_pending_migrations(POSTGRES)
                .map(|done| done.len())
                .map_err(|error| error.to_string());
            inner
                .batch_execute(&format!(
                    "SELECT pg_advisory_unlock({LOCK}); SET statement_timeout = '10s'; SET lock_timeout = '5s'"
                ))
                .map_err(text)?;
            outcome
        }
        Connection::Sqlite(inner) => {
            inner.run_pending_migrations(SQLITE).map(|done| done.len()).map_err(|error| error.to_string())
        }
    }
}

/// Reverts every migration; for tests.
pub fn revert_all(conn: &mut Connection) -> Result<usize, String> {
    on_backend_revert(conn).map_err(|error| error.to_string())
}

/// Reverts the migration with this number and all after it; for tests.
pub fn revert_from(conn: &mut Connection, number: &str) -> Result<(), String> {
    loop {
        let reverted = match conn {
            Connection::Postgres(inner) => inner.revert_last_migration(POSTGRES),
            Connection::Sqlite(inner) => inner.revert_last_migration(SQLITE),
        };
        if reverted.map_err(|error| error.to_string())?.to_string() == number {
            return Ok(());
        }
    }
}

fn on_backend_revert(conn: &mut Connection) -> Result<usize, Box<dyn std::error::Error + Send + Sync>> {
    match conn {
        Connection::Postgres(inner) => inner.revert_all_migrations(POSTGRES).map(|done| done.len()),
        Connection::Sqlite(inner) => inner.revert_all_migrations(SQLITE).map(|done| done.len()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use diesel::migration::{Migration, MigrationSource};

    use super::*;

    #[test]
    fn no_two_have_the_same_number() {
        // The second one would be mistaken for the first, and never be applied.
        let of_postgres: Vec<Box<dyn Migration<diesel::pg::Pg>>> = POSTGRES.migrations().unwrap();
        let of_sqlite: Vec<Box<dyn Migration<diesel::sqlite::Sqlite>>> = SQLITE.migrations().unwrap();
        let postgres: Vec<String> = of_postgres.iter().map(|one| one.name().version().to_string()).collect();
        let sqlite: Vec<String> = of_sqlite.iter().map(|one| one.name().version().to_string()).collect();
        for numbers in [&postgres, &sqlite] {
            assert_eq!(numbers.iter().collect::<BTreeSet<_>>().len(), numbers.len(), "{numbers:?}");
        }
        assert_eq!(postgres.iter().collect::<BTreeSet<_>>(), sqlite.iter().collect());
    }
}
