//! Access to what an app around the page provides: `window.parlour`, described in `frontend/README.md`.
//!
//! Invariant: this is the only access to it. A rejected promise says nothing about what is stored: a locked device may
//! open its storage later.

use js_sys::{Array, Function, Promise, Reflect};
use leptos::prelude::window;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

fn part(of: &JsValue, name: &str) -> JsValue {
    if of.is_object() {
        Reflect::get(of, &name.into()).unwrap_or(JsValue::UNDEFINED)
    } else {
        JsValue::UNDEFINED
    }
}

fn offered(name: &str) -> JsValue {
    part(&part(&window(), "parlour"), name)
}

/// The server to use if none was chosen on this device.
pub(crate) fn server() -> Option<String> {
    offered("server").as_string()
}

/// Whether the app provides a storage for secrets.
pub(crate) fn has_storage() -> bool {
    offered("storage").is_object()
}

/// Reads a secret. The outer `None` means that the storage did not respond, the inner one that there is no such secret.
pub(crate) async fn get(name: &str) -> Option<Option<String>> {
    Some(call("get", &[name]).await?.as_string())
}

/// Stores or removes a secret. Returns false if that failed.
pub(crate) async fn put(name: &str, value: Option<&str>) -> bool {
    let done = match value {
        Some(value) => call("set", &[name, value]).await,
        None => call("remove", &[name]).await,
    };
    done.is_some()
}

async fn call(verb: &str, words: &[&str]) -> Option<JsValue> {
    let storage = offered("storage");
    let verb: Function = part(&storage, verb).dyn_into().ok()?;
    let words: Array = words.iter().map(|word| JsValue::from_str(word)).collect();
    let answer = verb.apply(&storage, &words).ok()?;
    JsFuture::from(Promise::resolve(&answer)).await.ok()
}

#[cfg(test)]
mod tests {
    use crate::state::sources::only_in;

    #[test]
    fn what_a_wrapper_offers_is_asked_for_in_one_place() {
        only_in(&["wrapper.rs"], &["\"parlour\""]);
    }
}
