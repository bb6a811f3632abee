//! Friendships: requested, accepted, ended.
//!
//! Invariant: both sides share one row, so a friendship is never one-sided.

use serde::{Deserialize, Serialize};

use crate::ids::ConversationId;
use crate::time::Timestamp;
use crate::users::{Relation, User};

/// A friend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Friend {
    /// The friend.
    pub user: User,
    /// Whether they are online now; always false if they hide their presence.
    pub online: bool,
    /// When the friendship began.
    pub since: Timestamp,
    /// The direct chat with them; absent if it was never opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direct: Option<ConversationId>,
}

/// An open friend request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FriendRequest {
    /// The other user.
    pub user: User,
    /// When the request was made.
    pub at: Timestamp,
}

/// Both lists of open requests, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FriendRequests {
    /// Requests from others, which the caller can accept or decline.
    pub incoming: Vec<FriendRequest>,
    /// Requests from the caller, which the other user has not answered yet.
    pub outgoing: Vec<FriendRequest>,
}

/// Sends a friend request. If the other user has already sent one, this accepts it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateFriendRequest {
    /// Exact handle (with or without `@`), or id.
    #[cfg_attr(feature = "openapi", schema(max_length = 64, example = "@ada"))]
    pub to: String,
}

/// The relation between two users after an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Relationship {
    /// The other user.
    pub user: User,
    /// The relation now.
    pub relation: Relation,
}
