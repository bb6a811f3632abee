//! Confirms an e-mail address with the link from its mail. The token is in the URL's fragment, which browsers do not
//! send to servers. A button must be pressed, so that link scanners in mail programs confirm nothing.

use leptos::prelude::*;
use leptos::task::spawn_local;
use parlour_protocol::emails::CompleteEmailVerification;

use crate::arrival::titled;
use crate::components::form::Submit;
use crate::context::context;
use crate::pages::auth::FormFailure;
use crate::state::failure::Failure;
use crate::texts::auth;

/// The button and the result.
#[component]
pub(crate) fn VerifyEmail() -> impl IntoView {
    let context = context();
    titled(|| auth::verify_title().to_owned());
    let busy = RwSignal::new(false);
    let done = RwSignal::new(false);
    let failure = RwSignal::new(None::<Failure>);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        failure.set(None);
        let hash = window().location().hash().unwrap_or_default();
        let body = CompleteEmailVerification { token: hash.trim_start_matches('#').to_owned() };
        spawn_local(async move {
            match context.api.complete_email_verification(&body).await {
                Ok(()) => {
                    let _ = done.try_set(true);
                }
                Err(why) => {
                    let _ = failure.try_set(Some(why));
                }
            }
            let _ = busy.try_set(false);
        });
    };
    let form = move || {
        view! {
            <h1>{auth::verify_title()}</h1>
            <form class="form" data-testid="verify-email-form" novalidate on:submit=submit>
                <FormFailure failure />
                <p>{auth::verify_text()}</p>
                <Submit label=auth::verify_button() busy testid="verify-email-submit" wide=true />
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
