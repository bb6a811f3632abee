//! Follows all conversations of a user until stopped: reconnects to any node, resumes from cursors, fetches missing
//! events, and sends unsettled messages again with the same cids.
//!
//! Invariant: for every followed conversation, updates carry each event exactly once, in the order of `seq`, without
//! holes; when a log cannot be continued, [`Update::Reset`] says so.

mod connection;

use std::collections::BTreeMap;

use parlour_protocol::events::{Ephemeral, Event, UserEvent};
use parlour_protocol::ids::{ConversationId, Seq};
use parlour_protocol::problems::ErrorCode;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::api::Api;
use connection::Connection;

/// Messages in flight at the same time; further commands wait.
const MAX_PENDING: usize = 256;

/// Options of a follower.
#[derive(Clone)]
pub struct Options {
    /// Conversations whose events arrive immediately; those of the others arrive within two seconds.
    pub live: Vec<ConversationId>,
    /// Cursors to resume from, for example from an earlier run. Conversations without one start at their head.
    pub cursors: BTreeMap<ConversationId, Seq>,
    /// The epoch that the cursors belong to, as the server reported it then. Without it, cursors of another epoch are
    /// noticed only if they are above the present head.
    pub epoch: Option<String>,
    /// Capacity of the update queue.
    pub queue: usize,
    /// The same user on other nodes of the same server. If a node refuses or dies, the next one is tried at once; the
    /// follower waits only after all of them failed.
    pub others: Vec<Api>,
}

impl Default for Options {
    fn default() -> Self {
        Self { live: Vec::new(), cursors: BTreeMap::new(), epoch: None, queue: 256, others: Vec::new() }
    }
}

/// An update from the follower.
#[derive(Debug, Clone, PartialEq)]
pub enum Update {
    /// The connection is established; missed events follow.
    Connected,
    /// The connection was lost; the follower reconnects.
    Disconnected,
    /// The conversation is followed from after this position; everything up to it is history.
    Following {
        /// The conversation.
        conversation: ConversationId,
        /// Events with a higher position follow.
        after: Seq,
    },
    /// The conversation is no longer followed.
    Left(ConversationId),
    /// Everything built from this conversation's events is void: fetch it again. Events follow after this position.
    Reset {
        /// The conversation.
        conversation: ConversationId,
        /// Events with a higher position follow.
        after: Seq,
    },
    /// The next event of a followed conversation.
    Event(Event),
    /// The next event of the user's own stream.
    UserEvent(UserEvent),
    /// An ephemeral event, which the server does not store.
    Ephemeral(Ephemeral),
    /// A message was stored.
    Sent {
        /// The client id of the message.
        cid: String,
        /// Its position in the conversation's log.
        seq: Seq,
        /// True if an earlier attempt had already stored it.
        duplicate: bool,
    },
    /// A message was refused for good.
    Refused {
        /// The client id of the message.
        cid: String,
        /// Reason for the refusal.
        code: ErrorCode,
        /// The server's explanation, in English.
        detail: String,
    },
}

/// Why a follower stopped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stopped {
    /// The server closed the connection for good.
    #[error("the server closed the connection with code {0}")]
    Closed(u16),
    /// The session has ended.
    #[error("the session has ended")]
    SignedOut,
    /// The receiver of the updates was dropped.
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
    /// Starts following as the user whom `api` is logged in as. Must be called inside a tokio runtime.
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

    /// Sends a message. It is retried with the same cid until it is stored or refused. Waits while many messages are
    /// unsettled, so updates must be read concurrently.
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

    /// Replaces the conversations whose events arrive immediately.
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
