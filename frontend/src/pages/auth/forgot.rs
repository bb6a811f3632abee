//! Requests a mail with a password reset link. The answer does not depend on whether the account exists.

use leptos::prelude::*;
use parlour_protocol::password_resets::RequestPasswordReset;

use crate::arrival::titled;
use crate::components::form::{Field, Input, Submit};
use crate::context::context;
use crate::pages::auth::{FormFailure, GuestLink};
use crate::pages::sending::{Sending, place};
use crate::state::addresses::LOG_IN;
use crate::state::failure::Failure;
use crate::texts::auth;

/// The form for a handle or an e-mail address.
#[component]
pub(crate) fn ForgotPassword() -> impl IntoView {
    let context = context();
    let who = Input::new("handle_or_email", |text| {
        if text.trim().is_empty() { Err(auth::enter_forgot().to_owned()) } else { Ok(()) }
    });
    titled(|| auth::forgot_title().to_owned());
    who.focus_first();
    let done = RwSignal::new(false);
    let sending = Sending::new();
    let submit = sending.on_submit([who], move || {
        let body = RequestPasswordReset { handle_or_email: who.text().trim().to_owned() };
        let request = async move { context.api.request_password_reset(&body).await };
        let wrong = move |why: &Failure| place(why, None, &[("handle_or_email", who)]);
        sending.send(wrong, request, move |()| {
            let _ = done.try_set(true);
        });
    });
    let form = move || {
        view! {
            <h1>{auth::forgot_title()}</h1>
            <form class="form" data-testid="forgot-form" novalidate on:submit=submit.clone()>
                <FormFailure failure=sending.failure />
                <Field
                    input=who
                    label=auth::forgot_field()
                    hint=auth::forgot_hint()
                    autocomplete="username"
                />
                <Submit label=auth::send_email() busy=sending.busy testid="forgot-submit" wide=true />
            </form>
        }
    };
    view! {
        <Show when=move || done.get() fallback=form>
            <h1>{auth::check_email()}</h1>
            <p role="status" data-testid="forgot-done">
                {auth::forgot_done()}
            </p>
            <p class="soft">{auth::forgot_no_mail()}</p>
        </Show>
        <Show when=move || context.session.account.with(Option::is_none)>
            <p class="auth-switch">
                <GuestLink to=LOG_IN text=auth::log_in() testid="go-login" />
            </p>
        </Show>
    }
}

/// The same page for logged-in users.
#[component]
pub(crate) fn ForgotPage() -> impl IntoView {
    view! {
        <div class="page">
            <div class="page-body">
                <section class="card settings-card">
                    <ForgotPassword />
                </section>
            </div>
        </div>
    }
}
