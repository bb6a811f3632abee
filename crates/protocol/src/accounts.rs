//! The caller's own account: registering, reading and changing it.
//!
//! Invariant: an [`Account`] is sent to its owner only; other people get a [`crate::users::User`].

use serde::{Deserialize, Serialize};

use crate::ids::{AvatarId, UserId};
use crate::time::Timestamp;

/// Role of an account on the whole server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ServerRole {
    /// An ordinary user.
    Member,
    /// An administrator: can list and suspend users and delete rooms.
    Admin,
}

/// Who may register.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Registration {
    /// Anyone.
    #[default]
    Open,
    /// Anyone who has an invite.
    Invite,
    /// Anyone, but an administrator must approve the account. With an invite, no approval is needed.
    Approval,
    /// Nobody.
    Closed,
}

/// A registered account that waits for an administrator's approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PendingAccount {
    /// Id of the user.
    pub id: UserId,
    /// The handle reserved for the account.
    pub handle: String,
    /// When the account was registered.
    pub pending_since: Timestamp,
}

/// An account, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Account {
    /// Id of the user.
    pub id: UserId,
    /// Unique, case-insensitive name by which users find each other.
    pub handle: String,
    /// Name shown to others.
    pub display_name: String,
    /// Free text about the user; may be empty.
    pub bio: String,
    /// Current profile picture. When absent, clients show initials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<AvatarId>,
    /// Role on the whole server.
    pub role: ServerRole,
    /// Whether the account has a password. Without one, operations that normally ask for the password require a log-in
    /// within the last ten minutes.
    #[serde(default = "yes")]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub has_password: bool,
    /// When the account was created.
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
    /// 3 to 24 of `a-z A-Z 0-9 _`, starting with a letter; unique, ignoring case.
    #[cfg_attr(feature = "openapi", schema(min_length = 3, max_length = 24, example = "ada"))]
    pub handle: String,
    /// Name shown to others; defaults to the handle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 40, example = "Ada Lovelace"))]
    pub display_name: Option<String>,
    /// At least 8 characters, at most 256 bytes of UTF-8.
    #[cfg_attr(
        feature = "openapi",
        schema(min_length = 8, max_length = 256, example = "correct horse battery")
    )]
    pub password: String,
    /// Name of this device, shown in the list of sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 80))]
    pub device: Option<String>,
    /// Invite code; required if the server only accepts invited users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 64))]
    pub invite: Option<String>,
    /// How the server returns the refresh token.
    #[serde(default)]
    pub refresh: crate::sessions::RefreshTransport,
}

/// Changes the caller's account; absent fields stay unchanged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct UpdateAccount {
    /// New handle; can be changed once every seven days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(min_length = 3, max_length = 24))]
    pub handle: Option<String>,
    /// New display name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 40))]
    pub display_name: Option<String>,
    /// New bio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 300))]
    pub bio: Option<String>,
}

/// Changes the caller's password. All other sessions end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    /// The current password.
    pub current: String,
    /// The new password.
    #[cfg_attr(feature = "openapi", schema(min_length = 8, max_length = 256))]
    pub new: String,
}
