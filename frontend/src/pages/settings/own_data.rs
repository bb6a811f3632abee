//! Exporting the user's data, and deleting the account.

use leptos::prelude::*;
use leptos::task::spawn_local;
use parlour_protocol::own_data::ConfirmPassword;
use parlour_protocol::problems::ErrorCode;

use crate::browser;
use crate::components::form::{Input, Submit, check_all};
use crate::components::password::{PasswordAgain, password_again};
use crate::context::context;
use crate::pages::auth::FormFailure;
use crate::state::failure::Failure;
use crate::texts::settings as texts;

/// The file name of an export.
const EXPORT: &str = "parlour-export.ndjson";

/// Shows the error of a form that asks for the password again.
fn refused(password: Input, failure: RwSignal<Option<Failure>>, why: Failure) {
    if why.code() == Some(ErrorCode::BadCredentials) {
        let _ = password.error.try_set(Some(texts::wrong_password().to_owned()));
        password.focus();
    } else {
        let _ = failure.try_set(Some(why));
    }
}

/// Exports all of the user's data as a file.
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
                    if browser::download(EXPORT, &text).is_some() {
                        context.ui.toast(texts::exported(EXPORT), false);
                    }
                }
                Err(why) => refused(password, failure, why),
            }
            let _ = busy.try_set(false);
        });
    };
    view! {
        <section class="card settings-card">
            <h2>{texts::export()}</h2>
            <p class="soft">
                {texts::export_text()}
            </p>
            <form class="form" data-testid="export-form" novalidate on:submit=submit>
                <FormFailure failure />
                <PasswordAgain input=password />
                <div class="row end">
                    <Submit label=texts::export_submit() busy testid="export-submit" />
                </div>
            </form>
        </section>
    }
}

/// Deletes the account.
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
                    context.leave(Some(texts::deleted(receipt.erased.messages)));
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
        context.ui.ask(texts::delete_title(), texts::delete_question(), texts::delete_confirm(), delete);
    };
    view! {
        <section class="card settings-card">
            <h2>{texts::delete()}</h2>
            <p class="soft">
                {texts::delete_text()}
            </p>
            <form class="form" data-testid="delete-form" novalidate on:submit=submit>
                <FormFailure failure />
                <PasswordAgain input=password />
                <div class="row end">
                    <button type="submit" class="button danger" class:busy=move || busy.get() data-testid="delete-account">
                        {texts::delete()}
                    </button>
                </div>
            </form>
        </section>
    }
}
