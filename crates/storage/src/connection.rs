//! One connection to either database, and how to open it.
//!
//! Invariant: a connection always commits durably: `synchronous=FULL` on SQLite, `synchronous_commit=on` on
//! PostgreSQL. An acknowledged write survives a crash of the machine.

#![expect(missing_docs, reason = "the derive makes public items that cannot carry docs")]

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::{PgConnection, SqliteConnection};

use crate::postgres_url::{PostgresUrl, unusable};

/// A connection to PostgreSQL or SQLite. The URL decides which, never trial and error.
#[derive(diesel::MultiConnection)]
pub enum AnyConnection {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

/// Runs the same body on the inner connection of either database, for statements that the derive can't express for both
/// (`ON CONFLICT`, multi-row inserts).
#[macro_export]
macro_rules! on_backend {
    ($conn:expr, $inner:ident => $body:expr) => {
        match $conn {
            $crate::Connection::Postgres($inner) => $body,
            $crate::Connection::Sqlite($inner) => $body,
        }
    };
}

/// Removes libpq's text about a bad URL, because it may quote any part of the URL, including the password. Only texts
/// that come from the network or the server are kept.
fn without_secrets(error: ConnectionError) -> ConnectionError {
    match error {
        ConnectionError::BadConnection(text)
            if !text.starts_with("connection to server")
                && !text.starts_with("could not translate host name") =>
        {
            ConnectionError::BadConnection(unusable())
        }
        ConnectionError::InvalidConnectionUrl(_) => ConnectionError::InvalidConnectionUrl(unusable()),
        other => other,
    }
}

/// Where the database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A PostgreSQL URL.
    Postgres(String),
    /// The path of a SQLite file.
    Sqlite(String),
}

impl Address {
    /// Parses `postgres://…`, `postgresql://…` or `sqlite://path`.
    pub fn parse(url: &str) -> Result<Self, String> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            PostgresUrl::parse(url)?;
            return Ok(Self::Postgres(url.to_owned()));
        }
        match url.strip_prefix("sqlite://") {
            Some(path) if !path.is_empty() => Ok(Self::Sqlite(path.to_owned())),
            _ => Err("DATABASE_URL must begin with postgres:// or sqlite://".to_owned()),
        }
    }

    /// Opens a connection and applies all settings.
    pub fn connect(&self) -> ConnectionResult<AnyConnection> {
        match self {
            Self::Postgres(url) => {
                // Without these, a cut network cable would block a database thread for many minutes.
                let defaults = [
                    ("connect_timeout", "5"),
                    ("tcp_user_timeout", "10000"),
                    ("keepalives_idle", "15"),
                    ("application_name", "parlour"),
                ];
                let unusable = |_| ConnectionError::BadConnection(unusable());
                let whole = PostgresUrl::parse(url).map_err(unusable)?.with_defaults(url, &defaults);
                let mut inner = PgConnection::establish(&whole).map_err(without_secrets)?;
                // Plan every statement once per connection, and always with its indexes. Planning again for each list
                // of ids takes longer than running the statement, and a plan made while the tables were small would
                // keep scanning whole tables after they have grown.
                inner
                    .batch_execute(
                        "SET synchronous_commit = on; SET plan_cache_mode = force_generic_plan;
                         SET enable_seqscan = off; SET jit = off;
                         SET statement_timeout = '10s'; SET lock_timeout = '5s';
                         SET idle_in_transaction_session_timeout = '30s'; SET client_min_messages = warning;",
                    )
                    .map_err(ConnectionError::CouldntSetupConfiguration)?;
                Ok(AnyConnection::Postgres(inner))
            }
            Self::Sqlite(path) => {
                let mut inner = SqliteConnection::establish(path)?;
                inner
                    .batch_execute(
                        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
                         PRAGMA busy_timeout = 5000; PRAGMA cache_size = -8000; PRAGMA temp_store = MEMORY;
                         PRAGMA secure_delete = ON;",
                    )
                    .map_err(ConnectionError::CouldntSetupConfiguration)?;
                Ok(AnyConnection::Sqlite(inner))
            }
        }
    }
}
