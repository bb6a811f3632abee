//! Requests a mail with a password reset link. The answer does not depend on whether the account exists.

use leptos::prelude::*;
use leptos::task::spawn_local;
use parlour_protocol::password_resets::RequestPasswordReset;

use crate::arrival::titled;
use crate::components::form::{Field, Input, Submit, check_all};
use crate::context::context;
use crate::pages::auth::{FormFailure, GuestLink};
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
    let busy = RwSignal::new(false);
    let done = RwSignal::new(false);
    let failure = RwSignal::new(None::<Failure>);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() || !check_all(&[who]) {
            return;
        }
        busy.set(true);
        failure.set(None);
        let body = RequestPasswordReset { handle_or_email: who.text().trim().to_owned() };
        spawn_local(async move {
            match context.api.request_password_reset(&body).await {
                Ok(()) => {
                    let _ = done.try_set(true);
                }
                Err(why) => {
                    let message = why.violation("handle_or_email");
                    if message.is_some() {
                        let _ = who.error.try_set(message);
                        who.focus();
                    } else {
                        let _ = failure.try_set(Some(why));
                    }
                }
            }
            let _ = busy.try_set(false);
        });
    };
    let form = move || {
        view! {
            <h1>{auth::forgot_title()}</h1>
            <form class="form" data-testid="forgot-form" novalidate on:submit=submit>
                <FormFailure failure />
                <Field
                    input=who
                    label=auth::forgot_field()
                    hint=auth::forgot_hint()
                    autocomplete="username"
                />
                <Submit label=auth::send_email() busy testid="forgot-submit" wide=true />
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
