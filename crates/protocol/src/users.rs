//! Other users, as far as the caller may see them.
//!
//! Invariant: fields that only some callers may see are absent for everyone else.

use serde::{Deserialize, Serialize};

use crate::ids::{AvatarId, ConversationId, UserId};
use crate::time::Timestamp;

/// What is needed to show a user in a list or next to a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct User {
    /// Id of the user.
    pub id: UserId,
    /// Unique handle.
    pub handle: String,
    /// Name shown to others.
    pub display_name: String,
    /// Current profile picture. When absent, clients show initials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<AvatarId>,
    /// Whether the account is a bot.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bot: bool,
}

/// Relation between the caller and another user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// The user is the caller.
    Myself,
    /// There is none.
    None,
    /// They are friends.
    Friend,
    /// The other user sent the caller a friend request.
    Incoming,
    /// The caller sent the other user a friend request.
    Outgoing,
}

/// A user's profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Profile {
    /// The user.
    pub user: User,
    /// Free text about the user; may be empty.
    pub bio: String,
    /// Relation between the caller and the user.
    pub relation: Relation,
    /// The direct chat with them; absent if it was never opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direct: Option<ConversationId>,
    /// Whether the caller blocks them. Whether they block the caller is never shown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub blocked: bool,
    /// Whether they are online; absent unless the user is a friend or the caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub online: Option<bool>,
    /// Owner of the bot; only shown to the owner and to administrators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<UserId>,
    /// When the account was created.
    pub created_at: Timestamp,
}
