//! Origins of web pages.
//!
//! Invariant: two origins are compared as browsers compare them, in one normal form, never as texts.

use std::fmt;

use url::{Origin as UrlOrigin, Url};

/// Scheme, host and port of a page in the form that browsers send: lower case, ASCII, no default port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// Parses an `Origin` header. Browsers send no path there, so a trailing slash is rejected.
    pub fn of_header(text: &str) -> Option<Self> {
        if text.ends_with('/') { None } else { Self::parse(text) }
    }

    /// Parses an origin written by a person; a trailing slash is allowed.
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let origin = url.origin();
        let alone = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        let web = matches!(url.scheme(), "http" | "https") && matches!(origin, UrlOrigin::Tuple(..));
        let anonymous = url.username().is_empty() && url.password().is_none();
        (alone && web && anonymous).then(|| Self(origin.ascii_serialization()))
    }

    /// Parses the setting `name`; the error says what is expected.
    pub(super) fn of_setting(name: &str, text: &str) -> Result<Self, String> {
        Self::parse(text).ok_or_else(|| {
            format!(
                "{name} must be like https://chat.example.org: a scheme (https or http), a host and perhaps a port. \
                 A path, a query or a user cannot be part of it; {text:?} is not of this form."
            )
        })
    }

    /// Whether the origin is the host that a request names in its `Host` header.
    pub fn is_at(&self, host: &str) -> bool {
        let scheme = self.0.split("://").next().unwrap_or_default();
        Self::parse(&format!("{scheme}://{host}")).as_ref() == Some(self)
    }

    /// The normal form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_origin_has_one_form() {
        for (text, expected) in [
            ("https://Chat.Example.org", "https://chat.example.org"),
            ("https://chat.example.org:443", "https://chat.example.org"),
            ("https://chat.example.org/", "https://chat.example.org"),
            ("http://chat.example.org:80", "http://chat.example.org"),
            ("http://chat.example.org:8080", "http://chat.example.org:8080"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
            ("https://XN--BCHER-KVA.example", "https://xn--bcher-kva.example"),
            ("http://[0:0:0:0:0:0:0:1]:8080", "http://[::1]:8080"),
            ("HTTP://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ] {
            assert_eq!(
                Origin::parse(text).map(|origin| origin.to_string()).as_deref(),
                Some(expected),
                "{text}"
            );
        }
        for none in [
            "https://chat.example.org/chat",
            "https://chat.example.org?x",
            "https://chat.example.org#x",
            "https://ada@chat.example.org",
            "chat.example.org",
            "ftp://chat.example.org",
            "null",
            "file:///",
            "https://",
            "",
        ] {
            assert_eq!(Origin::parse(none), None, "{none}");
        }
    }

    #[test]
    fn a_page_of_this_host_is_told_by_the_host_header() {
        let origin = |text: &str| Origin::parse(text).unwrap();
        assert!(origin("http://localhost:8080").is_at("localhost:8080"));
        assert!(origin("https://chat.example.org").is_at("Chat.example.org:443"));
        assert!(origin("http://chat.example.org").is_at("chat.example.org"));
        for (page, host) in [
            ("http://localhost:8080", "localhost"),
            ("http://evil.example", "chat.example.org"),
            ("http://chat.example.org.evil.example", "chat.example.org"),
            ("http://chat.example.org", "chat.example.org/evil"),
        ] {
            assert!(!origin(page).is_at(host), "{page} {host}");
        }
    }
}
