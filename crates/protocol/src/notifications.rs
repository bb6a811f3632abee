//! The list of what one should know: requests, answers and mentions. It is a view of one's own event stream.

use serde::{Deserialize, Serialize};

use crate::ids::{ConversationId, Seq};
use crate::time::Timestamp;
use crate::users::User;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum NotificationKind {
    /// Somebody asks for friendship.
    FriendRequested,
    /// Somebody accepted one's request.
    FriendAccepted,
    /// Somebody mentioned one in a message.
    Mentioned,
    /// Somebody answered one's message.
    Answered,
    /// Something that this version does not know.
    #[serde(other)]
    Unknown,
}

/// One thing to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Notification {
    /// Position in one's own event stream.
    pub seq: Seq,
    /// What happened.
    pub kind: NotificationKind,
    /// Who did it.
    pub actor: User,
    /// Where, for a mention or an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<ConversationId>,
    /// Name of the room, for a mention or an answer in a room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<String>,
    /// The message that mentions or answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Seq>,
    /// When.
    pub at: Timestamp,
    /// Whether it was seen.
    pub read: bool,
}

/// A page of notifications, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Notifications {
    /// The notifications, newest first.
    pub items: Vec<Notification>,
    /// How many are unread, counted up to 100.
    pub unread: i64,
    /// `after` for the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Seq>,
}

/// Marks notifications as seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ReadNotifications {
    /// Everything up to this position was seen.
    pub up_to: Seq,
}
