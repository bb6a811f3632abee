//! Names of what is kept on the device.
//!
//! Invariant: of every name it is known whose it is, so that nothing of an account stays behind when it leaves. Only
//! `storage.rs` uses them; only it touches the browser's storage.

use parlour_protocol::ids::{ConversationId, UserId};

/// Begins every name.
const OURS: &str = "parlour.";
/// Where it says who is signed in in this browser; what all tabs go by.
pub(crate) const WHO: &str = "parlour.who";

/// Where a log-in by a provider is to lead, while one is there.
pub(crate) const NEXT: &str = "parlour.next";

/// Where the server is, where the page came from another host. This and the tokens below are the device's: what people
/// leave behind is swept away around them.
pub(crate) const SERVER: &str = "parlour.server";
/// Begin the names of tokens, where no cookie keeps them. A server's address ends them: no other one ever gets them.
const REFRESH_TOKEN: &str = "parlour.refresh-token@";
const DEVICE_TOKEN: &str = "parlour.device-token@";

/// How one likes the app. These belong to the person who is signed in, without being told so by their names.
const SETTINGS: [&str; 3] = ["theme", "enter", "details"];

/// The name of the refresh token of a server.
pub(crate) fn refresh_token(server: &str) -> String {
    format!("{REFRESH_TOKEN}{server}")
}

/// The name of the device token of a server.
pub(crate) fn device_token(server: &str) -> String {
    format!("{DEVICE_TOKEN}{server}")
}

/// Whose composer it is whose text is kept under a name of an account.
pub(crate) fn draft(name: &str) -> Option<ConversationId> {
    name.strip_prefix("draft.")?.parse().ok()
}

/// The full name of something that belongs to an account.
pub(crate) fn full(owner: UserId, name: &str) -> String {
    if SETTINGS.contains(&name) { format!("{OURS}{name}") } else { format!("{OURS}{owner}.{name}") }
}

/// The name within an account, if it is one of that account's, which is signed in.
pub(crate) fn within(owner: UserId, full: &str) -> Option<&str> {
    let name = full.strip_prefix(OURS)?;
    if SETTINGS.contains(&name) {
        Some(name)
    } else {
        name.strip_prefix(&owner.to_string())?.strip_prefix('.')
    }
}

/// Which names are to go when `owner` is the one who is signed in, or when nobody is: those of others, and those of
/// nobody, such as earlier versions wrote. `before` was signed in until now.
pub(crate) fn strange(names: Vec<String>, owner: Option<UserId>, before: Option<UserId>) -> Vec<String> {
    let own = |name: &str| {
        let setting = name.strip_prefix(OURS).is_some_and(|name| SETTINGS.contains(&name));
        if name == SERVER || name.starts_with(REFRESH_TOKEN) || name.starts_with(DEVICE_TOKEN) {
            true
        } else if name == WHO {
            owner.is_some()
        } else if setting {
            owner.is_some() && owner == before
        } else {
            owner.is_some_and(|owner| within(owner, name).is_some())
        }
    };
    names.into_iter().filter(|name| name.starts_with(OURS) && !own(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_an_account_stays_when_another_signs_in_or_nobody_is() {
        let (ada, bob) = (UserId(71), UserId(7));
        let names: Vec<String> = [
            full(ada, "draft.5"),
            full(ada, "outbox.abc"),
            full(bob, "draft.5"),
            full(bob, "theme"),
            WHO.to_owned(),
            // Written by earlier versions, which did not say whose it is.
            "parlour.draft.5".to_owned(),
            "another-app".to_owned(),
        ]
        .into();
        let of_ada = [full(ada, "draft.5"), full(ada, "outbox.abc")];
        let gone = strange(names.clone(), Some(bob), Some(bob));
        assert_eq!(gone, [&of_ada[..], &["parlour.draft.5".to_owned()]].concat());
        let gone = strange(names.clone(), Some(bob), Some(ada));
        let told = [full(ada, "theme"), "parlour.draft.5".to_owned()];
        assert_eq!(gone, [&of_ada[..], &told[..]].concat(), "how Ada likes it is nothing to Bob");
        assert_eq!(
            strange(names.clone(), None, Some(ada)).len(),
            names.len() - 1,
            "what another app keeps stays"
        );
    }

    #[test]
    fn where_the_server_is_outlives_those_who_leave() {
        let server = "https://chat.example.org";
        let names =
            [SERVER.to_owned(), refresh_token(server), device_token(server), full(UserId(7), "draft.5")];
        assert_eq!(strange(names.to_vec(), None, None), [full(UserId(7), "draft.5")]);
    }

    #[test]
    fn drafts_are_known_by_their_names() {
        assert_eq!(draft("draft.5"), Some(ConversationId(5)));
        assert_eq!(draft("outbox.5"), None);
    }

    #[test]
    fn one_account_is_not_taken_for_another_whose_number_begins_alike() {
        assert_eq!(within(UserId(71), &full(UserId(71), "draft.5")), Some("draft.5"));
        assert_eq!(within(UserId(7), &full(UserId(71), "draft.5")), None);
    }

    /// Every other way to the browser's storage would keep something that belongs to nobody.
    #[test]
    fn only_the_storage_module_touches_the_storage() {
        crate::state::sources::only_in(&["storage.rs"], &["local_storage()", "session_storage()"]);
    }
}
