//! Addresses of the pages for people who are not logged in, and where a log-in leads.
//!
//! Invariant: a log-in leads to a page of this app and nowhere else, whatever an address says.

/// Logging in.
pub(crate) const LOG_IN: &str = "/log-in";
/// Creating an account.
pub(crate) const REGISTER: &str = "/register";
/// Asking for a new password by mail.
pub(crate) const FORGOT: &str = "/forgot";
/// Choosing the server, where the page did not come from it.
pub(crate) const SERVER: &str = "/server";
/// Where the log-in provider sends people back to.
pub(crate) const CALLBACK: &str = "/log-in/callback";

/// Pages that also people have who are logged in, because links in mails lead there.
const FOR_BOTH: [&str; 3] = [FORGOT, "/reset", "/verify-email"];

/// Whether a path belongs to a page that only people have who are not logged in. Earlier versions wrote `/login`.
pub(crate) fn only_for_guests(path: &str) -> bool {
    matches!(path, LOG_IN | REGISTER | SERVER | "/login")
}

/// Whether there is a page at a path for people who are not logged in.
pub(crate) fn for_guests(path: &str) -> bool {
    matches!(path, LOG_IN | REGISTER | SERVER | CALLBACK) || FOR_BOTH.contains(&path)
}

/// The address of the log-in that leads on to a place: its path with its query and fragment.
pub(crate) fn log_in_before(place: &str) -> String {
    with_next(LOG_IN, place)
}

/// A guest's address that remembers where the log-in is to lead.
pub(crate) fn with_next(address: &str, next: &str) -> String {
    match within(next) {
        Some("/") | None => address.to_owned(),
        Some(next) => format!("{address}?next={}", escaped(next)),
    }
}

/// Where a log-in leads: to the place that the address names, if it is one of this app, or home.
pub(crate) fn after_log_in(next: Option<&str>) -> &str {
    next.and_then(within).unwrap_or("/")
}

/// Where one comes in, if that is not what the address says by its path. Hosts of files that answer with the page at `/`
/// alone are entered by the fragment: `/#/c/5/17`.
pub(crate) fn entry(path: &str, search: &str, fragment: &str) -> Option<String> {
    if !matches!(path, "/" | "/index.html") {
        return None;
    }
    match fragment.strip_prefix('#').filter(|place| is_ours(place)) {
        Some(place) => Some(place.to_owned()),
        None => (path != "/").then(|| format!("/{search}{fragment}")),
    }
}

/// A place of this app, if a log-in may lead there.
fn within(place: &str) -> Option<&str> {
    let path = place.split(['?', '#']).next().unwrap_or_default();
    (is_ours(place) && !only_for_guests(path) && path != CALLBACK).then_some(place)
}

/// Whether this is a place of this app. What begins with two slashes names another server; browsers read backslashes as
/// slashes, and leave tabs and line breaks out.
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
