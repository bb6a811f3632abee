//! When to try to connect again: full jitter between zero and an exponentially growing bound.

/// Bound before the first retry, in milliseconds.
const BASE_MS: u64 = 500;
/// Largest bound, in milliseconds.
const CAP_MS: u64 = 30_000;

/// Counts failed attempts and says how long to wait.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Notes a failure and returns the wait in milliseconds; `chance` is a random number in 0..1.
    pub fn failed(&mut self, chance: f64) -> u64 {
        let bound = BASE_MS.saturating_mul(1 << self.failures.min(10)).min(CAP_MS);
        self.failures = self.failures.saturating_add(1);
        (bound as f64 * chance.clamp(0.0, 1.0)) as u64
    }

    /// Resets the back-off: a connection was established and `start` was answered.
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// Failures since the last success.
    pub fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_grows_to_thirty_seconds_and_starts_over() {
        let mut backoff = Backoff::default();
        let waits: Vec<u64> = (0..8).map(|_| backoff.failed(1.0)).collect();
        assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
        backoff.succeeded();
        assert_eq!(backoff.failed(0.5), 250);
    }
}
