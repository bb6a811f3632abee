//! Frames from the client.
//!
//! Invariant: a command with a field that is not known is refused, so that no client believes it was understood.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::{ConversationId, Seq};

/// A command from the client. The client chooses `id`; the response carries it back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum ClientFrame {
    /// The first command: authenticates, and tells the server what the client already has.
    Start(Start),
    /// Sends a message.
    Send {
        /// Returned in the response.
        id: u64,
        /// The conversation to send to.
        conversation: ConversationId,
        /// Client id of the message: random, and the same for every retry.
        cid: String,
        /// Text of the message.
        body: String,
        /// Position of the message this one replies to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply_to: Option<Seq>,
    },
    /// Replaces the text of one of the caller's own messages.
    Edit {
        /// Returned in the response.
        id: u64,
        /// The conversation.
        conversation: ConversationId,
        /// Position of the message.
        seq: Seq,
        /// The new text.
        body: String,
    },
    /// Deletes a message.
    Delete {
        /// Returned in the response.
        id: u64,
        /// The conversation.
        conversation: ConversationId,
        /// Position of the message.
        seq: Seq,
    },
    /// Adds or removes a reaction.
    React {
        /// Returned in the response.
        id: u64,
        /// The conversation.
        conversation: ConversationId,
        /// Position of the message.
        seq: Seq,
        /// The emoji.
        emoji: String,
        /// True adds the reaction, false removes it.
        on: bool,
    },
    /// Moves the caller's read marker forward.
    Read {
        /// Returned in the response.
        id: u64,
        /// The conversation.
        conversation: ConversationId,
        /// Last position the caller has read.
        seq: Seq,
    },
    /// Tells the others that the caller is typing. Gets no response; at most one in three seconds is passed on per
    /// conversation.
    Typing {
        /// The conversation.
        conversation: ConversationId,
    },
    /// Replaces the list of conversations to follow live.
    Focus {
        /// Returned in the response.
        id: u64,
        /// Rooms to follow live, at most 50. Direct chats are always live and need not be listed.
        live: Vec<ConversationId>,
    },
    /// Reads a page of a conversation's log.
    Sync {
        /// Returned in the response.
        id: u64,
        /// The conversation.
        conversation: ConversationId,
        /// Last position the client has.
        after: Seq,
        /// Maximum number of events, at most 200.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<i64>,
    },
    /// Keeps the connection alive; the response is `ok`.
    Ping {
        /// Returned in the response.
        id: u64,
    },
}

/// Fields of the command `start`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// Returned in the response.
    pub id: u64,
    /// Access token; absent if the upgrade request carried it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Epoch that the cursors belong to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<String>,
    /// Last position of the caller's event stream that the client has. When absent, only new events are sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_cursor: Option<Seq>,
    /// Last position of each conversation that the client has.
    #[serde(default)]
    pub cursors: BTreeMap<ConversationId, Seq>,
    /// Conversations to follow live, at most 50.
    #[serde(default)]
    pub live: Vec<ConversationId>,
}
