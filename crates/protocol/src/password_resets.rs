//! Setting a new password without the old one, by a link that an administrator hands over or that comes by mail.
//!
//! Invariant: the token is in bodies and in the fragment of the link alone, which browsers send to nobody.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// A link for one use, told this once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PasswordReset {
    /// Where the person sets a new password; begins with `/` where the server does not know its own address. The token
    /// follows the `#`.
    #[cfg_attr(feature = "openapi", schema(example = "https://chat.example/reset#bm90IGEgdG9rZW4"))]
    pub link: String,
    /// When it ends, unless it is used or replaced before.
    pub expires_at: Timestamp,
}

/// Uses a link: sets a new password. Every session of the person ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CompletePasswordReset {
    /// What follows the `#` in the link.
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub token: String,
    /// The password from now on.
    #[cfg_attr(feature = "openapi", schema(min_length = 8, max_length = 256))]
    pub password: String,
}

/// Asks for a mail with such a link.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RequestPasswordReset {
    /// The handle of an account, or its confirmed address.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 254, example = "ada@example.org"))]
    pub handle_or_email: String,
}

impl std::fmt::Debug for RequestPasswordReset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RequestPasswordReset(private)")
    }
}
