//! Between the password and the code: a challenge that says that the password was right, signed, for five minutes.
//!
//! Invariant: a challenge opens nothing without a code, and ends with the password that it was made for.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parlour_chat::second_factors::FactorKey;
use parlour_protocol::ids::UserId;
use parlour_protocol::time::{MINUTE, Timestamp};
use parlour_storage::users::UserRow;
use subtle::ConstantTimeEq;

/// A challenge is good for this long.
const LIFETIME: i64 = 5 * MINUTE;

fn sign(key: &FactorKey, row: &UserRow, ends: i64) -> [u8; 32] {
    let parts: [&[u8]; 3] = [&row.id.to_be_bytes(), &ends.to_be_bytes(), row.password_hash.as_bytes()];
    key.derive("log-in challenge", &parts)
}

/// Makes a challenge for somebody whose password was right.
pub fn make(key: &FactorKey, now: Timestamp, row: &UserRow) -> String {
    let ends = now.0 + LIFETIME;
    let mut bytes = [row.id.to_be_bytes(), ends.to_be_bytes()].concat();
    bytes.extend(sign(key, row, ends));
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A challenge that was read, and is not believed yet.
#[derive(Debug, Clone)]
pub struct Challenge {
    /// Whom it is about.
    pub user: UserId,
    ends: i64,
    signature: [u8; 32],
}

impl Challenge {
    /// Reads a challenge.
    pub fn parse(text: &str) -> Option<Self> {
        // Longer ones are none.
        let bytes = URL_SAFE_NO_PAD.decode(text.get(..64).filter(|start| *start == text)?).ok()?;
        let (user, rest) = bytes.split_first_chunk()?;
        let (ends, rest) = rest.split_first_chunk()?;
        let signature = rest.try_into().ok()?;
        Some(Self { user: UserId(i64::from_be_bytes(*user)), ends: i64::from_be_bytes(*ends), signature })
    }

    /// Whether it was made here for this account as it is now, and has not run out.
    pub fn is_good(&self, key: &FactorKey, now: Timestamp, row: &UserRow) -> bool {
        now.0 < self.ends
            && row.id == self.user.0
            && bool::from(sign(key, row, self.ends).ct_eq(&self.signature))
    }
}
