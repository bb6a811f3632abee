//! Typed ids. Each is a random positive 63-bit integer, written as a decimal string in JSON because JavaScript numbers
//! are exact only up to 53 bits. Jobs, which only administrators see, are counted instead.
//!
//! Invariant: the server draws ids from a CSPRNG and they carry no order; only `seq` orders anything.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Position in a conversation's log or a user's event stream: 1, 2, 3 … without gaps. 0 means "before the first".
pub type Seq = i64;

/// Error: the text is not the decimal form of a positive 63-bit integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidId;

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id is a positive integer of at most 63 bits, in decimal digits")
    }
}

impl std::error::Error for InvalidId {}

fn parse(text: &str) -> Result<i64, InvalidId> {
    if text.is_empty() || text.len() > 19 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(InvalidId);
    }
    match text.parse::<i64>() {
        Ok(value) if value > 0 => Ok(value),
        _ => Err(InvalidId),
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        id! { $(#[$doc])* $name, "Random 63-bit id in decimal digits" }
    };
    ($(#[$doc:meta])* $name:ident, $about:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse(text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl de::Visitor<'_> for Text {
                    type Value = i64;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("an id as a string of decimal digits")
                    }
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<i64, E> {
                        parse(text).map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Text).map(Self)
            }
        }

        impl From<$name> for i64 {
            fn from(id: $name) -> i64 {
                id.0
            }
        }

        #[cfg(feature = "diesel")]
        crate::stored::stored!($name as i64, BigInt: |id| &id.0, $name);

        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::schema::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .pattern(Some("^[0-9]{1,19}$"))
                    .description(Some($about))
                    .examples(["4611686018427387904"])
                    .into()
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $name {}
    };
}

id! {
    /// Id of a user.
    UserId
}
id! {
    /// Id of a room or a direct chat.
    ConversationId
}
id! {
    /// Id of a session: the log-in of one device.
    SessionId
}
id! {
    /// Id of a personal access token.
    TokenId
}
id! {
    /// Id of an invite.
    InviteId
}
id! {
    /// Id of a link between an account and an account of the OpenID Connect provider.
    IdentityId
}
id! {
    /// Id of a passkey.
    PasskeyId
}
id! {
    /// Id of a stored profile picture. A new picture gets a new id, so the bytes of an id never change.
    AvatarId
}
id! {
    /// Id of a job: the number under which it was queued.
    JobId, "Number in decimal digits"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_strings_on_the_wire() {
        assert_eq!(serde_json::to_string(&UserId(9_007_199_254_740_993)).unwrap(), "\"9007199254740993\"");
        assert_eq!(serde_json::from_str::<UserId>("\"7\"").unwrap(), UserId(7));
        for bad in ["7", "\"\"", "\"0\"", "\"-1\"", "\"+1\"", "\"1e3\"", "\"9223372036854775808\"", "null"] {
            assert!(serde_json::from_str::<UserId>(bad).is_err(), "{bad} was accepted");
        }
    }

    #[test]
    fn ids_are_map_keys() {
        let map = std::collections::BTreeMap::from([(ConversationId(5), 1)]);
        let text = serde_json::to_string(&map).unwrap();
        assert_eq!(text, r#"{"5":1}"#);
        assert_eq!(
            serde_json::from_str::<std::collections::BTreeMap<ConversationId, i32>>(&text).unwrap(),
            map
        );
    }
}
