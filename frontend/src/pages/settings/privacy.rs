//! Privacy settings and blocked users.

use leptos::prelude::*;
use parlour_protocol::blocks::Block;
use parlour_protocol::privacy::{FindableBy, PresenceTo, Privacy, RequestsFrom, UpdatePrivacy};

use crate::browser;
use crate::components::avatar::{Avatar, Name};
use crate::components::states::shown;
use crate::context::context;
use crate::pages::loaded::{Loaded, lines};
use crate::state::{bidi, time};
use crate::texts::{friends, settings as texts};

/// Who may find the user, send them requests, and see their presence.
#[component]
pub(crate) fn PrivacyForm() -> impl IntoView {
    let context = context();
    let settings = Loaded::<Privacy>::now(move || context.api.read_privacy());
    let save = move |update: UpdatePrivacy| {
        context.attempt(async move { context.api.update_privacy(&update).await }, move |privacy| {
            settings.set(privacy);
            context.ui.toast(texts::privacy_saved(), false);
        });
    };
    let nothing = UpdatePrivacy::default();
    let choice = move |name: &'static str,
                       value: &'static str,
                       label: &'static str,
                       chosen: bool,
                       update: UpdatePrivacy| {
        view! {
            <label class="choice" class:chosen=chosen>
                <input
                    type="radio"
                    name=name
                    value=value
                    class="visually-hidden"
                    prop:checked=chosen
                    on:change=move |_| save(update)
                />
                <span>{label}</span>
            </label>
        }
    };
    let form = move |now: Privacy| {
        let find = |value| UpdatePrivacy { findable_by: Some(value), ..nothing };
        let asks = |value| UpdatePrivacy { requests_from: Some(value), ..nothing };
        let see = |value| UpdatePrivacy { presence_to: Some(value), ..nothing };
        let (found, asked, seen) = (now.findable_by, now.requests_from, now.presence_to);
        view! {
            <h3>{texts::findable_by()}</h3>
            <div class="choices" role="radiogroup" aria-label=texts::findable_by()>
                {choice("findable_by", "everybody", texts::everyone(), found == FindableBy::Everybody, find(FindableBy::Everybody))}
                {choice("findable_by", "nobody", texts::friends_only(), found == FindableBy::Nobody, find(FindableBy::Nobody))}
            </div>
            <h3>{texts::requests_from()}</h3>
            <div class="choices" role="radiogroup" aria-label=texts::requests_from()>
                {choice("requests_from", "everybody", texts::everyone(), asked == RequestsFrom::Everybody, asks(RequestsFrom::Everybody))}
                {choice("requests_from", "common_room", texts::people_in_my_rooms(), asked == RequestsFrom::CommonRoom, asks(RequestsFrom::CommonRoom))}
                {choice("requests_from", "nobody", texts::no_one(), asked == RequestsFrom::Nobody, asks(RequestsFrom::Nobody))}
            </div>
            <h3>{texts::presence_to()}</h3>
            <div class="choices" role="radiogroup" aria-label=texts::presence_to()>
                {choice("presence_to", "friends", texts::friends(), seen == PresenceTo::Friends, see(PresenceTo::Friends))}
                {choice("presence_to", "nobody", texts::no_one(), seen == PresenceTo::Nobody, see(PresenceTo::Nobody))}
            </div>
        }
    };
    view! {
        <section class="card settings-card" data-testid="privacy-form">
            <h2>{texts::privacy()}</h2>
            <p class="soft">{texts::privacy_text()}</p>
            {settings.show(3, move |now| form(now).into_any())}
        </section>
    }
}

/// The blocked users.
#[component]
pub(crate) fn Blocked() -> impl IntoView {
    let context = context();
    let line = move |block: Block| {
        let id = block.user.id;
        let since = time::full_day(browser::local_time(block.at));
        view! {
            <li class="line" data-testid="blocked-person" data-user-id=id.to_string()>
                <Avatar id />
                <div class="grow">
                    <a class="strong clip" href=format!("/u/{}", block.user.handle)>
                        <Name id />
                    </a>
                    <p class="soft clip">{texts::blocked_since(&bidi::handle(&block.user.handle), &since)}</p>
                </div>
                <button type="button" class="button" data-testid="unblock" on:click=move |_| context.unblock(id)>
                    {friends::unblock()}
                </button>
            </li>
        }
    };
    view! {
        <section class="card settings-card">
            <h2>{texts::blocked_people()}</h2>
            <p class="soft">{texts::blocked_text()}</p>
            {move || {
                shown(context.friends.blocks.get(), 2, move || context.load_blocks(), |all| {
                    lines(all, view! { <p>{texts::blocked_none()}</p> }, line)
                })
            }}
        </section>
    }
}
