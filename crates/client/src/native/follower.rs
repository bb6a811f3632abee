//! Follows everything that a person takes part in, for as long as it takes: reconnects to any node, resumes from
//! cursors, fills holes, and sends unsettled messages again under the same names.
//!
//! Invariant: for every followed conversation, updates carry each event exactly once, in the order of `seq`,
//! without holes; what cannot be continued is said as [`Update::Reset`].

mod connection;
mod received;

use std::collections::BTreeMap;

use parlour_protocol::ids::{ConversationId, Seq};
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::socket::{Ephemeral, Event, UserEvent};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::api::Api;
use connection::Connection;

/// Messages that wait for their answer at the same time; commands wait while there are more.
const MAX_PENDING: usize = 256;

/// How to follow.
#[derive(Clone)]
pub struct Options {
    /// Conversations whose events arrive at once; the others follow within two seconds.
    pub live: Vec<ConversationId>,
    /// Positions to continue from, for example from an earlier run. Conversations without one begin at their head.
    pub cursors: BTreeMap<ConversationId, Seq>,
    /// The epoch that these positions belong to, as the server told it then. Without it, positions of a history that
    /// is no more are noticed only when they lie above the present head.
    pub epoch: Option<String>,
    /// How many updates wait for their reader.
    pub queue: usize,
    /// The same person on further nodes of the same server. When a node refuses or dies, the next one is tried at
    /// once; only when all of them were tried in vain, there is a wait.
    pub others: Vec<Api>,
}

impl Default for Options {
    fn default() -> Self {
        Self { live: Vec::new(), cursors: BTreeMap::new(), epoch: None, queue: 256, others: Vec::new() }
    }
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Update {
    /// The connection stands; everything missed comes next.
    Connected,
    /// The connection is gone; a new one is on its way.
    Disconnected,
    /// A conversation is followed from after this position; what is before is history.
    Following {
        /// Which.
        conversation: ConversationId,
        /// Events with a higher position follow.
        after: Seq,
    },
    /// A conversation is not followed any more.
    Left(ConversationId),
    /// What was built from this conversation's events is void: fetch it again. Events follow after this position.
    Reset {
        /// Which.
        conversation: ConversationId,
        /// Events with a higher position follow.
        after: Seq,
    },
    /// The next event of a followed conversation.
    Event(Event),
    /// The next event of one's own stream.
    UserEvent(UserEvent),
    /// Something that is not kept.
    Ephemeral(Ephemeral),
    /// A message was stored.
    Sent {
        /// Its name.
        cid: String,
        /// Its position.
        seq: Seq,
        /// An earlier attempt had stored it already.
        duplicate: bool,
    },
    /// A message was refused for good.
    Refused {
        /// Its name.
        cid: String,
        /// Why.
        code: ErrorCode,
        /// The server's sentence.
        detail: String,
    },
}

/// Why a follower stopped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stopped {
    /// The server closed for good.
    #[error("the server closed the connection with code {0}")]
    Closed(u16),
    /// The log-in is over.
    #[error("the session has ended")]
    SignedOut,
    /// Nobody reads the updates any more.
    #[error("nobody listens")]
    Dropped,
}

enum Command {
    Send { conversation: ConversationId, cid: String, body: String, reply_to: Option<Seq> },
    Focus(Vec<ConversationId>),
}

/// A running follower. Dropping it ends the connection.
pub struct Follower {
    commands: mpsc::Sender<Command>,
    updates: mpsc::Receiver<Update>,
    task: Option<JoinHandle<Stopped>>,
}

impl Follower {
    /// Begins to follow as the person whom `api` is logged in as. Has to be called inside a tokio runtime.
    pub fn start(api: Api, options: Options) -> Self {
        let (commands, inbox) = mpsc::channel(MAX_PENDING);
        let (outlet, updates) = mpsc::channel(options.queue.max(1));
        let connection = Connection::new(api, options, outlet);
        Self { commands, updates, task: Some(tokio::spawn(connection.run(inbox))) }
    }

    /// The next update, or why there are no more.
    pub async fn next(&mut self) -> Result<Update, Stopped> {
        match self.updates.recv().await {
            Some(update) => Ok(update),
            None => Err(match self.task.take() {
                Some(task) => task.await.unwrap_or(Stopped::Dropped),
                None => Stopped::Dropped,
            }),
        }
    }

    /// Sends a message. It is tried until it was stored or refused, always under the same name. Waits while many
    /// messages are unsettled, so the updates have to be read meanwhile.
    pub async fn send(
        &self,
        conversation: ConversationId,
        cid: &str,
        body: &str,
        reply_to: Option<Seq>,
    ) -> Result<(), Stopped> {
        self.command(Command::Send { conversation, cid: cid.to_owned(), body: body.to_owned(), reply_to })
            .await
    }

    /// Replaces the conversations whose events arrive at once.
    pub async fn focus(&self, live: Vec<ConversationId>) -> Result<(), Stopped> {
        self.command(Command::Focus(live)).await
    }

    async fn command(&self, command: Command) -> Result<(), Stopped> {
        self.commands.send(command).await.map_err(|_| Stopped::Dropped)
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}
