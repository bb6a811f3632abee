//! Asking for a mail with a link that sets a new password. What is answered does not depend on whether there is such an
//! account.

use leptos::prelude::*;
use leptos::task::spawn_local;
use parlour_protocol::password_resets::RequestPasswordReset;

use crate::api::http::Failure;
use crate::components::form::{Field, Input, Submit, check_all};
use crate::context::context;
use crate::pages::PageHead;
use crate::pages::auth::FormFailure;

/// The form for a handle or an address.
#[component]
pub(crate) fn ForgotPassword() -> impl IntoView {
    let context = context();
    let who = Input::new("handle_or_email", |text| {
        if text.trim().is_empty() { Err("Please fill this in.".to_owned()) } else { Ok(()) }
    });
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
            <h1>"Forgot your password?"</h1>
            <form class="form" data-testid="forgot-form" novalidate on:submit=submit>
                <FormFailure failure />
                <Field
                    input=who
                    label="Handle or e-mail address"
                    hint="A link for a new password goes to the address that you confirmed."
                    autocomplete="username"
                />
                <Submit label="Send the mail" busy testid="forgot-submit" wide=true />
            </form>
        }
    };
    view! {
        <Show when=move || done.get() fallback=form>
            <h1>"Look at your mails"</h1>
            <p role="status" data-testid="forgot-done">
                "If there is such an account with a confirmed address, a mail is on its way. Its link is good for an hour."
            </p>
            <p class="soft">"No mail? Then an administrator can give you a link."</p>
        </Show>
        <p class="auth-switch">
            <a href="/login" data-testid="go-login">"To the log-in"</a>
        </p>
    }
}

/// The same for whoever is logged in.
#[component]
pub(crate) fn ForgotPage() -> impl IntoView {
    view! {
        <div class="page">
            <PageHead title="Password" />
            <div class="page-body">
                <section class="card settings-card">
                    <ForgotPassword />
                </section>
            </div>
        </div>
    }
}
