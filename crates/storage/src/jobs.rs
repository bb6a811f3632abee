//! The job table: work that follows from a change, is done later by any node, and is retried until it succeeds.
//!
//! Invariant: a job is claimed for a limited time, its lease, and every claim counts as an attempt. What ends a job names
//! the attempt, so a node that lost its lease to another one changes nothing.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use parlour_protocol::ids::JobId;

use crate::link;
use crate::on_backend;
use crate::schema::jobs;
use crate::statement::prepared;
use crate::{Connection, Result};

/// A job.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = jobs)]
pub struct JobRow {
    /// Id of the job.
    pub id: JobId,
    /// Kind of the job, as `parlour-protocol` names them.
    pub kind: String,
    /// What the job is about, as JSON that holds only ids.
    pub data: String,
    /// When it is due, in microseconds since 1970.
    pub run_at: i64,
    /// Number of attempts begun.
    pub tries: i64,
    /// When it was given up; `None` while it waits or runs.
    pub failed_at: Option<i64>,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
}

/// A job to queue.
#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = jobs)]
pub struct NewJobRow {
    /// Kind of the job, as `parlour-protocol` names them.
    pub kind: String,
    /// At most one job has this key; `None` if there may be several alike.
    pub key: Option<String>,
    /// What the job is about, as JSON that holds only ids.
    pub data: String,
    /// When it is due, in microseconds since 1970.
    pub run_at: i64,
    /// Number of attempts begun.
    pub tries: i64,
}

/// An attempt at a job: its lease belongs to the node that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// Id of the job.
    pub id: JobId,
    /// Number of the attempt: 1, 2, 3 …
    pub number: i64,
}

/// Queues a job, unless there is one with its key; returns whether it did.
pub fn insert(conn: &mut Connection, row: NewJobRow) -> Result<bool> {
    let count = on_backend!(conn, inner => diesel::insert_into(jobs::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(inner))?;
    Ok(count == 1)
}

/// Asks for the runner of this node to look for jobs as soon as this transaction is committed. Otherwise it finds them
/// with its next sweep.
pub fn wake_after_commit() {
    link::note_job();
}

/// Whether a job of one of these kinds is due and nobody has it.
pub fn are_due(conn: &mut Connection, now: i64, kinds: &[&str]) -> Result<bool> {
    let free = jobs::leased_until.is_null().or(jobs::leased_until.le(now));
    let due = jobs::table
        .filter(jobs::kind.eq_any(kinds.to_vec()))
        .filter(jobs::failed_at.is_null())
        .filter(jobs::run_at.le(now))
        .filter(free);
    let found = due.select(jobs::id).first::<JobId>(conn).optional()?;
    Ok(found.is_some())
}

/// Claims up to `limit` jobs of a kind that are due, longest wait first. Until `until`, nobody else can claim them.
pub fn claim(conn: &mut Connection, kind: &str, now: i64, until: i64, limit: i64) -> Result<Vec<JobRow>> {
    let free = jobs::leased_until.is_null().or(jobs::leased_until.le(now));
    let due = jobs::table
        .filter(jobs::kind.eq(kind))
        .filter(jobs::failed_at.is_null())
        .filter(jobs::run_at.le(now))
        .filter(free)
        .order((jobs::run_at.asc(), jobs::id.asc()))
        .limit(limit);
    let rows: Vec<JobRow> = match conn {
        // Rows that another node is claiming right now are its own.
        Connection::Postgres(inner) => {
            due.select(JobRow::as_select()).for_update().skip_locked().load(inner)?
        }
        // There is only one writer.
        Connection::Sqlite(inner) => due.select(JobRow::as_select()).load(inner)?,
    };
    if rows.is_empty() {
        return Ok(rows);
    }
    diesel::update(jobs::table.filter(jobs::id.eq_any(rows.iter().map(|row| row.id))))
        .set((jobs::leased_until.eq(Some(until)), jobs::tries.eq(jobs::tries + 1)))
        .execute(conn)?;
    Ok(rows.into_iter().map(|row| JobRow { tries: row.tries + 1, ..row }).collect())
}

/// Extends the lease of an attempt; returns false if the job passed to somebody else, or is gone.
pub fn renew(conn: &mut Connection, attempt: Attempt, until: i64) -> Result<bool> {
    let own = jobs::table
        .find(attempt.id)
        .filter(jobs::tries.eq(attempt.number))
        .filter(jobs::leased_until.is_not_null());
    Ok(diesel::update(own).set(jobs::leased_until.eq(Some(until))).execute(conn)? == 1)
}

/// Ends a job that is done.
pub fn delete(conn: &mut Connection, attempt: Attempt) -> Result<usize> {
    Ok(diesel::delete(jobs::table.find(attempt.id).filter(jobs::tries.eq(attempt.number))).execute(conn)?)
}

/// Ends a job of which nothing is left to do, whether or not somebody is at it.
pub fn delete_by_key(conn: &mut Connection, key: &str) -> Result<usize> {
    Ok(diesel::delete(jobs::table.filter(jobs::key.eq(key))).execute(conn)?)
}

/// Ends a round of a periodic job: it is due again at `run_at`, with no attempt so far.
pub fn repeat(conn: &mut Connection, attempt: Attempt, run_at: i64) -> Result<usize> {
    Ok(diesel::update(jobs::table.find(attempt.id).filter(jobs::tries.eq(attempt.number)))
        .set((
            jobs::run_at.eq(run_at),
            jobs::tries.eq(0),
            jobs::leased_until.eq(None::<i64>),
            jobs::last_error.eq(None::<String>),
        ))
        .execute(conn)?)
}

/// Ends an attempt that failed: the next one is due at `run_at`.
pub fn postpone(conn: &mut Connection, attempt: Attempt, run_at: i64, error: &str) -> Result<usize> {
    Ok(diesel::update(jobs::table.find(attempt.id).filter(jobs::tries.eq(attempt.number)))
        .set((jobs::run_at.eq(run_at), jobs::leased_until.eq(None::<i64>), jobs::last_error.eq(Some(error))))
        .execute(conn)?)
}

/// Ends the last attempt of a job: it stays as failed. Returns false if the job passed to somebody else, or is gone.
pub fn park(conn: &mut Connection, attempt: Attempt, now: i64, error: &str) -> Result<bool> {
    let count = diesel::update(jobs::table.find(attempt.id).filter(jobs::tries.eq(attempt.number)))
        .set((
            jobs::failed_at.eq(Some(now)),
            jobs::leased_until.eq(None::<i64>),
            jobs::last_error.eq(Some(error)),
        ))
        .execute(conn)?;
    Ok(count == 1)
}

/// A page of failed jobs, latest first, starting after a position (failed at, id) in that order.
pub fn list_failed(conn: &mut Connection, after: Option<(i64, i64)>, limit: i64) -> Result<Vec<JobRow>> {
    let mut query =
        jobs::table.filter(jobs::failed_at.is_not_null()).select(JobRow::as_select()).into_boxed();
    if let Some((at, id)) = after {
        query = query.filter(jobs::failed_at.lt(at).or(jobs::failed_at.eq(at).and(jobs::id.lt(id))));
    }
    Ok(query.order((jobs::failed_at.desc(), jobs::id.desc())).limit(limit).load(conn)?)
}

/// A failed job.
pub fn find_failed(conn: &mut Connection, id: JobId) -> Result<Option<JobRow>> {
    Ok(jobs::table
        .find(id)
        .filter(jobs::failed_at.is_not_null())
        .select(JobRow::as_select())
        .first(conn)
        .optional()?)
}

/// Makes a failed job due again, with all its attempts ahead; returns whether there is such a job.
pub fn retry(conn: &mut Connection, id: JobId, now: i64) -> Result<bool> {
    let failed = jobs::table.find(id).filter(jobs::failed_at.is_not_null());
    let count = diesel::update(failed)
        .set((jobs::failed_at.eq(None::<i64>), jobs::tries.eq(0), jobs::run_at.eq(now)))
        .execute(conn)?;
    Ok(count == 1)
}

/// Makes the job with this key due again if it failed before `before`.
pub fn retry_by_key(conn: &mut Connection, key: &str, before: i64, now: i64) -> Result<usize> {
    Ok(diesel::update(jobs::table.filter(jobs::key.eq(key)).filter(jobs::failed_at.lt(before)))
        .set((jobs::failed_at.eq(None::<i64>), jobs::tries.eq(0), jobs::run_at.eq(now)))
        .execute(conn)?)
}

/// Deletes a failed job; returns whether there was one.
pub fn delete_failed(conn: &mut Connection, id: JobId) -> Result<bool> {
    let count = diesel::delete(jobs::table.find(id).filter(jobs::failed_at.is_not_null())).execute(conn)?;
    Ok(count == 1)
}

/// Deletes jobs that failed before `failed`, and those of `kinds` that have been due since before `overdue`, which
/// nobody will run.
pub fn delete_before(conn: &mut Connection, failed: i64, kinds: &[&str], overdue: i64) -> Result<usize> {
    let failed = diesel::delete(jobs::table.filter(jobs::failed_at.lt(failed))).execute(conn)?;
    let overdue = jobs::table
        .filter(jobs::kind.eq_any(kinds.to_vec()))
        .filter(jobs::failed_at.is_null())
        .filter(jobs::run_at.lt(overdue));
    Ok(failed + diesel::delete(overdue).execute(conn)?)
}

/// The jobs of one kind, counted.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Backlog {
    /// Kind of the jobs, as it is stored.
    #[diesel(sql_type = Text)]
    pub kind: String,
    /// Jobs that are waiting or running.
    #[diesel(sql_type = BigInt)]
    pub waiting: i64,
    /// When the first of those became due that are due and nobody has; `None` if there is none.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub oldest: Option<i64>,
    /// Jobs that failed.
    #[diesel(sql_type = BigInt)]
    pub failed: i64,
}

/// How many jobs there are, by kind.
pub fn count(conn: &mut Connection, now: i64) -> Result<Vec<Backlog>> {
    Ok(on_backend!(conn, inner => prepared(
        "SELECT kind, count(*) FILTER (WHERE failed_at IS NULL) AS waiting,
            min(run_at) FILTER (WHERE failed_at IS NULL AND run_at <= $1
                AND (leased_until IS NULL OR leased_until <= $1)) AS oldest,
            count(*) FILTER (WHERE failed_at IS NOT NULL) AS failed
        FROM jobs GROUP BY kind",
    )
    .bind(now)
    .load(inner))?)
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;
    use crate::database::in_folder;
    use crate::{Lane, StorageError};

    #[test]
    fn a_commit_wakes_the_runner_and_a_refusal_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let database = in_folder(folder.path(), 1);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let is_woken = || {
            let queued = database.queued_jobs();
            pin!(queued.notified()).poll(&mut Context::from_waker(Waker::noop())).is_ready()
        };
        let queue = |key: &'static str, wake: bool, refuse: bool| {
            let work = move |conn: &mut Connection| {
                let row = NewJobRow {
                    kind: "test".to_owned(),
                    key: Some(key.to_owned()),
                    data: "{}".to_owned(),
                    run_at: 1,
                    tries: 0,
                };
                insert(conn, row)?;
                if wake {
                    wake_after_commit();
                }
                if refuse { Err(StorageError::Fault("a test".into())) } else { Ok(()) }
            };
            runtime.block_on(database.write(Lane::Server, work)).is_ok()
        };
        assert!(!queue("a", true, true) && !is_woken(), "nothing was queued");
        assert!(queue("b", false, false) && !is_woken(), "it waits for the next sweep");
        assert!(queue("c", true, false) && is_woken());
        assert!(!is_woken(), "once is enough");
    }
}
