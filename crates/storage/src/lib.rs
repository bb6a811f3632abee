//! Rows and SQL, nothing else: connections, the database threads, the schema, and one module per noun.
//!
//! Invariant: no rule lives here. Functions take a [`Connection`], never a pool; the caller owns the transaction.

pub mod admin;
mod among;
pub mod api_tokens;
pub mod audit_log;
pub mod blocks;
mod conditions;
pub mod connect_snapshot;
pub mod connection;
pub mod conversations;
pub mod database;
pub mod declined_requests;
pub mod emails;
mod error;
pub mod events;
pub mod friendships;
pub mod idempotency;
pub mod identities;
pub mod invites;
pub mod jobs;
pub mod lanes;
mod link;
pub mod members;
pub mod mentions;
pub mod migrations;
pub mod outgoing_mail;
pub mod own_data;
mod pairs;
pub mod passkeys;
pub mod password_resets;
pub mod postgres_url;
pub mod reactions;
pub mod reset_requests;
pub mod schema;
pub mod second_factors;
pub mod server_state;
pub mod sessions;
mod statement;
pub mod user_events;
pub mod users;

pub use connection::AnyConnection as Connection;
pub use database::{Database, DatabaseSettings};
pub use error::{AsStorage, Result, StorageError};
pub use lanes::Lane;
