//! `Idempotency-Key`: a request that makes something can be sent again, on any node and after any crash, and makes it once
//! (draft-ietf-httpapi-idempotency-key-header).
//!
//! Invariant: ids and secrets of what is made come from a [`Creation`]. With a key they are derived from it, so that no
//! secret needs to be stored to be told a second time; the key itself is not stored either, and only it leads to them.

use actix_web::{HttpMessage, HttpRequest};
use parlour_chat::Outcome;
use parlour_chat::idempotency::{RequestKey, once};
use parlour_chat::outcome::Done;
use parlour_chat::second_factors::FactorKey;
use parlour_protocol::ids::UserId;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::time::Timestamp;
use parlour_storage::Connection;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::app::App;
use crate::problems::ApiError;
use crate::random;

/// The header.
pub const HEADER: &str = "idempotency-key";
/// Characters of a key. A UUID has 36.
pub const LENGTH: (usize, usize) = (16, 255);

/// Operations that take the header: those that would make something a second time. A passkey or an account with a provider
/// is added with a proof that works once.
pub const OPERATIONS: [&str; 10] = [
    "create_account",
    "create_provider_account",
    "create_session",
    "create_friend_request",
    "create_room",
    "create_invite",
    "create_token",
    "create_bot",
    "create_bot_token",
    "create_password_reset",
];

/// Hash of a body's JSON, which the order of its fields and its spaces do not change.
#[derive(Clone)]
struct BodyDigest([u8; 32]);

/// Notes what a body says, for the request's key if it has one.
pub fn note_body(request: &HttpRequest, body: &[u8]) {
    if request.headers().contains_key(HEADER)
        && let Ok(value) = serde_json::from_slice::<serde_json::Value>(body)
    {
        request.extensions_mut().insert(BodyDigest(Sha256::digest(value.to_string()).into()));
    }
}

/// Something that a request makes.
#[derive(Clone)]
pub struct Creation {
    key: Option<(RequestKey, FactorKey)>,
}

impl Creation {
    /// One that is not repeated.
    pub fn keyless() -> Self {
        Self { key: None }
    }

    /// Of a request whose body was read. Strangers with the same key and different requests do not meet.
    pub fn of(app: &App, request: &HttpRequest, user: Option<UserId>) -> Result<Self, ApiError> {
        let mut keys = request.headers().get_all(HEADER);
        let Some(key) = keys.next() else { return Ok(Self::keyless()) };
        let text = key.to_str().ok().filter(|_| keys.next().is_none()).map(unquoted);
        let key = text.filter(|text| (LENGTH.0..=LENGTH.1).contains(&text.len())).ok_or_else(|| {
            let rule =
                format!("Idempotency-Key: one value of {} to {} visible characters.", LENGTH.0, LENGTH.1);
            ApiError::because(ErrorCode::Malformed, rule)
        })?;
        let body = request.extensions().get::<BodyDigest>().map_or([0; 32], |digest| digest.0);
        let (method, path) = (request.method().as_str().as_bytes(), request.path().as_bytes());
        let who = user.map_or(body.to_vec(), |user| user.0.to_be_bytes().to_vec());
        let named: [&[u8]; 4] = [&who, method, path, key.as_bytes()];
        let whole: [&[u8]; 5] = [&who, method, path, key.as_bytes(), &body];
        let derive = |purpose: &str, parts: &[&[u8]]| app.factor_key.derive(purpose, parts);
        let request = RequestKey {
            name: derive("idempotency name", &named),
            request: derive("idempotency request", &whole),
            user,
        };
        let seed = derive("idempotency seed", &whole);
        Ok(Self { key: Some((request, FactorKey(seed))) })
    }

    /// An id for one part of it.
    pub fn id(&self, part: &str) -> i64 {
        match &self.key {
            None => random::id(),
            Some(_) => (i64::from_be_bytes(self.secret(part)) & i64::MAX).max(1),
        }
    }

    /// Bytes for one part of it that nobody can guess who does not know the key.
    pub fn secret<const N: usize>(&self, part: &str) -> [u8; N] {
        const { assert!(N <= 32, "HMAC-SHA-256 has 32 bytes") };
        match &self.key {
            None => random::bytes(),
            Some((_, seed)) => {
                let mut bytes = [0; N];
                bytes.copy_from_slice(&seed.derive(part, &[])[..N]);
                bytes
            }
        }
    }

    /// Makes it in a transaction, unless the same request has made it. Says whether it had.
    pub fn make<T: Serialize + DeserializeOwned>(
        &self,
        conn: &mut Connection,
        now: Timestamp,
        work: impl FnOnce(&mut Connection) -> Done<T>,
    ) -> Done<(T, bool)> {
        match &self.key {
            Some((key, _)) => once(conn, now, key, work),
            None => work(conn).map(|Outcome { value, effects }| Outcome { value: (value, false), effects }),
        }
    }
}

/// A string of RFC 8941 without its quotes; a bare value as it is.
fn unquoted(text: &str) -> &str {
    let text = text.trim();
    text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text)
}
