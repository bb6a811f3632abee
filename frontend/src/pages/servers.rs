//! Asks for the server's address if the page was not loaded from it, and links to the server's own page.

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_location, use_navigate, use_query_map};

use crate::arrival::titled;
use crate::browser;
use crate::components::form::{Field, Input, Submit, check_all};
use crate::context::context;
use crate::effects::effect;
use crate::pages::auth::{AuthFrame, GuestLink};
use crate::state::addresses::{self, LOG_IN, SERVER};
use crate::state::bidi;
use crate::state::servers::{self, Found, Unusable};
use crate::stores::session::Phase;
use crate::texts::{common, servers as texts};

fn replace() -> NavigateOptions {
    NavigateOptions { replace: true, ..Default::default() }
}

/// The validation rule of the address field.
fn usable(typed: &str) -> Result<(), String> {
    let why = match servers::address(typed, &browser::scheme()) {
        Ok(_) => return Ok(()),
        Err(Unusable::Empty) => texts::enter_address(),
        Err(Unusable::NotAnAddress) => texts::not_an_address(),
        Err(Unusable::NeedsTls) => texts::needs_tls(),
    };
    Err(why.to_owned())
}

/// Shown on start if no server is known. Keeps the page's address for later.
#[component]
pub(crate) fn FirstServer() -> impl IntoView {
    view! {
        <AuthFrame>
            <ChooseServer />
        </AuthFrame>
    }
}

/// The same form at its own address, for users who want another server. A page loaded from its server redirects to the
/// log-in.
#[component]
pub(crate) fn ServerPage() -> impl IntoView {
    if context().session.host.with_untracked(Option::is_none) {
        let navigate = use_navigate();
        effect(move || navigate(LOG_IN, replace()));
        return ().into_any();
    }
    view! { <ChooseServer /> }.into_any()
}

#[component]
fn ChooseServer() -> impl IntoView {
    let context = context();
    titled(|| texts::title().to_owned());
    let server = Input::new("server", usable);
    let now = context.session.host.get_untracked();
    if let Some(now) = &now {
        server.value.set(servers::host(now).to_owned());
    }
    server.focus_first();
    let busy = RwSignal::new(false);
    let navigate = use_navigate();
    let (path, next) = (use_location().pathname, use_query_map());
    // At its own address, this page leads to the log-in, which leads on to its target.
    let leave = move || {
        if path.get_untracked() == SERVER {
            let next = next.with_untracked(|query| query.get("next"));
            let log_in = addresses::with_next(LOG_IN, addresses::after_log_in(next.as_deref()));
            navigate(&log_in, replace());
        }
    };
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() || !check_all(&[server]) {
            return;
        }
        let Ok(address) = servers::address(&server.text(), &browser::scheme()) else { return };
        busy.set(true);
        let leave = leave.clone();
        spawn_local(async move {
            let host = bidi::isolated(servers::host(&address));
            let answer = context.connect(address).await;
            let _ = busy.try_set(false);
            let why = match answer {
                Ok(()) => return leave(),
                Err(Found::Other) => texts::not_parlour(&host),
                Err(_) => texts::no_answer(&host),
            };
            let _ = server.error.try_set(Some(why));
            server.focus();
        });
    };
    // A user whose server does not respond may go back and wait for it.
    let stays = now.is_some() && context.session.phase.get_untracked() == Phase::ChoosingServer;
    let back = stays.then(|| {
        view! {
            <p class="auth-switch">
                <button type="button" class="link-button" data-testid="server-back" on:click=move |_| context.boot()>
                    {common::back()}
                </button>
            </p>
        }
    });
    let log_in = (now.is_some() && !stays).then(|| {
        view! {
            <p class="auth-switch">
                <GuestLink to=LOG_IN text=common::back() testid="server-back" />
            </p>
        }
    });
    view! {
        <h1>{texts::title()}</h1>
        <p class="soft">{texts::text()}</p>
        <form class="form" data-testid="server-form" novalidate on:submit=submit>
            <Field
                input=server
                label=texts::address()
                hint=texts::address_hint()
                kind="url"
                autocomplete="url"
                placeholder=texts::address_example()
            />
            <Submit label=texts::connect() busy testid="server-submit" wide=true />
        </form>
        {back}
        {log_in}
    }
}

/// The current server and a link to choose another one; empty on a page loaded from its server.
#[component]
pub(crate) fn OtherServer() -> impl IntoView {
    let context = context();
    move || {
        context.session.host.get().map(|server| {
            view! {
                <p class="auth-switch">
                    {texts::on_server(&bidi::isolated(servers::host(&server)))} " "
                    <GuestLink to=SERVER text=texts::use_another() testid="other-server" />
                </p>
            }
        })
    }
}

/// Explains what works only on the server's own page, with a link to it. `place` is the path there.
#[component]
pub(crate) fn OnServersPage(
    #[prop(into)] text: String,
    server: String,
    #[prop(default = "/")] place: &'static str,
) -> impl IntoView {
    let href = format!("{server}{place}");
    view! {
        <p class="soft">{text}</p>
        <div class="row end">
            <a class="button" href=href target="_blank" rel="noopener noreferrer" data-testid="open-server">
                {texts::open(&bidi::isolated(servers::host(&server)))}
            </a>
        </div>
    }
}
