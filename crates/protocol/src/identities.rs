//! Accounts with the provider of OpenID Connect that the operator set up: logging in with one, registering with one,
//! and adding one to an account.
//!
//! The client asks to begin, sends the person to `authorization_url`, and gives what the provider sends back to
//! `…/complete`, together with the `binding`, which shows that it is the one that began.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::IdentityId;
use crate::sessions::RefreshTransport;
use crate::time::Timestamp;

/// Begins to log in with the provider.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct BeginProviderLogIn {
    /// How the binding travels, as the refresh token will.
    #[serde(default)]
    pub refresh: RefreshTransport,
}

/// Begins to add an account with the provider to one's own.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct BeginIdentity {
    /// The password.
    #[cfg_attr(feature = "openapi", schema(max_length = 256))]
    pub password: String,
    /// How the binding travels.
    #[serde(default)]
    pub refresh: RefreshTransport,
}

/// Where to go.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProviderLogIn {
    /// Page of the provider. It sends the person back to `/log-in/callback` with `state` and `code`, or with `error`.
    #[cfg_attr(feature = "openapi", schema(format = "uri"))]
    pub authorization_url: String,
    /// What completes the log-in, with the `state` and `code` that come back, within ten minutes. Missing where it is in
    /// the cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding: Option<String>,
}

/// What the provider sent back.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CompleteProviderLogIn {
    /// The `state` of the address.
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub state: String,
    /// The `code` of the address.
    #[cfg_attr(feature = "openapi", schema(max_length = 4096))]
    pub code: String,
    /// The binding, when it is not in the cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub binding: Option<String>,
    /// Name of this device, shown in the list of sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 80))]
    pub device: Option<String>,
    /// How the refresh token travels.
    #[serde(default)]
    pub refresh: RefreshTransport,
}

/// Like [`CompleteProviderLogIn`], to add an account with the provider to one's own.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CompleteIdentity {
    /// The `state` of the address.
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub state: String,
    /// The `code` of the address.
    #[cfg_attr(feature = "openapi", schema(max_length = 4096))]
    pub code: String,
    /// The binding, when it is not in the cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub binding: Option<String>,
}

/// Nobody here belongs to the account with the provider yet: the person chooses a handle and registers.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UnknownIdentity {
    /// Registers the account, within half an hour.
    pub challenge: String,
    /// A handle that may suit, from what the provider tells; it may be taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle: Option<String>,
    /// A name that may suit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
}

/// Registers an account that logs in with the provider and has no password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateProviderAccount {
    /// From the answer of the log-in.
    #[cfg_attr(feature = "openapi", schema(max_length = 1024))]
    pub challenge: String,
    /// 3 to 24 of `a-z A-Z 0-9 _`, beginning with a letter; unique whatever the case.
    #[cfg_attr(feature = "openapi", schema(min_length = 3, max_length = 24, example = "ada"))]
    pub handle: String,
    /// Name to show; the handle when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 40, example = "Ada Lovelace"))]
    pub display_name: Option<String>,
    /// Code of an invite, where one is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 64))]
    pub invite: Option<String>,
    /// Name of this device, shown in the list of sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 80))]
    pub device: Option<String>,
    /// How the refresh token travels.
    #[serde(default)]
    pub refresh: RefreshTransport,
}

/// An account with the provider that logs in to one's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Identity {
    /// Id of the connection.
    pub id: IdentityId,
    /// The provider's address.
    #[cfg_attr(feature = "openapi", schema(format = "uri"))]
    pub issuer: String,
    /// When it was added.
    pub created_at: Timestamp,
    /// When somebody last logged in with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
}

macro_rules! without_secrets {
    ($($name:ident),*) => {
        $(impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(secret)"))
            }
        })*
    };
}

without_secrets!(
    BeginIdentity,
    ProviderLogIn,
    CompleteProviderLogIn,
    CompleteIdentity,
    UnknownIdentity,
    CreateProviderAccount
);
