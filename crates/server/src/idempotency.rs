//! `Idempotency-Key`: a request that creates something can be repeated, on any node and after any crash, and creates
//! it once (draft-ietf-httpapi-idempotency-key-header).
//!
//! Invariant: ids and secrets of what is created come from a [`Creation`]. With a key they are derived from it, so
//! that no secret has to be stored to be returned again; the key is not stored either, and they cannot be derived
//! without it.

use actix_web::{HttpMessage, HttpRequest};
use parlour_chat::Outcome;
use parlour_chat::idempotency::{RequestKey, once};
use parlour_chat::outcome::Done;
use parlour_chat::secrets::MasterKey;
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

/// Name of the header.
pub const HEADER: &str = "idempotency-key";
/// Minimum and maximum length of a key, in characters. A UUID has 36.
pub const LENGTH: (usize, usize) = (16, 255);

/// Operations that accept the header: those that would otherwise create something twice. Adding a passkey or a
/// provider account takes a proof that works once anyway, so they are not among them.
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

/// Hash of a body's JSON, independent of whitespace and the order of fields.
#[derive(Clone)]
struct BodyDigest([u8; 32]);

/// Records the hash of a body, if the request has a key.
pub fn note_body(request: &HttpRequest, body: &[u8]) {
    if request.headers().contains_key(HEADER)
        && let Ok(value) = serde_json::from_slice::<serde_json::Value>(body)
    {
        request.extensions_mut().insert(BodyDigest(Sha256::digest(value.to_string()).into()));
    }
}

/// The creation of something by a request: the source of its ids and secrets.
#[derive(Clone)]
pub struct Creation {
    key: Option<(RequestKey, MasterKey)>,
}

impl Creation {
    /// A creation that cannot be repeated.
    pub fn keyless() -> Self {
        Self { key: None }
    }

    /// The creation of a request whose body has been read. Requests of strangers that share a key but have different
    /// bodies do not collide.
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
        let derive = |purpose: &str, parts: &[&[u8]]| app.master_key.derive(purpose, parts);
        let request = RequestKey {
            name: derive("idempotency name", &named),
            request: derive("idempotency request", &whole),
            user,
        };
        let seed = derive("idempotency seed", &whole);
        Ok(Self { key: Some((request, MasterKey(seed))) })
    }

    /// An id for one part of what is created.
    pub fn id(&self, part: &str) -> i64 {
        match &self.key {
            None => random::id(),
            Some(_) => (i64::from_be_bytes(self.secret(part)) & i64::MAX).max(1),
        }
    }

    /// Secret bytes for one part of what is created; they cannot be guessed without the key.
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

    /// Runs `work` in the transaction, unless the same request already has. Returns the result and whether it had.
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

/// Removes the quotes of an RFC 8941 string; a bare value is returned as it is.
fn unquoted(text: &str) -> &str {
    let text = text.trim();
    text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text)
}
