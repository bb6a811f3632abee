//! The REST API as data: the list of operations ([`ALL`]) and single requests ([`Call`], made by the functions in
//! [`calls`]). Sending a call is the transport's business: [`native`](crate::native) has one over tokio, the browser
//! client has its own.
//!
//! Invariant: nothing here does I/O or depends on how I/O is done; it compiles to wasm.
//!
//! ```
//! use parlour_client::operations::calls;
//! use parlour_protocol::ids::UserId;
//!
//! let call = calls::delete_friend(UserId(7));
//! assert_eq!(call.name(), "delete_friend");
//! assert_eq!(call.target(), "/api/v1/friends/7");
//! ```

mod answers;
mod queries;
mod table;
pub mod types;

use std::fmt::Display;
use std::marker::PhantomData;

use serde::Serialize;

pub use answers::{Answer, Lines, Picture, ProviderAnswer, Registered, Text};
pub use queries::{
    ListAll, ListAuditLog, ListConversations, ListEvents, ListMembers, ListMessages, ListNamed,
    ListNotifications, ListUsers, MessagesAt, Paged, Query,
};

/// The HTTP method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Acts again each time it is sent.
    Post,
    /// Sets a state; a second time changes nothing.
    Put,
    /// Changes parts of the target.
    Patch,
    /// Removes the target.
    Delete,
}

impl Method {
    /// The method's name in a request.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Whether a request whose answer was lost may simply be repeated: a second time changes nothing and returns the
    /// same.
    pub fn may_repeat(self) -> bool {
        matches!(self, Self::Get | Self::Put)
    }
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation {
    /// The name in the published description, and of the client's method.
    pub name: &'static str,
    /// The HTTP method.
    pub method: Method,
    /// The path, with arguments in braces.
    pub path: &'static str,
    /// The names of the path arguments, in order.
    pub arguments: &'static [&'static str],
    /// The names of the query parameters.
    pub query: &'static [&'static str],
    /// The type of the body, if there is one.
    pub body: Option<&'static str>,
    /// The type of the answer.
    pub answer: &'static str,
    /// Further properties: `open`, `keyed`, `deprecated`.
    pub marks: &'static [&'static str],
}

impl Operation {
    /// Whether it needs no token; none should be sent then.
    pub fn is_open(&self) -> bool {
        self.marks.contains(&"open")
    }
}

/// The body of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// No body.
    None,
    /// A JSON document.
    Json(String),
    /// Bytes with a media type.
    Bytes {
        /// The media type, such as `image/png`.
        media_type: String,
        /// The bytes.
        bytes: Vec<u8>,
    },
}

/// A type that can be sent as a body.
pub trait ToBody {
    /// Converts it to the body that is sent.
    fn to_body(&self) -> Body;
}

impl<T: Serialize> ToBody for T {
    fn to_body(&self) -> Body {
        // The protocol's types always serialize to JSON, because their map keys are text. If one failed, the server
        // would refuse the empty document.
        Body::Json(serde_json::to_string(self).unwrap_or_default())
    }
}

/// An operation with all its arguments, ready to be sent; `T` is the type of its answer.
///
/// It holds only what a transport needs of the table, so that a browser does not have to load the rest.
#[derive(Debug)]
pub struct Call<T> {
    name: &'static str,
    method: Method,
    open: bool,
    key: Option<String>,
    target: String,
    body: Body,
    answer: PhantomData<fn() -> T>,
}

impl<T> Call<T> {
    fn new(
        (name, method, marks): (&'static str, Method, &[&str]),
        path: &str,
        arguments: &[&dyn Display],
        query: &[(&'static str, String)],
        body: Body,
    ) -> Self {
        let mut target = String::with_capacity(path.len() + 32);
        let mut arguments = arguments.iter();
        for (at, segment) in path.split('/').enumerate() {
            if at > 0 {
                target.push('/');
            }
            match arguments.as_slice() {
                [argument, ..] if segment.starts_with('{') => {
                    escape_segment(&argument.to_string(), &mut target);
                    arguments.next();
                }
                _ => target.push_str(segment),
            }
        }
        for (at, (name, value)) in query.iter().enumerate() {
            target.push(if at == 0 { '?' } else { '&' });
            target.push_str(name);
            target.push('=');
            escape(value, &mut target);
        }
        let open = marks.contains(&"open");
        Self { name, method, open, key: None, target, body, answer: PhantomData }
    }

    /// Adds an `Idempotency-Key` of 16 to 255 characters: while the server remembers it, repeating the request with the
    /// same key runs it only once and returns the same answer. Works for operations marked `keyed` on servers with
    /// [`Feature::IdempotencyKeys`](parlour_protocol::Feature::IdempotencyKeys); elsewhere it has no effect.
    pub fn with_key(self, key: &str) -> Self {
        Self { key: Some(key.to_owned()), ..self }
    }

    /// The `Idempotency-Key`, if there is one.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Whether it may simply be repeated if its answer was lost: a second time changes nothing and returns the same.
    pub fn may_repeat(&self) -> bool {
        self.key.is_some() || self.method.may_repeat()
    }

    /// The operation's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The HTTP method.
    pub fn method(&self) -> Method {
        self.method
    }

    /// Whether it needs no token; none should be sent then.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Path and query, percent-encoded, to be appended to the server's address.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The request's body.
    pub fn body(&self) -> &Body {
        &self.body
    }
}

/// Percent-encodes everything except the unreserved characters of RFC 3986.
fn escape(text: &str, to: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            to.push(char::from(byte));
        } else {
            to.push('%');
            to.push(char::from(DIGITS[usize::from(byte >> 4)]));
            to.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
}

/// Percent-encodes one path segment. URL parsers treat `.` and `..` as path steps even when their dots are encoded. No
/// resource has such a name, so they are encoded twice, and the server returns "not found" instead of something else.
fn escape_segment(text: &str, to: &mut String) {
    match text {
        "." => to.push_str("%252E"),
        ".." => to.push_str("%252E%252E"),
        _ => escape(text, to),
    }
}

macro_rules! define {
    ($(
        $(#[doc = $doc:tt])*
        $name:ident: $method:ident $path:literal ($($argument:ident: $type:ty),*)
            $(query $query:ident)? $(body $body:ident)? -> $answer:ty $(, $mark:ident)*;
    )*) => {
        /// Every operation.
        pub const ALL: &[Operation] = &[$(
            Operation {
                name: stringify!($name),
                method: Method::$method,
                path: $path,
                arguments: &[$(stringify!($argument)),*],
                query: define!(@fields $($query)?),
                body: define!(@name $($body)?),
                answer: stringify!($answer),
                marks: &[$(stringify!($mark)),*],
            },
        )*];

        /// One function for each operation that builds its [`Call`].
        pub mod calls {
            use super::types::*;
            use super::{Body, Call, Method, Query, ToBody};

            $(
                $(#[doc = $doc])*
                #[doc = concat!("\n\n`", stringify!($method), " ", $path, "`")]
                pub fn $name($($argument: $type,)* $(query: &$query,)? $(body: &$body)?) -> Call<$answer> {
                    Call::new(
                        (stringify!($name), Method::$method, &[$(stringify!($mark)),*]),
                        $path,
                        &[$(&$argument),*],
                        define!(@pairs $(query, $query)?),
                        define!(@body $(body, $body)?),
                    )
                }
            )*
        }
    };
    (@fields) => { &[] };
    (@fields $query:ident) => { <$crate::operations::types::$query as $crate::operations::Query>::FIELDS };
    (@name) => { None };
    (@name $body:ident) => { Some(stringify!($body)) };
    (@pairs) => { &[] };
    (@pairs $value:ident, $query:ident) => { &Query::pairs($value) };
    (@body) => { Body::None };
    (@body $value:ident, $body:ident) => { ToBody::to_body($value) };
}

crate::operations!(define);

#[cfg(test)]
mod tests {
    use parlour_protocol::ids::{ConversationId, UserId};

    use super::types::*;
    use super::*;

    #[test]
    fn a_call_is_what_its_line_says() {
        let message = SendMessage { body: "hi".into(), reply_to: None };
        let call = calls::send_message(ConversationId(4), "a/b?c", &message);
        assert_eq!(call.target(), "/api/v1/conversations/4/messages/by-cid/a%2Fb%3Fc");
        assert_eq!(call.body(), &Body::Json(r#"{"body":"hi"}"#.into()));
        assert_eq!(call.method().as_str(), "PUT");

        let rooms = ListNamed { search: Some("tea & café".into()), limit: Some(5), ..ListNamed::default() };
        assert_eq!(calls::list_rooms(&rooms).target(), "/api/v1/rooms?search=tea%20%26%20caf%C3%A9&limit=5");
        assert_eq!(calls::list_rooms(&ListNamed::default()).target(), "/api/v1/rooms");
        let users = ListUsers::of(&[UserId(1), UserId(2)]);
        assert_eq!(calls::list_users(&users).target(), "/api/v1/users?ids=1%2C2");

        let picture = Picture { media_type: "image/png".into(), bytes: vec![1, 2] };
        let Body::Bytes { media_type, bytes } = calls::upload_avatar(&picture).body().clone() else {
            panic!("bytes")
        };
        assert_eq!((media_type.as_str(), bytes.as_slice()), ("image/png", &[1, 2][..]));
    }

    #[test]
    fn no_argument_climbs_out_of_its_segment() {
        for (who, target) in
            [("..", "%252E%252E"), (".", "%252E"), ("../admin", "..%2Fadmin"), ("", ""), ("@ada", "%40ada")]
        {
            assert_eq!(calls::show_user(who).target(), format!("/api/v1/users/{target}"));
        }
    }
}
