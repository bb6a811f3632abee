//! HTTP and sockets in, HTTP and sockets out: the server around the chat.
//!
//! Invariant: the only crate that knows actix. Handlers translate; rules are in `parlour-chat`, statements in
//! `parlour-storage`, delivery in `parlour-realtime`.

pub mod app;
pub mod auth;
mod avatars;
mod bodies;
mod challenges;
mod client_files;
pub mod clock;
pub mod config;
mod erasing;
#[cfg(fuzzing)]
pub mod fuzzing;
mod gather;
mod guesses;
mod keys;
mod log;
mod mail;
mod middleware;
pub mod openapi;
pub mod problems;
mod provider;
mod random;
mod rates;
mod reads;
mod routes;
pub mod sends;
pub mod server;
mod socket;
pub mod tokens;

pub use clock::Clock;
pub use config::Config;
pub use server::{Running, create_superuser, reset_password, rotate_keys, start};
