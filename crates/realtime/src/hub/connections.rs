//! The connections of this node, and which topics each of them follows.
//!
//! Invariant: a connection is in the feeds of exactly the topics that its outbox lists.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::limits;
use parlour_protocol::socket::CloseCode;

use super::{Hub, lock};
use crate::codec::Packet;
use crate::feed::Topic;
use crate::outbox::Outbox;

/// How long a person stays online after their last connection ended, since most reconnect at once.
const OFFLINE_AFTER: Duration = Duration::from_secs(10);

impl Hub {
    /// Number of sockets connected to this node.
    pub fn sockets(&self) -> usize {
        lock(&self.0.connections).values().map(Vec::len).sum()
    }

    /// Adds a connection, and tells `friends` if the person was offline before. Returns false if the person has too
    /// many connections already.
    pub fn connect(&self, outbox: &Arc<Outbox>, friends: Vec<UserId>) -> bool {
        let Some((user, _)) = outbox.owner() else {
            return false;
        };
        {
            let mut connections = lock(&self.0.connections);
            let own = connections.entry(user).or_default();
            if own.len() >= limits::SOCKETS_PER_USER {
                return false;
            }
            own.push(outbox.clone());
        }
        if self.0.presence.arrive(user) {
            let elsewhere = self.0.presence.is_elsewhere(user);
            self.tell_others(Packet::Presence { user, online: true });
            if !elsewhere {
                self.announce(user, true, friends);
            }
        }
        true
    }

    /// Removes a connection from everything it follows. After the person's last one, friends are told once
    /// `OFFLINE_AFTER` has passed without a new one.
    pub fn disconnect(&self, outbox: &Arc<Outbox>) {
        outbox.finish();
        for topic in outbox.topics() {
            self.detach(topic, outbox);
        }
        let Some((user, _)) = outbox.owner() else {
            return;
        };
        let mut connections = lock(&self.0.connections);
        let Some(own) = connections.get_mut(&user) else {
            return;
        };
        let before = own.len();
        own.retain(|one| !Arc::ptr_eq(one, outbox));
        let was_in = own.len() < before;
        if own.is_empty() {
            connections.remove(&user);
        }
        drop(connections);
        if was_in && self.0.presence.depart(user) {
            let hub = self.clone();
            tokio::spawn(async move {
                tokio::time::sleep(OFFLINE_AFTER).await;
                if !hub.0.presence.leave(user) {
                    return;
                }
                hub.tell_others(Packet::Presence { user, online: false });
                if !hub.0.presence.is_elsewhere(user) {
                    let friends = hub.0.log.friends(user).await;
                    hub.announce(user, false, friends);
                }
            });
        }
    }

    /// Subscribes to a topic before the connection knows its position in it; [`Self::begin`] sets the position. What
    /// is read from the log after this call misses no event.
    pub fn listen(&self, topic: Topic, outbox: &Arc<Outbox>) {
        let mut feeds = self.0.feeds.write(topic);
        if outbox.add_topic(topic) {
            lock(feeds.entry(topic).or_default()).listen(outbox.clone());
        }
    }

    /// Starts delivery of a person's stream added by [`Self::listen`], after a position. What was read at that
    /// position names the conversations to follow; the replayed controls bring it up to date. Returns false if the
    /// events since then are no longer in memory: the connection must start over.
    pub fn begin(&self, user: UserId, outbox: &Arc<Outbox>, position: Seq) -> bool {
        let topic = Topic::User(user);
        let begun = self.feed(topic).and_then(|feed| lock(&feed).begin(topic, outbox, position));
        let known = begun.is_some();
        begun.into_iter().flatten().for_each(|control| self.control(user, control));
        known
    }

    /// Makes a connection follow a topic after a position, or from the next event. Returns true if nobody on this
    /// node followed it before: then its head must be read again, since events published in the meantime were not
    /// received. A connection limited to some conversations follows no others.
    pub fn attach(&self, topic: Topic, outbox: &Arc<Outbox>, position: Option<Seq>, live: bool) -> bool {
        if !outbox.may_follow(topic) {
            return false;
        }
        let mut feeds = self.0.feeds.write(topic);
        let fresh = !feeds.contains_key(&topic);
        let feed = feeds.entry(topic).or_default().clone();
        // The shard stays locked so that nobody removes the feed as empty in the meantime.
        if outbox.add_topic(topic) {
            if lock(&feed).attach(topic, outbox.clone(), position, live) {
                lock(&self.0.heads_wait).push(outbox.clone());
            }
        } else {
            lock(&feed).set_live(outbox, live);
        }
        fresh
    }

    /// Stops following a topic.
    pub fn detach(&self, topic: Topic, outbox: &Arc<Outbox>) {
        let mut feeds = self.0.feeds.write(topic);
        outbox.remove_topic(topic);
        let empty = feeds.get(&topic).is_some_and(|feed| lock(feed).detach(outbox));
        if empty {
            feeds.remove(&topic);
        }
    }

    /// Replaces the set of conversations that a connection follows live. Direct chats stay live.
    pub fn focus(&self, outbox: &Arc<Outbox>, live: BTreeSet<ConversationId>) {
        let before = outbox.set_live(live.clone());
        for id in before.difference(&live) {
            self.set_live(*id, outbox, false);
        }
        for id in &live {
            self.set_live(*id, outbox, true);
        }
    }

    /// Sends a frame that is not stored to a person's connections on all nodes, except `but` and those limited to
    /// some conversations. The frame is encoded only if there is a receiver.
    pub fn tell_own(&self, user: UserId, but: Option<&Arc<Outbox>>, frame: impl Fn() -> Bytes) {
        let others: Vec<Arc<Outbox>> = lock(&self.0.connections)
            .get(&user)
            .into_iter()
            .flatten()
            .filter(|one| !one.is_limited() && but.is_none_or(|but| !Arc::ptr_eq(one, but)))
            .cloned()
            .collect();
        let elsewhere = self.0.others.get().is_some() && self.0.presence.is_elsewhere(user);
        if others.is_empty() && !elsewhere {
            return;
        }
        let frame = frame();
        others.iter().for_each(|one| one.ephemeral(frame.clone()));
        if elsewhere {
            self.tell_others(Packet::Ephemeral { topic: Topic::User(user), except: Vec::new(), frame });
        }
    }

    /// Whether a connection follows a topic.
    pub fn follows(&self, outbox: &Outbox, topic: Topic) -> bool {
        outbox.has_topic(topic)
    }

    /// Number of people who follow a conversation on this node.
    pub fn people_in(&self, id: ConversationId) -> usize {
        self.feed(Topic::Conversation(id)).map_or(0, |feed| lock(&feed).people())
    }

    fn set_live(&self, id: ConversationId, outbox: &Arc<Outbox>, live: bool) {
        if let Some(feed) = self.feed(Topic::Conversation(id)) {
            lock(&feed).set_live(outbox, live);
        }
    }

    /// Every connection.
    pub fn outboxes(&self) -> Vec<Arc<Outbox>> {
        lock(&self.0.connections).values().flatten().cloned().collect()
    }

    /// Closes every connection, for a shutdown.
    pub fn close_all(&self, code: CloseCode) {
        self.outboxes().iter().for_each(|outbox| outbox.close(code));
    }
}
