//! The server around the chat: HTTP and WebSockets.
//!
//! Invariant: the only crate that knows actix. Handlers translate; rules live in `parlour-chat`, statements in
//! `parlour-storage`, delivery in `parlour-realtime`.

mod account_eraser;
mod account_exports;
mod admin_commands;
mod answers;
pub mod app;
pub mod auth;
mod avatars;
mod batcher;
mod bodies;
mod budget;
pub mod client_files;
pub mod clock;
pub mod config;
mod cors;
mod docs;
mod ending;
mod event_log;
#[cfg(fuzzing)]
pub mod fuzzing;
mod hashing;
mod idempotency;
mod jobs;
mod local;
mod logging;
mod mailer;
mod malformed;
mod markers;
mod methods;
mod metrics_page;
mod middleware;
pub mod openapi;
pub mod problems;
mod query_batching;
mod random;
mod routes;
pub mod send_queue;
pub mod server;
mod socket;

pub use admin_commands::{create_superuser, reset_password, rotate_keys};
pub use clock::Clock;
pub use config::Config;
pub use local::harden;
pub use logging::init as start_logging;
pub use server::{Running, start};
