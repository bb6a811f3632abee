//! Global keyboard shortcuts: printable keys go to the composer, Escape focuses it, `?` shows the list of shortcuts.
//!
//! Invariant: a key that another handler has consumed, or that is typed into a field, is left alone.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use crate::browser;
use crate::components::dialog::Dialog;
use crate::texts::{common, shortcuts as texts};

/// Keys and the descriptions of what they do.
fn shortcuts() -> [(&'static [&'static str], &'static str); 12] {
    [
        (&["Ctrl", "K"], texts::jump()),
        (&["Enter"], texts::send()),
        (&["Shift", "Enter"], texts::new_line()),
        (&["↑"], texts::edit_last()),
        (&["Shift", "Tab"], texts::to_messages()),
        (&["↑", "↓"], texts::between_messages()),
        (&["Enter"], texts::message_menu()),
        (&["←", "→"], texts::inside_message()),
        (&["Home", "End"], texts::first_last()),
        (&["Esc"], texts::back()),
        (texts::ANY_LETTER, texts::write()),
        (&["?"], texts::this_list()),
    ]
}

fn types_into(element: &Element) -> bool {
    element.matches("input, textarea, select, [contenteditable]").unwrap_or(false)
}

fn composer() -> Option<HtmlElement> {
    document().get_element_by_id("composer")?.dyn_into().ok()
}

/// Handles global shortcuts and shows their list on request.
#[component]
pub(crate) fn Shortcuts() -> impl IntoView {
    let open = RwSignal::new(false);
    let listener = window_event_listener(leptos::ev::keydown, move |event| {
        let Some(key) = browser::key(&event) else { return };
        let dialog = document().query_selector("dialog[open]").ok().flatten().is_some();
        if event.default_prevented() || dialog {
            return;
        }
        let active = document().active_element();
        let typing = active.as_ref().is_some_and(types_into);
        let command = event.ctrl_key() || event.meta_key();
        if (key == "?" && !typing && !command) || (key == "/" && command) {
            event.prevent_default();
            open.set(true);
        } else if key == "Escape" {
            let there = composer().filter(|composer| active.as_ref() != Some(composer.as_ref()));
            if let Some(composer) = there {
                event.prevent_default();
                let _ = composer.focus();
            }
        } else if !typing && !command && !event.alt_key() && key != " " && key.chars().count() == 1 {
            // The key reaches the element that is focused when this handler returns.
            if let Some(composer) = composer() {
                let _ = composer.focus();
            }
        }
    });
    on_cleanup(move || listener.remove());
    let rows = || {
        shortcuts()
            .into_iter()
            .map(|(keys, what)| {
                let keys = keys.iter().map(|key| view! { <kbd>{*key}</kbd> }).collect_view();
                view! {
                    <div class="shortcut">
                        <dt>{keys}</dt>
                        <dd>{what}</dd>
                    </div>
                }
            })
            .collect_view()
    };
    view! {
        <Dialog open title=texts::title() class="shortcuts">
            <h2>{texts::title()}</h2>
            <dl data-testid="shortcuts">{rows}</dl>
            <div class="dialog-actions">
                <button type="button" class="button" autofocus=true on:click=move |_| open.set(false)>
                    {common::close()}
                </button>
            </div>
        </Dialog>
    }
}
