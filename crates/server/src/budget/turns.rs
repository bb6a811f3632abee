//! Turns of people who read much: few large reads of one person are under way on this node at the same time, the others
//! wait in the order in which they came. Somebody who asks for everything at once waits; nobody else does.
//!
//! Invariant: the table holds only people of whom a read is under way or waits.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use parlour_protocol::ids::UserId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Large reads of one person at the same time.
const AT_ONCE: usize = 2;

type Table = Arc<Mutex<HashMap<UserId, Arc<Semaphore>>>>;

/// See the module; cheap to clone.
#[derive(Clone, Default)]
pub struct ReadTurns(Table);

/// A person's turn; dropping it lets the next read of theirs begin.
pub struct ReadTurn {
    user: UserId,
    turns: Option<Arc<Semaphore>>,
    permit: Option<OwnedSemaphorePermit>,
    table: Table,
}

impl ReadTurns {
    /// Waits until it is this read's turn.
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
        // Given up under the lock, so that of two who end at the same time the second one sees that it is the last.
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
        let (first, second) = (turns.wait(ada).await, turns.wait(ada).await);
        let soon = Duration::from_millis(1);
        assert!(tokio::time::timeout(soon, turns.wait(ada)).await.is_err(), "a third one waits");
        drop(turns.wait(bob).await);
        drop(first);
        let third = tokio::time::timeout(soon, turns.wait(ada)).await.expect("its turn");
        drop((second, third));
        assert!(turns.0.lock().unwrap().is_empty());
    }
}
