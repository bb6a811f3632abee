//! From the cookie to a running app, and back to the log-in page.

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::sessions::SignedIn;

use super::connection;
use crate::api::http::Failure;
use crate::browser;
use crate::context::{Context, Load, Phase};

/// Seconds before its end at which the access token is refreshed.
const EARLY: i64 = 60;

impl Context {
    /// Tries the cookie.
    pub(crate) fn boot(&self) {
        let context = *self;
        context.phase.set(Phase::Booting);
        spawn_local(async move {
            match context.api.refresh().await {
                Ok(signed_in) => context.enter(&signed_in),
                Err(Failure::Offline) => context.phase.set(Phase::Unreachable),
                Err(failure) if failure.code() == Some(ErrorCode::Unavailable) => {
                    context.phase.set(Phase::Unreachable);
                }
                Err(_) => context.phase.set(Phase::SignedOut(None)),
            }
        });
        spawn_local(async move {
            if let Ok(server) = context.api.read_server().await {
                context.server.set(Some(server));
            }
        });
    }

    /// Starts the app for the person who has just signed in.
    pub(crate) fn enter(&self, signed_in: &SignedIn) {
        let generation = self.live.reset();
        self.clear();
        self.api.adopt(signed_in);
        self.account.set(Some(signed_in.account.clone()));
        self.session.set(Some(signed_in.session));
        self.restore_outbox();
        self.phase.set(Phase::SignedIn);
        self.load_friends();
        self.load_notices();
        self.load_blocks();
        let context = *self;
        spawn_local(async move {
            context.load_conversations().await;
            connection::run(context, generation).await;
        });
    }

    /// Reads the list of conversations; entries that are gone go.
    pub(crate) async fn load_conversations(self) {
        match self.api.list_conversations().await {
            Ok(page) => {
                let gone: Vec<_> = self
                    .ids
                    .get_untracked()
                    .into_iter()
                    .filter(|id| !page.items.iter().any(|one| one.id == *id))
                    .collect();
                for id in gone {
                    self.live.forget(id);
                    self.remove_entry(id);
                }
                for conversation in page.items {
                    // The open conversation's log is followed from its messages; its cursor stays.
                    let cursor = self.live.cursor(conversation.id);
                    let id = conversation.id;
                    self.put_entry(conversation);
                    if let Some(cursor) = cursor.filter(|_| self.open.is(id)) {
                        self.live.follow(id, cursor);
                    }
                }
                self.listed.set(Load::Ready(()));
            }
            Err(failure) => {
                if self.listed.with_untracked(|listed| listed.ready().is_none()) {
                    self.listed.set(Load::Failed(failure));
                }
            }
        }
    }

    /// Ends the session on the server, then here.
    pub(crate) fn log_out(&self) {
        let context = *self;
        self.attempt(async move { context.api.end_session().await }, move |()| context.leave(None));
    }

    /// Goes back to the log-in page.
    pub(crate) fn leave(&self, notice: Option<String>) {
        self.forget_outbox();
        self.live.reset();
        self.api.forget();
        self.phase.set(Phase::SignedOut(notice));
        self.clear();
    }

    /// Keeps the access token fresh and watches for the end of the session; called once.
    pub(crate) fn watch_session(&self) {
        let context = *self;
        let timer: StoredValue<Option<TimeoutHandle>> = StoredValue::new(None);
        Effect::new(move |_| {
            if let Some(Some(old)) = timer.try_update_value(Option::take) {
                old.clear();
            }
            let Some(expires_in) = context.api.signed_in.with(|one| one.as_ref().map(|one| one.expires_in))
            else {
                return;
            };
            let wait = Duration::from_secs((expires_in - EARLY).max(5).unsigned_abs());
            let refresh = move || {
                spawn_local(async move {
                    let _ = context.api.refresh().await;
                });
            };
            timer.set_value(set_timeout_with_handle(refresh, wait).ok());
        });
        Effect::new(move |before: Option<u32>| {
            let count = context.api.expired.get();
            if before.is_some_and(|before| before != count) {
                context.leave(Some("Your session has ended. Please log in again.".to_owned()));
            }
            count
        });
        Effect::new(move |_| {
            let theme = context.theme.get();
            browser::set_theme(theme.as_deref());
            browser::store(true, "theme", theme.as_deref());
        });
        let minute = context.minute;
        let _ =
            set_interval_with_handle(move || minute.update(|minute| *minute += 1), Duration::from_secs(30));
        let _ = window_event_listener_untyped("online", move |_| context.live.wake());
        let _ = window_event_listener(leptos::ev::visibilitychange, move |_| {
            if browser::visible() {
                context.live.wake();
            }
        });
    }
}
