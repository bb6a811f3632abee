//! What keeps a node in order: its clock, its database files, and whether it can write.
//!
//! Invariant: nothing here blocks a request for longer than its time limit.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parlour_protocol::time::Timestamp;
use parlour_storage::{Lane, own_data, server_state};

use super::App;

impl App {
    /// Corrects the clock by the database's. A reply that took longer than half a second is ignored.
    pub(crate) async fn set_clock(&self) {
        let asked = tokio::time::Instant::now();
        let now = self.database.read(server_state::now).await;
        if let Ok(Some(now)) = now
            && asked.elapsed() < Duration::from_millis(500)
        {
            self.clock.correct(Timestamp(now));
        }
    }

    /// Requests that deleted text leave the database files soon. Call after something was deleted.
    pub fn settle_soon(&self) {
        self.unsettled.store(true, Ordering::Release);
    }

    /// Checkpoints the write-ahead log, so that deleted text leaves it. If a reader blocks that, the next round tries
    /// again.
    pub async fn settle(&self) {
        if !self.unsettled.swap(false, Ordering::AcqRel) {
            return;
        }
        if self.database.read(own_data::settle).await != Ok(true) {
            self.unsettled.store(true, Ordering::Release);
        }
    }

    /// Whether the database accepts writes; tested at most every five seconds, or when the database's own view
    /// changes.
    pub async fn can_write(&self) -> bool {
        const ASK_EVERY: Duration = Duration::from_secs(5);
        let last = *self.last_write.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, worked)) = last
            && at.elapsed() < ASK_EVERY
            && worked == self.database.is_writing()
        {
            return worked;
        }
        let now = self.clock.now().0.to_string();
        let asked =
            self.database.write(Lane::Server, move |conn| server_state::put(conn, "last_ready", &now));
        let worked = matches!(tokio::time::timeout(Duration::from_secs(2), asked).await, Ok(Ok(_)));
        let last = Some((tokio::time::Instant::now(), worked));
        *self.last_write.lock().unwrap_or_else(PoisonError::into_inner) = last;
        worked
    }
}
