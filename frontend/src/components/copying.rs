//! Copy buttons, and a dialog for text that the browser does not let the page copy.

use std::time::Duration;

use leptos::html;
use leptos::prelude::*;

use crate::components::dialog::Dialog;
use crate::context::context;
use crate::effects::effect;
use crate::texts::common;

/// How long a button confirms that the text was copied.
const SAID_FOR: Duration = Duration::from_secs(3);

/// A button that copies a text and confirms it.
#[component]
pub(crate) fn CopyButton(
    #[prop(into)] text: String,
    #[prop(into)] testid: String,
    #[prop(into, default = common::copy().to_owned())] label: String,
    #[prop(default = "button")] class: &'static str,
) -> impl IntoView {
    let ui = context().ui;
    let copied = RwSignal::new(false);
    let copy = move |_| {
        ui.copy(text.clone(), move || {
            let _ = copied.try_set(true);
            set_timeout(
                move || {
                    let _ = copied.try_set(false);
                },
                SAID_FOR,
            );
        });
    };
    view! {
        <button
            type="button"
            class=class
            data-testid=testid
            on:click=copy
        >
            <span role="status">{move || if copied.get() { common::copied().to_owned() } else { label.clone() }}</span>
        </button>
    }
}

/// Shows a text that could not be copied, selected, so that the user can copy it.
#[component]
pub(crate) fn CopyByHand() -> impl IntoView {
    let ui = context().ui;
    let open = RwSignal::new(false);
    effect(move || open.set(ui.by_hand.with(Option::is_some)));
    effect(move || {
        if !open.get() && ui.by_hand.with_untracked(Option::is_some) {
            ui.by_hand.set(None);
        }
    });
    let body = move || {
        let text = ui.by_hand.get()?;
        let node = NodeRef::<html::Textarea>::new();
        effect(move || {
            if node.get().is_some() {
                // The dialog takes the focus when it opens, which is after this.
                request_animation_frame(move || {
                    if let Some(area) = node.try_get_untracked().flatten() {
                        let _ = area.focus();
                        area.select();
                    }
                });
            }
        });
        Some(view! {
            <h2>{common::not_copied()}</h2>
            <p class="soft">
                {common::copy_by_hand()}
            </p>
            <textarea
                node_ref=node
                class="input by-hand"
                readonly
                rows="4"
                dir="auto"
                aria-label=common::text_to_copy()
                data-testid="copy-by-hand"
                prop:value=text
            ></textarea>
            <div class="dialog-actions">
                <button type="button" class="button" on:click=move |_| open.set(false)>
                    {common::close()}
                </button>
            </div>
        })
    };
    view! {
        <Dialog open title=common::not_copied() class="small">
            {body}
        </Dialog>
    }
}
