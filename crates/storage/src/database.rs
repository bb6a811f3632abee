//! The threads that own the database connections. Reads go to any free reader; changes go to their lane.
//!
//! Invariant: work waits for a connection only in a queue, and every queue is bounded.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError};
use parlour_protocol::ids::ConversationId;
use prometheus_client::metrics::histogram::Histogram;
use tokio::sync::{Notify, oneshot};

use crate::connection::Address;
use crate::lanes::{self, Lane, Waiting};
use crate::link::Link;
use crate::migrations;
use crate::user_events::Tell;
use crate::{AsStorage, Connection, StorageError};

/// Maximum number of units waiting per lane, and of reads waiting in total; more are refused as overload.
const QUEUE: usize = 1024;
/// A connection that was idle for this long is checked before it is used again.
const IDLE: Duration = Duration::from_secs(1);

/// Upper bounds of the buckets of [`Database::commits`], in seconds.
const COMMIT_SECONDS: [f64; 11] = [0.000_3, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.3, 1.0, 3.0];

/// How to open a [`Database`].
#[derive(Debug, Clone)]
pub struct DatabaseSettings {
    /// Where the database is.
    pub address: Address,
    /// Number of connections for reading.
    pub readers: usize,
    /// Number of lanes for changes to conversations on PostgreSQL. There are half as many for changes to users (rounded
    /// up), plus one for the server. SQLite has one writer, which serves the lanes in turn.
    pub lanes: usize,
    /// Appends the collected user events at the end of a transaction.
    pub tell_all: fn(&mut Connection, Vec<&mut Tell>) -> Result<(), StorageError>,
}

type ReadJob = Box<dyn FnOnce(Option<&mut Connection>) -> bool + Send>;

/// The queues of the lanes.
struct Lanes {
    conversations: Vec<Sender<Waiting>>,
    people: Vec<Sender<Waiting>>,
    server: Sender<Waiting>,
}

impl Lanes {
    fn queue(&self, lane: Lane) -> Option<&Sender<Waiting>> {
        match lane {
            Lane::Conversation(ConversationId(id)) | Lane::Messages(ConversationId(id)) => {
                self.conversations.get(part(id, self.conversations.len()))
            }
            Lane::Person(user) | Lane::People(user) => self.people.get(part(user.0, self.people.len())),
            Lane::Server => Some(&self.server),
        }
    }
}

/// Maps an id to one of `parts`; always the same one.
fn part(id: i64, parts: usize) -> usize {
    (id.unsigned_abs() % parts.max(1) as u64) as usize
}

/// Handle to the database threads; cheap to clone. The threads end when the last handle is dropped.
#[derive(Clone)]
pub struct Database {
    readers: Sender<ReadJob>,
    lanes: Arc<Lanes>,
    statements: Arc<AtomicU64>,
    /// Whether the last transaction of any lane was committed.
    writing: Arc<AtomicBool>,
    /// Notified when jobs were queued.
    jobs: Arc<Notify>,
    commits: Histogram,
    /// Never receives anything; disconnected when the last thread ends.
    ended: Receiver<Infallible>,
    threads: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

impl Database {
    /// Connects, applies migrations and starts the threads.
    pub fn open(settings: &DatabaseSettings) -> Result<Self, String> {
        let mut first = settings.address.connect().map_err(|error| error.to_string())?;
        let applied = migrations::run(&mut first)?;
        drop(first);
        if applied > 0 {
            tracing::info!(applied, "database migrated");
        }
        let statements = Arc::new(AtomicU64::default());
        let writing = Arc::new(AtomicBool::new(true));
        let queued: Arc<Notify> = Arc::default();
        let commits = Histogram::new(COMMIT_SECONDS);
        let link = || {
            let (address, commits) = (settings.address.clone(), commits.clone());
            Link::new(address, statements.clone(), writing.clone(), queued.clone(), commits)
        };
        let (alive, ended) = crossbeam_channel::bounded(0);
        let mut threads = Vec::new();
        let (conversations, people) = match settings.address {
            Address::Postgres(_) => (settings.lanes.max(1), settings.lanes.div_ceil(2).max(1)),
            Address::Sqlite(_) => (1, 1),
        };
        let queues = |count: usize| -> (Vec<_>, Vec<_>) {
            (0..count).map(|_| crossbeam_channel::bounded(QUEUE)).unzip()
        };
        let (conversations, of_conversations) = queues(conversations);
        let (people, of_people) = queues(people);
        let (server, of_server) = crossbeam_channel::bounded(QUEUE);
        let waiting = of_conversations.into_iter().chain(of_people).chain([of_server]);
        let threads_of_lanes: Vec<Vec<Receiver<Waiting>>> = match settings.address {
            Address::Postgres(_) => waiting.map(|queue| vec![queue]).collect(),
            Address::Sqlite(_) => vec![waiting.collect()],
        };
        let tell_all = settings.tell_all;
        for (number, queues) in threads_of_lanes.into_iter().enumerate() {
            let (lane, alive) = (link(), alive.clone());
            threads.push(spawn(format!("db-write-{number}"), move || {
                lanes::run(lane, queues, tell_all);
                drop(alive);
            })?);
        }
        let lanes = Arc::new(Lanes { conversations, people, server });
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
        Ok(Self { readers, lanes, statements, writing, jobs: queued, commits, ended, threads })
    }

    /// Drops this handle and waits until all threads have closed their connections and ended, which they do soon after
    /// the last handle is dropped. Call it before the process exits: the exit handlers of the C libraries race with
    /// thread teardown. Returns false if it takes longer than `limit`.
    pub fn close(self, limit: Duration) -> bool {
        let Self { readers, lanes, ended, threads, .. } = self;
        drop((readers, lanes));
        let in_time = matches!(ended.recv_timeout(limit), Err(RecvTimeoutError::Disconnected));
        if in_time {
            let mut threads = threads.lock().unwrap_or_else(PoisonError::into_inner);
            // A thread that panicked has ended as well.
            threads.drain(..).for_each(|thread| drop(thread.join()));
        }
        in_time
    }

    /// Number of statements run so far, not counting those that begin and end transactions.
    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    /// How long transactions that changed something took, in seconds, from BEGIN until they were durable.
    pub fn commits(&self) -> &Histogram {
        &self.commits
    }

    /// Whether the last change was stored; false, for example, while the disk is full or the database is unavailable.
    pub fn is_writing(&self) -> bool {
        self.writing.load(Ordering::Relaxed)
    }

    /// Notified after each commit of this node that queued jobs to be run soon; see [`crate::jobs`].
    pub fn queued_jobs(&self) -> Arc<Notify> {
        self.jobs.clone()
    }

    /// Number of lanes for changes to conversations.
    pub fn conversation_lanes(&self) -> usize {
        self.lanes.conversations.len()
    }

    /// The lane of a conversation; always the same one.
    pub fn lane_of(&self, conversation: ConversationId) -> usize {
        part(conversation.0, self.lanes.conversations.len())
    }

    /// Runs `work` on a read connection, without a transaction.
    pub async fn read<T, E>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: Send + From<StorageError> + AsStorage + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let queued = self.queue_read(move |conn| {
            let result = match conn {
                Some(conn) => work(conn),
                None => Err(E::from(StorageError::Unavailable)),
            };
            let broken =
                matches!(&result, Err(error) if error.as_storage() == Some(&StorageError::Unavailable));
            let _ = reply.send(result);
            !broken
        });
        queued?;
        answer.await.unwrap_or_else(|_| Err(E::from(StorageError::Unavailable)))
    }

    /// Queues `work` for a read connection and doesn't wait for it. It gets no connection while the database is
    /// unavailable, and returns whether its connection still works.
    pub fn queue_read(
        &self,
        work: impl FnOnce(Option<&mut Connection>) -> bool + Send + 'static,
    ) -> Result<(), StorageError> {
        self.readers.try_send(Box::new(work)).map_err(|_| StorageError::Unavailable)
    }

    /// Runs `work` in a transaction of its lane. It may share the transaction with other work, and it may run more than
    /// once.
    pub async fn write<T, E>(
        &self,
        lane: Lane,
        work: impl Fn(&mut Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: Send + From<StorageError> + AsStorage + 'static,
    {
        self.write_and_tell(lane, work, |_| Vec::new()).await
    }

    /// Like [`Self::write`], and appends the user events that `concerned` finds in the result at the end of the same
    /// transaction.
    pub async fn write_and_tell<T, E>(
        &self,
        lane: Lane,
        work: impl Fn(&mut Connection) -> Result<T, E> + Send + 'static,
        concerned: fn(&mut T) -> Vec<&mut Tell>,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: Send + From<StorageError> + AsStorage + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let Some(queue) = self.lanes.queue(lane) else {
            return Err(E::from(StorageError::Unavailable));
        };
        match queue.try_send(Waiting::new(lane, work, concerned, reply)) {
            Ok(()) => answer.await.unwrap_or_else(|_| Err(E::from(StorageError::OutcomeUnknown))),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                Err(E::from(StorageError::Unavailable))
            }
        }
    }
}

/// Lowers the priority of the calling thread, so that a rush of reads doesn't delay the delivery of messages. Does
/// nothing where the operating system doesn't support it.
pub fn step_back() {
    #[cfg(target_os = "linux")]
    {
        const NICE: i32 = 10;
        let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICE);
    }
}

fn spawn(name: String, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, String> {
    // 512 KiB is several times what Diesel's deepest query building needs.
    thread::Builder::new().name(name).stack_size(512 * 1024).spawn(body).map_err(|error| error.to_string())
}

fn run_reader(mut link: Link, jobs: &Receiver<ReadJob>) {
    let mut used = Instant::now();
    for job in jobs {
        if used.elapsed() >= IDLE {
            link.check();
        }
        used = Instant::now();
        // A panic in one job must not end the thread that serves all the others.
        if !catch_unwind(AssertUnwindSafe(|| job(link.get()))).unwrap_or(false) {
            link.conn = None;
        }
    }
}

/// A database in a file of a folder, with one lane, for tests.
#[cfg(test)]
pub(crate) fn in_folder(folder: &std::path::Path, readers: usize) -> Database {
    let path = folder.join("test.sqlite3").display().to_string();
    let address = Address::Sqlite(path);
    Database::open(&DatabaseSettings { address, readers, lanes: 1, tell_all: |_, _| Ok(()) }).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_threads_are_gone_when_the_last_handle_is() {
        let folder = tempfile::tempdir().unwrap();
        let database = in_folder(folder.path(), 2);
        assert!(!database.clone().close(Duration::ZERO), "another handle is there");
        let threads = database.threads.clone();
        assert_eq!(threads.lock().unwrap().len(), 3);
        assert!(database.close(Duration::from_secs(30)));
        assert!(threads.lock().unwrap().is_empty());
    }
}
