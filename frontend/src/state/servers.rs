//! The server, when this page was not loaded from it: parsing typed addresses, recognizing what answers there, and
//! where a session is stored.
//!
//! Invariant: an address is a normalized origin. What is stored for one server is never sent to another.

use parlour_protocol::ServerInfo;
use parlour_protocol::ids::UserId;
use parlour_protocol::problems::Problem;
use parlour_protocol::sessions::RefreshTransport;

/// Why a typed text is not a usable server address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// The text is empty.
    Empty,
    /// The text is not an address.
    NotAnAddress,
    /// Browsers allow a page loaded over TLS to reach other servers only over TLS.
    NeedsTls,
}

/// What was found at an address.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Found {
    /// A Parlour server.
    Server(Box<ServerInfo>),
    /// Something else.
    Other,
    /// No answer, or one that does not tell what is there.
    Unknown,
}

/// Where the refresh token is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeping {
    /// In a cookie that scripts cannot read.
    Cookie,
    /// In the storage that the wrapper provides.
    Wrapper,
    /// In the browser's own storage.
    Browser,
}

/// Chooses where to store it. A cookie is best, but browsers send it only to the server that the page was loaded from.
pub(crate) fn keeping(server: Option<&str>, wrapper: bool) -> Keeping {
    match (server, wrapper) {
        (None, _) => Keeping::Cookie,
        (Some(_), true) => Keeping::Wrapper,
        (Some(_), false) => Keeping::Browser,
    }
}

/// How the server should deliver the refresh token.
pub(crate) fn transport(server: Option<&str>) -> RefreshTransport {
    if server.is_none() { RefreshTransport::Cookie } else { RefreshTransport::Body }
}

/// The origin for a typed address: `Chat.example.org/rooms` is `https://chat.example.org`. Without a scheme, TLS is
/// assumed, except on this machine. `page` is the scheme of the page, such as `https:`.
pub(crate) fn address(typed: &str, page: &str) -> Result<String, Unusable> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Err(Unusable::Empty);
    }
    let (scheme, rest) = match typed.split_once("://") {
        Some((scheme, rest)) => (Some(scheme.to_ascii_lowercase()), rest),
        None => (None, typed),
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default().to_lowercase();
    let (host, port) = parts(&authority).ok_or(Unusable::NotAnAddress)?;
    let here = is_this_machine(host);
    let scheme = match scheme.as_deref() {
        Some("https") => "https",
        Some("http") => "http",
        None if here => "http",
        None => "https",
        Some(_) => return Err(Unusable::NotAnAddress),
    };
    if scheme == "http" && page != "http:" && !here {
        return Err(Unusable::NeedsTls);
    }
    let usual = if scheme == "https" { 443 } else { 80 };
    Ok(match port {
        Some(port) if port != usual => format!("{scheme}://{host}:{port}"),
        _ => format!("{scheme}://{host}"),
    })
}

/// Host and port of an authority, or `None` if either is invalid. Host names may be in any alphabet.
fn parts(authority: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((inside, rest)) => {
            inside.parse::<std::net::Ipv6Addr>().ok()?;
            (authority.get(..inside.len() + 2)?, rest.strip_prefix(':').or(rest.is_empty().then_some("")))
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port).filter(|port| !port.is_empty())),
            None => (authority, Some("")),
        },
    };
    let port = match port? {
        "" => None,
        digits => Some(digits.parse::<u16>().ok().filter(|port| *port != 0)?),
    };
    let label = |label: &str| {
        let ends = !label.starts_with('-') && !label.ends_with('-');
        !label.is_empty()
            && ends
            && label.chars().all(|one| one.is_alphanumeric() || one == '-' || one == '_')
    };
    (host.starts_with('[') || host.split('.').all(label)).then_some((host, port))
}

/// Whether a host is the machine that shows the page.
fn is_this_machine(host: &str) -> bool {
    let loopback = host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback());
    loopback || host == "[::1]" || host == "localhost" || host.ends_with(".localhost")
}

/// An address without its scheme, for display.
pub(crate) fn host(address: &str) -> &str {
    address.split_once("://").map_or(address, |(_, rest)| rest)
}

/// The address of an API path. Without an origin, it is at the host that the page was loaded from.
pub(crate) fn api(origin: Option<&str>, path: &str) -> String {
    format!("{}/api/v1{path}", origin.unwrap_or_default())
}

/// The address of a server's socket.
pub(crate) fn socket(address: &str) -> String {
    api(Some(&address.replacen("http", "ws", 1)), "/socket")
}

/// What an answer to `GET /api/v1/server` says about the host. Static hosts answer with a page or a 404; the error of a
/// proxy whose server is down says nothing about the host.
pub(crate) fn found(status: u16, body: &str) -> Found {
    match serde_json::from_str::<ServerInfo>(body) {
        Ok(server) if status == 200 => Found::Server(Box::new(server)),
        _ if status == 429 || status >= 500 || serde_json::from_str::<Problem>(body).is_ok() => {
            Found::Unknown
        }
        _ => Found::Other,
    }
}

/// The stored form of a refresh token: the account id, a space, the token.
pub(crate) fn write(account: UserId, token: &str) -> String {
    format!("{account} {token}")
}

/// Parses the form that [`write`] returns.
pub(crate) fn read(kept: &str) -> Option<(UserId, &str)> {
    let (account, token) = kept.split_once(' ')?;
    Some((account.parse().ok()?, token))
}

#[cfg(test)]
mod tests {
    use parlour_protocol::problems::ErrorCode;

    use super::*;

    #[test]
    fn an_address_is_written_in_one_way() {
        for (typed, meant) in [
            ("chat.example.org", "https://chat.example.org"),
            ("  Chat.Example.ORG/ ", "https://chat.example.org"),
            ("https://chat.example.org/c/5/17?x#y", "https://chat.example.org"),
            ("HTTPS://chat.example.org:443", "https://chat.example.org"),
            ("chat.example.org:8443/register?invite=abc", "https://chat.example.org:8443"),
            ("bücher.example", "https://bücher.example"),
            ("my_box", "https://my_box"),
            ("192.168.1.5:8080", "https://192.168.1.5:8080"),
            ("[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
            ("localhost:8080", "http://localhost:8080"),
            ("127.0.0.1", "http://127.0.0.1"),
            ("http://localhost:80", "http://localhost"),
            ("https://localhost", "https://localhost"),
            ("[::1]:8080", "http://[::1]:8080"),
        ] {
            assert_eq!(address(typed, "https:").as_deref(), Ok(meant), "{typed}");
        }
    }

    #[test]
    fn what_names_no_server_is_refused() {
        assert_eq!(address("  ", "https:"), Err(Unusable::Empty));
        for typed in [
            "hello there",
            "https://",
            "ftp://example.org",
            "javascript:alert(1)",
            "mailto:ada@example.org",
            "ada@example.org",
            "https://ada:secret@example.org",
            "example..org",
            "-example.org",
            "example.org:",
            "example.org:0",
            "example.org:99999",
            "[::1",
            "[::1]8080",
            "[example]",
            "exa\\mple.org",
        ] {
            assert_eq!(address(typed, "https:"), Err(Unusable::NotAnAddress), "{typed}");
        }
    }

    #[test]
    fn a_page_that_came_over_tls_asks_over_tls() {
        let typed = "http://chat.example.org:8080";
        assert_eq!(address(typed, "https:"), Err(Unusable::NeedsTls));
        assert_eq!(address(typed, "capacitor:"), Err(Unusable::NeedsTls));
        assert_eq!(address(typed, "http:").as_deref(), Ok(typed));
        assert_eq!(address("http://localhost:8080", "https:").as_deref(), Ok("http://localhost:8080"));
    }

    #[test]
    fn a_session_is_kept_in_a_cookie_or_else_by_the_wrapper_or_else_by_the_browser() {
        let server = Some("https://chat.example.org");
        assert_eq!(keeping(None, false), Keeping::Cookie);
        assert_eq!(keeping(None, true), Keeping::Cookie);
        assert_eq!(keeping(server, true), Keeping::Wrapper);
        assert_eq!(keeping(server, false), Keeping::Browser);
        assert_eq!(transport(None), RefreshTransport::Cookie);
        assert_eq!(transport(server), RefreshTransport::Body);
    }

    #[test]
    fn what_answers_is_told_by_its_answer() {
        let server = r#"{"name":"Home","version":"0.1.0","registration_open":true,"epoch":"e"}"#;
        assert!(matches!(found(200, server), Found::Server(one) if one.name == "Home"));
        for (status, body) in [
            (200, "<!doctype html>"),
            (200, "{}"),
            (404, "Not found"),
            (403, "<Error><Code>AccessDenied</Code></Error>"),
            (405, ""),
        ] {
            assert_eq!(found(status, body), Found::Other, "{status} {body}");
        }
        let busy = serde_json::to_string(&Problem::new(ErrorCode::Malformed)).unwrap();
        for (status, body) in
            [(502, "<html>Bad gateway"), (429, ""), (429, busy.as_str()), (400, busy.as_str())]
        {
            assert_eq!(found(status, body), Found::Unknown, "{status} {body}");
        }
    }

    #[test]
    fn a_server_is_named_without_its_scheme_and_its_socket_has_one_of_its_own() {
        assert_eq!(host("https://chat.example.org:8443"), "chat.example.org:8443");
        assert_eq!(socket("https://chat.example.org"), "wss://chat.example.org/api/v1/socket");
        assert_eq!(socket("http://localhost:8080"), "ws://localhost:8080/api/v1/socket");
    }

    #[test]
    fn a_kept_token_says_whose_it_is() {
        assert_eq!(read(&write(UserId(71), "12.abc")), Some((UserId(71), "12.abc")));
        assert_eq!(read("nonsense"), None);
    }
}
