//! Work that is done later: jobs from the database, and what happens at regular intervals.
//!
//! Invariant: the runner is the only task that claims jobs, and it claims no more than it can run at once. No request
//! waits for a job.

mod runner;
mod scheduler;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parlour_chat::jobs::Failure;
use parlour_protocol::jobs::JobKind;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::app::App;
use crate::mailer::Mailer;
use crate::problems::ApiError;

/// How many jobs of a kind one node runs at once. A kind never takes the place of another one, so mails that wait for
/// a slow SMTP server do not hold up what needs only the database.
fn at_once(kind: JobKind) -> usize {
    match kind {
        JobKind::Mail => 8,
        JobKind::ResetRequest => 4,
        JobKind::Erasure | JobKind::Cleaning => 1,
        JobKind::Unknown => 0,
    }
}

/// The jobs of one kind on this node.
struct OfKind {
    places: Arc<Semaphore>,
    runs: AtomicU64,
    failures: AtomicU64,
}

/// Places for jobs on this node, and counters.
pub struct Jobs(BTreeMap<JobKind, OfKind>);

impl Default for Jobs {
    fn default() -> Self {
        let of = |kind: JobKind| OfKind {
            places: Arc::new(Semaphore::new(at_once(kind))),
            runs: AtomicU64::default(),
            failures: AtomicU64::default(),
        };
        Self(JobKind::ALL.iter().map(|kind| (*kind, of(*kind))).collect())
    }
}

impl Jobs {
    /// Attempts begun by this node since it started.
    pub fn runs(&self, kind: JobKind) -> u64 {
        self.0.get(&kind).map_or(0, |of| of.runs.load(Ordering::Relaxed))
    }

    /// Attempts of this node that failed since it started.
    pub fn failures(&self, kind: JobKind) -> u64 {
        self.0.get(&kind).map_or(0, |of| of.failures.load(Ordering::Relaxed))
    }

    /// How many more jobs this node can run now, by kind.
    fn free(&self) -> Vec<(JobKind, i64)> {
        let free = |of: &OfKind| i64::try_from(of.places.available_permits()).unwrap_or(0);
        self.0.iter().map(|(kind, of)| (*kind, free(of))).filter(|(_, free)| *free > 0).collect()
    }

    /// Takes a place for a job, and counts the attempt.
    fn begin(&self, kind: JobKind) -> Option<OwnedSemaphorePermit> {
        let of = self.0.get(&kind)?;
        let place = of.places.clone().try_acquire_owned().ok()?;
        of.runs.fetch_add(1, Ordering::Relaxed);
        Some(place)
    }

    fn count_failure(&self, kind: JobKind) {
        if let Some(of) = self.0.get(&kind) {
            of.failures.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Starts the runner and the scheduler on the current runtime. Fails if mail is configured in a way that cannot work.
pub fn start(app: &Arc<App>) -> Result<(), String> {
    let mailer = match &app.config.mail {
        Some(settings) => Some(Arc::new(Mailer::new(&app.config, settings)?)),
        None => None,
    };
    tokio::spawn(runner::run(app.clone(), mailer));
    scheduler::start(app);
    Ok(())
}

/// What administrators read about an error. Its cause is only logged.
pub(crate) fn failure(error: ApiError) -> Failure {
    if let Some(cause) = &error.cause {
        tracing::error!(code = %error.code(), cause, "a job failed");
    }
    Failure::passing(error.problem.title.as_str())
}
