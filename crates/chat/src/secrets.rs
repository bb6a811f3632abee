//! The server's own secret, from which everything else that must be secret and repeatable is derived: secrets of second
//! factors, tokens in mails, signatures of devices and challenges.
//!
//! Invariant: every purpose has a name of its own, so no derived value can be used for another purpose.

use hmac::{Hmac, Mac};
use parlour_protocol::ids::UserId;
use sha2::Sha256;

use crate::identity::totp;

/// The server's key.
#[derive(Clone)]
pub struct MasterKey(pub [u8; 32]);

impl MasterKey {
    /// A keyed hash of `parts`, for one purpose.
    pub fn derive(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else {
            unreachable!("HMAC takes keys of any length");
        };
        for part in [&[purpose.as_bytes()], parts].concat() {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// The secret of a user's second factor.
    pub fn totp_secret(&self, user: UserId, nonce: &[u8]) -> [u8; totp::SECRET] {
        let whole = self.derive("totp secret", &[&user.0.to_be_bytes(), nonce]);
        let mut secret = [0; totp::SECRET];
        secret.iter_mut().zip(whole).for_each(|(byte, from)| *byte = from);
        secret
    }
}
