//! Who is online, as this node knows it: its own connections, and what the other nodes last reported.
//!
//! Nodes report each change. Every twenty seconds they also repeat a digest of everybody on them, so that a peer that
//! missed something asks for the whole list: what is sent grows with changes, not with people times nodes.
//!
//! Invariant: a node is believed for less than a minute after its last digest or list. When a node dies, everybody who
//! was connected only there is returned once, to be announced as offline.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use parlour_protocol::ids::UserId;
use tokio::time::Instant;

use crate::codec::NodeId;

/// How long a node is believed after its last report: two may be lost, and anyone who was on a node that died is
/// offline for everybody within a minute.
const BELIEVED: Duration = Duration::from_secs(50);

/// Identifies a set of people with all but certainty: their number, and a sum that does not depend on their order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Digest {
    /// Number of people.
    pub count: u32,
    /// Their ids, each mixed and combined by exclusive or. All nodes must compute the same.
    pub sum: u64,
}

impl Digest {
    fn add(&mut self, user: UserId) {
        self.count = self.count.wrapping_add(1);
        self.sum ^= mixed(user);
    }

    fn remove(&mut self, user: UserId) {
        self.count = self.count.wrapping_sub(1);
        self.sum ^= mixed(user);
    }
}

/// The finalizer of SplitMix64: ids are numbered one after the other, and their plain exclusive or would collide.
fn mixed(user: UserId) -> u64 {
    let mut bits = user.0 as u64;
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[derive(Default)]
struct Local {
    /// Connections of each person; none for someone whose absence the other nodes have not been told yet.
    people: HashMap<UserId, u32>,
    digest: Digest,
}

#[derive(Default)]
struct Peer {
    heard: Option<Instant>,
    users: HashSet<UserId>,
    digest: Digest,
}

impl Peer {
    fn is_believed(&self) -> bool {
        self.heard.is_some_and(|heard| heard.elapsed() < BELIEVED)
    }
}

/// Connected people, on this node and on the others.
#[derive(Default)]
pub struct Presence {
    local: Mutex<Local>,
    peers: Mutex<HashMap<NodeId, Peer>>,
}

impl Presence {
    fn local(&self) -> MutexGuard<'_, Local> {
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
        let local = &mut *self.local();
        let count = local.people.entry(user).or_insert_with(|| {
            local.digest.add(user);
            0
        });
        *count += 1;
        *count == 1
    }

    /// Counts the end of a connection here. Returns true if it was the person's last on this node; they stay in the
    /// list that other nodes know until [`Self::leave`].
    pub(crate) fn depart(&self, user: UserId) -> bool {
        let mut local = self.local();
        let Some(count) = local.people.get_mut(&user).filter(|count| **count > 0) else { return false };
        *count -= 1;
        *count == 0
    }

    /// Takes a person who has no connection here off the list. Returns false if they have one, or were not on it.
    pub(crate) fn leave(&self, user: UserId) -> bool {
        let mut local = self.local();
        let leaves = local.people.get(&user) == Some(&0);
        if leaves {
            local.people.remove(&user);
            local.digest.remove(user);
        }
        leaves
    }

    /// Whether a person is connected here.
    pub(crate) fn is_here(&self, user: UserId) -> bool {
        self.local().people.get(&user).is_some_and(|count| *count > 0)
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
        let local = self.local();
        let here = local.people.iter().filter(|(_, count)| **count > 0).map(|(user, _)| *user);
        let mut everybody: HashSet<UserId> = here.collect();
        drop(local);
        let peers = self.peers();
        everybody.extend(peers.values().filter(|peer| peer.is_believed()).flat_map(|peer| &peer.users));
        everybody.len()
    }

    /// Everybody on the list that other nodes know.
    pub(crate) fn listed(&self) -> Vec<UserId> {
        self.local().people.keys().copied().collect()
    }

    /// The digest of that list.
    pub(crate) fn digest(&self) -> Digest {
        self.local().digest
    }

    /// Takes over a change that a node reported.
    pub(crate) fn peer_changed(&self, node: NodeId, user: UserId, online: bool) {
        let mut peers = self.peers();
        let peer = peers.entry(node).or_default();
        peer.heard.get_or_insert_with(Instant::now);
        if online && peer.users.insert(user) {
            peer.digest.add(user);
        } else if !online && peer.users.remove(&user) {
            peer.digest.remove(user);
        }
    }

    /// Takes over the list that a node reported.
    pub(crate) fn peer_listed(&self, node: NodeId, users: Vec<UserId>) {
        let mut peer = Peer { heard: Some(Instant::now()), ..Peer::default() };
        for user in users {
            if peer.users.insert(user) {
                peer.digest.add(user);
            }
        }
        self.peers().insert(node, peer);
    }

    /// Compares a node's digest with what is known of it. Returns false if something was missed.
    pub(crate) fn peer_is_known(&self, node: NodeId, digest: Digest) -> bool {
        let mut peers = self.peers();
        let peer = peers.entry(node).or_default();
        peer.heard = Some(Instant::now());
        peer.digest == digest
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
        presence.peer_listed(1, vec![ADA, BOB]);
        tokio::time::advance(BELIEVED / 2).await;
        presence.peer_listed(2, vec![BOB]);
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

    #[tokio::test(start_paused = true)]
    async fn a_digest_tells_whether_every_change_arrived() {
        let (node, peer) = (Presence::default(), Presence::default());
        let knows = || peer.peer_is_known(1, node.digest());
        assert!(knows(), "nobody is there");
        for number in 1..=100 {
            node.arrive(UserId(number));
            peer.peer_changed(1, UserId(number), true);
        }
        node.arrive(ADA);
        peer.peer_changed(1, ADA, true);
        assert!(knows(), "a second connection of somebody changes nothing");
        assert!(!node.depart(ADA) && node.depart(ADA) && !node.is_here(ADA));
        assert!(knows(), "they may be back at once");
        assert!(node.leave(ADA) && !node.leave(ADA));
        assert!(!knows());
        peer.peer_changed(1, ADA, false);
        assert!(knows());
        node.arrive(ADA);
        node.depart(BOB);
        node.leave(BOB);
        assert!(!knows(), "as many people, but others");
        assert!(peer.is_online(BOB));
        peer.peer_listed(1, node.listed());
        assert!(knows() && !peer.is_online(BOB));
        assert_eq!(peer.count(), 99);
    }
}
