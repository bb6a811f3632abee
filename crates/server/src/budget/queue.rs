//! A queue in which those who wait take turns by a key, so that nobody waits behind all that somebody else has asked for.
//!
//! Invariant: a key is in `turns` exactly once as long as something of it waits, and nothing is kept of it afterwards.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// See the module.
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
    /// Adds something behind what waits of the same key.
    pub fn push(&mut self, key: K, item: T) {
        let items = self.waiting.entry(key).or_default();
        if items.is_empty() {
            self.turns.push_back(key);
        }
        items.push_back(item);
    }

    /// Takes what is next.
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

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    /// How many keys wait.
    pub fn keys(&self) -> usize {
        self.turns.len()
    }

    /// How much waits of one key.
    pub fn of(&self, key: K) -> usize {
        self.waiting.get(&key).map_or(0, VecDeque::len)
    }

    /// Drops what came last of the key with the most, if that is more than `than`.
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
