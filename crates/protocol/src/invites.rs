//! Invites: codes that let people register on a server that isn't open to everyone.
//!
//! Invariant: a code is returned once, when it is created; the server stores only its hash.

use serde::{Deserialize, Serialize};

use crate::ids::{InviteId, UserId};
use crate::time::Timestamp;

/// Creates an invite.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateInvite {
    /// How many people can register with it, 1 to 1000; defaults to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 1000))]
    pub uses: Option<i64>,
    /// Lifetime in days, 1 to 365; defaults to 7.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 365))]
    pub days: Option<i64>,
}

/// An invite, as those who can revoke it see it. The code isn't included, because the server doesn't keep it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Invite {
    /// Id of the invite.
    pub id: InviteId,
    /// Who created it.
    pub created_by: UserId,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
    /// How many people can register with it.
    pub uses: i64,
    /// How many people have registered with it.
    pub used: i64,
}

/// A new invite and its code. The code is shown only once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreatedInvite {
    /// The invite.
    pub invite: Invite,
    /// The code to register with.
    pub code: String,
}
