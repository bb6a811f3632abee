//! The second step of a log-in: a code of the authenticator app, or a recovery code.

use leptos::prelude::*;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::second_factors::CompleteSession;

use crate::arrival::titled;
use crate::browser;
use crate::components::form::{Field, Input, Submit};
use crate::context::context;
use crate::effects::effect;
use crate::pages::auth::{FormFailure, enter};
use crate::pages::sending::Sending;
use crate::pages::settings::passkeys::StepWithPasskey;
use crate::state::failure::Failure;
use crate::texts::{auth, common};

/// Asks for the code, or offers a passkey instead. Returns to the first step if the challenge has expired.
#[component]
pub(crate) fn SecondStep(challenge: String, passkey: bool, back: Callback<Option<Failure>>) -> impl IntoView {
    let context = context();
    let code =
        Input::new(
            "code",
            |text| {
                if text.trim().is_empty() { Err(auth::enter_code().to_owned()) } else { Ok(()) }
            },
        );
    let sending = Sending::new();
    titled(|| auth::second_step_title().to_owned());
    effect(move || code.focus());
    let with_passkey = passkey
        .then(|| view! { <StepWithPasskey challenge=challenge.clone() failure=sending.failure back /> });
    let submit = sending.on_submit([code], move || {
        let body = CompleteSession {
            challenge: challenge.clone(),
            code: code.text(),
            device: Some(browser::device()),
            refresh: context.api.transport(),
        };
        let request = async move { context.api.complete_session(&body).await };
        enter(context, sending, request, move |why| match why.code() {
            Some(ErrorCode::BadCredentials) => {
                let _ = code.value.try_set(String::new());
                code.focus();
            }
            Some(ErrorCode::Unauthenticated) => {
                let _ = back.try_run(Some(why.clone()));
            }
            _ => {}
        });
    });
    view! {
        <h1>{auth::second_step_title()}</h1>
        <form class="form" data-testid="second-step-form" novalidate on:submit=submit>
            <FormFailure failure=sending.failure />
            <Field
                input=code
                label=auth::code()
                hint=auth::code_hint()
                autocomplete="one-time-code"
            />
            <Submit label=auth::log_in() busy=sending.busy testid="second-step-submit" wide=true />
        </form>
        {with_passkey}
        <p class="auth-switch">
            <button type="button" class="button" data-testid="second-step-back" on:click=move |_| back.run(None)>
                {common::back()}
            </button>
        </p>
    }
}
