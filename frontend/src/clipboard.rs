//! Copies to the clipboard. Browsers offer it only over HTTPS, may ask for permission, and may refuse.
//!
//! Invariant: this is the only access to the clipboard, and success is reported only if the text was really copied.

use leptos::prelude::{document, window};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// Copies text to the clipboard. Returns whether it succeeded.
pub(crate) async fn put(text: &str) -> bool {
    if let Some(written) = write(text)
        && JsFuture::from(written).await.is_ok()
    {
        return true;
    }
    copy_selection(text).unwrap_or(false)
}

/// The Clipboard API, which is missing over plain HTTP.
fn write(text: &str) -> Option<js_sys::Promise> {
    let navigator: JsValue = window().navigator().into();
    let clipboard = js_sys::Reflect::get(&navigator, &"clipboard".into()).ok().filter(JsValue::is_object)?;
    let write: js_sys::Function =
        js_sys::Reflect::get(&clipboard, &"writeText".into()).ok()?.dyn_into().ok()?;
    let written = write.call1(&clipboard, &text.into()).ok()?;
    Some(js_sys::Promise::resolve(&written))
}

/// The legacy way: selects the text in a hidden field and runs the copy command.
fn copy_selection(text: &str) -> Option<bool> {
    let document = document();
    let before = document.active_element();
    let area: web_sys::HtmlTextAreaElement = document.create_element("textarea").ok()?.dyn_into().ok()?;
    area.set_value(text);
    area.set_read_only(true);
    area.set_class_name("visually-hidden");
    // While a modal dialog is open, nothing outside it can take the focus; the last one is on top.
    let dialogs = document.query_selector_all("dialog[open]").ok()?;
    let top = dialogs.length().checked_sub(1).and_then(|last| dialogs.item(last));
    let place: web_sys::Node = match top {
        Some(dialog) => dialog,
        None => document.body()?.into(),
    };
    place.append_child(&area).ok()?;
    let _ = area.focus();
    area.select();
    let copied = document.unchecked_ref::<web_sys::HtmlDocument>().exec_command("copy").unwrap_or(false);
    area.remove();
    if let Some(before) = before.and_then(|one| one.dyn_into::<web_sys::HtmlElement>().ok()) {
        let _ = before.focus();
    }
    Some(copied)
}

#[cfg(test)]
mod tests {
    use crate::state::sources::only_in;

    /// Any other way might report "Copied" without knowing.
    #[test]
    fn the_clipboard_is_used_in_one_place() {
        only_in(&["clipboard.rs"], &["clipboard()", "\"clipboard\"", "exec_command"]);
    }
}
