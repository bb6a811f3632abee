//! Messages. One is named by its conversation and its `seq`; its author names it beforehand by a `cid`.

use serde::{Deserialize, Serialize};

use crate::ids::{Seq, UserId};
use crate::time::Timestamp;
use crate::users::User;

/// People who reacted with the same emoji.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reaction {
    /// The emoji.
    pub emoji: String,
    /// Who reacted, first one first.
    pub users: Vec<UserId>,
}

/// A person whom a message mentions. It means the account, no matter who has the handle now.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Mention {
    /// Who.
    pub user: UserId,
    /// The handle in the text, in lower case.
    pub handle: String,
}

/// A message in its present state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Message {
    /// Position in the conversation's log.
    pub seq: Seq,
    /// Who wrote it.
    pub author: UserId,
    /// The name that its author gave it before sending.
    pub cid: String,
    /// The text as it is now; absent when deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The message that this one answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Seq>,
    /// Who wrote the message that this one answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_author: Option<UserId>,
    /// Whom the handles in the text mean; handles that are missing mean nobody here. Absent when the text has no
    /// handles, and for messages from before this was noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mentions: Option<Vec<Mention>>,
    /// When it was stored.
    pub at: Timestamp,
    /// When the text was last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<Timestamp>,
    /// When it was deleted; then there is no text any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Timestamp>,
    /// Reactions, first emoji first.
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
    /// Newest position of the log when the page was read: live events continue from here.
    pub head: Seq,
    /// `before` for the page of older messages; absent when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Seq>,
    /// `after` for the page of newer messages; absent when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Seq>,
    /// Who wrote the messages and what they answer, when the request asked for it.
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
    /// The message that this one answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Seq>,
}

/// Where a message, or a change of one, was stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Stored {
    /// Position of the event in the conversation's log.
    pub seq: Seq,
    /// When it was stored.
    pub at: Timestamp,
    /// True when it had been done before, and nothing was done now.
    pub duplicate: bool,
}

/// Replaces the text of one's own message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EditMessage {
    /// The new text, 1 to 4000 characters.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 4000))]
    pub body: String,
}
