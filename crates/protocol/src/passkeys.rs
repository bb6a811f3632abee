//! Passkeys (WebAuthn): keys in an authenticator that log in without a password, or take the second step of a log-in.
//!
//! Invariant: options and credentials are WebAuthn's own JSON, as `PublicKeyCredential.parseCreationOptionsFromJSON()`
//! takes it and `PublicKeyCredential.toJSON()` makes it. Browsers add fields to it at any time, so nothing here lists them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::PasskeyId;
use crate::sessions::RefreshTransport;
use crate::time::Timestamp;

/// One of one's own passkeys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Passkey {
    /// Its id.
    pub id: PasskeyId,
    /// The name that its owner gave it.
    pub name: String,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was last used; absent before the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
}

/// The first half of a ceremony: what the authenticator is asked, good for five minutes and for one answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PasskeyCeremony {
    /// Goes back with the authenticator's answer.
    pub ceremony: String,
    /// `PublicKeyCredentialCreationOptionsJSON` for a new passkey, `PublicKeyCredentialRequestOptionsJSON` for a log-in.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub options: Value,
}

/// Adds a passkey: the second half of the ceremony.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreatePasskey {
    /// What the first half answered.
    #[cfg_attr(feature = "openapi", schema(max_length = 40))]
    pub ceremony: String,
    /// `RegistrationResponseJSON`, at most 16 KiB.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub credential: Value,
    /// A name to know it by.
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

/// Logs in with a passkey alone: the second half of the ceremony.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreatePasskeySession {
    /// What the first half answered.
    #[cfg_attr(feature = "openapi", schema(max_length = 40))]
    pub ceremony: String,
    /// `AuthenticationResponseJSON`, at most 16 KiB.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub credential: Value,
    /// Name of this device, shown in the list of sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 80))]
    pub device: Option<String>,
    /// How the refresh token travels.
    #[serde(default)]
    pub refresh: RefreshTransport,
}

/// Begins the second step of a log-in with a passkey.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct BeginPasskeyStep {
    /// What the problem `second_factor_required` carried.
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub challenge: String,
}

/// Completes a log-in whose password was right with a passkey.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CompletePasskeyStep {
    /// What the problem `second_factor_required` carried.
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub challenge: String,
    /// What the first half answered.
    #[cfg_attr(feature = "openapi", schema(max_length = 40))]
    pub ceremony: String,
    /// `AuthenticationResponseJSON`, at most 16 KiB.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub credential: Value,
    /// Name of this device, shown in the list of sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 80))]
    pub device: Option<String>,
    /// How the refresh token travels.
    #[serde(default)]
    pub refresh: RefreshTransport,
}
