//! What the rows of a timeline, their menu and the composer have in common.

use leptos::prelude::*;
use parlour_client::engine::Act;
use parlour_protocol::ids::{ConversationId, Seq};
use parlour_protocol::messages::Message;
use parlour_protocol::rights::Permission;
use web_sys::HtmlElement;

use crate::browser;
use crate::context::Context;
use crate::state::reactions;
use crate::texts::chat;

/// What the composer is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A new message.
    New,
    /// A reply to the message at this position.
    Reply(Seq),
    /// A new text for the message at this position.
    Edit(Seq),
}

/// Where a menu opens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum MenuPlace {
    /// At the bottom edge of the screen.
    Sheet,
    /// At a point of the viewport, in CSS pixels.
    At(f64, f64),
    /// Only the emoji, above a point of the viewport.
    Emoji(f64, f64),
}

/// The open menu.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct OpenMenu {
    /// The message it belongs to.
    pub(crate) seq: Seq,
    /// Where it opens.
    pub(crate) place: MenuPlace,
}

/// State shared by the rows of a timeline; a cheap handle.
#[derive(Clone, Copy)]
pub(crate) struct RowContext {
    pub(crate) context: Context,
    pub(crate) conversation: ConversationId,
    pub(crate) mode: RwSignal<Mode>,
    /// The row whose actions are shown: the hovered or focused one.
    pub(crate) active: RwSignal<Option<Seq>>,
    /// The open menu.
    pub(crate) menu: RwSignal<Option<OpenMenu>>,
    /// The row that the user jumped to.
    pub(crate) target: RwSignal<Option<Seq>>,
    /// Whether the last pointer event came from a finger.
    pub(crate) fingers: StoredValue<bool>,
}

impl RowContext {
    /// The initial shared state for a conversation.
    pub(crate) fn new(context: Context, conversation: ConversationId) -> Self {
        Self {
            context,
            conversation,
            mode: RwSignal::new(Mode::New),
            active: RwSignal::new(None),
            menu: RwSignal::new(None),
            target: RwSignal::new(None),
            fingers: StoredValue::new(false),
        }
    }

    /// Whether the user may write in this conversation.
    pub(crate) fn writable(&self) -> bool {
        self.context.conversations.writable(self.conversation)
    }

    /// Whether the user may delete messages of others here.
    pub(crate) fn moderates(&self) -> bool {
        self.context.conversations.allows(self.conversation, Permission::DeleteOthers)
    }

    /// Starts to write a new message, a reply or an edit.
    pub(crate) fn write(&self, mode: Mode) {
        self.mode.set(mode);
        browser::focus("composer");
    }

    /// Asks for confirmation, then deletes a message.
    pub(crate) fn delete(&self, seq: Seq) {
        let (context, conversation) = (self.context, self.conversation);
        context.ui.ask(chat::delete_title(), chat::delete_text(), chat::delete(), move || {
            context.act(conversation, Act::Delete { seq });
        });
    }

    /// Adds the user's reaction to a message, or removes it if it is already there.
    pub(crate) fn react(&self, message: &Message, emoji: &str) {
        let (me, seq, emoji) = (self.context.session.me(), message.seq, emoji.to_owned());
        let pending = untrack(|| self.context.outbox.reactions_of(self.conversation, seq));
        let shown = reactions::shown(&message.reactions, &pending, me);
        let on = !shown.iter().any(|reaction| reaction.emoji == emoji && reaction.users.contains(&me));
        self.context.act(self.conversation, Act::React { seq, emoji, on });
    }

    /// Opens the menu of a row at the row's start.
    pub(crate) fn open_menu_of(&self, row: &HtmlElement) {
        let place = row.get_bounding_client_rect();
        self.open_menu_at(row, place.left() + 56.0, place.bottom() - 4.0);
    }

    /// Opens the menu of a row at a point, if the message has any actions.
    pub(crate) fn open_menu_at(&self, row: &HtmlElement, x: f64, y: f64) {
        let seq = row.get_attribute("data-seq").and_then(|seq| seq.parse().ok());
        if let Some(seq) = seq.filter(|seq| self.can_act_on(*seq)) {
            self.menu.set(Some(OpenMenu { seq, place: MenuPlace::At(x, y) }));
        }
    }

    /// Whether the message is loaded and not deleted.
    pub(crate) fn can_act_on(&self, seq: Seq) -> bool {
        let message = self.context.open.message(seq);
        message.is_some_and(|message| message.with_untracked(|message| message.body.is_some()))
    }
}
