//! Layers over a page on a small screen: sheets and panes. Back closes the topmost layer and leaves the page unchanged.
//!
//! Invariant: each layer has exactly one entry in the browser's history while it is open, and none afterwards.

use std::cell::RefCell;
use std::rc::Rc;

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::JsValue;
use wasm_bindgen::closure::Closure;

#[derive(Default)]
struct Layers {
    open: Vec<(u64, Rc<dyn Fn()>)>,
    last: u64,
    /// Number of pending history steps that were made here and must not close a layer.
    own_steps: usize,
    listens: bool,
}

thread_local! {
    static LAYERS: RefCell<Layers> = RefCell::default();
}

/// The state that identifies a layer's history entry.
fn mark(number: u64) -> JsValue {
    JsValue::from_str(&format!("layer {number}"))
}

/// Registers an opened layer: `close` is called when Back is pressed. Returns its number.
pub(crate) fn opened(close: impl Fn() + 'static) -> u64 {
    let number = LAYERS.with_borrow_mut(|layers| {
        layers.last += 1;
        let number = layers.last;
        layers.open.push((number, Rc::new(close)));
        number
    });
    listen();
    if let Ok(history) = window().history() {
        let _ = history.push_state(&mark(number), "");
    }
    number
}

/// Unregisters a layer that was closed in another way, and removes its history entry unless the page has navigated
/// away.
pub(crate) fn closed(number: u64) {
    let was_open = LAYERS.with_borrow_mut(|layers| {
        let before = layers.open.len();
        layers.open.retain(|(one, _)| *one != number);
        layers.open.len() != before
    });
    let Ok(history) = window().history() else { return };
    if was_open && history.state().is_ok_and(|state| state == mark(number)) {
        LAYERS.with_borrow_mut(|layers| layers.own_steps += 1);
        let _ = history.back();
    }
}

fn listen() {
    if LAYERS.with_borrow_mut(|layers| std::mem::replace(&mut layers.listens, true)) {
        return;
    }
    let went_back = Closure::<dyn FnMut()>::new(|| {
        let top = LAYERS.with_borrow_mut(|layers| {
            if layers.own_steps > 0 {
                layers.own_steps -= 1;
                return None;
            }
            layers.open.pop()
        });
        if let Some((_, close)) = top {
            close();
        }
    });
    let _ = window().add_event_listener_with_callback("popstate", went_back.as_ref().unchecked_ref());
    // The listener lives as long as the page.
    went_back.forget();
}
