//! Fair queues: keys take turns, so that nobody waits behind everything that somebody else has queued.
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
        let (item, more) = self.take(key)?;
        if more {
            self.turns.push_back(key);
        }
        Some(item)
    }

    /// Takes an item of the key whose turn would come last. If it has more, they wait behind those of all others.
    pub fn pop_newest(&mut self) -> Option<T> {
        let key = self.turns.pop_back()?;
        let (item, more) = self.take(key)?;
        if more {
            self.turns.push_front(key);
        }
        Some(item)
    }

    /// The first item of a key, and whether it has more.
    fn take(&mut self, key: K) -> Option<(T, bool)> {
        let items = self.waiting.get_mut(&key)?;
        let item = items.pop_front()?;
        let more = !items.is_empty();
        if !more {
            self.waiting.remove(&key);
        }
        Some((item, more))
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

    /// Number of items of all keys.
    pub fn count(&self) -> usize {
        self.waiting.values().map(VecDeque::len).sum()
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

/// A fair queue per block, served round-robin: blocks take turns, and within a block its keys do.
pub struct FairBlocks<B, K, T> {
    waiting: HashMap<B, FairQueue<K, T>>,
    turns: VecDeque<B>,
}

impl<B, K, T> Default for FairBlocks<B, K, T> {
    fn default() -> Self {
        Self { waiting: HashMap::new(), turns: VecDeque::new() }
    }
}

impl<B: Eq + Hash + Copy, K: Eq + Hash + Copy, T> FairBlocks<B, K, T> {
    /// Adds an item behind those of the same key.
    pub fn push(&mut self, block: B, key: K, item: T) {
        let queue = self.waiting.entry(block).or_default();
        if queue.is_empty() {
            self.turns.push_back(block);
        }
        queue.push(key, item);
    }

    /// Takes the next item. From a block in which more than `crowd` keys wait, it is one of the newest key.
    pub fn pop(&mut self, crowd: usize) -> Option<T> {
        let block = self.turns.pop_front()?;
        let queue = self.waiting.get_mut(&block)?;
        let item = if queue.keys() > crowd { queue.pop_newest() } else { queue.pop() };
        if queue.is_empty() {
            self.waiting.remove(&block);
        } else {
            self.turns.push_back(block);
        }
        item
    }

    /// Whether the queue is empty.
    pub fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    /// Number of blocks with items.
    pub fn blocks(&self) -> usize {
        self.turns.len()
    }

    /// Number of items of one key.
    pub fn of(&self, block: B, key: K) -> usize {
        self.waiting.get(&block).map_or(0, |queue| queue.of(key))
    }

    /// Drops an item so that this key may add one: from a block with more items, or within its own block from a key
    /// with more. Returns whether there was one.
    pub fn make_room(&mut self, block: B, key: K) -> bool {
        let own = self.waiting.get(&block).map_or(0, FairQueue::count);
        match self.fullest() {
            Some((fullest, count)) if count > own + 1 => self.drop_of(fullest, 0),
            _ => self.drop_of(block, self.of(block, key) + 1),
        }
    }

    /// Drops an item of the block with the most. Returns whether there was one.
    pub fn drop_of_most(&mut self) -> bool {
        self.fullest().is_some_and(|(block, _)| self.drop_of(block, 0))
    }

    fn fullest(&self) -> Option<(B, usize)> {
        self.waiting.iter().map(|(block, queue)| (*block, queue.count())).max_by_key(|(_, count)| *count)
    }

    fn drop_of(&mut self, block: B, than: usize) -> bool {
        let Some(queue) = self.waiting.get_mut(&block) else { return false };
        let dropped = queue.drop_of_most(than);
        if queue.is_empty() {
            self.waiting.remove(&block);
            self.turns.retain(|one| *one != block);
        }
        dropped
    }
}
