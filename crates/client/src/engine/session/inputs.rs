//! What a session is told.

use parlour_protocol::ids::{ConversationId, Seq};
use parlour_protocol::socket::ServerFrame;

use crate::engine::{Act, Pending};

/// The kind of client that a session belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// A program. It gets every event of every conversation, and stops when the server refuses it for good.
    Program,
    /// A page that somebody looks at. It gets the events of direct chats and of the open conversation; of the others it
    /// shows an entry, which it loads again when it is out of date. It never gives up where the user may still change
    /// something, and its sign-in is shared by all tabs of the browser.
    Page,
}

/// The result of refreshing the access token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refreshed {
    /// There is a new access token.
    Renewed,
    /// The server refused: the session has ended.
    Ended,
    /// The server did not respond.
    Failed,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// Connect now, for the first time or after [`Output::Stopped`].
    Begin,
    /// A frame arrived.
    Frame(ServerFrame),
    /// The connection ended or could not be opened.
    Closed {
        /// The close code; 1006 if there is none.
        code: u16,
        /// How long the server asked to stay away, in milliseconds.
        pause: Option<u64>,
    },
    /// The access token was refreshed, or could not be.
    Refreshed(Refreshed),
    /// The time of [`Session::deadline`] has come.
    Tick,
    /// Connect now instead of after the back-off.
    Wake,
    /// Find out whether the connection still works.
    Probe,
    /// Follow these conversations live instead of the previous ones.
    Focus(Vec<ConversationId>),
    /// A part of a log was loaded: its events after this position follow.
    Follow {
        /// The conversation.
        conversation: ConversationId,
        /// The last position that is loaded.
        after: Seq,
    },
    /// A conversation's entry was loaded.
    Entry {
        /// The conversation.
        conversation: ConversationId,
        /// The head of its log when the entry was read.
        head: Seq,
        /// Whether it is a direct chat.
        direct: bool,
    },
    /// The log is known to reach up to a position.
    Head {
        /// The conversation.
        conversation: ConversationId,
        /// The position.
        head: Seq,
    },
    /// The user did something.
    Act {
        /// The conversation.
        conversation: ConversationId,
        /// A fresh client id.
        cid: String,
        /// What they did.
        act: Act,
    },
    /// Send a refused action again.
    Retry {
        /// Its client id.
        cid: String,
    },
    /// An action was discarded by the user, or arrived as an event.
    Settle {
        /// Its client id.
        cid: String,
    },
    /// An action was loaded from the device, or another tab added, changed or removed it.
    Elsewhere {
        /// Its client id.
        cid: String,
        /// Its state; `None` if it was removed.
        pending: Option<Pending>,
    },
    /// The tabs that are open now. The pending actions of all others are sent by this one.
    Tabs(Vec<String>),
    /// The user has read up to a position.
    Read {
        /// The conversation.
        conversation: ConversationId,
        /// The position.
        seq: Seq,
    },
    /// The user is typing.
    Typing {
        /// The conversation.
        conversation: ConversationId,
    },
}
