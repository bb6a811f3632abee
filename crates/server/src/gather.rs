//! Questions to the database that many ask at the same time, asked together. While one answer is being read, the
//! next questions collect; when nobody else asks, nobody waits. Reading groups itself like committing does.
//!
//! Invariant: what is asked together costs a fixed number of statements, and its rows are bounded per question. Parts
//! that may be large or slow are asked for alone.

use std::sync::{Arc, OnceLock};

use parlour_chat::Refusal;
use parlour_storage::{Connection, Database, StorageError};
use tokio::sync::{mpsc, oneshot};

/// Questions that may wait; more are refused as overload.
const QUEUE: usize = 8192;

type Read<K, V> = fn(&mut Connection, &[K]) -> Result<Vec<V>, Refusal>;

struct Asked<K, V> {
    key: K,
    reply: oneshot::Sender<Result<V, Refusal>>,
}

/// Asks for the value of a key.
pub struct Gather<K, V>(OnceLock<mpsc::Sender<Asked<K, V>>>);

impl<K, V> Default for Gather<K, V> {
    fn default() -> Self {
        Self(OnceLock::new())
    }
}

impl<K: Send + Sync + 'static, V: Send + 'static> Gather<K, V> {
    /// Starts asking, inside the runtime that shall do it: up to this many questions together. `read` answers one
    /// value for each key, in their order.
    pub fn start(&self, database: &Database, together: usize, read: Read<K, V>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        if self.0.set(sender).is_ok() {
            tokio::spawn(run(database.clone(), receiver, together, read));
        }
    }

    /// The value of a key.
    pub async fn ask(&self, key: K) -> Result<V, Refusal> {
        let (reply, answer) = oneshot::channel();
        let queue = self.0.get().ok_or(StorageError::Unavailable)?;
        queue.try_send(Asked { key, reply }).map_err(|_| StorageError::Unavailable)?;
        answer.await.unwrap_or_else(|_| Err(StorageError::Unavailable.into()))
    }
}

async fn run<K: Send + Sync + 'static, V: Send + 'static>(
    database: Database,
    mut queue: mpsc::Receiver<Asked<K, V>>,
    together: usize,
    read: Read<K, V>,
) {
    let mut waiting = Vec::with_capacity(together);
    while queue.recv_many(&mut waiting, together).await > 0 {
        let (keys, replies): (Vec<K>, Vec<_>) = waiting.drain(..).map(|one| (one.key, one.reply)).unzip();
        let keys = Arc::new(keys);
        let once = || {
            let keys = keys.clone();
            database.read(move |conn| read(conn, &keys))
        };
        let mut outcome = once().await;
        if matches!(outcome, Err(Refusal::Storage(StorageError::Unavailable))) {
            // A connection that broke while it lay idle says so only when it is used; the next one is fresh.
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
