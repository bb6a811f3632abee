//! Passkeys: a list with editable names in the settings, and a button at the log-in.

use leptos::prelude::*;
use parlour_protocol::ids::PasskeyId;
use parlour_protocol::own_data::ConfirmPassword;
use parlour_protocol::passkeys::{
    BeginPasskeyStep, CompletePasskeyStep, CreatePasskey, CreatePasskeySession, Passkey, UpdatePasskey,
};
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::validation;

use crate::components::form::{Field, Input, Submit};
use crate::components::password::{PasswordAgain, password_again};
use crate::context::{Context, context};
use crate::effects::effect;
use crate::icons::{Icon, KEY};
use crate::pages::auth::{FormFailure, enter};
use crate::pages::loaded::{Loaded, lines};
use crate::pages::sending::{Sending, place};
use crate::pages::servers::OnServersPage;
use crate::state::failure::Failure;
use crate::state::{bidi, time};
use crate::texts::{auth, common, security as texts, servers};
use crate::{browser, credentials};

/// The form that is open for a passkey of the list.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Rename,
    Remove,
}

/// The passkeys section of the settings, if the server supports passkeys.
#[component]
pub(crate) fn Passkeys() -> impl IntoView {
    let context = context();
    let offered = move || context.session.of_server(|server| server.passkeys);
    view! {
        <Show when=offered>
            <Card />
        </Show>
    }
}

#[component]
fn Card() -> impl IntoView {
    let context = context();
    let changing = RwSignal::new(None::<(PasskeyId, Change)>);
    let known = Loaded::<Vec<Passkey>>::now(move || async move {
        let answer = context.api.list_passkeys().await;
        let _ = changing.try_set(None);
        Ok(answer?.items)
    });
    let done = known.again();
    let list = known.show(2, move |all| {
        let none = view! { <p data-testid="no-passkeys">{texts::passkeys_none()}</p> };
        lines(all, none, move |passkey| view! { <Line passkey changing done /> })
    });
    view! {
        <section class="card settings-card" data-testid="passkeys">
            <h2>{texts::passkeys()}</h2>
            <p class="soft">
                {texts::passkeys_text()}
            </p>
            {list}
            {if let Some(server) = context.session.host.get_untracked() {
                view! { <OnServersPage text=servers::passkeys_elsewhere() server place="/settings/security" /> }
                    .into_any()
            } else if credentials::are_known() {
                view! { <Add done /> }.into_any()
            } else {
                view! { <p class="soft">{texts::passkeys_not_here()}</p> }.into_any()
            }}
        </section>
    }
}

/// One passkey, and the open form for it.
#[component]
fn Line(
    passkey: Passkey,
    changing: RwSignal<Option<(PasskeyId, Change)>>,
    done: Callback<()>,
) -> impl IntoView {
    let id = passkey.id;
    let added = time::full_day(browser::local_time(passkey.created_at));
    let used = match passkey.last_used_at {
        Some(at) => texts::passkey_added_used(&added, &browser::ago(at)),
        None => texts::passkey_added_unused(&added),
    };
    let name = passkey.name.clone();
    let form = move || match changing.get() {
        Some((which, Change::Rename)) if which == id => {
            view! { <Rename id name=name.clone() changing done /> }.into_any()
        }
        Some((which, Change::Remove)) if which == id => view! { <Remove id changing done /> }.into_any(),
        _ => ().into_any(),
    };
    view! {
        <li class="line wrap several" data-testid="passkey">
            <span class="room-icon">
                <Icon path=KEY />
            </span>
            <div class="grow">
                <p class="strong clip" data-testid="passkey-name">{passkey.name.clone()}</p>
                <p class="soft">{used}</p>
            </div>
            <div class="line-actions">
                <button
                    type="button"
                    class="button"
                    data-testid="rename-passkey"
                    aria-label=texts::rename_named(&passkey.name)
                    on:click=move |_| changing.set(Some((id, Change::Rename)))
                >
                    {texts::rename()}
                </button>
                <button
                    type="button"
                    class="button danger-quiet"
                    data-testid="remove-passkey"
                    aria-label=texts::remove_named(&passkey.name)
                    on:click=move |_| changing.set(Some((id, Change::Remove)))
                >
                    {common::remove()}
                </button>
            </div>
            {form}
        </li>
    }
}

#[component]
fn Rename(
    id: PasskeyId,
    name: String,
    changing: RwSignal<Option<(PasskeyId, Change)>>,
    done: Callback<()>,
) -> impl IntoView {
    let context = context();
    let input = Input::new("passkey_new_name", validation::passkey_name);
    input.value.set(name);
    let sending = Sending::new();
    effect(move || input.focus());
    let submit = sending.on_submit([input], move || {
        let body = UpdatePasskey { name: input.text() };
        let request = async move { context.api.update_passkey(id, &body).await };
        let wrong = move |why: &Failure| place(why, None, &[("name", input)]);
        sending.send(wrong, request, move |_| {
            let _ = done.try_run(());
        });
    });
    view! {
        <form class="form whole" data-testid="rename-passkey-form" novalidate on:submit=submit>
            <FormFailure failure=sending.failure />
            <Field input label=texts::new_name() />
            <div class="row end">
                <button type="button" class="button" on:click=move |_| changing.set(None)>
                    {common::cancel()}
                </button>
                <Submit label=texts::rename() busy=sending.busy testid="rename-passkey-submit" />
            </div>
        </form>
    }
}

#[component]
fn Remove(
    id: PasskeyId,
    changing: RwSignal<Option<(PasskeyId, Change)>>,
    done: Callback<()>,
) -> impl IntoView {
    let context = context();
    let password = password_again("passkey_remove_password");
    let sending = Sending::new();
    effect(move || password.focus());
    let submit = sending.on_submit([password], move || {
        let body = ConfirmPassword { password: password.text() };
        let request = async move { context.api.delete_passkey(id, &body).await };
        let wrong = move |why: &Failure| place(why, Some(password), &[]);
        sending.send(wrong, request, move |()| {
            context.ui.toast(texts::passkey_removed(), false);
            let _ = done.try_run(());
        });
    });
    view! {
        <form class="form whole" data-testid="remove-passkey-form" novalidate on:submit=submit>
            <FormFailure failure=sending.failure />
            <PasswordAgain input=password />
            <div class="row end">
                <button type="button" class="button" on:click=move |_| changing.set(None)>
                    {common::cancel()}
                </button>
                <button
                    type="submit"
                    class="button danger"
                    class:busy=move || sending.busy.get()
                    data-testid="remove-passkey-submit"
                >
                    {common::remove()}
                </button>
            </div>
        </form>
    }
}

/// Asks for the password, then the browser asks the user.
#[component]
fn Add(done: Callback<()>) -> impl IntoView {
    let context = context();
    let name = Input::new("passkey_name", validation::passkey_name);
    name.value.set(browser::device());
    let password = password_again("passkey_password");
    let sending = Sending::new();
    let submit = sending.on_submit([name, password], move || {
        let (body, called) = (ConfirmPassword { password: password.text() }, name.text());
        let request = async move {
            let begun = context.api.begin_passkey(&body).await?;
            let credential = credentials::create(&begun.options).await?;
            let body = CreatePasskey { ceremony: begun.ceremony, credential, name: called };
            context.api.create_passkey(&body).await
        };
        let wrong = move |why: &Failure| place(why, Some(password), &[("name", name)]);
        sending.send(wrong, request, move |made: Passkey| {
            let _ = password.value.try_set(String::new());
            context.ui.toast(texts::passkey_added(&bidi::isolated(&made.name)), false);
            let _ = done.try_run(());
        });
    });
    view! {
        <form class="form" data-testid="add-passkey-form" novalidate on:submit=submit>
            <FormFailure failure=sending.failure />
            <Field input=name label=texts::name() hint=texts::name_hint() />
            <PasswordAgain input=password />
            <div class="row end">
                <Submit label=texts::add_passkey() busy=sending.busy testid="add-passkey" />
            </div>
        </form>
    }
}

/// Whether this server's passkeys can be used here: only on the server's own page.
fn usable_here(context: Context) -> bool {
    credentials::are_known() && context.session.host.with_untracked(Option::is_none)
}

/// Logs in with a passkey, without handle and password.
#[component]
pub(crate) fn LogInWithPasskey(failure: RwSignal<Option<Failure>>) -> impl IntoView {
    let context = context();
    let sending = Sending { failure, ..Sending::new() };
    let offered = move || usable_here(context) && context.session.of_server(|server| server.passkeys);
    let log_in = move |()| {
        let request = async move {
            let begun = context.api.begin_passkey_session().await?;
            let credential = credentials::get(&begun.options).await?;
            let body = CreatePasskeySession {
                ceremony: begun.ceremony,
                credential,
                device: Some(browser::device()),
                refresh: context.api.transport(),
            };
            context.api.create_passkey_session(&body).await
        };
        enter(context, sending, request, |_| {});
    };
    view! {
        <Show when=offered>
            <PasskeyButton label=auth::or_passkey() testid="passkey-login" busy=sending.busy press=Callback::new(log_in) />
        </Show>
    }
}

/// Completes the second step with a passkey. Returns to the first step if the challenge has expired.
#[component]
pub(crate) fn StepWithPasskey(
    challenge: String,
    failure: RwSignal<Option<Failure>>,
    back: Callback<Option<Failure>>,
) -> impl IntoView {
    let context = context();
    let sending = Sending { failure, ..Sending::new() };
    let step = move |()| {
        let challenge = challenge.clone();
        let request = async move {
            let body = BeginPasskeyStep { challenge: challenge.clone() };
            let begun = context.api.begin_passkey_step(&body).await?;
            let credential = credentials::get(&begun.options).await?;
            let body = CompletePasskeyStep {
                challenge,
                ceremony: begun.ceremony,
                credential,
                device: Some(browser::device()),
                refresh: context.api.transport(),
            };
            context.api.complete_passkey_step(&body).await
        };
        enter(context, sending, request, move |why| {
            if why.code() == Some(ErrorCode::Unauthenticated) {
                let _ = back.try_run(Some(why.clone()));
            }
        });
    };
    usable_here(context).then(|| {
        view! { <PasskeyButton label=auth::use_passkey() testid="passkey-step" busy=sending.busy press=Callback::new(step) /> }
    })
}

#[component]
fn PasskeyButton(
    label: &'static str,
    testid: &'static str,
    busy: RwSignal<bool>,
    press: Callback<()>,
) -> impl IntoView {
    view! {
        <p class="auth-or" aria-hidden="true">{common::or()}</p>
        <button
            type="button"
            class="button wide"
            class:busy=move || busy.get()
            disabled=move || busy.get()
            data-testid=testid
            on:click=move |_| press.run(())
        >
            <Icon path=KEY />
            {label}
        </button>
    }
}
