//! The actions of a message: a bottom sheet on touch screens, a menu at the pointer, an emoji picker at its button.
//!
//! Invariants: only a press that began inside the menu triggers an action, so that the touch that opened it, or a
//! double tap, does not. Destructive actions ask for confirmation.

use leptos::html;
use leptos::prelude::*;
use parlour_client::engine::Act;
use parlour_protocol::conversations::ConversationKind;
use parlour_protocol::ids::Seq;
use parlour_protocol::messages::Message;
use parlour_protocol::rooms::MemberRole;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use crate::browser;
use crate::components::avatar::Name;
use crate::components::composer::Mode;
use crate::components::layers;
use crate::components::message_parts::{PALETTE, RowContext, excerpt, react};
use crate::components::scrolling;
use crate::context::context;
use crate::effects::effect;
use crate::icons::{BAN, COPY, Icon, LINK, PENCIL, REPLY, TRASH};
use crate::texts::chat;

/// Presses within this time (ms) after a sheet opened are ignored as unintended.
const SETTLES_MS: f64 = 350.0;
/// Margin around a menu, in pixels.
const AROUND: f64 = 8.0;

/// Where a menu opens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Place {
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
    pub(crate) place: Place,
}

/// Asks for confirmation, then deletes a message.
pub(crate) fn delete(row: RowContext, seq: Seq) {
    let (context, conversation) = (context(), row.conversation);
    context.ui.ask(chat::delete_title(), chat::delete_text(), chat::delete(), move || {
        context.act(conversation, Act::Delete { seq })
    });
}

/// Renders the open message menu, if any.
#[component]
pub(crate) fn MessageMenu(row: RowContext) -> impl IntoView {
    let context = context();
    move || {
        let menu = row.menu.get()?;
        let message = context.open.message(menu.seq)?;
        Some(view! { <Menu menu message row /> })
    }
}

#[component]
fn Menu(menu: OpenMenu, message: ArcRwSignal<Message>, row: RowContext) -> impl IntoView {
    let context = context();
    let conversation = row.conversation;
    let seq = menu.seq;
    let node = NodeRef::<html::Dialog>::new();
    let before = StoredValue::new_local(document().active_element());
    let opened = browser::now_ms();
    // Whether a press has begun inside the menu.
    let armed = StoredValue::new(menu.place != Place::Sheet);
    let layer = (menu.place == Place::Sheet).then(|| layers::opened(move || close(node)));
    effect(move || {
        if let Some(dialog) = node.get().filter(|dialog| !dialog.open()) {
            let _ = dialog.show_modal();
            put(&dialog, menu.place);
        }
    });
    let give_back = move || {
        let before = before.try_update_value(Option::take).flatten();
        let before = before.filter(|one| one.is_connected() && one.tag_name() != "BODY");
        let element = before.and_then(|one| one.dyn_into::<HtmlElement>().ok());
        match element.filter(|_| menu.place != Place::Sheet).or_else(|| row_element(seq)) {
            Some(element) => scrolling::focus_row(&element),
            None => browser::focus("composer"),
        }
    };
    let gone = move || {
        row.menu.set(None);
        give_back();
        if let Some(layer) = layer {
            layers::closed(layer);
        }
    };
    on_cleanup(move || {
        if let Some(layer) = layer {
            layers::closed(layer);
        }
    });
    // Closes first, so that whatever the action opens finds the focus in its original place.
    let run = move |event: &web_sys::MouseEvent, action: &dyn Fn()| {
        // A click without a press comes from the keyboard or from a screen reader.
        if !armed.get_value() && event.detail() != 0 {
            return;
        }
        close(node);
        gone();
        action();
    };
    let act = StoredValue::new(message.clone());
    let snapshot = message.get_untracked();
    let author = snapshot.author;
    let mine = author == context.session.me();
    let may_write = row.writable();
    let may_delete = mine || row.moderates();
    let emoji = move |emoji: &'static str| {
        view! {
            <button
                type="button"
                class="emoji-button"
                role="menuitem"
                tabindex="-1"
                aria-label=chat::react_with(emoji)
                on:click=move |event| {
                    run(
                        &event,
                        &|| act.with_value(|message| react(context, conversation, &message.get_untracked(), emoji)),
                    )
                }
            >
                {emoji}
            </button>
        }
    };
    let emojis = may_write.then(|| {
        view! { <div class="menu-emoji" role="group" aria-label=chat::reactions()>{PALETTE.into_iter().map(emoji).collect_view()}</div> }
    });
    let item = move |path, label: String, testid: &'static str, bad: bool, action: fn(Do)| {
        let with = Do { row, seq, author };
        view! {
            <button
                type="button"
                class="menu-item"
                class:danger-action=bad
                role="menuitem"
                tabindex="-1"
                data-testid=testid
                on:click=move |event| run(&event, &|| action(with))
            >
                <Icon path />
                <span>{label}</span>
            </button>
        }
    };
    let items = (!matches!(menu.place, Place::Emoji(..))).then(|| {
        let name = context
            .people
            .user(author)
            .with_untracked(|user| user.as_ref().map(|user| user.display_name.clone()));
        let name =
            name.map_or_else(|| chat::this_one().to_owned(), |name| crate::state::bidi::isolated(&name));
        view! {
            {may_write.then(|| item(REPLY, chat::reply().to_owned(), "reply-item", false, Do::reply))}
            {(may_write && mine).then(|| item(PENCIL, chat::edit().to_owned(), "edit-item", false, Do::edit))}
            {item(COPY, chat::copy_text().to_owned(), "copy", false, Do::copy)}
            {item(LINK, chat::copy_link().to_owned(), "copy-link", false, Do::copy_link)}
            {(!mine).then(|| item(BAN, chat::block_named(&name), "block-author", true, Do::block))}
            {may_delete.then(|| item(TRASH, chat::delete().to_owned(), "delete", true, Do::delete))}
        }
    });
    let about = (menu.place == Place::Sheet).then(|| {
        view! {
            <div class="menu-about">
                <strong>
                    <Name id=author />
                </strong>
                <span class="clip" dir="auto">{excerpt(&snapshot)}</span>
            </div>
        }
    });
    let class = match menu.place {
        Place::Sheet => "menu sheet",
        Place::At(..) => "menu",
        Place::Emoji(..) => "menu emoji-menu",
    };
    view! {
        <dialog
            node_ref=node
            class=class
            aria-label=chat::message_actions()
            data-testid="message-menu"
            on:close=move |_| {
                if row.menu.try_get_untracked().flatten() == Some(menu) {
                    gone();
                }
            }
            on:pointerdown=move |_| {
                if browser::now_ms() - opened > SETTLES_MS {
                    armed.set_value(true);
                }
            }
            on:click=move |event| {
                // A press outside the menu has the dialog element itself as its target.
                let dialog = node.get_untracked();
                let itself = dialog.is_some_and(|dialog| event.target().as_ref() == Some(dialog.as_ref()));
                if itself && armed.get_value() {
                    close(node);
                    gone();
                }
            }
            on:contextmenu=|event| event.prevent_default()
            on:keydown=move |event| {
                if let Some(key) = browser::key(&event)
                    && node.get_untracked().is_some_and(|dialog| walk(&dialog, &key))
                {
                    event.prevent_default();
                }
            }
        >
            {about}
            <div class="menu-items" role="menu" aria-label=chat::message_actions()>
                {emojis}
                {items}
            </div>
        </dialog>
    }
}

/// The message that an action applies to.
#[derive(Clone, Copy)]
struct Do {
    row: RowContext,
    seq: Seq,
    author: parlour_protocol::ids::UserId,
}

impl Do {
    fn reply(self) {
        self.row.mode.set(Mode::Reply(self.seq));
        browser::focus("composer");
    }

    fn edit(self) {
        self.row.mode.set(Mode::Edit(self.seq));
        browser::focus("composer");
    }

    fn copy(self) {
        let context = self.row.context;
        let message = context.open.message(self.seq);
        if let Some(body) = message.and_then(|message| message.with_untracked(|message| message.body.clone()))
        {
            context.ui.copy(body, move || context.ui.toast(chat::copied(), false));
        }
    }

    fn copy_link(self) {
        let context = self.row.context;
        let origin = context.session.origin();
        let link = format!("{origin}/c/{}/{}", self.row.conversation, self.seq);
        context.ui.copy(link, move || context.ui.toast(chat::link_copied(), false));
    }

    fn block(self) {
        self.row.context.block(self.author);
    }

    fn delete(self) {
        delete(self.row, self.seq);
    }
}

impl RowContext {
    /// Whether the user may write in this conversation.
    pub(crate) fn writable(&self) -> bool {
        let entry = self.context.conversations.entry(self.conversation);
        entry.is_some_and(|entry| entry.with_untracked(|entry| entry.writable))
    }

    /// Whether the user may delete messages of others here. Same rule as on the server: moderators in their room,
    /// administrators in every room.
    fn moderates(&self) -> bool {
        let context = self.context;
        let entry = context.conversations.entry(self.conversation);
        entry.is_some_and(|entry| {
            entry.with_untracked(|entry| {
                let rank = entry.role.is_some_and(|role| role >= MemberRole::Moderator);
                entry.kind == ConversationKind::Room && (rank || untrack(|| context.session.is_admin()))
            })
        })
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
            self.menu.set(Some(OpenMenu { seq, place: Place::At(x, y) }));
        }
    }

    /// Whether the message is loaded and not deleted.
    pub(crate) fn can_act_on(&self, seq: Seq) -> bool {
        let message = self.context.open.message(seq);
        message.is_some_and(|message| message.with_untracked(|message| message.body.is_some()))
    }
}

fn row_element(seq: Seq) -> Option<HtmlElement> {
    document().query_selector(&format!("[data-seq=\"{seq}\"]")).ok().flatten()?.dyn_into().ok()
}

fn close(node: NodeRef<html::Dialog>) {
    if let Some(dialog) = node.try_get_untracked().flatten().filter(|dialog| dialog.open()) {
        dialog.close();
    }
}

/// Positions a menu within the viewport.
fn put(dialog: &web_sys::HtmlDialogElement, place: Place) {
    let (x, y, above) = match place {
        Place::Sheet => return first(dialog),
        Place::At(x, y) => (x, y, false),
        Place::Emoji(x, y) => (x, y, true),
    };
    let size =
        |side: Result<wasm_bindgen::JsValue, _>| side.ok().and_then(|side| side.as_f64()).unwrap_or(0.0);
    let (width, height) = (size(window().inner_width()), size(window().inner_height()));
    let own = dialog.get_bounding_client_rect();
    let left = if browser::right_to_left() || above { x - own.width() } else { x };
    let top = if above { y - own.height() - AROUND } else { y };
    let left = left.clamp(AROUND, (width - own.width() - AROUND).max(AROUND));
    let top = top.clamp(AROUND, (height - own.height() - AROUND).max(AROUND));
    let style = web_sys::HtmlElement::style(dialog);
    let _ = style.set_property("left", &format!("{left}px"));
    let _ = style.set_property("top", &format!("{top}px"));
    first(dialog);
}

fn stops(dialog: &web_sys::HtmlDialogElement) -> Vec<HtmlElement> {
    let Ok(found) = dialog.query_selector_all("[role=menuitem]") else { return Vec::new() };
    (0..found.length()).filter_map(|index| found.item(index)?.dyn_into().ok()).collect()
}

fn first(dialog: &web_sys::HtmlDialogElement) {
    let stops = stops(dialog);
    let plain = stops.iter().find(|stop| !is_emoji(stop));
    if let Some(stop) = plain.or(stops.first()) {
        let _ = stop.focus();
    }
}

fn is_emoji(element: &HtmlElement) -> bool {
    element.class_list().contains("emoji-button")
}

/// Moves the focus within a menu. Returns whether the key was handled.
fn walk(dialog: &web_sys::HtmlDialogElement, key: &str) -> bool {
    let stops = stops(dialog);
    let active = document().active_element();
    let last = stops.len().saturating_sub(1);
    let Some(at) = stops.iter().position(|stop| active.as_ref() == Some(stop.as_ref())) else { return false };
    let emoji = stops.get(at).is_some_and(is_emoji);
    let next = match key {
        // The emoji are laid out in one row.
        "ArrowDown" if emoji => stops.iter().position(|stop| !is_emoji(stop)).unwrap_or(at),
        "ArrowUp" if emoji => last,
        "ArrowDown" => {
            if at == last {
                0
            } else {
                at + 1
            }
        }
        "ArrowUp" => {
            stops.get(at.wrapping_sub(1)).map_or(last, |stop| if is_emoji(stop) { 0 } else { at - 1 })
        }
        "ArrowLeft" | "ArrowRight" if emoji => {
            let forwards = (key == "ArrowRight") != browser::right_to_left();
            let next = if forwards { at + 1 } else { at.saturating_sub(1) };
            stops.get(next).filter(|stop| is_emoji(stop)).map_or(at, |_| next)
        }
        "Home" => 0,
        "End" => last,
        // The focus must not leave the menu.
        "Tab" => at,
        _ => return false,
    };
    stops.get(next).is_some_and(|stop| stop.focus().is_ok())
}
