//! Dialogs, on the browser's own `<dialog>`: it traps the focus, gives it back, and closes on Esc.

use std::sync::Arc;

use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use crate::context::context;
use crate::texts::common;

/// A question that is asked before something is destroyed.
#[derive(Clone)]
pub(crate) struct Question {
    pub(crate) title: String,
    pub(crate) text: String,
    pub(crate) action: &'static str,
    /// Outlives the place that asks, which may be gone when the answer comes.
    pub(crate) then: Arc<dyn Fn() + Send + Sync>,
}

/// Asks questions; one at a time.
#[derive(Clone, Copy)]
pub(crate) struct Ask(pub(crate) RwSignal<Option<Question>>);

/// Asks before something is destroyed.
pub(crate) fn ask(
    title: impl Into<String>,
    text: impl Into<String>,
    action: &'static str,
    then: impl Fn() + Send + Sync + 'static,
) {
    let question = Question { title: title.into(), text: text.into(), action, then: Arc::new(then) };
    expect_context::<Ask>().0.set(Some(question));
}

/// A dialog that is there while `open` is true.
#[component]
pub(crate) fn Dialog(
    open: RwSignal<bool>,
    #[prop(into)] title: String,
    #[prop(default = "")] class: &'static str,
    children: ChildrenFn,
) -> impl IntoView {
    let children = StoredValue::new(children);
    let title = StoredValue::new(title);
    // One that is opened once more stays: closing the one before would be told to the one that takes its place.
    let there = Memo::new(move |_| open.get());
    move || {
        there.get().then(|| {
            let node = NodeRef::<html::Dialog>::new();
            // The browser gives the focus back only when the dialog is closed, and this one is removed.
            let before = StoredValue::new_local(document().active_element());
            let shown: StoredValue<Option<web_sys::HtmlDialogElement>, LocalStorage> =
                StoredValue::new_local(None);
            on_cleanup(move || {
                // As long as it is open, nothing else can have the focus.
                if let Some(Some(dialog)) = shown.try_update_value(Option::take) {
                    dialog.close();
                }
                let before = before.try_update_value(Option::take).flatten();
                if let Some(element) = before.and_then(|one| one.dyn_into::<web_sys::HtmlElement>().ok()) {
                    let _ = element.focus();
                }
            });
            Effect::new(move |_| {
                if let Some(dialog) = node.get()
                    && !dialog.open()
                {
                    let _ = dialog.show_modal();
                    shown.set_value(Some(dialog));
                }
            });
            let on_click = move |event: web_sys::MouseEvent| {
                // A click on the backdrop has the dialog itself as its target.
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

/// Shows the question that is asked.
#[component]
pub(crate) fn Questions() -> impl IntoView {
    let ask = expect_context::<Ask>();
    let open = RwSignal::new(false);
    let context = context();
    // A question is asked to one person: it is not answered by the next.
    Effect::new(move |_| {
        context.phase.track();
        ask.0.set(None);
    });
    Effect::new(move |_| open.set(ask.0.with(Option::is_some)));
    Effect::new(move |_| {
        if !open.get() && ask.0.with_untracked(Option::is_some) {
            ask.0.set(None);
        }
    });
    let body = move || {
        ask.0.get().map(|question| {
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
