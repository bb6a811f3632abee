//! Whom one wants nothing to do with. The one who is blocked is never told: to them everything is as if they had
//! met a stranger who does not answer.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;
use crate::users::User;

/// Somebody whom one blocks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Block {
    /// The person.
    pub user: User,
    /// Since when.
    pub at: Timestamp,
}
