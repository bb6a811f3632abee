//! The decisions of a client, free of I/O: what to do with an event, what to send again, when to reconnect.
//!
//! [`Session`] puts the parts together: it is the whole live connection of a user, and both clients are transports around
//! it.
//!
//! Invariant: an event is applied iff its seq is the cursor plus one. Everything else is ignored or fetched, so
//! dropped, duplicated and reordered frames all converge to what the server has stored.

mod addresses;
mod backoff;
mod closing;
#[cfg(test)]
mod convergence;
mod cursors;
mod outbox;
mod session;
mod stretches;
mod timeline;
#[cfg(test)]
mod timeline_tests;

pub use addresses::Addresses;
pub use backoff::Backoff;
pub use closing::{AfterClose, after_close};
pub use cursors::{Cursors, Verdict};
pub use outbox::{Act, Outbox, Pending, SendState};
pub use session::{Chance, Client, Input, Output, Refreshed, Session};
pub use stretches::{Stretch, Stretches};
pub use timeline::{Part, Piece, Timeline};
