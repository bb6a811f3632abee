//! The e-mail address in the settings: setting, confirming, changing and removing it.

use leptos::prelude::*;
use parlour_protocol::emails::{ChangeEmail, Email};
use parlour_protocol::own_data::ConfirmPassword;
use parlour_protocol::validation;

use crate::browser;
use crate::components::form::{Field, Input, Submit, check_all};
use crate::components::password::{PasswordAgain, password_again};
use crate::context::context;
use crate::pages::auth::FormFailure;
use crate::pages::loaded::Loaded;
use crate::pages::sending::{Sending, place};
use crate::state::failure::Failure;
use crate::state::time;
use crate::texts::{common, security as texts};

/// The e-mail section of the settings, if the server sends mails.
#[component]
pub(crate) fn EmailForm() -> impl IntoView {
    let context = context();
    let sends = move || context.session.of_server(|server| server.mail);
    view! {
        <Show when=sends>
            <EmailCard />
        </Show>
    }
}

#[component]
fn EmailCard() -> impl IntoView {
    let context = context();
    let known = Loaded::<Email>::now(move || context.api.read_email());
    view! {
        <section class="card settings-card" data-testid="email">
            <h2>{texts::email()}</h2>
            {known.show(2, move |email| view! { <Manage email known /> }.into_any())}
        </section>
    }
}

/// The state of the address, in words.
fn standing(email: &Email) -> String {
    let since = email.verified_at.map(|at| time::full_day(browser::local_time(at))).unwrap_or_default();
    match (&email.address, &email.pending) {
        (None, None) => texts::email_none().to_owned(),
        (None, Some(pending)) => texts::email_waiting(pending),
        (Some(address), None) => texts::email_confirmed(address, &since),
        (Some(address), Some(pending)) => texts::email_changing(address, &since, pending),
    }
}

/// The address and the actions on it; they require the password.
#[component]
fn Manage(email: Email, known: Loaded<Email>) -> impl IntoView {
    let context = context();
    let address = Input::new("email", validation::email);
    let password = password_again("email_password");
    let sending = Sending::new();
    let wrong = move |why: &Failure| place(why, Some(password), &[("email", address)]);
    let state = match (&email.address, &email.pending) {
        (_, Some(_)) => "waiting",
        (Some(_), None) => "confirmed",
        (None, None) => "none",
    };
    let pending = StoredValue::new(email.pending.clone());
    let waits = email.pending.is_some();
    let there = email != Email::default();
    let said = standing(&email);

    let choose = move |wanted: String| {
        let body = ChangeEmail { email: wanted, password: password.text() };
        let request = async move { context.api.change_email(&body).await };
        sending.send(wrong, request, move |email: Email| {
            if let Some(pending) = &email.pending {
                context.ui.toast(texts::email_sent(pending), false);
            }
            known.set(email);
        });
    };
    let submit = sending.on_submit([address, password], move || choose(address.text().trim().to_owned()));
    let again = move |_| {
        if let Some(pending) = pending.get_value().filter(|_| check_all(&[password])) {
            choose(pending);
        }
    };
    let remove = move |_| {
        if check_all(&[password]) {
            let body = ConfirmPassword { password: password.text() };
            let request = async move { context.api.delete_email(&body).await };
            sending.send(wrong, request, move |()| {
                context.ui.toast(texts::email_removed(), false);
                known.set(Email::default());
            });
        }
    };
    view! {
        <p role="status" data-testid="email-state" data-state=state>
            {said}
        </p>
        <p class="soft">{texts::email_text()}</p>
        <form class="form" data-testid="email-form" novalidate on:submit=submit>
            <FormFailure failure=sending.failure />
            <Field
                input=address
                label=if there { texts::email_other() } else { texts::email_address() }
                kind="email"
                autocomplete="email"
                placeholder=texts::email_example()
            />
            <PasswordAgain input=password />
            <div class="row end wrap">
                <Show when=move || there>
                    <button type="button" class="button danger-quiet" data-testid="email-remove" on:click=remove>
                        {common::remove()}
                    </button>
                </Show>
                <Show when=move || waits>
                    <button type="button" class="button" data-testid="email-again" on:click=again>
                        {texts::email_again()}
                    </button>
                </Show>
                <Submit label=if there { texts::email_change() } else { common::save() } busy=sending.busy testid="email-submit" />
            </div>
        </form>
    }
}
