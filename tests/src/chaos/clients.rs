//! Clients that record what they do and see: writers on any node, readers that stay, readers that wander.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use parlour_client::native::{Api, ApiError, Follower, Options, Stopped, Update};
use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::messages::SendMessage;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::socket::Event;

use super::checker::{Attempt, Log, Outcome, Reading};
use super::lots::Lots;

/// An answer that takes longer is given up; the same message is then tried elsewhere.
const PATIENCE: Duration = Duration::from_secs(2);
/// A message that is not settled so long after it was begun, never will be: no fault lasts that long.
const SETTLED: Duration = Duration::from_secs(45);

/// Where clients write down what they do.
pub struct Journal {
    began: Instant,
    attempts: Mutex<Vec<Attempt>>,
    strange: Mutex<Vec<String>>,
    over: AtomicBool,
}

impl Journal {
    /// An empty one; its time begins now.
    pub fn start() -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            attempts: Mutex::default(),
            strange: Mutex::default(),
            over: AtomicBool::new(false),
        })
    }

    /// The time since the beginning.
    pub fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Tells writers to finish what they began and stop.
    pub fn stop(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// All attempts so far.
    pub fn attempts(&self) -> Vec<Attempt> {
        self.attempts.lock().unwrap().clone()
    }

    /// What nobody can explain.
    pub fn strange(&self) -> Vec<String> {
        self.strange.lock().unwrap().clone()
    }
}

/// Somebody who writes, with a log-in that works on every node.
pub struct Writer {
    /// Who.
    pub id: UserId,
    /// The same person on every node.
    pub nodes: Vec<Api>,
    /// Where to write. Into the last one it writes on the first node only, as long as that answers: the other nodes
    /// have no events of their own there, by which they would notice at once that one is missing.
    pub rooms: Vec<ConversationId>,
    /// Chooses nodes, rooms, names and pauses.
    pub lots: Lots,
    /// Where to record it.
    pub journal: Arc<Journal>,
}

impl Writer {
    /// Sends one message after the other, each until its outcome is known, until told to stop.
    pub async fn write(mut self) {
        let mut number = 0_u64;
        while !self.journal.over.load(Ordering::Relaxed) {
            let room = self.rooms[self.lots.below(self.rooms.len())];
            let cid = format!("{:016x}{:016x}", self.lots.number(), self.lots.number());
            let message = SendMessage { body: format!("message {number}"), reply_to: None };
            number += 1;
            self.settle(room, &cid, &message).await;
            // As if the answer had not come: the same again must be the same message.
            if self.lots.percent(10) {
                self.settle(room, &cid, &message).await;
            }
            let pause = self.lots.millis(2..30);
            tokio::time::sleep(pause).await;
        }
    }

    /// The same through a socket on the first node, which is opened anew as often as it takes. The follower tries
    /// again by itself, so an unknown outcome is one that it never told.
    pub async fn write_by_socket(mut self) {
        let mut follower = Follower::start(self.nodes[0].clone(), Options::default());
        let mut number = 0_u64;
        while !self.journal.over.load(Ordering::Relaxed) {
            let room = self.rooms[self.lots.below(self.rooms.len())];
            let cid = format!("{:016x}{:016x}", self.lots.number(), self.lots.number());
            let body = format!("by socket {number}");
            number += 1;
            let began = self.journal.now();
            let sending = async {
                follower.send(room, &cid, &body, None).await?;
                loop {
                    match follower.next().await? {
                        Update::Sent { cid: sent, seq, .. } if sent == cid => {
                            return Ok::<_, Stopped>(Outcome::Acknowledged(seq));
                        }
                        Update::Refused { cid: refused, detail, .. } if refused == cid => {
                            return Ok(Outcome::Refused(detail));
                        }
                        _ => {}
                    }
                }
            };
            let outcome = match tokio::time::timeout(SETTLED, sending).await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(stopped)) => Outcome::Unknown(stopped.to_string()),
                Err(_) => Outcome::Unknown("no answer in time".into()),
            };
            let unsettled = matches!(outcome, Outcome::Unknown(_));
            if unsettled {
                let strange = format!("{cid} through the socket: {outcome:?}");
                self.journal.strange.lock().unwrap().push(strange);
            }
            self.journal.attempts.lock().unwrap().push(Attempt {
                author: self.id,
                conversation: room,
                cid,
                body,
                began,
                ended: self.journal.now(),
                outcome,
            });
            if unsettled {
                return;
            }
            let pause = self.lots.millis(2..30);
            tokio::time::sleep(pause).await;
        }
    }

    async fn settle(&mut self, room: ConversationId, cid: &str, message: &SendMessage) {
        let deadline = Instant::now() + SETTLED;
        let mut node = self.lots.below(self.nodes.len());
        if self.rooms.last() == Some(&room) {
            node = 0;
        }
        loop {
            let began = self.journal.now();
            let sending = self.nodes[node].send_message(room, cid, message);
            let outcome = match tokio::time::timeout(PATIENCE, sending).await {
                Err(_) => Outcome::Unknown("no answer in time".into()),
                Ok(Err(ApiError::Transport(error))) => Outcome::Unknown(error),
                Ok(Ok(stored)) => Outcome::Acknowledged(stored.seq),
                Ok(Err(ApiError::Problem(problem))) => match problem.code {
                    ErrorCode::TokenExpired => {
                        let _tried_again = self.nodes[node].refresh().await;
                        continue;
                    }
                    // Whether it had an effect is not said in REST.
                    ErrorCode::Unavailable | ErrorCode::Internal => Outcome::Unknown(problem.to_string()),
                    _ => Outcome::Refused(problem.to_string()),
                },
            };
            let settled = !matches!(outcome, Outcome::Unknown(_));
            self.journal.attempts.lock().unwrap().push(Attempt {
                author: self.id,
                conversation: room,
                cid: cid.to_owned(),
                body: message.body.clone(),
                began,
                ended: self.journal.now(),
                outcome,
            });
            if settled {
                return;
            }
            if Instant::now() > deadline {
                let strange = format!("{cid} is still not settled after {SETTLED:?}");
                return self.journal.strange.lock().unwrap().push(strange);
            }
            node = (node + 1) % self.nodes.len();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// What a reader has seen.
#[derive(Default)]
pub struct Seen {
    /// Each conversation's events as they were applied, and when.
    pub applied: BTreeMap<ConversationId, Vec<(Duration, Event)>>,
    /// From the end of a connection until the next stands.
    pub outages: Vec<Duration>,
    /// What must not happen.
    pub strange: Vec<String>,
}

impl Seen {
    fn cursors(&self) -> BTreeMap<ConversationId, Seq> {
        let last = |applied: &Vec<(Duration, Event)>| applied.last().map_or(0, |(_, event)| event.seq);
        self.applied.iter().map(|(room, applied)| (*room, last(applied))).collect()
    }
}

/// Somebody who follows rooms.
pub struct Reader {
    /// Its name in the report.
    pub name: String,
    /// The same person on every node.
    pub nodes: Vec<Api>,
    /// Which node it begins on.
    pub node: usize,
    /// Whether it leaves for another node again and again.
    pub wanders: bool,
    /// Chooses when and where to go.
    pub lots: Lots,
    /// Where the time comes from.
    pub journal: Arc<Journal>,
    /// What it has seen.
    pub seen: Arc<Mutex<Seen>>,
}

impl Reader {
    /// A reader of these rooms that has seen nothing yet.
    pub fn seeing(rooms: &[ConversationId]) -> Arc<Mutex<Seen>> {
        let applied = rooms.iter().map(|room| (*room, Vec::new())).collect();
        Arc::new(Mutex::new(Seen { applied, ..Seen::default() }))
    }

    /// Follows until it is aborted.
    pub async fn read(mut self) {
        loop {
            let cursors = self.seen.lock().unwrap().cursors();
            let options = Options { live: cursors.keys().copied().collect(), cursors, ..Options::default() };
            let follower = Follower::start(self.nodes[self.node].clone(), options);
            if self.wanders {
                let stay = self.lots.millis(200..3000);
                let _time_to_go = tokio::time::timeout(stay, self.follow(follower)).await;
                self.node = self.lots.below(self.nodes.len());
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
                    seen.applied.entry(event.conversation).or_default().push((now, event));
                }
                Ok(Update::Disconnected) => lost = lost.or(Some(now)),
                Ok(Update::Connected) => {
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

/// What a reader has seen, for the checker.
pub fn readings(name: &str, seen: &Seen) -> Vec<Reading> {
    let reading = |(room, applied): (&ConversationId, &Vec<(Duration, Event)>)| Reading {
        reader: name.to_owned(),
        conversation: *room,
        events: applied.iter().map(|(_, event)| event.clone()).collect(),
        strange: seen.strange.clone(),
    };
    seen.applied.iter().map(reading).collect()
}

/// A whole log, as one node tells it. The first request on a database connection that was cut finds that out, and is
/// told to come again.
pub async fn log(api: &Api, room: ConversationId) -> Log {
    let deadline = Instant::now() + SETTLED;
    let (mut events, mut after) = (Vec::new(), 0);
    loop {
        let page = match api.list_events(room, after, 200).await {
            Ok(page) => page,
            Err(error) => {
                assert!(Instant::now() < deadline, "the log cannot be read when all is quiet: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let empty = page.items.is_empty();
        events.extend(page.items);
        after = page.next_after;
        if after >= page.head || empty {
            return Log { node: api.base().to_string(), conversation: room, head: page.head, events };
        }
    }
}
