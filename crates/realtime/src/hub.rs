//! What this node delivers to its connections and tells the other nodes. Missed events are found and read in `holes`.
//!
//! Invariant: an event is delivered here and to the other nodes only after its COMMIT; anyone who misses it finds it
//! in the log. Locks are held while shared bytes are pushed into queues, never across an await.

mod connections;
mod controls;
mod feeds;
mod holes;
mod presence;

use std::collections::{HashMap, HashSet};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parlour_protocol::ids::{Seq, SessionId, UserId};
use tokio::sync::mpsc;

use self::feeds::Feeds;
use crate::broker::Broker;
use crate::codec::{NodeId, Packet};
use crate::feed::{Control, Delivered, Delivery, Feed, Topic};
use crate::metrics::{Metrics, count};
use crate::outbox::Outbox;
use crate::presence::Presence;

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

    fn feed(&self, topic: Topic) -> Option<Arc<Mutex<Feed>>> {
        self.0.feeds.get(topic)
    }

    /// Seq of the newest event that this node has delivered in a topic, if anybody here follows it.
    pub fn head(&self, topic: Topic) -> Option<Seq> {
        self.feed(topic).and_then(|feed| lock(&feed).head())
    }

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
}
