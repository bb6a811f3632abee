//! Addresses of the pages for guests, and the address that a log-in leads to.
//!
//! Invariant: a log-in only ever leads to a page of this app, whatever the address says.

/// The log-in page.
pub(crate) const LOG_IN: &str = "/log-in";
/// The registration page.
pub(crate) const REGISTER: &str = "/register";
/// The page that requests a password reset mail.
pub(crate) const FORGOT: &str = "/forgot";
/// The page that asks for the server, if the page was not loaded from it.
pub(crate) const SERVER: &str = "/server";
/// The address that the log-in provider redirects to.
pub(crate) const CALLBACK: &str = "/log-in/callback";

/// Pages for guests and signed-in users alike, because links in mails lead there.
const FOR_BOTH: [&str; 3] = [FORGOT, "/reset", "/verify-email"];

/// Whether a path belongs to a page for guests only. Earlier versions used `/login`.
pub(crate) fn only_for_guests(path: &str) -> bool {
    matches!(path, LOG_IN | REGISTER | SERVER | "/login")
}

/// Whether guests may see the page at this path.
pub(crate) fn for_guests(path: &str) -> bool {
    matches!(path, LOG_IN | REGISTER | SERVER | CALLBACK) || FOR_BOTH.contains(&path)
}

/// The address of the log-in that continues to `place`: a path with query and fragment.
pub(crate) fn log_in_before(place: &str) -> String {
    with_next(LOG_IN, place)
}

/// A guest page's address that carries where the log-in leads.
pub(crate) fn with_next(address: &str, next: &str) -> String {
    match within(next) {
        Some("/") | None => address.to_owned(),
        Some(next) => format!("{address}?next={}", escaped(next)),
    }
}

/// Where a log-in leads: to `next` if it is a page of this app, otherwise home.
pub(crate) fn after_log_in(next: Option<&str>) -> &str {
    next.and_then(within).unwrap_or("/")
}

/// The address to start at, if it differs from the URL's path. Static hosts that serve the page only at `/` are entered
/// through the fragment: `/#/c/5/17`.
pub(crate) fn entry(path: &str, search: &str, fragment: &str) -> Option<String> {
    if !matches!(path, "/" | "/index.html") {
        return None;
    }
    match fragment.strip_prefix('#').filter(|place| is_ours(place)) {
        Some(place) => Some(place.to_owned()),
        None => (path != "/").then(|| format!("/{search}{fragment}")),
    }
}

/// The address, if it is a page of this app that a log-in may lead to.
fn within(place: &str) -> Option<&str> {
    let path = place.split(['?', '#']).next().unwrap_or_default();
    (is_ours(place) && !only_for_guests(path) && path != CALLBACK).then_some(place)
}

/// Whether this is an address of this app. Two leading slashes name another host; browsers treat backslashes as slashes
/// and drop tabs and line breaks.
fn is_ours(place: &str) -> bool {
    let strange = |one: char| one == '\\' || one.is_control();
    place.starts_with('/') && !place.starts_with("//") && !place.contains(strange)
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_in_leads_back_to_the_place_that_was_opened() {
        assert_eq!(log_in_before("/c/5/17"), "/log-in?next=/c/5/17");
        assert_eq!(log_in_before("/rooms?new#top"), "/log-in?next=/rooms%3Fnew%23top");
        assert_eq!(log_in_before("/u/ü"), "/log-in?next=/u/%C3%BC");
        assert_eq!(after_log_in(Some("/c/5/17")), "/c/5/17");
    }

    #[test]
    fn a_log_in_never_leads_to_another_server_or_to_itself() {
        for bad in [
            "https://example.org/",
            "//example.org",
            "/\\example.org",
            "/\t/example.org",
            "javascript:alert(1)",
            "",
            "/log-in",
            "/login?x",
            "/register",
            "/server?next=/",
            CALLBACK,
        ] {
            assert_eq!(after_log_in(Some(bad)), "/", "{bad}");
            assert_eq!(log_in_before(bad), LOG_IN, "{bad}");
        }
        assert_eq!(log_in_before("/"), LOG_IN);
        assert_eq!(after_log_in(None), "/");
    }

    #[test]
    fn one_comes_in_by_the_path_or_by_the_fragment() {
        assert_eq!(entry("/", "", "#/c/5/17").as_deref(), Some("/c/5/17"));
        assert_eq!(entry("/index.html", "", "#/register?invite=a").as_deref(), Some("/register?invite=a"));
        assert_eq!(entry("/index.html", "?x", "").as_deref(), Some("/?x"));
        assert_eq!(entry("/", "", ""), None);
        assert_eq!(entry("/", "", "#main"), None);
        assert_eq!(entry("/", "", "#//example.org/"), None);
        assert_eq!(entry("/reset", "", "#/c/5"), None);
    }

    #[test]
    fn links_in_mails_have_a_page_for_everyone() {
        for path in ["/reset", "/forgot", "/verify-email"] {
            assert!(for_guests(path) && !only_for_guests(path), "{path}");
        }
        assert!(!for_guests("/c/5") && !for_guests("/"));
    }
}
