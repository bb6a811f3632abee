//! The feeds that somebody on this node follows, in shards: thousands who connect at once follow different topics, and
//! must not wait for each other.
//!
//! Invariant: a feed is added and removed while its shard is locked for writing, so nobody attaches to a feed that is
//! being removed as empty.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::feed::{Feed, Topic};

const SHARDS: usize = 64;

type Shard = HashMap<Topic, Arc<Mutex<Feed>>>;

/// Feeds by topic.
pub(super) struct Feeds {
    shards: [RwLock<Shard>; SHARDS],
    hasher: RandomState,
}

impl Default for Feeds {
    fn default() -> Self {
        Self { shards: std::array::from_fn(|_| RwLock::default()), hasher: RandomState::new() }
    }
}

impl Feeds {
    fn shard(&self, topic: Topic) -> &RwLock<Shard> {
        &self.shards[self.hasher.hash_one(topic) as usize % SHARDS]
    }

    fn read(shard: &RwLock<Shard>) -> RwLockReadGuard<'_, Shard> {
        shard.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The feed of a topic, if somebody follows it.
    pub(super) fn get(&self, topic: Topic) -> Option<Arc<Mutex<Feed>>> {
        Self::read(self.shard(topic)).get(&topic).cloned()
    }

    /// Locks the shard of a topic, to add or remove its feed.
    pub(super) fn write(&self, topic: Topic) -> RwLockWriteGuard<'_, Shard> {
        self.shard(topic).write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those of the `wanted` topics that somebody follows.
    pub(super) fn topics(&self, wanted: impl Fn(Topic) -> bool) -> Vec<Topic> {
        let mut topics = Vec::new();
        for shard in &self.shards {
            topics.extend(Self::read(shard).keys().copied().filter(|topic| wanted(*topic)));
        }
        topics
    }
}
