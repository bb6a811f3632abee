//! Memory that clients make this node hold: request bodies being received, unread responses, unfinished frames.
//!
//! Invariant: the total stays below one limit. When there is no room, the connection of the largest holder is closed,
//! never that of a holder of little.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use parlour_protocol::ids::UserId;
use tokio::sync::Notify;

use super::addresses::AddressKey;

/// Handle that closes one connection from anywhere.
#[derive(Default)]
pub struct Kill {
    killed: AtomicBool,
    notify: Notify,
}

impl Kill {
    /// Requests that the connection be closed.
    pub fn kill(&self) {
        self.killed.store(true, Ordering::Release);
        self.notify.notify_one();
    }

    /// Whether closing was requested.
    pub fn is_killed(&self) -> bool {
        self.killed.load(Ordering::Acquire)
    }

    /// Waits until closing is requested. Only one task may wait at a time.
    pub async fn wait(&self) {
        while !self.is_killed() {
            self.notify.notified().await;
        }
    }
}

/// Whose budget memory is charged to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Owner {
    /// An authenticated person.
    Person(UserId),
    /// Strangers at an address.
    Address(AddressKey),
}

struct Holder {
    owner: Owner,
    bytes: usize,
    kill: Arc<Kill>,
}

#[derive(Default)]
struct Holders {
    total: usize,
    next: u64,
    /// By ticket number, so the oldest comes first.
    tickets: BTreeMap<u64, Holder>,
    owners: HashMap<Owner, usize>,
}

impl Holders {
    fn remove(&mut self, ticket: u64) -> Option<Holder> {
        let holder = self.tickets.remove(&ticket)?;
        self.total -= holder.bytes;
        if let Some(held) = self.owners.get_mut(&holder.owner) {
            *held -= holder.bytes;
            if *held == 0 {
                self.owners.remove(&holder.owner);
            }
        }
        Some(holder)
    }

    fn held_by(&self, owner: Owner) -> usize {
        self.owners.get(&owner).copied().unwrap_or(0)
    }

    /// Makes room for `bytes` of `owner` by closing connections of owners who hold more. Returns false if there are
    /// none.
    fn make_room(&mut self, limit: usize, owner: Owner, bytes: usize) -> bool {
        while self.total + bytes > limit {
            let most = self.owners.iter().max_by_key(|(_, held)| **held).map(|(owner, held)| (*owner, *held));
            let Some((greedy, _)) = most.filter(|(_, held)| *held > self.held_by(owner) + bytes) else {
                return false;
            };
            let oldest =
                self.tickets.iter().find(|(_, holder)| holder.owner == greedy).map(|(ticket, _)| *ticket);
            match oldest.and_then(|ticket| self.remove(ticket)) {
                Some(holder) => holder.kill.kill(),
                None => return false,
            }
        }
        true
    }
}

/// Memory budget of the node; cheap to clone.
#[derive(Clone)]
pub struct MemoryBudget {
    limit: usize,
    holders: Arc<Mutex<Holders>>,
}

impl MemoryBudget {
    /// Creates a budget of at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit, holders: Arc::default() }
    }

    /// Reserves `bytes` for a connection. `None` if there is no room, or the owner would hold more than `most` bytes.
    pub fn hold(&self, owner: Owner, bytes: usize, most: usize, kill: &Arc<Kill>) -> Option<Held> {
        let mut holders = self.holders.lock().unwrap_or_else(PoisonError::into_inner);
        if holders.held_by(owner) + bytes > most || !holders.make_room(self.limit, owner, bytes) {
            return None;
        }
        let ticket = holders.next;
        holders.next += 1;
        holders.total += bytes;
        *holders.owners.entry(owner).or_default() += bytes;
        holders.tickets.insert(ticket, Holder { owner, bytes, kill: kill.clone() });
        Some(Held { holders: self.holders.clone(), ticket })
    }

    /// Bytes currently reserved for one owner.
    pub fn held_by(&self, owner: Owner) -> usize {
        self.holders.lock().unwrap_or_else(PoisonError::into_inner).held_by(owner)
    }

    /// Bytes currently reserved in total.
    pub fn held(&self) -> usize {
        self.holders.lock().unwrap_or_else(PoisonError::into_inner).total
    }
}

/// Reserved memory; dropping it releases it.
pub struct Held {
    holders: Arc<Mutex<Holders>>,
    ticket: u64,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.holders.lock().unwrap_or_else(PoisonError::into_inner).remove(self.ticket);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> Owner {
        Owner::Address(AddressKey::of([192, 0, 2, last].into()))
    }

    #[test]
    fn the_largest_holder_gives_way() {
        let budget = MemoryBudget::new(100);
        let kill = || Arc::new(Kill::default());
        let (first, second) = (kill(), kill());
        let greedy = [
            budget.hold(address(1), 40, usize::MAX, &first).unwrap(),
            budget.hold(address(1), 40, usize::MAX, &second).unwrap(),
        ];
        let modest = budget.hold(address(2), 20, usize::MAX, &kill()).unwrap();
        assert!(budget.hold(address(1), 1, usize::MAX, &kill()).is_none(), "not at the cost of others");
        let newcomer = budget.hold(address(3), 10, usize::MAX, &kill()).unwrap();
        assert!(first.is_killed() && !second.is_killed());
        assert_eq!(budget.held(), 70);
        drop(greedy);
        assert_eq!(budget.held(), 30, "what was taken away is not given back again");
        drop((modest, newcomer));
        assert_eq!(budget.held(), 0);
        assert!(budget.holders.lock().unwrap().owners.is_empty());
    }

    #[test]
    fn one_owner_has_a_limit_of_their_own() {
        let budget = MemoryBudget::new(100);
        let kill = Arc::new(Kill::default());
        let held = budget.hold(address(1), 30, 40, &kill).unwrap();
        assert!(budget.hold(address(1), 20, 40, &kill).is_none());
        drop(held);
        assert!(budget.hold(address(1), 20, 40, &kill).is_some());
    }
}
