//! Access tokens (JWT, EdDSA) and refresh tokens.
//!
//! Invariant: an access token is accepted only if key id, algorithm, type, issuer, audience and all times are right.
//! Refresh tokens are stored as hashes; a token's successor is derived from it with a secret key, so a lost response
//! can be repeated without storing the token.

use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::SigningKey;
use hmac::{Hmac, Mac};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use parlour_chat::identity::api_tokens::Grant;
use parlour_protocol::ids::{SessionId, UserId};
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::time::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::random;

use crate::auth::keys::{StoredKeys, damaged, secret};

/// Lifetime of an access token, in seconds.
pub const ACCESS_LIFETIME: i64 = 600;
/// Tolerated clock difference between nodes, in seconds.
const LEEWAY: i64 = 30;
const ISSUER: &str = "parlour";
const AUDIENCE: &str = "parlour-api";
const TYPE: &str = "at+jwt";

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    iss: String,
    aud: String,
    sub: UserId,
    sid: SessionId,
    iat: i64,
    nbf: i64,
    exp: i64,
}

/// The owner of an access token or personal access token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    /// The person.
    pub user: UserId,
    /// Their session; for a personal access token, its id.
    pub session: SessionId,
    /// Until when this is valid without another lookup.
    pub expires_at: Timestamp,
    /// Grant of a personal access token; `None` for a log-in, which may do everything.
    pub grant: Option<Arc<Grant>>,
}

impl Bearer {
    /// Whether the token has not expired.
    pub fn is_current(&self, now: Timestamp) -> bool {
        match self.grant {
            // Issued by any node, by its own clock.
            None => self.expires_at.0 + LEEWAY * parlour_protocol::time::SECOND >= now.0,
            Some(_) => self.expires_at > now,
        }
    }
}

/// A signing key.
struct Key {
    id: String,
    from: Timestamp,
    encoding: EncodingKey,
    decoding: DecodingKey,
    public: [u8; 32],
}

impl Key {
    fn new(seed: [u8; 32], from: Timestamp) -> Self {
        let public = SigningKey::from_bytes(&seed).verifying_key().to_bytes();
        // RFC 8410: the fixed prefix of a PKCS #8 document that holds an Ed25519 seed.
        let mut pkcs8 = vec![
            0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
        ];
        pkcs8.extend_from_slice(&seed);
        Self {
            id: URL_SAFE_NO_PAD.encode(&Sha256::digest(public)[..12]),
            from,
            encoding: EncodingKey::from_ed_der(&pkcs8),
            decoding: DecodingKey::from_ed_der(&public),
            public,
        }
    }
}

/// The secrets that are currently valid.
struct Ring {
    generation: u64,
    /// Newest last; never empty.
    keys: Vec<Key>,
    refresh_key: [u8; 32],
}

impl Ring {
    fn of(stored: &StoredKeys, refresh_key: &str) -> Result<Self, String> {
        let keys: Result<Vec<Key>, String> =
            stored.keys.iter().map(|key| Ok(Key::new(secret(&key.seed)?, key.from))).collect();
        let keys = keys.ok().filter(|keys| !keys.is_empty()).ok_or_else(damaged)?;
        Ok(Self { generation: stored.generation, keys, refresh_key: secret(refresh_key)? })
    }
}

/// Issues and verifies tokens.
pub struct Tokens {
    validation: Validation,
    ring: RwLock<Arc<Ring>>,
}

impl Tokens {
    /// Creates the keys from the stored secrets.
    pub fn new(stored: &StoredKeys, refresh_key: &str) -> Result<Self, String> {
        let mut validation = Validation::new(Algorithm::EdDSA);
        // Times are checked below, against the application's clock.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        Ok(Self { validation, ring: RwLock::new(Arc::new(Ring::of(stored, refresh_key)?)) })
    }

    fn ring(&self) -> Arc<Ring> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces the secrets by the stored ones. Returns true if they are of a later generation, which ends every
    /// session.
    pub fn learn(&self, stored: &StoredKeys, refresh_key: &str) -> Result<bool, String> {
        let fresh = Ring::of(stored, refresh_key)?;
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        let emergency = fresh.generation > ring.generation;
        *ring = Arc::new(fresh);
        Ok(emergency)
    }

    /// Issues an access token, signed by the newest key that may sign already.
    pub fn issue(&self, now: Timestamp, user: UserId, session: SessionId) -> Result<String, String> {
        let ring = self.ring();
        let signing = ring.keys.iter().rev().find(|key| key.from <= now).or(ring.keys.first());
        let key = signing.ok_or_else(damaged)?;
        let header =
            Header { typ: Some(TYPE.into()), kid: Some(key.id.clone()), ..Header::new(Algorithm::EdDSA) };
        let issued = now.seconds();
        let claims = Claims {
            iss: ISSUER.into(),
            aud: AUDIENCE.into(),
            sub: user,
            sid: session,
            iat: issued,
            nbf: issued,
            exp: issued + ACCESS_LIFETIME,
        };
        jsonwebtoken::encode(&header, &claims, &key.encoding).map_err(|error| error.to_string())
    }

    /// Verifies an access token and returns its owner.
    pub fn verify(&self, now: Timestamp, token: &str) -> Result<Bearer, ErrorCode> {
        // Ours have about 400 bytes; nothing longer is worth a signature check.
        if token.len() > 1024 {
            return Err(ErrorCode::Unauthenticated);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| ErrorCode::Unauthenticated)?;
        if header.typ.as_deref() != Some(TYPE) {
            return Err(ErrorCode::Unauthenticated);
        }
        // The key is chosen from our own; nothing else in the header is trusted.
        let ring = self.ring();
        let key = ring.keys.iter().find(|key| header.kid.as_deref() == Some(&key.id));
        let key = key.ok_or(ErrorCode::Unauthenticated)?;
        let data = jsonwebtoken::decode::<Claims>(token, &key.decoding, &self.validation)
            .map_err(|_| ErrorCode::Unauthenticated)?;
        let claims = data.claims;
        let now = now.seconds();
        if claims.nbf > now + LEEWAY || claims.iat > now + LEEWAY || claims.exp - claims.iat > ACCESS_LIFETIME
        {
            return Err(ErrorCode::Unauthenticated);
        }
        if claims.exp + LEEWAY < now {
            return Err(ErrorCode::TokenExpired);
        }
        Ok(Bearer {
            user: claims.sub,
            session: claims.sid,
            expires_at: Timestamp(claims.exp * parlour_protocol::time::SECOND),
            grant: None,
        })
    }

    /// The public keys, as a JSON Web Key Set.
    pub fn jwks(&self) -> serde_json::Value {
        let public = |key: &Key| {
            serde_json::json!({
                "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig",
                "kid": key.id, "x": URL_SAFE_NO_PAD.encode(key.public),
            })
        };
        let keys: Vec<_> = self.ring().keys.iter().map(public).collect();
        serde_json::json!({ "keys": keys })
    }

    fn derive(&self, purpose: &[u8], session: SessionId, secret: &[u8]) -> [u8; HALF] {
        let mut half = [0; HALF];
        // Cannot fail: HMAC accepts keys of any length.
        if let Ok(mut mac) = <Hmac<Sha256> as Mac>::new_from_slice(&self.ring().refresh_key) {
            mac.update(purpose);
            mac.update(&session.0.to_be_bytes());
            mac.update(secret);
            half.iter_mut().zip(mac.finalize().into_bytes()).for_each(|(byte, from)| *byte = from);
        }
        half
    }

    fn sign(&self, session: SessionId, random: [u8; HALF]) -> RefreshToken {
        let mut secret = [0; 2 * HALF];
        let signature = self.derive(b"signature", session, &random);
        secret.iter_mut().zip(random.into_iter().chain(signature)).for_each(|(byte, from)| *byte = from);
        RefreshToken { session, secret }
    }

    /// The first refresh token of a session.
    pub fn first(&self, session: SessionId) -> RefreshToken {
        self.first_from(session, random::bytes())
    }

    /// The first refresh token of a session, made from unguessable bytes.
    pub fn first_from(&self, session: SessionId, random: [u8; HALF]) -> RefreshToken {
        self.sign(session, random)
    }

    /// The token that follows a used one; always the same one.
    pub fn successor(&self, token: &RefreshToken) -> RefreshToken {
        self.sign(token.session, self.derive(b"successor", token.session, &token.secret))
    }

    /// Whether a token was made by this server for its session, at any time. A made-up token is no sign of theft.
    pub fn is_genuine(&self, token: &RefreshToken) -> bool {
        let (random, signature) = token.secret.split_at(HALF);
        self.derive(b"signature", token.session, random).ct_eq(signature).into()
    }
}

/// Length in bytes of a refresh token's random part, and of its signature.
const HALF: usize = 16;

/// A refresh token: the session's id, 128 random bits, and a signature of both.
pub struct RefreshToken {
    /// The session that it refreshes.
    pub session: SessionId,
    secret: [u8; 2 * HALF],
}

impl RefreshToken {
    /// Parses the text form.
    pub fn parse(text: &str) -> Option<Self> {
        let (session, secret) = text.split_once('.')?;
        let secret = URL_SAFE_NO_PAD.decode(secret).ok()?.try_into().ok()?;
        Some(Self { session: session.parse().ok()?, secret })
    }

    /// The text form, for the client only.
    pub fn expose(&self) -> String {
        format!("{}.{}", self.session, URL_SAFE_NO_PAD.encode(self.secret))
    }

    /// What is stored.
    pub fn hash(&self) -> Vec<u8> {
        Sha256::digest(self.secret).to_vec()
    }
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::auth::keys::StoredKey;

    const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

    fn stored(seeds: &[(u8, i64)]) -> StoredKeys {
        let key = |(seed, from): &(u8, i64)| StoredKey {
            seed: STANDARD.encode([*seed; 32]),
            from: Timestamp(*from),
        };
        StoredKeys { generation: 1, keys: seeds.iter().map(key).collect() }
    }

    fn of(seeds: &[(u8, i64)]) -> Tokens {
        Tokens::new(&stored(seeds), &STANDARD.encode([2; 32])).unwrap()
    }

    fn tokens() -> Tokens {
        of(&[(1, 0)])
    }

    #[test]
    fn two_keys_are_valid_and_the_new_one_signs_when_its_time_has_come() {
        let old = tokens().issue(NOW, UserId(7), SessionId(9)).unwrap();
        let both = of(&[(1, 0), (3, NOW.0 + 30_000_000)]);
        both.verify(NOW, &old).unwrap();
        assert_eq!(both.issue(NOW, UserId(7), SessionId(9)).unwrap(), old, "not yet");
        let later = Timestamp(NOW.0 + 30_000_000);
        let new = both.issue(later, UserId(7), SessionId(9)).unwrap();
        assert_ne!(new, old);
        of(&[(3, 0)]).verify(later, &new).unwrap();
        assert_eq!(of(&[(3, 0)]).verify(later, &old), Err(ErrorCode::Unauthenticated));
        assert_eq!(both.jwks()["keys"].as_array().unwrap().len(), 2);
        let next = StoredKeys { generation: 2, ..stored(&[(4, 0)]) };
        assert!(both.learn(&next, &STANDARD.encode([5; 32])).unwrap());
        assert_eq!(both.verify(later, &new), Err(ErrorCode::Unauthenticated));
    }

    #[test]
    fn a_token_is_good_for_ten_minutes_and_for_us_only() {
        let token = tokens().issue(NOW, UserId(7), SessionId(9)).unwrap();
        let bearer = tokens().verify(NOW, &token).unwrap();
        assert_eq!((bearer.user, bearer.session), (UserId(7), SessionId(9)));
        let later = Timestamp(NOW.0 + (ACCESS_LIFETIME + LEEWAY + 1) * 1_000_000);
        assert_eq!(tokens().verify(later, &token), Err(ErrorCode::TokenExpired));
        let earlier = Timestamp(NOW.0 - (LEEWAY + 1) * 1_000_000);
        assert_eq!(tokens().verify(earlier, &token), Err(ErrorCode::Unauthenticated));
        assert_eq!(of(&[(3, 0)]).verify(NOW, &token), Err(ErrorCode::Unauthenticated));
        let mut parts: Vec<&str> = token.split('.').collect();
        let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"at+jwt"}"#);
        parts[0] = &none;
        assert_eq!(tokens().verify(NOW, &parts.join(".")), Err(ErrorCode::Unauthenticated));
    }

    #[test]
    fn refresh_tokens_have_one_successor() {
        let first = tokens().first(SessionId(5));
        let again = RefreshToken::parse(&first.expose()).unwrap();
        assert_eq!(tokens().successor(&first).hash(), tokens().successor(&again).hash());
        assert_ne!(tokens().successor(&first).hash(), first.hash());
        assert!(RefreshToken::parse("5.short").is_none());
        let second = tokens().successor(&first);
        assert!(tokens().is_genuine(&first) && tokens().is_genuine(&second));
        for index in 0..2 * HALF {
            let mut made_up = RefreshToken { session: first.session, secret: first.secret };
            made_up.secret[index] ^= 1;
            assert!(!tokens().is_genuine(&made_up));
        }
        assert!(!tokens().is_genuine(&RefreshToken { session: SessionId(6), secret: first.secret }));
    }
}
