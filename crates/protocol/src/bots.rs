//! Bots: accounts for programs. Nobody logs in to one; its owner makes tokens for it.

use serde::{Deserialize, Serialize};

use crate::ids::UserId;
use crate::time::Timestamp;
use crate::users::User;

/// Makes a bot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateBot {
    /// Unique handle, 3 to 24 letters, digits or underscores, starting with a letter.
    #[cfg_attr(feature = "openapi", schema(min_length = 3, max_length = 24, example = "weather"))]
    pub handle: String,
    /// Name that is shown; the handle when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 40))]
    pub display_name: Option<String>,
}

/// A bot, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Bot {
    /// The account that it acts as.
    pub user: User,
    /// Who made it and answers for it. When they are suspended it stops, and it goes when they go.
    pub owner: UserId,
    /// When it was made.
    pub created_at: Timestamp,
}
