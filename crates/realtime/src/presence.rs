//! Who is online, as this node knows it: its own connections, and what the other nodes last reported.
//!
//! Invariant: a node's report is believed for less than a minute; nodes repeat theirs every twenty seconds. When a
//! node dies, everybody who was connected only there is returned once, to be announced as offline.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use parlour_protocol::ids::UserId;
use tokio::time::Instant;

use crate::codec::NodeId;

/// How long a node is believed after its last roll call: two may be lost, and anyone who was on a node that died is
/// offline for everybody within a minute.
const BELIEVED: Duration = Duration::from_secs(50);

#[derive(Default)]
struct Peer {
    heard: Option<Instant>,
    users: HashSet<UserId>,
}

impl Peer {
    fn is_believed(&self) -> bool {
        self.heard.is_some_and(|heard| heard.elapsed() < BELIEVED)
    }
}

/// Connected people, on this node and on the others.
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
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets nodes that were silent for too long. Returns the people who were connected there and are now connected
    /// nowhere.
    pub(crate) fn forget_silent(&self) -> Vec<UserId> {
        let gone: HashSet<UserId> =
            self.peers().extract_if(|_, peer| !peer.is_believed()).flat_map(|(_, peer)| peer.users).collect();
        gone.into_iter().filter(|user| !self.is_online(*user)).collect()
    }

    /// Counts a new connection here. Returns true if it is the person's first on this node.
    pub(crate) fn arrive(&self, user: UserId) -> bool {
        let mut local = self.local();
        let count = local.entry(user).or_default();
        *count += 1;
        *count == 1
    }

    /// Counts the end of a connection here. Returns true if it was the person's last on this node.
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
        self.peers().values().any(|peer| peer.is_believed() && peer.users.contains(&user))
    }

    /// Number of people connected anywhere.
    pub fn count(&self) -> usize {
        let here: HashSet<UserId> = self.local().keys().copied().collect();
        let peers = self.peers();
        let believed = peers.values().filter(|peer| peer.is_believed());
        let elsewhere = believed.flat_map(|peer| peer.users.iter()).filter(|user| !here.contains(user));
        let elsewhere: HashSet<&UserId> = elsewhere.collect();
        here.len() + elsewhere.len()
    }

    pub(crate) fn everybody_here(&self) -> Vec<UserId> {
        self.local().keys().copied().collect()
    }

    pub(crate) fn apply_peer_presence(&self, node: NodeId, user: UserId, online: bool) {
        let mut peers = self.peers();
        let peer = peers.entry(node).or_default();
        peer.heard.get_or_insert_with(Instant::now);
        if online {
            peer.users.insert(user);
        } else {
            peer.users.remove(&user);
        }
    }

    pub(crate) fn peer_roll(&self, node: NodeId, users: Vec<UserId>) {
        let peer = Peer { heard: Some(Instant::now()), users: users.into_iter().collect() };
        self.peers().insert(node, peer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: UserId = UserId(1);
    const BOB: UserId = UserId(2);

    #[tokio::test(start_paused = true)]
    async fn somebody_who_was_on_a_silent_node_alone_is_handed_out_once() {
        let presence = Presence::default();
        presence.peer_roll(1, vec![ADA, BOB]);
        tokio::time::advance(BELIEVED / 2).await;
        presence.peer_roll(2, vec![BOB]);
        assert_eq!(presence.forget_silent(), []);
        assert!(presence.is_online(ADA));
        tokio::time::advance(BELIEVED / 2).await;
        assert!(!presence.is_online(ADA) && presence.is_online(BOB));
        assert_eq!(presence.forget_silent(), [ADA], "the other one is on another node");
        assert_eq!(presence.forget_silent(), []);
        presence.arrive(BOB);
        tokio::time::advance(BELIEVED).await;
        assert_eq!(presence.forget_silent(), [], "the other one is here");
    }
}
