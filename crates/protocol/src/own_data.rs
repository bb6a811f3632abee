//! Taking one's own data along, and leaving nothing behind.

use serde::{Deserialize, Serialize};

use crate::ids::UserId;
use crate::time::Timestamp;

/// Shows once more that one is the owner of the account.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ConfirmPassword {
    /// The password.
    #[cfg_attr(feature = "openapi", schema(max_length = 256))]
    pub password: String,
}

impl std::fmt::Debug for ConfirmPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ConfirmPassword(secret)")
    }
}

/// What was erased with an account. Nobody keeps a copy but the one who asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeletionReceipt {
    /// The account that is no more.
    pub account: UserId,
    /// Since when.
    pub deleted_at: Timestamp,
    /// How many of each were erased.
    pub erased: Erased,
}

/// Counts of what was erased.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Erased {
    /// Messages whose text is gone, with that of their edits.
    pub messages: i64,
    /// Rooms and direct chats that were left.
    pub conversations: i64,
    /// Friendships and requests.
    pub friendships: i64,
    /// Blocks, in either direction.
    pub blocks: i64,
    /// Log-ins.
    pub sessions: i64,
    /// Notifications and other lines of one's own stream.
    pub notifications: i64,
    /// Pictures.
    pub pictures: i64,
    /// Invites.
    pub invites: i64,
}
