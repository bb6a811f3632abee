//! Other people, as far as the one who looks may see them.

use serde::{Deserialize, Serialize};

use crate::ids::{AvatarId, ConversationId, UserId};
use crate::time::Timestamp;

/// What is needed to show a person in a list or beside a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct User {
    /// Id of the person.
    pub id: UserId,
    /// Unique handle.
    pub handle: String,
    /// Name that is shown.
    pub display_name: String,
    /// Current profile picture; initials are shown when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<AvatarId>,
    /// Whether a program acts as this account.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bot: bool,
}

/// How the one who looks stands to the person looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// It is oneself.
    Myself,
    /// Nothing connects them.
    None,
    /// They are friends.
    Friend,
    /// The other has asked for friendship.
    Incoming,
    /// Oneself has asked for friendship.
    Outgoing,
}

/// A person's profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Profile {
    /// The person.
    pub user: User,
    /// A few words about them.
    pub bio: String,
    /// How the one who asks stands to them.
    pub relation: Relation,
    /// The direct chat with them, if one was ever opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direct: Option<ConversationId>,
    /// Whether one blocks them oneself; whether they block one is not told.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub blocked: bool,
    /// Whether they are online; told to friends only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub online: Option<bool>,
    /// Whose bot it is; told to the owner and to administrators only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<UserId>,
    /// When the account was made.
    pub created_at: Timestamp,
}
