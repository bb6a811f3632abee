//! The browser's storage: drafts, pending actions, scroll positions, preferences.
//!
//! Invariant: this is the only access to the browser's storage, and everything in it belongs to an account
//! (`state/keys.rs`). It is deleted when that account logs out, when its session ends, when the account is deleted, and
//! when another one signs in. Only if the page was not loaded from the server are that server's address and tokens
//! stored here as well (`api/tokens.rs`). Storage that is forbidden or full behaves like an empty one.

use leptos::prelude::window;
use parlour_protocol::ids::UserId;

use crate::state::keys;

/// The maximum lifetime of a stored value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    /// As long as the tab.
    Tab,
    /// As long as the account is signed in; visible in all tabs.
    Device,
}

fn storage(life: Life) -> Option<web_sys::Storage> {
    let found = match life {
        Life::Device => window().local_storage(),
        Life::Tab => window().session_storage(),
    };
    found.ok().flatten()
}

/// Reads a value of an account.
pub(crate) fn read(owner: UserId, life: Life, name: &str) -> Option<String> {
    storage(life)?.get_item(&keys::full(owner, name)).ok().flatten()
}

/// Stores a value of an account, or removes it.
pub(crate) fn write(owner: UserId, life: Life, name: &str, value: Option<&str>) {
    // Nothing is stored without an account: what happens after signing out must not come back.
    let Some(storage) = storage(life).filter(|_| owner.0 != 0) else { return };
    let name = keys::full(owner, name);
    let _ = match value {
        Some(value) => storage.set_item(&name, value),
        None => storage.remove_item(&name),
    };
}

/// The names of an account's stored values that start with `beginning`.
pub(crate) fn names(owner: UserId, life: Life, beginning: &str) -> Vec<String> {
    let own = |name: &String| keys::within(owner, name).is_some_and(|name| name.starts_with(beginning));
    all(life)
        .iter()
        .filter(|name| own(name))
        .filter_map(|name| keys::within(owner, name))
        .map(str::to_owned)
        .collect()
}

/// What another tab has changed: the full key and its new value.
pub(crate) fn changed(event: &web_sys::StorageEvent) -> Option<(String, Option<String>)> {
    Some((event.key()?, event.new_value()))
}

/// The account signed in in this browser, as noted by any tab.
pub(crate) fn who() -> Option<UserId> {
    storage(Life::Device)?.get_item(keys::WHO).ok().flatten()?.parse().ok()
}

/// Whether it is certain that nobody is signed in in this browser: the storage works and names nobody. If it does not
/// work, only the server can tell.
pub(crate) fn nobody_is_known() -> bool {
    const PROBE: &str = "parlour.probe";
    who().is_none()
        && storage(Life::Device).is_some_and(|storage| {
            let kept = storage.set_item(PROBE, "kept").is_ok()
                && storage.get_item(PROBE).is_ok_and(|one| one.is_some());
            storage.remove_item(PROBE).is_ok() && kept
        })
}

/// The server chosen on this device, if the page came from another host.
pub(crate) fn server() -> Option<String> {
    storage(Life::Device)?.get_item(keys::SERVER).ok().flatten()
}

/// Stores the chosen server; `None` if the page came from it.
pub(crate) fn note_server(address: Option<&str>) {
    let _ = keep_token(keys::SERVER, address);
}

/// Reads a token that no cookie holds.
pub(crate) fn token(name: &str) -> Option<String> {
    storage(Life::Device)?.get_item(name).ok().flatten()
}

/// Stores or removes a token that no cookie holds. Returns false if the browser refused.
pub(crate) fn keep_token(name: &str, value: Option<&str>) -> bool {
    let Some(storage) = storage(Life::Device) else { return false };
    match value {
        Some(value) => storage.set_item(name, value).is_ok(),
        None => storage.remove_item(name).is_ok(),
    }
}

/// Stores where a log-in through a provider's page leads. It has no owner and is deleted when anyone signs in.
pub(crate) fn note_next(place: &str) {
    if let Some(storage) = storage(Life::Tab) {
        let _ = storage.set_item(keys::NEXT, place);
    }
}

/// Returns and removes the stored address.
pub(crate) fn take_next() -> Option<String> {
    let storage = storage(Life::Tab)?;
    let place = storage.get_item(keys::NEXT).ok().flatten();
    let _ = storage.remove_item(keys::NEXT);
    place
}

/// A user signs in: deletes everything that belongs to others, and notifies all tabs.
pub(crate) fn enter(owner: UserId) {
    let before = who();
    if before != Some(owner)
        && let Some(storage) = storage(Life::Device)
        && storage.set_item(keys::WHO, &owner.to_string()).is_err()
    {
        // The storage is full. No entry is better than a wrong one.
        let _ = storage.remove_item(keys::WHO);
    }
    sweep(Some(owner), before);
}

/// A user has signed out, for whatever reason. Data of an account that signed in meanwhile stays.
pub(crate) fn leave(owner: UserId) {
    let now = who().filter(|now| *now != owner);
    sweep(now, now);
}

/// Nobody is signed in: deletes everything except the device's own entries.
pub(crate) fn nobody() {
    sweep(None, None);
}

fn sweep(owner: Option<UserId>, before: Option<UserId>) {
    for life in [Life::Tab, Life::Device] {
        let Some(storage) = storage(life) else { continue };
        for name in keys::strange(all(life), owner, before) {
            let _ = storage.remove_item(&name);
        }
    }
}

fn all(life: Life) -> Vec<String> {
    let Some(storage) = storage(life) else { return Vec::new() };
    let count = storage.length().unwrap_or(0);
    (0..count).filter_map(|index| storage.key(index).ok().flatten()).collect()
}
