//! A dataloader: while one query runs, further keys are collected and loaded by the next. A single caller never waits
//! for others.
//!
//! Batches run one after the other on the reading threads of the database, which reply to the callers themselves: no
//! other thread has to wake up in between.
//!
//! Invariant: a batch costs a fixed number of statements, and its rows are bounded per key. Parts that may be large
//! or slow are loaded individually.

use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use parlour_chat::Refusal;
use parlour_storage::{Connection, Database, StorageError};
use tokio::sync::oneshot;

/// Keys that may be queued; more are refused as overload.
const QUEUE: usize = 8192;

type Read<K, V> = fn(&mut Connection, &[K]) -> Result<Vec<V>, Refusal>;

struct Asked<K, V> {
    key: K,
    reply: oneshot::Sender<Result<V, Refusal>>,
    /// Whether it was read before, on a connection that turned out to be broken.
    again: bool,
}

struct Queue<K, V> {
    waiting: VecDeque<Asked<K, V>>,
    /// Whether a batch is running or about to run.
    running: bool,
}

/// Loads values by key, in batches.
pub struct Batcher<K, V>(OnceLock<Arc<Loader<K, V>>>);

struct Loader<K, V> {
    database: Database,
    max_batch: usize,
    read: Read<K, V>,
    queue: Mutex<Queue<K, V>>,
}

impl<K, V> Default for Batcher<K, V> {
    fn default() -> Self {
        Self(OnceLock::new())
    }
}

impl<K: Send + 'static, V: Send + 'static> Batcher<K, V> {
    /// Prepares the loader; at most `max_batch` keys per batch. `read` returns one value per key, in the same order.
    pub fn start(&self, database: &Database, max_batch: usize, read: Read<K, V>) {
        let queue = Mutex::new(Queue { waiting: VecDeque::new(), running: false });
        let _ = self.0.set(Arc::new(Loader { database: database.clone(), max_batch, read, queue }));
    }

    /// Loads the value of a key.
    pub async fn load(&self, key: K) -> Result<V, Refusal> {
        let (reply, answer) = oneshot::channel();
        let loader = self.0.get().ok_or(StorageError::Unavailable)?;
        loader.add(Asked { key, reply, again: false })?;
        answer.await.unwrap_or_else(|_| Err(StorageError::Unavailable.into()))
    }
}

impl<K: Send + 'static, V: Send + 'static> Loader<K, V> {
    fn queue(&self) -> MutexGuard<'_, Queue<K, V>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(self: &Arc<Self>, asked: Asked<K, V>) -> Result<(), StorageError> {
        let mut queue = self.queue();
        if queue.waiting.len() >= QUEUE {
            return Err(StorageError::Unavailable);
        }
        queue.waiting.push_back(asked);
        let running = mem::replace(&mut queue.running, true);
        drop(queue);
        if !running && !self.queue_next() {
            self.refuse_all();
        }
        Ok(())
    }

    /// Queues the next batch behind the other reads of the database. Returns false if too many of them wait.
    fn queue_next(self: &Arc<Self>) -> bool {
        let loader = self.clone();
        self.database.queue_read(move |conn| loader.serve(conn)).is_ok()
    }

    /// Whether nobody waits. If somebody does, another batch must follow.
    fn is_done(&self) -> bool {
        let mut queue = self.queue();
        queue.running = !queue.waiting.is_empty();
        !queue.running
    }

    fn refuse_all(&self) {
        let mut queue = self.queue();
        queue.running = false;
        let refused = mem::take(&mut queue.waiting);
        drop(queue);
        // Their channels close.
        drop(refused);
    }

    /// Runs a batch, and sees to the next one. Returns whether the connection still works.
    fn serve(self: Arc<Self>, mut conn: Option<&mut Connection>) -> bool {
        let _after_a_panic = Round(&self);
        loop {
            let works = self.run(conn.as_deref_mut());
            if self.is_done() || self.queue_next() {
                return works;
            }
            // The queue of reads is full. As long as the connection works, this thread goes on, and nobody is refused.
            if !works {
                self.refuse_all();
                return false;
            }
        }
    }

    fn run(&self, conn: Option<&mut Connection>) -> bool {
        let batch: Vec<_> = {
            let mut queue = self.queue();
            let count = queue.waiting.len().min(self.max_batch);
            queue.waiting.drain(..count).collect()
        };
        let (keys, replies): (Vec<K>, Vec<_>) =
            batch.into_iter().map(|one| (one.key, (one.reply, one.again))).unzip();
        let outcome = conn.map_or(Err(StorageError::Unavailable.into()), |conn| (self.read)(conn, &keys));
        match outcome {
            Ok(values) => {
                for (value, (reply, _)) in values.into_iter().zip(replies) {
                    let _ = reply.send(Ok(value));
                }
                true
            }
            Err(refusal) => {
                // A connection that broke while idle fails only when it is used; retry once on a fresh one.
                let broken = matches!(refusal, Refusal::Storage(StorageError::Unavailable));
                let mut queue = self.queue();
                for (key, (reply, again)) in keys.into_iter().zip(replies).rev() {
                    if broken && !again {
                        queue.waiting.push_front(Asked { key, reply, again: true });
                    } else {
                        let _ = reply.send(Err(refusal.clone()));
                    }
                }
                !broken
            }
        }
    }
}

/// A panic costs one batch, and must not keep the others from running.
struct Round<'a, K: Send + 'static, V: Send + 'static>(&'a Arc<Loader<K, V>>);

impl<K: Send + 'static, V: Send + 'static> Drop for Round<'_, K, V> {
    fn drop(&mut self) {
        if std::thread::panicking() && !self.0.is_done() && !self.0.queue_next() {
            self.0.refuse_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;
    use parlour_storage::DatabaseSettings;
    use parlour_storage::connection::Address;

    use super::*;

    fn database(folder: &tempfile::TempDir) -> Database {
        let address = Address::Sqlite(folder.path().join("test.sqlite3").display().to_string());
        Database::open(&DatabaseSettings { address, readers: 1, lanes: 1, tell_all: |_, _| Ok(()) }).unwrap()
    }

    fn batcher(folder: &tempfile::TempDir, read: Read<u32, u32>) -> Batcher<u32, u32> {
        let batcher = Batcher::default();
        batcher.start(&database(folder), 64, read);
        batcher
    }

    #[tokio::test]
    async fn keys_that_arrive_during_a_query_share_the_next_one() {
        static BATCHES: AtomicUsize = AtomicUsize::new(0);
        let folder = tempfile::tempdir().unwrap();
        let batcher = batcher(&folder, |_, keys| {
            BATCHES.fetch_add(1, Ordering::Relaxed);
            assert!(keys.len() <= 64);
            std::thread::sleep(std::time::Duration::from_millis(20));
            Ok(keys.iter().map(|key| key * 2).collect())
        });
        let values = join_all((0..100).map(|key| batcher.load(key))).await;
        for (key, value) in (0..100).zip(values) {
            assert_eq!(value.unwrap(), key * 2);
        }
        assert!(BATCHES.load(Ordering::Relaxed) <= 4, "{BATCHES:?}");
    }

    #[tokio::test]
    async fn a_failure_costs_its_batch_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let batcher = batcher(&folder, |_, keys| {
            assert!(!keys.contains(&13), "a panic, on purpose");
            if keys.contains(&7) {
                Err(StorageError::Fault("seven".into()).into())
            } else {
                Ok(keys.to_vec())
            }
        });
        assert_eq!(batcher.load(1).await.unwrap(), 1);
        assert!(matches!(batcher.load(13).await, Err(Refusal::Storage(StorageError::Unavailable))));
        assert!(matches!(batcher.load(7).await, Err(Refusal::Storage(StorageError::Fault(_)))));
        assert_eq!(batcher.load(2).await.unwrap(), 2);
    }

    #[tokio::test]
    async fn a_broken_connection_is_replaced_once() {
        static TRIES: AtomicUsize = AtomicUsize::new(0);
        let folder = tempfile::tempdir().unwrap();
        let batcher = batcher(&folder, |_, keys| match TRIES.fetch_add(1, Ordering::Relaxed) {
            0 | 2 | 3 => Err(StorageError::Unavailable.into()),
            _ => Ok(keys.to_vec()),
        });
        assert_eq!(batcher.load(1).await.unwrap(), 1, "the second connection works");
        assert!(batcher.load(2).await.is_err(), "neither does");
        assert_eq!(batcher.load(3).await.unwrap(), 3);
        assert_eq!(TRIES.load(Ordering::Relaxed), 5);
    }
}
