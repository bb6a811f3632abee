//! Graceful shutdown: sockets are closed in portions so that clients reconnect elsewhere, and requests in progress
//! are finished.
//!
//! Invariant: the process is gone within ten seconds, whatever clients do.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use parlour_protocol::socket::CloseCode;
use tokio::time::Instant;

use crate::app::App;

/// Time in which all sockets are told, so that other nodes take over gradually.
const TELL_WITHIN: Duration = Duration::from_secs(3);
/// Interval between portions.
const EVERY: Duration = Duration::from_millis(100);
/// Minimum size of a portion, in sockets.
const PORTION: usize = 100;
/// Time that clients then have to disconnect.
const GONE_WITHIN: Duration = Duration::from_secs(4);

/// Waits for SIGTERM or SIGINT, then shuts the node down.
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
    // Sockets that were opened in the meantime.
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
