//! Rate limits: token buckets on this node.
//!
//! Invariant: the table of buckets is bounded; a full one forgets the buckets that are full again anyway.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use crate::clock::Clock;

/// Buckets in one table before it is cleaned.
const MAX_BUCKETS: usize = 50_000;

struct Bucket {
    tokens: f64,
    /// Microseconds, as the clock tells them.
    at: i64,
}

/// A limit of so many per second, with a burst, for each key.
pub struct RateLimit<K> {
    clock: Clock,
    per_second: f64,
    burst: f64,
    buckets: Mutex<HashMap<K, Bucket>>,
}

impl<K: Eq + Hash> RateLimit<K> {
    /// A limit.
    pub fn new(clock: &Clock, per_second: f64, burst: f64) -> Self {
        Self { clock: clock.clone(), per_second, burst, buckets: Mutex::default() }
    }

    /// Takes one, or says after how many milliseconds there is one again.
    pub fn take(&self, key: K) -> Result<(), u64> {
        let now = self.clock.now().0;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MAX_BUCKETS {
            let (per_second, burst) = (self.per_second, self.burst);
            buckets.retain(|_, bucket| bucket.tokens + seconds(now - bucket.at) * per_second < burst);
            if buckets.len() >= MAX_BUCKETS {
                buckets.clear();
            }
        }
        let bucket = buckets.entry(key).or_insert(Bucket { tokens: self.burst, at: now });
        let refilled = bucket.tokens + seconds(now - bucket.at) * self.per_second;
        bucket.tokens = refilled.min(self.burst);
        bucket.at = now;
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            return Ok(());
        }
        Err((((1.0 - bucket.tokens) / self.per_second) * 1000.0).ceil() as u64)
    }

    /// Gives one back that turned out not to count.
    pub fn give_back(&self, key: &K) {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = buckets.get_mut(key) {
            bucket.tokens = (bucket.tokens + 1.0).min(self.burst);
        }
    }
}

/// A clock that was set back has not taken anything away.
fn seconds(micros: i64) -> f64 {
    micros.max(0) as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_a_wait_per_key() {
        let clock = Clock::manual(0);
        let limit = RateLimit::new(&clock, 0.5, 3.0);
        assert!((0..3).all(|_| limit.take("a").is_ok()));
        assert_eq!(limit.take("a"), Err(2000));
        assert!(limit.take("b").is_ok());
        limit.give_back(&"a");
        assert!(limit.take("a").is_ok());
        clock.advance(1_500_000);
        assert_eq!(limit.take("a"), Err(500));
        clock.advance(-9_000_000);
        assert_eq!(limit.take("a"), Err(500), "time that runs backwards gives and takes nothing");
        clock.advance(500_000);
        assert!(limit.take("a").is_ok());
    }
}
