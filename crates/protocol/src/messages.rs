//! Messages. The server identifies one by conversation and `seq`; its author identifies it by a `cid`, chosen before it
//! is sent.
//!
//! Invariant: a retry with the same `cid` stores the message only once.

use serde::{Deserialize, Serialize};

use crate::ids::{Seq, UserId};
use crate::time::Timestamp;
use crate::users::User;

/// The users who reacted to a message with one emoji.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reaction {
    /// The emoji.
    pub emoji: String,
    /// Who reacted, in the order of their reactions.
    pub users: Vec<UserId>,
}

/// A user mentioned in a message. It refers to the account, even if the handle has changed hands since.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Mention {
    /// The mentioned user.
    pub user: UserId,
    /// The handle in the text, in lower case.
    pub handle: String,
}

/// A message in its current state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Message {
    /// Position in the conversation's log.
    pub seq: Seq,
    /// The user who wrote it.
    pub author: UserId,
    /// The client id that its author gave it.
    pub cid: String,
    /// The current text; absent if the message was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The message this one replies to; absent if it isn't a reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Seq>,
    /// The author of the message this one replies to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_author: Option<UserId>,
    /// The users that the handles in the text refer to; a handle that isn't listed refers to no member. Absent if the
    /// text has no handles, and for old messages that were stored without this list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mentions: Option<Vec<Mention>>,
    /// When the message was stored.
    pub at: Timestamp,
    /// When the text was last edited; absent if it never was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<Timestamp>,
    /// When the message was deleted; it has no `body` then. Absent if it wasn't deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Timestamp>,
    /// Reactions, in the order in which the emoji were first used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<Reaction>,
}

/// A page of messages, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MessagePage {
    /// The messages, oldest first.
    pub items: Vec<Message>,
    /// Whether older messages exist before the first item.
    pub older: bool,
    /// Whether newer messages exist after the last item.
    pub newer: bool,
    /// Latest position of the log when the page was read; live events continue from here.
    pub head: Seq,
    /// `before` for the page of older messages; absent if there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Seq>,
    /// `after` for the page of newer messages; absent if there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Seq>,
    /// Authors of the messages and of the messages they reply to, if requested.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authors: Vec<User>,
}

/// Sends a message; its client id is in the path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SendMessage {
    /// 1 to 4000 characters.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 4000, example = "See you at six"))]
    pub body: String,
    /// Position of the message this one replies to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Seq>,
}

/// Where a message or a change to it was stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Stored {
    /// Position of the event in the conversation's log.
    pub seq: Seq,
    /// When it was stored.
    pub at: Timestamp,
    /// Whether this is a retry of a request that was already applied, so nothing changed now.
    pub duplicate: bool,
}

/// Replaces the text of one of the caller's own messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EditMessage {
    /// The new text, 1 to 4000 characters.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 4000))]
    pub body: String,
}
