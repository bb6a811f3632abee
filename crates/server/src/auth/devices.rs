//! Devices that have logged in before: each gets a signed token, which it presents at its next log-in so that it is
//! not slowed down by what strangers try with the same account.
//!
//! Invariant: the token grants nothing. It proves that this device has logged in to an account before, and only a
//! device of the account's owner ever gets one.

use actix_web::HttpRequest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parlour_chat::secrets::MasterKey;
use parlour_protocol::ids::UserId;
use subtle::ConstantTimeEq;

use crate::budget::addresses::AddressKey;
use crate::random;

/// Accounts that one browser remembers, newest first.
const REMEMBERED: usize = 5;
/// Length of a device's random name, in bytes.
const NAME: usize = 12;
/// Length of the signature, in bytes.
const SIGNATURE: usize = 16;

/// A device from which somebody has logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// The person who logged in.
    pub user: UserId,
    name: [u8; NAME],
    text: String,
}

fn sign(key: &MasterKey, user: UserId, name: &[u8; NAME]) -> [u8; 32] {
    key.derive("device", &[&user.0.to_be_bytes(), name])
}

impl Device {
    /// Creates the token for a device from which somebody logs in for the first time.
    pub fn new(key: &MasterKey, user: UserId) -> Self {
        let name = random::bytes();
        let mut bytes = [&user.0.to_be_bytes()[..], &name].concat();
        bytes.extend(sign(key, user, &name).iter().take(SIGNATURE));
        Self { user, name, text: URL_SAFE_NO_PAD.encode(bytes) }
    }

    /// Parses and verifies a token; `None` unless this server made it.
    pub fn parse(key: &MasterKey, text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text.get(..48).filter(|start| *start == text)?).ok()?;
        let (user, rest) = bytes.split_first_chunk()?;
        let (name, signature) = rest.split_first_chunk()?;
        let user = UserId(i64::from_be_bytes(*user));
        let expected = sign(key, user, name);
        let good = expected.get(..SIGNATURE)?.ct_eq(signature);
        bool::from(good).then(|| Self { user, name: *name, text: text.to_owned() })
    }

    /// The token to store on the device.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// The key under which attempts from the device are counted.
    pub fn name(&self) -> &[u8] {
        &self.name
    }
}

/// The valid device tokens of a request: the one in its body, and those in its cookie.
pub fn shown(key: &MasterKey, request: &HttpRequest, cookie: &str, given: Option<&str>) -> Vec<Device> {
    let cookie = request.cookie(cookie);
    let listed = cookie.as_ref().map(|cookie| cookie.value()).unwrap_or_default().split('.');
    given.into_iter().chain(listed).take(REMEMBERED + 1).filter_map(|text| Device::parse(key, text)).collect()
}

/// The new value of the cookie after a log-in from a device.
pub fn remember(newest: &Device, before: &[Device]) -> String {
    let others = before.iter().filter(|device| device.user != newest.user);
    let all: Vec<&str> = std::iter::once(newest).chain(others).take(REMEMBERED).map(Device::expose).collect();
    all.join(".")
}

/// What is stored of the network that somebody logs in from: a keyed hash, enough to recognise it but not to tell
/// which it is.
pub fn network_hash(key: &MasterKey, network: AddressKey) -> Vec<u8> {
    key.derive("network", &[network.to_string().as_bytes()])[..SIGNATURE].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_made_here_is_known() {
        let (key, other) = (MasterKey([7; 32]), MasterKey([8; 32]));
        let device = Device::new(&key, UserId(42));
        assert_eq!(Device::parse(&key, device.expose()), Some(device.clone()));
        assert_eq!(Device::parse(&other, device.expose()), None);
        for index in 0..device.expose().len() {
            let mut text = device.expose().to_owned().into_bytes();
            text[index] = if text[index] == b'A' { b'B' } else { b'A' };
            let text = String::from_utf8(text).unwrap();
            assert_eq!(Device::parse(&key, &text), None, "{index}");
        }
        for none in ["", "A", "é", &"A".repeat(48), &"A".repeat(1000)] {
            assert_eq!(Device::parse(&key, none), None);
        }
    }

    #[test]
    fn a_browser_remembers_a_few_accounts() {
        let key = MasterKey([7; 32]);
        let mut known = Vec::new();
        for user in 1..10 {
            let device = Device::new(&key, UserId(user));
            let text = remember(&device, &known);
            known = text.split('.').map(|text| Device::parse(&key, text).unwrap()).collect();
        }
        assert_eq!(known.iter().map(|device| device.user.0).collect::<Vec<_>>(), [9, 8, 7, 6, 5]);
    }
}
