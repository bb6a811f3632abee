//! Log-in with an OpenID Connect provider: leaving for it, returning from it, and choosing a handle.

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_navigate, use_query_map};
use parlour_protocol::identities::{
    BeginProviderLogIn, CompleteIdentity, CompleteProviderLogIn, CreateProviderAccount, UnknownIdentity,
};
use parlour_protocol::problems::{ErrorCode, Problem};
use parlour_protocol::validation;

use crate::api::identities::CameBack;
use crate::arrival::titled;
use crate::browser;
use crate::components::form::{Field, Input, Submit};
use crate::components::states::Skeleton;
use crate::context::context;
use crate::effects::effect;
use crate::pages::PageHead;
use crate::pages::auth::register::{InviteField, Waiting, optional_display_name, registered, show_refusal};
use crate::pages::auth::second_step::SecondStep;
use crate::pages::auth::{FormFailure, GuestLink, enter};
use crate::pages::sending::Sending;
use crate::pages::servers::OnServersPage;
use crate::state::addresses::LOG_IN;
use crate::state::failure::Failure;
use crate::storage;
use crate::texts::{auth, common, servers};

/// Navigates to the provider's page.
pub(crate) fn go_to(address: &str) {
    let _ = window().location().assign(address);
}

/// The button on the log-in page, if the server has a provider.
#[component]
pub(crate) fn ProviderButton() -> impl IntoView {
    let context = context();
    let busy = RwSignal::new(false);
    let failure = RwSignal::new(None::<Failure>);
    let query = use_query_map();
    let begin = move |_| {
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        failure.set(None);
        spawn_local(async move {
            let body = BeginProviderLogIn { refresh: context.api.transport() };
            match context.api.begin_provider_log_in(&body).await {
                // The button stays busy until the page is left.
                Ok(begun) => {
                    if let Some(Some(next)) = query.try_with_untracked(|query| query.get("next")) {
                        storage::note_next(&next);
                    }
                    go_to(&begun.authorization_url);
                }
                Err(why) => {
                    let _ = failure.try_set(Some(why));
                    let _ = busy.try_set(false);
                }
            }
        });
    };
    let name = move || context.session.of_server(|server| server.provider.clone());
    move || {
        // The provider redirects to the server's own page, so the log-in must start there.
        if let (Some(name), Some(server)) = (name(), context.session.host.get()) {
            return Some(
                view! {
                    <div class="auth-other">
                        <OnServersPage text=servers::provider_elsewhere(&name) server place=LOG_IN />
                    </div>
                }
                .into_any(),
            );
        }
        name().map(|name| {
            view! {
                <div class="auth-other">
                    <FormFailure failure />
                    <button
                        type="button"
                        class="button wide"
                        class:busy=move || busy.get()
                        disabled=move || busy.get()
                        data-testid="provider-log-in"
                        on:click=begin
                    >
                        {auth::continue_with(&name)}
                    </button>
                </div>
            }
            .into_any()
        })
    }
}

/// The state of a log-in after returning from the provider.
#[derive(Clone)]
enum Stage {
    Asking,
    Failed(Failure),
    /// The challenge, and whether a passkey is accepted.
    SecondStep(String, bool),
    Unknown(UnknownIdentity),
    Waiting(String),
}

fn state_and_code() -> Option<(String, String)> {
    use_query_map().with_untracked(|query| Some((query.get("state")?, query.get("code")?)))
}

fn turned_back() -> Failure {
    let problem = Problem::new(ErrorCode::Unauthenticated);
    let detail = Some(auth::provider_refused().to_owned());
    Failure::Problem(Box::new(Problem { detail, ..problem }))
}

/// The return from the provider for users who are not signed in.
#[component]
pub(crate) fn CameBackPage() -> impl IntoView {
    let context = context();
    titled(|| auth::logging_in().to_owned());
    let stage = RwSignal::new(Stage::Asking);
    match state_and_code() {
        None => stage.set(Stage::Failed(turned_back())),
        Some((state, code)) => {
            spawn_local(async move {
                let body = CompleteProviderLogIn {
                    state,
                    code,
                    binding: None,
                    device: Some(browser::device()),
                    refresh: context.api.transport(),
                };
                match context.api.complete_provider_log_in(&body).await {
                    Ok(CameBack::In(signed_in)) => context.enter(&signed_in),
                    Ok(CameBack::Unknown(unknown)) => {
                        stage.try_set(Stage::Unknown(unknown));
                    }
                    Err(why) => {
                        stage.try_set(match why.challenge() {
                            Some(challenge) => Stage::SecondStep(challenge, why.takes_passkey()),
                            None => Stage::Failed(why),
                        });
                    }
                }
            });
        }
    }
    let back = Callback::new(move |why: Option<Failure>| {
        stage.set(Stage::Failed(why.unwrap_or_else(turned_back)));
    });
    move || match stage.get() {
        Stage::Asking => view! {
            <h1>{auth::logging_in()}</h1>
            <div role="status" aria-label=common::please_wait()>
                <Skeleton rows=2 />
            </div>
        }
        .into_any(),
        Stage::Failed(failure) => view! {
            <h1>{auth::log_in_failed()}</h1>
            <FormFailure failure=RwSignal::new(Some(failure)) />
            <p class="auth-switch">
                <GuestLink to=LOG_IN text=auth::log_in() testid="go-login" />
            </p>
        }
        .into_any(),
        Stage::SecondStep(challenge, passkey) => view! { <SecondStep challenge passkey back /> }.into_any(),
        Stage::Unknown(unknown) => view! { <ChooseHandle unknown stage /> }.into_any(),
        Stage::Waiting(handle) => view! { <Waiting handle /> }.into_any(),
    }
}

/// The form for a handle, which creates the account.
#[component]
fn ChooseHandle(unknown: UnknownIdentity, stage: RwSignal<Stage>) -> impl IntoView {
    let context = context();
    let handle = Input::new("handle", validation::handle);
    let display_name = Input::new("display_name", optional_display_name);
    let invite = Input::new("invite", validation::invite);
    handle.value.set(unknown.handle.unwrap_or_default());
    display_name.value.set(unknown.display_name.unwrap_or_default());
    let sending = Sending::new();
    effect(move || handle.focus());
    let challenge = unknown.challenge;
    let submit = sending.on_submit([handle, display_name, invite], move || {
        let body = CreateProviderAccount {
            challenge: challenge.clone(),
            handle: handle.text().trim().to_owned(),
            display_name: display_name.trimmed(),
            invite: invite.trimmed(),
            device: Some(browser::device()),
            refresh: context.api.transport(),
        };
        let request = async move {
            registered(context.api.create_provider_account(&body).await?, |handle| {
                let _ = stage.try_set(Stage::Waiting(handle));
            })
        };
        enter(context, sending, request, move |why| {
            show_refusal(why, handle, &[("display_name", display_name), ("invite", invite)]);
        });
    });
    view! {
        <h1>{auth::choose_username()}</h1>
        <p class="soft">{auth::choose_username_text()}</p>
        <form class="form" data-testid="handle-form" novalidate on:submit=submit>
            <FormFailure failure=sending.failure />
            <Field
                input=handle
                label=auth::username()
                hint=auth::username_hint_short()
                autocomplete="username"
            />
            <Field
                input=display_name
                label=auth::display_name_optional()
                hint=auth::display_name_hint()
                autocomplete="name"
            />
            <InviteField input=invite />
            <Submit label=auth::create_account() busy=sending.busy testid="handle-submit" wide=true />
        </form>
        <p class="auth-switch">
            <GuestLink to=LOG_IN text=common::cancel() testid="go-login" />
        </p>
    }
}

/// The return from the provider for signed-in users who were adding an identity.
#[component]
pub(crate) fn AddedPage() -> impl IntoView {
    let context = context();
    let navigate = use_navigate();
    let failure = RwSignal::new(None::<Failure>);
    match state_and_code() {
        // A log-in has just ended here; the page is about to redirect.
        _ if context.session.by_form.get_value() => {}
        None => failure.set(Some(turned_back())),
        Some((state, code)) => spawn_local(async move {
            match context.api.create_identity(&CompleteIdentity { state, code, binding: None }).await {
                Ok(_) => {
                    context.ui.toast(auth::provider_added(), false);
                    let replace = NavigateOptions { replace: true, ..Default::default() };
                    navigate("/settings/security", replace);
                }
                Err(why) => {
                    let _ = failure.try_set(Some(why));
                }
            }
        }),
    }
    view! {
        <div class="page">
            <PageHead title=auth::provider_title() back="/settings/security" />
            <div class="page-body">
                <section class="card settings-card">
                    <FormFailure failure />
                    <Show when=move || failure.with(Option::is_none)>
                        <div role="status" aria-label=common::please_wait()>
                            <Skeleton rows=2 />
                        </div>
                    </Show>
                    <Show when=move || failure.with(Option::is_some)>
                        <a class="button" href="/settings/security">{auth::back_to_settings()}</a>
                    </Show>
                </section>
            </div>
        </div>
    }
}
