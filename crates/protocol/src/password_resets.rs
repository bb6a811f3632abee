//! Setting a new password without the old one, with a link from an administrator or from a mail.
//!
//! Invariant: the token appears only in bodies and in the fragment of the link, which browsers don't send to any
//! server.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// A one-time link for setting a new password. It is shown only once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PasswordReset {
    /// Link to the page for setting a new password, with the token after the `#`. It starts with `/` if the server
    /// doesn't know its own address.
    #[cfg_attr(feature = "openapi", schema(example = "https://chat.example/reset#bm90IGEgdG9rZW4"))]
    pub link: String,
    /// When the link expires. Using or replacing it ends it earlier.
    pub expires_at: Timestamp,
}

/// Sets a new password with the token of a link. All sessions of the user end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CompletePasswordReset {
    /// The part of the link after the `#`.
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub token: String,
    /// The new password.
    #[cfg_attr(feature = "openapi", schema(min_length = 8, max_length = 256))]
    pub password: String,
}

/// Requests a mail with a link for setting a new password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RequestPasswordReset {
    /// The handle of an account, or its confirmed email address.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 254, example = "ada@example.org"))]
    pub handle_or_email: String,
}

impl std::fmt::Debug for RequestPasswordReset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RequestPasswordReset(private)")
    }
}
