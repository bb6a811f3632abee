//! What operations are answered with, where it is not one type of the protocol.

use parlour_protocol::accounts::PendingAccount;
use parlour_protocol::identities::UnknownIdentity;
use parlour_protocol::sessions::SignedIn;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Body, ToBody};

/// What can be read from a complete answer.
pub trait Answer: Sized {
    /// Reads it, or says what it is instead.
    fn read(media_type: &str, body: &[u8]) -> Result<Self, String>;
}

impl<T: DeserializeOwned> Answer for T {
    fn read(media_type: &str, body: &[u8]) -> Result<Self, String> {
        // What answers with nothing that a program reads is null to a program.
        let body = if media_type.ends_with("json") { body } else { b"null" };
        serde_json::from_slice(body).map_err(|error| match media_type {
            "" => format!("an empty answer: {error}"),
            other => format!("an answer of type {other}: {error}"),
        })
    }
}

/// A picture, up or down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Its media type, like `image/png`.
    pub media_type: String,
    /// The file.
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

/// An answer in text that is no JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(pub String);

impl Answer for Text {
    fn read(_: &str, body: &[u8]) -> Result<Self, String> {
        Ok(Self(String::from_utf8_lossy(body).into_owned()))
    }
}

/// An answer of any length, line by line. It is never in memory as a whole, so it has no [`Answer`]: each transport
/// reads it in its own way.
#[derive(Debug)]
pub enum Lines {}

/// What registering leads to.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Registered {
    /// One is in.
    In(Box<SignedIn>),
    /// An administrator has to let one in.
    Waiting(PendingAccount),
}

impl Registered {
    /// The session, if one is in.
    pub fn signed_in(self) -> Option<SignedIn> {
        match self {
            Self::In(signed_in) => Some(*signed_in),
            Self::Waiting(_) => None,
        }
    }
}

/// What a log-in with the provider leads to.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum ProviderAnswer {
    /// One is in.
    In(Box<SignedIn>),
    /// Nobody here has this identity: register with it.
    Unknown(UnknownIdentity),
}
