//! The scheduler: what happens at regular intervals. Work that one node does for all is a periodic job; what every node
//! needs for itself, because it keeps it in memory, happens in rounds here.
//!
//! Invariant: a round changes nothing that other nodes see, so it needs no job, and missing one does no harm.

use std::sync::Arc;
use std::time::Duration;

use parlour_chat::jobs;
use parlour_storage::Lane;
use tokio::time::MissedTickBehavior;

use crate::app::App;

/// How often ended sessions are looked up, since the notice of an end may be lost on its way from another node; and
/// how far back, in seconds.
const LOOK_FOR_ENDED: Duration = Duration::from_millis(600);
const LATE_NOTICE: i64 = 30;
/// How often everything else is brought up to date.
const ROUND: Duration = Duration::from_secs(5);
/// Rounds between two checks that the periodic jobs are there: an hour.
const KEEP_PERIODIC: u64 = 720;

/// Starts the rounds on the current runtime.
pub fn start(app: &Arc<App>) {
    let every = |pause: Duration| {
        let mut pause = tokio::time::interval(pause);
        pause.set_missed_tick_behavior(MissedTickBehavior::Delay);
        pause
    };
    let (sessions, mut pause) = (app.clone(), every(LOOK_FOR_ENDED));
    tokio::spawn(async move {
        loop {
            pause.tick().await;
            sessions.find_ended(LATE_NOTICE).await;
        }
    });
    let (app, mut pause) = (app.clone(), every(ROUND));
    tokio::spawn(async move {
        for number in 0_u64.. {
            pause.tick().await;
            app.set_clock().await;
            // Keys first, because all sessions depend on them: anyone whose session has ended finds the new keys in
            // force.
            app.reload_keys().await;
            app.reload_revocations().await;
            app.settle().await;
            if number % KEEP_PERIODIC == 0 {
                keep_periodic(&app).await;
            }
        }
    });
}

/// Queues the periodic jobs that are missing. They repeat by themselves; see [`jobs::finish`].
async fn keep_periodic(app: &Arc<App>) {
    if let Err(error) = app.commit(Lane::Server, jobs::keep_periodic).await {
        tracing::warn!(%error, "periodic jobs could not be queued; it is tried again in an hour");
    }
}
