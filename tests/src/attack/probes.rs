//! Questions with a right answer, on servers of their own: what is revealed, what is kept, how a node ends.

pub mod disk;
pub mod ends;
pub mod lists;
pub mod local;
pub mod passwords;
pub mod proxies;
pub mod quiet;
pub mod words;

use std::time::{Duration, Instant};

/// A probe that takes longer has failed.
const MOST: Duration = Duration::from_secs(180);

/// Runs a future with a runtime on this thread.
fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let bounded = async { tokio::time::timeout(MOST, work).await.expect("an answer in three minutes") };
    tokio::task::LocalSet::new().block_on(&runtime, bounded)
}

/// Polls `ask` until it is true; returns whether that happened in time.
async fn within<F: Future<Output = bool>>(time: Duration, mut ask: impl FnMut() -> F) -> bool {
    let deadline = Instant::now() + time;
    while !ask().await {
        if Instant::now() > deadline {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    true
}
