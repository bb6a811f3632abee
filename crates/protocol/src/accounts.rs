//! One's own account.

use serde::{Deserialize, Serialize};

use crate::ids::{AvatarId, UserId};
use crate::time::Timestamp;

/// What an account may do on the whole server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ServerRole {
    /// An ordinary person.
    Member,
    /// An administrator: may list and suspend people and delete rooms.
    Admin,
}

/// Who may register.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Registration {
    /// Everybody.
    #[default]
    Open,
    /// Anyone who has an invite.
    Invite,
    /// Everybody; an administrator lets them in. An invite lets them in at once.
    Approval,
    /// Nobody.
    Closed,
}

/// An account that was registered and waits until an administrator lets it in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PendingAccount {
    /// Id of the person.
    pub id: UserId,
    /// The handle that is kept for them.
    pub handle: String,
    /// Since when it waits.
    pub pending_since: Timestamp,
}

/// One's own account, as only its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Account {
    /// Id of the person.
    pub id: UserId,
    /// Unique, case-insensitive name by which people find each other.
    pub handle: String,
    /// Name that is shown.
    pub display_name: String,
    /// A few words about oneself.
    pub bio: String,
    /// Current profile picture; initials are shown when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<AvatarId>,
    /// Rights on the whole server.
    pub role: ServerRole,
    /// Whether there is a password. Without one, what asks for the password asks for a log-in of the last ten minutes.
    #[serde(default = "yes")]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub has_password: bool,
    /// When the account was made.
    pub created_at: Timestamp,
}

fn yes() -> bool {
    true
}

/// Registers an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateAccount {
    /// 3 to 24 of `a-z A-Z 0-9 _`, beginning with a letter; unique whatever the case.
    #[cfg_attr(feature = "openapi", schema(min_length = 3, max_length = 24, example = "ada"))]
    pub handle: String,
    /// Name to show; the handle when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 40, example = "Ada Lovelace"))]
    pub display_name: Option<String>,
    /// 8 characters to 256 bytes.
    #[cfg_attr(
        feature = "openapi",
        schema(min_length = 8, max_length = 256, example = "correct horse battery")
    )]
    pub password: String,
    /// Name of this device, shown in the list of sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 80))]
    pub device: Option<String>,
    /// Code of an invite, where one is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 64))]
    pub invite: Option<String>,
    /// How the refresh token travels.
    #[serde(default)]
    pub refresh: crate::sessions::RefreshTransport,
}

/// Changes one's own account; absent fields stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct UpdateAccount {
    /// New handle; at most one change in seven days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(min_length = 3, max_length = 24))]
    pub handle: Option<String>,
    /// New name to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 40))]
    pub display_name: Option<String>,
    /// New words about oneself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 300))]
    pub bio: Option<String>,
}

/// Changes one's own password. Every other session ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    /// The password until now.
    pub current: String,
    /// The password from now on.
    #[cfg_attr(feature = "openapi", schema(min_length = 8, max_length = 256))]
    pub new: String,
}
