//! Requests the users whose data is needed.

use std::time::Duration;

use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use leptos::task::spawn_local;
use parlour_protocol::ids::UserId;

use crate::browser;
use crate::context::Context;
use crate::effects::effect;

/// All users needed by the same page of messages are requested together.
const GATHERS: Duration = Duration::from_millis(15);
/// How long messages wait for their authors' names, in milliseconds.
const NAMES_MS: f64 = 700.0;
/// Polling interval while waiting for them, in milliseconds.
const LOOKS_MS: u32 = 20;
/// Maximum number of users in one request, as on the server.
const MOST: usize = 100;

impl Context {
    /// Requests users as soon as they are needed; called once.
    pub(crate) fn request_people(self) {
        effect(move || {
            if self.people.missing.get() {
                set_timeout(move || self.ask_wanted(), GATHERS);
            }
        });
    }

    /// Requests all wanted users. If a request fails, its users stay wanted until the connection is back.
    pub(crate) fn ask_wanted(&self) {
        self.people.missing.maybe_update(std::mem::take);
        self.ask(self.people.change_wanted(|wanted| wanted.all()));
    }

    /// Requests users.
    fn ask(&self, ids: Vec<UserId>) {
        let context = *self;
        self.people.change_wanted(|wanted| wanted.ask(&ids));
        for ids in ids.chunks(MOST) {
            let ids = ids.to_vec();
            spawn_local(async move {
                let answer = context.api.list_users(&ids).await;
                context.people.change_wanted(|wanted| wanted.answered(&ids, answer.is_err()));
                if let Ok(page) = answer {
                    context.people.learn(page.items.iter());
                }
            });
        }
    }

    /// Waits briefly until these users are known, so that their names appear together with their messages.
    pub(crate) async fn know(&self, ids: impl Iterator<Item = UserId>) {
        let people = self.people;
        let unknown = people.unknown(ids);
        if unknown.is_empty() {
            return;
        }
        // Users that are already being requested are not requested again.
        self.ask(unknown.iter().copied().filter(|id| !people.is_asked(*id)).collect());
        let since = browser::now_ms();
        while unknown.iter().any(|id| people.is_asked(*id)) && browser::now_ms() - since < NAMES_MS {
            TimeoutFuture::new(LOOKS_MS).await;
        }
    }
}
