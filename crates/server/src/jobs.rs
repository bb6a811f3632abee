//! Work that is done later: jobs from the database, and what happens at regular intervals.
//!
//! Invariant: the runner is the only task that claims jobs, and it claims no more than it can run at once. No request
//! waits for a job.

mod runner;
mod scheduler;

use std::collections::BTreeMap;
use std::sync::Arc;

use parlour_chat::jobs::Failure;
use parlour_protocol::jobs::JobKind;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
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

/// A label of metrics of jobs.
pub type OfKind = [(&'static str, &'static str); 1];

/// Upper bounds of the buckets of [`Jobs::times`], in seconds.
const SECONDS: [f64; 9] = [0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 60.0];

/// Places for jobs on this node, and metrics by kind since it started.
pub struct Jobs {
    places: BTreeMap<JobKind, Arc<Semaphore>>,
    /// Attempts begun.
    pub runs: Family<OfKind, Counter>,
    /// Attempts that failed.
    pub failures: Family<OfKind, Counter>,
    /// How long attempts took, in seconds.
    pub times: Family<OfKind, Histogram>,
}

impl Default for Jobs {
    fn default() -> Self {
        let jobs = Self {
            places: JobKind::ALL
                .iter()
                .map(|kind| (*kind, Arc::new(Semaphore::new(at_once(*kind)))))
                .collect(),
            runs: Family::default(),
            failures: Family::default(),
            times: Family::new_with_constructor(|| Histogram::new(SECONDS)),
        };
        // A kind that never ran is shown as zero.
        for kind in JobKind::ALL {
            drop(jobs.runs.get_or_create(&label(*kind)));
            drop(jobs.failures.get_or_create(&label(*kind)));
            drop(jobs.times.get_or_create(&label(*kind)));
        }
        jobs
    }
}

/// The label of a kind.
pub fn label(kind: JobKind) -> OfKind {
    [("kind", kind.as_str())]
}

impl Jobs {
    /// How many more jobs this node can run now, by kind.
    fn free(&self) -> Vec<(JobKind, i64)> {
        let free = |places: &Semaphore| i64::try_from(places.available_permits()).unwrap_or(0);
        self.places.iter().map(|(kind, places)| (*kind, free(places))).filter(|(_, free)| *free > 0).collect()
    }

    /// Takes a place for a job, and counts the attempt.
    fn begin(&self, kind: JobKind) -> Option<OwnedSemaphorePermit> {
        let place = self.places.get(&kind)?.clone().try_acquire_owned().ok()?;
        self.runs.get_or_create(&label(kind)).inc();
        Some(place)
    }

    fn count_failure(&self, kind: JobKind) {
        self.failures.get_or_create(&label(kind)).inc();
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
