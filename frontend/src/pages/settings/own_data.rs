//! Exporting the user's data, and deleting the account.

use leptos::prelude::*;
use parlour_protocol::own_data::ConfirmPassword;

use crate::browser;
use crate::components::form::Submit;
use crate::components::password::{PasswordAgain, password_again};
use crate::context::context;
use crate::pages::auth::FormFailure;
use crate::pages::sending::{Sending, place};
use crate::state::failure::Failure;
use crate::texts::settings as texts;

/// The file name of an export.
const EXPORT: &str = "parlour-export.ndjson";

/// Exports all of the user's data as a file.
#[component]
pub(crate) fn ExportForm() -> impl IntoView {
    let context = context();
    let password = password_again("export_password");
    let sending = Sending::new();
    let submit = sending.on_submit([password], move || {
        let body = ConfirmPassword { password: password.text() };
        let request = async move { context.api.export_account(&body).await };
        let wrong = move |why: &Failure| place(why, Some(password), &[]);
        sending.send(wrong, request, move |text| {
            let _ = password.value.try_set(String::new());
            if browser::download(EXPORT, &text).is_some() {
                context.ui.toast(texts::exported(EXPORT), false);
            }
        });
    });
    view! {
        <section class="card settings-card">
            <h2>{texts::export()}</h2>
            <p class="soft">
                {texts::export_text()}
            </p>
            <form class="form" data-testid="export-form" novalidate on:submit=submit>
                <FormFailure failure=sending.failure />
                <PasswordAgain input=password />
                <div class="row end">
                    <Submit label=texts::export_submit() busy=sending.busy testid="export-submit" />
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
    let sending = Sending::new();
    let delete = move || {
        let body = ConfirmPassword { password: password.text() };
        let request = async move { context.api.delete_account(&body).await };
        let wrong = move |why: &Failure| place(why, Some(password), &[]);
        sending.send(wrong, request, move |receipt| {
            context.leave(Some(texts::deleted(receipt.erased.messages)));
        });
    };
    let submit = sending.on_submit([password], move || {
        context.ui.ask(texts::delete_title(), texts::delete_question(), texts::delete_confirm(), delete);
    });
    view! {
        <section class="card settings-card">
            <h2>{texts::delete()}</h2>
            <p class="soft">
                {texts::delete_text()}
            </p>
            <form class="form" data-testid="delete-form" novalidate on:submit=submit>
                <FormFailure failure=sending.failure />
                <PasswordAgain input=password />
                <div class="row end">
                    <button type="submit" class="button danger" class:busy=move || sending.busy.get() data-testid="delete-account">
                        {texts::delete()}
                    </button>
                </div>
            </form>
        </section>
    }
}
