//! What others may know and do without being friends.

use serde::{Deserialize, Serialize};

/// Who finds one by handle.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FindableBy {
    /// Everybody who knows the exact handle.
    #[default]
    Everybody,
    /// Nobody but friends; to all others the handle does not exist.
    Nobody,
}

/// Whose requests for friendship arrive. The others are not told that theirs do not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RequestsFrom {
    /// Everybody's.
    #[default]
    Everybody,
    /// Those of people who are in a room together with one.
    CommonRoom,
    /// Nobody's.
    Nobody,
}

/// Who sees whether one is online. Nobody else than friends ever does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PresenceTo {
    /// Friends.
    #[default]
    Friends,
    /// Nobody: one is invisible.
    Nobody,
}

/// One's own settings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Privacy {
    /// Who finds one by handle.
    pub findable_by: FindableBy,
    /// Whose requests for friendship arrive.
    pub requests_from: RequestsFrom,
    /// Who sees whether one is online.
    pub presence_to: PresenceTo,
}

/// Changes settings; absent ones stay as they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct UpdatePrivacy {
    /// Who finds one by handle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub findable_by: Option<FindableBy>,
    /// Whose requests for friendship arrive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_from: Option<RequestsFrom>,
    /// Who sees whether one is online.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub presence_to: Option<PresenceTo>,
}
