//! Log-ins. An access token lives ten minutes and is verified without the database; a refresh token is used
//! once, answers with its successor, and betrays its theft when it is used again.

use serde::{Deserialize, Serialize};

use crate::accounts::Account;
use crate::ids::SessionId;
use crate::time::Timestamp;

/// How the refresh token travels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RefreshTransport {
    /// In the body: for native clients and bots.
    #[default]
    Body,
    /// In an HttpOnly, SameSite=Strict cookie that no script can read: for browsers.
    Cookie,
}

/// Logs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateSession {
    /// Handle, in any case, with or without the `@`.
    #[cfg_attr(feature = "openapi", schema(max_length = 64, example = "ada"))]
    pub handle: String,
    /// Password.
    #[cfg_attr(feature = "openapi", schema(max_length = 256, example = "correct horse battery"))]
    pub password: String,
    /// Name of this device, shown in the list of sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 80))]
    pub device: Option<String>,
    /// How the refresh token travels.
    #[serde(default)]
    pub refresh: RefreshTransport,
    /// The `device_token` of an earlier log-in: a device that shows it is not slowed down by what strangers try with the
    /// same account. Browsers have it in a cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 48))]
    pub device_token: Option<String>,
}

/// Trades a refresh token for new tokens. Without a body field, the cookie is taken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RefreshSession {
    /// The refresh token, when it is not in the cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub refresh_token: Option<String>,
}

/// What a log-in, a registration or a refresh answers with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignedIn {
    /// Who is logged in.
    pub account: Account,
    /// The session that was made or continued.
    pub session: SessionId,
    /// JWT for `Authorization: Bearer`.
    pub access_token: String,
    /// Seconds until the access token ends.
    pub expires_in: i64,
    /// The next refresh token, unless it is in the cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// To be kept by the device and shown at its next log-in, unless it is in a cookie. It opens nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_token: Option<String>,
}

/// One of one's own log-ins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Session {
    /// Id of the session.
    pub id: SessionId,
    /// Name of the device, as it was given at log-in.
    pub device: String,
    /// Whether it is the one that asks.
    pub current: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last refreshed.
    pub last_used_at: Timestamp,
}
