//! What administrators see and do.

use serde::{Deserialize, Serialize};

use crate::accounts::ServerRole;
use crate::ids::UserId;
use crate::time::Timestamp;
use crate::users::User;

/// An account, as an administrator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AdminUser {
    /// The person.
    pub user: User,
    /// Rights on the whole server.
    pub role: ServerRole,
    /// When the account was made.
    pub created_at: Timestamp,
    /// Since when it is suspended; absent when it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended_at: Option<Timestamp>,
    /// Since when it waits for approval; absent when it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_since: Option<Timestamp>,
    /// Whether they have a second factor or passkeys, which an administrator can remove.
    #[serde(default)]
    pub second_factor: bool,
    /// Whose bot it is; absent when it is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<UserId>,
}

/// Figures about the whole server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Statistics {
    /// Accounts.
    pub users: i64,
    /// Public rooms.
    pub rooms: i64,
    /// Direct chats.
    pub directs: i64,
    /// Events ever stored, messages among them.
    pub events: i64,
    /// People connected now, on all nodes.
    pub online: i64,
    /// Sockets connected to the node that answers.
    pub sockets: i64,
}
