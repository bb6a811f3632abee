//! The email address of an account. An account may have none.
//!
//! Invariant: only its owner can read it; `Debug` doesn't print it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// The caller's email address.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Email {
    /// The confirmed address, to which mail about the account is sent; absent if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(example = "ada@example.org"))]
    pub address: Option<String>,
    /// When the address was confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_at: Option<Timestamp>,
    /// The new address, which takes effect once the link sent to it is opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(example = "ada@example.net"))]
    pub pending: Option<String>,
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(private)")
    }
}

/// Sets the caller's email address. It takes effect once the link sent to it is opened.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ChangeEmail {
    /// The new address.
    #[cfg_attr(feature = "openapi", schema(max_length = 254, example = "ada@example.org"))]
    pub email: String,
    /// The caller's password.
    #[cfg_attr(feature = "openapi", schema(max_length = 256))]
    pub password: String,
}

impl fmt::Debug for ChangeEmail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChangeEmail(private)")
    }
}

/// Confirms an address with the token from the mail.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CompleteEmailVerification {
    /// The part of the link after the `#`.
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub token: String,
}

impl fmt::Debug for CompleteEmailVerification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CompleteEmailVerification(secret)")
    }
}
