//! Who is online, as this node knows it: its own connections, and what the other nodes last said.
//!
//! Invariant: what another node said is believed for a minute; it repeats itself every twenty seconds.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use parlour_protocol::ids::{ConversationId, UserId};

use crate::codec::NodeId;

/// How long a node is believed after its last roll.
const BELIEVED: Duration = Duration::from_secs(60);

#[derive(Default)]
struct Peer {
    heard: Option<Instant>,
    users: HashSet<UserId>,
    rooms: HashMap<ConversationId, u32>,
}

/// See the module.
#[derive(Default)]
pub struct Presence {
    local: Mutex<HashMap<UserId, u32>>,
    peers: Mutex<HashMap<NodeId, Peer>>,
}

impl Presence {
    fn local(&self) -> MutexGuard<'_, HashMap<UserId, u32>> {
        self.local.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn peers(&self) -> MutexGuard<'_, HashMap<NodeId, Peer>> {
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        peers.retain(|_, peer| peer.heard.is_some_and(|heard| heard.elapsed() < BELIEVED));
        peers
    }

    /// One more connection here. True when it is the person's first one on this node.
    pub(crate) fn arrive(&self, user: UserId) -> bool {
        let mut local = self.local();
        let count = local.entry(user).or_default();
        *count += 1;
        *count == 1
    }

    /// One connection less here. True when it was the person's last one on this node.
    pub(crate) fn depart(&self, user: UserId) -> bool {
        let mut local = self.local();
        match local.get_mut(&user) {
            Some(count) if *count > 1 => {
                *count -= 1;
                false
            }
            Some(_) => local.remove(&user).is_some(),
            None => false,
        }
    }

    /// Whether a person is connected here.
    pub(crate) fn is_here(&self, user: UserId) -> bool {
        self.local().contains_key(&user)
    }

    /// Whether a person is connected anywhere.
    pub fn is_online(&self, user: UserId) -> bool {
        self.is_here(user) || self.is_elsewhere(user)
    }

    pub(crate) fn is_elsewhere(&self, user: UserId) -> bool {
        self.peers().values().any(|peer| peer.users.contains(&user))
    }

    /// How many people are connected anywhere.
    pub fn count(&self) -> usize {
        let here: HashSet<UserId> = self.local().keys().copied().collect();
        let peers = self.peers();
        let elsewhere = peers.values().flat_map(|peer| peer.users.iter()).filter(|user| !here.contains(user));
        let elsewhere: HashSet<&UserId> = elsewhere.collect();
        here.len() + elsewhere.len()
    }

    /// How many follow a room on the other nodes.
    pub(crate) fn elsewhere_in(&self, room: ConversationId) -> usize {
        self.peers().values().map(|peer| peer.rooms.get(&room).map_or(0, |count| *count as usize)).sum()
    }

    pub(crate) fn everybody_here(&self) -> Vec<UserId> {
        self.local().keys().copied().collect()
    }

    pub(crate) fn peer_said(&self, node: NodeId, user: UserId, online: bool) {
        let mut peers = self.peers();
        let peer = peers.entry(node).or_default();
        peer.heard.get_or_insert_with(Instant::now);
        if online {
            peer.users.insert(user);
        } else {
            peer.users.remove(&user);
        }
    }

    pub(crate) fn peer_roll(&self, node: NodeId, users: Vec<UserId>, rooms: Vec<(ConversationId, u32)>) {
        let peer = Peer {
            heard: Some(Instant::now()),
            users: users.into_iter().collect(),
            rooms: rooms.into_iter().collect(),
        };
        self.peers().insert(node, peer);
    }
}
