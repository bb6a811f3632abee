//! What people do with the keyboard alone: they move the focus to where they want it, and press a key.
//!
//! Invariant: nothing here focuses or clicks by script. Scripts only look where the focus is and where it should be.

use std::cell::Cell;
use std::time::Duration;

use serde_json::json;

use crate::person::{Device, PATIENCE, Person};

/// Tab stops to try before an element counts as unreachable. Pages have about forty.
const STOPS: usize = 200;

thread_local! {
    static KEYBOARD_ALONE: Cell<bool> = const { Cell::new(false) };
}

/// What a person uses to press buttons and choose fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hands {
    /// A mouse or a finger.
    Pointer,
    /// Nothing but keys.
    Keyboard,
}

impl Hands {
    /// What people at such a device use in the current thread's test.
    pub fn at(device: Device) -> Self {
        let keyboard = device == Device::Desktop && KEYBOARD_ALONE.get();
        if keyboard { Self::Keyboard } else { Self::Pointer }
    }

    /// From here on, people of this thread use these at a desktop.
    pub fn take(self) {
        KEYBOARD_ALONE.set(self == Self::Keyboard);
    }
}

/// Returns the key that leads from the focus towards what a selector names: `there` on arrival, `null` while the target
/// does not exist. A label stands for its control; an element that takes no focus, for the one that it lies in.
const TOWARDS: &str = "
    const stop = 'a[href], button, input, textarea, select, summary, [tabindex]';
    const control = one => one.matches(stop) ? one
        : one.previousElementSibling?.matches('input') ? one.previousElementSibling
        : one.closest('label')?.control ?? one.closest(stop) ?? one.querySelector(stop);
    const named = document.querySelector(CSS), at = document.activeElement;
    // What is offered while one types is chosen from there.
    const offer = named?.closest('[role=option]'), active = at.getAttribute('aria-activedescendant');
    if (offer && active) {
        const chosen = document.getElementById(active);
        if (chosen === offer) return 'there offer';
        return chosen?.compareDocumentPosition(offer) & Node.DOCUMENT_POSITION_PRECEDING ? 'up' : 'down';
    }
    const wanted = named && control(named);
    if (!wanted || wanted.disabled) return '';
    if (wanted === at) return 'there ' + (wanted.matches('.message') ? 'row' : wanted.type ?? 'link');
    const back = at.compareDocumentPosition(wanted) & Node.DOCUMENT_POSITION_PRECEDING
        && !wanted.contains(at);
    const timeline = wanted.closest('[data-testid=timeline]');
    if (timeline?.contains(at)) {
        const [here, there] = [at, wanted].map(one => one.closest('.message'));
        if (here && there) return here !== there ? (back ? 'up' : 'down') : back || wanted === there ? 'left' : 'right';
    }
    if (wanted.type === 'radio' && at.name === wanted.name) return back ? 'up' : 'down';
    const list = wanted.closest('[role=menu], [role=listbox], [role=tablist], [role=toolbar]');
    if (list?.contains(at)) return back ? 'up' : 'down';
    return back ? 'shift-tab' : 'tab';
";

impl Person {
    /// Does with keys what a click on this element does.
    pub(crate) async fn press_on(&self, css: &str) {
        let note = "const aim = document.activeElement; window.elsewhere = false; \
            addEventListener('keydown', event => { window.elsewhere = event.target !== aim; }, { capture: true, once: true });";
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let key = match self.bring_focus_to(css).await.as_str() {
                // Rows only need the focus; fields are typed into.
                "row" | "text" | "password" | "email" | "search" | "textarea" | "url" => return,
                "radio" if self.evaluate("return document.activeElement.checked;").await == true => return,
                "radio" | "checkbox" => ' ',
                _ => '\u{E007}',
            };
            self.evaluate(note).await;
            self.bring_focus_to(css).await;
            self.strike(&[], key).await;
            // A page that appears at this moment takes the focus, and the key press with it.
            if self.evaluate("return window.elsewhere === true;").await != true {
                return;
            }
            assert!(tokio::time::Instant::now() < deadline, "{css} loses the focus again and again");
        }
    }

    /// Moves the focus to what a selector names, and returns what kind of element that is.
    pub(crate) async fn bring_focus_to(&self, css: &str) -> String {
        let script = TOWARDS.replace("CSS", &json!(css).to_string());
        let deadline = tokio::time::Instant::now() + PATIENCE;
        let mut stops = 0;
        loop {
            let found = self.evaluate(&script).await;
            let found = found.as_str().unwrap_or_default();
            if let Some(kind) = found.strip_prefix("there ") {
                return kind.to_owned();
            }
            let key = match found {
                "up" => '\u{E013}',
                "down" => '\u{E015}',
                "left" => '\u{E012}',
                "right" => '\u{E014}',
                "tab" | "shift-tab" => '\u{E004}',
                _ => {
                    let said = if tokio::time::Instant::now() > deadline {
                        self.text_of("body").await
                    } else {
                        String::new()
                    };
                    assert!(said.is_empty(), "{css} does not appear; the page says: {said}");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                }
            };
            stops += 1;
            if stops > STOPS {
                let focus = self.evaluate("return document.activeElement.outerHTML.slice(0, 300);").await;
                panic!(
                    "{css} is not reached with the keyboard; the focus is on {focus}, which leads {found}"
                );
            }
            let held: &[char] = if found == "shift-tab" { &['\u{E008}'] } else { &[] };
            self.strike(held, key).await;
        }
    }
}
