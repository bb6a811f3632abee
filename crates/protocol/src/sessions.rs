//! Sessions: the log-ins of devices. An access token lives ten minutes and is verified without the database.
//!
//! Invariant: a refresh token is used once and returns its successor; using it again reveals that it was stolen.

use serde::{Deserialize, Serialize};

use crate::accounts::Account;
use crate::ids::SessionId;
use crate::time::Timestamp;

/// How the server returns the refresh token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RefreshTransport {
    /// In the response body: for native clients and bots.
    #[default]
    Body,
    /// In an HttpOnly, SameSite=Strict cookie that scripts can't read: for browsers.
    Cookie,
}

/// Logs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateSession {
    /// Handle in any case, with or without the `@`.
    #[cfg_attr(feature = "openapi", schema(max_length = 64, example = "ada"))]
    pub handle: String,
    /// The account's password.
    #[cfg_attr(feature = "openapi", schema(max_length = 256, example = "correct horse battery"))]
    pub password: String,
    /// Name of this device, shown in the list of sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 80))]
    pub device: Option<String>,
    /// How the server returns the refresh token.
    #[serde(default)]
    pub refresh: RefreshTransport,
    /// The `device_token` of an earlier log-in. With it, the log-in isn't slowed down by strangers who try passwords
    /// for the same account. Browsers have it in a cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 48))]
    pub device_token: Option<String>,
}

/// Exchanges a refresh token for new tokens. If the field is absent, the cookie is used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RefreshSession {
    /// The refresh token, unless it is in the cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub refresh_token: Option<String>,
}

/// Response to a log-in, a registration or a refresh.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignedIn {
    /// The account that is logged in.
    pub account: Account,
    /// The session that was created or continued.
    pub session: SessionId,
    /// JWT for `Authorization: Bearer`.
    pub access_token: String,
    /// Seconds until the access token expires.
    pub expires_in: i64,
    /// The next refresh token, unless it was set as a cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// Store this on the device and send it with the next log-in, unless it was set as a cookie. It grants no access.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_token: Option<String>,
}

/// One of the caller's sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Session {
    /// Id of the session.
    pub id: SessionId,
    /// Name of the device, as given at log-in.
    pub device: String,
    /// Whether this is the session that sent the request.
    pub current: bool,
    /// When the session was created.
    pub created_at: Timestamp,
    /// When it was last refreshed.
    pub last_used_at: Timestamp,
}
