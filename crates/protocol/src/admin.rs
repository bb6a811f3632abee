//! Types of the administration API.
//!
//! Invariant: these types show more than other users may see, so only operations for administrators return them.

use serde::{Deserialize, Serialize};

use crate::accounts::ServerRole;
use crate::ids::UserId;
use crate::time::Timestamp;
use crate::users::User;

/// An account, as an administrator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AdminUser {
    /// The account's public data.
    pub user: User,
    /// Role on the whole server.
    pub role: ServerRole,
    /// When the account was created.
    pub created_at: Timestamp,
    /// When the account was suspended; absent if it isn't.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended_at: Option<Timestamp>,
    /// When the account was registered, if it still waits for approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_since: Option<Timestamp>,
    /// Whether the account has a second factor or passkeys, which an administrator can remove.
    #[serde(default)]
    pub second_factor: bool,
    /// Owner of the account, if it is a bot; absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<UserId>,
}

/// Statistics of the whole server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Statistics {
    /// Number of accounts.
    pub users: i64,
    /// Number of public rooms.
    pub rooms: i64,
    /// Number of direct chats.
    pub directs: i64,
    /// Number of events ever stored, including messages.
    pub events: i64,
    /// Number of users connected now, on all nodes.
    pub online: i64,
    /// Number of sockets connected to the node that handles this request.
    pub sockets: i64,
}
