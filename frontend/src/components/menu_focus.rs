//! The position of a menu, and the keyboard focus in it.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use crate::browser;
use crate::components::row_context::MenuPlace;

/// Margin around a menu, in pixels.
const AROUND: f64 = 8.0;

/// Positions a menu within the viewport.
pub(super) fn put(dialog: &web_sys::HtmlDialogElement, place: MenuPlace) {
    let (x, y, above) = match place {
        MenuPlace::Sheet => return first(dialog),
        MenuPlace::At(x, y) => (x, y, false),
        MenuPlace::Emoji(x, y) => (x, y, true),
    };
    let size =
        |side: Result<wasm_bindgen::JsValue, _>| side.ok().and_then(|side| side.as_f64()).unwrap_or(0.0);
    let (width, height) = (size(window().inner_width()), size(window().inner_height()));
    let own = dialog.get_bounding_client_rect();
    let left = if browser::right_to_left() || above { x - own.width() } else { x };
    let top = if above { y - own.height() - AROUND } else { y };
    let left = left.clamp(AROUND, (width - own.width() - AROUND).max(AROUND));
    let top = top.clamp(AROUND, (height - own.height() - AROUND).max(AROUND));
    let style = web_sys::HtmlElement::style(dialog);
    let _ = style.set_property("left", &format!("{left}px"));
    let _ = style.set_property("top", &format!("{top}px"));
    first(dialog);
}

fn stops(dialog: &web_sys::HtmlDialogElement) -> Vec<HtmlElement> {
    let Ok(found) = dialog.query_selector_all("[role=menuitem]") else { return Vec::new() };
    (0..found.length()).filter_map(|index| found.item(index)?.dyn_into().ok()).collect()
}

fn first(dialog: &web_sys::HtmlDialogElement) {
    let stops = stops(dialog);
    let plain = stops.iter().find(|stop| !is_emoji(stop));
    if let Some(stop) = plain.or(stops.first()) {
        let _ = stop.focus();
    }
}

fn is_emoji(element: &HtmlElement) -> bool {
    element.class_list().contains("emoji-button")
}

/// Moves the focus within a menu. Returns whether the key was handled.
pub(super) fn walk(dialog: &web_sys::HtmlDialogElement, key: &str) -> bool {
    let stops = stops(dialog);
    let active = document().active_element();
    let last = stops.len().saturating_sub(1);
    let Some(at) = stops.iter().position(|stop| active.as_ref() == Some(stop.as_ref())) else { return false };
    let emoji = stops.get(at).is_some_and(is_emoji);
    let next = match key {
        // The emoji are laid out in one row.
        "ArrowDown" if emoji => stops.iter().position(|stop| !is_emoji(stop)).unwrap_or(at),
        "ArrowUp" if emoji => last,
        "ArrowDown" => {
            if at == last {
                0
            } else {
                at + 1
            }
        }
        "ArrowUp" => {
            stops.get(at.wrapping_sub(1)).map_or(last, |stop| if is_emoji(stop) { 0 } else { at - 1 })
        }
        "ArrowLeft" | "ArrowRight" if emoji => {
            let forwards = (key == "ArrowRight") != browser::right_to_left();
            let next = if forwards { at + 1 } else { at.saturating_sub(1) };
            stops.get(next).filter(|stop| is_emoji(stop)).map_or(at, |_| next)
        }
        "Home" => 0,
        "End" => last,
        // The focus must not leave the menu.
        "Tab" => at,
        _ => return false,
    };
    stops.get(next).is_some_and(|stop| stop.focus().is_ok())
}
