//! Confirms an e-mail address with the link from its mail. The token is in the URL's fragment, which browsers do not
//! send to servers. A button must be pressed, so that link scanners in mail programs confirm nothing.

use leptos::prelude::*;
use parlour_protocol::emails::CompleteEmailVerification;

use crate::arrival::titled;
use crate::components::form::Submit;
use crate::context::context;
use crate::pages::auth::FormFailure;
use crate::pages::sending::Sending;
use crate::texts::auth;

/// The button and the result.
#[component]
pub(crate) fn VerifyEmail() -> impl IntoView {
    let context = context();
    titled(|| auth::verify_title().to_owned());
    let done = RwSignal::new(false);
    let sending = Sending::new();
    let submit = sending.on_submit([], move || {
        let hash = window().location().hash().unwrap_or_default();
        let body = CompleteEmailVerification { token: hash.trim_start_matches('#').to_owned() };
        let request = async move { context.api.complete_email_verification(&body).await };
        sending.send(
            |_| None,
            request,
            move |()| {
                let _ = done.try_set(true);
            },
        );
    });
    let form = move || {
        view! {
            <h1>{auth::verify_title()}</h1>
            <form class="form" data-testid="verify-email-form" novalidate on:submit=submit.clone()>
                <FormFailure failure=sending.failure />
                <p>{auth::verify_text()}</p>
                <Submit label=auth::verify_button() busy=sending.busy testid="verify-email-submit" wide=true />
            </form>
        }
    };
    view! {
        <Show when=move || done.get() fallback=form>
            <h1>{auth::verified_title()}</h1>
            <p role="status" data-testid="email-verified">{auth::verified_text()}</p>
        </Show>
        <p class="auth-switch">
            <a href="/">{auth::go_to_chats()}</a>
        </p>
    }
}

/// The same page for logged-in users.
#[component]
pub(crate) fn VerifyEmailPage() -> impl IntoView {
    view! {
        <div class="page">
            <div class="page-body">
                <section class="card settings-card">
                    <VerifyEmail />
                </section>
            </div>
        </div>
    }
}
