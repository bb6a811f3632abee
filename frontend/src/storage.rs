//! What is kept on the device: drafts, what waits to be sent, where one was, how one likes it.
//!
//! Invariant: this is the only way to the browser's storage, and everything in it belongs to an account
//! (`state/keys.rs`). It goes when that account logs out, when its session ends, when it is deleted, and when
//! another one signs in. Only where the page did not come from the server, that server's address and tokens lie here as
//! well (`api/tokens.rs`). Storage that is forbidden or full is storage that is empty.

use leptos::prelude::window;
use parlour_protocol::ids::UserId;

use crate::state::keys;

/// How long something is kept, at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    /// As long as the tab.
    Tab,
    /// As long as the account is signed in; all tabs see it.
    Device,
}

fn storage(life: Life) -> Option<web_sys::Storage> {
    let found = match life {
        Life::Device => window().local_storage(),
        Life::Tab => window().session_storage(),
    };
    found.ok().flatten()
}

/// Reads something of an account.
pub(crate) fn read(owner: UserId, life: Life, name: &str) -> Option<String> {
    storage(life)?.get_item(&keys::full(owner, name)).ok().flatten()
}

/// Keeps something of an account, or forgets it.
pub(crate) fn write(owner: UserId, life: Life, name: &str, value: Option<&str>) {
    // Nobody keeps nothing: what happens after somebody has left must not come back.
    let Some(storage) = storage(life).filter(|_| owner.0 != 0) else { return };
    let name = keys::full(owner, name);
    let _ = match value {
        Some(value) => storage.set_item(&name, value),
        None => storage.remove_item(&name),
    };
}

/// The names of what is kept of an account, among those that begin like this.
pub(crate) fn names(owner: UserId, life: Life, beginning: &str) -> Vec<String> {
    let own = |name: &String| keys::within(owner, name).is_some_and(|name| name.starts_with(beginning));
    all(life)
        .iter()
        .filter(|name| own(name))
        .filter_map(|name| keys::within(owner, name))
        .map(str::to_owned)
        .collect()
}

/// What another tab has changed: the full name, and what is kept there now.
pub(crate) fn changed(event: &web_sys::StorageEvent) -> Option<(String, Option<String>)> {
    Some((event.key()?, event.new_value()))
}

/// Who is signed in in this browser, as far as any tab has noted.
pub(crate) fn who() -> Option<UserId> {
    storage(Life::Device)?.get_item(keys::WHO).ok().flatten()?.parse().ok()
}

/// Whether it is certain that nobody is signed in in this browser: storage works, and names nobody. Where it does not work,
/// only the server can tell.
pub(crate) fn nobody_is_known() -> bool {
    const PROBE: &str = "parlour.probe";
    who().is_none()
        && storage(Life::Device).is_some_and(|storage| {
            let kept = storage.set_item(PROBE, "kept").is_ok()
                && storage.get_item(PROBE).is_ok_and(|one| one.is_some());
            storage.remove_item(PROBE).is_ok() && kept
        })
}

/// The server that was chosen on this device, where the page came from another host.
pub(crate) fn server() -> Option<String> {
    storage(Life::Device)?.get_item(keys::SERVER).ok().flatten()
}

/// Notes which server was chosen, or that the page came from it.
pub(crate) fn note_server(address: Option<&str>) {
    let _ = keep_token(keys::SERVER, address);
}

/// Reads a token that no cookie keeps.
pub(crate) fn token(name: &str) -> Option<String> {
    storage(Life::Device)?.get_item(name).ok().flatten()
}

/// Keeps a token that no cookie keeps, or forgets it. False where the browser did not.
pub(crate) fn keep_token(name: &str, value: Option<&str>) -> bool {
    let Some(storage) = storage(Life::Device) else { return false };
    match value {
        Some(value) => storage.set_item(name, value).is_ok(),
        None => storage.remove_item(name).is_ok(),
    }
}

/// Notes where a log-in that goes by the page of a provider is to lead. It is nobody's, and gone when anybody signs in.
pub(crate) fn note_next(place: &str) {
    if let Some(storage) = storage(Life::Tab) {
        let _ = storage.set_item(keys::NEXT, place);
    }
}

/// Takes what was noted.
pub(crate) fn take_next() -> Option<String> {
    let storage = storage(Life::Tab)?;
    let place = storage.get_item(keys::NEXT).ok().flatten();
    let _ = storage.remove_item(keys::NEXT);
    place
}

/// Somebody signs in: everything that belongs to others goes, and all tabs are told.
pub(crate) fn enter(owner: UserId) {
    let before = who();
    if before != Some(owner)
        && let Some(storage) = storage(Life::Device)
        && storage.set_item(keys::WHO, &owner.to_string()).is_err()
    {
        // There is no room. Saying nothing is better than naming the wrong one.
        let _ = storage.remove_item(keys::WHO);
    }
    sweep(Some(owner), before);
}

/// Somebody has left, for whatever reason. What belongs to the person who signed in meanwhile stays.
pub(crate) fn leave(owner: UserId) {
    let now = who().filter(|now| *now != owner);
    sweep(now, now);
}

/// Nobody is signed in: nothing stays.
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
