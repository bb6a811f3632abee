//! The app: who is there decides between the log-in page and the panes, the address decides what is in them.

use leptos::prelude::*;
use leptos_router::components::{Route, Router, Routes};
use leptos_router::hooks::use_location;
use leptos_router::path;

use crate::components::banner::{Announcer, ConnectionBanner, Toasts};
use crate::components::copying::CopyByHand;
use crate::components::dialog::{Ask, Questions};
use crate::components::keyboard::Shortcuts;
use crate::components::places::BottomBar;
use crate::components::sidebar::Sidebar;
use crate::components::switcher::Switcher;
use crate::context::{Context, Phase, context};
use crate::icons::Mark;
use crate::pages::admin::Admin;
use crate::pages::auth::Auth;
use crate::pages::conversation::ConversationPage;
use crate::pages::forgot::ForgotPage;
use crate::pages::friends::FriendsPage;
use crate::pages::home::{Home, NotFound};
use crate::pages::notifications::NotificationsPage;
use crate::pages::profile::ProfilePage;
use crate::pages::provider::AddedPage;
use crate::pages::reset::ResetPage;
use crate::pages::rooms::Rooms;
use crate::pages::settings::Settings;
use crate::pages::verify_email::VerifyEmailPage;
use crate::state::bidi;
use crate::storage::{self, Life};

/// The whole app.
#[component]
pub(crate) fn App() -> impl IntoView {
    let context = Context::new();
    provide_context(context);
    provide_context(Ask(RwSignal::new(None)));
    if let Some(owner) = storage::who() {
        // As whoever is about to be signed in likes it, before the cookie was tried.
        context.load_settings(owner);
    }
    context.watch_session();
    context.boot();
    let stage = Memo::new(move |_| match context.phase.get() {
        Phase::Replaced => 3,
        Phase::SignedIn => 2,
        Phase::SignedOut(_) => 1,
        Phase::Booting | Phase::Unreachable => 0,
    });
    view! {
        <Router>
            {move || match stage.get() {
                3 => view! { <Replaced /> }.into_any(),
                2 => view! { <Panes /> }.into_any(),
                1 => view! { <Auth /> }.into_any(),
                _ => view! { <Splash /> }.into_any(),
            }}
            <Toasts />
            <Questions />
            <CopyByHand />
        </Router>
    }
}

/// While the cookie is tried.
#[component]
fn Splash() -> impl IntoView {
    let context = context();
    view! {
        <div class="splash" role="status">
            <Mark />
            <Show
                when=move || context.phase.get() == Phase::Unreachable
                fallback=|| view! { <span class="visually-hidden">"Loading"</span> }
            >
                <p>"The server cannot be reached."</p>
                <button type="button" class="button" on:click=move |_| context.boot()>
                    "Try again"
                </button>
            </Show>
        </div>
    }
}

/// Somebody else has signed in in another tab of this browser. What this page showed is gone.
#[component]
fn Replaced() -> impl IntoView {
    view! {
        <main class="splash" data-testid="replaced">
            <Mark />
            <div class="splash-words" role="alert">
                <h1>"Somebody else is signed in here now"</h1>
                <p>"Another account has logged in in this browser, so this page has stopped. Nothing is sent from it any more."</p>
            </div>
            <button
                type="button"
                class="button primary"
                data-testid="replaced-reload"
                on:click=|_| {
                    // The start: where this page was belongs to the one before.
                    let _ = window().location().replace("/");
                }
            >
                "Reload"
            </button>
        </main>
    }
}

/// The three panes.
#[component]
fn Panes() -> impl IntoView {
    let context = context();
    Effect::new(move |_| {
        let open = context.details.get();
        context.keep(Life::Device, "details", open.then_some("open"));
    });
    name_the_tab(context);
    let path = use_location().pathname;
    let start = move || path.with(|path| matches!(path.as_str(), "/" | "/login" | "/register"));
    view! {
        <a class="skip-link" href="#main">"Skip to the content"</a>
        <div class="panes" class:at-start=start>
            <div class="pane-side">
                <Sidebar />
            </div>
            <main id="main" class="pane-main" tabindex="-1">
                <Routes fallback=Elsewhere>
                    <Route path=path!("/") view=Home />
                    <Route path=path!("/rooms") view=Rooms />
                    <Route path=path!("/c/:id/:seq?") view=ConversationPage />
                    <Route path=path!("/friends/:part?") view=FriendsPage />
                    <Route path=path!("/u/:handle") view=ProfilePage />
                    <Route path=path!("/notifications") view=NotificationsPage />
                    <Route path=path!("/settings/:part?") view=Settings />
                    <Route path=path!("/log-in/callback") view=AddedPage />
                    <Route path=path!("/reset") view=ResetPage />
                    <Route path=path!("/forgot") view=ForgotPage />
                    <Route path=path!("/verify-email") view=VerifyEmailPage />
                    <Route path=path!("/admin/:part?") view=Admin />
                </Routes>
            </main>
            <BottomBar />
        </div>
        <ConnectionBanner />
        <Announcer />
        <Switcher />
        <Shortcuts />
    }
}

/// Any other address. Whoever is signed in has nothing to do on the log-in pages.
#[component]
fn Elsewhere() -> impl IntoView {
    let path = use_location().pathname.get_untracked();
    if matches!(path.as_str(), "/login" | "/register") {
        view! { <Home /> }.into_any()
    } else {
        view! { <NotFound /> }.into_any()
    }
}

/// The tab's name: what is open, and how much waits.
fn name_the_tab(context: Context) {
    Effect::new(move |_| {
        let mut waiting = 0;
        for entry in context.ids.get().into_iter().filter_map(|id| context.entry(id)) {
            waiting += entry.with(|entry| {
                let direct = entry.kind == parlour_protocol::conversations::ConversationKind::Direct;
                if direct { entry.unread } else { entry.mentions }
            });
        }
        let open = context.open.id.get().and_then(|id| context.entry(id));
        let open = open.map(|entry| entry.with(crate::state::conversations::title));
        let name = context
            .server
            .with(|server| server.as_ref().map_or_else(|| "Parlour".to_owned(), |one| one.name.clone()));
        let title = open.map_or_else(|| name.clone(), |open| format!("{} · {name}", bidi::isolated(&open)));
        document().set_title(&if waiting > 0 { format!("({waiting}) {title}") } else { title });
    });
    on_cleanup(move || document().set_title("Parlour"));
}
