//! Taking one's own data along, and deleting one's account.

use leptos::prelude::*;
use leptos::task::spawn_local;
use parlour_protocol::own_data::ConfirmPassword;
use parlour_protocol::problems::ErrorCode;

use crate::api::http::Failure;
use crate::browser;
use crate::components::dialog::ask;
use crate::components::form::{Input, Submit, check_all};
use crate::components::password::{PasswordAgain, password_again};
use crate::context::context;
use crate::pages::auth::FormFailure;

/// Says what is wrong with a form that asks for the password once more.
fn refused(password: Input, failure: RwSignal<Option<Failure>>, why: Failure) {
    if why.code() == Some(ErrorCode::BadCredentials) {
        let _ = password.error.try_set(Some("This is not your password.".to_owned()));
        password.focus();
    } else {
        let _ = failure.try_set(Some(why));
    }
}

/// A file with everything that is one's own.
#[component]
pub(crate) fn ExportForm() -> impl IntoView {
    let context = context();
    let password = password_again("export_password");
    let busy = RwSignal::new(false);
    let failure = RwSignal::new(None::<Failure>);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() || !check_all(&[password]) {
            return;
        }
        busy.set(true);
        failure.set(None);
        let body = ConfirmPassword { password: password.text() };
        spawn_local(async move {
            match context.api.export_account(&body).await {
                Ok(text) => {
                    let _ = password.value.try_set(String::new());
                    if browser::download("parlour-export.ndjson", &text).is_some() {
                        context.toast("Your data is in the file parlour-export.ndjson.", false);
                    }
                }
                Err(why) => refused(password, failure, why),
            }
            let _ = busy.try_set(false);
        });
    };
    view! {
        <section class="card settings-card">
            <h2>"Export"</h2>
            <p class="soft">
                "Your profile, friends, settings and sessions, your messages, and your private chats, as lines of JSON."
            </p>
            <form class="form" data-testid="export-form" novalidate on:submit=submit>
                <FormFailure failure />
                <PasswordAgain input=password />
                <div class="row end">
                    <Submit label="Export your data" busy testid="export-submit" />
                </div>
            </form>
        </section>
    }
}

/// The end of the account.
#[component]
pub(crate) fn DeleteForm() -> impl IntoView {
    let context = context();
    let password = password_again("delete_password");
    let busy = RwSignal::new(false);
    let failure = RwSignal::new(None::<Failure>);
    let delete = move || {
        busy.set(true);
        failure.set(None);
        let body = ConfirmPassword { password: password.text() };
        spawn_local(async move {
            match context.api.delete_account(&body).await {
                Ok(receipt) => {
                    let count = receipt.erased.messages;
                    context.leave(Some(format!("Your account is deleted, with {count} messages.")));
                }
                Err(why) => refused(password, failure, why),
            }
            let _ = busy.try_set(false);
        });
    };
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() || !check_all(&[password]) {
            return;
        }
        ask(
            "Delete your account?",
            "Your profile, friendships and pictures go at once, and the text of everything you wrote. This cannot be undone.",
            "Delete for good",
            delete,
        );
    };
    view! {
        <section class="card settings-card">
            <h2>"Delete the account"</h2>
            <p class="soft">
                "Everything you wrote disappears for everybody; others see a deleted user in your place. Export your data first, \
                 if you want to keep it."
            </p>
            <form class="form" data-testid="delete-form" novalidate on:submit=submit>
                <FormFailure failure />
                <PasswordAgain input=password />
                <div class="row end">
                    <button type="submit" class="button danger" class:busy=move || busy.get() data-testid="delete-account">
                        "Delete the account"
                    </button>
                </div>
            </form>
        </section>
    }
}
