//! Between the password and the second factor: a signed challenge that proves that the password was right, valid for
//! five minutes.
//!
//! Invariant: a challenge is worth nothing without a code, and becomes invalid when the password changes.

use parlour_chat::secrets::MasterKey;
use parlour_protocol::ids::UserId;
use parlour_protocol::time::{MINUTE, Timestamp};
use parlour_storage::users::UserRow;

use super::signed::{self, Purpose, Signed};

/// Lifetime of a challenge, in microseconds.
const LIFETIME: i64 = 5 * MINUTE;

fn purpose(row: &UserRow) -> Purpose<'_> {
    Purpose { name: "log-in challenge", bound: row.password_hash.as_bytes() }
}

/// Makes a challenge for somebody whose password was right.
pub fn make(key: &MasterKey, now: Timestamp, row: &UserRow) -> String {
    signed::write(key, &purpose(row), now.0 + LIFETIME, &row.id.0.to_be_bytes())
}

/// A parsed challenge that has not been verified.
#[derive(Debug, Clone)]
pub struct Challenge {
    /// Whose challenge it is.
    pub user: UserId,
    signed: Signed,
}

impl Challenge {
    /// Parses a challenge; `None` if malformed.
    pub fn parse(text: &str) -> Option<Self> {
        let signed = Signed::parse(text)?;
        let user = signed.payload().try_into().ok().map(i64::from_be_bytes)?;
        Some(Self { user: UserId(user), signed })
    }

    /// Whether it was signed by this server for the account's current password, and has not expired.
    pub fn is_good(&self, key: &MasterKey, now: Timestamp, row: &UserRow) -> bool {
        row.id == self.user && self.signed.is_good(key, &purpose(row), now)
    }
}
