//! The caller's notifications: friend requests, replies and mentions.
//!
//! Invariant: they are a view of the caller's event stream, so `seq` is a position in that stream.

use serde::{Deserialize, Serialize};

use crate::ids::{ConversationId, Seq};
use crate::time::Timestamp;
use crate::users::User;

/// Kind of a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum NotificationKind {
    /// Someone sent the caller a friend request.
    FriendRequested,
    /// Someone accepted the caller's friend request.
    FriendAccepted,
    /// Someone mentioned the caller in a message.
    Mentioned,
    /// Someone replied to a message of the caller.
    Answered,
    /// A kind this version doesn't know.
    #[serde(other)]
    Unknown,
}

/// A notification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Notification {
    /// Position in the caller's event stream.
    pub seq: Seq,
    /// What happened.
    pub kind: NotificationKind,
    /// Who caused it.
    pub actor: User,
    /// The conversation, for a mention or a reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<ConversationId>,
    /// Name of the room, for a mention or a reply in a room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<String>,
    /// Position of the message that mentions or replies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Seq>,
    /// When it happened.
    pub at: Timestamp,
    /// Whether the caller has seen it.
    pub read: bool,
}

/// A page of notifications, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Notifications {
    /// The notifications, newest first.
    pub items: Vec<Notification>,
    /// Number of unread notifications, counted up to 100.
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
    /// Marks every notification up to this position as seen.
    pub up_to: Seq,
}
