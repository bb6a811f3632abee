//! The whole application as people use it: in real Chromium, through the pages that the server sends.
//!
//! Each test has its own server; each person their own browser. At the end every browser's console must be free of
//! panics and errors.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on shall stop")]

mod gate;
mod pages;
mod person;
mod stories;
