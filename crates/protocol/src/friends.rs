//! Friendship: asked for, accepted, ended. One row for both sides, so it is never one-sided.

use serde::{Deserialize, Serialize};

use crate::ids::ConversationId;
use crate::time::Timestamp;
use crate::users::{Relation, User};

/// A friend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Friend {
    /// The person.
    pub user: User,
    /// Whether they are online now.
    pub online: bool,
    /// Since when they are friends.
    pub since: Timestamp,
    /// The direct chat, if one was ever opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direct: Option<ConversationId>,
}

/// A request that waits for an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FriendRequest {
    /// The other person.
    pub user: User,
    /// When it was made.
    pub at: Timestamp,
}

/// Both lists of open requests, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FriendRequests {
    /// Requests that wait for one's own answer.
    pub incoming: Vec<FriendRequest>,
    /// Requests that wait for somebody else's answer.
    pub outgoing: Vec<FriendRequest>,
}

/// Asks somebody for friendship. When they have asked already, this accepts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateFriendRequest {
    /// Exact handle (with or without `@`) or id.
    #[cfg_attr(feature = "openapi", schema(max_length = 64, example = "@ada"))]
    pub to: String,
}

/// How two people stand to each other after an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Relationship {
    /// The other person.
    pub user: User,
    /// The relation now.
    pub relation: Relation,
}
