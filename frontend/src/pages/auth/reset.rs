//! Sets a new password with a reset link. The token is in the URL's fragment, which browsers do not send to servers.

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use parlour_protocol::password_resets::CompletePasswordReset;
use parlour_protocol::validation;

use crate::arrival::titled;
use crate::components::form::{Field, Input, Submit, check_all};
use crate::context::context;
use crate::pages::auth::FormFailure;
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
    let busy = RwSignal::new(false);
    let failure = RwSignal::new(None::<Failure>);
    let navigate = use_navigate();
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() || !check_all(&[password]) {
            return;
        }
        busy.set(true);
        failure.set(None);
        let hash = window().location().hash().unwrap_or_default();
        let token = hash.trim_start_matches('#').to_owned();
        let body = CompletePasswordReset { token, password: password.text() };
        let navigate = navigate.clone();
        spawn_local(async move {
            match context.api.complete_password_reset(&body).await {
                Ok(()) => {
                    context.leave(Some(auth::reset_done().to_owned()));
                    // A used link is not kept in the browser's history.
                    navigate(LOG_IN, NavigateOptions { replace: true, ..Default::default() });
                }
                Err(why) => {
                    let message = why.violation("password");
                    if message.is_some() {
                        let _ = password.error.try_set(message);
                        password.focus();
                    } else {
                        let _ = failure.try_set(Some(why));
                    }
                    let _ = busy.try_set(false);
                }
            }
        });
    };
    view! {
        <h1>{auth::reset_title()}</h1>
        <form class="form" data-testid="reset-form" novalidate on:submit=submit>
            <FormFailure failure />
            <Field
                input=password
                label=auth::new_password()
                hint=auth::reset_hint()
                kind="password"
                autocomplete="new-password"
            />
            <Submit label=auth::set_password() busy testid="reset-submit" wide=true />
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
