//! Personal access tokens: programs use them to act as a user or a bot without a log-in.
//!
//! Invariant: the server stores only a hash of a token.

use serde::{Deserialize, Serialize};

use crate::ids::{ConversationId, TokenId};
use crate::time::Timestamp;

/// What a token may do. No token can manage an account, administer the server or create tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TokenScope {
    /// Reads everything its account can read, over REST and the socket.
    Read,
    /// Also writes as its account; includes `read`.
    Write,
}

/// Creates a token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateToken {
    /// The password of the user who creates the token.
    #[cfg_attr(feature = "openapi", schema(max_length = 256))]
    pub password: String,
    /// Name of the token, 1 to 40 characters.
    #[cfg_attr(feature = "openapi", schema(max_length = 40, example = "weather report"))]
    pub name: String,
    /// What the token may do.
    #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 2))]
    pub scopes: Vec<TokenScope>,
    /// Limits the token to these conversations, 1 to 100; all when absent. A conversation the account isn't in can be
    /// listed, but the token can use it only once the account has joined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 100))]
    pub conversations: Option<Vec<ConversationId>>,
    /// Lifetime in days, 1 to 3650. When absent, the token is valid until it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 3650))]
    pub days: Option<i64>,
}

impl std::fmt::Debug for CreateToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CreateToken({:?}, {:?}, with a secret password)", self.name, self.scopes)
    }
}

/// A token, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Token {
    /// Id of the token; also part of the secret.
    pub id: TokenId,
    /// Name of the token.
    pub name: String,
    /// What the token may do.
    pub scopes: Vec<TokenScope>,
    /// The only conversations the token can read and write; all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversations: Option<Vec<ConversationId>>,
    /// When the token was created.
    pub created_at: Timestamp,
    /// When the token was last used, accurate to a few minutes; absent before the first use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
    /// When the token expires; absent if it doesn't.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// A new token and its secret. The secret is shown only once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreatedToken {
    /// The token.
    pub token: Token,
    /// Send this as `Authorization: Bearer`, or with the socket command `start`.
    #[cfg_attr(feature = "openapi", schema(example = "plt_4611686018427387904_…"))]
    pub secret: String,
}

impl std::fmt::Debug for CreatedToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CreatedToken({:?}, secret)", self.token)
    }
}
