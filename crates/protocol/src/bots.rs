//! Bots: accounts for programs.
//!
//! Invariant: a bot can't log in; its owner creates tokens for it.

use serde::{Deserialize, Serialize};

use crate::ids::UserId;
use crate::time::Timestamp;
use crate::users::User;

/// Creates a bot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateBot {
    /// 3 to 24 letters, digits or underscores, starting with a letter; unique, ignoring case.
    #[cfg_attr(feature = "openapi", schema(min_length = 3, max_length = 24, example = "weather"))]
    pub handle: String,
    /// Name shown to others; defaults to the handle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 40))]
    pub display_name: Option<String>,
}

/// A bot, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Bot {
    /// The bot's account.
    pub user: User,
    /// The user who created the bot and is responsible for it. The bot stops working while its owner is suspended, and
    /// is deleted with its owner's account.
    pub owner: UserId,
    /// When the bot was created.
    pub created_at: Timestamp,
}
