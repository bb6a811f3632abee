//! Dialogs, based on the browser's `<dialog>`, which traps the focus, restores it, and closes on Esc.

use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use crate::context::{Context, context};
use crate::effects::effect;
use crate::texts::common;

/// A dialog that is mounted while `open` is true.
#[component]
pub(crate) fn Dialog(
    open: RwSignal<bool>,
    #[prop(into)] title: String,
    #[prop(default = "")] class: &'static str,
    children: ChildrenFn,
) -> impl IntoView {
    let children = StoredValue::new(children);
    let title = StoredValue::new(title);
    // A dialog that is opened again stays mounted: otherwise the old one's `close` event would reach its successor.
    let there = Memo::new(move |_| open.get());
    move || {
        there.get().then(|| {
            let node = NodeRef::<html::Dialog>::new();
            // The browser restores the focus only when a dialog is closed, but this one is removed from the document.
            let before = StoredValue::new_local(document().active_element());
            let shown: StoredValue<Option<web_sys::HtmlDialogElement>, LocalStorage> =
                StoredValue::new_local(None);
            on_cleanup(move || {
                // While the dialog is open, nothing outside it can take the focus.
                if let Some(Some(dialog)) = shown.try_update_value(Option::take) {
                    dialog.close();
                }
                let before = before.try_update_value(Option::take).flatten();
                if let Some(element) = before.and_then(|one| one.dyn_into::<web_sys::HtmlElement>().ok()) {
                    let _ = element.focus();
                }
            });
            effect(move || {
                if let Some(dialog) = node.get()
                    && !dialog.open()
                {
                    let _ = dialog.show_modal();
                    shown.set_value(Some(dialog));
                }
            });
            let on_click = move |event: web_sys::MouseEvent| {
                // A click on the backdrop has the dialog element itself as its target.
                let itself = node.get_untracked().is_some_and(|dialog| {
                    let dialog: &web_sys::EventTarget = dialog.unchecked_ref();
                    event.target().as_ref() == Some(dialog)
                });
                if itself {
                    open.set(false);
                }
            };
            view! {
                <dialog
                    node_ref=node
                    class=format!("dialog {class}")
                    aria-label=title.get_value()
                    on:close=move |_| open.set(false)
                    on:mousedown=on_click
                >
                    <div class="dialog-inside">{children.with_value(|children| children())}</div>
                </dialog>
            }
        })
    }
}

/// Shows the current question.
#[component]
pub(crate) fn Questions() -> impl IntoView {
    let Context { session, ui, .. } = context();
    let question = ui.question;
    let open = RwSignal::new(false);
    // A question belongs to one session: the next user must not answer it.
    effect(move || {
        session.phase.track();
        question.set(None);
    });
    effect(move || open.set(question.with(Option::is_some)));
    effect(move || {
        if !open.get() && question.with_untracked(Option::is_some) {
            question.set(None);
        }
    });
    let body = move || {
        question.get().map(|question| {
            let then = question.then;
            view! {
                <h2>{question.title}</h2>
                <p class="soft">{question.text}</p>
                <div class="dialog-actions">
                    <button type="button" class="button" on:click=move |_| open.set(false)>
                        {common::cancel()}
                    </button>
                    <button
                        type="button"
                        class="button danger"
                        data-testid="confirm"
                        on:click=move |_| {
                            open.set(false);
                            then();
                        }
                    >
                        {question.action}
                    </button>
                </div>
            }
        })
    };
    view! {
        <Dialog open title=common::please_confirm() class="small">
            {body}
        </Dialog>
    }
}
