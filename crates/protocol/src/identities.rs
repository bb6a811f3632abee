//! Identities: accounts of the OpenID Connect provider that the operator set up. Users can log in with one, register
//! with one, or link one to their account.
//!
//! The client starts the flow, sends the user to `authorization_url`, and posts what the provider returns to
//! `…/complete`, together with the `binding`.
//!
//! Invariant: the `binding` proves that the client that completes a flow is the one that started it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::IdentityId;
use crate::sessions::RefreshTransport;
use crate::time::Timestamp;

/// Starts a log-in with the provider.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct BeginProviderLogIn {
    /// How the server returns the binding, and later the refresh token.
    #[serde(default)]
    pub refresh: RefreshTransport,
}

/// Starts linking an account of the provider to the caller's account.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct BeginIdentity {
    /// The caller's password.
    #[cfg_attr(feature = "openapi", schema(max_length = 256))]
    pub password: String,
    /// How the server returns the binding.
    #[serde(default)]
    pub refresh: RefreshTransport,
}

/// Where to send the user for a log-in with the provider.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProviderLogIn {
    /// Page of the provider. It redirects the user to `/log-in/callback` with `state` and `code`, or with `error`.
    #[cfg_attr(feature = "openapi", schema(format = "uri"))]
    pub authorization_url: String,
    /// Send this back with `state` and `code` within ten minutes. Absent if it was set as a cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding: Option<String>,
}

/// Completes a log-in with what the provider returned.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CompleteProviderLogIn {
    /// The `state` parameter of the redirect.
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub state: String,
    /// The `code` parameter of the redirect.
    #[cfg_attr(feature = "openapi", schema(max_length = 4096))]
    pub code: String,
    /// The binding, unless it is in the cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub binding: Option<String>,
    /// Name of this device, shown in the list of sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 80))]
    pub device: Option<String>,
    /// How the server returns the refresh token.
    #[serde(default)]
    pub refresh: RefreshTransport,
}

/// Links an account of the provider to the caller's account, with what the provider returned.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CompleteIdentity {
    /// The `state` parameter of the redirect.
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub state: String,
    /// The `code` parameter of the redirect.
    #[cfg_attr(feature = "openapi", schema(max_length = 4096))]
    pub code: String,
    /// The binding, unless it is in the cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub binding: Option<String>,
}

/// No account here is linked to the provider's account yet. The user can choose a handle and register.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UnknownIdentity {
    /// Send this back to register the account; valid for 30 minutes.
    pub challenge: String,
    /// A suggested handle, based on the provider's data; it may be taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle: Option<String>,
    /// A suggested display name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
}

/// Registers an account that logs in with the provider and has no password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateProviderAccount {
    /// The `challenge` returned by the log-in.
    #[cfg_attr(feature = "openapi", schema(max_length = 1024))]
    pub challenge: String,
    /// 3 to 24 of `a-z A-Z 0-9 _`, starting with a letter; unique, ignoring case.
    #[cfg_attr(feature = "openapi", schema(min_length = 3, max_length = 24, example = "ada"))]
    pub handle: String,
    /// Name shown to others; defaults to the handle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 40, example = "Ada Lovelace"))]
    pub display_name: Option<String>,
    /// Invite code; required if the server only accepts invited users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 64))]
    pub invite: Option<String>,
    /// Name of this device, shown in the list of sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 80))]
    pub device: Option<String>,
    /// How the server returns the refresh token.
    #[serde(default)]
    pub refresh: RefreshTransport,
}

/// An account of the provider, linked to the caller's account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Identity {
    /// Id of the link.
    pub id: IdentityId,
    /// The provider's issuer URL.
    #[cfg_attr(feature = "openapi", schema(format = "uri"))]
    pub issuer: String,
    /// When it was linked.
    pub created_at: Timestamp,
    /// When it was last used to log in; absent before the first time.
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
