//! The lanes in which changes are written. A lane runs everything that waits, up to `BATCH` units, in ONE transaction:
//! one COMMIT, one fsync, many acknowledgements.
//!
//! Invariant: a unit of work is answered only after the COMMIT that contains it, and units with the same key run in the
//! order in which they were queued. A unit that is refused or fails never affects the others in its batch. Work must be
//! repeatable (`Fn`); ids and times are passed in.
//!
//! Locks are always taken in one order, in every batch and on every node: conversations by id, then users by id, then
//! the rows between users. Therefore units of conversations and units of users never share a transaction; the units of
//! a transaction run in the order of their keys; user events are appended at its end, all together; and a unit that
//! takes locks of several kinds before that runs alone in its transaction.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::time::Instant;

use crossbeam_channel::{Receiver, Select};
use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::result::Error as DieselError;
use parlour_protocol::ids::{ConversationId, UserId};
use tokio::sync::oneshot;

use crate::link::{Link, has_changed, watch_changes};
use crate::user_events::Tell;
use crate::{AsStorage, Connection, StorageError};

/// Maximum number of units in one transaction; bounds how much is repeated when one of them fails.
const BATCH: usize = 64;

/// The lane in which a change is queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// A change to one conversation, including the user events that follow from it.
    Conversation(ConversationId),
    /// New messages in several conversations of this conversation's lane. Runs alone in its transaction.
    Messages(ConversationId),
    /// A change to one user.
    Person(UserId),
    /// A change between this user and others, including their direct chats. Runs alone in its transaction.
    People(UserId),
    /// Housekeeping, and work that nobody waits for. Each unit runs alone in its transaction.
    Server,
}

impl Lane {
    /// A change by someone who isn't identified yet.
    pub const STRANGER: Self = Self::Person(UserId(0));

    fn key(self) -> i64 {
        match self {
            Self::Conversation(ConversationId(id)) | Self::Messages(ConversationId(id)) => id,
            Self::Person(UserId(id)) | Self::People(UserId(id)) => id,
            Self::Server => 0,
        }
    }

    fn is_alone(self) -> bool {
        matches!(self, Self::Messages(_) | Self::People(_) | Self::Server)
    }
}

/// Outcome of running a unit.
enum Ran {
    Done,
    /// A rule refused it.
    Refused,
    Failed(StorageError),
}

/// A unit of work in a lane. `run` may be called several times; `settle` is called once, after the transaction has
/// ended.
trait Unit: Send {
    fn run(&mut self, conn: &mut Connection) -> Ran;
    /// The user events to append, if its work succeeded.
    fn tells(&mut self) -> Vec<&mut Tell>;
    fn settle(self: Box<Self>, commit: Result<(), StorageError>);
}

/// Finds the user events in the result of a unit.
pub(crate) type Concerned<T> = fn(&mut T) -> Vec<&mut Tell>;

/// Appends user events at the end of a transaction.
pub(crate) type TellAll = fn(&mut Connection, Vec<&mut Tell>) -> Result<(), StorageError>;

/// A unit waiting in a lane's queue.
pub(crate) struct Waiting {
    lane: Lane,
    unit: Box<dyn Unit>,
}

impl Waiting {
    /// Creates a unit from its work, the function that finds its user events, and the channel for its result.
    pub fn new<T, E, F>(
        lane: Lane,
        work: F,
        concerned: Concerned<T>,
        reply: oneshot::Sender<Result<T, E>>,
    ) -> Self
    where
        T: Send + 'static,
        E: Send + From<StorageError> + AsStorage + 'static,
        F: Fn(&mut Connection) -> Result<T, E> + Send + 'static,
    {
        Self { lane, unit: Box::new(WriteUnit { work, concerned, result: None, reply }) }
    }
}

struct WriteUnit<T, E, F> {
    work: F,
    concerned: Concerned<T>,
    result: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Unit for WriteUnit<T, E, F>
where
    T: Send,
    E: Send + From<StorageError> + AsStorage,
    F: Fn(&mut Connection) -> Result<T, E> + Send,
{
    fn run(&mut self, conn: &mut Connection) -> Ran {
        let result = catch_unwind(AssertUnwindSafe(|| (self.work)(conn)))
            .unwrap_or_else(|_| Err(StorageError::Fault("the work panicked".into()).into()));
        let ran = match &result {
            Ok(_) => Ran::Done,
            Err(error) => error.as_storage().cloned().map_or(Ran::Refused, Ran::Failed),
        };
        self.result = Some(result);
        ran
    }

    fn tells(&mut self) -> Vec<&mut Tell> {
        match &mut self.result {
            Some(Ok(value)) => (self.concerned)(value),
            _ => Vec::new(),
        }
    }

    fn settle(self: Box<Self>, commit: Result<(), StorageError>) {
        let answer = match (commit, self.result) {
            (Err(error), Some(Ok(_)) | None) => Err(E::from(error)),
            (_, Some(result)) => result,
            (Ok(()), None) => Err(E::from(StorageError::Unavailable)),
        };
        // The caller may be gone; the work is done anyway.
        let _ = self.reply.send(answer);
    }
}

/// Serves the queues fairly until all their senders are dropped. Each batch comes from one queue only.
pub(crate) fn run(mut link: Link, mut queues: Vec<Receiver<Waiting>>, tell_all: TellAll) {
    let link = &mut link;
    while let Some(mut batch) = receive(&mut queues) {
        // The sort is stable, so units with the same key keep their order.
        batch.sort_by_key(|waiting| waiting.lane.key());
        let mut together = Vec::with_capacity(batch.len());
        for Waiting { lane, unit } in batch {
            if lane.is_alone() {
                run_together(link, std::mem::take(&mut together), tell_all);
                run_alone(link, unit, tell_all);
            } else {
                together.push(unit);
            }
        }
        run_together(link, together, tell_all);
    }
}

/// Waits for work, and returns up to `BATCH` units from one queue. `None` once all queues are disconnected.
fn receive(queues: &mut Vec<Receiver<Waiting>>) -> Option<Vec<Waiting>> {
    while !queues.is_empty() {
        let mut select = Select::new();
        for queue in queues.iter() {
            select.recv(queue);
        }
        let chosen = select.select();
        let index = chosen.index();
        let queue = &queues[index];
        if let Ok(first) = chosen.recv(queue) {
            let mut batch = vec![first];
            batch.extend(queue.try_iter().take(BATCH - 1));
            return Some(batch);
        }
        queues.swap_remove(index);
    }
    None
}

enum BatchError {
    /// The batch can't run like this; everything was rolled back.
    Spoiled,
    /// The COMMIT itself failed, or the database isn't available.
    Commit(StorageError),
}

fn run_together(link: &mut Link, mut batch: Vec<Box<dyn Unit>>, tell_all: TellAll) {
    if batch.len() < 2 {
        return batch.into_iter().for_each(|unit| run_alone(link, unit, tell_all));
    }
    let began = Instant::now();
    let mut outcome = run_batch(link, &mut batch, tell_all).map(|()| Vec::new());
    if matches!(outcome, Err(BatchError::Spoiled)) {
        outcome = run_batch_again(link, &mut batch, tell_all);
    }
    match outcome {
        Ok(again) => {
            link.committed(began);
            for (unit, again) in batch.into_iter().zip(again.into_iter().chain(std::iter::repeat(false))) {
                if again { run_alone(link, unit, tell_all) } else { unit.settle(Ok(())) }
            }
        }
        Err(BatchError::Commit(error)) => {
            link.writing.store(false, Ordering::Relaxed);
            batch.into_iter().for_each(|unit| unit.settle(Err(error.clone())));
        }
        Err(BatchError::Spoiled) => batch.into_iter().for_each(|unit| run_alone(link, unit, tell_all)),
    }
}

fn in_transaction<T>(
    link: &mut Link,
    work: impl FnOnce(&mut Connection) -> Result<T, BatchError>,
) -> Result<T, BatchError> {
    let Some(conn) = link.get_patiently() else {
        return Err(BatchError::Commit(StorageError::Unavailable));
    };
    let outcome = (|| {
        begin(conn).map_err(|_| BatchError::Spoiled)?;
        let value = work(conn)?;
        commit(conn).map_err(BatchError::Commit)?;
        Ok(value)
    })();
    if outcome.is_err() {
        roll_back(link);
    }
    outcome
}

/// Runs all units in one transaction, as long as none has to be undone. A unit that is refused before it changed
/// anything doesn't disturb the others.
fn run_batch(link: &mut Link, batch: &mut [Box<dyn Unit>], tell_all: TellAll) -> Result<(), BatchError> {
    in_transaction(link, |conn| {
        for unit in batch.iter_mut() {
            watch_changes();
            let ran = unit.run(conn);
            let changed = has_changed();
            match ran {
                Ran::Done => {}
                Ran::Refused if !changed => {}
                Ran::Refused | Ran::Failed(_) => return Err(BatchError::Spoiled),
            }
        }
        tell(conn, batch, tell_all).map_err(|_| BatchError::Spoiled)
    })
}

/// Appends the user events of the units that succeeded.
fn tell(conn: &mut Connection, batch: &mut [Box<dyn Unit>], tell_all: TellAll) -> Result<(), StorageError> {
    let tells: Vec<&mut Tell> = batch.iter_mut().flat_map(|unit| unit.tells()).collect();
    if tells.is_empty() { Ok(()) } else { tell_all(conn, tells) }
}

/// Runs all units in one transaction with a savepoint each, so that each can be undone by itself. Returns for each unit
/// whether to run it again, alone.
fn run_batch_again(
    link: &mut Link,
    batch: &mut [Box<dyn Unit>],
    tell_all: TellAll,
) -> Result<Vec<bool>, BatchError> {
    type Manager = <Connection as diesel::Connection>::TransactionManager;
    in_transaction(link, |conn| {
        let mut again = Vec::with_capacity(batch.len());
        for unit in batch.iter_mut() {
            Manager::begin_transaction(conn).map_err(|_| BatchError::Spoiled)?;
            let ran = unit.run(conn);
            let ended = match ran {
                Ran::Done => Manager::commit_transaction(conn),
                Ran::Refused | Ran::Failed(_) => Manager::rollback_transaction(conn),
            };
            ended.map_err(|_| BatchError::Spoiled)?;
            again.push(matches!(ran, Ran::Failed(StorageError::Interrupted | StorageError::Unavailable)));
        }
        tell(conn, batch, tell_all).map_err(|_| BatchError::Spoiled)?;
        Ok(again)
    })
}

fn run_alone(link: &mut Link, mut unit: Box<dyn Unit>, tell_all: TellAll) {
    // Three attempts resolve deadlocks with other nodes; more would only hide a bug.
    for attempt in 1..=3 {
        let Some(conn) = link.get_patiently() else {
            link.writing.store(false, Ordering::Relaxed);
            return unit.settle(Err(StorageError::Unavailable));
        };
        let mut committing = false;
        let began = Instant::now();
        let outcome = begin(conn).map_err(StorageError::from).and_then(|()| match unit.run(conn) {
            Ran::Done => {
                tell(conn, std::slice::from_mut(&mut unit), tell_all)?;
                committing = true;
                commit(conn).map(|()| true)
            }
            Ran::Refused => Ok(false),
            Ran::Failed(error) => Err(error),
        });
        match outcome {
            Ok(done) => {
                if done {
                    link.committed(began);
                } else {
                    roll_back(link);
                }
                return unit.settle(Ok(()));
            }
            Err(error) => {
                roll_back(link);
                // Nothing was stored: when a connection breaks before COMMIT, the server rolls back.
                let broken = error == StorageError::Unavailable && link.conn.is_none();
                if (error == StorageError::Interrupted || broken) && !committing && attempt < 3 {
                    continue;
                }
                if committing || error == StorageError::Unavailable {
                    link.writing.store(false, Ordering::Relaxed);
                }
                if error == StorageError::Unavailable {
                    link.conn = None;
                }
                return unit.settle(Err(error));
            }
        }
    }
}

fn begin(conn: &mut Connection) -> Result<(), DieselError> {
    match conn {
        // Take the write lock at the beginning. A transaction that reads first and then finds the write lock taken (by
        // a checkpoint, for example) fails at once, whatever the busy timeout.
        Connection::Sqlite(inner) => AnsiTransactionManager::begin_transaction_sql(inner, "BEGIN IMMEDIATE"),
        postgres @ Connection::Postgres(_) => {
            <Connection as diesel::Connection>::TransactionManager::begin_transaction(postgres)
        }
    }
}

fn commit(conn: &mut Connection) -> Result<(), StorageError> {
    <Connection as diesel::Connection>::TransactionManager::commit_transaction(conn).map_err(|error| {
        match StorageError::from(error) {
            // Unique violations and serialization failures are clean refusals; anything else leaves the outcome
            // unknown.
            clean @ (StorageError::Unique(_) | StorageError::Interrupted) => clean,
            other => {
                tracing::warn!(error = %other, "commit failed");
                StorageError::OutcomeUnknown
            }
        }
    })
}

fn roll_back(link: &mut Link) {
    link.rolled_back();
    if let Some(conn) = link.conn.as_mut() {
        let clean =
            <Connection as diesel::Connection>::TransactionManager::rollback_transaction(conn).is_ok();
        let broken =
            <Connection as diesel::Connection>::TransactionManager::is_broken_transaction_manager(conn);
        if !clean || broken {
            link.conn = None;
        }
    }
}

#[cfg(test)]
mod tests;
