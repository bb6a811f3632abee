//! The form for a new access token: its name, scope, conversations and lifetime.

use std::collections::BTreeSet;

use leptos::prelude::*;
use parlour_protocol::api_tokens::CreatedToken;
use parlour_protocol::conversations::ConversationKind;
use parlour_protocol::ids::ConversationId;
use parlour_protocol::time::{DAY, Timestamp};
use parlour_protocol::validation;

use crate::browser;
use crate::components::choices::Choices;
use crate::components::form::{Field, Input, Submit, check_all};
use crate::components::password::{PasswordAgain, password_again};
use crate::context::context;
use crate::effects::effect;
use crate::pages::auth::FormFailure;
use crate::pages::sending::{Sending, place};
use crate::pages::settings::tokens::{called, focus_soon};
use crate::state::time;
use crate::state::tokens::{Doing, Holder, LIFETIMES, Misfit, Wanted, matching};
use crate::texts::{common, tokens as texts};

/// The list of conversations gets a search field from this length on.
const SEARCHED: usize = 8;

/// Default lifetime in days.
const USUAL: Option<i64> = Some(90);

/// Asks for everything that a token needs, and for the password.
#[component]
pub(crate) fn TokenForm(
    holder: Holder,
    doing: RwSignal<Option<Doing>>,
    created: Callback<CreatedToken>,
) -> impl IntoView {
    let context = context();
    let name = Input::new("token_name", validation::token_name);
    let (writes, limited) = (RwSignal::new(false), RwSignal::new(false));
    let only = RwSignal::new(BTreeSet::<ConversationId>::new());
    let misfit = RwSignal::new(None::<Misfit>);
    let days = RwSignal::new(USUAL);
    let password = password_again("token_password");
    let sending = Sending::new();
    let owner = context.session.me();
    effect(move || name.focus());
    let cancel = move |_| {
        name.forget(owner);
        doing.set(None);
        focus_soon(holder.element("new"));
    };
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let wanted = Wanted {
            name: name.text(),
            writes: writes.get_untracked(),
            limited: limited.get_untracked(),
            only: only.get_untracked(),
            days: days.get_untracked(),
        };
        misfit.set(wanted.fits().err());
        if !check_all(&[name, password]) {
            return;
        }
        if misfit.with_untracked(Option::is_some) {
            browser::focus("token-conversations");
            return;
        }
        let body = wanted.request(password.text());
        let request = async move { context.api.create_token(holder, &body).await };
        let wrong = move |why: &_| place(why, Some(password), &[("name", name)]);
        sending.send(wrong, request, move |made| {
            name.forget(owner);
            let _ = created.try_run(made);
        });
    };
    let bot = holder != Holder::Myself;
    view! {
        <form class="form whole token-form" data-testid="token-form" novalidate on:submit=submit>
            <FormFailure failure=sending.failure />
            <Field input=name label=texts::name() hint=texts::name_hint() placeholder=texts::name_example() />
            <Access bot writes />
            <Where bot limited only misfit />
            <Lifetime days />
            <PasswordAgain input=password />
            <div class="row end">
                <button type="button" class="button" data-testid="token-cancel" on:click=cancel>
                    {common::cancel()}
                </button>
                <Submit label=texts::create_token() busy=sending.busy testid="create-token" />
            </div>
        </form>
    }
}

fn said(text: &str) -> String {
    text.to_owned()
}

/// Whether the token may only read, or also write.
#[component]
fn Access(bot: bool, writes: RwSignal<bool>) -> impl IntoView {
    let hint = move || match (writes.get(), bot) {
        (false, false) => texts::access_hint_read(),
        (true, false) => texts::access_hint_write(),
        (false, true) => texts::access_hint_read_bot(),
        (true, true) => texts::access_hint_write_bot(),
    };
    view! {
        <Choices
            name="token_access"
            label=texts::access()
            choices=vec![
                (false, said("read"), said(texts::access_read())),
                (true, said("write"), said(texts::access_write())),
            ]
            chosen=writes
            hint=Signal::derive(move || hint().to_owned())
        />
    }
}

/// Whether the token is for all conversations, or for which ones.
#[component]
fn Where(
    bot: bool,
    limited: RwSignal<bool>,
    only: RwSignal<BTreeSet<ConversationId>>,
    misfit: RwSignal<Option<Misfit>>,
) -> impl IntoView {
    let hint = move || {
        if limited.get() { texts::conversations_hint_some() } else { texts::conversations_hint_all() }
    };
    view! {
        <Choices
            name="token_where"
            label=texts::conversations()
            choices=vec![
                (false, said("all"), said(texts::conversations_all())),
                (true, said("some"), said(texts::conversations_some())),
            ]
            chosen=limited
            hint=Signal::derive(move || hint().to_owned())
        />
        <Show when=move || limited.get()>
            <Conversations bot only misfit />
        </Show>
    }
}

/// How long the token is valid.
#[component]
fn Lifetime(days: RwSignal<Option<i64>>) -> impl IntoView {
    let until = move || match days.get() {
        Some(days) => {
            let end = Timestamp(browser::now().0 + days * DAY);
            texts::expiry_hint(&time::full_day(browser::local_time(end)))
        }
        None => texts::expiry_hint_never().to_owned(),
    };
    let lifetime = |days: Option<i64>| {
        let written = days.map_or_else(|| said("never"), |days| days.to_string());
        (days, written, texts::lifetime(days))
    };
    view! {
        <Choices
            name="token_days"
            label=texts::expiry()
            choices=LIFETIMES.into_iter().map(lifetime).collect()
            chosen=days
            hint=Signal::derive(until)
        />
    }
}

/// The user's conversations to choose from; for a bot only the rooms, because its direct chats are its own.
#[component]
fn Conversations(
    bot: bool,
    only: RwSignal<BTreeSet<ConversationId>>,
    misfit: RwSignal<Option<Misfit>>,
) -> impl IntoView {
    let context = context();
    let all = Memo::new(move |_| {
        let mut ids = context.conversations.ordered(ConversationKind::Room);
        if !bot {
            ids.extend(context.conversations.ordered(ConversationKind::Direct));
        }
        ids.into_iter().filter_map(|id| Some((id, called(context, id)?))).collect::<Vec<_>>()
    });
    let typed = RwSignal::new(String::new());
    let found = Memo::new(move |_| all.with(|all| typed.with(|typed| matching(all, typed))));
    let searched = Memo::new(move |_| all.with(Vec::len) > SEARCHED);
    let line = move |(id, name): (ConversationId, String)| {
        let chosen = move || only.with(|only| only.contains(&id));
        view! {
            <li>
                <label class="check">
                    <input
                        type="checkbox"
                        name="token_conversation"
                        value=id.to_string()
                        prop:checked=chosen
                        on:change:target=move |event| {
                            let on = event.target().checked();
                            only.update(|only| {
                                if on { only.insert(id) } else { only.remove(&id) };
                            });
                            misfit.set(None);
                        }
                    />
                    <bdi class="clip">{name}</bdi>
                </label>
            </li>
        }
    };
    let none = if bot { texts::rooms_none() } else { texts::conversations_none() };
    let empty = move || match (all.with(Vec::is_empty), found.with(Vec::is_empty)) {
        (true, _) => none,
        (false, true) => texts::conversations_not_found(),
        (false, false) => "",
    };
    let wrong = move || match misfit.get() {
        Some(Misfit::None) => texts::conversations_missing(),
        Some(Misfit::Many) => texts::conversations_many(),
        None => "",
    };
    view! {
        <div
            id="token-conversations"
            class="choice-field"
            role="group"
            tabindex="-1"
            aria-label=texts::conversations_which()
            aria-describedby="note-token-conversations"
            data-testid="token-conversations"
        >
            <Show when=move || searched.get()>
                <input
                    class="input"
                    type="search"
                    name="token_conversation_search"
                    aria-label=texts::conversations_find()
                    placeholder=texts::conversations_find()
                    autocomplete="off"
                    prop:value=move || typed.get()
                    on:input:target=move |event| typed.set(event.target().value())
                />
            </Show>
            <ul class="checks">
                <For each=move || found.get() key=|(id, name)| (*id, name.clone()) children=line />
            </ul>
            <p class="soft" role="status">{empty}</p>
            <p id="note-token-conversations" class="field-note bad" aria-live="polite">{wrong}</p>
        </div>
    }
}
