//! Reloads sidebar entries that incoming frames do not fully describe.
//!
//! Invariant: entries in the background are reloaded together and rarely, as `state/rereads.rs` decides; a single entry
//! is reloaded immediately only if the user waits for it.

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use parlour_protocol::conversations::Conversation;
use parlour_protocol::ids::ConversationId;
use parlour_protocol::problems::ErrorCode;

use crate::browser;
use crate::context::Context;

impl Context {
    /// Reloads one conversation's entry immediately.
    pub(crate) fn reread(&self, id: ConversationId) {
        if !self.live.change(|inner| inner.reading.insert(id)) {
            return;
        }
        let context = *self;
        spawn_local(async move {
            let answer = context.api.read_conversation(id).await;
            context.live.change(|inner| inner.reading.remove(&id));
            match answer {
                Ok(conversation) => {
                    if context.read_again(conversation) {
                        context.load_notices();
                    }
                }
                Err(failure) if failure.code() == Some(ErrorCode::NotFound) => {
                    context.drop_conversation(id);
                }
                Err(_) => {}
            }
        });
    }

    /// Schedules reloading a conversation's entry together with others.
    pub(crate) fn reread_later(&self, id: ConversationId) {
        let wait = self.live.change(|inner| inner.rereads.want(id, browser::now_ms(), browser::chance()));
        self.reread_in(wait);
    }

    fn reread_in(&self, wait: Option<f64>) {
        let Some(wait) = wait else { return };
        let (context, generation) = (*self, self.live.generation());
        let read = move || {
            if context.live.generation() == generation {
                context.reread_wanted();
            }
        };
        set_timeout(read, Duration::from_millis(wait as u64 + 1));
    }

    fn reread_wanted(&self) {
        let (ids, rest) = self.live.change(|inner| inner.rereads.take(browser::now_ms(), browser::chance()));
        self.reread_in(rest);
        if ids.is_empty() {
            return;
        }
        let (context, generation) = (*self, self.live.generation());
        spawn_local(async move {
            let answer = context.api.list_some_conversations(&ids).await;
            if context.live.generation() != generation {
                return;
            }
            match answer {
                Ok(page) => {
                    for id in ids.iter().filter(|id| !page.items.iter().any(|one| one.id == **id)) {
                        context.drop_conversation(*id);
                    }
                    let mut fewer_mentions = false;
                    for conversation in page.items {
                        fewer_mentions |= context.read_again(conversation);
                    }
                    if fewer_mentions {
                        context.load_notices();
                    }
                }
                // A server older than this page does not support the filter by ids.
                Err(failure) if failure.code() == Some(ErrorCode::Malformed) => {
                    context.load_conversations().await;
                }
                Err(_) => ids.iter().for_each(|id| context.reread_later(*id)),
            }
        });
    }

    /// Applies a reloaded entry. Returns true if it has fewer mentions than were known: then a message was deleted and
    /// its notification may be stale.
    fn read_again(&self, conversation: Conversation) -> bool {
        let (id, mentions) = (conversation.id, conversation.mentions);
        let before =
            self.conversations.entry(id).map_or(0, |entry| entry.with_untracked(|entry| entry.mentions));
        if !self.put_entry(conversation) {
            // The log has moved on while the request was in flight.
            self.reread_later(id);
            return false;
        }
        !self.open.is(id) && mentions < before
    }
}
