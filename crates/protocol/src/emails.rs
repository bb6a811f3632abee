//! The e-mail address of an account. It is told to its owner and to nobody else, and one may have none.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// One's own address.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Email {
    /// The address that was confirmed: mails about the account go there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(example = "ada@example.org"))]
    pub address: Option<String>,
    /// When it was confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_at: Option<Timestamp>,
    /// The address that waits until the link in its mail is opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(example = "ada@example.net"))]
    pub pending: Option<String>,
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(private)")
    }
}

/// Chooses an address. It counts when the link in the mail that goes there was opened.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ChangeEmail {
    /// The address.
    #[cfg_attr(feature = "openapi", schema(max_length = 254, example = "ada@example.org"))]
    pub email: String,
    /// The password.
    #[cfg_attr(feature = "openapi", schema(max_length = 256))]
    pub password: String,
}

impl fmt::Debug for ChangeEmail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChangeEmail(private)")
    }
}

/// Confirms an address with the token of a mail.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CompleteEmailVerification {
    /// What follows the `#` in the link.
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub token: String,
}

impl fmt::Debug for CompleteEmailVerification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CompleteEmailVerification(secret)")
    }
}
