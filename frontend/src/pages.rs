//! The pages: they connect the shared state and the API with the components.

pub(crate) mod admin;
pub(crate) mod auth;
pub(crate) mod conversation;
pub(crate) mod conversation_head;
pub(crate) mod friends;
pub(crate) mod home;
pub(crate) mod loaded;
pub(crate) mod notifications;
pub(crate) mod paged;
pub(crate) mod profile;
pub(crate) mod rooms;
pub(crate) mod sending;
pub(crate) mod servers;
pub(crate) mod settings;

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use crate::arrival::titled;
use crate::icons::{BACK, Icon};
use crate::texts::common;

/// The sub-page in the address, such as `requests` in `/friends/requests`.
pub(crate) fn part() -> Memo<String> {
    let params = use_params_map();
    Memo::new(move |_| params.with(|params| params.get("part").unwrap_or_default()))
}

/// The heading of a page; on a phone with a back link.
#[component]
pub(crate) fn PageHead(
    title: &'static str,
    /// The window's title, if it differs from the heading.
    #[prop(optional, into)]
    window: Option<Signal<String>>,
    #[prop(default = "/")] back: &'static str,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    titled(move || window.map_or_else(|| title.to_owned(), |window| window.get()));
    view! {
        <header class="page-head">
            <a class="icon-button only-narrow" href=back aria-label=common::back()>
                <Icon path=BACK />
            </a>
            <h1>{title}</h1>
            <span class="grow"></span>
            {children.map(|children| children())}
        </header>
    }
}
