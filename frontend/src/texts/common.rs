//! Texts used by many pages.

texts! {
    app_name = "Parlour";
    part_of_page(part: &str, page: &str) = "{part} · {page}";
    loading = "Loading";
    please_wait = "Please wait";
    try_again = "Try again";
    cancel = "Cancel";
    close = "Close";
    back = "Back";
    remove = "Remove";
    save = "Save";
    show_more = "Show more";
    copy = "Copy";
    copied = "Copied";
    please_confirm = "Please confirm";
    or = "or";
    something_went_wrong = "Something went wrong";
    copy_error_id = "Copy error ID";
    cannot_reach_server = "Can't reach the server.";
    cannot_reach_server_try_again = "Can't reach the server. Check your connection and try again.";
    unexpected_answer = "The server sent an unexpected response.";
    someone_else_signed_in = "Someone else is logged in here now. Reload the page.";
    skip_to_content = "Skip to content";
    page_not_found = "Page not found";
    page_not_found_text = "The link may be wrong, or the page was removed.";
    go_home = "Go to home";

    replaced_title = "Someone else is logged in here now";
    replaced_text = "Another account has logged in in this browser, so this page has stopped. It won't send anything more.";
    reload = "Reload";

    not_copied = "Not copied";
    copy_by_hand = "Your browser doesn't let this page copy, usually because its address doesn't start with https. The \
                    text is selected: copy it with Ctrl+C or a long press.";
    text_to_copy = "Text to copy";

    unknown_person = "…";
    online = "online";
    offline = "offline";
    bot = "Bot";
    bot_means = "A program uses this account.";
    bot_named(name: &str) = "{name} (bot)";
    deleted_user = "Deleted user";
    joined_names(first: &str, last: &str) = "{first} and {last}";

    unnamed_device = "Unnamed device";
    browser = "Browser";
    unknown_system = "unknown system";
    browser_on_system(browser: &str, system: &str) = "{browser} on {system}";
}

/// The window's title: the page, the server, and the number of unread messages.
pub(crate) fn window_title(page: Option<&str>, server: &str, waiting: i64) -> String {
    let title = page.map_or_else(|| server.to_owned(), |page| format!("{page} · {server}"));
    if waiting > 0 { format!("({waiting}) {title}") } else { title }
}

/// A list of names: `Ada`, `Ada and Bob`, `Ada, Bob and 3 others`.
pub(crate) fn names(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [one, two] => joined_names(one, two),
        [one, two, three] => format!("{one}, {two} and {three}"),
        [one, two, rest @ ..] => format!("{one}, {two} and {} others", rest.len()),
    }
}

/// `1 member`, `12 members`.
pub(crate) fn members(count: i64) -> String {
    super::counted(count, "member", "members")
}

/// The screen reader text of a count next to an icon: `3 unread`.
pub(crate) fn unread(count: i64) -> String {
    format!("{count} unread")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_listed_shortly() {
        let some: Vec<String> = ["Ada", "Bob", "Cy", "Di"].map(String::from).to_vec();
        assert_eq!(names(&some[..1]), "Ada");
        assert_eq!(names(&some[..3]), "Ada, Bob and Cy");
        assert_eq!(names(&some), "Ada, Bob and 2 others");
    }

    #[test]
    fn counts_have_their_form() {
        assert_eq!(members(1), "1 member");
        assert_eq!(members(1_200), "1\u{202F}200 members");
    }

    #[test]
    fn the_title_of_the_window_names_the_page_first() {
        assert_eq!(window_title(Some("Settings"), "Home", 0), "Settings · Home");
        assert_eq!(window_title(None, "Home", 2), "(2) Home");
    }
}
