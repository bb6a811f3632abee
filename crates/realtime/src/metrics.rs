//! Counters of this node, read by `/metrics` and by tests. They only grow, except the gauge `waiting_bytes`.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use prometheus_client::metrics::histogram::Histogram;

/// Upper bounds of the buckets of [`Metrics::fan_out`], in seconds.
const FAN_OUT_SECONDS: [f64; 10] = [0.000_01, 0.000_03, 0.000_1, 0.000_3, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3];

macro_rules! counters {
    ($($(#[doc = $doc:literal])* $name:ident;)*) => {
        /// All counters.
        #[derive(Debug)]
        pub struct Metrics {
            $($(#[doc = $doc])* pub $name: AtomicU64,)*
            /// Bytes that wait for slow connections of this node now.
            pub waiting_bytes: AtomicUsize,
            /// How long an event took to reach every outbox on this node, in seconds.
            pub fan_out: Histogram,
        }

        impl Default for Metrics {
            fn default() -> Self {
                let fan_out = Histogram::new(FAN_OUT_SECONDS);
                Self { $($name: AtomicU64::default(),)* waiting_bytes: AtomicUsize::default(), fan_out }
            }
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
