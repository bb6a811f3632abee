//! Everything that crosses the wire between Parlour's server and its clients: ids, limits, REST bodies,
//! socket frames and problems. Compiles natively and to wasm; no I/O, no clock.
//!
//! Invariant: a type here is a contract with clients that are already installed. Add optional fields; never
//! rename, retype or remove one within `v1`.

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
pub mod friends;
pub mod health;
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

/// What a server takes at most. Lengths are in characters and sizes in bytes, unless the field says otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ServerLimits {
    /// Longest message.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub message_length: u32,
    /// Longest display name.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub display_name_length: u32,
    /// Longest bio.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub bio_length: u32,
    /// Longest room name.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub room_name_length: u32,
    /// Longest room topic.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub topic_length: u32,
    /// Shortest password.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub password_min_length: u32,
    /// Longest password, in bytes of UTF-8.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub password_max_bytes: u32,
    /// Largest uploaded profile picture.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub avatar_bytes: u32,
    /// Largest JSON body of a request.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub body_bytes: u32,
    /// Largest frame that the socket takes.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub frame_bytes: u32,
    /// Most distinct emoji under one message.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub reactions_per_message: u32,
    /// Most rooms that one person can be in.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub rooms_per_person: u32,
    /// Most sockets of one person on one node.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub sockets_per_person: u32,
    /// Most conversations that one socket follows live.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub live_conversations: u32,
    /// Messages, edits and reactions of one person per second in the long run; the burst is twice that.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub sends_per_second: u32,
}

impl Default for ServerLimits {
    /// What a server without settings takes.
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

/// Something that a server can do. Ask for it instead of comparing versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Feature {
    /// Personal access tokens.
    Tokens,
    /// Bots, which act with tokens of their own.
    Bots,
    /// `Idempotency-Key` on what makes something.
    IdempotencyKeys,
    /// One message by its position, and sending to a path that only client ids have.
    MessagesByPosition,
    /// Pages of other origins may call the API with a bearer token.
    OtherOrigins,
    /// `RateLimit` and `RateLimit-Policy` on answers.
    RateLimitFields,
    /// A feature that this version of the library does not know.
    #[serde(other)]
    Unknown,
}

impl Feature {
    /// Everything that this version can do.
    pub const ALL: [Self; 6] = [
        Self::Tokens,
        Self::Bots,
        Self::IdempotencyKeys,
        Self::MessagesByPosition,
        Self::OtherOrigins,
        Self::RateLimitFields,
    ];
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
    #[cfg_attr(feature = "openapi", schema(required))]
    pub registration: accounts::Registration,
    /// Whether everybody may invite people, and not only administrators.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub member_invites: bool,
    /// Name of the provider of OpenID Connect with which people may log in; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Whether this server sends mails: accounts may have an address, and new passwords come by mail.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub mail: bool,
    /// Whether passkeys can be used at the address by which this was asked.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub passkeys: bool,
    /// What this server can do that not every server of `v1` could from the beginning.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub features: Vec<Feature>,
    /// What the server takes at most, so that clients can say so beforehand.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub limits: ServerLimits,
    /// Identifies the database's history; changes after a restore, and then every cursor is void.
    pub epoch: String,
}
