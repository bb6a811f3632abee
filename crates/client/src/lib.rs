//! A client library for Parlour's public API: for bots, for programs that post to a room when something happens, and
//! for chat clients.
//!
//! * [`native::Api`] is the REST API: one method for each operation, named as in `openapi/openapi.json`.
//! * [`native::Follower`] follows all conversations of an account, live. It reconnects after every disconnect, resumes
//!   where it was, and yields each event exactly once and in order.
//! * [`operations`] is the REST API as data, from one table that a test compares with the published description. It is
//!   free of I/O, so a client with its own transport (such as a browser) can build its methods from it.
//! * [`engine`] is the foundation: cursors, outbox, timelines, back-off. It is pure (no I/O, no clock, no randomness)
//!   and shared with the browser client.
//!
//! Without features there are only `operations` and `engine`, which compile to wasm. `native` adds the transport over
//! tokio, and `tls` adds https and wss; both are on by default. `terminal` is `parlour chat`.
//!
//! # Logging in
//!
//! A program uses a personal token (`POST /api/v1/account/tokens`) or a bot's token and passes it to
//! [`Api::set_tokens`](native::Api::set_tokens). A person with a password calls
//! [`create_session`](native::Api::create_session), and [`persistent`](native::Api::persistent) keeps the session
//! alive.
//!
//! # Sending
//!
//! The sender gives every message a client id before sending it. The same id always means the same message, at any time
//! and on any node, so a send whose answer was lost is simply repeated. This is `examples/send.rs`:
//!
//! ```no_run
#![cfg_attr(feature = "native", doc = include_str!("../examples/send.rs"))]
//! ```
//!
//! # Following
//!
//! This is `examples/follow.rs`:
//!
//! ```no_run
#![cfg_attr(feature = "native", doc = include_str!("../examples/follow.rs"))]
//! ```
//!
//! # A bot
//!
//! This is `examples/bot.rs`. It answers each message exactly once, even if it is killed at any point:
//!
//! ```no_run
#![cfg_attr(feature = "native", doc = include_str!("../examples/bot.rs"))]
//! ```
//!
//! The system's tests run these three programs against a server.

pub mod engine;
#[cfg(feature = "native")]
pub mod native;
pub mod operations;
#[cfg(feature = "terminal")]
pub mod terminal;
