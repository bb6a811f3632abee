//! Passkeys (WebAuthn): keys in an authenticator that log in without a password, or serve as the second step of a
//! log-in.
//!
//! Invariant: options and credentials are WebAuthn's own JSON, as taken by
//! `PublicKeyCredential.parseCreationOptionsFromJSON()` and produced by `PublicKeyCredential.toJSON()`. Browsers may
//! add fields at any time, so nothing here lists them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::PasskeyId;
use crate::sessions::RefreshTransport;
use crate::time::Timestamp;

/// One of the caller's passkeys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Passkey {
    /// Id of the passkey.
    pub id: PasskeyId,
    /// Name given by its owner.
    pub name: String,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was last used; absent before the first use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
}

/// Starts a WebAuthn ceremony: what to pass to the authenticator. Valid for five minutes and one response.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PasskeyCeremony {
    /// Id of the ceremony; send it back with the authenticator's response.
    pub ceremony: String,
    /// `PublicKeyCredentialCreationOptionsJSON` for a new passkey, `PublicKeyCredentialRequestOptionsJSON` for a
    /// log-in.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub options: Value,
}

/// Adds a passkey; completes the ceremony.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreatePasskey {
    /// The `ceremony` of the response that started it.
    #[cfg_attr(feature = "openapi", schema(max_length = 40))]
    pub ceremony: String,
    /// `RegistrationResponseJSON`, at most 16 KiB.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub credential: Value,
    /// Name of the passkey.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 40, example = "My phone"))]
    pub name: String,
}

/// Renames a passkey.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct UpdatePasskey {
    /// The new name.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 40, example = "My phone"))]
    pub name: String,
}

/// Logs in with a passkey alone; completes the ceremony.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreatePasskeySession {
    /// The `ceremony` of the response that started it.
    #[cfg_attr(feature = "openapi", schema(max_length = 40))]
    pub ceremony: String,
    /// `AuthenticationResponseJSON`, at most 16 KiB.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub credential: Value,
    /// Name of this device, shown in the list of sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 80))]
    pub device: Option<String>,
    /// How the server returns the refresh token.
    #[serde(default)]
    pub refresh: RefreshTransport,
}

/// Starts the second step of a log-in with a passkey.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct BeginPasskeyStep {
    /// The `challenge` of the problem `second_factor_required`.
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub challenge: String,
}

/// Completes a log-in with a passkey after the password was accepted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CompletePasskeyStep {
    /// The `challenge` of the problem `second_factor_required`.
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub challenge: String,
    /// The `ceremony` of the response that started it.
    #[cfg_attr(feature = "openapi", schema(max_length = 40))]
    pub ceremony: String,
    /// `AuthenticationResponseJSON`, at most 16 KiB.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub credential: Value,
    /// Name of this device, shown in the list of sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 80))]
    pub device: Option<String>,
    /// How the server returns the refresh token.
    #[serde(default)]
    pub refresh: RefreshTransport,
}
