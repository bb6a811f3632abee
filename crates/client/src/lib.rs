//! A client of Parlour's public API. [`engine`] is pure (no I/O, no clock, no chance) and shared with the
//! browser client; the `native` feature adds REST and the socket over tokio.

pub mod engine;
#[cfg(feature = "native")]
pub mod native;
