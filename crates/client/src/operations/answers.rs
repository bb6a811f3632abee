//! The answers of operations that are not a single type of the protocol.

use parlour_protocol::accounts::PendingAccount;
use parlour_protocol::identities::UnknownIdentity;
use parlour_protocol::sessions::SignedIn;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Body, ToBody};

/// A type that can be read from a complete answer.
pub trait Answer: Sized {
    /// Parses the answer, or says why it cannot.
    fn read(media_type: &str, body: &[u8]) -> Result<Self, String>;
}

impl<T: DeserializeOwned> Answer for T {
    fn read(media_type: &str, body: &[u8]) -> Result<Self, String> {
        // An answer without a JSON body is read as `null`.
        let body = if media_type.ends_with("json") { body } else { b"null" };
        serde_json::from_slice(body).map_err(|error| match media_type {
            "" => format!("an empty answer: {error}"),
            other => format!("an answer of type {other}: {error}"),
        })
    }
}

/// An image to upload or a downloaded one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// The media type, such as `image/png`.
    pub media_type: String,
    /// The encoded image file.
    pub bytes: Vec<u8>,
}

impl Answer for Picture {
    fn read(media_type: &str, body: &[u8]) -> Result<Self, String> {
        Ok(Self { media_type: media_type.to_owned(), bytes: body.to_vec() })
    }
}

impl ToBody for Picture {
    fn to_body(&self) -> Body {
        Body::Bytes { media_type: self.media_type.clone(), bytes: self.bytes.clone() }
    }
}

/// A text answer that is not JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(pub String);

impl Answer for Text {
    fn read(_: &str, body: &[u8]) -> Result<Self, String> {
        Ok(Self(String::from_utf8_lossy(body).into_owned()))
    }
}

/// An answer of any length, read line by line. It is never in memory as a whole, so it does not implement [`Answer`]:
/// each transport reads it in its own way.
#[derive(Debug)]
pub enum Lines {}

/// The outcome of a registration.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Registered {
    /// The user is logged in.
    In(Box<SignedIn>),
    /// An administrator must approve the account first.
    Waiting(PendingAccount),
}

impl Registered {
    /// The session, if the user is logged in.
    pub fn signed_in(self) -> Option<SignedIn> {
        match self {
            Self::In(signed_in) => Some(*signed_in),
            Self::Waiting(_) => None,
        }
    }
}

/// The outcome of a log-in with the provider.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum ProviderAnswer {
    /// The user is logged in.
    In(Box<SignedIn>),
    /// No account has this identity: register with it.
    Unknown(UnknownIdentity),
}
