//! Keyboard navigation in the timeline. For the Tab key it is a single stop: the arrow keys move from row to row and,
//! within a row, from control to control; Escape goes back step by step, from a control to its row and from a row to
//! the composer.
//!
//! Invariant: the focus is never lost. If the focused element is redrawn or removed, its row or the nearest row takes
//! the focus.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, HtmlElement};

use crate::browser;
use crate::components::scrolling;
use crate::components::timeline_view::View;
use crate::effects::effect;

/// Number of rows that Page Up and Page Down move.
const PAGE: usize = 10;
/// The focusable controls inside a row.
const CONTROLS: &str = "a[href], button";

/// The roving focus of a timeline; a cheap handle.
#[derive(Clone, Copy)]
pub(super) struct Roving {
    view: View,
    /// Whether the focus is on or inside a row. The timeline itself is then not a tab stop, so that Shift+Tab leaves
    /// it.
    pub(super) inside: RwSignal<bool>,
    /// The row that has the focus, or had it last.
    row: StoredValue<Option<HtmlElement>, LocalStorage>,
}

impl Roving {
    /// A timeline without focus.
    pub(super) fn new(view: View) -> Self {
        Self { view, inside: RwSignal::new(false), row: StoredValue::new_local(None) }
    }

    fn rows(&self) -> Vec<HtmlElement> {
        let Some(view) = self.view.element() else { return Vec::new() };
        all(&view, ".message")
    }

    /// Handles focus moving to an element of the timeline.
    pub(super) fn focused(&self, event: &web_sys::FocusEvent) {
        let Some(target) = event.target().and_then(|one| one.dyn_into::<HtmlElement>().ok()) else { return };
        match row_of(&target) {
            Some(row) => {
                self.row.set_value(Some(row));
                self.inside.set(true);
            }
            // Tab reaches the timeline itself: move the focus to the last focused row, or to the last one in view. A
            // click on an empty area must not move the focus.
            None if target.matches(":focus-visible").unwrap_or(false) => {
                let roving = *self;
                // Deferred, because focusing the row calls this handler again.
                queue_microtask(move || {
                    if let Some(row) = roving.entrance() {
                        // Taking the focus must not scroll.
                        scrolling::focus_row(&row);
                    }
                });
            }
            None => {}
        }
    }

    fn entrance(&self) -> Option<HtmlElement> {
        let view = self.view.element()?;
        let frame = view.get_bounding_client_rect();
        let seen = |row: &HtmlElement| {
            let place = row.get_bounding_client_rect();
            place.bottom() > frame.top() && place.top() < frame.bottom()
        };
        let whole = |row: &HtmlElement| {
            let place = row.get_bounding_client_rect();
            place.top() >= frame.top() && place.bottom() <= frame.bottom()
        };
        // At the end of the timeline, enter at the newest row; further up, at the row that had the focus.
        let follows = self.view.context.open.at_bottom.get_untracked();
        let before = self.row.get_value().filter(|row| !follows && row.is_connected() && seen(row));
        before.or_else(|| {
            let rows = self.rows();
            rows.iter()
                .rev()
                .find(|row| whole(row))
                .or_else(|| rows.iter().rev().find(|row| seen(row)))
                .cloned()
        })
    }

    /// Handles focus leaving an element of the timeline, perhaps for another one in it.
    pub(super) fn blurred(&self) {
        let roving = *self;
        request_animation_frame(move || {
            let active = document().active_element();
            let here = roving.view.element().is_some_and(|view| view.contains(active.as_deref()));
            if !here {
                let _ = roving.inside.try_set(false);
            }
        });
    }

    /// After a change of the timeline's DOM: if the focused element was removed, its row takes the focus.
    fn mend(&self) {
        let lost = document().active_element().is_none_or(|active| active.tag_name() == "BODY");
        if self.inside.try_get_untracked() != Some(true) || !lost {
            return;
        }
        let row = self.row.get_value();
        let seq = row.as_ref().and_then(|row| row.get_attribute("data-seq")).and_then(|seq| seq.parse().ok());
        let row = row.filter(|row| row.is_connected()).or_else(|| {
            let view = self.view.element()?;
            match seq {
                Some(seq) => scrolling::find_near(&view, seq),
                None => self.rows().pop(),
            }
        });
        if let Some(row) = row {
            scrolling::focus_row(&row);
        }
    }

    /// Watches the focus while the timeline is mounted.
    pub(super) fn watch(self) {
        type Watched = (web_sys::MutationObserver, Closure<dyn FnMut()>);
        let watched: StoredValue<Option<Watched>, LocalStorage> = StoredValue::new_local(None);
        effect(move || {
            let Some(node) = self.view.node.get() else { return };
            let closure = Closure::<dyn FnMut()>::new(move || self.mend());
            if let Ok(made) = web_sys::MutationObserver::new(closure.as_ref().unchecked_ref()) {
                let options = web_sys::MutationObserverInit::new();
                options.set_child_list(true);
                options.set_subtree(true);
                let _ = made.observe_with_options(&node, &options);
                watched.set_value(Some((made, closure)));
            }
        });
        on_cleanup(move || {
            if let Some(Some((made, _))) = watched.try_update_value(Option::take) {
                made.disconnect();
            }
        });
    }

    /// Handles a key pressed in the timeline. Returns whether it did something.
    pub(super) fn key(&self, event: &web_sys::KeyboardEvent) -> bool {
        let Some(key) = browser::key(event) else { return false };
        if event.ctrl_key() || event.meta_key() || event.alt_key() {
            return false;
        }
        let Some(target) = event.target().and_then(|one| one.dyn_into::<HtmlElement>().ok()) else {
            return false;
        };
        let Some(row) = row_of(&target) else { return self.enter(&key) };
        let on_row = target == row;
        let forwards = if browser::right_to_left() { "ArrowLeft" } else { "ArrowRight" };
        match key.as_str() {
            "ArrowUp" | "ArrowDown" | "PageUp" | "PageDown" | "Home" | "End" => self.walk(&row, &key),
            "ArrowLeft" | "ArrowRight" => within(&row, &target, key == forwards),
            "Escape" if on_row => {
                browser::focus("composer");
                true
            }
            "Escape" => {
                scrolling::focus_row(&row);
                true
            }
            "Enter" if on_row => {
                self.view.shared.open_menu_of(&row);
                true
            }
            _ => false,
        }
    }

    fn enter(&self, key: &str) -> bool {
        let row = match key {
            "ArrowUp" | "ArrowDown" => self.entrance(),
            "End" => self.rows().pop(),
            "Home" => self.rows().into_iter().next(),
            _ => None,
        };
        row.is_some_and(|row| row.focus().is_ok())
    }

    fn walk(&self, row: &HtmlElement, key: &str) -> bool {
        let rows = self.rows();
        let at = rows.iter().position(|one| one == row).unwrap_or(0);
        let last = rows.len().saturating_sub(1);
        let next = match key {
            "ArrowUp" => at.saturating_sub(1),
            "ArrowDown" => (at + 1).min(last),
            "PageUp" => at.saturating_sub(PAGE),
            "PageDown" => (at + PAGE).min(last),
            "Home" => 0,
            _ => last,
        };
        if next == at && key == "End" {
            self.view.go_to_end();
        }
        rows.get(next).is_some_and(|row| row.focus().is_ok())
    }
}

fn all(inside: &Element, css: &str) -> Vec<HtmlElement> {
    let Ok(found) = inside.query_selector_all(css) else { return Vec::new() };
    (0..found.length()).filter_map(|index| found.item(index)?.dyn_into().ok()).collect()
}

fn row_of(element: &Element) -> Option<HtmlElement> {
    element.closest(".message").ok().flatten()?.dyn_into().ok()
}

/// Moves the focus between the controls of a row; before the first one comes the row itself.
fn within(row: &HtmlElement, from: &HtmlElement, forwards: bool) -> bool {
    let mut stops = vec![row.clone()];
    stops.extend(all(row, CONTROLS));
    let at = stops.iter().position(|one| one == from).unwrap_or(0);
    let next = if forwards { (at + 1).min(stops.len() - 1) } else { at.saturating_sub(1) };
    stops.get(next).is_some_and(|stop| stop.focus().is_ok())
}
