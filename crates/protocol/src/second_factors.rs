//! The second factor: a code of the time from an app (RFC 6238: SHA-1, six digits, 30 seconds), or one of ten recovery
//! codes in its place. Each code works once.

use serde::{Deserialize, Serialize};

use crate::sessions::RefreshTransport;
use crate::time::Timestamp;

/// What takes the second step of a log-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FactorMethod {
    /// A code of the app, or a recovery code.
    Code,
    /// One of the account's passkeys.
    Passkey,
    /// A method that this version does not know.
    #[serde(other)]
    Unknown,
}

/// Whether one's own second factor is on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SecondFactor {
    /// Since when it is asked for; absent when it is off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// How many recovery codes are left.
    pub recovery_codes: i64,
}

/// A secret for an app, told this once. It counts when a code of it was confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewSecondFactor {
    /// The secret in base 32, for typing it in.
    #[cfg_attr(feature = "openapi", schema(example = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"))]
    pub secret: String,
    /// The same as a link that apps open.
    #[cfg_attr(
        feature = "openapi",
        schema(format = "uri", example = "otpauth://totp/Parlour:ada?secret=JBSWY3DP&issuer=Parlour")
    )]
    pub uri: String,
}

/// Shows that the app has the secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ConfirmSecondFactor {
    /// The app's present code.
    #[cfg_attr(feature = "openapi", schema(max_length = 40, example = "123456"))]
    pub code: String,
}

/// Confirms with the password and a code that it is really oneself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ConfirmBoth {
    /// The password.
    #[cfg_attr(feature = "openapi", schema(max_length = 256))]
    pub password: String,
    /// The app's present code, or a recovery code.
    #[cfg_attr(feature = "openapi", schema(max_length = 40, example = "123456"))]
    pub code: String,
}

/// Recovery codes, told this once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RecoveryCodes {
    /// Ten codes, each for one use.
    pub codes: Vec<String>,
}

/// Completes a log-in whose password was right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CompleteSession {
    /// What the problem `second_factor_required` carried.
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub challenge: String,
    /// The app's present code, or a recovery code.
    #[cfg_attr(feature = "openapi", schema(max_length = 40, example = "123456"))]
    pub code: String,
    /// Name of this device, shown in the list of sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 80))]
    pub device: Option<String>,
    /// How the refresh token travels.
    #[serde(default)]
    pub refresh: RefreshTransport,
}
