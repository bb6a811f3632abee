//! Personal access tokens: for programs that act as a person or as a bot, without a log-in. The server keeps no more of
//! a token than its hash.

use serde::{Deserialize, Serialize};

use crate::ids::{ConversationId, TokenId};
use crate::time::Timestamp;

/// What a token may do. No token manages an account, administers the server or makes tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TokenScope {
    /// Reads what the person may read, over REST and the socket.
    Read,
    /// Writes as the person, too; includes `read`.
    Write,
}

/// Makes a token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateToken {
    /// The password of the person who makes it.
    #[cfg_attr(feature = "openapi", schema(max_length = 256))]
    pub password: String,
    /// What it is for, 1 to 40 characters.
    #[cfg_attr(feature = "openapi", schema(max_length = 40, example = "weather report"))]
    pub name: String,
    /// What it may do.
    #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 2))]
    pub scopes: Vec<TokenScope>,
    /// The only conversations that it reads and writes, 1 to 100; all when absent. Those that one is not in are of no use
    /// until one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 100))]
    pub conversations: Option<Vec<ConversationId>>,
    /// For how many days, 1 to 3650; until it is revoked when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 3650))]
    pub days: Option<i64>,
}

impl std::fmt::Debug for CreateToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CreateToken({:?}, {:?}, with a secret password)", self.name, self.scopes)
    }
}

/// A token, as the person sees it who may revoke it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Token {
    /// Names the token; it is part of its written form.
    pub id: TokenId,
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<TokenScope>,
    /// The only conversations that it reads and writes; all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversations: Option<Vec<ConversationId>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used, to within a few minutes; absent before its first use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
    /// When it ends by itself; absent when it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// A new token with its written form, which is told this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreatedToken {
    /// The token.
    pub token: Token,
    /// What to send as `Authorization: Bearer`, or with `start`.
    #[cfg_attr(feature = "openapi", schema(example = "plt_4611686018427387904_…"))]
    pub secret: String,
}

impl std::fmt::Debug for CreatedToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CreatedToken({:?}, secret)", self.token)
    }
}
