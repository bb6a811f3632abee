//! Exports in progress: a few at a time, because they read a lot.
//!
//! Invariant: slow clients do not keep others from their data. An export whose client takes nothing is aborted, and
//! when all slots are taken, the slowest one that has run for a while makes room.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use parlour_protocol::ids::UserId;
use tokio::time::Instant;

use crate::problems::ApiError;

/// Maximum concurrent exports.
const PLACES: usize = 8;
/// Grace period before the pace is enforced, and the time limit for each line.
const PATIENCE: Duration = Duration::from_secs(30);
/// Minimum pace after [`PATIENCE`], in bytes per second; a slower export is aborted.
const PACE: f64 = 16.0 * 1024.0;
/// An export that has run this long may be aborted in favour of another.
const A_WHILE: Duration = Duration::from_secs(60);

struct Running {
    user: UserId,
    began: Instant,
    bytes: AtomicUsize,
    ended: AtomicBool,
}

impl Running {
    fn pace(&self) -> f64 {
        self.bytes.load(Ordering::Relaxed) as f64 / self.began.elapsed().as_secs_f64().max(0.001)
    }
}

/// The running exports of this node; cheap to clone.
#[derive(Clone, Default)]
pub struct Exports(Arc<Mutex<Vec<Arc<Running>>>>);

impl Exports {
    /// Takes a slot; each person may have one.
    pub fn begin(&self, user: UserId) -> Result<Place, ApiError> {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if running.iter().any(|one| one.user == user) {
            return Err(ApiError::too_fast(10_000));
        }
        if running.len() >= PLACES {
            let slowest = running
                .iter()
                .filter(|one| one.began.elapsed() >= A_WHILE)
                .min_by(|one, other| one.pace().total_cmp(&other.pace()))
                .cloned()
                .ok_or_else(|| ApiError::busy(10_000))?;
            slowest.ended.store(true, Ordering::Relaxed);
            running.retain(|one| !Arc::ptr_eq(one, &slowest));
        }
        let own = Arc::new(Running {
            user,
            began: Instant::now(),
            bytes: AtomicUsize::default(),
            ended: AtomicBool::default(),
        });
        running.push(own.clone());
        Ok(Place { own, exports: self.clone() })
    }
}

/// The slot of an export; dropping it frees the slot.
pub struct Place {
    own: Arc<Running>,
    exports: Exports,
}

impl Place {
    /// Waits until the client has taken a line of this many bytes. Returns false if the export must end.
    pub async fn wait_for(&self, bytes: usize, taken: impl Future<Output = bool>) -> bool {
        let taken = tokio::time::timeout(PATIENCE, taken).await == Ok(true);
        self.own.bytes.fetch_add(bytes, Ordering::Relaxed);
        let slow = self.own.began.elapsed() >= PATIENCE && self.own.pace() < PACE;
        taken && !slow && !self.own.ended.load(Ordering::Relaxed)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut running = self.exports.0.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|one| !Arc::ptr_eq(one, &self.own));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_makes_room_after_a_while() {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let exports = Exports::default();
            let mut places: Vec<Place> =
                (0..PLACES as i64).map(|user| exports.begin(UserId(user)).ok().unwrap()).collect();
            assert!(exports.begin(UserId(3)).is_err(), "one for each person");
            assert!(exports.begin(UserId(100)).is_err(), "all places are taken");
            for (index, place) in places.iter().enumerate() {
                assert!(place.wait_for(100_000_000 * (index + 1), async { true }).await);
            }
            tokio::time::advance(A_WHILE).await;
            let newcomer = exports.begin(UserId(100)).ok().unwrap();
            assert!(!places[0].wait_for(1, async { true }).await);
            assert!(places[1].wait_for(1, async { true }).await);
            places.remove(1);
            drop(newcomer);
            assert!(exports.begin(UserId(101)).is_ok());
        });
    }

    #[test]
    fn a_reader_that_takes_nothing_is_given_up() {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let place = Exports::default().begin(UserId(1)).ok().unwrap();
            assert!(!place.wait_for(10, std::future::pending()).await);
            let slow = Exports::default().begin(UserId(1)).ok().unwrap();
            tokio::time::advance(PATIENCE).await;
            assert!(!slow.wait_for(10, async { true }).await);
        });
    }
}
