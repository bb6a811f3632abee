//! What the program around the page offers to it: `window.parlour`, which `frontend/README.md` describes.
//!
//! Invariant: this is the only way to it. A promise that fails says nothing about what is kept: a device that is locked may
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

/// The server to use where none was chosen on this device.
pub(crate) fn server() -> Option<String> {
    offered("server").as_string()
}

/// Whether there is a storage for secrets.
pub(crate) fn has_storage() -> bool {
    offered("storage").is_object()
}

/// Reads a secret; nothing is known about it when the storage does not answer.
pub(crate) async fn get(name: &str) -> Option<Option<String>> {
    Some(call("get", &[name]).await?.as_string())
}

/// Keeps a secret, or forgets it. False when it was not done.
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
