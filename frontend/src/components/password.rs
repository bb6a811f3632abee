//! Asks for the password again before a sensitive action. Accounts that log in with a provider may have none; the
//! server then requires a fresh log-in instead.

use leptos::prelude::*;

use crate::components::form::{Field, Input};
use crate::context::context;
use crate::texts::{auth, security};

fn has_password() -> bool {
    context().session.account.with(|account| account.as_ref().is_none_or(|account| account.has_password))
}

fn handle() -> String {
    context()
        .session
        .account
        .with(|account| account.as_ref().map(|one| one.handle.clone()).unwrap_or_default())
}

fn filled(text: &str) -> Result<(), String> {
    if text.is_empty() { Err(auth::enter_password().to_owned()) } else { Ok(()) }
}

/// The value of the field. It may stay empty if the account has no password.
pub(crate) fn password_again(name: &'static str) -> Input {
    Input::new(name, if untrack(has_password) { filled } else { |_| Ok(()) })
}

/// The password field, or the text shown in its place.
#[component]
pub(crate) fn PasswordAgain(
    input: Input,
    #[prop(default = auth::password())] label: &'static str,
) -> impl IntoView {
    move || {
        if has_password() {
            view! {
                // Tells password managers which account the password belongs to.
                <input
                    type="text"
                    class="visually-hidden"
                    autocomplete="username"
                    tabindex="-1"
                    aria-hidden="true"
                    readonly
                    prop:value=handle
                />
                <Field input label kind="password" autocomplete="current-password" />
            }
            .into_any()
        } else {
            view! {
                <p class="soft" data-testid="no-password">
                    {security::no_password_yet()}
                </p>
            }
            .into_any()
        }
    }
}
