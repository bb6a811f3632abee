//! What a session decides.

use parlour_protocol::events::{Ephemeral, Event, UserEvent};
use parlour_protocol::ids::{ConversationId, Seq};
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::socket::{ClientFrame, News, OkFrame, Start};

use crate::engine::Pending;

/// Something to do, in this order.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Open a connection to the address with this index.
    Connect(usize),
    /// Drop the connection.
    Disconnect,
    /// Send `start`, with the access token added.
    Start(Start),
    /// Send a command.
    Send(ClientFrame),
    /// Refresh the access token and report [`Input::Refreshed`].
    Refresh,
    /// The server has accepted `start`.
    Connected,
    /// There is no connection. Another attempt follows.
    Lost {
        /// The close code; 1006 if there is none.
        code: u16,
        /// Whether there had been a working connection.
        was_connected: bool,
    },
    /// No further attempt follows, because of this close code.
    Stopped(u16),
    /// The server's epoch has changed: everything loaded before is void.
    NewEpoch,
    /// All differences found by `start` have been reported.
    Resumed {
        /// The user's read markers.
        read: Vec<(ConversationId, Seq)>,
        /// Whether the entries of conversations are out of date.
        stale: bool,
    },
    /// The conversation is followed from now on, after this position.
    Following {
        /// The conversation.
        conversation: ConversationId,
        /// The position.
        after: Seq,
    },
    /// The log cannot be continued from what is loaded. Events follow after this position.
    Reset {
        /// The conversation.
        conversation: ConversationId,
        /// The position.
        after: Seq,
    },
    /// The user is not in the conversation any more.
    Left(ConversationId),
    /// Find out the head of a conversation that the user has joined, and report it as [`Input::Follow`].
    Locate(ConversationId),
    /// The conversation's entry is out of date.
    Stale(ConversationId),
    /// Something happened in a conversation that is not followed closely.
    News {
        /// The conversation.
        conversation: ConversationId,
        /// The head of its log.
        head: Seq,
        /// What happened, if the server says so.
        news: Option<News>,
    },
    /// Events of the user's own stream were missed: what it covers is out of date.
    OwnStale,
    /// Apply the next event of a conversation.
    Event(Event),
    /// Apply the next event of the user's own stream.
    UserEvent(UserEvent),
    /// Show something that is not stored.
    Ephemeral(Ephemeral),
    /// The server has stored an action. It is not in the outbox any more.
    Sent {
        /// The action.
        pending: Pending,
        /// The server's response.
        ok: Box<OkFrame>,
    },
    /// The server has refused an action for good. It is still in the outbox if its text would be lost otherwise.
    Refused {
        /// The action.
        pending: Pending,
        /// Reason for the refusal.
        code: ErrorCode,
        /// The server's explanation, in English.
        detail: String,
    },
    /// An action was added to the outbox, changed, or removed.
    Outbox {
        /// The conversation.
        conversation: ConversationId,
        /// The action's client id.
        cid: String,
    },
}
