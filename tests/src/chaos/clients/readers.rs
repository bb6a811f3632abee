//! Readers: people who follow, and record each event that they apply.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use parlour_client::native::{Api, Follower, Options, Update};
use parlour_protocol::events::Event;
use parlour_protocol::ids::{ConversationId, Seq};

use super::Journal;
use crate::chaos::checker::Reading;

/// What a reader has seen.
#[derive(Default)]
pub struct Seen {
    /// Each conversation's events as they were applied, and when.
    pub applied: BTreeMap<ConversationId, Vec<(Duration, Event)>>,
    /// From the end of each connection until the next was up.
    pub outages: Vec<Duration>,
    /// What must not happen, but did.
    pub strange: Vec<String>,
    /// Whether it was ever connected.
    pub connected: bool,
}

impl Seen {
    fn cursors(&self) -> BTreeMap<ConversationId, Seq> {
        let last = |applied: &Vec<(Duration, Event)>| applied.last().map_or(0, |(_, event)| event.seq);
        self.applied.iter().map(|(room, applied)| (*room, last(applied))).collect()
    }
}

/// Somebody who follows rooms.
pub struct Reader {
    /// Name in the report.
    pub name: String,
    /// The same person on every node.
    pub nodes: Vec<Api>,
    /// The node that it begins on.
    pub node: usize,
    /// Whether it moves to another node again and again.
    pub wanders: bool,
    /// Decides when and where to move.
    pub random: Rng,
    /// The clock.
    pub journal: Arc<Journal>,
    /// What it has seen.
    pub seen: Arc<Mutex<Seen>>,
}

impl Reader {
    /// Fresh records for a reader of these rooms.
    pub fn seeing(rooms: &[ConversationId]) -> Arc<Mutex<Seen>> {
        let applied = rooms.iter().map(|room| (*room, Vec::new())).collect();
        Arc::new(Mutex::new(Seen { applied, ..Seen::default() }))
    }

    /// Follows until aborted.
    pub async fn read(mut self) {
        loop {
            let cursors = self.seen.lock().unwrap().cursors();
            let mut nodes = self.nodes.clone();
            nodes.rotate_left(self.node);
            let first = nodes.remove(0);
            let live = cursors.keys().copied().collect();
            let options = Options { live, cursors, others: nodes, ..Options::default() };
            let follower = Follower::start(first, options);
            if self.wanders {
                let stay = Duration::from_millis(self.random.u64(200..3000));
                let _time_to_go = tokio::time::timeout(stay, self.follow(follower)).await;
                self.node = self.random.usize(..self.nodes.len());
            } else {
                self.follow(follower).await;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn follow(&self, mut follower: Follower) {
        let mut lost = None;
        loop {
            let update = follower.next().await;
            let now = self.journal.now();
            let mut seen = self.seen.lock().unwrap();
            match update {
                Ok(Update::Event(event)) => {
                    // Conversations outside the list are ignored.
                    if let Some(applied) = seen.applied.get_mut(&event.conversation) {
                        applied.push((now, event));
                    }
                }
                Ok(Update::Disconnected) => lost = lost.or(Some(now)),
                Ok(Update::Connected) => {
                    seen.connected = true;
                    if let Some(lost) = lost.take() {
                        seen.outages.push(now - lost);
                    }
                }
                Ok(update @ (Update::Reset { .. } | Update::Left(_))) => {
                    seen.strange.push(format!("{update:?}"))
                }
                Ok(_) => {}
                Err(stopped) => return seen.strange.push(format!("stopped: {stopped}")),
            }
        }
    }
}

/// What a reader has seen, as input for the checker.
pub fn readings(name: &str, seen: &Seen) -> Vec<Reading> {
    let reading = |(room, applied): (&ConversationId, &Vec<(Duration, Event)>)| Reading {
        reader: name.to_owned(),
        conversation: *room,
        events: applied.iter().map(|(_, event)| event.clone()).collect(),
        strange: seen.strange.clone(),
    };
    seen.applied.iter().map(reading).collect()
}
