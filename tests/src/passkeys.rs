//! A browser with an authenticator, in software: it creates discoverable passkeys, and signs challenges with them.
//!
//! It obeys even where a real one would not: for another page, without user verification, with a counter that goes
//! back. So tests can see what a server refuses.

use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// User present and verified.
const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
/// The response contains a new key.
const NEW_KEY: u8 = 0x40;

#[derive(Clone)]
struct Key {
    id: Vec<u8>,
    secret: SigningKey,
    user: Vec<u8>,
}

/// See the module.
#[derive(Clone)]
pub struct Authenticator {
    /// The origin of the page, as the browser reports it.
    pub origin: String,
    /// The relying party id that keys are bound to, if it differs from the requested one.
    pub rp_id: Option<String>,
    /// Whether it verifies the user.
    pub verifies: bool,
    /// The signature counter, incremented with each response. Synchronized passkeys have none: it is 0 and stays so.
    pub counter: Option<u32>,
    /// The user handle in responses, if it differs from the real one.
    pub user: Option<Vec<u8>>,
    keys: Vec<Key>,
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn bytes(value: &Value) -> Vec<u8> {
    BASE64.decode(text(value)).expect("base 64")
}

impl Default for Authenticator {
    fn default() -> Self {
        Self {
            origin: "http://localhost:8080".to_owned(),
            rp_id: None,
            verifies: true,
            counter: Some(0),
            user: None,
            keys: Vec::new(),
        }
    }
}

impl Authenticator {
    /// A copy with the same keys and a change.
    pub fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut changed = self.clone();
        change(&mut changed);
        changed
    }

    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        let data = json!({
            "type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": false,
            "other_keys_can_be_added_here": "do not compare clientDataJSON against a template",
        });
        data.to_string().into_bytes()
    }

    fn data(&mut self, rp_id: &str, flags: u8) -> Vec<u8> {
        let rp_id = self.rp_id.as_deref().unwrap_or(rp_id);
        let verified = if self.verifies { VERIFIED } else { 0 };
        let mut data = Sha256::digest(rp_id).to_vec();
        data.push(flags | PRESENT | verified);
        data.extend(self.counter.unwrap_or_default().to_be_bytes());
        if let Some(counter) = &mut self.counter {
            *counter += 1;
        }
        data
    }

    /// Creates a passkey, like `navigator.credentials.create()`; returns what `toJSON()` gives.
    pub fn make(&mut self, options: &Value) -> Value {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let seed = Sha256::digest(NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        let secret = SigningKey::from_slice(&seed).expect("a key");
        let id = Sha256::digest(seed)[..16].to_vec();
        let point = secret.verifying_key().to_encoded_point(false);
        // CBOR: a key of type EC2, for ES256, on P-256.
        let mut public = vec![0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 32];
        public.extend(point.x().expect("an x"));
        public.extend([0x22, 0x58, 32]);
        public.extend(point.y().expect("a y"));
        let mut data = self.data(text(&options["rp"]["id"]), NEW_KEY);
        data.extend([0; 16]);
        data.extend(u16::try_from(id.len()).expect("short").to_be_bytes());
        data.extend(&id);
        data.extend(public);
        // CBOR: {"fmt": "none", "attStmt": {}, "authData": …}.
        let mut object = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".to_vec();
        object.push(u8::try_from(data.len()).expect("short"));
        object.extend(data);
        self.keys.push(Key { id: id.clone(), secret, user: bytes(&options["user"]["id"]) });
        json!({
            "id": BASE64.encode(&id), "rawId": BASE64.encode(&id), "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": { "credProps": { "rk": true }, "somethingNew": [1] },
            "response": {
                "clientDataJSON": BASE64.encode(self.client_data("webauthn.create", options)),
                "attestationObject": BASE64.encode(object),
                "transports": ["internal", "hybrid"],
                "publicKeyAlgorithm": -7,
            },
        })
    }

    /// Signs with the newest allowed passkey, like `navigator.credentials.get()`.
    pub fn answer(&mut self, options: &Value) -> Value {
        let allowed: Vec<Vec<u8>> = options["allowCredentials"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|one| bytes(&one["id"]))
            .collect();
        let fits = |key: &&Key| allowed.is_empty() || allowed.contains(&key.id);
        let key = self.keys.iter().rev().find(fits).expect("a passkey that is allowed").clone();
        let data = self.data(text(&options["rpId"]), 0);
        let client = self.client_data("webauthn.get", options);
        let signed = [data.as_slice(), Sha256::digest(&client).as_slice()].concat();
        let signature: Signature = key.secret.sign(&signed);
        json!({
            "id": BASE64.encode(&key.id), "rawId": BASE64.encode(&key.id), "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": BASE64.encode(client),
                "authenticatorData": BASE64.encode(data),
                "signature": BASE64.encode(signature.to_der()),
                "userHandle": BASE64.encode(self.user.as_ref().unwrap_or(&key.user)),
            },
        })
    }
}
