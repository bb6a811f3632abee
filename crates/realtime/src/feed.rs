//! One stream of stored events on this node: a conversation's log or a person's own stream.
//!
//! Invariant: subscribers get every event after their position exactly once, in order. An event that arrives early
//! waits until the hole before it is filled, from the broker or from the log.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use indexmap::IndexMap;
use parlour_protocol::ids::{ConversationId, Seq, SessionId, UserId};

use crate::news::Summary;
use crate::outbox::Outbox;

/// Identifies a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// A conversation's log.
    Conversation(ConversationId),
    /// A person's own stream.
    User(UserId),
}

impl Topic {
    /// The partition (of `parts`) that this topic belongs to; stable. Ids are random, so partitions are about equal
    /// in size.
    pub(crate) fn part(self, parts: u32) -> u32 {
        let (Self::Conversation(ConversationId(id)) | Self::User(UserId(id))) = self;
        (id.unsigned_abs() % u64::from(parts)) as u32
    }
}

/// Side effect on a node when it delivers an event of a person's stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// The person's connections follow this conversation from now on.
    Attach(ConversationId),
    /// The person's connections stop following this conversation.
    Detach(ConversationId),
    /// Connections of this session are closed.
    EndSession(SessionId),
    /// What this person writes no longer counts as news for the owner of the stream.
    Block(UserId),
    /// It counts as news again.
    Unblock(UserId),
}

/// An event on its way: encoded once, shared by all subscribers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The stream it belongs to.
    pub topic: Topic,
    /// Position in the stream.
    pub seq: Seq,
    /// The complete WebSocket frame.
    pub frame: Bytes,
    /// What connections that follow by heads are told about the event; without it, they fetch the conversation again.
    pub summary: Option<Summary>,
    /// Side effect on each node that delivers it.
    pub control: Option<Control>,
}

/// Maximum early events that wait in a feed; more are dropped, since the log has them.
const MAX_EARLY: usize = 512;
/// Number of recent events kept for connections that attach while events arrive.
const RING: usize = 32;

struct Subscriber {
    user: UserId,
    outbox: Arc<Outbox>,
    position: Seq,
    /// Gets the events themselves. Otherwise it gets only heads of a conversation, and nothing of a person's stream.
    live: bool,
}

/// What identifies a connection in a feed: its address, which nobody else can have while the feed holds it.
fn key(outbox: &Arc<Outbox>) -> usize {
    Arc::as_ptr(outbox).addr()
}

/// Result of a delivery.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Delivered {
    /// An event waits behind a hole: read the log after this position.
    pub hole_after: Option<Seq>,
    /// Controls of the delivered events, in order.
    pub controls: Vec<Control>,
    /// Indexes of the subscribers whose heads now wait to be sent.
    pub heads: Vec<usize>,
}

/// Subscribers and recent events of one stream; the module states the invariant.
#[derive(Default)]
pub(crate) struct Feed {
    /// Seq of the next event to deliver; unknown until the first subscriber or event sets it.
    next: Option<Seq>,
    early: BTreeMap<Seq, Delivery>,
    ring: VecDeque<Delivery>,
    /// By [`key`]. Thousands of connections leave a large room one by one: none may be searched for.
    subscribers: IndexMap<usize, Subscriber>,
    people: HashMap<UserId, u32>,
    /// Everybody follows a direct chat live.
    direct: bool,
    /// Not yet known whether this is a direct chat: until then, nobody stops following live.
    unsure: bool,
    /// Connections that asked to stop following live in the meantime.
    ending: Vec<Arc<Outbox>>,
}

impl Feed {
    /// Marks this as possibly a direct chat, until [`Self::set_direct`] settles it.
    pub fn may_be_direct(&mut self) {
        self.unsure = !self.direct;
    }

    /// Sets whether this is a direct chat. Returns the connections that asked to stop following live before this was
    /// known; the caller checks whether they still want to.
    pub fn set_direct(&mut self, direct: bool) -> Vec<Arc<Outbox>> {
        self.unsure = false;
        if direct && !self.direct {
            self.direct = true;
            self.subscribers.values_mut().for_each(|one| one.live = true);
        }
        std::mem::take(&mut self.ending)
    }

    /// Subscribes a connection that does not know its position yet, so that it misses nothing while the position is
    /// read from the log. [`Self::begin`] then replays what arrived in between.
    pub fn listen(&mut self, outbox: Arc<Outbox>) {
        if let Some((user, _)) = outbox.owner() {
            *self.people.entry(user).or_default() += 1;
            let new = Subscriber { user, outbox, position: Seq::MAX, live: false };
            self.subscribers.insert(key(&new.outbox), new);
        }
    }

    /// Starts delivery to a connection added by [`Self::listen`], after the position it has read. Returns the
    /// controls of the replayed events in order, or `None` if the ring no longer reaches back that far.
    pub fn begin(&mut self, topic: Topic, outbox: &Arc<Outbox>, position: Seq) -> Option<Vec<Control>> {
        if self.forget(outbox).is_none() {
            return Some(Vec::new());
        }
        let covered = self.covers(position);
        let controls = self.after(position).filter_map(|delivery| delivery.control).collect();
        self.attach(topic, outbox.clone(), Some(position), !outbox.is_limited());
        covered.then_some(controls)
    }

    /// Whether everything delivered after a position is still in the ring.
    fn covers(&self, position: Seq) -> bool {
        self.next.is_none_or(|next| position + 1 >= next)
            || self.ring.front().is_some_and(|first| first.seq <= position + 1)
    }

    /// Events in the ring after a position.
    fn after(&self, position: Seq) -> impl Iterator<Item = &Delivery> {
        self.ring.iter().filter(move |delivery| delivery.seq > position)
    }

    /// Subscribes a connection that knows everything up to `position`, or starts with the next event. It must not be
    /// subscribed already; its outbox knows that without a search. Returns true if heads of this connection now wait
    /// to be sent.
    pub fn attach(
        &mut self,
        topic: Topic,
        outbox: Arc<Outbox>,
        position: Option<Seq>,
        mut live: bool,
    ) -> bool {
        live |= self.direct;
        let Some((user, _)) = outbox.owner() else {
            return false;
        };
        let mut waits = false;
        let next = match (self.next, position) {
            (None, Some(position)) => {
                self.next = Some(position + 1);
                position + 1
            }
            (Some(next), _) => next,
            (None, None) => 0,
        };
        let mut position = position.unwrap_or(next - 1);
        if position + 1 < next {
            // Events arrived between the connection's read of the log and now.
            if !live {
                if let Topic::Conversation(id) = topic {
                    if self.covers(position) {
                        for delivery in self.after(position) {
                            waits |= outbox.head(id, delivery.seq, delivery.summary.as_ref());
                        }
                    } else {
                        waits = outbox.head(id, next - 1, None);
                    }
                }
            } else if self.covers(position) {
                for delivery in self.after(position) {
                    outbox.event(topic, delivery.seq, delivery.frame.clone());
                }
            } else {
                outbox.must_fetch(topic, next - 1);
            }
            position = next - 1;
        }
        *self.people.entry(user).or_default() += 1;
        self.subscribers.insert(key(&outbox), Subscriber { user, outbox, position, live });
        waits
    }

    /// Removes a connection. Returns true when no subscriber is left.
    pub fn detach(&mut self, outbox: &Arc<Outbox>) -> bool {
        self.forget(outbox);
        self.subscribers.is_empty()
    }

    fn forget(&mut self, outbox: &Arc<Outbox>) -> Option<Subscriber> {
        self.ending.retain(|one| !Arc::ptr_eq(one, outbox));
        let forgotten = self.subscribers.swap_remove(&key(outbox))?;
        if let Some(count) = self.people.get_mut(&forgotten.user) {
            *count -= 1;
            if *count == 0 {
                self.people.remove(&forgotten.user);
            }
        }
        Some(forgotten)
    }

    /// Switches a connection between live events and heads. Direct chats stay live; switching to heads is deferred
    /// while it is unknown whether this is one.
    pub fn set_live(&mut self, outbox: &Arc<Outbox>, live: bool) {
        if !live && self.unsure {
            if !self.ending.iter().any(|one| Arc::ptr_eq(one, outbox)) {
                self.ending.push(outbox.clone());
            }
            return;
        }
        if let Some(one) = self.subscribers.get_mut(&key(outbox)) {
            one.live = live || self.direct;
        }
    }

    /// Number of people who follow, each counted once.
    pub fn people(&self) -> usize {
        self.people.len()
    }

    /// Sends a frame that is not stored to everybody who follows live, except some people.
    pub fn ephemeral(&self, frame: &Bytes, except: &[UserId]) {
        for one in self.subscribers.values().filter(|one| one.live && !except.contains(&one.user)) {
            one.outbox.ephemeral(frame.clone());
        }
    }

    /// Accepts an event from the broker or the log, in any order and any number of times.
    pub fn deliver(&mut self, delivery: Delivery) -> Delivered {
        let mut delivered = Delivered::default();
        let seq = delivery.seq;
        let next = *self.next.get_or_insert(seq);
        if seq < next {
            return delivered;
        }
        if seq > next {
            if self.early.len() < MAX_EARLY {
                self.early.insert(seq, delivery);
            }
            delivered.hole_after = Some(next - 1);
            return delivered;
        }
        self.pass_on(delivery, &mut delivered);
        while let Some(entry) = self.early.first_entry() {
            let seq = *entry.key();
            match self.next {
                Some(next) if seq < next => {
                    entry.remove();
                }
                Some(next) if seq == next => {
                    let delivery = entry.remove();
                    self.pass_on(delivery, &mut delivered);
                }
                Some(next) => {
                    delivered.hole_after = Some(next - 1);
                    break;
                }
                None => break,
            }
        }
        delivered
    }

    /// Seq of the newest delivered event, if known.
    pub fn head(&self) -> Option<Seq> {
        self.next.map(|next| next - 1)
    }

    /// Takes the head of the log. Returns the position after which the log must be read, if events are missing.
    pub fn learn_head(&mut self, head: Seq) -> Option<Seq> {
        let next = *self.next.get_or_insert(head + 1);
        (head >= next).then_some(next - 1)
    }

    /// The position after which the log must be read: because an event waits early, or because `upto` is a newer
    /// head. `None` if nothing is missing.
    pub fn missing_after(&self, upto: Option<Seq>) -> Option<Seq> {
        let next = self.next?;
        let behind = !self.early.is_empty() || upto.is_some_and(|head| head >= next);
        behind.then_some(next - 1)
    }

    /// The log no longer holds events before `seq`: subscribers that are behind are told to fetch again from there.
    pub fn skip_to(&mut self, topic: Topic, seq: Seq) {
        self.next = Some(seq);
        self.ring.clear();
        self.early.retain(|early, _| *early >= seq);
        for one in self.subscribers.values_mut().filter(|one| one.position < seq - 1) {
            one.position = seq - 1;
            if one.live || matches!(topic, Topic::Conversation(_)) {
                one.outbox.must_fetch(topic, seq - 1);
            }
        }
    }

    fn pass_on(&mut self, delivery: Delivery, delivered: &mut Delivered) {
        let (topic, seq) = (delivery.topic, delivery.seq);
        self.next = Some(seq + 1);
        delivered.controls.extend(delivery.control);
        for (index, one) in self.subscribers.values_mut().enumerate() {
            if one.position >= seq {
                continue;
            }
            one.position = seq;
            match topic {
                Topic::Conversation(id) if !one.live => {
                    if one.outbox.head(id, seq, delivery.summary.as_ref()) {
                        delivered.heads.push(index);
                    }
                }
                Topic::User(_) if !one.live => {}
                _ => one.outbox.event(topic, seq, delivery.frame.clone()),
            }
        }
        if self.ring.len() == RING {
            self.ring.pop_front();
        }
        self.ring.push_back(delivery);
    }

    /// The connection at an index from [`Delivered::heads`]; valid until the feed changes.
    pub fn connection(&self, index: usize) -> Option<Arc<Outbox>> {
        self.subscribers.get_index(index).map(|(_, one)| one.outbox.clone())
    }
}

#[cfg(test)]
mod tests;
