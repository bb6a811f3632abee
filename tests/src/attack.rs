//! Attacks at full strength on real server processes with their default settings, beside people who chat, log in, read
//! and open sockets; and what they cost the servers, according to the kernel.
//!
//! Invariant: attackers, innocents and servers never share a thread. Attackers use addresses in 127.1.0.0/16, innocents
//! never do. Everything is bounded in count and in time.

pub mod catalogue;
mod floods;
pub mod http;
pub mod innocents;
pub mod people;
pub mod pictures;
mod probes;
pub mod report;
mod run;
pub mod scene;
pub mod stage;

pub use report::Report;
pub use run::{Settings, run};
