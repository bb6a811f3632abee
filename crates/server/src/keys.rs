//! The signing keys as the database keeps them, and their rotation.
//!
//! Invariant: at most two keys are valid at once. A new one begins to sign only when every node has had time to notice
//! it, so that no node meets a token of a key that it does not know.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parlour_chat::audit::{self, Note};
use parlour_chat::outcome::Done;
use parlour_chat::{Effect, Outcome, Refusal};
use parlour_protocol::audit::AuditKind;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::time::{SECOND, Timestamp};
use parlour_storage::{Connection, server_state, sessions};
use serde::{Deserialize, Serialize};

use crate::tokens::ACCESS_LIFETIME;

/// Name of the fact that holds the keys.
pub const SIGNING_KEYS: &str = "signing_keys";
/// Name of the fact that holds the secret of refresh tokens.
pub const REFRESH_KEY: &str = "refresh_key";
/// Name of the fact that holds the key of second factors.
pub const FACTOR_KEY: &str = "factor_key";
/// A new key signs after this long: nodes look for new keys every five seconds.
const NOTICED: i64 = 30 * SECOND;

/// One key, as it is stored.
#[derive(Clone, Serialize, Deserialize)]
pub struct StoredKey {
    /// The Ed25519 seed, in base64.
    pub seed: String,
    /// When it begins to sign.
    pub from: Timestamp,
}

/// All valid keys, as they are stored.
#[derive(Clone, Serialize, Deserialize)]
pub struct StoredKeys {
    /// Grows with every emergency: then every session ended.
    pub generation: u64,
    /// One or two, the newest last.
    pub keys: Vec<StoredKey>,
}

impl StoredKeys {
    /// The first key of a server.
    pub fn first(seed: String) -> Self {
        Self { generation: 1, keys: vec![StoredKey { seed, from: Timestamp(0) }] }
    }

    /// Reads the fact.
    pub fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|_| damaged())
    }

    /// Writes the fact.
    pub fn write(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// What to say about a secret that cannot be read.
pub fn damaged() -> String {
    "a secret in the table server_state is damaged; restore it from a backup".to_owned()
}

/// Reads a secret of 32 bytes.
pub fn secret(text: &str) -> Result<[u8; 32], String> {
    STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok()).ok_or_else(damaged)
}

fn read(conn: &mut Connection) -> Result<StoredKeys, Refusal> {
    let text = server_state::find(conn, SIGNING_KEYS)?.ok_or(ErrorCode::Internal)?;
    StoredKeys::parse(&text).map_err(|_| ErrorCode::Internal.into())
}

fn noted(conn: &mut Connection, now: Timestamp) -> Result<(), Refusal> {
    let line =
        Note { kind: AuditKind::KeysRotated, actor: None, subject: None, address: None, operation: None };
    audit::note(conn, now, line)
}

/// Adds a key that signs soon; the one that signs now stays valid, and older ones end. Not sooner than tokens of the
/// key before have run out.
pub fn rotate(conn: &mut Connection, now: Timestamp, seed: &str) -> Done<()> {
    let mut stored = read(conn)?;
    let newest = stored.keys.pop().ok_or(ErrorCode::Internal)?;
    let settled = newest.from.0 + (ACCESS_LIFETIME + 60) * SECOND;
    if now.0 < settled {
        return Err(Refusal::because(
            ErrorCode::Conflict,
            "The keys were changed a few minutes ago. Wait, or use --now to end all sessions.",
        ));
    }
    stored.keys = vec![newest, StoredKey { seed: seed.to_owned(), from: Timestamp(now.0 + NOTICED) }];
    server_state::replace(conn, SIGNING_KEYS, &stored.write())?;
    noted(conn, now)?;
    Ok(Outcome::quiet(()))
}

/// For when a key is known to others: only a new one is valid, and every session is over. Answers how many were.
pub fn replace_all(conn: &mut Connection, now: Timestamp, seed: &str, refresh_key: &str) -> Done<usize> {
    let generation = read(conn)?.generation + 1;
    let keys = vec![StoredKey { seed: seed.to_owned(), from: Timestamp(0) }];
    server_state::replace(conn, SIGNING_KEYS, &StoredKeys { generation, keys }.write())?;
    server_state::replace(conn, REFRESH_KEY, refresh_key)?;
    let ended = sessions::revoke_all(conn, now.0)?;
    noted(conn, now)?;
    Ok(Outcome { value: ended, effects: Vec::<Effect>::new() })
}
