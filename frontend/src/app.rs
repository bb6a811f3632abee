//! The app: the session decides between the log-in page and the panes, the address decides what the panes show.

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::components::{Route, Router, Routes};
use leptos_router::hooks::{use_location, use_navigate};
use leptos_router::path;

use crate::arrival;
use crate::browser;
use crate::components::banner::{Announcer, ConnectionBanner, Toasts};
use crate::components::copying::CopyByHand;
use crate::components::dialog::Questions;
use crate::components::keyboard::Shortcuts;
use crate::components::places::BottomBar;
use crate::components::sidebar::Sidebar;
use crate::components::states::Skeleton;
use crate::components::switcher::Switcher;
use crate::context::{Context, context};
use crate::effects::effect;
use crate::icons::Mark;
use crate::later;
use crate::pages::conversation::ConversationPage;
use crate::pages::friends::FriendsPage;
use crate::pages::home::{Home, NotFound};
use crate::pages::notifications::{NotificationsPage, see_what_is_open};
use crate::pages::profile::ProfilePage;
use crate::pages::rooms::Rooms;
use crate::state::addresses;
use crate::storage::{self, Life};
use crate::stores::session::{Link, Phase};
use crate::texts::{common, servers};

/// The whole app.
#[component]
pub(crate) fn App() -> impl IntoView {
    browser::enter();
    let context = Context::new();
    provide_context(context);
    if let Some(owner) = storage::who() {
        // Use the settings of the account that will probably be signed in, before the cookie has been tried.
        context.preferences.load(owner);
    }
    context.request_people();
    context.watch_session();
    context.boot();
    let stage = Memo::new(move |_| match context.session.phase.get() {
        Phase::ChoosingServer => 4,
        Phase::Replaced => 3,
        Phase::SignedIn => 2,
        Phase::SignedOut(_) => 1,
        Phase::Booting | Phase::Unreachable => 0,
    });
    view! {
        <Router>
            <Shell />
            {move || match stage.get() {
                4 => later::first_server(),
                3 => view! { <Replaced /> }.into_any(),
                2 => later::panes(),
                1 => later::auth(),
                _ => view! { <Splash /> }.into_any(),
            }}
            <Toasts />
            <Questions />
            <CopyByHand />
        </Router>
    }
}

/// Elements that are part of every page, signed in or not.
#[component]
fn Shell() -> impl IntoView {
    let context = context();
    arrival::name_the_window(context);
    arrival::follow(context);
    view! { <Announcer /> }
}

/// Shown while the session is being restored, and until the code of the pages for guests is there.
#[component]
pub(crate) fn Splash() -> impl IntoView {
    let context = context();
    view! {
        <main class="splash waiting">
            <Mark />
            <div class="splash-words" role="status">
                <Show
                    when=move || context.session.phase.get() == Phase::Unreachable
                    fallback=|| view! { <span class="visually-hidden">{common::loading()}</span> }
                >
                    <h1>{common::cannot_reach_server()}</h1>
                    <p>
                        <button type="button" class="button" on:click=move |_| context.boot()>
                            {common::try_again()}
                        </button>
                    </p>
                    <Show when=move || context.session.host.with(Option::is_some)>
                        <p>
                            <button
                                type="button"
                                class="link-button"
                                data-testid="other-server"
                                on:click=move |_| context.session.phase.set(Phase::ChoosingServer)
                            >
                                {servers::use_another()}
                            </button>
                        </p>
                    </Show>
                </Show>
            </div>
        </main>
    }
}

/// Another account has signed in in another tab of this browser. This page's content was discarded.
#[component]
fn Replaced() -> impl IntoView {
    arrival::titled(|| common::replaced_title().to_owned());
    view! {
        <main class="splash" data-testid="replaced">
            <Mark />
            <div class="splash-words" role="alert">
                <h1>{common::replaced_title()}</h1>
                <p>{common::replaced_text()}</p>
            </div>
            <button
                type="button"
                class="button primary"
                data-testid="replaced-reload"
                on:click=|_| {
                    // The start page: the current address belongs to the previous account.
                    let _ = window().location().replace("/");
                }
            >
                {common::reload()}
            </button>
        </main>
    }
}

/// The three panes of the signed-in app.
#[component]
pub(crate) fn Panes() -> impl IntoView {
    let context = context();
    effect(move || {
        let open = context.preferences.details.get();
        context.preferences.keep(Life::Device, "details", open.then_some("open"));
    });
    let location = use_location();
    let path = location.pathname;
    let navigate = use_navigate();
    // Pages for guests redirect to the address that the log-in was started for.
    effect(move || {
        let came_back = |path: &str| path == addresses::CALLBACK && context.session.by_form.get_value();
        if path.with(|path| addresses::only_for_guests(path) || came_back(path)) {
            let noted =
                context.session.next.get_value().filter(|_| path.with_untracked(|path| came_back(path)));
            let next = location.query.with_untracked(|query| query.get("next")).or(noted);
            navigate(
                addresses::after_log_in(next.as_deref()),
                NavigateOptions { replace: true, ..Default::default() },
            );
        }
    });
    see_what_is_open(context);
    later::fetch_in_time();
    effect(move || {
        context.people.set_online(context.session.me(), matches!(context.session.link.get(), Link::Online))
    });
    let start = move || path.with(|path| path == "/" || addresses::only_for_guests(path));
    view! {
        <a class="skip-link" href="#main">{common::skip_to_content()}</a>
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
                    <Route path=path!("/settings/:part?") view=later::settings />
                    <Route path=path!("/log-in/callback") view=later::added />
                    <Route path=path!("/reset") view=later::reset />
                    <Route path=path!("/forgot") view=later::forgot />
                    <Route path=path!("/verify-email") view=later::verify_email />
                    <Route path=path!("/admin/:part?") view=later::admin />
                </Routes>
            </main>
            <BottomBar />
        </div>
        <ConnectionBanner />
        <Switcher />
        <Shortcuts />
    }
}

/// The page for unknown addresses. Addresses for guests show a placeholder until they redirect.
#[component]
fn Elsewhere() -> impl IntoView {
    if addresses::only_for_guests(&use_location().pathname.get_untracked()) {
        view! { <Skeleton rows=3 /> }.into_any()
    } else {
        view! { <NotFound /> }.into_any()
    }
}
