//! The end of a node in good order: everybody is told to go elsewhere, some at a time, and what was begun is finished.
//!
//! Invariant: the process is gone within ten seconds, whatever clients do.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use parlour_protocol::socket::CloseCode;
use tokio::time::Instant;

use crate::app::App;

/// All sockets are told within this time: other nodes take them one after the other.
const TELL_WITHIN: Duration = Duration::from_secs(3);
/// A portion is told this often.
const EVERY: Duration = Duration::from_millis(100);
/// The least in a portion.
const PORTION: usize = 100;
/// Then they have this long to answer.
const GONE_WITHIN: Duration = Duration::from_secs(4);

/// Waits for the signal that ends the process, and ends it.
pub async fn when_told(app: Arc<App>, handle: ServerHandle) {
    if termination().await.is_err() {
        return;
    }
    tracing::info!("ending: connections are asked to go elsewhere");
    app.draining.store(true, Ordering::Release);
    app.budgets.door.end_sockets();
    let all = app.hub.outboxes();
    let portions = (TELL_WITHIN.as_millis() / EVERY.as_millis()) as usize;
    let mut pause = tokio::time::interval(EVERY);
    for portion in all.chunks(PORTION.max(all.len().div_ceil(portions))) {
        pause.tick().await;
        portion.iter().for_each(|outbox| outbox.close(CloseCode::Draining));
    }
    drop(all);
    // Those that came in between.
    app.hub.close_all(CloseCode::Draining);
    let patience = Instant::now() + GONE_WITHIN;
    while app.hub.sockets() > 0 && Instant::now() < patience {
        pause.tick().await;
    }
    handle.stop(true).await;
}

async fn termination() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
