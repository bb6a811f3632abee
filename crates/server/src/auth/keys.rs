//! The signing keys as stored in the database, and their rotation.
//!
//! Invariant: at most two keys are valid at once. A new key starts to sign only after every node has had time to
//! notice it, so that no node receives a token signed by a key it does not know.

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

use crate::auth::tokens::ACCESS_LIFETIME;

/// Name of the `server_state` row that holds the signing keys.
pub const SIGNING_KEYS: &str = "signing_keys";
/// Name of the row that holds the secret of refresh tokens.
pub const REFRESH_KEY: &str = "refresh_key";
/// Name of the row that holds the key of second factors.
pub const FACTOR_KEY: &str = "factor_key";
/// Delay (microseconds) before a new key signs: nodes look for new keys every five seconds.
const NOTICED: i64 = 30 * SECOND;

/// A signing key as stored.
#[derive(Clone, Serialize, Deserialize)]
pub struct StoredKey {
    /// The Ed25519 seed, in base64.
    pub seed: String,
    /// When it starts to sign.
    pub from: Timestamp,
}

/// All valid signing keys as stored.
#[derive(Clone, Serialize, Deserialize)]
pub struct StoredKeys {
    /// Grows with every emergency replacement, which ends every session.
    pub generation: u64,
    /// One or two, the newest last.
    pub keys: Vec<StoredKey>,
}

impl StoredKeys {
    /// The keys of a new server.
    pub fn first(seed: String) -> Self {
        Self { generation: 1, keys: vec![StoredKey { seed, from: Timestamp(0) }] }
    }

    /// Parses the stored form.
    pub fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|_| damaged())
    }

    /// The stored form.
    pub fn write(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Error message for a secret that cannot be read.
pub fn damaged() -> String {
    "a secret in the table server_state is damaged; restore it from a backup".to_owned()
}

/// Decodes a secret of 32 bytes from base64.
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

/// Adds a key that soon starts to sign. The current key stays valid, older ones are dropped. Refused with a conflict
/// while tokens of the key before the current one may still be valid.
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
    Ok(Outcome::without_events(()))
}

/// Emergency replacement, for when a key has leaked: only the new key is valid, and every session ends. Returns how
/// many sessions ended.
pub fn replace_all(conn: &mut Connection, now: Timestamp, seed: &str, refresh_key: &str) -> Done<usize> {
    let generation = read(conn)?.generation + 1;
    let keys = vec![StoredKey { seed: seed.to_owned(), from: Timestamp(0) }];
    server_state::replace(conn, SIGNING_KEYS, &StoredKeys { generation, keys }.write())?;
    server_state::replace(conn, REFRESH_KEY, refresh_key)?;
    let ended = sessions::revoke_all(conn, now.0)?;
    noted(conn, now)?;
    Ok(Outcome { value: ended, effects: Vec::<Effect>::new() })
}
