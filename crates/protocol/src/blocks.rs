//! Users whom the caller blocks.
//!
//! Invariant: the blocked user is never told. To them, the blocker looks like a stranger who doesn't respond.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;
use crate::users::User;

/// A user whom the caller blocks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Block {
    /// The blocked user.
    pub user: User,
    /// When they were blocked.
    pub at: Timestamp,
}
