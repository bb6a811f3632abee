//! Everything that crosses the wire between Parlour's server and its clients: ids, limits, REST bodies,
//! socket frames and problems. Compiles natively and to wasm; no I/O, no clock.
//!
//! Invariant: a type here is a contract with clients that are already installed. Add optional fields; never
//! rename, retype or remove one within `v1`.

pub mod accounts;
pub mod admin;
pub mod audit;
pub mod blocks;
pub mod characters;
pub mod conversations;
pub mod emails;
pub mod friends;
pub mod identities;
pub mod ids;
pub mod invites;
pub mod limits;
pub mod messages;
pub mod notifications;
pub mod own_data;
pub mod passkeys;
pub mod password_resets;
pub mod privacy;
pub mod problems;
pub mod rooms;
pub mod second_factors;
pub mod sessions;
pub mod socket;
pub mod text;
pub mod time;
pub mod users;
pub mod validation;

use serde::{Deserialize, Serialize};

/// One page of a collection. `next` is the cursor for the following page, absent on the last one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Page<T> {
    /// The items, in the order that the operation documents.
    pub items: Vec<T>,
    /// Opaque cursor of the next page; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// What a client can know about a server before anybody is logged in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServerInfo {
    /// Name that the operator gave this server.
    pub name: String,
    /// Version of the server software.
    pub version: String,
    /// Whether anybody may register an account, at once or after approval.
    pub registration_open: bool,
    /// Who may register, and how.
    #[serde(default)]
    pub registration: accounts::Registration,
    /// Whether everybody may invite people, and not only administrators.
    #[serde(default)]
    pub member_invites: bool,
    /// Name of the provider of OpenID Connect with which people may log in; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Whether this server sends mails: accounts may have an address, and new passwords come by mail.
    #[serde(default)]
    pub mail: bool,
    /// Whether passkeys can be used at the address by which this was asked.
    #[serde(default)]
    pub passkeys: bool,
    /// Identifies the database's history; changes after a restore, and then every cursor is void.
    pub epoch: String,
}
