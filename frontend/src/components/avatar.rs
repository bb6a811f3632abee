//! A person's picture, or their initials; with or without the dot that says whether they are here.

use leptos::prelude::*;
use parlour_protocol::ids::UserId;

use crate::context::context;
use crate::state::people;
use crate::texts::common;

/// A person's picture. `size` is one of `s`, `m`, `l`, `xl`.
#[component]
pub(crate) fn Avatar(
    id: UserId,
    #[prop(default = "m")] size: &'static str,
    #[prop(default = false)] presence: bool,
) -> impl IntoView {
    let context = context();
    let user = context.user(id);
    let edge = if matches!(size, "l" | "xl") { 256 } else { 64 };
    // A picture that does not load is as none; another one is tried again.
    let broken = RwSignal::new(None);
    let picture = move || {
        let user = user.get();
        match user.as_ref().map(|user| (user.avatar, people::initials(&user.display_name))) {
            Some((Some(avatar), _)) if broken.get() != Some(avatar) => {
                let address = format!("/api/v1/avatars/{avatar}/{edge}");
                let note = move |_| broken.set(Some(avatar));
                view! { <img src=address alt="" width=edge height=edge decoding="async" on:error=note /> }
                    .into_any()
            }
            Some((_, initials)) => view! { <span aria-hidden="true">{initials}</span> }.into_any(),
            None => ().into_any(),
        }
    };
    view! {
        <span class=format!("avatar avatar-{size} {}", people::colours(id))>
            {picture} {presence.then(|| view! { <PresenceDot id /> })}
        </span>
    }
}

/// Whether somebody is here: a filled dot, or a ring.
#[component]
pub(crate) fn PresenceDot(id: UserId) -> impl IntoView {
    let online = context().online(id);
    let said = online.clone();
    view! {
        <span class="presence" class:here=move || online.get()>
            <span class="visually-hidden">{move || if said.get() { common::online() } else { common::offline() }}</span>
        </span>
    }
}

/// A person's name; follows its changes.
#[component]
pub(crate) fn Name(id: UserId) -> impl IntoView {
    let user = context().user(id);
    let name = move || {
        user.with(|user| {
            user.as_ref()
                .map_or_else(|| common::unknown_person().to_owned(), |user| user.display_name.clone())
        })
    };
    // Whatever direction a name is written in, what stands around it keeps its place.
    view! { <bdi>{name}</bdi> }
}
