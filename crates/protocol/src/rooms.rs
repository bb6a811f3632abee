//! Public rooms: anybody on the server can list and join them.

use serde::{Deserialize, Serialize};

use crate::ids::{ConversationId, Seq};
use crate::time::Timestamp;
use crate::users::User;

/// What a member may do in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MemberRole {
    /// May read and write.
    Member,
    /// May also delete others' messages.
    Moderator,
    /// May also change and delete the room.
    Owner,
}

/// A public room, as the list of rooms shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Room {
    /// Id of the conversation.
    pub id: ConversationId,
    /// Unique name, without the `#`.
    pub name: String,
    /// What it is about.
    pub topic: String,
    /// How many people are in it.
    pub member_count: i64,
    /// How many friends are in it and connected now, as far as they let one see that; 0 for those who are not in it.
    pub online_count: i64,
    /// The role of the one who asks; absent when not a member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<MemberRole>,
    /// When something was last said or changed.
    pub last_activity_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// Newest position of its log.
    pub head: Seq,
}

/// Makes a room; its maker becomes the owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateRoom {
    /// 2 to 40 characters; unique whatever the case.
    #[cfg_attr(feature = "openapi", schema(min_length = 2, max_length = 40, example = "tea"))]
    pub name: String,
    /// At most 200 characters.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_length = 200, example = "All about tea"))]
    pub topic: String,
}

/// Changes a room; absent fields stay as they are.
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

/// Somebody in a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Member {
    /// The person.
    pub user: User,
    /// Their role.
    pub role: MemberRole,
    /// Whether they are here now; members of a room see who is here.
    pub online: bool,
    /// Since when they are in.
    pub joined_at: Timestamp,
}
