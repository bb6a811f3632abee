//! The second factor in the settings: turning it on with an authenticator app, recovery codes, turning it off.

use leptos::prelude::*;
use leptos::task::spawn_local;
use parlour_protocol::own_data::ConfirmPassword;
use parlour_protocol::second_factors::{ConfirmBoth, ConfirmSecondFactor, NewSecondFactor, SecondFactor};

use crate::browser;
use crate::components::copying::CopyButton;
use crate::components::form::{Field, Input, Submit, check_all};
use crate::components::password::{PasswordAgain, password_again};
use crate::components::qr_code::QrCode;
use crate::components::states::{Failed, Skeleton};
use crate::context::context;
use crate::effects::effect;
use crate::pages::auth::FormFailure;
use crate::pages::sending::{Place, Sending, place};
use crate::state::failure::Failure;
use crate::state::time;
use crate::texts::{auth, common, security as texts};

/// The step of the setup.
#[derive(Clone)]
enum Stage {
    Pending,
    Failed(Failure),
    Off,
    /// A secret was created but not yet confirmed by a code.
    Begun(NewSecondFactor),
    /// New recovery codes, shown only once.
    Codes(Vec<String>),
    On(SecondFactor),
}

fn filled(text: &str) -> Result<(), String> {
    if text.trim().is_empty() { Err(auth::enter_code().to_owned()) } else { Ok(()) }
}

/// The second-factor section of the settings.
#[component]
pub(crate) fn SecondFactorForm() -> impl IntoView {
    let context = context();
    let stage = RwSignal::new(Stage::Pending);
    let read = move || {
        spawn_local(async move {
            stage.try_set(match context.api.read_second_factor().await {
                Ok(known) if known.since.is_some() => Stage::On(known),
                Ok(_) => Stage::Off,
                Err(failure) => Stage::Failed(failure),
            });
        });
    };
    read();
    let done = Callback::new(move |()| read());
    view! {
        <section class="card settings-card" data-testid="second-factor">
            <h2>{texts::factor()}</h2>
            {move || match stage.get() {
                Stage::Pending => view! { <Skeleton rows=2 /> }.into_any(),
                Stage::Failed(failure) => view! { <Failed failure retry=done /> }.into_any(),
                Stage::Off => view! { <Begin stage /> }.into_any(),
                Stage::Begun(made) => view! { <Confirm made stage /> }.into_any(),
                Stage::Codes(codes) => view! { <Codes codes done /> }.into_any(),
                Stage::On(known) => view! { <Manage known stage done /> }.into_any(),
            }}
        </section>
    }
}

/// Shows a wrong password or code at its field.
fn at(field: Input) -> impl FnOnce(&Failure) -> Place {
    move |why| place(why, Some(field), &[])
}

/// Asks for the password and requests a secret.
#[component]
fn Begin(stage: RwSignal<Stage>) -> impl IntoView {
    let context = context();
    let password = password_again("factor_password");
    let sending = Sending::new();
    let submit = sending.on_submit([password], move || {
        let body = ConfirmPassword { password: password.text() };
        let request = async move { context.api.begin_second_factor(&body).await };
        sending.send(at(password), request, move |made| {
            let _ = stage.try_set(Stage::Begun(made));
        });
    });
    view! {
        <p class="soft">
            {texts::factor_off()}
        </p>
        <form class="form" data-testid="factor-begin-form" novalidate on:submit=submit>
            <FormFailure failure=sending.failure />
            <PasswordAgain input=password />
            <div class="row end">
                <Submit label=texts::turn_on() busy=sending.busy testid="factor-begin" />
            </div>
        </form>
    }
}

/// Shows the secret and asks for a code generated from it.
#[component]
fn Confirm(made: NewSecondFactor, stage: RwSignal<Stage>) -> impl IntoView {
    let context = context();
    let code = Input::new("factor_code", filled);
    let sending = Sending::new();
    effect(move || code.focus());
    let submit = sending.on_submit([code], move || {
        let body = ConfirmSecondFactor { code: code.text() };
        let request = async move { context.api.confirm_second_factor(&body).await };
        sending.send(at(code), request, move |answer| {
            let _ = stage.try_set(Stage::Codes(answer.codes));
        });
    });
    let secret = made.secret.clone();
    view! {
        <QrCode text=made.uri.clone() label=texts::qr_label() />
        <p>{texts::scan_before()}</p>
        <p>
            <a href=made.uri data-testid="factor-uri">{texts::open_in_app()}</a>
        </p>
        <p class="row">
            <code class="secret grow" data-testid="factor-secret">{made.secret}</code>
            <CopyButton text=secret testid="copy-factor-secret" />
        </p>
        <form class="form" data-testid="factor-confirm-form" novalidate on:submit=submit>
            <FormFailure failure=sending.failure />
            <Field input=code label=auth::code() hint=texts::factor_code_hint() autocomplete="one-time-code" />
            <div class="row end">
                <button type="button" class="button" on:click=move |_| stage.set(Stage::Off)>
                    {common::cancel()}
                </button>
                <Submit label=texts::confirm() busy=sending.busy testid="factor-confirm" />
            </div>
        </form>
    }
}

/// The recovery codes, shown only once.
#[component]
fn Codes(codes: Vec<String>, done: Callback<()>) -> impl IntoView {
    let text = StoredValue::new(codes.join("\n") + "\n");
    view! {
        <p role="status">
            {texts::codes_text()}
        </p>
        <ul class="lines tabular" data-testid="recovery-codes">
            {codes
                .into_iter()
                .map(|code| {
                    view! {
                        <li>
                            <code data-testid="recovery-code">{code}</code>
                        </li>
                    }
                })
                .collect_view()}
        </ul>
        <div class="row end">
            <CopyButton text=text.get_value() testid="copy-recovery-codes" />
            <button
                type="button"
                class="button"
                data-testid="download-recovery-codes"
                on:click=move |_| {
                    text.with_value(|text| browser::download("parlour-recovery-codes.txt", text));
                }
            >
                {texts::download()}
            </button>
            <button type="button" class="button primary" data-testid="recovery-codes-kept" on:click=move |_| done.run(())>
                {texts::saved_them()}
            </button>
        </div>
    }
}

/// The actions while the second factor is on; they require password and code.
#[component]
fn Manage(known: SecondFactor, stage: RwSignal<Stage>, done: Callback<()>) -> impl IntoView {
    let context = context();
    let password = password_again("factor_password");
    let code = Input::new("factor_code", filled);
    let sending = Sending::new();
    let both = move || ConfirmBoth { password: password.text(), code: code.text() };
    let remove = sending.on_submit([password, code], move || {
        let body = both();
        let request = async move { context.api.delete_second_factor(&body).await };
        sending.send(at(code), request, move |()| {
            context.ui.toast(texts::factor_is_off(), false);
            let _ = done.try_run(());
        });
    });
    let renew = move |_| {
        if check_all(&[password, code]) {
            let body = both();
            let request = async move { context.api.renew_recovery_codes(&body).await };
            sending.send(at(code), request, move |answer| {
                let _ = stage.try_set(Stage::Codes(answer.codes));
            });
        }
    };
    let since = known.since.map(|since| time::full_day(browser::local_time(since))).unwrap_or_default();
    let left = texts::recovery_codes(known.recovery_codes);
    view! {
        <p data-testid="second-factor-on">{texts::factor_on(&since, &left)}</p>
        <form class="form" data-testid="factor-manage-form" novalidate on:submit=remove>
            <FormFailure failure=sending.failure />
            <PasswordAgain input=password />
            <Field
                input=code
                label=auth::code()
                hint=auth::code_hint()
                autocomplete="one-time-code"
            />
            <div class="row end">
                <button type="button" class="button" data-testid="renew-recovery-codes" on:click=renew>
                    {texts::new_codes()}
                </button>
                <button type="submit" class="button danger" class:busy=move || sending.busy.get() data-testid="factor-remove">
                    {texts::turn_off()}
                </button>
            </div>
        </form>
    }
}
