//! Keys of the values stored on the device.
//!
//! Invariant: every key has a known owner, so that no account data stays behind after signing out. Only `storage.rs`
//! uses them; only it accesses the browser's storage.

use parlour_protocol::ids::{ConversationId, UserId};

/// Prefix of every key.
const OURS: &str = "parlour.";
/// The account signed in in this browser, which all tabs follow.
pub(crate) const WHO: &str = "parlour.who";

/// Where a log-in leads while the user is at the provider.
pub(crate) const NEXT: &str = "parlour.next";

/// The server's address, if the page came from another host. This and the tokens below belong to the device and survive
/// the cleanup of account data.
pub(crate) const SERVER: &str = "parlour.server";
/// Prefixes of the token keys, used where no cookie holds the tokens. They end in the server's address, so that no
/// other server ever gets them.
const REFRESH_TOKEN: &str = "parlour.refresh-token@";
const DEVICE_TOKEN: &str = "parlour.device-token@";

/// Preferences. They belong to the signed-in user although their keys do not contain the user id.
const SETTINGS: [&str; 3] = ["theme", "enter", "details"];

/// The key of a server's refresh token.
pub(crate) fn refresh_token(server: &str) -> String {
    format!("{REFRESH_TOKEN}{server}")
}

/// The key of a server's device token.
pub(crate) fn device_token(server: &str) -> String {
    format!("{DEVICE_TOKEN}{server}")
}

/// The conversation whose draft is stored under this name of an account.
pub(crate) fn draft(name: &str) -> Option<ConversationId> {
    name.strip_prefix("draft.")?.parse().ok()
}

/// The full key of a value that belongs to an account.
pub(crate) fn full(owner: UserId, name: &str) -> String {
    if SETTINGS.contains(&name) { format!("{OURS}{name}") } else { format!("{OURS}{owner}.{name}") }
}

/// The name within the signed-in account `owner`, if the key belongs to it.
pub(crate) fn within(owner: UserId, full: &str) -> Option<&str> {
    let name = full.strip_prefix(OURS)?;
    if SETTINGS.contains(&name) {
        Some(name)
    } else {
        name.strip_prefix(&owner.to_string())?.strip_prefix('.')
    }
}

/// The keys to delete when `owner` is signed in, or nobody is: those of other accounts, and those without an owner,
/// which earlier versions wrote. `before` is the account that was signed in until now.
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
            // Written by earlier versions, without an owner.
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

    /// Any other access to the browser's storage could leave data without an owner.
    #[test]
    fn only_the_storage_module_touches_the_storage() {
        crate::state::sources::only_in(&["storage.rs"], &["local_storage()", "session_storage()"]);
    }
}
