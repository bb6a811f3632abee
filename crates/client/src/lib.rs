//! A client of Parlour's public API: for bots, for programs that write to a room when something has happened, and for
//! clients that people use.
//!
//! * [`native::Api`] is the REST API: one method for each operation, named as in `openapi/openapi.json`.
//! * [`native::Follower`] follows everything that somebody takes part in, live. It connects again after every cut, goes on
//!   where it was, and yields each event exactly once and in order.
//! * [`operations`] is the REST API as data, from one table that a test compares with the published description. It is
//!   free of I/O, so a client that has a transport of its own (a browser, for one) makes its methods from it.
//! * [`engine`] is what all of this stands on: cursors, outbox, timelines, when to connect again. It is pure (no I/O, no
//!   clock, no chance) and shared with the browser client.
//!
//! Without features there are `operations` and `engine`, which compile to wasm. `native` adds the transport over tokio and
//! `tls` makes it speak https and wss; both are on unless one says otherwise. `terminal` is `parlour chat`.
//!
//! # Logging in
//!
//! A program uses a token that a person made for it (`POST /api/v1/account/tokens`), or that of a bot; it goes to
//! [`Api::set_tokens`](native::Api::set_tokens). Somebody with a password calls
//! [`create_session`](native::Api::create_session), and [`persistent`](native::Api::persistent) keeps the session alive.
//!
//! # Sending
//!
//! A message is named by its sender before it is sent. The same name makes the same message, at any time and on any node,
//! so a send whose answer was lost is simply tried again. This is `examples/send.rs`:
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
//! This is `examples/bot.rs`. It answers each message once, whenever it is killed:
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
