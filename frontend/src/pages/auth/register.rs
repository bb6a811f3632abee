//! Registration: the form, who may use it, and what it has in common with registering by a provider.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use parlour_protocol::accounts::{CreateAccount, Registration};
use parlour_protocol::problems::{ErrorCode, Problem};
use parlour_protocol::sessions::SignedIn;
use parlour_protocol::validation;

use crate::api::calls::Registered;
use crate::api::http::Answer;
use crate::arrival::titled;
use crate::browser;
use crate::components::form::{Field, Input, Submit};
use crate::context::context;
use crate::icons::{ALERT, Icon};
use crate::pages::auth::provider::ProviderButton;
use crate::pages::auth::{FormFailure, GuestLink, enter};
use crate::pages::sending::Sending;
use crate::pages::servers::OtherServer;
use crate::state::addresses::LOG_IN;
use crate::state::failure::Failure;
use crate::texts::auth;

/// The rule of a display name that may be left out.
pub(crate) fn optional_display_name(text: &str) -> Result<(), String> {
    if text.is_empty() { Ok(()) } else { validation::display_name(text) }
}

/// The session that begins with a registration. If the account must be approved first, `waits` gets its handle.
pub(crate) fn registered(outcome: Registered, waits: impl FnOnce(String)) -> Answer<SignedIn> {
    match outcome {
        Registered::In(signed_in) => Ok(*signed_in),
        Registered::Waiting(pending) => {
            waits(pending.handle);
            Err(Failure::Problem(Box::new(Problem::new(ErrorCode::ApprovalPending))))
        }
    }
}

/// Shows at the fields of a registration why it was refused.
pub(crate) fn show_refusal(why: &Failure, handle: Input, others: &[(&str, Input)]) {
    if why.code() == Some(ErrorCode::Taken) {
        handle.error.set(Some(auth::username_taken().to_owned()));
        handle.focus();
    }
    for (name, input) in [("handle", handle)].iter().chain(others) {
        if let Some(message) = why.violation(name) {
            input.error.set(Some(message));
        }
    }
}

/// The form for a new account.
#[component]
pub(crate) fn Register() -> impl IntoView {
    let context = context();
    titled(|| auth::create_account_title().to_owned());
    let handle = Input::new("handle", validation::handle);
    let display_name = Input::new("display_name", optional_display_name);
    let password = Input::new("password", validation::password);
    let invite = Input::new("invite", validation::invite);
    let code = use_query_map().with_untracked(|query| query.get("invite"));
    let invited = code.is_some();
    if let Some(code) = code {
        invite.value.set(code);
    }
    handle.focus_first();
    let sending = Sending::new();
    let waiting = RwSignal::new(None::<String>);
    let submit = sending.on_submit([handle, display_name, password, invite], move || {
        let body = CreateAccount {
            handle: handle.text().trim().to_owned(),
            display_name: display_name.trimmed(),
            password: password.text(),
            device: Some(browser::device()),
            invite: invite.trimmed(),
            refresh: context.api.transport(),
        };
        let request = async move {
            registered(context.api.create_account(&body).await?, |handle| {
                let _ = waiting.try_set(Some(handle));
            })
        };
        enter(context, sending, request, move |why| {
            if why.code() == Some(ErrorCode::InviteNeeded) {
                invite.focus();
            }
            let others = [("display_name", display_name), ("password", password), ("invite", invite)];
            show_refusal(why, handle, &others);
        });
    });
    let form = move || {
        view! {
            <h1>{auth::create_account_title()}</h1>
            <Access invited />
            <form class="form" data-testid="register-form" novalidate on:submit=submit.clone()>
                <FormFailure failure=sending.failure />
                <Names handle display_name />
                <Field
                    input=password
                    label=auth::password()
                    hint=auth::new_password_hint()
                    kind="password"
                    autocomplete="new-password"
                />
                <InviteField input=invite />
                <Submit label=auth::create_account() busy=sending.busy testid="register-submit" wide=true />
            </form>
            <ProviderButton />
            <p class="auth-switch">
                {auth::have_account()} " " <GuestLink to=LOG_IN text=auth::log_in() testid="go-login" />
            </p>
            <OtherServer />
        }
    };
    move || match waiting.get() {
        Some(handle) => view! { <Waiting handle /> }.into_any(),
        None => form().into_any(),
    }
}

/// The fields for the handle and the display name.
#[component]
fn Names(handle: Input, display_name: Input) -> impl IntoView {
    view! {
                <Field
                    input=handle
                    label=auth::username()
                    hint=auth::username_hint()
                    autocomplete="username"
                    placeholder=auth::username_example()
                />
                <Field
                    input=display_name
                    label=auth::display_name_optional()
                    hint=auth::display_name_hint()
                    autocomplete="name"
                    placeholder=auth::display_name_example()
                />
    }
}

/// The field for an invite, if one is needed here or spares the approval.
#[component]
pub(crate) fn InviteField(input: Input) -> impl IntoView {
    let session = context().session;
    let wanted = move || {
        let mode = session.of_server(|server| Some(server.registration));
        matches!(mode, Some(Registration::Invite | Registration::Approval))
    };
    view! {
        <Show when=wanted>
            <Field input label=auth::invite_code() hint=auth::invite_code_hint() />
        </Show>
    }
}

/// Who may create an account here.
#[component]
fn Access(invited: bool) -> impl IntoView {
    let session = context().session;
    move || {
        let text = match session.of_server(|server| Some(server.registration)) {
            Some(Registration::Invite) if !invited => Some(auth::by_invite()),
            Some(Registration::Approval) if !invited => Some(auth::by_approval()),
            Some(Registration::Closed) => Some(auth::closed()),
            _ => None,
        };
        view! {
            {invited.then(|| view! { <p data-testid="invited">{auth::invited()}</p> })}
            {text
                .map(|text| {
                    view! {
                        <p class="notice" role="status">
                            <Icon path=ALERT />
                            <span>{text}</span>
                        </p>
                    }
                })}
        }
    }
}

/// Shown after a registration that waits for approval.
#[component]
pub(crate) fn Waiting(handle: String) -> impl IntoView {
    view! {
        <h1>{auth::almost_there()}</h1>
        <p role="status" data-testid="approval-pending">
            {auth::approval_pending(&handle)}
        </p>
        <p class="auth-switch">
            <GuestLink to=LOG_IN text=auth::log_in() testid="go-login" />
        </p>
    }
}
