//! Messages at the edge of the screen: connection trouble, toasts, and screen reader announcements.

use leptos::prelude::*;
use parlour_client::engine::Input;

use crate::context::context;
use crate::icons::{ALERT, CHECK, CLOSE, Icon};
use crate::stores::session::Link;
use crate::texts::{chat, common};

/// A banner for connection trouble that has lasted long enough to mention. Its start and its end are announced once
/// each.
#[component]
pub(crate) fn ConnectionBanner() -> impl IntoView {
    let context = context();
    let text = Memo::new(move |_| match context.session.link.get() {
        Link::Online => Some(None),
        Link::Trouble => None,
        Link::Offline => Some(Some(chat::no_connection())),
        Link::Unreachable => Some(Some(chat::unreachable())),
        Link::Busy => Some(Some(chat::busy())),
        Link::TooManyTabs => Some(Some(chat::too_many_tabs())),
    });
    Effect::new(move |told: Option<Option<&'static str>>| {
        let told = told.flatten();
        match (text.get(), told) {
            (Some(Some(now)), told) if told != Some(now) => context.ui.say(now),
            (Some(None), Some(_)) => context.ui.say(chat::connected_again()),
            _ => {}
        }
        text.get().map_or(told, |now| now)
    });
    view! {
        <div class="banner-place">
            {move || {
                text.get()
                    .flatten()
                    .map(|text| {
                        view! {
                            <div class="banner" data-testid="connection-banner">
                                <span class="banner-pulse" aria-hidden="true"></span>
                                <span>{text}</span>
                                <button
                                    type="button"
                                    class="link-button"
                                    on:click=move |_| context.feed(Input::Wake)
                                >
                                    {chat::try_now()}
                                </button>
                            </div>
                        }
                    })
            }}
        </div>
    }
}

/// Short messages that disappear by themselves.
#[component]
pub(crate) fn Toasts() -> impl IntoView {
    let ui = context().ui;
    view! {
        <div class="toasts" role="status" aria-live="polite">
            <For each=move || ui.toasts.with(|toasts| toasts.shown().to_vec()) key=|toast| toast.id let:toast>
                <div class="toast" class:bad=toast.bad data-testid="toast">
                    <Icon path=if toast.bad { ALERT } else { CHECK } />
                    <span>{toast.text}</span>
                    <button
                        type="button"
                        class="icon-button small"
                        aria-label=common::close()
                        on:click=move |_| ui.toasts.maybe_update(|toasts| toasts.remove(toast.id))
                    >
                        <Icon path=CLOSE />
                    </button>
                </div>
            </For>
        </div>
    }
}

/// The live region. Each announcement is its own element, so a screen reader reads only new ones, and each once.
#[component]
pub(crate) fn Announcer() -> impl IntoView {
    let ui = context().ui;
    view! {
        <div class="visually-hidden" role="log" aria-live="polite" aria-relevant="additions" data-testid="announcer">
            <For each=move || ui.announcer.said.get() key=|(number, _)| *number let:one>
                <p>{one.1}</p>
            </For>
        </div>
    }
}
