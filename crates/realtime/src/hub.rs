//! The connections of this node and the feeds they follow. Missed events are found and read in `holes`.
//!
//! Invariant: an event is delivered here and to the other nodes only after its COMMIT; anyone who misses it finds it
//! in the log. Locks are held while shared bytes are pushed into queues, never across an await.

mod controls;
mod feeds;
mod holes;
mod presence;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parlour_protocol::ids::{ConversationId, Seq, SessionId, UserId};
use parlour_protocol::limits;
use parlour_protocol::socket::CloseCode;
use tokio::sync::mpsc;

use self::feeds::Feeds;
use crate::broker::Broker;
use crate::codec::{NodeId, Packet};
use crate::feed::{Control, Delivered, Delivery, Feed, Topic};
use crate::metrics::{Metrics, count};
use crate::outbox::Outbox;
use crate::presence::Presence;

/// How long a person stays online after their last connection ended, since most reconnect at once.
const OFFLINE_AFTER: Duration = Duration::from_secs(10);
/// How often all heads are compared with the log: in a cluster, and on a single node (where only a fault of this
/// process could lose an event).
const SWEEP_CLUSTER: Duration = Duration::from_secs(2);
const SWEEP_ALONE: Duration = Duration::from_secs(30);
/// A sweep is split into this many parts, run one after the other, so that it never delays a message for long.
const SWEEP_PARTS: u32 = 8;
/// Parts for people's own streams: fewer, so that a cluster compares all of them within 750 ms, because they tell
/// what somebody may no longer read.
const PEOPLE_PARTS: u32 = 3;
/// How often waiting heads are sent.
const TICK: Duration = Duration::from_millis(500);

/// A boxed future.
pub type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The newest position of a topic in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The stream.
    pub topic: Topic,
    /// Position of its newest event.
    pub seq: Seq,
    /// Whether it is a direct chat, which is always followed live.
    pub direct: bool,
}

/// The durable event log behind the feeds: the database in a server, a list in tests.
pub trait Log: Send + Sync + 'static {
    /// At most `limit` events after a position, oldest first; empty if the log cannot be read now.
    fn read(&self, topic: Topic, after: Seq, limit: i64) -> Later<Vec<Delivery>>;
    /// Heads of those topics that exist.
    fn heads(&self, topics: Vec<Topic>) -> Later<Vec<Head>>;
    /// The friends who are told whether a person is online; empty if nobody is told.
    fn friends(&self, user: UserId) -> Later<Vec<UserId>>;
}

/// Called when another node reports the end of a session.
type SessionEnded = Box<dyn Fn(SessionId) + Send + Sync>;

struct Inner {
    node: NodeId,
    log: Arc<dyn Log>,
    metrics: Arc<Metrics>,
    presence: Presence,
    /// Another node asked for the list of people on this one.
    owes_list: AtomicBool,
    /// Another node asked for its digest.
    owes_digest: AtomicBool,
    feeds: Feeds,
    connections: Mutex<HashMap<UserId, Vec<Arc<Outbox>>>>,
    filling: Mutex<HashSet<Topic>>,
    /// Connections with heads that wait to be sent.
    heads_wait: Mutex<Vec<Arc<Outbox>>>,
    others: OnceLock<mpsc::Sender<Packet>>,
    session_ended: OnceLock<SessionEnded>,
}

/// Handle to the hub; cheap to clone.
#[derive(Clone)]
pub struct Hub(Arc<Inner>);

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hub {
    /// Creates a hub without connections. `node` is random.
    pub fn new(node: NodeId, log: Arc<dyn Log>) -> Self {
        Self(Arc::new(Inner {
            node,
            log,
            metrics: Arc::default(),
            presence: Presence::default(),
            owes_list: AtomicBool::default(),
            owes_digest: AtomicBool::default(),
            feeds: Feeds::default(),
            connections: Mutex::default(),
            filling: Mutex::default(),
            heads_wait: Mutex::default(),
            others: OnceLock::new(),
            session_ended: OnceLock::new(),
        }))
    }

    /// Starts the background tasks on the current runtime; call once.
    pub fn start(&self, broker: &Broker) {
        let clustered = if let Some(sender) = broker.start(self, self.0.node) {
            let _ = self.0.others.set(sender);
            true
        } else {
            false
        };
        let hub = self.clone();
        tokio::spawn(async move {
            let mut tick = tokio::time::interval(TICK);
            loop {
                tick.tick().await;
                hub.flush_heads();
            }
        });
        let hub = self.clone();
        tokio::spawn(async move {
            let every = if clustered { SWEEP_CLUSTER } else { SWEEP_ALONE };
            let mut pause = tokio::time::interval(every / SWEEP_PARTS);
            for part in (0..SWEEP_PARTS * PEOPLE_PARTS).cycle() {
                pause.tick().await;
                if part % SWEEP_PARTS == 0 {
                    hub.announce_lost_peers().await;
                }
                let is_due = |topic: Topic| match topic {
                    Topic::Conversation(_) => topic.part(SWEEP_PARTS) == part % SWEEP_PARTS,
                    Topic::User(_) => topic.part(PEOPLE_PARTS) == part % PEOPLE_PARTS,
                };
                hub.sweep(is_due).await;
            }
        });
        if clustered {
            tokio::spawn(self.clone().report_presence());
        }
    }

    /// Sets what to do when another node reports the end of a session. Call once, before anything else.
    pub fn on_end_of_session(&self, ended: impl Fn(SessionId) + Send + Sync + 'static) {
        let _ = self.0.session_ended.set(Box::new(ended));
    }

    /// This node's counters.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.0.metrics
    }

    /// Who is online.
    pub fn presence(&self) -> &Presence {
        &self.0.presence
    }

    /// Number of sockets connected to this node.
    pub fn sockets(&self) -> usize {
        lock(&self.0.connections).values().map(Vec::len).sum()
    }

    fn feed(&self, topic: Topic) -> Option<Arc<Mutex<Feed>>> {
        self.0.feeds.get(topic)
    }

    // Connections.

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

    /// Seq of the newest event that this node has delivered in a topic, if anybody here follows it.
    pub fn head(&self, topic: Topic) -> Option<Seq> {
        self.feed(topic).and_then(|feed| lock(&feed).head())
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

    // Events.

    /// Delivers stored events here and tells the other nodes.
    pub fn publish(&self, deliveries: Vec<Delivery>) {
        self.0.metrics.events_encoded.fetch_add(deliveries.len() as u64, Ordering::Relaxed);
        for delivery in deliveries {
            if self.0.others.get().is_some() {
                self.tell_others(Packet::Event(delivery.clone()));
            }
            self.deliver(delivery);
        }
    }

    /// Sends a frame that is not stored, here and to the other nodes.
    pub fn ephemeral(&self, topic: Topic, except: Vec<UserId>, frame: Bytes) {
        if self.0.others.get().is_some() {
            self.tell_others(Packet::Ephemeral { topic, except: except.clone(), frame: frame.clone() });
        }
        self.deliver_ephemeral(topic, &except, &frame);
    }

    fn deliver_ephemeral(&self, topic: Topic, except: &[UserId], frame: &Bytes) {
        if let Some(feed) = self.feed(topic) {
            lock(&feed).ephemeral(frame, except);
        }
    }

    fn tell_others(&self, packet: Packet) {
        if let Some(others) = self.0.others.get()
            && others.try_send(packet).is_err()
        {
            count(&self.0.metrics.broker_lost);
        }
    }

    /// Handles a packet from another node.
    pub(crate) fn receive(&self, from: NodeId, packet: Packet) {
        match packet {
            Packet::Event(delivery) => {
                // Also if the person has no socket here: the session's access tokens must be refused from now on.
                if let (Some(Control::EndSession(session)), Some(ended)) =
                    (&delivery.control, self.0.session_ended.get())
                {
                    ended(*session);
                }
                self.deliver(delivery);
            }
            Packet::Ephemeral { topic, except, frame } => self.deliver_ephemeral(topic, &except, &frame),
            Packet::Presence { user, online } => self.0.presence.peer_changed(from, user, online),
            Packet::List { users } => self.0.presence.peer_listed(from, users),
            Packet::Digest(digest) => {
                if !self.0.presence.peer_is_known(from, digest) {
                    self.tell_others(Packet::Ask { node: Some(from) });
                }
            }
            Packet::Ask { node: None } => self.0.owes_digest.store(true, Ordering::Relaxed),
            Packet::Ask { node: Some(node) } if node == self.0.node => {
                self.0.owes_list.store(true, Ordering::Relaxed);
            }
            Packet::Ask { .. } => {}
        }
    }

    fn deliver(&self, delivery: Delivery) {
        let topic = delivery.topic;
        let Some(feed) = self.feed(topic) else {
            return;
        };
        let delivered = {
            let mut feed = lock(&feed);
            let began = Instant::now();
            let delivered = self.deliver_to(&mut feed, delivery);
            self.0.metrics.fan_out.observe(began.elapsed().as_secs_f64());
            delivered
        };
        self.follow_up(topic, delivered);
    }

    fn deliver_to(&self, feed: &mut Feed, delivery: Delivery) -> Delivered {
        let delivered = feed.deliver(delivery);
        let mut waiting = delivered.heads.iter().filter_map(|index| feed.connection(*index)).peekable();
        if waiting.peek().is_some() {
            lock(&self.0.heads_wait).extend(waiting);
        }
        delivered
    }

    fn follow_up(&self, topic: Topic, delivered: Delivered) {
        if let Topic::User(user) = topic {
            delivered.controls.into_iter().for_each(|control| self.control(user, control));
        }
        if delivered.hole_after.is_some() {
            count(&self.0.metrics.holes_found);
            self.fill(topic, None);
        }
    }

    fn flush_heads(&self) {
        let waiting = std::mem::take(&mut *lock(&self.0.heads_wait));
        let still: Vec<Arc<Outbox>> = waiting.into_iter().filter(|outbox| outbox.flush_due_heads()).collect();
        lock(&self.0.heads_wait).extend(still);
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
