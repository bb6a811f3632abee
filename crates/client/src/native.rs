//! The public API over tokio: [`Api`] for REST, [`Socket`] for frames, and [`Follower`], which keeps a socket
//! alive, resumes it, fills holes, and yields every event exactly once, in order.
//!
//! Invariant: nothing here is unbounded. A caller who does not read the updates stalls the follower instead of filling
//! memory.

mod api;
mod follower;
mod lines;
mod methods;
mod socket;
#[cfg(feature = "tls")]
mod tls;

pub use api::{Api, ApiError};
pub use follower::{Follower, Options, Stopped, Update};
pub use lines::Lines;
pub use socket::{Received, Socket, SocketError};

/// A random number from the operating system's seed for this thread's hash keys: good enough for jitter and for ids
/// that only have to be distinct.
pub(crate) fn chance() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0_u8)
}

/// A random number in 0..1.
pub(crate) fn fraction() -> f64 {
    (chance() >> 11) as f64 / (1_u64 << 53) as f64
}

/// A fresh client id for a message.
pub fn fresh_cid() -> String {
    format!("{:016x}{:016x}", chance(), chance())
}
