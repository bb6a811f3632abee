//! Writers: people who send, edit, delete, react and mark as read, each time until the outcome is known.

use fastrand::Rng;
use parlour_protocol::conversations::MarkRead;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parlour_client::native::{Api, ApiError, Follower, Options, Stopped, Update};
use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::messages::{EditMessage, SendMessage};
use parlour_protocol::problems::ErrorCode;

use super::{Journal, SETTLED};
use crate::chaos::checker::{Action, Attempt, Mutation, Outcome};

/// After this long without a response, the same request is tried elsewhere.
const PATIENCE: Duration = Duration::from_secs(2);
/// Own messages that a writer remembers in order to change them.
const REMEMBERED: usize = 20;
const EMOJI: [&str; 3] = ["👍", "🎉", "🐢"];

/// Somebody who writes, with a log-in that works on every node.
pub struct Writer {
    /// The writer's account.
    pub id: UserId,
    /// The same person on every node.
    pub nodes: Vec<Api>,
    /// Where to write. Into the last room it writes on the first node only, as long as that node responds: the other
    /// nodes have no events of their own there from which they would notice at once that one is missing.
    pub rooms: Vec<ConversationId>,
    /// Chooses nodes, rooms, client ids and pauses.
    pub random: Rng,
    /// Where to record everything.
    pub journal: Arc<Journal>,
    /// How long to wait for a response.
    pub patience: Duration,
    /// Own messages, latest last.
    own: Vec<(ConversationId, Seq)>,
}

impl Writer {
    /// A writer that has not written anything yet.
    pub fn new(
        (id, nodes): (UserId, Vec<Api>),
        rooms: Vec<ConversationId>,
        random: Rng,
        journal: Arc<Journal>,
    ) -> Self {
        Self { id, nodes, rooms, random, journal, patience: PATIENCE, own: Vec::new() }
    }

    /// A fresh client id.
    pub fn name(&mut self) -> String {
        format!("{:016x}{:016x}", self.random.u64(..), self.random.u64(..))
    }

    /// Does one thing after the other, each until its outcome is known, until told to stop.
    pub async fn write(mut self) {
        let mut number = 0_u64;
        while !self.journal.is_over() {
            number += 1;
            match self.random.usize(..100) {
                ..60 => {
                    let room = self.rooms[self.random.usize(..self.rooms.len())];
                    self.send(room, format!("message {number}")).await;
                }
                chosen => self.change(chosen, number).await,
            }
            let pause = Duration::from_millis(self.random.u64(2..30));
            tokio::time::sleep(pause).await;
        }
    }

    /// Sends a message until its outcome is known. Returns its position.
    pub async fn send(&mut self, room: ConversationId, body: String) -> Option<Seq> {
        let deed = Deed::Send(self.name(), SendMessage { body, reply_to: None });
        let stored = self.settle(room, deed.clone()).await;
        // As if the response was lost: the same request must lead to the same message.
        if self.random.u64(..100) < 10 {
            self.settle(room, deed.clone()).await;
        }
        if let Some(seq) = stored {
            self.own.push((room, seq));
            let forgotten = self.own.len().saturating_sub(REMEMBERED);
            self.own.drain(..forgotten);
        }
        stored
    }

    /// Changes one of its own messages, or reacts to one near it, or moves the read marker to it.
    async fn change(&mut self, chosen: usize, number: u64) {
        if self.own.is_empty() {
            return;
        }
        let at = self.random.usize(..self.own.len());
        let (room, target) = self.own[at];
        let deed = match chosen {
            ..73 => Deed::Change(Action::Edit { target, body: format!("edit {number}") }),
            73..79 => {
                self.own.remove(at);
                Deed::Change(Action::Delete { target })
            }
            79..92 => {
                let emoji = EMOJI[self.random.usize(..EMOJI.len())].to_owned();
                Deed::Change(Action::React { target, emoji, on: self.random.u64(..100) < 65 })
            }
            _ => Deed::Read(target),
        };
        self.settle(room, deed.clone()).await;
        // As if the response was lost: repeating the request changes nothing.
        if self.random.u64(..100) < 10 {
            self.settle(room, deed).await;
        }
    }

    /// The same through a socket that begins on the first node and is reopened on any node as often as necessary. The
    /// follower retries by itself, so only an outcome that it never reported is unknown.
    pub async fn write_by_socket(mut self) {
        let options = Options { others: self.nodes[1..].to_vec(), ..Options::default() };
        let mut follower = Follower::start(self.nodes[0].clone(), options);
        let mut number = 0_u64;
        while !self.journal.is_over() {
            let room = self.rooms[self.random.usize(..self.rooms.len())];
            let cid = self.name();
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
                self.journal.strange(format!("{cid} through the socket: {outcome:?}"));
            }
            let ended = self.journal.now();
            let (author, conversation) = (self.id, room);
            self.journal.attempted(Attempt { author, conversation, cid, body, began, ended, outcome });
            if unsettled {
                return;
            }
            let pause = Duration::from_millis(self.random.u64(2..30));
            tokio::time::sleep(pause).await;
        }
    }

    /// Tries one node after the other until the outcome is known.
    async fn settle(&mut self, room: ConversationId, deed: Deed) -> Option<Seq> {
        let deadline = Instant::now() + SETTLED;
        let mut node = self.random.usize(..self.nodes.len());
        if self.rooms.last() == Some(&room) {
            node = 0;
        }
        loop {
            let began = self.journal.now();
            let mut fresh = false;
            let doing = tokio::time::timeout(self.patience, deed.attempt(&self.nodes[node], room));
            let outcome = match doing.await {
                Err(_) => Outcome::Unknown("no answer in time".into()),
                Ok(Err(ApiError::Transport(error))) => Outcome::Unknown(error),
                Ok(Ok(done)) => {
                    fresh = done.fresh;
                    Outcome::Acknowledged(done.seq)
                }
                Ok(Err(ApiError::Problem(problem))) => match problem.code {
                    ErrorCode::TokenExpired => {
                        let _tried_again = self.nodes[node].refresh().await;
                        continue;
                    }
                    // REST does not report whether there was an effect.
                    ErrorCode::Unavailable | ErrorCode::Internal => Outcome::Unknown(problem.to_string()),
                    ErrorCode::Gone => Outcome::Gone,
                    _ => Outcome::Refused(problem.to_string()),
                },
            };
            self.record(room, &deed, began, &outcome, fresh);
            match outcome {
                Outcome::Acknowledged(seq) => return Some(seq),
                Outcome::Refused(_) | Outcome::Gone => return None,
                Outcome::Unknown(_) if Instant::now() > deadline => {
                    self.journal.strange(format!("{deed:?} is still not settled after {SETTLED:?}"));
                    return None;
                }
                Outcome::Unknown(_) => {}
            }
            node = (node + 1) % self.nodes.len();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn record(&self, room: ConversationId, deed: &Deed, began: Duration, outcome: &Outcome, fresh: bool) {
        let (conversation, outcome, ended) = (room, outcome.clone(), self.journal.now());
        match deed.clone() {
            Deed::Send(cid, message) => {
                let (author, body) = (self.id, message.body);
                self.journal.attempted(Attempt { author, conversation, cid, body, began, ended, outcome });
            }
            Deed::Change(action) => {
                let user = self.id;
                self.journal.mutated(Mutation { user, conversation, action, began, ended, outcome, fresh });
            }
            Deed::Read(seq) => match outcome {
                Outcome::Acknowledged(_) => self.journal.marked(self.id, room, seq),
                Outcome::Refused(why) => self.journal.strange(format!("a read marker was refused: {why}")),
                Outcome::Gone | Outcome::Unknown(_) => {}
            },
        }
    }
}

/// Something that a writer does, which may be repeated.
#[derive(Debug, Clone)]
enum Deed {
    /// Sends a message with a client id.
    Send(String, SendMessage),
    /// Changes a message.
    Change(Action),
    /// Moves the read marker.
    Read(Seq),
}

/// The content of a response.
struct Done {
    seq: Seq,
    /// Whether this request made the change.
    fresh: bool,
}

impl Deed {
    async fn attempt(&self, api: &Api, room: ConversationId) -> Result<Done, ApiError> {
        let stored = match self {
            Self::Send(cid, message) => api.send_message(room, cid, message).await?,
            Self::Change(Action::Edit { target, body }) => {
                api.edit_message(room, *target, &EditMessage { body: body.to_string() }).await?
            }
            Self::Change(Action::Delete { target }) => api.delete_message(room, *target).await?,
            Self::Change(Action::React { target, emoji, on: true }) => {
                api.add_reaction(room, *target, emoji).await?
            }
            Self::Change(Action::React { target, emoji, on: false }) => {
                api.delete_reaction(room, *target, emoji).await?
            }
            Self::Read(seq) => {
                api.mark_read(room, &MarkRead { seq: *seq }).await?;
                return Ok(Done { seq: *seq, fresh: false });
            }
        };
        Ok(Done { seq: stored.seq, fresh: !stored.duplicate })
    }
}
