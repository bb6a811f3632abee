//! Between the password and the second factor: a signed challenge that proves that the password was right, valid for
//! five minutes.
//!
//! Invariant: a challenge is worth nothing without a code, and becomes invalid when the password changes.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parlour_chat::secrets::MasterKey;
use parlour_protocol::ids::UserId;
use parlour_protocol::time::{MINUTE, Timestamp};
use parlour_storage::users::UserRow;
use subtle::ConstantTimeEq;

/// Lifetime of a challenge, in microseconds.
const LIFETIME: i64 = 5 * MINUTE;

fn sign(key: &MasterKey, row: &UserRow, ends: i64) -> [u8; 32] {
    let parts: [&[u8]; 3] = [&row.id.to_be_bytes(), &ends.to_be_bytes(), row.password_hash.as_bytes()];
    key.derive("log-in challenge", &parts)
}

/// Makes a challenge for somebody whose password was right.
pub fn make(key: &MasterKey, now: Timestamp, row: &UserRow) -> String {
    let ends = now.0 + LIFETIME;
    let mut bytes = [row.id.to_be_bytes(), ends.to_be_bytes()].concat();
    bytes.extend(sign(key, row, ends));
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A parsed challenge that has not been verified.
#[derive(Debug, Clone)]
pub struct Challenge {
    /// Whose challenge it is.
    pub user: UserId,
    ends: i64,
    signature: [u8; 32],
}

impl Challenge {
    /// Parses a challenge; `None` if malformed.
    pub fn parse(text: &str) -> Option<Self> {
        // A challenge has exactly 64 characters.
        let bytes = URL_SAFE_NO_PAD.decode(text.get(..64).filter(|start| *start == text)?).ok()?;
        let (user, rest) = bytes.split_first_chunk()?;
        let (ends, rest) = rest.split_first_chunk()?;
        let signature = rest.try_into().ok()?;
        Some(Self { user: UserId(i64::from_be_bytes(*user)), ends: i64::from_be_bytes(*ends), signature })
    }

    /// Whether it was signed by this server for the account's current password, and has not expired.
    pub fn is_good(&self, key: &MasterKey, now: Timestamp, row: &UserRow) -> bool {
        now.0 < self.ends
            && row.id == self.user.0
            && bool::from(sign(key, row, self.ends).ct_eq(&self.signature))
    }
}
