//! Logging in and registering. Whoever comes without a session sees this, at whatever address.

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::hooks::{use_location, use_navigate, use_query_map};
use parlour_protocol::accounts::{CreateAccount, Registration};
use parlour_protocol::problems::{ErrorCode, Problem};
use parlour_protocol::sessions::{CreateSession, RefreshTransport, SignedIn};
use parlour_protocol::validation;

use crate::api::calls::Registered;
use crate::api::http::{Answer, Failure};
use crate::browser;
use crate::components::form::{Field, Input, Submit, check_all};
use crate::context::{Context, Phase, context};
use crate::icons::{ALERT, Icon, Mark};
use crate::pages::forgot::ForgotPassword;
use crate::pages::passkeys::LogInWithPasskey;
use crate::pages::provider::{CALLBACK, CameBackPage, ProviderButton};
use crate::pages::reset::ResetPassword;
use crate::pages::second_step::SecondStep;
use crate::pages::verify_email::VerifyEmail;

/// The page for whoever is not signed in.
#[component]
pub(crate) fn Auth() -> impl IntoView {
    let context = context();
    let pathname = use_location().pathname;
    let path = Memo::new(move |_| pathname.get());
    let notice = move || match context.phase.get() {
        Phase::SignedOut(notice) => notice,
        _ => None,
    };
    let name = move || context.server.with(|server| server.as_ref().map(|server| server.name.clone()));
    let title = move || name().unwrap_or_else(|| "Parlour".to_owned());
    view! {
        <div class="auth">
            <div class="auth-story">
                <div class="auth-brand">
                    <Mark />
                    <span>{title}</span>
                </div>
                <div class="auth-words">
                    <p class="auth-line">"A quiet room for your people."</p>
                    <p>"Rooms for everybody, private chats among friends. On a server of your own, in real time."</p>
                </div>
                <div class="auth-bubbles" aria-hidden="true">
                    <span class="bubble b1"></span>
                    <span class="bubble b2"></span>
                    <span class="bubble b3"></span>
                    <span class="bubble b4"></span>
                </div>
            </div>
            <main class="auth-main">
                <div class="auth-card">
                    {move || {
                        notice()
                            .map(|notice| {
                                view! {
                                    <p class="notice" role="status">
                                        <Icon path=ALERT />
                                        <span>{notice}</span>
                                    </p>
                                }
                            })
                    }}
                    {move || match path.get().as_str() {
                        "/register" => view! { <Register /> }.into_any(),
                        CALLBACK => view! { <CameBackPage /> }.into_any(),
                        "/reset" => view! { <ResetPassword /> }.into_any(),
                        "/forgot" => view! { <ForgotPassword /> }.into_any(),
                        "/verify-email" => view! { <VerifyEmail /> }.into_any(),
                        _ => view! { <LogIn /> }.into_any(),
                    }}
                </div>
            </main>
        </div>
    }
}

/// Runs the request of a form and enters the app when it succeeds.
pub(crate) fn enter(
    context: Context,
    busy: RwSignal<bool>,
    failure: RwSignal<Option<Failure>>,
    request: impl Future<Output = Answer<SignedIn>> + 'static,
    refused: impl FnOnce(&Failure) + 'static,
) {
    if busy.get_untracked() {
        return;
    }
    busy.set(true);
    failure.set(None);
    let navigate = use_navigate();
    spawn_local(async move {
        let answer = request.await;
        let _ = busy.try_set(false);
        match answer {
            Ok(signed_in) => {
                let path = window().location().pathname().unwrap_or_default();
                if matches!(path.as_str(), "/login" | "/register" | CALLBACK) {
                    navigate("/", leptos_router::NavigateOptions { replace: true, ..Default::default() });
                }
                context.enter(&signed_in);
            }
            Err(why) => {
                refused(&why);
                let _ = failure.try_set(Some(why));
            }
        }
    });
}

/// What went wrong with the form as a whole.
#[component]
pub(crate) fn FormFailure(failure: RwSignal<Option<Failure>>) -> impl IntoView {
    move || {
        failure.get().map(|failure| {
            view! {
                <p class="form-failure" role="alert" data-testid="form-error">
                    <Icon path=ALERT />
                    <span>{failure.message()}</span>
                </p>
            }
        })
    }
}

#[component]
fn LogIn() -> impl IntoView {
    let context = context();
    let filled =
        |text: &str| if text.trim().is_empty() { Err("Please fill this in.".to_owned()) } else { Ok(()) };
    let handle = Input::new("handle", filled);
    let password = Input::new("password", filled);
    let busy = RwSignal::new(false);
    let failure = RwSignal::new(None);
    let challenge = RwSignal::new(None::<(String, bool)>);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if !check_all(&[handle, password]) {
            return;
        }
        let body = CreateSession {
            handle: handle.text().trim().to_owned(),
            password: password.text(),
            device: Some(browser::device()),
            refresh: RefreshTransport::Cookie,
            device_token: None,
        };
        enter(context, busy, failure, async move { context.api.create_session(&body).await }, move |why| {
            if why.code() == Some(ErrorCode::BadCredentials) {
                password.focus();
            }
            if let Some(next) = why.challenge() {
                let _ = password.value.try_set(String::new());
                let _ = challenge.try_set(Some((next, why.takes_passkey())));
            }
        });
    };
    let back = Callback::new(move |why: Option<Failure>| {
        failure.set(why);
        challenge.set(None);
    });
    let mails = move || context.server.with(|server| server.as_ref().is_some_and(|server| server.mail));
    let form = move || {
        view! {
            <h1>"Welcome back"</h1>
            <form class="form" data-testid="login-form" novalidate on:submit=submit>
                <FormFailure failure />
                <Field input=handle label="Handle" autocomplete="username" placeholder="ada" />
                <Field input=password label="Password" kind="password" autocomplete="current-password" />
                <Submit label="Log in" busy testid="login-submit" wide=true />
            </form>
            <Show when=mails>
                <p class="auth-switch">
                    <a href="/forgot" data-testid="go-forgot">"Forgot your password?"</a>
                </p>
            </Show>
            <LogInWithPasskey failure />
            <ProviderButton />
            <p class="auth-switch">
                "New here? " <a href="/register" data-testid="go-register">"Create an account"</a>
            </p>
        }
    };
    move || match challenge.get() {
        Some((challenge, passkey)) => view! { <SecondStep challenge passkey back /> }.into_any(),
        None => form().into_any(),
    }
}

#[component]
fn Register() -> impl IntoView {
    let context = context();
    let handle = Input::new("handle", validation::handle);
    let display_name =
        Input::new(
            "display_name",
            |text| if text.is_empty() { Ok(()) } else { validation::display_name(text) },
        );
    let password = Input::new("password", validation::password);
    let invite = Input::new("invite", validation::invite);
    if let Some(code) = use_query_map().with_untracked(|query| query.get("invite")) {
        invite.value.set(code);
    }
    let busy = RwSignal::new(false);
    let failure = RwSignal::new(None);
    let waiting = RwSignal::new(None::<String>);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if !check_all(&[handle, display_name, password, invite]) {
            return;
        }
        let shown = display_name.text().trim().to_owned();
        let body = CreateAccount {
            handle: handle.text().trim().to_owned(),
            display_name: (!shown.is_empty()).then_some(shown),
            password: password.text(),
            device: Some(browser::device()),
            invite: Some(invite.text().trim().to_owned()).filter(|code| !code.is_empty()),
            refresh: RefreshTransport::Cookie,
        };
        let request = async move {
            match context.api.create_account(&body).await? {
                Registered::In(signed_in) => Ok(*signed_in),
                Registered::Waiting(pending) => {
                    let _ = waiting.try_set(Some(pending.handle));
                    Err(Failure::Problem(Box::new(Problem::new(ErrorCode::ApprovalPending))))
                }
            }
        };
        enter(context, busy, failure, request, move |why| {
            if why.code() == Some(ErrorCode::InviteNeeded) {
                invite.focus();
            }
            if why.code() == Some(ErrorCode::Taken) {
                handle.error.set(Some("This handle is already taken.".to_owned()));
                handle.focus();
            }
            for input in [
                ("handle", handle),
                ("display_name", display_name),
                ("password", password),
                ("invite", invite),
            ] {
                if let Some(message) = why.violation(input.0) {
                    input.1.error.set(Some(message));
                }
            }
        });
    };
    let mode = move || context.server.with(|server| server.as_ref().map(|server| server.registration));
    let closed = move || mode() == Some(Registration::Closed);
    let by_invite = move || mode() == Some(Registration::Invite);
    let by_approval = move || mode() == Some(Registration::Approval);
    let form = move || {
        view! {
            <h1>"Create your account"</h1>
            <Show when=by_invite>
                <p class="notice" role="status">
                    <Icon path=ALERT />
                    <span>"This server is for people who were invited. You need the code of an invite."</span>
                </p>
            </Show>
            <Show when=by_approval>
                <p class="notice" role="status">
                    <Icon path=ALERT />
                    <span>"An administrator lets people in here. With an invite you are in at once."</span>
                </p>
            </Show>
            <Show when=closed>
                <p class="notice" role="status">
                    <Icon path=ALERT />
                    <span>"Registration is closed on this server. Ask its operator for an account."</span>
                </p>
            </Show>
            <form class="form" data-testid="register-form" novalidate on:submit=submit>
                <FormFailure failure />
                <Field
                    input=handle
                    label="Handle"
                    hint="3 to 24 letters, digits or underscores, beginning with a letter. Friends find you by it."
                    autocomplete="username"
                    placeholder="ada"
                />
                <Field
                    input=display_name
                    label="Display name (optional)"
                    hint="What others see; you can change it at any time."
                    autocomplete="name"
                    placeholder="Ada Lovelace"
                />
                <Field
                    input=password
                    label="Password"
                    hint="At least 8 characters. A few words in a row are easy to remember."
                    kind="password"
                    autocomplete="new-password"
                />
                <Show when=move || by_invite() || by_approval()>
                    <Field input=invite label="Invite code" hint="It is in the link or message that you were sent." />
                </Show>
                <Submit label="Create account" busy testid="register-submit" wide=true />
            </form>
            <ProviderButton />
            <p class="auth-switch">
                "Already have an account? " <a href="/login" data-testid="go-login">"Log in"</a>
            </p>
        }
    };
    move || match waiting.get() {
        Some(handle) => view! { <Waiting handle /> }.into_any(),
        None => form().into_any(),
    }
}

/// What is shown to whoever registered and waits to be let in.
#[component]
pub(crate) fn Waiting(handle: String) -> impl IntoView {
    view! {
        <h1>"Almost there"</h1>
        <p role="status" data-testid="approval-pending">
            {format!("@{handle} is registered.")} " Your account waits until an administrator lets you in. Then you can log in with your \
             handle and password."
        </p>
        <p class="auth-switch">
            <a href="/login" data-testid="go-login">"To the log-in"</a>
        </p>
    }
}
