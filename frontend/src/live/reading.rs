//! Read markers: applied locally at once, and sent to the server soon.
//!
//! Invariants: a message the user is looking at counts as read the moment it arrives, so that no counter ever shows it.
//! The last position reaches the server even if the page is closed immediately. Nothing is marked as read in a window
//! without focus.

use std::time::Duration;

use js_sys::{Function, Object, Reflect};
use leptos::prelude::*;
use parlour_client::engine::Input;
use parlour_protocol::conversations::MarkRead;
use parlour_protocol::ids::{ConversationId, Seq};
use wasm_bindgen::{JsCast, JsValue};

use crate::browser;
use crate::context::Context;
use crate::state::conversations;
use crate::stores::open_conversation::Stage;

impl Context {
    /// Marks everything up to a position as read.
    pub(crate) fn mark_read(&self, id: ConversationId, seq: Seq) {
        // If only the server can count what is left, the entry is reloaded once it has moved the marker, too.
        let effect =
            self.conversations.change(id, |entry, counted| conversations::mark_read(entry, counted, seq));
        if effect.moved {
            let wait = self.live.change(|inner| Some(inner.markers.read(id, seq, browser::now_ms())));
            let context = *self;
            match wait {
                Some(wait) if wait > 0.0 => {
                    let tell = move || context.tell_read(false);
                    set_timeout(tell, Duration::from_millis(wait as u64 + 1));
                }
                _ => self.tell_read(false),
            }
        }
    }

    /// Handles another device having read up to a position. The server already knows.
    pub(crate) fn read_elsewhere(&self, id: ConversationId, seq: Seq) {
        if self.note_read(id, seq) {
            self.reread_later(id);
        }
    }

    /// Like [`Self::read_elsewhere`], but returns whether only the server can count what is left.
    pub(crate) fn note_read(&self, id: ConversationId, seq: Seq) -> bool {
        self.conversations.change(id, |entry, counted| conversations::mark_read(entry, counted, seq)).doubt
    }

    /// Marks a message that arrived in the open conversation as read, if the end is in view and the user is looking.
    pub(crate) fn read_at_once(&self, id: ConversationId, seq: Seq) {
        let open = self.open;
        let seen = open.stage.get_untracked() == Stage::Ready
            && open.at_bottom.get_untracked()
            && !open.newer.get_untracked();
        if seen && browser::looked_at() {
            self.mark_read(id, seq);
        }
    }

    /// Sends the read markers that are due, or all of them.
    pub(crate) fn tell_read(&self, all: bool) {
        let due = self.live.change(|inner| {
            let connected = inner.session.is_connected();
            if connected { inner.markers.take(browser::now_ms(), all) } else { Vec::new() }
        });
        for (conversation, seq) in due {
            self.feed(Input::Read { conversation, seq });
        }
    }

    /// The page is being hidden, perhaps for good: sends all pending read markers with requests that outlive the page.
    pub(crate) fn tell_read_and_leave(&self) {
        let due = self.live.change(|inner| inner.markers.take(browser::now_ms(), true));
        let address = |id| self.session.address(&format!("/conversations/{id}/read"));
        for (id, seq) in due {
            if self.api.token().and_then(|token| outlive(&token, &address(id), seq)).is_none() {
                self.live.change(|inner| inner.markers.put_back(id, seq));
            }
        }
    }
}

/// Starts a request that the browser completes even if the page is gone.
fn outlive(token: &str, address: &str, seq: Seq) -> Option<()> {
    let set = |object: &Object, name: &str, value: &JsValue| {
        Reflect::set(object, &name.into(), value).ok().map(drop)
    };
    let headers = Object::new();
    set(&headers, "authorization", &format!("Bearer {token}").into())?;
    set(&headers, "content-type", &"application/json".into())?;
    let options = Object::new();
    set(&options, "method", &"PUT".into())?;
    set(&options, "keepalive", &true.into())?;
    set(&options, "headers", &headers)?;
    set(&options, "body", &serde_json::to_string(&MarkRead { seq }).ok()?.into())?;
    let fetch: Function = Reflect::get(&window(), &"fetch".into()).ok()?.dyn_into().ok()?;
    fetch.call2(&window(), &address.into(), &options).ok().map(drop)
}
