//! Signing in and out: from a session to a running app, and back to the log-in page.
//!
//! Invariant: a page acts for the account it shows, or for nobody. All tabs share the cookie, so its owner is compared
//! at every refresh, whenever another tab signs in or out, and when a tab wakes up.

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use parlour_client::engine::Input;
use parlour_protocol::sessions::SignedIn;
use wasm_bindgen::JsCast;

use super::connection;
use crate::browser;
use crate::context::Context;
use crate::effects::effect;
use crate::state::keys;
use crate::storage::{self, Life};
use crate::stores::session::Phase;
use crate::texts::auth;

/// The access token is refreshed this many seconds before it expires.
const EARLY: i64 = 60;

impl Context {
    /// Starts the app for the user who has just signed in.
    pub(crate) fn enter(&self, signed_in: &SignedIn) {
        let generation = self.live.reset();
        self.session.by_form.set_value(matches!(self.session.phase.get_untracked(), Phase::SignedOut(_)));
        self.session.next.set_value(storage::take_next());
        self.clear();
        self.api.adopt(signed_in);
        storage::enter(signed_in.account.id);
        self.session.account.set(Some(signed_in.account.clone()));
        self.session.id.set(Some(signed_in.session));
        self.preferences.load(signed_in.account.id);
        self.restore_outbox();
        self.session.phase.set(Phase::SignedIn);
        self.load_friends();
        self.load_notices();
        self.load_blocks();
        let context = *self;
        spawn_local(async move {
            context.load_conversations().await;
            connection::run(context, generation).await;
        });
    }

    /// Ends the session on the server, then locally.
    pub(crate) fn log_out(&self) {
        let context = *self;
        self.attempt(async move { context.api.end_session().await }, move |()| context.leave(None));
    }

    /// Returns to the log-in page. No data of the user stays on the device, and the address they were at is not kept.
    pub(crate) fn leave(&self, notice: Option<String>) {
        self.session.comes_back.set_value(false);
        self.forget_everything();
        self.session.phase.set(Phase::SignedOut(notice));
    }

    /// Another account is signed in in this browser now: this page stops and says so.
    fn replaced(&self) {
        self.forget_everything();
        self.session.phase.set(Phase::Replaced);
    }

    fn forget_everything(&self) {
        let me = self.session.me();
        self.live.reset();
        self.api.forget();
        self.clear();
        storage::leave(me);
        self.api.drop_session(me);
    }

    /// Handles the end of the session. If the same user has logged in again in another tab, this tab continues with that
    /// session.
    pub(super) async fn session_over(self) {
        let generation = self.live.generation();
        let over = self.api.refresh().await.is_err_and(|failure| failure.ends_session());
        if over && self.live.generation() == generation {
            self.leave(Some(auth::logged_out().to_owned()));
        }
    }

    /// Compares the displayed account with the one signed in in this browser.
    fn check_identity(&self) {
        if self.session.phase.get_untracked() == Phase::SignedIn
            && storage::who().is_some_and(|who| who != self.session.me())
        {
            self.replaced();
        }
    }

    /// Handles another tab having changed the storage.
    fn storage_changed(&self, event: &web_sys::StorageEvent) {
        let Some((name, value)) = storage::changed(event) else { return };
        if name == keys::SERVER {
            self.server_changed_elsewhere();
        }
        if self.session.phase.get_untracked() != Phase::SignedIn {
            return;
        }
        if name == keys::WHO {
            match value {
                Some(_) => self.check_identity(),
                None => self.leave(Some(auth::logged_out().to_owned())),
            }
        } else if let Some(name) = keys::within(self.session.me(), &name) {
            match name.split_once('.') {
                Some(("outbox", cid)) => self.outbox_changed_elsewhere(cid, value),
                Some(("tab", _)) if value.is_none() => self.tab_closed(),
                Some(("tab", _)) => self.note_tabs(),
                _ => self.preferences.changed_elsewhere(name, value),
            }
        }
    }

    /// Keeps the access token fresh and watches for the end of the session; called once.
    pub(crate) fn watch_session(&self) {
        self.keep_token_fresh();
        self.watch_account();
        self.keep_time();
        self.watch_window();
        let context = *self;
        effect(move || {
            let theme = context.preferences.theme.get();
            browser::set_theme(theme.as_deref());
            context.preferences.keep(Life::Device, "theme", theme.as_deref());
        });
    }

    /// Refreshes the access token before it expires.
    fn keep_token_fresh(&self) {
        let context = *self;
        let timer: StoredValue<Option<TimeoutHandle>> = StoredValue::new(None);
        effect(move || {
            if let Some(Some(old)) = timer.try_update_value(Option::take) {
                old.clear();
            }
            let latest =
                context.api.signed_in.with(|one| one.as_ref().map(|one| (one.expires_in, one.session)));
            let Some((expires_in, session)) = latest else { return };
            // The same user may have logged in again in another tab.
            if context.session.id.get_untracked().is_some_and(|known| known != session) {
                context.session.id.set(Some(session));
            }
            let wait = Duration::from_secs((expires_in - EARLY).max(5).unsigned_abs());
            timer.set_value(set_timeout_with_handle(move || context.refresh_session(), wait).ok());
        });
    }

    /// Refreshes the session; whatever is wrong with it is noticed elsewhere.
    fn refresh_session(&self) {
        let api = self.api;
        spawn_local(async move {
            let _ = api.refresh().await;
        });
    }

    /// Notices that the session has ended, or that another account was signed in.
    fn watch_account(&self) {
        let context = *self;
        when_counted(context.api.expired, move || {
            if context.session.signed_in() {
                context.leave(Some(auth::session_over().to_owned()));
                // Most likely the same user logs in again and wants to continue.
                context.session.comes_back.set_value(true);
            }
        });
        when_counted(context.api.replaced, move || {
            if context.session.signed_in() {
                context.replaced();
            }
        });
    }

    /// Counts half minutes.
    fn keep_time(&self) {
        let context = *self;
        let tick = move || {
            context.ui.minute.update(|minute| *minute += 1);
            context.still_here();
        };
        let _ = set_interval_with_handle(tick, Duration::from_secs(30));
    }

    /// Follows what happens to the window and in other tabs.
    fn watch_window(&self) {
        let context = *self;
        for name in ["online", "offline"] {
            let _ = window_event_listener_untyped(name, move |_| {
                if context.session.signed_in() {
                    context.line_changed();
                }
            });
        }
        let _ = window_event_listener_untyped("storage", move |event| {
            if let Some(event) = event.dyn_ref::<web_sys::StorageEvent>() {
                context.storage_changed(event);
            }
        });
        let _ = window_event_listener_untyped("pagehide", move |_| {
            context.tell_read_and_leave();
            context.tab_closes();
        });
        // A page restored from the back/forward cache may belong to a user who has logged out meanwhile.
        let _ = window_event_listener_untyped("pageshow", move |_| {
            if context.session.signed_in() && storage::who().is_none() {
                context.refresh_session();
            }
        });
        // A suspended tab has missed all storage events.
        for name in ["pageshow", "focus", "blur", "visibilitychange"] {
            let _ = window_event_listener_untyped(name, move |_| context.looked_at());
        }
        let _ = window_event_listener(leptos::ev::click, move |event| {
            if browser::leads_here(&event) {
                context.ui.visits.update(|count| *count += 1);
            }
        });
    }

    /// Handles the user having come to this window, or having left it.
    fn looked_at(&self) {
        self.ui.attention.maybe_update(|looking| {
            let now = browser::looked_at();
            std::mem::replace(looking, now) != now
        });
        self.check_identity();
        if browser::visible() {
            self.feed(Input::Wake);
            self.feed(Input::Probe);
            self.still_here();
        } else {
            self.tell_read_and_leave();
        }
    }
}

/// Runs a closure whenever a counter has changed.
fn when_counted(counter: RwSignal<u32>, run: impl Fn() + 'static) {
    Effect::new(move |before: Option<u32>| {
        let count = counter.get();
        if before.is_some_and(|before| before != count) {
            run();
        }
        count
    });
}
