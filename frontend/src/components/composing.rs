//! What is being written in a composer: the text, what it is for, and its draft on the device.
//!
//! Invariant: the draft is stored by one effect that tracks the text and the mode, not by the code that changes them.

use leptos::html;
use leptos::prelude::*;
use parlour_client::engine::Act;
use parlour_protocol::ids::{ConversationId, Seq};
use parlour_protocol::text::mention_at;
use parlour_protocol::validation;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, HtmlTextAreaElement, KeyboardEvent};

use crate::browser;
use crate::components::row_context::{Mode, RowContext};
use crate::context::Context;
use crate::effects::effect;
use crate::state::drafts::Draft;
use crate::state::history::Place;
use crate::state::text::from_utf16;
use crate::state::writing::{over, written};
use crate::storage::Life;
use crate::stores::open_conversation::Wish;

/// Maximum height in pixels: ten full lines and the padding; must match the style sheet.
const TALLEST: i32 = 234;
/// Minimum interval between typing notifications, in milliseconds.
const TYPING_EVERY: f64 = 3_000.0;

/// The text being written; a cheap handle.
#[derive(Clone, Copy)]
pub(super) struct Composing {
    context: Context,
    row: RowContext,
    id: ConversationId,
    pub(super) mode: RwSignal<Mode>,
    pub(super) text: RwSignal<String>,
    /// The position of the caret in the text, in bytes.
    pub(super) caret: RwSignal<usize>,
    pub(super) node: NodeRef<html::Textarea>,
    /// What is restored after an edit.
    draft: StoredValue<Draft>,
    last_typing: StoredValue<f64>,
}

impl Composing {
    /// Continues with the draft of a conversation.
    pub(super) fn new(row: RowContext) -> Self {
        let RowContext { context, conversation: id, mode, .. } = row;
        let draft = Draft::read(context.preferences.kept(Life::Device, &key(id)));
        let mut text = draft.text.clone();
        match (&draft.edit, draft.reply_to) {
            (Some((seq, changed)), _) => {
                text.clone_from(changed);
                mode.set(Mode::Edit(*seq));
            }
            (None, Some(seq)) => mode.set(Mode::Reply(seq)),
            (None, None) => {}
        }
        let composing = Self {
            context,
            row,
            id,
            mode,
            text: RwSignal::new(text),
            caret: RwSignal::new(0),
            node: NodeRef::new(),
            draft: StoredValue::new(draft),
            last_typing: StoredValue::new(0.0),
        };
        composing.show();
        composing.keep_draft();
        composing
    }

    /// The conversation.
    pub(super) fn id(&self) -> ConversationId {
        self.id
    }

    /// Shows the text in the field, which it also sizes and focuses.
    fn show(self) {
        effect(move || {
            let text = self.text.get();
            if let Some(area) = self.node.get() {
                if area.value() != text {
                    area.set_value(&text);
                }
                fit(&area);
            }
        });
        effect(move || {
            if self.node.get().is_some() && !browser::narrow() {
                browser::focus("composer");
            }
        });
    }

    /// Stores the draft. While a message is edited its text replaces the draft, which is restored afterwards.
    fn keep_draft(self) {
        Effect::new(move |before: Option<Mode>| {
            let now = self.mode.get();
            let written = self.text.get();
            let edits = |mode: Option<Mode>| matches!(mode, Some(Mode::Edit(_)));
            if before.is_some() && before != Some(now) && (edits(before) || edits(Some(now))) {
                let next = match now {
                    Mode::Edit(seq) => self.stored_text(seq),
                    _ => self.draft.with_value(|draft| draft.text.clone()),
                };
                // This effect runs again with the new text and stores it then.
                self.text.set(next);
                return now;
            }
            self.draft.update_value(|draft| match now {
                Mode::New => *draft = Draft { text: written, ..Draft::default() },
                Mode::Reply(seq) => *draft = Draft { text: written, reply_to: Some(seq), edit: None },
                Mode::Edit(seq) => draft.edit = Some((seq, written)),
            });
            let kept = self.draft.with_value(Draft::write);
            self.context.preferences.keep(Life::Device, &key(self.id), kept.as_deref());
            now
        });
    }

    /// The text of a message including a pending edit.
    fn stored_text(&self, seq: Seq) -> String {
        self.context.open.text_of(&self.context.outbox, seq)
    }

    /// Notes where the caret is.
    pub(super) fn note_caret(&self) {
        if let Some(area) = self.node.get_untracked() {
            let units = area.selection_start().ok().flatten().unwrap_or(0) as usize;
            let at = self.text.with_untracked(|text| from_utf16(text, units));
            if self.caret.get_untracked() != at {
                self.caret.set(at);
            }
        }
    }

    /// Handles the user having changed the text, and tells others that the user is typing.
    pub(super) fn typed(&self, text: String) {
        self.text.set(text);
        self.note_caret();
        let now = browser::now_ms();
        if self.mode.get_untracked() == Mode::New
            && self.text.with_untracked(|text| !text.is_empty())
            && now - self.last_typing.get_value() > TYPING_EVERY
        {
            self.last_typing.set_value(now);
            self.context.say_typing(self.id);
        }
    }

    /// Replaces the mention at the caret.
    pub(super) fn mention(&self, handle: &str) {
        let at = self.caret.get_untracked();
        let Some((start, _)) = self.text.with_untracked(|text| mention_at(text, at)) else { return };
        let end = start + handle.len() + 2;
        let units = self.text.try_update(|text| {
            text.replace_range(start..at, &format!("@{handle} "));
            text.get(..end).map_or(0, |before| before.encode_utf16().count())
        });
        if let Some(area) = self.node.get_untracked() {
            let units = units.unwrap_or(0) as u32;
            self.text.with_untracked(|text| area.set_value(text));
            let _ = area.set_selection_range(units, units);
            let _ = area.focus();
        }
        self.caret.set(end);
    }

    /// Sends the message, or saves the edit. An edit that removes all text deletes the message.
    pub(super) fn submit(&self) {
        // Trailing whitespace is never intended; leading whitespace belongs to the text, especially with code.
        let body = self.text.with_untracked(|text| written(text).to_owned());
        let edited = match self.mode.get_untracked() {
            Mode::Edit(seq) => Some(seq),
            _ => None,
        };
        if body.is_empty() {
            if let Some(seq) = edited {
                self.row.delete(seq);
            }
            return;
        }
        if self.refuse(&body) {
            return;
        }
        match edited {
            Some(seq) if self.stored_text(seq) != body => self.context.act(self.id, Act::Edit { seq, body }),
            Some(_) => {}
            None => self.send(&body),
        }
        self.mode.set(Mode::New);
        browser::focus("composer");
    }

    /// Says why a text cannot be sent. Returns false if it can.
    fn refuse(&self, body: &str) -> bool {
        let Err(why) = validation::message(body) else { return false };
        self.context.ui.toast(over(body.chars().count()).unwrap_or_else(|| why.to_string()), true);
        true
    }

    fn send(&self, body: &str) {
        let reply_to = if let Mode::Reply(seq) = self.mode.get_untracked() { Some(seq) } else { None };
        self.text.set(String::new());
        // The others no longer show the typing indicator, and the server accepts a new notification.
        self.last_typing.set_value(0.0);
        self.context.open.at_bottom.set(true);
        if self.context.open.newer.get_untracked() {
            self.context.open_at(self.id, Place::Newest, Wish::End);
        }
        self.context.write(self.id, body.to_owned(), reply_to);
    }

    /// Handles a key. Returns whether it had an effect.
    pub(super) fn key(&self, key: &str, event: &KeyboardEvent) -> bool {
        match key {
            "Escape" if self.mode.get_untracked() != Mode::New => self.mode.set(Mode::New),
            "Enter" => {
                let command = event.ctrl_key() || event.meta_key() || event.shift_key();
                let breaks = self.context.preferences.enter_breaks.get_untracked();
                let sends = if breaks { command } else { !event.shift_key() };
                if sends {
                    self.submit();
                }
                return sends;
            }
            "ArrowUp" if self.text.with_untracked(String::is_empty) => {
                let Some(last) = self.context.open.last_own() else { return false };
                self.mode.set(Mode::Edit(last.seq));
            }
            _ => return false,
        }
        true
    }
}

/// The storage key of a conversation's draft.
fn key(id: ConversationId) -> String {
    format!("draft.{id}")
}

/// Sets the field's height to that of its text. The field shrinks to one line for the measurement; its parent's height
/// is fixed meanwhile, because otherwise the timeline would shift and lose its scroll position at the end.
fn fit(area: &HtmlTextAreaElement) {
    let style = HtmlElement::style(area);
    let around = area.parent_element().and_then(|one| one.dyn_into::<HtmlElement>().ok());
    if let Some(around) = &around {
        let _ = around.style().set_property("min-height", &format!("{}px", around.offset_height()));
    }
    let _ = style.set_property("height", "auto");
    let height = area.scroll_height().min(TALLEST);
    let _ = style.set_property("height", &format!("{height}px"));
    if let Some(around) = &around {
        let _ = around.style().remove_property("min-height");
    }
}
