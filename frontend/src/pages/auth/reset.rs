//! Sets a new password with a reset link. The token is in the URL's fragment, which browsers do not send to servers.

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use parlour_protocol::password_resets::CompletePasswordReset;
use parlour_protocol::validation;

use crate::arrival::titled;
use crate::components::form::{Field, Input, Submit};
use crate::context::context;
use crate::pages::auth::FormFailure;
use crate::pages::sending::{Sending, place};
use crate::state::addresses::LOG_IN;
use crate::state::failure::Failure;
use crate::texts::{auth, common};

/// The form for the new password.
#[component]
pub(crate) fn ResetPassword() -> impl IntoView {
    let context = context();
    let password = Input::new("new_password", validation::password);
    titled(|| auth::reset_title().to_owned());
    password.focus_first();
    let sending = Sending::new();
    let navigate = use_navigate();
    let submit = sending.on_submit([password], move || {
        let hash = window().location().hash().unwrap_or_default();
        let token = hash.trim_start_matches('#').to_owned();
        let body = CompletePasswordReset { token, password: password.text() };
        let navigate = navigate.clone();
        let request = async move { context.api.complete_password_reset(&body).await };
        let wrong = move |why: &Failure| place(why, None, &[("password", password)]);
        sending.send(wrong, request, move |()| {
            context.leave(Some(auth::reset_done().to_owned()));
            // A used link is not kept in the browser's history.
            navigate(LOG_IN, NavigateOptions { replace: true, ..Default::default() });
        });
    });
    view! {
        <h1>{auth::reset_title()}</h1>
        <form class="form" data-testid="reset-form" novalidate on:submit=submit>
            <FormFailure failure=sending.failure />
            <Field
                input=password
                label=auth::new_password()
                hint=auth::reset_hint()
                kind="password"
                autocomplete="new-password"
            />
            <Submit label=auth::set_password() busy=sending.busy testid="reset-submit" wide=true />
        </form>
        <p class="auth-switch">
            <a href="/" data-testid="go-login">{common::cancel()}</a>
        </p>
    }
}

/// The same page for logged-in users.
#[component]
pub(crate) fn ResetPage() -> impl IntoView {
    view! {
        <div class="page">
            <div class="page-body">
                <section class="card settings-card">
                    <ResetPassword />
                </section>
            </div>
        </div>
    }
}
