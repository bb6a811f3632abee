//! The generated client, and a counter of the requests that it makes.

use std::sync::atomic::{AtomicU32, Ordering};

include!(concat!(env!("OUT_DIR"), "/client.rs"));

static REQUESTS: AtomicU32 = AtomicU32::new(0);

impl ClientHooks<()> for Client {
    async fn pre<E>(&self, _: &mut reqwest::Request, _: &OperationInfo) -> Result<(), Error<E>> {
        REQUESTS.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// The number of requests so far.
pub fn requests() -> u32 {
    REQUESTS.load(Ordering::Relaxed)
}
