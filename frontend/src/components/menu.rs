//! The actions of a message: a bottom sheet on touch screens, a menu at the pointer, an emoji picker at its button.
//!
//! Invariants: only a press that began inside the menu triggers an action, so that the touch that opened it, or a
//! double tap, does not. Destructive actions ask for confirmation.

use leptos::html;
use leptos::prelude::*;
use parlour_protocol::ids::{Seq, UserId};
use parlour_protocol::messages::Message;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use crate::browser;
use crate::components::avatar::Name;
use crate::components::layers;
use crate::components::menu_focus::{put, walk};
use crate::components::message_parts::{PALETTE, excerpt};
use crate::components::row_context::{MenuPlace, Mode, OpenMenu, RowContext};
use crate::components::scrolling;
use crate::context::context;
use crate::effects::effect;
use crate::icons::{BAN, COPY, Icon, LINK, PENCIL, REPLY, TRASH};
use crate::state::bidi;
use crate::texts::chat;

/// Presses within this time (ms) after a sheet opened are ignored as unintended.
const SETTLES_MS: f64 = 350.0;

/// Renders the open message menu, if any.
#[component]
pub(crate) fn MessageMenu(row: RowContext) -> impl IntoView {
    let open = context().open;
    move || {
        let menu = row.menu.get()?;
        let message = open.message(menu.seq)?;
        Some(view! { <Menu menu message row /> })
    }
}

/// A menu while it is open; a cheap handle.
#[derive(Clone, Copy)]
struct Opened {
    menu: OpenMenu,
    row: RowContext,
    node: NodeRef<html::Dialog>,
    /// When it was opened, in milliseconds.
    at: f64,
    /// Whether a press has begun inside the menu.
    armed: StoredValue<bool>,
    /// A sheet closes with the Back button.
    layer: Option<u64>,
    /// What had the focus before.
    before: StoredValue<Option<Element>, LocalStorage>,
}

impl Opened {
    /// Opens a menu as soon as it is rendered, and cleans up when it is not any more.
    fn new(menu: OpenMenu, row: RowContext) -> Self {
        let node = NodeRef::<html::Dialog>::new();
        let sheet = menu.place == MenuPlace::Sheet;
        let layer = sheet.then(|| layers::opened(move || close(node)));
        let before = StoredValue::new_local(document().active_element());
        effect(move || {
            if let Some(dialog) = node.get().filter(|dialog| !dialog.open()) {
                let _ = dialog.show_modal();
                put(&dialog, menu.place);
            }
        });
        on_cleanup(move || {
            if let Some(layer) = layer {
                layers::closed(layer);
            }
        });
        Self { menu, row, node, at: browser::now_ms(), armed: StoredValue::new(!sheet), layer, before }
    }

    /// Handles the menu having been closed.
    fn gone(&self) {
        self.row.menu.set(None);
        self.give_back();
        if let Some(layer) = self.layer {
            layers::closed(layer);
        }
    }

    /// Moves the focus to where it was before.
    fn give_back(&self) {
        let before = self.before.try_update_value(Option::take).flatten();
        let before = before.filter(|one| one.is_connected() && one.tag_name() != "BODY");
        let element = before.and_then(|one| one.dyn_into::<HtmlElement>().ok());
        let sheet = self.menu.place == MenuPlace::Sheet;
        match element.filter(|_| !sheet).or_else(|| row_element(self.menu.seq)) {
            Some(element) => scrolling::focus_row(&element),
            None => browser::focus("composer"),
        }
    }

    /// Runs an action. The menu closes first, so that whatever the action opens finds the focus in its original place.
    fn run(&self, event: &web_sys::MouseEvent, action: impl FnOnce()) {
        // A click without a press comes from the keyboard or from a screen reader.
        if self.armed.get_value() || event.detail() == 0 {
            close(self.node);
            self.gone();
            action();
        }
    }

    /// Handles a press outside the menu, which has the dialog element itself as its target.
    fn clicked(&self, event: &web_sys::MouseEvent) {
        let dialog = self.node.get_untracked();
        let itself = dialog.is_some_and(|dialog| event.target().as_ref() == Some(dialog.as_ref()));
        if itself && self.armed.get_value() {
            close(self.node);
            self.gone();
        }
    }
}

#[component]
fn Menu(menu: OpenMenu, message: ArcRwSignal<Message>, row: RowContext) -> impl IntoView {
    let opened = Opened::new(menu, row);
    let class = match menu.place {
        MenuPlace::Sheet => "menu sheet",
        MenuPlace::At(..) => "menu",
        MenuPlace::Emoji(..) => "menu emoji-menu",
    };
    let snapshot = message.get_untracked();
    let author = snapshot.author;
    let about = (menu.place == MenuPlace::Sheet).then(|| {
        view! {
            <div class="menu-about">
                <strong>
                    <Name id=author />
                </strong>
                <span class="clip" dir="auto">{excerpt(&snapshot)}</span>
            </div>
        }
    });
    view! {
        <dialog
            node_ref=opened.node
            class=class
            aria-label=chat::message_actions()
            data-testid="message-menu"
            on:close=move |_| {
                if row.menu.try_get_untracked().flatten() == Some(menu) {
                    opened.gone();
                }
            }
            on:pointerdown=move |_| {
                if browser::now_ms() - opened.at > SETTLES_MS {
                    opened.armed.set_value(true);
                }
            }
            on:click=move |event| opened.clicked(&event)
            on:contextmenu=|event| event.prevent_default()
            on:keydown=move |event| {
                if let Some(key) = browser::key(&event)
                    && opened.node.get_untracked().is_some_and(|dialog| walk(&dialog, &key))
                {
                    event.prevent_default();
                }
            }
        >
            {about}
            <div class="menu-items" role="menu" aria-label=chat::message_actions()>
                {row.writable().then(|| view! { <Emoji message opened /> })}
                {(!matches!(menu.place, MenuPlace::Emoji(..))).then(|| view! { <Items author opened /> })}
            </div>
        </dialog>
    }
}

/// The emoji to react with.
#[component]
fn Emoji(message: ArcRwSignal<Message>, opened: Opened) -> impl IntoView {
    let message = StoredValue::new(message);
    let emoji = move |emoji: &'static str| {
        let react = move || message.with_value(|message| opened.row.react(&message.get_untracked(), emoji));
        view! {
            <button
                type="button"
                class="emoji-button"
                role="menuitem"
                tabindex="-1"
                aria-label=chat::react_with(emoji)
                on:click=move |event| opened.run(&event, react)
            >
                {emoji}
            </button>
        }
    };
    view! { <div class="menu-emoji" role="group" aria-label=chat::reactions()>{PALETTE.into_iter().map(emoji).collect_view()}</div> }
}

/// The other actions.
#[component]
fn Items(author: UserId, opened: Opened) -> impl IntoView {
    let row = opened.row;
    let mine = author == row.context.session.me();
    let may_write = row.writable();
    let item = move |path, label: String, testid: &'static str, bad: bool, action: fn(Do)| {
        let with = Do { row, seq: opened.menu.seq, author };
        view! {
            <button
                type="button"
                class="menu-item"
                class:danger-action=bad
                role="menuitem"
                tabindex="-1"
                data-testid=testid
                on:click=move |event| opened.run(&event, || action(with))
            >
                <Icon path />
                <span>{label}</span>
            </button>
        }
    };
    let name = row.context.people.name(author);
    let name = name.map_or_else(|| chat::this_one().to_owned(), |name| bidi::isolated(&name));
    view! {
        {may_write.then(|| item(REPLY, chat::reply().to_owned(), "reply-item", false, Do::reply))}
        {(may_write && mine).then(|| item(PENCIL, chat::edit().to_owned(), "edit-item", false, Do::edit))}
        {item(COPY, chat::copy_text().to_owned(), "copy", false, Do::copy)}
        {item(LINK, chat::copy_link().to_owned(), "copy-link", false, Do::copy_link)}
        {(!mine).then(|| item(BAN, chat::block_named(&name), "block-author", true, Do::block))}
        {(mine || row.moderates()).then(|| item(TRASH, chat::delete().to_owned(), "delete", true, Do::delete))}
    }
}

/// The message that an action applies to.
#[derive(Clone, Copy)]
struct Do {
    row: RowContext,
    seq: Seq,
    author: UserId,
}

impl Do {
    fn reply(self) {
        self.row.write(Mode::Reply(self.seq));
    }

    fn edit(self) {
        self.row.write(Mode::Edit(self.seq));
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
        self.row.delete(self.seq);
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
