//! A fair queue: keys take turns, so that nobody waits behind everything that somebody else has queued.
//!
//! Invariant: a key is in `turns` exactly once while it has items, and nothing is kept of it afterwards.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// A first-in, first-out queue per key, served round-robin.
pub struct FairQueue<K, T> {
    waiting: HashMap<K, VecDeque<T>>,
    turns: VecDeque<K>,
}

impl<K, T> Default for FairQueue<K, T> {
    fn default() -> Self {
        Self { waiting: HashMap::new(), turns: VecDeque::new() }
    }
}

impl<K: Eq + Hash + Copy, T> FairQueue<K, T> {
    /// Adds an item behind those of the same key.
    pub fn push(&mut self, key: K, item: T) {
        let items = self.waiting.entry(key).or_default();
        if items.is_empty() {
            self.turns.push_back(key);
        }
        items.push_back(item);
    }

    /// Takes the next item.
    pub fn pop(&mut self) -> Option<T> {
        let key = self.turns.pop_front()?;
        let items = self.waiting.get_mut(&key)?;
        let item = items.pop_front();
        if items.is_empty() {
            self.waiting.remove(&key);
        } else {
            self.turns.push_back(key);
        }
        item
    }

    /// Whether the queue is empty.
    pub fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    /// Number of keys with items.
    pub fn keys(&self) -> usize {
        self.turns.len()
    }

    /// Number of items of one key.
    pub fn of(&self, key: K) -> usize {
        self.waiting.get(&key).map_or(0, VecDeque::len)
    }

    /// Drops the newest item of the key with the most, if it has more than `than`. Returns whether it did.
    pub fn drop_of_most(&mut self, than: usize) -> bool {
        let most = self.waiting.iter().max_by_key(|(_, items)| items.len());
        let Some((key, _)) = most.map(|(key, items)| (*key, items.len())).filter(|(_, count)| *count > than)
        else {
            return false;
        };
        if let Some(items) = self.waiting.get_mut(&key) {
            items.pop_back();
            if items.is_empty() {
                self.waiting.remove(&key);
                self.turns.retain(|one| *one != key);
            }
        }
        true
    }
}
