//! Everything that crosses the wire between Parlour's server and its clients: ids, limits, REST bodies, socket frames
//! and problems. Compiles natively and to wasm; no I/O, no clock.
//!
//! Invariant: a type here is a contract with clients that are already installed. Add optional fields; never rename,
//! retype or remove one within `v1`.

pub mod accounts;
pub mod admin;
pub mod api_tokens;
pub mod audit;
pub mod blocks;
pub mod bots;
pub mod characters;
pub mod close_codes;
pub mod conversations;
pub mod emails;
pub mod events;
pub mod friends;
pub mod health;
pub mod identities;
pub mod ids;
pub mod invites;
pub mod jobs;
mod kinds;
pub mod limits;
pub mod messages;
pub mod notifications;
pub mod own_data;
pub mod passkeys;
pub mod password_resets;
pub mod privacy;
pub mod problems;
pub mod rights;
pub mod rooms;
pub mod second_factors;
pub mod sessions;
pub mod socket;
#[cfg(feature = "diesel")]
mod stored;
pub mod text;
pub mod time;
pub mod users;
pub mod validation;

use serde::{Deserialize, Serialize};

/// One page of a collection. `next` is the cursor of the following page; absent on the last one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Page<T> {
    /// The items, in the order documented by the operation.
    pub items: Vec<T>,
    /// Opaque cursor of the next page; absent if this is the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Limits of this server. Lengths are in characters and sizes in bytes, unless the field says otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ServerLimits {
    /// Maximum length of a message.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub message_length: u32,
    /// Maximum length of a display name.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub display_name_length: u32,
    /// Maximum length of a bio.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub bio_length: u32,
    /// Maximum length of a room name.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub room_name_length: u32,
    /// Maximum length of a room topic.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub topic_length: u32,
    /// Minimum length of a password.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub password_min_length: u32,
    /// Maximum length of a password, in bytes of UTF-8.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub password_max_bytes: u32,
    /// Maximum size of an uploaded profile picture.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub avatar_bytes: u32,
    /// Maximum size of a JSON request body.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub body_bytes: u32,
    /// Maximum size of a socket frame from the client.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub frame_bytes: u32,
    /// Maximum number of different emoji on one message.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub reactions_per_message: u32,
    /// Maximum number of rooms a user can be in.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub rooms_per_person: u32,
    /// Maximum number of sockets of one user on one node.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub sockets_per_person: u32,
    /// Maximum number of conversations one socket can follow live.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub live_conversations: u32,
    /// Sustained rate of messages, edits and reactions per user and second; bursts of twice as many are allowed.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub sends_per_second: u32,
}

impl Default for ServerLimits {
    /// The limits of a server with default settings.
    fn default() -> Self {
        let number = |limit: usize| u32::try_from(limit).unwrap_or(u32::MAX);
        Self {
            message_length: number(limits::MESSAGE),
            display_name_length: number(limits::DISPLAY_NAME),
            bio_length: number(limits::BIO),
            room_name_length: number(limits::ROOM_NAME.1),
            topic_length: number(limits::TOPIC),
            password_min_length: number(limits::PASSWORD.0),
            password_max_bytes: number(limits::PASSWORD.1),
            avatar_bytes: number(limits::AVATAR_UPLOAD),
            body_bytes: number(limits::BODY),
            frame_bytes: number(limits::FRAME.0),
            reactions_per_message: number(limits::REACTIONS_PER_MESSAGE),
            rooms_per_person: u32::try_from(limits::ROOMS_PER_USER).unwrap_or(u32::MAX),
            sockets_per_person: number(limits::SOCKETS_PER_USER),
            live_conversations: number(limits::LIVE),
            sends_per_second: 5,
        }
    }
}

/// A capability of the server. Check for it instead of comparing versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Feature {
    /// Personal access tokens.
    Tokens,
    /// Bots, which act with tokens of their own.
    Bots,
    /// Operations that create something accept an `Idempotency-Key`.
    IdempotencyKeys,
    /// A message can be read by its position, and messages are sent to a path that takes only client ids.
    MessagesByPosition,
    /// Web pages from other origins can call the API with a bearer token.
    OtherOrigins,
    /// Responses carry `RateLimit` and `RateLimit-Policy` headers.
    RateLimitFields,
    /// A feature this version of the library doesn't know.
    #[serde(other)]
    Unknown,
}

impl Feature {
    /// Every feature this version has.
    pub const ALL: [Self; 6] = [
        Self::Tokens,
        Self::Bots,
        Self::IdempotencyKeys,
        Self::MessagesByPosition,
        Self::OtherOrigins,
        Self::RateLimitFields,
    ];
}

/// What a client can learn about a server before logging in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServerInfo {
    /// Name of the server, chosen by its operator.
    pub name: String,
    /// Version of the server software.
    pub version: String,
    /// Whether anyone can register, either right away or after approval.
    pub registration_open: bool,
    /// Who can register, and how.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub registration: accounts::Registration,
    /// Whether all users can create invites, not only administrators.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub member_invites: bool,
    /// Name of the OpenID Connect provider that users can log in with; absent if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Whether the server sends mail: accounts can have an email address, and passwords can be reset by mail.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub mail: bool,
    /// Whether passkeys work at the address this request was sent to.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub passkeys: bool,
    /// Features that not every `v1` server has.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub features: Vec<Feature>,
    /// Limits of this server, so that clients can check input before sending it.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub limits: ServerLimits,
    /// Identifies the database's history. It changes when a backup is restored, which makes every cursor invalid.
    pub epoch: String,
}
