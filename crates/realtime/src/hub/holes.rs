//! Holes in a feed: found when an event arrives early or when heads are compared, and filled from the log.
//!
//! Invariant: whatever the broker loses is found here, and at most one reader per topic reads the log, however many
//! connections wait for it.

use std::time::Duration;

use parlour_protocol::ids::Seq;
use parlour_protocol::limits;

use super::{Head, Hub, lock};
use crate::feed::{Delivered, Topic};
use crate::metrics::count;

/// Delay before reading the log: a hole is often filled by an event that is only a moment late.
const HOLE_PATIENCE: Duration = Duration::from_millis(25);
/// Topics per query to the log.
const SWEEP_CHUNK: usize = 500;

impl Hub {
    /// Reads the heads of topics from the log, then the events that their feeds have missed.
    pub async fn check(&self, topics: Vec<Topic>) {
        if !topics.is_empty() {
            let heads = self.0.log.heads(topics).await;
            self.learn(heads);
        }
    }

    /// Compares all feeds with the log, in a background task.
    pub(crate) fn check_all_heads(&self) {
        let hub = self.clone();
        tokio::spawn(async move { hub.sweep(|_| true).await });
    }

    /// Compares the feeds of the `wanted` topics with the log, and reads what they have missed.
    pub(super) async fn sweep(&self, wanted: impl Fn(Topic) -> bool) {
        let topics = self.0.feeds.topics(wanted);
        for chunk in topics.chunks(SWEEP_CHUNK) {
            let heads = self.0.log.heads(chunk.to_vec()).await;
            self.learn(heads);
        }
    }

    /// Applies heads read from the log, and reads what the feeds have missed.
    pub fn learn(&self, heads: Vec<Head>) {
        for head in heads {
            let missing = self.feed(head.topic).and_then(|feed| {
                let mut feed = lock(&feed);
                for outbox in feed.set_direct(head.direct) {
                    if let Topic::Conversation(id) = head.topic
                        && !outbox.is_live(id)
                    {
                        feed.set_live(&outbox, false);
                    }
                }
                feed.learn_head(head.seq)
            });
            if missing.is_some() {
                count(&self.0.metrics.sweep_hits);
                self.fill(head.topic, Some(head.seq));
            }
        }
    }

    /// Reads what is missing from the log in a background task: after a hole, or up to a known head. At most one
    /// reader per topic, however many connections wait.
    pub(super) fn fill(&self, topic: Topic, upto: Option<Seq>) {
        if !lock(&self.0.filling).insert(topic) {
            return;
        }
        let hub = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(HOLE_PATIENCE).await;
            let mut gave_up = false;
            while let Some(after) = hub.feed(topic).and_then(|feed| lock(&feed).missing_after(upto)) {
                let events = hub.0.log.read(topic, after, limits::EVENTS_PAGE).await;
                count(&hub.0.metrics.holes_filled);
                let Some(first) = events.first().map(|event| event.seq) else {
                    // The log is gone or cannot be read: the next sweep tries again.
                    gave_up = true;
                    break;
                };
                if first > after + 1
                    && let Some(feed) = hub.feed(topic)
                {
                    lock(&feed).skip_to(topic, first);
                }
                for event in events {
                    if let Some(feed) = hub.feed(topic) {
                        let delivered = hub.deliver_to(&mut lock(&feed), event);
                        hub.follow_up(topic, Delivered { hole_after: None, ..delivered });
                    }
                }
            }
            lock(&hub.0.filling).remove(&topic);
            // A hole found between the last check and this line started no reader: look once more.
            let again = hub.feed(topic).and_then(|feed| lock(&feed).missing_after(None)).is_some();
            if again && !gave_up {
                hub.fill(topic, None);
            }
        });
    }
}
