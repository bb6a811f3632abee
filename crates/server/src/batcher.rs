//! A dataloader: while one query runs, further keys are collected and loaded by the next. A single caller never waits
//! for others.
//!
//! Invariant: a batch costs a fixed number of statements, and its rows are bounded per key. Parts that may be large
//! or slow are loaded individually.

use std::sync::{Arc, OnceLock};

use parlour_chat::Refusal;
use parlour_storage::{Connection, Database, StorageError};
use tokio::sync::{mpsc, oneshot};

/// Keys that may be queued; more are refused as overload.
const QUEUE: usize = 8192;

type Read<K, V> = fn(&mut Connection, &[K]) -> Result<Vec<V>, Refusal>;

struct Asked<K, V> {
    key: K,
    reply: oneshot::Sender<Result<V, Refusal>>,
}

/// Loads values by key, in batches.
pub struct Batcher<K, V>(OnceLock<mpsc::Sender<Asked<K, V>>>);

impl<K, V> Default for Batcher<K, V> {
    fn default() -> Self {
        Self(OnceLock::new())
    }
}

impl<K: Send + Sync + 'static, V: Send + 'static> Batcher<K, V> {
    /// Spawns the loader on the current runtime; at most `max_batch` keys per batch. `read` returns one value per key,
    /// in the same order.
    pub fn start(&self, database: &Database, max_batch: usize, read: Read<K, V>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        if self.0.set(sender).is_ok() {
            tokio::spawn(run(database.clone(), receiver, max_batch, read));
        }
    }

    /// Loads the value of a key.
    pub async fn load(&self, key: K) -> Result<V, Refusal> {
        let (reply, answer) = oneshot::channel();
        let queue = self.0.get().ok_or(StorageError::Unavailable)?;
        queue.try_send(Asked { key, reply }).map_err(|_| StorageError::Unavailable)?;
        answer.await.unwrap_or_else(|_| Err(StorageError::Unavailable.into()))
    }
}

async fn run<K: Send + Sync + 'static, V: Send + 'static>(
    database: Database,
    mut queue: mpsc::Receiver<Asked<K, V>>,
    max_batch: usize,
    read: Read<K, V>,
) {
    let mut waiting = Vec::with_capacity(max_batch);
    while queue.recv_many(&mut waiting, max_batch).await > 0 {
        let (keys, replies): (Vec<K>, Vec<_>) = waiting.drain(..).map(|one| (one.key, one.reply)).unzip();
        let keys = Arc::new(keys);
        let once = || {
            let keys = keys.clone();
            database.read(move |conn| read(conn, &keys))
        };
        let mut outcome = once().await;
        if matches!(outcome, Err(Refusal::Storage(StorageError::Unavailable))) {
            // A connection that broke while idle fails only when it is used; retry once on a fresh one.
            outcome = once().await;
        }
        match outcome {
            Ok(values) => {
                for (value, reply) in values.into_iter().zip(replies) {
                    let _ = reply.send(Ok(value));
                }
            }
            Err(refusal) => {
                for reply in replies {
                    let _ = reply.send(Err(refusal.clone()));
                }
            }
        }
    }
}
