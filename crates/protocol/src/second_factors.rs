//! The second factor: a time-based code from an authenticator app (RFC 6238: SHA-1, six digits, 30 seconds), or one of
//! ten recovery codes.
//!
//! Invariant: each code works once.

use serde::{Deserialize, Serialize};

use crate::sessions::RefreshTransport;
use crate::time::Timestamp;

/// A way to complete the second step of a log-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FactorMethod {
    /// A code from the authenticator app, or a recovery code.
    Code,
    /// One of the account's passkeys.
    Passkey,
    /// A method this version doesn't know.
    #[serde(other)]
    Unknown,
}

/// State of the caller's second factor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SecondFactor {
    /// When it was turned on; absent if it is off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Number of unused recovery codes.
    pub recovery_codes: i64,
}

/// A secret for an authenticator app, shown only once. The second factor is on once a code is confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewSecondFactor {
    /// The secret in base 32, for typing it in.
    #[cfg_attr(feature = "openapi", schema(example = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"))]
    pub secret: String,
    /// The same secret as a URI that authenticator apps open.
    #[cfg_attr(
        feature = "openapi",
        schema(format = "uri", example = "otpauth://totp/Parlour:ada?secret=JBSWY3DP&issuer=Parlour")
    )]
    pub uri: String,
}

/// Confirms that the app has the secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ConfirmSecondFactor {
    /// The current code shown by the app.
    #[cfg_attr(feature = "openapi", schema(max_length = 40, example = "123456"))]
    pub code: String,
}

/// Confirms with the password and a code that the caller owns the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ConfirmBoth {
    /// The caller's password.
    #[cfg_attr(feature = "openapi", schema(max_length = 256))]
    pub password: String,
    /// The current code shown by the app, or a recovery code.
    #[cfg_attr(feature = "openapi", schema(max_length = 40, example = "123456"))]
    pub code: String,
}

/// Recovery codes, shown only once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RecoveryCodes {
    /// Ten codes, each for one use.
    pub codes: Vec<String>,
}

/// Completes a log-in with a code after the password was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CompleteSession {
    /// The `challenge` of the problem `second_factor_required`.
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub challenge: String,
    /// The current code shown by the app, or a recovery code.
    #[cfg_attr(feature = "openapi", schema(max_length = 40, example = "123456"))]
    pub code: String,
    /// Name of this device, shown in the list of sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 80))]
    pub device: Option<String>,
    /// How the server returns the refresh token.
    #[serde(default)]
    pub refresh: RefreshTransport,
}
