//! Privacy settings: what others can see and do.

use serde::{Deserialize, Serialize};

/// Who can find the user by handle.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FindableBy {
    /// Anyone who knows the exact handle.
    #[default]
    Everybody,
    /// Only friends; for everyone else the handle doesn't exist.
    Nobody,
}

/// Whose friend requests reach the user. Other senders aren't told that theirs don't.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RequestsFrom {
    /// Everyone's.
    #[default]
    Everybody,
    /// Those of users who share a room with this user.
    CommonRoom,
    /// Nobody's.
    Nobody,
}

/// Who can see whether the user is online. Users who aren't friends never can.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PresenceTo {
    /// Friends.
    #[default]
    Friends,
    /// Nobody: the user is invisible.
    Nobody,
}

/// The caller's privacy settings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Privacy {
    /// Who can find the caller by handle.
    pub findable_by: FindableBy,
    /// Whose friend requests reach the caller.
    pub requests_from: RequestsFrom,
    /// Who can see whether the caller is online.
    pub presence_to: PresenceTo,
}

/// Changes privacy settings; absent fields stay unchanged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct UpdatePrivacy {
    /// Who can find the caller by handle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub findable_by: Option<FindableBy>,
    /// Whose friend requests reach the caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_from: Option<RequestsFrom>,
    /// Who can see whether the caller is online.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub presence_to: Option<PresenceTo>,
}
