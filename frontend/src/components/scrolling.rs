//! The timeline's scroll position: which row is at the top of the viewport, and how to restore it after a size change.
//! `state/spot.rs` decides what to do; this module measures and scrolls.

use parlour_protocol::ids::Seq;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, HtmlElement};

use crate::state::history::Place;
use crate::state::spot::{Anchor, Geometry, Move, Spot};

/// A view closer to its end than this counts as at the end, in pixels.
pub(crate) const NEAR_END: f64 = 40.0;
/// Closer to an edge than this, more messages are loaded, in pixels.
pub(crate) const NEAR_EDGE: f64 = 900.0;

/// Measures a scrolling element.
pub(crate) fn geometry(view: &HtmlElement) -> Geometry {
    // On screens with a fractional device pixel ratio, the scroll position may be fractional.
    let top = js_sys::Reflect::get(view, &JsValue::from_str("scrollTop")).ok().and_then(|top| top.as_f64());
    Geometry {
        top: top.unwrap_or_default(),
        content: f64::from(view.scroll_height()),
        view: f64::from(view.client_height()),
    }
}

/// Keeps the end, or the anchor row, where it was.
pub(crate) fn keep(view: &HtmlElement, place: &mut Spot, at_end: bool) {
    let row = |seq| find(view, seq).map(|row| below_top(view, &row));
    match place.hold(at_end, geometry(view), row) {
        Move::Stay => {}
        Move::End => to_end(view),
        Move::By(by) if by.abs() < 0.01 => {}
        Move::By(by) => view.scroll_by_with_x_and_y(0.0, by),
    }
    place.held(geometry(view), row, || visible(view).map(|(anchor, _)| anchor));
}

fn below_top(view: &HtmlElement, row: &Element) -> f64 {
    row.get_bounding_client_rect().top() - view.get_bounding_client_rect().top()
}

/// Scrolls to the end.
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

/// The anchor row: the first one that starts inside the viewport; and the last message in the viewport. If one row
/// fills the viewport, it is the anchor although it starts above.
pub(crate) fn visible(view: &HtmlElement) -> Option<(Anchor, Seq)> {
    let frame = view.get_bounding_client_rect();
    let rows = rows(view);
    let first = rows.partition_point(|row| row.get_bounding_client_rect().bottom() <= frame.top() + 1.0);
    let after = rows.partition_point(|row| row.get_bounding_client_rect().top() < frame.bottom());
    let cut = rows.get(first)?.get_bounding_client_rect().top() < frame.top() - 1.0;
    let row = rows.get(first + usize::from(cut && first + 1 < after)).or_else(|| rows.get(first))?;
    let anchor = Anchor { seq: seq_of(row)?, offset: row.get_bounding_client_rect().top() - frame.top() };
    let last = rows.get(after.saturating_sub(1)).and_then(seq_of).unwrap_or(anchor.seq);
    Some((anchor, last))
}

/// The row of a message.
pub(crate) fn find(view: &HtmlElement, seq: Seq) -> Option<HtmlElement> {
    view.query_selector(&format!("[data-seq=\"{seq}\"]")).ok().flatten()?.dyn_into().ok()
}

/// Scrolls so that an element is a third of the viewport below its top.
pub(crate) fn bring(view: &HtmlElement, element: &Element) {
    put(view, element, f64::from(view.client_height()) / 3.0);
}

/// Scrolls so that an element is `offset` pixels below the viewport's top.
pub(crate) fn put(view: &HtmlElement, element: &Element, offset: f64) {
    view.scroll_by_with_x_and_y(0.0, below_top(view, element) - offset);
}

/// The row of a message, otherwise the first loaded one after it, otherwise the last.
pub(crate) fn find_near(view: &HtmlElement, seq: Seq) -> Option<HtmlElement> {
    let rows = rows(view);
    let at = rows.partition_point(|row| seq_of(row).is_some_and(|one| one < seq));
    rows.get(at).or_else(|| rows.last())?.clone().dyn_into().ok()
}

/// What to load for the first gap near the viewport: the side from which the reader approaches.
pub(crate) fn gap_near(view: &HtmlElement) -> Option<Place> {
    let frame = view.get_bounding_client_rect();
    let found = view.query_selector_all("[data-after]").ok()?;
    (0..found.length()).filter_map(|index| found.item(index)?.dyn_into::<Element>().ok()).find_map(|gap| {
        let place = gap.get_bounding_client_rect();
        let near = place.bottom() > frame.top() - NEAR_EDGE && place.top() < frame.bottom() + NEAR_EDGE;
        let position = |name| gap.get_attribute(name)?.parse().ok();
        let below = place.top() > frame.top() + frame.height() / 2.0;
        let place = if below {
            Place::After(position("data-after")?)
        } else {
            Place::Before(position("data-before")?)
        };
        near.then_some(place)
    })
}

/// Focuses a row without scrolling.
pub(crate) fn focus_row(row: &HtmlElement) {
    let options = web_sys::FocusOptions::new();
    options.set_prevent_scroll(true);
    let _ = row.focus_with_options(&options);
}
