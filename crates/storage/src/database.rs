//! The threads that own the connections. Reads go to any free reader; writes go to the lane of their key, and
//! a lane takes everything that waits into ONE transaction: one COMMIT, one fsync, many acknowledgements.
//!
//! Invariant: a unit of work is answered only after the COMMIT that contains it. A unit that fails never spoils
//! its neighbours: the batch is rolled back and each unit runs again in a transaction of its own, so work must
//! be repeatable (`Fn`), with ids and times taken from outside.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError};
use diesel::connection::{
    AnsiTransactionManager, Connection as _, Instrumentation, InstrumentationEvent, SimpleConnection,
    TransactionManager,
};
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use tokio::sync::oneshot;

use crate::Connection;
use crate::connection::Address;
use crate::migrations;

/// Units that may wait for one lane, and reads that may wait in all; more are refused as overload.
const QUEUE: usize = 1024;
/// Most units in one transaction: bounds how much is repeated when one of them fails.
const BATCH: usize = 64;
/// A database that restarts is waited for this long, and asked this often, before a change is refused.
const RESTART: Duration = Duration::from_secs(3);
const ASK_EVERY: Duration = Duration::from_millis(50);
/// A connection that nobody has used for this long is asked whether it lives before it is given a question.
const IDLE: Duration = Duration::from_secs(1);

/// How to open a [`Database`].
#[derive(Debug, Clone)]
pub struct DatabaseSettings {
    /// Where the data is.
    pub address: Address,
    /// Connections for reading.
    pub readers: usize,
    /// Write lanes on PostgreSQL; SQLite always has one.
    pub lanes: usize,
}

/// Why the database did not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StorageError {
    /// It cannot be reached, or has too much to do. Nothing was changed.
    #[error("the database is not available")]
    Unavailable,
    /// The connection broke during COMMIT: it may have happened or not.
    #[error("the database did not confirm the commit")]
    OutcomeUnknown,
    /// A row with the same unique key exists.
    #[error("a unique key exists already: {0}")]
    Unique(String),
    /// Another transaction stood in the way; trying again may succeed.
    #[error("the transaction was interrupted by another one")]
    Interrupted,
    /// Anything else: a fault in this program or in the data.
    #[error("database error: {0}")]
    Fault(String),
}

impl From<DieselError> for StorageError {
    fn from(error: DieselError) -> Self {
        match error {
            DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, info) => {
                Self::Unique(info.constraint_name().unwrap_or_else(|| info.message()).to_owned())
            }
            DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => Self::Interrupted,
            DieselError::DatabaseError(
                DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand,
                _,
            )
            | DieselError::BrokenTransactionManager => Self::Unavailable,
            DieselError::DatabaseError(_, info) if transient(info.message()) => Self::Unavailable,
            DieselError::DatabaseError(_, info) if info.message().contains("deadlock detected") => {
                Self::Interrupted
            }
            other => Self::Fault(other.to_string()),
        }
    }
}

/// Libpq and the server report these states in prose only.
fn transient(message: &str) -> bool {
    [
        "terminating connection",
        "server closed the connection",
        "no connection to the server",
        "canceling statement",
        "the database system is",
        "could not receive data",
        "could not send data",
        "connection not open",
        "SSL connection has been closed",
        "database is locked",
        // What waits for room waits as what waits for a server.
        "database or disk is full",
        "No space left on device",
        "could not extend file",
    ]
    .iter()
    .any(|known| message.contains(known))
}

type ReadJob = Box<dyn FnOnce(Option<&mut Connection>) -> bool + Send>;

/// A unit of work in a lane. `run` may be called several times, `settle` once, after the transaction ended.
trait Unit: Send {
    fn run(&mut self, conn: &mut Connection) -> Result<(), StorageError>;
    fn settle(self: Box<Self>, commit: Result<(), StorageError>);
}

struct WriteUnit<T, E, F> {
    work: F,
    result: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Unit for WriteUnit<T, E, F>
where
    T: Send,
    E: Send + From<StorageError> + AsStorage,
    F: Fn(&mut Connection) -> Result<T, E> + Send,
{
    fn run(&mut self, conn: &mut Connection) -> Result<(), StorageError> {
        let Ok(result) = catch_unwind(AssertUnwindSafe(|| (self.work)(conn))) else {
            self.result = None;
            return Err(StorageError::Fault("the work panicked".into()));
        };
        let outcome = match &result {
            Ok(_) => Ok(()),
            // A refusal by a rule ends only this unit; it is told apart by not being a storage error.
            Err(error) => Err(error.as_storage().cloned().unwrap_or(StorageError::Fault("refused".into()))),
        };
        self.result = Some(result);
        outcome
    }

    fn settle(self: Box<Self>, commit: Result<(), StorageError>) {
        let answer = match (commit, self.result) {
            (Err(error), Some(Ok(_)) | None) => Err(E::from(error)),
            (_, Some(result)) => result,
            (Ok(()), None) => Err(E::from(StorageError::Unavailable)),
        };
        // The caller may have gone away; the work is done all the same.
        let _ = self.reply.send(answer);
    }
}

/// Lets a lane see whether an error of the caller's own type came from the database.
pub trait AsStorage {
    /// The storage error inside, if it is one.
    fn as_storage(&self) -> Option<&StorageError>;
}

impl AsStorage for StorageError {
    fn as_storage(&self) -> Option<&StorageError> {
        Some(self)
    }
}

/// Handle to the database threads; cheap to clone. The threads end with the last handle.
#[derive(Clone)]
pub struct Database {
    readers: Sender<ReadJob>,
    lanes: Arc<[Sender<Box<dyn Unit>>]>,
    statements: Arc<AtomicU64>,
    /// The last transaction of any lane was committed.
    writing: Arc<AtomicBool>,
    /// Nothing is ever sent: it is disconnected when the last thread comes to its end.
    ended: Receiver<Infallible>,
    threads: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

impl Database {
    /// Connects, migrates and starts the threads.
    pub fn open(settings: &DatabaseSettings) -> Result<Self, String> {
        let mut first = settings.address.connect().map_err(|error| error.to_string())?;
        let applied = migrations::run(&mut first)?;
        drop(first);
        if applied > 0 {
            tracing::info!(applied, "database migrated");
        }
        let lane_count = match settings.address {
            Address::Postgres(_) => settings.lanes.max(1),
            Address::Sqlite(_) => 1,
        };
        let statements = Arc::new(AtomicU64::default());
        let writing = Arc::new(AtomicBool::new(true));
        let link = || Link {
            address: settings.address.clone(),
            conn: None,
            away: false,
            statements: statements.clone(),
            writing: writing.clone(),
        };
        let (alive, ended) = crossbeam_channel::bounded(0);
        let mut threads = Vec::new();
        let mut lanes = Vec::with_capacity(lane_count);
        for number in 0..lane_count {
            let (sender, receiver) = crossbeam_channel::bounded(QUEUE);
            let (lane, alive) = (link(), alive.clone());
            threads.push(spawn(format!("db-write-{number}"), move || {
                run_lane(lane, &receiver);
                drop(alive);
            })?);
            lanes.push(sender);
        }
        let (readers, jobs) = crossbeam_channel::bounded::<ReadJob>(QUEUE);
        for number in 0..settings.readers.max(1) {
            let (jobs, reader, alive) = (jobs.clone(), link(), alive.clone());
            threads.push(spawn(format!("db-read-{number}"), move || {
                step_back();
                run_reader(reader, &jobs);
                drop(alive);
            })?);
        }
        let threads = Arc::new(Mutex::new(threads));
        Ok(Self { readers, lanes: lanes.into(), statements, writing, ended, threads })
    }

    /// Gives this handle back, and waits until the threads have closed their connections and are gone, which they are
    /// soon after the last handle. A process must not end before: its C libraries clean up behind `main`, and what
    /// they free there the end of a thread may be freeing, too. False when that takes longer than `limit`.
    pub fn close(self, limit: Duration) -> bool {
        let Self { readers, lanes, ended, threads, .. } = self;
        drop((readers, lanes));
        let in_time = matches!(ended.recv_timeout(limit), Err(RecvTimeoutError::Disconnected));
        if in_time {
            let mut threads = threads.lock().unwrap_or_else(PoisonError::into_inner);
            // A thread that failed is gone as well.
            threads.drain(..).for_each(|thread| drop(thread.join()));
        }
        in_time
    }

    /// How many statements were run so far, without those that begin and end transactions.
    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    /// Whether the last change was stored: not when the disk is full, or the database is away.
    pub fn is_writing(&self) -> bool {
        self.writing.load(Ordering::Relaxed)
    }

    /// How many write lanes there are.
    pub fn lanes(&self) -> usize {
        self.lanes.len()
    }

    /// The lane of a key: the same key always goes through the same lane, in order.
    pub fn lane_of(&self, key: i64) -> usize {
        (key.unsigned_abs() % self.lanes.len().max(1) as u64) as usize
    }

    /// Runs `work` on a reading connection, outside a transaction.
    pub async fn read<T, E>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: Send + From<StorageError> + AsStorage + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job: ReadJob = Box::new(move |conn| {
            let result = match conn {
                Some(conn) => work(conn),
                None => Err(E::from(StorageError::Unavailable)),
            };
            let broken =
                matches!(&result, Err(error) if error.as_storage() == Some(&StorageError::Unavailable));
            let _ = reply.send(result);
            !broken
        });
        match self.readers.try_send(job) {
            Ok(()) => answer.await.unwrap_or_else(|_| Err(E::from(StorageError::Unavailable))),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                Err(E::from(StorageError::Unavailable))
            }
        }
    }

    /// Runs `work` in a transaction in the lane of `key`, perhaps together with others, perhaps more than once.
    pub async fn write<T, E>(
        &self,
        key: i64,
        work: impl Fn(&mut Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: Send + From<StorageError> + AsStorage + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let unit = Box::new(WriteUnit { work, result: None, reply });
        let Some(lane) = self.lanes.get(self.lane_of(key)) else {
            return Err(E::from(StorageError::Unavailable));
        };
        match lane.try_send(unit) {
            Ok(()) => answer.await.unwrap_or_else(|_| Err(E::from(StorageError::OutcomeUnknown))),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                Err(E::from(StorageError::Unavailable))
            }
        }
    }
}

/// Lets other threads of this process go first: what many ask for at once must not delay those who write to each other.
/// Where the system does not know of it, nothing happens.
pub fn step_back() {
    #[cfg(target_os = "linux")]
    {
        const NICE: i32 = 10;
        let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICE);
    }
}

fn spawn(name: String, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, String> {
    // 512 KiB hold Diesel's deepest query building several times over.
    thread::Builder::new().name(name).stack_size(512 * 1024).spawn(body).map_err(|error| error.to_string())
}

/// A connection that is made when needed and dropped when broken.
struct Link {
    address: Address,
    conn: Option<Connection>,
    /// The database was waited for in vain: it is not waited for again until it is back.
    away: bool,
    statements: Arc<AtomicU64>,
    writing: Arc<AtomicBool>,
}

/// Counts statements. Beginning and ending a transaction are reported as statements too, and taken off again.
struct Counting(Arc<AtomicU64>);

impl Instrumentation for Counting {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::StartQuery { .. } => {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
            InstrumentationEvent::BeginTransaction { .. }
            | InstrumentationEvent::CommitTransaction { .. }
            | InstrumentationEvent::RollbackTransaction { .. } => {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
            _ => {}
        }
    }
}

impl Link {
    fn get(&mut self) -> Option<&mut Connection> {
        if self.conn.is_none() {
            match self.address.connect() {
                Ok(mut conn) => {
                    conn.set_instrumentation(Counting(self.statements.clone()));
                    self.conn = Some(conn);
                }
                Err(error) => tracing::warn!(%error, "database connection failed"),
            }
        }
        self.conn.as_mut()
    }

    /// Like [`Self::get`], and waits a while for a database that has just gone away: it may only be restarting.
    fn get_patiently(&mut self) -> Option<&mut Connection> {
        let patience = Instant::now() + RESTART;
        while self.get().is_none() {
            if self.away || Instant::now() >= patience {
                self.away = true;
                return None;
            }
            thread::sleep(ASK_EVERY);
        }
        self.away = false;
        self.conn.as_mut()
    }

    /// Drops a connection that has died while nobody used it.
    fn check(&mut self) {
        let Some(Connection::Postgres(inner)) = self.conn.as_mut() else { return };
        if inner.batch_execute("SELECT 1").is_err() {
            self.conn = None;
        }
        // Nobody has asked for anything.
        self.statements.fetch_sub(1, Ordering::Relaxed);
    }
}

fn run_reader(mut link: Link, jobs: &Receiver<ReadJob>) {
    let mut used = Instant::now();
    for job in jobs {
        if used.elapsed() >= IDLE {
            link.check();
        }
        used = Instant::now();
        // A fault in one question must not end the thread that answers all the others.
        if !catch_unwind(AssertUnwindSafe(|| job(link.get()))).unwrap_or(false) {
            link.conn = None;
        }
    }
}

fn run_lane(mut link: Link, units: &Receiver<Box<dyn Unit>>) {
    while let Ok(first) = units.recv() {
        let mut batch = vec![first];
        batch.extend(units.try_iter().take(BATCH - 1));
        let writing = link.writing.clone();
        let together = if batch.len() > 1 { run_batch(&mut link, &mut batch) } else { Err(BatchError::Unit) };
        match together {
            Ok(()) => {
                writing.store(true, Ordering::Relaxed);
                batch.into_iter().for_each(|unit| unit.settle(Ok(())));
            }
            Err(BatchError::Commit(error)) => {
                writing.store(false, Ordering::Relaxed);
                batch.into_iter().for_each(|unit| unit.settle(Err(error.clone())))
            }
            Err(BatchError::Unit) => {
                for unit in batch {
                    run_alone(&mut link, unit);
                }
            }
        }
    }
}

enum BatchError {
    /// One of the units failed before COMMIT: everything was rolled back.
    Unit,
    /// The COMMIT itself failed.
    Commit(StorageError),
}

fn run_batch(link: &mut Link, batch: &mut [Box<dyn Unit>]) -> Result<(), BatchError> {
    let Some(conn) = link.get_patiently() else {
        return Err(BatchError::Commit(StorageError::Unavailable));
    };
    let outcome = (|| {
        begin(conn).map_err(|_| BatchError::Unit)?;
        for unit in batch.iter_mut() {
            unit.run(conn).map_err(|_| BatchError::Unit)?;
        }
        commit(conn).map_err(BatchError::Commit)
    })();
    if outcome.is_err() {
        roll_back(link);
    }
    outcome
}

fn run_alone(link: &mut Link, mut unit: Box<dyn Unit>) {
    // Three tries settle deadlocks with other nodes; more would only hide a fault.
    for attempt in 1..=3 {
        let Some(conn) = link.get_patiently() else {
            link.writing.store(false, Ordering::Relaxed);
            return unit.settle(Err(StorageError::Unavailable));
        };
        let mut committing = false;
        let outcome = begin(conn).map_err(StorageError::from).and_then(|()| unit.run(conn)).and_then(|()| {
            committing = true;
            commit(conn)
        });
        match outcome {
            Ok(()) => {
                link.writing.store(true, Ordering::Relaxed);
                return unit.settle(Ok(()));
            }
            Err(error) => {
                roll_back(link);
                // Nothing was stored: a connection that broke before COMMIT takes everything back.
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
        // With the right to write from the beginning: a transaction that reads first and then finds that right taken (by
        // a checkpoint, say) is refused at once, however long it would wait.
        Connection::Sqlite(inner) => AnsiTransactionManager::begin_transaction_sql(inner, "BEGIN IMMEDIATE"),
        postgres @ Connection::Postgres(_) => {
            <Connection as diesel::Connection>::TransactionManager::begin_transaction(postgres)
        }
    }
}

fn commit(conn: &mut Connection) -> Result<(), StorageError> {
    <Connection as diesel::Connection>::TransactionManager::commit_transaction(conn).map_err(|error| {
        match StorageError::from(error) {
            // Deferred constraints and serialization are refused cleanly; anything else leaves it open.
            clean @ (StorageError::Unique(_) | StorageError::Interrupted) => clean,
            other => {
                tracing::warn!(error = %other, "commit failed");
                StorageError::OutcomeUnknown
            }
        }
    })
}

fn roll_back(link: &mut Link) {
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
mod tests {
    use super::*;

    #[test]
    fn the_threads_are_gone_when_the_last_handle_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("close.sqlite3").display().to_string();
        let settings = DatabaseSettings { address: Address::Sqlite(path), readers: 2, lanes: 1 };
        let database = Database::open(&settings).unwrap();
        assert!(!database.clone().close(Duration::ZERO), "another handle is there");
        let threads = database.threads.clone();
        assert_eq!(threads.lock().unwrap().len(), 3);
        assert!(database.close(Duration::from_secs(30)));
        assert!(threads.lock().unwrap().is_empty());
    }
}
