//! Entry points for the fuzz targets in `tests/fuzz`: parsers of untrusted input, without a server around them. Built
//! for these targets only.
//!
//! Invariant: nothing here panics on any input; that is what the targets look for.

use std::net::IpAddr;

use bytes::BytesMut;
use parlour_chat::identity::{accounts, identities};
use parlour_chat::messages;
use parlour_protocol::accounts::{CreateAccount, UpdateAccount};
use parlour_protocol::identities::CreateProviderAccount;
use parlour_protocol::ids::{ConversationId, UserId};
use parlour_protocol::messages::SendMessage;
use parlour_protocol::rooms::CreateRoom;
use parlour_protocol::sessions::{CreateSession, RefreshSession};
use parlour_protocol::socket::ClientFrame;
use parlour_protocol::validation;

use crate::auth::challenges::Challenge;
use crate::auth::tokens::RefreshToken;
use crate::avatars;
use crate::bodies::Object;
use crate::budget::addresses;
use crate::routes;
use crate::socket;

/// Bytes after the WebSocket handshake, and the commands in them.
pub fn socket(bytes: &[u8]) {
    socket::read_all(BytesMut::from(bytes), |text| {
        if let Ok(ClientFrame::Send { conversation, cid, body, reply_to, .. }) = serde_json::from_str(text) {
            check(conversation, cid, body, reply_to);
        }
    });
}

fn check(conversation: ConversationId, cid: String, body: String, reply_to: Option<i64>) {
    let _ = messages::check_send(&messages::Send { author: UserId(1), conversation, cid, body, reply_to });
}

/// Result of reading frames that arrive in pieces.
pub struct Frames {
    /// Everything that was read, in order.
    pub seen: Vec<String>,
    /// Maximum bytes buffered between two pieces.
    pub most_held: usize,
}

/// Frames after the handshake, in pieces as the network delivers them.
pub fn frames(pieces: &[&[u8]]) -> Frames {
    let (seen, most_held) = socket::read_pieces(pieces);
    Frames { seen, most_held }
}

/// The client's address, given the peer of the connection, the trusted proxy networks (separated by commas) and the
/// lines of `X-Forwarded-For`.
pub fn forwarded(peer: IpAddr, trusted: &str, lines: &[&str]) -> String {
    let trusted: Vec<_> =
        trusted.split(',').filter_map(|network| addresses::parse_network(network.trim())).collect();
    addresses::forwarded(peer, &trusted, lines.iter().copied()).to_string()
}

/// A request body, parsed as each of several operations would.
pub fn bodies(bytes: &[u8]) {
    if let Ok(Object(SendMessage { body, reply_to })) = serde_json::from_slice(bytes) {
        check(ConversationId(1), "a-client-id".to_owned(), body, reply_to);
    }
    if let Ok(Object(body)) = serde_json::from_slice::<Object<CreateAccount>>(bytes) {
        let _ = accounts::check_registration(&body);
        let _ = validation::fold(&body.handle);
    }
    if let Ok(Object(body)) = serde_json::from_slice::<Object<CreateProviderAccount>>(bytes) {
        let _ = identities::check_registration(&body);
    }
    if let Ok(Object(body)) = serde_json::from_slice::<Object<UpdateAccount>>(bytes) {
        let _ = accounts::check_update(&body);
    }
    if let Ok(Object(body)) = serde_json::from_slice::<Object<CreateSession>>(bytes) {
        let _ = validation::handle(&validation::fold(&body.handle));
    }
    let _ = serde_json::from_slice::<Object<CreateRoom>>(bytes);
    let _ = serde_json::from_slice::<Object<RefreshSession>>(bytes);
}

/// An uploaded picture. The result must be readable.
pub fn pictures(bytes: &[u8]) {
    if let Ok(squares) = avatars::squares(bytes) {
        for made in [&squares.small, &squares.large] {
            assert!(image::load_from_memory(made).is_ok(), "an unreadable picture was made");
        }
    }
}

/// Values that are opaque to clients.
pub fn tokens(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let _ = RefreshToken::parse(text);
    let _ = Challenge::parse(text);
    let _ = text.parse::<UserId>();
    routes::parse_opaque(text);
}
