//! The start: a welcome beside the sidebar, which on a phone has the whole screen; and the page for addresses that
//! lead nowhere.

use leptos::prelude::*;

use crate::components::states::Empty;
use crate::context::context;
use crate::icons::{CHAT, COMPASS, Icon};
use crate::state::bidi;

/// The start.
#[component]
pub(crate) fn Home() -> impl IntoView {
    let context = context();
    let name = move || {
        context
            .account
            .with(|one| one.as_ref().map(|one| bidi::isolated(&one.display_name)))
            .unwrap_or_default()
    };
    view! {
        <div class="home">
            <div class="empty">
                <span class="empty-icon">
                    <Icon path=CHAT />
                </span>
                <h1>{move || format!("Hello, {}", name())}</h1>
                <p>"Pick a conversation at the left, or find a room and say hello."</p>
                <div class="empty-actions">
                    <a class="button primary" href="/rooms">"Browse rooms"</a>
                    <a class="button" href="/friends">"Add a friend"</a>
                </div>
            </div>
        </div>
    }
}

/// Nothing is at this address.
#[component]
pub(crate) fn NotFound() -> impl IntoView {
    view! {
        <div class="page" data-testid="not-found">
            <Empty icon=COMPASS title="Nothing is here" text="This address leads nowhere, or to something that is gone.">
                <a class="button primary" href="/">"Go to the start"</a>
            </Empty>
        </div>
    }
}
