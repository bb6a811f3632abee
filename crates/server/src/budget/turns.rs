//! Turns for heavy readers: one large read of a person runs on this node at a time, the others wait in order
//! of arrival. Somebody who asks for everything at once waits; nobody else does.
//!
//! Invariant: the table holds only people with a read that runs or waits.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use parlour_protocol::ids::UserId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Maximum concurrent large reads per person and node.
const AT_ONCE: usize = 1;

type Table = Arc<Mutex<HashMap<UserId, Arc<Semaphore>>>>;

/// Table of turns by person; cheap to clone.
#[derive(Clone, Default)]
pub struct ReadTurns(Table);

/// A person's turn; dropping it lets their next read begin.
pub struct ReadTurn {
    user: UserId,
    turns: Option<Arc<Semaphore>>,
    permit: Option<OwnedSemaphorePermit>,
    table: Table,
}

impl ReadTurns {
    /// Waits for the person's next free turn.
    pub async fn wait(&self, user: UserId) -> ReadTurn {
        let turns = {
            let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            table.entry(user).or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE))).clone()
        };
        let mut turn = ReadTurn { user, turns: Some(turns.clone()), permit: None, table: self.0.clone() };
        turn.permit = turns.acquire_owned().await.ok();
        turn
    }
}

impl Drop for ReadTurn {
    fn drop(&mut self) {
        self.permit = None;
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        // Dropped under the lock, so that when two turns end at the same time, the second sees that it is the last.
        self.turns = None;
        if table.get(&self.user).is_some_and(|turns| Arc::strong_count(turns) == 1) {
            table.remove(&self.user);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn people_wait_for_themselves_and_nobody_is_remembered() {
        let (turns, ada, bob) = (ReadTurns::default(), UserId(1), UserId(2));
        let first = turns.wait(ada).await;
        let soon = Duration::from_millis(1);
        assert!(tokio::time::timeout(soon, turns.wait(ada)).await.is_err(), "the second one waits");
        drop(turns.wait(bob).await);
        drop(first);
        drop(tokio::time::timeout(soon, turns.wait(ada)).await.expect("its turn"));
        assert!(turns.0.lock().unwrap().is_empty());
    }
}
