//! Counters of this node, read by `/metrics` and by tests. They only grow, except the gauge `waiting_bytes`.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

macro_rules! counters {
    ($($(#[doc = $doc:literal])* $name:ident;)*) => {
        /// All counters.
        #[derive(Debug, Default)]
        pub struct Metrics {
            $($(#[doc = $doc])* pub $name: AtomicU64,)*
            /// Bytes that wait for slow connections of this node now.
            pub waiting_bytes: AtomicUsize,
        }

        impl Metrics {
            /// Name, description and value of each counter.
            pub fn list(&self) -> Vec<(&'static str, &'static str, u64)> {
                vec![$((stringify!($name), concat!($($doc),*), self.$name.load(Ordering::Relaxed)),)*]
            }
        }
    };
}

counters! {
    /// Events encoded for the wire, once each.
    events_encoded;
    /// Durable frames put into outboxes.
    frames_queued;
    /// Ephemeral frames that were dropped for lack of room.
    ephemerals_dropped;
    /// Times that a connection fell behind and was told to resync.
    connections_lagged;
    /// Connections closed for reading too slowly.
    slow_consumers_closed;
    /// Holes that a feed found in its stream.
    holes_found;
    /// Reads of the log that filled holes.
    holes_filled;
    /// Sweeps that found a head ahead of its feed.
    sweep_hits;
    /// Messages published to other nodes.
    broker_published;
    /// Messages that could not be published.
    broker_lost;
    /// Messages received from other nodes.
    broker_received;
    /// Times that the connection to the broker was made again.
    broker_reconnects;
}

/// Adds one.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
