//! What is said to those who hear the page: new messages, failures, the line lost and found.
//!
//! Invariant: everything that is announced goes through [`Context::say`]; `state/announcing.rs` decides what is said
//! together and when.

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

/// The first of what comes in one go waits this long for the rest, in milliseconds.
const GATHERS: f64 = 300.0;
/// Sentences that stay in the page, for those whose reader is slow to look.
const KEPT: usize = 4;

/// The sentences that were said last, and what waits to be said; a handle, cheap to copy.
#[derive(Clone, Copy)]
pub(crate) struct Announcer {
    waiting: StoredValue<Announcements>,
    /// Each with a number of its own.
    pub(crate) said: RwSignal<Vec<(u64, String)>>,
}

impl Announcer {
    /// Nothing was said yet.
    pub(crate) fn new() -> Self {
        Self { waiting: StoredValue::new(Announcements::default()), said: RwSignal::new(Vec::new()) }
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        self.waiting.set_value(Announcements::default());
        self.said.set(Vec::new());
    }

    /// Says something, now or together with what else comes within the second.
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

/// A message that has come, as far as it matters for announcing it.
pub(crate) struct Heard<'a> {
    pub(crate) conversation: ConversationId,
    pub(crate) author: UserId,
    pub(crate) body: &'a str,
    pub(crate) reply_author: Option<UserId>,
    pub(crate) mentions: Option<&'a [Mention]>,
}

impl Context {
    /// Announces something that is no message.
    pub(crate) fn say(&self, text: impl Into<String>) {
        self.announcer.say(Said::Notice(text.into()));
    }

    /// Announces a message of somebody else: of the open conversation, and of direct chats wherever one is.
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
