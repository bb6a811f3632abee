//! Telling friends who is online, and other nodes who is here.
//!
//! Invariant: what other nodes are told is what `Presence` lists, change by change, and its digest says so.

use std::sync::atomic::Ordering;
use std::time::Duration;

use parlour_protocol::events::Ephemeral;
use parlour_protocol::ids::UserId;
use parlour_protocol::socket::ServerFrame;

use super::Hub;
use crate::codec::Packet;
use crate::feed::Topic;
use crate::frames;

/// How often a node sends what the others asked for, once for all of them.
const ROUND: Duration = Duration::from_secs(1);
/// Rounds between two digests.
const DIGEST_ROUNDS: u32 = 20;

impl Hub {
    /// Tells a person's friends that they came online or went offline. `connect` and `disconnect` do this themselves.
    pub fn announce(&self, user: UserId, online: bool, friends: Vec<UserId>) {
        let frame = frames::encode(&ServerFrame::Ephemeral(Ephemeral::Presence { user, online }));
        for friend in friends {
            self.ephemeral(Topic::User(friend), Vec::new(), frame.clone());
        }
    }

    /// Two people became friends: tells each that the other is online, if the other is and allows them to know.
    pub async fn introduce(&self, one: UserId, other: UserId) {
        for (user, friend) in [(one, other), (other, one)] {
            if self.0.presence.is_online(user) && self.0.log.friends(user).await.contains(&friend) {
                self.announce(user, true, vec![friend]);
            }
        }
    }

    /// Tells friends on this node that people went offline with their node, which could not say so itself. Every node
    /// finds this out and tells its own connections.
    pub(super) async fn announce_lost_peers(&self) {
        for user in self.0.presence.forget_silent() {
            let frame = frames::encode(&ServerFrame::Ephemeral(Ephemeral::Presence { user, online: false }));
            for friend in self.0.log.friends(user).await {
                self.deliver_ephemeral(Topic::User(friend), &[], &frame);
            }
        }
    }

    /// Introduces this node to others that may have missed something, or never heard of it.
    pub(crate) fn greet(&self) {
        self.tell_others(Packet::Digest(self.0.presence.digest()));
        self.tell_others(Packet::Ask { node: None });
    }

    /// Runs forever: sends what other nodes asked for since the last round, and a digest every [`DIGEST_ROUNDS`].
    pub(super) async fn report_presence(self) {
        let mut pause = tokio::time::interval(ROUND);
        for round in (0..DIGEST_ROUNDS).cycle() {
            pause.tick().await;
            if self.0.owes_list.swap(false, Ordering::Relaxed) {
                self.tell_others(Packet::List { users: self.0.presence.listed() });
            }
            if self.0.owes_digest.swap(false, Ordering::Relaxed) || round == 0 {
                self.tell_others(Packet::Digest(self.0.presence.digest()));
            }
        }
    }
}
