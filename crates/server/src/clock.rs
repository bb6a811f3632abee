//! The clock: the only place that reads the system's time.
//!
//! Invariant: nodes of one cluster agree on the time within a second, however wrong their machines are, because all
//! of them follow the database's clock. Otherwise a token issued by one node might not be valid yet, or no longer
//! valid, on another.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use parlour_protocol::time::{SECOND, Timestamp};

/// Differences to the database's clock below this (microseconds) are ignored, so that time does not jump needlessly.
const TOLERATED: i64 = SECOND;

/// Source of the current time; settable in tests.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The system's clock, plus a correction in microseconds.
    System(Arc<AtomicI64>),
    /// Stands still until it is moved; microseconds since 1970.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// Creates a clock that stands at this many microseconds since 1970.
    pub fn manual(micros: i64) -> Self {
        Self::Manual(Arc::new(AtomicI64::new(micros)))
    }

    /// Creates the system's clock, off by `wrong_by` seconds until it is corrected (0 outside tests).
    pub fn system(wrong_by: i64) -> Self {
        Self::System(Arc::new(AtomicI64::new(wrong_by.saturating_mul(SECOND))))
    }

    /// Adopts the database's time `now` if it differs by more than a second.
    pub fn correct(&self, now: Timestamp) {
        let difference = now.0.saturating_sub(self.now().0);
        if let Self::System(correction) = self
            && difference.abs() > TOLERATED
        {
            correction.fetch_add(difference, Ordering::SeqCst);
            tracing::info!(seconds = difference / SECOND, "the clock was set to the database's");
        }
    }

    /// The current time.
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    pub fn now(&self) -> Timestamp {
        match self {
            // A system clock before 1970 is a fault of the machine; it counts as 1970.
            Self::System(correction) => {
                let micros = SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX));
                Timestamp(micros.saturating_add(correction.load(Ordering::SeqCst)))
            }
            Self::Manual(micros) => Timestamp(micros.load(Ordering::SeqCst)),
        }
    }

    /// Moves a manual clock forward by `micros`; has no effect on the system's clock.
    pub fn advance(&self, micros: i64) {
        if let Self::Manual(now) = self {
            now.fetch_add(micros, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_clock_is_set_and_a_right_one_is_left_alone() {
        let right = Clock::system(0);
        let wrong = Clock::system(-600);
        assert!(right.now().0 - wrong.now().0 > 599 * SECOND);
        wrong.correct(right.now());
        assert!((right.now().0 - wrong.now().0).abs() < SECOND);
        let Clock::System(correction) = &right else { unreachable!("it is the system's") };
        right.correct(Timestamp(right.now().0 + SECOND / 2));
        assert_eq!(correction.load(Ordering::SeqCst), 0);
    }
}
