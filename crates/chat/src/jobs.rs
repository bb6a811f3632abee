//! Work that follows from a change: queued in the transaction that causes it, done later by any node, and retried until
//! it succeeds or is given up.
//!
//! Invariant: a job holds only ids. What it is about is read when it runs, may be gone by then, and may have been done
//! before: a node can die after the work and before it is recorded. So every job may run twice.

use parlour_protocol::ids::{JobId, UserId};
use parlour_protocol::jobs::{FailedJob, JobKind};
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::time::{DAY, MINUTE, SECOND, Timestamp};
use parlour_storage::jobs::{Attempt, Backlog, JobRow, NewJobRow};
use parlour_storage::{Connection, StorageError, jobs, outgoing_mail};
use serde::{Deserialize, Serialize};

use crate::outcome::{Done, Outcome};
use crate::rights::demand_admin;
use crate::rooms::Listed;
use crate::{Refusal, cut_page};

/// How long a node has a job to itself. It renews the lease while it is at work, so only a node that died loses it.
pub const LEASE: i64 = 90 * SECOND;
/// How often cleaning runs.
const CLEANING_EVERY: i64 = 60 * MINUTE;
/// How long failed jobs are kept.
const FAILED_KEPT: i64 = 30 * DAY;

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data", rename_all = "snake_case")]
pub enum Job {
    /// Send a mail.
    Mail {
        /// Its row.
        mail: i64,
    },
    /// Look up whom a request for a new password means, and queue the mails.
    ResetRequest {
        /// Its row.
        request: i64,
    },
    /// Erase what a deleted account wrote.
    Erasure {
        /// The account.
        user: UserId,
    },
    /// Delete what is no longer needed.
    Cleaning {},
}

impl Job {
    /// Its kind.
    pub fn kind(&self) -> JobKind {
        match self {
            Self::Mail { .. } => JobKind::Mail,
            Self::ResetRequest { .. } => JobKind::ResetRequest,
            Self::Erasure { .. } => JobKind::Erasure,
            Self::Cleaning {} => JobKind::Cleaning,
        }
    }

    /// The key by which it is queued once.
    fn key(&self) -> String {
        match self {
            Self::Mail { mail } => format!("mail:{mail}"),
            Self::ResetRequest { request } => format!("reset_request:{request}"),
            Self::Erasure { user } => format!("erasure:{user}"),
            Self::Cleaning {} => "cleaning".to_owned(),
        }
    }

    /// After how long it runs again once it is done, in microseconds.
    fn period(&self) -> Option<i64> {
        match self {
            Self::Cleaning {} => Some(CLEANING_EVERY),
            Self::Mail { .. } | Self::ResetRequest { .. } | Self::Erasure { .. } => None,
        }
    }

    fn row(&self, run_at: Timestamp) -> Result<NewJobRow, Refusal> {
        let data = match serde_json::to_value(self) {
            Ok(mut whole) => whole["data"].take().to_string(),
            Err(error) => return Err(StorageError::Fault(error.to_string()).into()),
        };
        let kind = self.kind().as_str().to_owned();
        Ok(NewJobRow { kind, key: Some(self.key()), data, run_at: run_at.0, tries: 0 })
    }

    /// The job of a row; `None` if a newer version queued it.
    fn of(row: &JobRow) -> Option<Self> {
        let data: serde_json::Value = serde_json::from_str(&row.data).ok()?;
        serde_json::from_value(serde_json::json!({ "kind": row.kind, "data": data })).ok()
    }
}

/// When a job that failed is tried again, and how often.
struct Retries {
    /// Delay before the second attempt; it doubles with every further one.
    first: i64,
    /// The longest delay.
    longest: i64,
    /// Maximum number of attempts.
    attempts: i64,
}

fn retries(kind: JobKind) -> Retries {
    match kind {
        // Mails expire sooner than that; see `mail_queue`.
        JobKind::Mail => Retries { first: MINUTE / 2, longest: 240 * MINUTE, attempts: 20 },
        // Nobody expects the mail an hour later.
        JobKind::ResetRequest => Retries { first: MINUTE / 2, longest: 10 * MINUTE, attempts: 10 },
        // About a day.
        JobKind::Erasure => Retries { first: MINUTE, longest: 60 * MINUTE, attempts: 30 },
        JobKind::Cleaning | JobKind::Unknown => Retries { first: MINUTE, longest: 60 * MINUTE, attempts: 8 },
    }
}

impl Retries {
    /// Delay after an attempt. `jitter` adds up to an eighth, so that jobs that failed together are not all tried again
    /// in the same moment.
    fn delay(&self, attempt: i64, jitter: u16) -> i64 {
        let doublings = attempt.clamp(1, 20) - 1;
        let delay = (self.first << doublings).min(self.longest);
        delay + delay / 8 * i64::from(jitter) / i64::from(u16::MAX)
    }
}

/// Queues a job that is due at `run_at`, unless the same one is queued.
pub(crate) fn enqueue(conn: &mut Connection, run_at: Timestamp, job: Job) -> Result<(), Refusal> {
    jobs::insert(conn, job.row(run_at)?)?;
    // Requests for a new password wait for the next sweep: work that began with the response would delay what a client
    // does next, by a time that tells whether the account exists.
    if job.kind() != JobKind::ResetRequest {
        jobs::wake_after_commit();
    }
    Ok(())
}

/// Ends a job of which nothing is left to do.
pub(crate) fn withdraw(conn: &mut Connection, job: Job) -> Result<(), Refusal> {
    jobs::delete_by_key(conn, &job.key())?;
    Ok(())
}

/// Queues the periodic jobs that are missing. One that failed for good is due again after a period.
pub fn keep_periodic(conn: &mut Connection, now: Timestamp) -> Done<()> {
    let job = Job::Cleaning {};
    if !jobs::insert(conn, job.row(now)?)? {
        jobs::retry_by_key(conn, &job.key(), now.0 - CLEANING_EVERY, now.0)?;
    }
    jobs::wake_after_commit();
    Ok(Outcome::without_events(()))
}

/// A job that this node has to itself for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claimed {
    /// The attempt.
    pub attempt: Attempt,
    /// What is to be done.
    pub job: Job,
}

/// Whether a job of one of these kinds is due.
pub fn are_due(conn: &mut Connection, now: Timestamp, kinds: &[JobKind]) -> Result<bool, Refusal> {
    let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    Ok(jobs::are_due(conn, now.0, &kinds)?)
}

/// Claims jobs that are due, up to a number of each kind. One that has used up its attempts, because nodes died over it,
/// fails instead.
pub fn claim(conn: &mut Connection, now: Timestamp, free: &[(JobKind, i64)]) -> Done<Vec<Claimed>> {
    let mut claimed = Vec::new();
    for (kind, limit) in free {
        for row in jobs::claim(conn, kind.as_str(), now.0, now.0 + LEASE, *limit)? {
            let attempt = Attempt { id: row.id, number: row.tries };
            match Job::of(&row) {
                None => park(conn, now, attempt, None, "this version does not know such a job")?,
                Some(job) if row.tries > retries(*kind).attempts => {
                    park(conn, now, attempt, Some(job), "no attempt was finished")?;
                }
                Some(job) => claimed.push(Claimed { attempt, job }),
            }
        }
    }
    Ok(Outcome::without_events(claimed))
}

/// Extends the lease of a job; returns false if this node has lost it.
pub fn renew(conn: &mut Connection, now: Timestamp, claimed: &Claimed) -> Done<bool> {
    Ok(Outcome::without_events(jobs::renew(conn, claimed.attempt, now.0 + LEASE)?))
}

/// Records that a job is done.
pub fn finish(conn: &mut Connection, now: Timestamp, claimed: &Claimed) -> Done<()> {
    match claimed.job.period() {
        Some(period) => jobs::repeat(conn, claimed.attempt, now.0 + period)?,
        None => jobs::delete(conn, claimed.attempt)?,
    };
    Ok(Outcome::without_events(()))
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What administrators read: without secrets, addresses and text that people wrote.
    pub why: String,
    /// Whether another attempt may help.
    pub may_help: bool,
    /// When it becomes useless to try, if ever.
    pub until: Option<Timestamp>,
}

impl Failure {
    /// A failure that another attempt may mend.
    pub fn passing(why: impl Into<String>) -> Self {
        Self { why: why.into(), may_help: true, until: None }
    }

    /// A failure that stays.
    pub fn lasting(why: impl Into<String>) -> Self {
        Self { may_help: false, ..Self::passing(why) }
    }
}

/// Records that an attempt failed; returns whether there will be another one. `jitter` is random.
pub fn fail(
    conn: &mut Connection,
    now: Timestamp,
    claimed: &Claimed,
    failure: &Failure,
    jitter: u16,
) -> Done<bool> {
    let (attempt, retries) = (claimed.attempt, retries(claimed.job.kind()));
    let next = now.0 + retries.delay(attempt.number, jitter);
    let again = failure.may_help
        && attempt.number < retries.attempts
        && failure.until.is_none_or(|until| next < until.0);
    if again {
        jobs::postpone(conn, attempt, next, &failure.why)?;
    } else {
        park(conn, now, attempt, Some(claimed.job), &failure.why)?;
    }
    Ok(Outcome::without_events(again))
}

fn park(
    conn: &mut Connection,
    now: Timestamp,
    attempt: Attempt,
    job: Option<Job>,
    why: &str,
) -> Result<(), Refusal> {
    if jobs::park(conn, attempt, now.0, why)?
        && let Some(Job::Mail { mail }) = job
    {
        outgoing_mail::set_failed(conn, mail, now.0)?;
    }
    Ok(())
}

/// Deletes failed jobs that nobody retried for long, and those about mail that a server without mail will never run.
pub(crate) fn clean_up(conn: &mut Connection, now: Timestamp) -> Result<(), Refusal> {
    let of_mail = [JobKind::Mail, JobKind::ResetRequest].map(JobKind::as_str);
    jobs::delete_before(conn, now.0 - FAILED_KEPT, &of_mail, now.0 - 2 * DAY)?;
    Ok(())
}

/// How many jobs there are, by kind; kinds without any are left out.
pub fn count(conn: &mut Connection, now: Timestamp) -> Result<Vec<Backlog>, Refusal> {
    Ok(jobs::count(conn, now.0)?)
}

/// A page of failed jobs, latest first; for administrators.
pub fn list_failed(
    conn: &mut Connection,
    user: UserId,
    after: Option<(i64, i64)>,
    limit: i64,
) -> Result<Listed<FailedJob>, Refusal> {
    demand_admin(conn, user)?;
    let mut rows = jobs::list_failed(conn, after, limit + 1)?;
    let next = cut_page(&mut rows, limit, |row| Some((row.failed_at?, row.id.0))).flatten();
    Ok((rows.into_iter().filter_map(view).collect(), next))
}

fn view(row: JobRow) -> Option<FailedJob> {
    Some(FailedJob {
        id: row.id,
        kind: JobKind::of(&row.kind),
        tries: row.tries,
        failed_at: Timestamp(row.failed_at?),
        last_error: row.last_error.unwrap_or_default(),
    })
}

/// Makes a failed job due again; for administrators.
pub fn retry(conn: &mut Connection, now: Timestamp, user: UserId, id: JobId) -> Done<()> {
    demand_admin(conn, user)?;
    if !jobs::retry(conn, id, now.0)? {
        return Err(ErrorCode::NotFound.into());
    }
    jobs::wake_after_commit();
    Ok(Outcome::without_events(()))
}

/// Deletes a failed job, so that it is never done; for administrators. The erasure of an account can't be deleted.
pub fn discard(conn: &mut Connection, user: UserId, id: JobId) -> Done<()> {
    demand_admin(conn, user)?;
    let row = jobs::find_failed(conn, id)?.ok_or(ErrorCode::NotFound)?;
    if JobKind::of(&row.kind) == JobKind::Erasure {
        let why = "What a deleted account wrote must be erased. Retry the job instead.";
        return Err(Refusal::because(ErrorCode::Conflict, why));
    }
    jobs::delete_failed(conn, id)?;
    Ok(Outcome::without_events(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_read_as_it_was_written() {
        for (job, data) in [
            (Job::Mail { mail: 7 }, r#"{"mail":7}"#),
            (Job::ResetRequest { request: 8 }, r#"{"request":8}"#),
            (Job::Erasure { user: UserId(i64::MAX) }, r#"{"user":"9223372036854775807"}"#),
            (Job::Cleaning {}, "{}"),
        ] {
            let row = job.row(Timestamp(5)).unwrap();
            assert_eq!((row.kind.as_str(), row.data.as_str()), (job.kind().as_str(), data));
            let mut stored = JobRow {
                id: JobId(1),
                kind: row.kind,
                data: row.data,
                run_at: 5,
                tries: 0,
                failed_at: None,
                last_error: None,
            };
            assert_eq!(Job::of(&stored), Some(job));
            stored.data = r#"{"another":1}"#.to_owned();
            assert!(Job::of(&stored).is_none() || job == Job::Cleaning {});
        }
    }

    #[test]
    fn delays_double_up_to_the_longest() {
        let mail = retries(JobKind::Mail);
        let delays: Vec<i64> = (1..=12).map(|attempt| mail.delay(attempt, 0) / SECOND).collect();
        assert_eq!(delays, [30, 60, 120, 240, 480, 960, 1920, 3840, 7680, 14400, 14400, 14400]);
        for kind in JobKind::ALL {
            let retries = retries(*kind);
            for attempt in 1..=retries.attempts {
                let (least, most) = (retries.delay(attempt, 0), retries.delay(attempt, u16::MAX));
                assert!(least <= retries.longest && most == least + least / 8, "{kind:?} {attempt}");
            }
        }
    }
}
