//! Access to browser functions: time, randomness, keys, the document.
//!
//! Invariant: nothing here panics, and nothing reports success if the browser refused.

use leptos::prelude::{document, window};
use parlour_protocol::time::{MINUTE, Timestamp};

use crate::state::addresses;
use crate::texts::common;

/// The current time, in milliseconds since 1970.
pub(crate) fn now_ms() -> f64 {
    js_sys::Date::now()
}

/// The current time as a timestamp of the protocol.
pub(crate) fn now() -> Timestamp {
    Timestamp((now_ms() * 1000.0) as i64)
}

/// Shifts a time so that its UTC fields read as local time.
pub(crate) fn local_time(at: Timestamp) -> Timestamp {
    let date = js_sys::Date::new(&wasm_bindgen::JsValue::from_f64(at.millis() as f64));
    Timestamp(at.0 - date.get_timezone_offset() as i64 * MINUTE)
}

/// How long ago something was, in words.
pub(crate) fn ago(at: Timestamp) -> String {
    crate::state::time::ago(at, now(), local_time)
}

/// A random number in 0..1, for jitter only.
pub(crate) fn chance() -> f64 {
    js_sys::Math::random()
}

/// A random message id: 128 bits from the browser's CSPRNG, as hexadecimal digits.
pub(crate) fn random_cid() -> String {
    let mut bytes = [0_u8; 16];
    if let Ok(crypto) = window().crypto() {
        let _ = crypto.get_random_values_with_u8_array(&mut bytes);
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether the page is visible.
pub(crate) fn visible() -> bool {
    document().visibility_state() == web_sys::VisibilityState::Visible
}

/// The origin that the page was loaded from.
pub(crate) fn origin() -> String {
    window().location().origin().unwrap_or_default()
}

/// The scheme that the page was loaded with, such as `https:`.
pub(crate) fn scheme() -> String {
    window().location().protocol().unwrap_or_default()
}

/// The origin of a URL.
pub(crate) fn origin_of(address: &str) -> Option<String> {
    web_sys::Url::new(address).ok().map(|address| address.origin()).filter(|origin| origin != "null")
}

/// If the page was opened with an app path in the fragment, moves it to the path.
pub(crate) fn enter() {
    let location = window().location();
    let (path, search, fragment) = (location.pathname(), location.search(), location.hash());
    if let (Ok(path), Ok(search), Ok(fragment)) = (path, search, fragment)
        && let Some(place) = addresses::entry(&path, &search, &fragment)
        && let Ok(history) = window().history()
    {
        let _ = history.replace_state_with_url(&wasm_bindgen::JsValue::NULL, "", Some(&place));
    }
}

/// Whether the browser reports that the device is offline.
pub(crate) fn offline() -> bool {
    !window().navigator().on_line()
}

/// Whether the page is visible and its window has the focus.
pub(crate) fn looked_at() -> bool {
    visible() && document().has_focus().unwrap_or(false)
}

/// Whether a click follows a link to the current address, so that no navigation will happen.
pub(crate) fn leads_here(event: &web_sys::MouseEvent) -> bool {
    use wasm_bindgen::JsCast;
    let element = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    let link = element.and_then(|element| element.closest("a[href]").ok().flatten());
    let link = link.and_then(|link| link.dyn_into::<web_sys::HtmlAnchorElement>().ok());
    let plain = !(event.ctrl_key() || event.meta_key() || event.shift_key() || event.alt_key());
    plain
        && link.is_some_and(|link| link.target().is_empty() && window().location().href() == Ok(link.href()))
}

/// The text stored with the current history entry; it survives a reload.
pub(crate) fn entry_note() -> Option<String> {
    window().history().ok()?.state().ok()?.as_string()
}

/// Stores a text with the current history entry, or removes it.
pub(crate) fn note_entry(text: Option<&str>) {
    let text = text.map_or(wasm_bindgen::JsValue::NULL, wasm_bindgen::JsValue::from_str);
    if let Ok(history) = window().history() {
        // Some browsers refuse too frequent calls; then the next change stores it.
        let _ = history.replace_state(&text, "");
    }
}

/// Overrides the system's light or dark theme, or follows it again.
pub(crate) fn set_theme(theme: Option<&str>) {
    let Some(root) = document().document_element() else { return };
    let _ = match theme {
        Some(theme) => root.set_attribute("data-theme", theme),
        None => root.remove_attribute("data-theme"),
    };
}

/// Whether the primary pointer is a finger.
pub(crate) fn touched() -> bool {
    window().match_media("(pointer: coarse)").ok().flatten().is_some_and(|list| list.matches())
}

/// Whether the viewport is as narrow as a phone's.
pub(crate) fn narrow() -> bool {
    window().match_media("(max-width: 599.98px)").ok().flatten().is_some_and(|list| list.matches())
}

/// Whether the page's direction is right-to-left.
pub(crate) fn right_to_left() -> bool {
    document().document_element().is_some_and(|root| root.get_attribute("dir").as_deref() == Some("rtl"))
}

/// A short name for this device, derived from the user agent.
pub(crate) fn device() -> String {
    let agent = window().navigator().user_agent().unwrap_or_default();
    let pick = |names: &[(&str, &'static str)], other: &'static str| {
        names.iter().find(|(mark, _)| agent.contains(mark)).map_or(other, |(_, name)| *name)
    };
    let browser = pick(
        &[
            ("Firefox", "Firefox"),
            ("Edg/", "Edge"),
            ("OPR/", "Opera"),
            ("Chrome", "Chrome"),
            ("Safari", "Safari"),
        ],
        common::browser(),
    );
    let system = pick(
        &[
            ("Android", "Android"),
            ("iPhone", "iPhone"),
            ("iPad", "iPad"),
            ("Windows", "Windows"),
            ("Mac OS", "macOS"),
            ("Linux", "Linux"),
        ],
        common::unknown_system(),
    );
    common::browser_on_system(browser, system)
}

/// The pressed key, or `None` while an input method composes a word: its keys, including the Enter that ends it, belong
/// to the input method. Keys must be read only through this function.
pub(crate) fn key(event: &web_sys::KeyboardEvent) -> Option<String> {
    // Safari ends the composition before the key that ended it; only the legacy key code tells.
    (!event.is_composing() && event.key_code() != 229).then(|| event.key())
}

/// Offers text as a file download.
pub(crate) fn download(name: &str, text: &str) -> Option<()> {
    use wasm_bindgen::JsCast;
    let parts = js_sys::Array::of1(&text.into());
    let blob = web_sys::Blob::new_with_str_sequence(&parts).ok()?;
    let address = web_sys::Url::create_object_url_with_blob(&blob).ok()?;
    let link = document().create_element("a").ok()?.dyn_into::<web_sys::HtmlAnchorElement>().ok()?;
    link.set_href(&address);
    link.set_download(name);
    link.click();
    // The browser reads the blob a moment later.
    let forget = move || {
        let _ = web_sys::Url::revoke_object_url(&address);
    };
    leptos::prelude::set_timeout(forget, std::time::Duration::from_secs(60));
    Some(())
}

/// Focuses the element with this id.
pub(crate) fn focus(id: &str) {
    use wasm_bindgen::JsCast;
    if let Some(element) =
        document().get_element_by_id(id).and_then(|one| one.dyn_into::<web_sys::HtmlElement>().ok())
    {
        let _ = element.focus();
    }
}

#[cfg(test)]
mod tests {
    use crate::state::sources::only_in;

    /// Any other way would treat the Enter that ends a word in Chinese, Japanese or Korean as a command.
    #[test]
    fn keys_are_read_in_one_place_which_leaves_input_methods_theirs() {
        only_in(&["browser.rs", "storage.rs"], &[".key()", ".key_code()"]);
    }
}
