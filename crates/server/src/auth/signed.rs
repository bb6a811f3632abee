//! Texts that only this server could have written, and that expire: what a client brings back with its next step.
//!
//! Invariant: the purpose, the time limit and everything that the text depends on are part of the signature, so it is
//! good for nothing else.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parlour_chat::secrets::MasterKey;
use parlour_protocol::time::Timestamp;
use subtle::ConstantTimeEq;

/// Maximum length of a text, in bytes.
const MAX_TEXT: usize = 1024;

/// What a text is for.
pub struct Purpose<'a> {
    /// Its name.
    pub name: &'static str,
    /// What else must still be the same when it comes back.
    pub bound: &'a [u8],
}

fn signature(key: &MasterKey, purpose: &Purpose<'_>, ends: i64, payload: &[u8]) -> [u8; 32] {
    key.derive(purpose.name, &[payload, &ends.to_be_bytes(), purpose.bound])
}

/// Writes a text that is valid until `ends` and carries `payload`, readable to anyone.
pub fn write(key: &MasterKey, purpose: &Purpose<'_>, ends: i64, payload: &[u8]) -> String {
    let signature = signature(key, purpose, ends, payload);
    URL_SAFE_NO_PAD.encode([&ends.to_be_bytes(), signature.as_slice(), payload].concat())
}

/// A parsed text whose signature has not been verified.
#[derive(Debug, Clone)]
pub struct Signed {
    ends: i64,
    signature: [u8; 32],
    payload: Vec<u8>,
}

impl Signed {
    /// Parses a text; `None` if malformed.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok().filter(|_| text.len() <= MAX_TEXT)?;
        let (ends, rest) = bytes.split_first_chunk()?;
        let (signature, payload) = rest.split_first_chunk()?;
        Some(Self { ends: i64::from_be_bytes(*ends), signature: *signature, payload: payload.to_vec() })
    }

    /// What it carries; to be trusted only if it [`Self::is_good`].
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Whether this server signed it for this purpose, and it has not expired.
    pub fn is_good(&self, key: &MasterKey, purpose: &Purpose<'_>, now: Timestamp) -> bool {
        let genuine = signature(key, purpose, self.ends, &self.payload);
        now.0 < self.ends && bool::from(genuine.ct_eq(&self.signature))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_good_for_one_purpose_and_for_some_time() {
        let (key, now) = (MasterKey([7; 32]), Timestamp(1000));
        let purpose = |bound| Purpose { name: "test", bound };
        let text = write(&key, &purpose(b"a"), 2000, b"payload");
        let signed = Signed::parse(&text).unwrap();
        assert_eq!(signed.payload(), b"payload");
        assert!(signed.is_good(&key, &purpose(b"a"), now));
        assert!(!signed.is_good(&key, &purpose(b"a"), Timestamp(2000)));
        assert!(!signed.is_good(&key, &purpose(b"b"), now));
        assert!(!signed.is_good(&key, &Purpose { name: "other", bound: b"a" }, now));
        assert!(!signed.is_good(&MasterKey([8; 32]), &purpose(b"a"), now));
        for at in 0..text.len() {
            let other = if &text[at..=at] == "A" { "B" } else { "A" };
            let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
            let good = Signed::parse(&changed).is_some_and(|one| one.is_good(&key, &purpose(b"a"), now));
            assert!(!good, "a changed character at {at}");
        }
        for malformed in ["", "AAAA", "not base64!", &"A".repeat(MAX_TEXT + 4)] {
            assert!(Signed::parse(malformed).is_none(), "{malformed}");
        }
    }
}
