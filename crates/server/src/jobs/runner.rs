//! The runner: claims due jobs and runs them. It is woken by the commit that queues a job; a sweep every second finds
//! those of other nodes, retries, and what a node that died left behind.
//!
//! Invariant: a node keeps the lease of a job while it is at it, and stops as soon as it has lost it. What becomes of a
//! job is recorded after the work, so work that was done but not recorded is done again.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parlour_chat::cleaning;
use parlour_chat::identity::reset_requests;
use parlour_chat::jobs::{self, Claimed, Failure, Job, LEASE};
use parlour_protocol::jobs::JobKind;
use parlour_storage::Lane;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, MissedTickBehavior};

use crate::account_eraser;
use crate::app::App;
use crate::jobs::failure;
use crate::mailer::Mailer;
use crate::problems::ApiError;
use crate::random;

/// How often the runner looks for jobs without being woken.
const SWEEP: Duration = Duration::from_secs(1);
/// How often a node that is at a job renews its lease: two renewals may fail.
const RENEW: Duration = Duration::from_micros(LEASE.unsigned_abs() / 3);

/// Runs forever.
pub async fn run(app: Arc<App>, mailer: Option<Arc<Mailer>>) {
    let queued = app.database.queued_jobs();
    let mut sweep = tokio::time::interval(SWEEP);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The database may be down for long: warn only once.
    let mut failing = false;
    loop {
        tokio::select! {
            _ = sweep.tick() => {}
            () = queued.notified() => {}
        }
        if app.draining.load(Ordering::Acquire) {
            continue;
        }
        let outcome = round(&app, mailer.as_ref()).await;
        if let Err(error) = &outcome
            && !failing
        {
            tracing::warn!(%error, "jobs cannot be looked for; it goes on when that is possible");
        }
        failing = outcome.is_err();
    }
}

/// Claims what is due, as far as places are free, and starts it.
async fn round(app: &Arc<App>, mailer: Option<&Arc<Mailer>>) -> Result<(), ApiError> {
    let mut free = app.jobs.free();
    // Without mail these wait, in case it is configured again.
    free.retain(|(kind, _)| mailer.is_some() || !matches!(kind, JobKind::Mail | JobKind::ResetRequest));
    let (now, kinds) = (app.clock.now(), free.iter().map(|(kind, _)| *kind).collect::<Vec<_>>());
    if kinds.is_empty() || !app.read(move |conn| jobs::are_due(conn, now, &kinds)).await? {
        return Ok(());
    }
    let claimed = app.commit(Lane::Server, move |conn, now| jobs::claim(conn, now, &free)).await?;
    for claimed in claimed {
        if let Some(place) = app.jobs.begin(claimed.job.kind()) {
            tokio::spawn(attempt(app.clone(), mailer.cloned(), claimed, place));
        }
    }
    Ok(())
}

/// Runs a job and records what became of it.
async fn attempt(app: Arc<App>, mailer: Option<Arc<Mailer>>, claimed: Claimed, place: OwnedSemaphorePermit) {
    let (id, kind) = (claimed.attempt.id.0, claimed.job.kind().as_str());
    let began = Instant::now();
    let Some(outcome) = with_lease(&app, claimed, perform(&app, mailer.as_ref(), claimed.job)).await else {
        tracing::warn!(job = id, kind, "another node took over a job");
        return;
    };
    let times = app.jobs.times.get_or_create_owned(&super::label(claimed.job.kind()));
    times.observe(began.elapsed().as_secs_f64());
    let recorded = match outcome {
        Ok(()) => app.commit(Lane::Server, move |conn, now| jobs::finish(conn, now, &claimed)).await,
        Err(failure) => {
            app.jobs.count_failure(claimed.job.kind());
            let jitter = u16::from_be_bytes(random::bytes());
            let why = failure.why.clone();
            let again = app
                .commit(Lane::Server, move |conn, now| jobs::fail(conn, now, &claimed, &failure, jitter))
                .await;
            again.map(|again| match again {
                true => tracing::info!(job = id, kind, why, "a job is tried again later"),
                false => tracing::warn!(job = id, kind, why, "a job was given up"),
            })
        }
    };
    if let Err(error) = recorded {
        tracing::warn!(job = id, kind, %error, "what became of a job was not recorded; it is run again");
    }
    drop(place);
    // There may be more than there were places for.
    app.database.queued_jobs().notify_one();
}

/// Does the work while renewing the lease; `None` if another node has the job now.
async fn with_lease<T>(app: &Arc<App>, claimed: Claimed, work: impl Future<Output = T>) -> Option<T> {
    let mut renew = tokio::time::interval_at(Instant::now() + RENEW, RENEW);
    renew.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            outcome = &mut work => return Some(outcome),
            _ = renew.tick() => {
                let held = app.commit(Lane::Server, move |conn, now| jobs::renew(conn, now, &claimed)).await;
                // If the database is away, nobody else can claim it either.
                if held.is_ok_and(|held| !held) {
                    return None;
                }
            }
        }
    }
}

async fn perform(app: &Arc<App>, mailer: Option<&Arc<Mailer>>, job: Job) -> Result<(), Failure> {
    match job {
        Job::Mail { mail } => match mailer {
            Some(mailer) => mailer.deliver(app, mail).await,
            None => Err(Failure::passing("mail is not configured")),
        },
        Job::ResetRequest { request } => {
            let key = app.master_key.clone();
            let answer = move |conn: &mut _, now| reset_requests::answer(conn, now, &key, request);
            app.commit(Lane::Server, answer).await.map_err(failure)
        }
        Job::Erasure { user } => account_eraser::erase(app, user).await.map(drop).map_err(failure),
        Job::Cleaning {} => {
            let days = i64::from(app.config.audit_days);
            let clean = move |conn: &mut _, now| cleaning::clean_up(conn, now, days);
            app.commit(Lane::Server, clean).await.map_err(failure)
        }
    }
}

#[cfg(test)]
mod tests {
    use parlour_protocol::time::SECOND;

    use super::*;
    use crate::{Clock, Config};

    #[tokio::test(start_paused = true)]
    async fn a_lease_is_renewed_while_the_work_goes_on_and_lost_when_it_was_not() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config { data_dir: folder.path().to_owned(), ..Config::default() };
        let clock = Clock::manual(1_767_225_600_000_000);
        let app = App::open(config, clock.clone()).await.unwrap();
        app.commit(Lane::Server, jobs::keep_periodic).await.unwrap();
        let claim = |conn: &mut _, now| jobs::claim(conn, now, &[(JobKind::Cleaning, 1)]);
        let first = app.commit(Lane::Server, claim).await.unwrap()[0];
        // Twice as long as a lease.
        let work = async {
            for _ in 0..18 {
                tokio::time::sleep(Duration::from_secs(10)).await;
                clock.advance(10 * SECOND);
            }
        };
        assert_eq!(with_lease(&app, first, work).await, Some(()));
        assert_eq!(app.commit(Lane::Server, claim).await.unwrap(), [], "nobody else can have it");
        clock.advance(LEASE);
        assert_eq!(app.commit(Lane::Server, claim).await.unwrap().len(), 1);
        let endless = std::future::pending::<()>();
        assert_eq!(with_lease(&app, first, endless).await, None, "the other node has it");
    }
}
