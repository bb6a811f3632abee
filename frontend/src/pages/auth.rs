//! Log-in, and the frame of all pages for guests. Every page has its own address.

pub(crate) mod forgot;
pub(crate) mod provider;
pub(crate) mod register;
pub(crate) mod reset;
pub(crate) mod second_step;
pub(crate) mod verify_email;

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::components::{Route, Routes};
use leptos_router::hooks::{use_location, use_navigate, use_query_map};
use leptos_router::path;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::sessions::{CreateSession, SignedIn};

use crate::api::http::Answer;
use crate::arrival::titled;
use crate::browser;
use crate::components::form::{Field, Input, Submit};
use crate::context::{Context, context};
use crate::icons::{ALERT, Icon, Mark};
use crate::pages::auth::forgot::ForgotPassword;
use crate::pages::auth::provider::{CameBackPage, ProviderButton};
use crate::pages::auth::register::Register;
use crate::pages::auth::reset::ResetPassword;
use crate::pages::auth::second_step::SecondStep;
use crate::pages::auth::verify_email::VerifyEmail;
use crate::pages::sending::Sending;
use crate::pages::servers::{OtherServer, ServerPage};
use crate::pages::settings::passkeys::LogInWithPasskey;
use crate::state::addresses::{self, FORGOT, LOG_IN, REGISTER};
use crate::state::failure::Failure;
use crate::stores::session::Phase;
use crate::texts::auth;

/// The pages for guests.
#[component]
pub(crate) fn Auth() -> impl IntoView {
    let context = context();
    let location = use_location();
    let navigate = use_navigate();
    // Any other address redirects to the log-in, which remembers it, unless the user signed out on purpose.
    Effect::new(move |before: Option<()>| {
        let path = location.pathname.get();
        let left = before.is_none() && !context.session.comes_back.get_value();
        context.session.comes_back.set_value(true);
        let replace = || NavigateOptions { replace: true, ..Default::default() };
        if left {
            navigate(LOG_IN, replace());
        } else if !addresses::for_guests(&path) {
            let (search, hash) = (location.search.get_untracked(), location.hash.get_untracked());
            let search = if search.is_empty() { search } else { format!("?{search}") };
            navigate(&addresses::log_in_before(&format!("{path}{search}{hash}")), replace());
        }
    });
    let notice = move || match context.session.phase.get() {
        Phase::SignedOut(notice) => notice,
        _ => None,
    };
    view! {
        <AuthFrame>
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
            <Routes fallback=|| ()>
                <Route path=path!("/log-in") view=LogIn />
                <Route path=path!("/register") view=Register />
                <Route path=path!("/server") view=ServerPage />
                <Route path=path!("/log-in/callback") view=CameBackPage />
                <Route path=path!("/reset") view=ResetPassword />
                <Route path=path!("/forgot") view=ForgotPassword />
                <Route path=path!("/verify-email") view=VerifyEmail />
            </Routes>
        </AuthFrame>
    }
}

/// The frame around all pages for guests.
#[component]
pub(crate) fn AuthFrame(children: Children) -> impl IntoView {
    let context = context();
    view! {
        <div class="auth">
            <header class="auth-story">
                <div class="auth-brand">
                    <Mark />
                    <span>{move || context.session.server_name()}</span>
                </div>
                <div class="auth-words">
                    <p class="auth-line">{auth::tagline()}</p>
                    <p>{auth::story()}</p>
                </div>
                <div class="auth-bubbles" aria-hidden="true">
                    <span class="bubble b1"></span>
                    <span class="bubble b2"></span>
                    <span class="bubble b3"></span>
                    <span class="bubble b4"></span>
                </div>
            </header>
            <main class="auth-main">
                <div class="auth-card">{children()}</div>
            </main>
        </div>
    }
}

/// A link to another page for guests that keeps the address to open after the log-in.
#[component]
pub(crate) fn GuestLink(to: &'static str, text: &'static str, testid: &'static str) -> impl IntoView {
    let query = use_query_map();
    let href = move || {
        let next = query.with(|query| query.get("next"));
        addresses::with_next(to, addresses::after_log_in(next.as_deref()))
    };
    view! { <a href=href data-testid=testid>{text}</a> }
}

/// Runs a form's request and enters the app on success.
pub(crate) fn enter(
    context: Context,
    sending: Sending,
    request: impl Future<Output = Answer<SignedIn>> + 'static,
    refused: impl FnOnce(&Failure) + 'static,
) {
    let request = async move {
        let signed_in = request.await?;
        context.api.keep(&signed_in).await;
        Ok(signed_in)
    };
    let refused = move |why: &Failure| {
        refused(why);
        None
    };
    sending.send(refused, request, move |signed_in| context.enter(&signed_in));
}

/// The error of the form as a whole.
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
    titled(|| auth::log_in().to_owned());
    fn filled(text: &str, why: &str) -> Result<(), String> {
        if text.trim().is_empty() { Err(why.to_owned()) } else { Ok(()) }
    }
    let handle = Input::new("handle", |text| filled(text, auth::enter_username()));
    let password = Input::new("password", |text| filled(text, auth::enter_password()));
    handle.focus_first();
    let sending = Sending::new();
    let challenge = RwSignal::new(None::<(String, bool)>);
    let submit = sending.on_submit([handle, password], move || {
        let mut body = CreateSession {
            handle: handle.text().trim().to_owned(),
            password: password.text(),
            device: Some(browser::device()),
            refresh: context.api.transport(),
            device_token: None,
        };
        let request = async move {
            body.device_token = context.api.device_token().await;
            context.api.create_session(&body).await
        };
        enter(context, sending, request, move |why| {
            if why.code() == Some(ErrorCode::BadCredentials) {
                password.focus();
            }
            if let Some(next) = why.challenge() {
                let _ = password.value.try_set(String::new());
                let _ = challenge.try_set(Some((next, why.takes_passkey())));
            }
        });
    });
    let back = Callback::new(move |why: Option<Failure>| {
        sending.failure.set(why);
        challenge.set(None);
    });
    let mails = move || context.session.of_server(|server| server.mail);
    let form = move || {
        view! {
            <h1>{move || auth::log_in_to(&context.session.server_name())}</h1>
            <form class="form" data-testid="login-form" novalidate on:submit=submit.clone()>
                <FormFailure failure=sending.failure />
                <Field input=handle label=auth::username() autocomplete="username" placeholder=auth::username_example() />
                <Field input=password label=auth::password() kind="password" autocomplete="current-password" />
                <Submit label=auth::log_in() busy=sending.busy testid="login-submit" wide=true />
            </form>
            <Show when=mails>
                <p class="auth-switch">
                    <GuestLink to=FORGOT text=auth::forgot_link() testid="go-forgot" />
                </p>
            </Show>
            <LogInWithPasskey failure=sending.failure />
            <ProviderButton />
            <p class="auth-switch">
                {auth::new_here()} " " <GuestLink to=REGISTER text=auth::create_account_link() testid="go-register" />
            </p>
            <OtherServer />
        }
    };
    move || match challenge.get() {
        Some((challenge, passkey)) => view! { <SecondStep challenge passkey back /> }.into_any(),
        None => form().into_any(),
    }
}
