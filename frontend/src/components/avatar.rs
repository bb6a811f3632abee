//! A user's picture or initials, with or without the presence dot.

use leptos::prelude::*;
use parlour_protocol::ids::UserId;
use parlour_protocol::users::User;

use crate::context::{Context, context};
use crate::state::people;
use crate::texts::common;

/// A user's picture. `size` is one of `s`, `m`, `l`, `xl`.
#[component]
pub(crate) fn Avatar(
    id: UserId,
    #[prop(default = "m")] size: &'static str,
    #[prop(default = false)] presence: bool,
) -> impl IntoView {
    let Context { people, session, .. } = context();
    let user = people.user(id);
    let edge = if matches!(size, "l" | "xl") { 256 } else { 64 };
    // A picture that fails to load is replaced by the initials; a new picture is tried again.
    let broken = RwSignal::new(None);
    let picture = move || {
        let user = user.get();
        match user.as_ref().map(|user| (user.avatar, people::initials(&user.display_name))) {
            Some((Some(avatar), _)) if broken.get() != Some(avatar) => {
                let address = session.address(&format!("/avatars/{avatar}/{edge}"));
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

/// Presence: a filled dot if the user is online, otherwise a ring.
#[component]
pub(crate) fn PresenceDot(id: UserId) -> impl IntoView {
    let online = context().people.online(id);
    let said = online.clone();
    view! {
        <span class="presence" class:here=move || online.get()>
            <span class="visually-hidden">{move || if said.get() { common::online() } else { common::offline() }}</span>
        </span>
    }
}

/// A user's name, followed by the bot mark if it is a bot; reactive. A name may be truncated if space is short; the
/// mark is not.
#[component]
pub(crate) fn Name(id: UserId) -> impl IntoView {
    let user = context().people.user(id);
    let whose = user.clone();
    let bot = Memo::new(move |_| is_bot(&whose));
    let name = move || {
        user.with(|user| {
            user.as_ref()
                .map_or_else(|| common::unknown_person().to_owned(), |user| user.display_name.clone())
        })
    };
    // `<bdi>`: the name's direction does not affect the surrounding text.
    let isolated = move || {
        let name = name.clone();
        view! { <bdi>{name}</bdi> }
    };
    move || {
        if bot.get() {
            view! {
                <span class="marked">
                    <span class="marked-name">{isolated()}</span>
                    " "
                    <BotMark id />
                </span>
            }
            .into_any()
        } else {
            isolated().into_any()
        }
    }
}

fn is_bot(user: &ArcRwSignal<Option<User>>) -> bool {
    user.with(|user| user.as_ref().is_some_and(|user| user.bot))
}

/// A mark that the account is a bot; empty for people.
#[component]
pub(crate) fn BotMark(id: UserId) -> impl IntoView {
    let user = context().people.user(id);
    let bot = Memo::new(move |_| is_bot(&user));
    move || {
        bot.get().then(|| {
            view! {
                <span class="tag bot-mark" title=common::bot_means() data-testid="bot-mark">
                    {common::bot()}
                </span>
            }
        })
    }
}

/// A user's name, linked to their profile.
#[component]
pub(crate) fn PersonLink(id: UserId) -> impl IntoView {
    let user = context().people.user(id);
    let href = move || user.with(|user| user.as_ref().map(|user| format!("/u/{}", user.handle)));
    view! {
        <a href=href>
            <Name id />
        </a>
    }
}
