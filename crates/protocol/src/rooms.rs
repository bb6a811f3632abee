//! Public rooms: every user of the server can list and join them.
//!
//! Invariant: roles are ordered; a higher one includes all rights of the lower ones.

use serde::{Deserialize, Serialize};

use crate::ids::{ConversationId, Seq};
use crate::time::Timestamp;
use crate::users::User;

/// Role of a member in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MemberRole {
    /// Can read and write.
    Member,
    /// Can also delete other users' messages.
    Moderator,
    /// Can also change and delete the room.
    Owner,
}

/// A public room, as shown in the list of rooms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Room {
    /// Id of the room's conversation.
    pub id: ConversationId,
    /// Unique name, without the `#`.
    pub name: String,
    /// What the room is about; may be empty.
    pub topic: String,
    /// Number of members.
    pub member_count: i64,
    /// Number of the caller's friends who are in the room and online, not counting those who hide their presence. 0 if
    /// the caller isn't a member.
    pub online_count: i64,
    /// The caller's role; absent if they aren't a member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<MemberRole>,
    /// When the log last grew.
    pub last_activity_at: Timestamp,
    /// When the room was created.
    pub created_at: Timestamp,
    /// Latest position of the log.
    pub head: Seq,
}

/// Creates a room; the caller becomes its owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateRoom {
    /// 2 to 40 characters; unique, ignoring case.
    #[cfg_attr(feature = "openapi", schema(min_length = 2, max_length = 40, example = "tea"))]
    pub name: String,
    /// At most 200 characters.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_length = 200, example = "All about tea"))]
    pub topic: String,
}

/// Changes a room; absent fields stay unchanged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct UpdateRoom {
    /// New name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(min_length = 2, max_length = 40))]
    pub name: Option<String>,
    /// New topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub topic: Option<String>,
}

/// A member of a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Member {
    /// The user.
    pub user: User,
    /// Their role.
    pub role: MemberRole,
    /// Whether they are online. Always false for members other than the caller and friends who share their presence.
    pub online: bool,
    /// When they joined.
    pub joined_at: Timestamp,
}
