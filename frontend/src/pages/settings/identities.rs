//! Identities at the OpenID Connect provider, in the settings.

use leptos::prelude::*;
use parlour_protocol::identities::{BeginIdentity, Identity};
use parlour_protocol::own_data::ConfirmPassword;

use crate::browser;
use crate::components::form::{Input, Submit};
use crate::components::password::{PasswordAgain, password_again};
use crate::context::context;
use crate::effects::effect;
use crate::pages::auth::FormFailure;
use crate::pages::auth::provider::go_to;
use crate::pages::loaded::{Loaded, lines};
use crate::pages::sending::{Sending, place};
use crate::pages::servers::OnServersPage;
use crate::state::failure::Failure;
use crate::texts::{common, security as texts, servers};

/// The form that is open.
#[derive(Clone)]
enum Form {
    Closed,
    Add,
    Remove(Identity),
}

/// The identities section of the settings; empty if the server has no provider.
#[component]
pub(crate) fn Identities() -> impl IntoView {
    let context = context();
    let name = move || context.session.of_server(|server| server.provider.clone());
    move || name().map(|name| view! { <Known name /> })
}

#[component]
fn Known(name: String) -> impl IntoView {
    let context = context();
    let request = move || async move { Ok(context.api.list_identities().await?.items) };
    let known = Loaded::<Vec<Identity>>::now(request);
    let form = RwSignal::new(Form::Closed);
    let again = known.again();
    let line = move |identity: Identity| view! { <Line identity form /> };
    let title = texts::identities(&name);
    let add = texts::connect(&name);
    let none = texts::identities_none(&name);
    let elsewhere = servers::identities_elsewhere(&name);
    view! {
        <section class="card settings-card" data-testid="identities">
            <h2>{title}</h2>
            {known.show(1, move |items| {
                // On another host, the link to the server's own page says it all.
                let here = context.session.host.with(Option::is_none);
                lines(items, here.then(|| view! { <p class="soft">{none.clone()}</p> }), line)
            })}
            {move || match form.get() {
                Form::Closed if context.session.host.with(Option::is_some) => {
                    let (text, server) = (elsewhere.clone(), context.session.host.get().unwrap_or_default());
                    view! { <OnServersPage text server place="/settings/security" /> }.into_any()
                }
                Form::Closed => {
                    let add = add.clone();
                    view! {
                        <div class="row end">
                            <button
                                type="button"
                                class="button"
                                data-testid="add-identity"
                                on:click=move |_| form.set(Form::Add)
                            >
                                {add}
                            </button>
                        </div>
                    }
                    .into_any()
                }
                Form::Add => view! { <Confirm remove=None form again /> }.into_any(),
                Form::Remove(identity) => view! { <Confirm remove=Some(identity) form again /> }.into_any(),
            }}
        </section>
    }
}

/// One identity.
#[component]
fn Line(identity: Identity, form: RwSignal<Form>) -> impl IntoView {
    let used = match identity.last_used_at {
        Some(at) => texts::last_used(&browser::ago(at)),
        None => texts::added(&browser::ago(identity.created_at)),
    };
    let host =
        identity.issuer.split_once("://").map_or(identity.issuer.as_str(), |(_, rest)| rest).to_owned();
    view! {
        <li class="line" data-testid="identity">
            <div class="grow">
                <p class="strong clip">{host}</p>
                <p class="soft">{used}</p>
            </div>
            <button
                type="button"
                class="button danger-quiet"
                data-testid="remove-identity"
                on:click=move |_| form.set(Form::Remove(identity.clone()))
            >
                {common::remove()}
            </button>
        </li>
    }
}

/// Asks for the password, then adds or removes an identity.
#[component]
fn Confirm(remove: Option<Identity>, form: RwSignal<Form>, again: Callback<()>) -> impl IntoView {
    let context = context();
    let password: Input = password_again("identity_password");
    let sending = Sending::new();
    let label = if remove.is_some() { common::remove() } else { texts::continue_on() };
    effect(move || password.focus());
    let submit = sending.on_submit([password], move || {
        let (remove, password_text) = (remove.clone(), password.text());
        let request = async move {
            match remove {
                Some(identity) => {
                    let body = ConfirmPassword { password: password_text };
                    context.api.delete_identity(identity.id, &body).await.map(|()| None)
                }
                None => {
                    let body = BeginIdentity { password: password_text, refresh: context.api.transport() };
                    context.api.begin_identity(&body).await.map(|begun| Some(begun.authorization_url))
                }
            }
        };
        let wrong = move |why: &Failure| place(why, Some(password), &[]);
        sending.send(wrong, request, move |address| match address {
            Some(address) => {
                // The page is being left.
                sending.busy.set(true);
                go_to(&address);
            }
            None => {
                let _ = form.try_set(Form::Closed);
                let _ = again.try_run(());
            }
        });
    });
    view! {
        <form class="form" data-testid="identity-form" novalidate on:submit=submit>
            <FormFailure failure=sending.failure />
            <PasswordAgain input=password />
            <div class="row end">
                <button type="button" class="button" on:click=move |_| form.set(Form::Closed)>
                    {common::cancel()}
                </button>
                <Submit label busy=sending.busy testid="identity-submit" />
            </div>
        </form>
    }
}
