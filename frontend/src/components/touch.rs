//! Touch gestures on the timeline: a tap or a long press opens a message's actions, a swipe replies to it.
//!
//! Invariant: a touch applies to the message that was under the finger when it went down, and cannot hit anything that
//! appears while the finger is there. Mouse events are not handled here.

use std::time::Duration;

use leptos::prelude::*;
use parlour_protocol::ids::Seq;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, PointerEvent};

use crate::browser;
use crate::components::row_context::{MenuPlace, Mode, OpenMenu, RowContext};
use crate::state::gestures::{Finger, HOLD_MS, Lifted};

/// Swipes that start closer to the screen's edge belong to the system, in pixels.
const EDGE: f64 = 24.0;
/// Elements that handle taps themselves.
const CONTROLS: &str = "a, button, input, textarea";
/// Elements that handle horizontal swipes themselves.
const SCROLLS: &str = "pre";

/// The finger and the row under it; a cheap handle.
#[derive(Clone, Copy)]
pub(super) struct Touch {
    shared: RowContext,
    finger: StoredValue<Finger>,
    row: StoredValue<Option<HtmlElement>, LocalStorage>,
    hold: StoredValue<Option<TimeoutHandle>>,
    /// Whether the last touch was a tap whose click event is still to come.
    tapped: StoredValue<bool>,
}

impl Touch {
    /// No finger is down.
    pub(super) fn new(shared: RowContext) -> Self {
        Self {
            shared,
            finger: StoredValue::new(Finger::default()),
            row: StoredValue::new_local(None),
            hold: StoredValue::new(None),
            tapped: StoredValue::new(false),
        }
    }

    fn seq(&self) -> Option<Seq> {
        self.row.with_value(|row| row.as_ref()?.get_attribute("data-seq")?.parse().ok())
    }

    fn forget_hold(&self) {
        if let Some(Some(old)) = self.hold.try_update_value(Option::take) {
            old.clear();
        }
    }

    /// Handles a pointer going down.
    pub(super) fn down(&self, event: &PointerEvent) {
        self.forget_hold();
        self.release();
        self.tapped.set_value(false);
        self.shared.fingers.set_value(event.pointer_type() == "touch");
        let target = event.target().and_then(|one| one.dyn_into::<Element>().ok());
        let row = target.as_ref().and_then(|one| one.closest("[data-seq]").ok().flatten());
        let Some(row) = row.and_then(|row| row.dyn_into::<HtmlElement>().ok()) else { return };
        if !self.shared.fingers.get_value() || !event.is_primary() {
            return;
        }
        let inside = |css| target.as_ref().is_some_and(|one| one.closest(css).ok().flatten().is_some());
        let (x, y) = (f64::from(event.client_x()), f64::from(event.client_y()));
        let width = window().inner_width().ok().and_then(|width| width.as_f64()).unwrap_or(0.0);
        let writable = self.shared.writable();
        let toward = match x {
            _ if inside(SCROLLS) || !writable || x < EDGE || x > width - EDGE => 0.0,
            _ if browser::right_to_left() => -1.0,
            _ => 1.0,
        };
        self.row.set_value(Some(row));
        self.finger.update_value(|finger| finger.down((x, y), toward));
        if inside("a") {
            // A long press on a link belongs to the browser.
            return;
        }
        let touch = *self;
        let held = move || {
            if touch.finger.try_update_value(Finger::held) == Some(true) {
                touch.open_sheet();
            }
        };
        self.hold.set_value(set_timeout_with_handle(held, Duration::from_millis(HOLD_MS)).ok());
    }

    /// Handles the finger moving.
    pub(super) fn moved(&self, event: &PointerEvent) {
        if event.pointer_type() != "touch" || !event.is_primary() {
            return;
        }
        let at = (f64::from(event.client_x()), f64::from(event.client_y()));
        let drawn = self.finger.try_update_value(|finger| (finger.moved(at), finger.replies()));
        if let Some((Some(drawn), replies)) = drawn {
            self.row.with_value(|row| {
                let Some(row) = row else { return };
                let _ = row.class_list().add_1("swiping");
                let _ = row.class_list().toggle_with_force("ready", replies);
                let _ = row.style().set_property("transform", &format!("translateX({drawn}px)"));
            });
        }
    }

    /// Handles the finger being lifted.
    pub(super) fn up(&self, event: &PointerEvent) {
        if event.pointer_type() != "touch" || !event.is_primary() {
            return;
        }
        self.forget_hold();
        match self.finger.try_update_value(Finger::up) {
            Some(Lifted::Tap) => self.tapped.set_value(true),
            Some(Lifted::Reply) => {
                if let Some(seq) = self.seq() {
                    self.shared.write(Mode::Reply(seq));
                }
            }
            _ => {}
        }
        self.release();
    }

    /// Handles the browser taking over the touch to scroll.
    pub(super) fn cancelled(&self) {
        self.forget_hold();
        self.finger.update_value(Finger::cancel);
        self.release();
    }

    fn release(&self) {
        self.row.with_value(|row| {
            if let Some(row) = row {
                let _ = row.class_list().remove_2("swiping", "ready");
                let _ = row.style().remove_property("transform");
            }
        });
    }

    /// Handles a click: after a tap on a message outside its controls, opens the actions.
    pub(super) fn clicked(&self, event: &web_sys::MouseEvent) {
        let tapped = self.tapped.try_update_value(std::mem::take) == Some(true);
        let target = event.target().and_then(|one| one.dyn_into::<Element>().ok());
        let on_control = target.is_none_or(|one| one.closest(CONTROLS).ok().flatten().is_some());
        if tapped && !on_control && !event.default_prevented() {
            self.open_sheet();
        }
    }

    fn open_sheet(&self) {
        if let Some(seq) = self.seq().filter(|seq| self.shared.can_act_on(*seq)) {
            self.shared.menu.set(Some(OpenMenu { seq, place: MenuPlace::Sheet }));
        }
    }
}
