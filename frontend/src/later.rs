//! Pages that are not part of the first load. Their code is in files of their own, which are fetched when such a page
//! is opened for the first time.
//!
//! `cargo xtask client` cuts the compiled client at the functions marked here: what can be reached only through one of
//! them goes into its file. A page that is named directly anywhere else becomes part of the first load again.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos::wasm_split::{SplitLoaderError, wasm_split};

use crate::app::{Panes, Splash};
use crate::components::states::{Failed, Skeleton};
use crate::context::context;
use crate::pages::admin::Admin;
use crate::pages::auth::Auth;
use crate::pages::auth::forgot::ForgotPage;
use crate::pages::auth::provider::AddedPage;
use crate::pages::auth::reset::ResetPage;
use crate::pages::auth::verify_email::VerifyEmailPage;
use crate::pages::servers::FirstServer;
use crate::pages::settings::Settings;
use crate::state::failure::Failure;
use crate::state::load::Load;
use crate::stores::session::{Link, Phase};

/// How long after the start of the app the settings are fetched.
const QUIET: Duration = Duration::from_secs(20);

type Loading<T> = LocalBoxFuture<'static, Result<T, SplitLoaderError>>;

/// The pages for guests, and those at the addresses in mails and from a provider, which guests see as well.
#[derive(Debug, Clone, Copy)]
enum Guests {
    Auth,
    FirstServer,
    Added,
    Reset,
    Forgot,
    VerifyEmail,
}

#[wasm_split(guests, wasm_split_path = leptos::wasm_split, preload(load_guests), fallible)]
fn show_guests(page: Guests) -> Result<AnyView, SplitLoaderError> {
    Ok(match page {
        Guests::Auth => view! { <Auth /> }.into_any(),
        Guests::FirstServer => view! { <FirstServer /> }.into_any(),
        Guests::Added => view! { <AddedPage /> }.into_any(),
        Guests::Reset => view! { <ResetPage /> }.into_any(),
        Guests::Forgot => view! { <ForgotPage /> }.into_any(),
        Guests::VerifyEmail => view! { <VerifyEmailPage /> }.into_any(),
    })
}

#[wasm_split(members, wasm_split_path = leptos::wasm_split, preload(load_members), fallible)]
fn show_members() -> Result<AnyView, SplitLoaderError> {
    Ok(view! { <Panes /> }.into_any())
}

#[wasm_split(settings, wasm_split_path = leptos::wasm_split, preload(load_settings), fallible)]
fn show_settings() -> Result<AnyView, SplitLoaderError> {
    Ok(view! { <Settings /> }.into_any())
}

#[wasm_split(settings, wasm_split_path = leptos::wasm_split, preload(load_admin), fallible)]
fn show_admin() -> Result<AnyView, SplitLoaderError> {
    Ok(view! { <Admin /> }.into_any())
}

/// Starts to fetch the pages for guests, which will probably be shown as soon as the server has answered.
pub(crate) fn expect_guest() {
    spawn_local(load_guests().map(drop));
}

/// Starts to fetch what is shown to signed-in users, which will probably be shown as soon as the server has answered.
pub(crate) fn expect_member() {
    spawn_local(load_members().map(drop));
}

/// Fetches the settings once the app has run for a while, so that they can be opened without a connection, too, and after
/// the server has been updated.
pub(crate) fn fetch_in_time() {
    let fetch = move || {
        spawn_local(async move {
            // A file that is not there now is fetched again when it is needed.
            let _ = load_settings().await;
        });
    };
    if let Ok(waiting) = set_timeout_with_handle(fetch, QUIET) {
        on_cleanup(move || waiting.clear());
    }
}

/// The pages for guests.
pub(crate) fn auth() -> AnyView {
    guests(Guests::Auth, Frame::Window)
}

/// The app for signed-in users.
pub(crate) fn panes() -> AnyView {
    on_first_use(|| load_members().boxed_local(), Box::new(|| show_members().boxed_local()), Frame::Window)
}

/// Asks for the server's address on start.
pub(crate) fn first_server() -> AnyView {
    guests(Guests::FirstServer, Frame::Window)
}

/// The return from a provider for signed-in users.
pub(crate) fn added() -> AnyView {
    guests(Guests::Added, Frame::Page)
}

/// The page to choose a new password, for signed-in users.
pub(crate) fn reset() -> AnyView {
    guests(Guests::Reset, Frame::Page)
}

/// The page for a forgotten password, for signed-in users.
pub(crate) fn forgot() -> AnyView {
    guests(Guests::Forgot, Frame::Page)
}

/// The page that confirms an email address, for signed-in users.
pub(crate) fn verify_email() -> AnyView {
    guests(Guests::VerifyEmail, Frame::Page)
}

/// The settings.
pub(crate) fn settings() -> AnyView {
    on_first_use(|| load_settings().boxed_local(), Box::new(|| show_settings().boxed_local()), Frame::Page)
}

/// The administration.
pub(crate) fn admin() -> AnyView {
    on_first_use(|| load_admin().boxed_local(), Box::new(|| show_admin().boxed_local()), Frame::Page)
}

fn guests(page: Guests, frame: Frame) -> AnyView {
    on_first_use(|| load_guests().boxed_local(), Box::new(move || show_guests(page).boxed_local()), frame)
}

/// What a page is a part of.
#[derive(Debug, Clone, Copy)]
enum Frame {
    /// It fills the window.
    Window,
    /// It is the main pane of the app.
    Page,
}

impl Frame {
    fn waiting(self) -> AnyView {
        match self {
            Self::Window => view! { <Splash /> }.into_any(),
            Self::Page => view! {
                <div class="page" data-testid="page-loading">
                    <div class="page-body">
                        <Skeleton rows=6 />
                    </div>
                </div>
            }
            .into_any(),
        }
    }

    fn failed(self, failure: Failure, retry: Callback<()>) -> AnyView {
        match self {
            Self::Window => view! {
                <main class="splash">
                    <Failed failure retry />
                </main>
            }
            .into_any(),
            Self::Page => view! {
                <div class="page">
                    <Failed failure retry />
                </div>
            }
            .into_any(),
        }
    }
}

/// Shows a page as soon as its code is there.
fn on_first_use(
    load: fn() -> Loading<()>,
    show: Box<dyn Fn() -> Loading<AnyView> + Send>,
    frame: Frame,
) -> AnyView {
    let context = context();
    let state = RwSignal::new(Load::Pending);
    let fetch = move || {
        // Code that is there already needs no wait, which would show the placeholder for a moment.
        if let Some(Ok(())) = load().now_or_never() {
            state.set(Load::Ready(()));
            return;
        }
        state.set(Load::Pending);
        spawn_local(async move {
            let loaded = load().await;
            let _ = state.try_set(match loaded {
                Ok(()) => Load::Ready(()),
                Err(_) => Load::Failed(Failure::Offline),
            });
        });
    };
    fetch();
    let retry = Callback::new(move |()| {
        let phase = context.session.phase.get_untracked();
        if phase == Phase::SignedIn && context.session.link.get_untracked() != Link::Online {
            fetch();
        } else {
            // The server is there, but this file is not: it belongs to an earlier version of the client.
            let _ = window().location().reload();
        }
    });
    let view = move || match state.get() {
        Load::Pending => frame.waiting(),
        // Nothing is left to wait for, so that the page is built here, where it finds its context.
        Load::Ready(()) => show().now_or_never().and_then(Result::ok).unwrap_or_else(|| ().into_any()),
        Load::Failed(failure) => frame.failed(failure, retry),
    };
    view.into_any()
}
