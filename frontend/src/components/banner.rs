//! What is told at the edge: trouble with the connection, toasts, and new messages for screen readers.

use leptos::prelude::*;

use crate::context::{Link, context};
use crate::icons::{ALERT, CHECK, CLOSE, Icon};

/// Trouble with the connection, once it has lasted for two seconds.
#[component]
pub(crate) fn ConnectionBanner() -> impl IntoView {
    let context = context();
    let text = move || match context.link.get() {
        Link::Online | Link::Trouble => None,
        Link::Reconnecting => Some("Reconnecting…"),
        Link::Offline => Some("Offline: your messages will be sent when you are back."),
    };
    view! {
        <div class="banner-place" role="status">
            {move || {
                text()
                    .map(|text| {
                        view! {
                            <div class="banner" data-testid="connection-banner">
                                <span class="banner-pulse" aria-hidden="true"></span>
                                <span>{text}</span>
                                <button
                                    type="button"
                                    class="link-button"
                                    on:click=move |_| context.live.wake()
                                >
                                    "Try now"
                                </button>
                            </div>
                        }
                    })
            }}
        </div>
    }
}

/// Short messages that go by themselves.
#[component]
pub(crate) fn Toasts() -> impl IntoView {
    let context = context();
    view! {
        <div class="toasts" role="status" aria-live="polite">
            <For each=move || context.toasts.get() key=|toast| toast.id let:toast>
                <div class="toast" class:bad=toast.bad data-testid="toast">
                    <Icon path=if toast.bad { ALERT } else { CHECK } />
                    <span>{toast.text}</span>
                    <button
                        type="button"
                        class="icon-button small"
                        aria-label="Close"
                        on:click=move |_| context.toasts.update(|toasts| toasts.retain(|one| one.id != toast.id))
                    >
                        <Icon path=CLOSE />
                    </button>
                </div>
            </For>
        </div>
    }
}

/// New messages, said once.
#[component]
pub(crate) fn Announcer() -> impl IntoView {
    let context = context();
    view! {
        <div class="visually-hidden" aria-live="polite" aria-atomic="true">
            {move || context.announcement.get()}
        </div>
    }
}
