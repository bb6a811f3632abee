//! The timeline's place: what is at the top of the view, and how to find it again after the rows changed.
//!
//! Invariant: when rows change, either the end stays in view (if it was), or the row at the top of the view
//! stays exactly where it was.

use leptos::prelude::document;
use parlour_protocol::ids::Seq;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

/// Closer to the end than this counts as at the end, in pixels.
pub(crate) const NEAR_END: i32 = 40;
/// Closer to an edge than this, more messages are fetched.
pub(crate) const NEAR_EDGE: i32 = 900;

/// A message, and how far its top is below the top of the view.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Anchor {
    pub(crate) seq: Seq,
    pub(crate) offset: f64,
}

/// How far the end is below the view, in pixels.
pub(crate) fn distance_to_end(view: &HtmlElement) -> i32 {
    view.scroll_height() - view.scroll_top() - view.client_height()
}

/// Goes to the end.
pub(crate) fn to_end(view: &HtmlElement) {
    view.set_scroll_top(view.scroll_height());
}

fn seq_of(element: &Element) -> Option<Seq> {
    element.get_attribute("data-seq")?.parse().ok()
}

fn rows(view: &HtmlElement) -> Vec<Element> {
    let Ok(found) = view.query_selector_all("[data-seq]") else { return Vec::new() };
    (0..found.length()).filter_map(|index| found.item(index)?.dyn_into().ok()).collect()
}

/// The first message that reaches into the view, and the last one.
pub(crate) fn visible(view: &HtmlElement) -> Option<(Anchor, Seq)> {
    let frame = view.get_bounding_client_rect();
    let rows = rows(view);
    let first = rows.partition_point(|row| row.get_bounding_client_rect().bottom() <= frame.top() + 1.0);
    let after = rows.partition_point(|row| row.get_bounding_client_rect().top() < frame.bottom());
    let row = rows.get(first)?;
    let anchor = Anchor { seq: seq_of(row)?, offset: row.get_bounding_client_rect().top() - frame.top() };
    let last = rows.get(after.saturating_sub(1)).and_then(seq_of).unwrap_or(anchor.seq);
    Some((anchor, last))
}

/// The row of a message.
pub(crate) fn find(view: &HtmlElement, seq: Seq) -> Option<HtmlElement> {
    view.query_selector(&format!("[data-seq=\"{seq}\"]")).ok().flatten()?.dyn_into().ok()
}

/// Moves the view so that a message is where it was.
pub(crate) fn restore(view: &HtmlElement, anchor: Anchor) -> bool {
    let Some(row) = find(view, anchor.seq) else { return false };
    let now = row.get_bounding_client_rect().top() - view.get_bounding_client_rect().top();
    let delta = (now - anchor.offset).round() as i32;
    if delta != 0 {
        view.set_scroll_top(view.scroll_top() + delta);
    }
    true
}

/// Moves the view so that an element is a third below its top.
pub(crate) fn bring(view: &HtmlElement, element: &Element) {
    let now = element.get_bounding_client_rect().top() - view.get_bounding_client_rect().top();
    view.set_scroll_top(view.scroll_top() + now as i32 - view.client_height() / 3);
}

/// Moves the keyboard from row to row.
pub(crate) fn walk(view: &HtmlElement, key: &str) -> bool {
    let rows = rows(view);
    let focused = document().active_element();
    let at = rows.iter().position(|row| focused.as_ref().is_some_and(|focused| focused == row));
    let last = rows.len().saturating_sub(1);
    let next = match (key, at) {
        ("ArrowUp", Some(at)) => at.saturating_sub(1),
        ("ArrowDown", Some(at)) => (at + 1).min(last),
        ("ArrowUp" | "ArrowDown" | "End", None) | ("End", Some(_)) => last,
        ("Home", _) => 0,
        _ => return false,
    };
    match rows.get(next).and_then(|row| row.dyn_ref::<HtmlElement>()) {
        Some(row) => row.focus().is_ok(),
        None => false,
    }
}
