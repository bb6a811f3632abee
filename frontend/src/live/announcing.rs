//! Screen reader announcements: new messages, failures, the connection lost and restored.
//!
//! Invariant: every announcement goes through [`Context::say`] or [`Context::announce`]; `state/announcing.rs` decides
//! what is combined and when it is spoken.

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use parlour_protocol::conversations::ConversationKind;
use parlour_protocol::ids::{ConversationId, UserId};
use parlour_protocol::messages::Mention;

use crate::browser;
use crate::context::Context;
use crate::state::announcing::{Announcements, Said};
use crate::state::people;
use crate::texts::chat;

/// The first announcement of a burst waits this long for more, in milliseconds.
const GATHERS: f64 = 300.0;
/// Number of sentences kept in the live region, for screen readers that are slow to read them.
const KEPT: usize = 4;

/// The latest announcements and the pending ones; a cheap handle.
#[derive(Clone, Copy)]
pub(crate) struct Announcer {
    waiting: StoredValue<Announcements>,
    /// Each sentence has a unique number.
    pub(crate) said: RwSignal<Vec<(u64, String)>>,
}

impl Announcer {
    /// An announcer without announcements.
    pub(crate) fn new() -> Self {
        Self { waiting: StoredValue::new(Announcements::default()), said: RwSignal::new(Vec::new()) }
    }

    /// Clears everything.
    pub(crate) fn clear(&self) {
        self.waiting.set_value(Announcements::default());
        self.said.set(Vec::new());
    }

    /// Announces something, either soon or combined with whatever else comes within a second.
    pub(crate) fn say(&self, said: Said) {
        let wait = self.waiting.try_update_value(|waiting| waiting.add(said, browser::now_ms()));
        let announcer = *self;
        if let Some(wait) = wait {
            set_timeout(move || announcer.tell(), Duration::from_millis(wait.max(GATHERS) as u64 + 1));
        }
    }

    fn tell(&self) {
        let sentence = self.waiting.try_update_value(|waiting| waiting.take(browser::now_ms())).flatten();
        if let Some(sentence) = sentence {
            self.said.update(|said| {
                let number = said.last().map_or(0, |(number, _)| number + 1);
                said.push((number, sentence));
                if said.len() > KEPT {
                    said.remove(0);
                }
            });
        }
    }
}

/// The parts of an incoming message that matter for its announcement.
pub(crate) struct Heard<'a> {
    pub(crate) conversation: ConversationId,
    pub(crate) author: UserId,
    pub(crate) body: &'a str,
    pub(crate) reply_author: Option<UserId>,
    pub(crate) mentions: Option<&'a [Mention]>,
}

impl Context {
    /// Announces something other than a message.
    pub(crate) fn say(&self, text: impl Into<String>) {
        self.announcer.say(Said::Notice(text.into()));
    }

    /// Announces another user's message if it is in the open conversation or in any direct chat.
    pub(crate) fn announce(&self, heard: &Heard) {
        let open = self.open.is(heard.conversation);
        let direct = self
            .entry(heard.conversation)
            .is_some_and(|entry| entry.with_untracked(|entry| entry.kind == ConversationKind::Direct));
        if !open && !direct {
            return;
        }
        let me = self.me();
        let named = heard.mentions.is_some_and(|all| all.iter().any(|one| one.user == me));
        let mentions = named || heard.reply_author == Some(me);
        let (context, author, text) = (*self, heard.author, heard.body.to_owned());
        let direct = direct && !open;
        spawn_local(async move {
            context.know([author].into_iter()).await;
            let name = context.user(author).with_untracked(|user| user.as_ref().map(people::spoken));
            let author = name.unwrap_or_else(|| chat::someone().to_owned());
            context.announcer.say(Said::Message { author, text, mentions, direct });
        });
    }
}
