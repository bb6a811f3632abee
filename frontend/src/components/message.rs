//! The rows of a timeline: stored messages and what is between them.
//!
//! Invariant: a row is a single tab stop; the controls inside it are reached from it (`roving.rs`).

use leptos::prelude::*;
use parlour_protocol::conversations::ConversationKind;
use parlour_protocol::ids::{Seq, UserId};
use parlour_protocol::messages::{Mention, Message};
use parlour_protocol::time::Timestamp;
use wasm_bindgen::JsCast;

use crate::browser;
use crate::components::avatar::{Avatar, BotMark, Name};
use crate::components::message_body::body;
use crate::components::message_parts::{Actions, Quote, Reactions};
use crate::components::message_pending::{EditState, PendingRow};
use crate::components::row_context::{Mode, RowContext};
use crate::components::states::Skeleton;
use crate::context::{Context, context};
use crate::icons::{HASH, Icon};
use crate::state::rows::Row;
use crate::state::{bidi, conversations, people, time};
use crate::stores::outbox::PendingEdit;
use crate::texts::chat;

/// A row's accessible name contains at most this many characters of its text; the rest is read inside the row.
const NAMED: usize = 300;

/// Renders one row.
pub(crate) fn row(row: Row, shared: RowContext) -> AnyView {
    match row {
        Row::Beginning => view! { <Beginning shared /> }.into_any(),
        Row::Day(number) => {
            let label = move || {
                context().ui.minute.track();
                time::day_label(number, browser::local_time(browser::now()))
            };
            view! {
                <div class="day">
                    <span>{label}</span>
                </div>
            }
            .into_any()
        }
        Row::Unread => view! {
            <div class="unread-line" data-testid="unread-divider">
                <span>{chat::new_line()}</span>
            </div>
        }
        .into_any(),
        Row::Gap { after, before } => view! {
            <div class="gap" data-testid="gap" data-after=after.to_string() data-before=before.to_string()>
                <Skeleton rows=2 />
            </div>
        }
        .into_any(),
        Row::Message { seq, opens } => view! { <MessageRow seq opens shared /> }.into_any(),
        Row::Pending { cid, opens } => view! { <PendingRow cid opens shared /> }.into_any(),
    }
}

/// The card at the start of a conversation.
#[component]
fn Beginning(shared: RowContext) -> impl IntoView {
    let conversations = context().conversations;
    let entry = conversations.entry(shared.conversation)?;
    Some(move || {
        let (kind, title, topic, peer) = entry.with(|entry| {
            let peer = entry.peer.as_ref().map(|peer| peer.id);
            (entry.kind, conversations::title(entry), entry.topic.clone().unwrap_or_default(), peer)
        });
        match (kind, peer) {
            (ConversationKind::Direct, Some(peer)) => view! {
                <div class="beginning">
                    <Avatar id=peer size="l" />
                    <h2><bdi>{title.clone()}</bdi> " " <BotMark id=peer /></h2>
                    <p class="soft">{chat::chat_begins(&bidi::isolated(&title))}</p>
                </div>
            }
            .into_any(),
            _ => {
                let name = bidi::isolated(&format!("#{title}"));
                view! {
                <div class="beginning">
                    <span class="beginning-icon">
                        <Icon path=HASH />
                    </span>
                    <h2>{chat::room_welcome(&name)}</h2>
                    <p class="soft" dir="auto">
                        {if topic.is_empty() { chat::room_begins(&name) } else { topic }}
                    </p>
                </div>
                }
            }
            .into_any(),
        }
    })
}

/// The text of a message; none if it was deleted.
#[derive(Clone, PartialEq)]
struct Text {
    body: Option<String>,
    mentions: Option<Vec<Mention>>,
    edited_at: Option<Timestamp>,
}

/// What a row shows of a message: its text with a pending edit, unless it is folded; a cheap handle.
#[derive(Clone, Copy)]
struct Shown {
    me: UserId,
    author: UserId,
    edit: Memo<Option<PendingEdit>>,
    text: Memo<Text>,
    /// Whether a message by a blocked user was unfolded.
    unfolded: RwSignal<bool>,
    folded: Memo<bool>,
    /// Whether a deletion is pending.
    going: Memo<bool>,
}

impl Shown {
    fn new(message: ArcRwSignal<Message>, row: RowContext) -> Self {
        let Context { outbox, friends, session, .. } = row.context;
        let (seq, author) = message.with_untracked(|message| (message.seq, message.author));
        let conversation = row.conversation;
        let edit = Memo::new(move |_| outbox.edit_of(conversation, seq));
        let text = Memo::new(move |_| match edit.get() {
            Some(edit) => Text { body: Some(edit.body), mentions: None, edited_at: None },
            None => message.with(|message| Text {
                body: message.body.clone(),
                mentions: message.mentions.clone(),
                edited_at: message.edited_at,
            }),
        });
        let unfolded = RwSignal::new(false);
        let folded = Memo::new(move |_| !unfolded.get() && friends.is_blocked(author));
        let going = Memo::new(move |_| outbox.deletes(conversation, seq));
        Self { me: session.me(), author, edit, text, unfolded, folded, going }
    }

    /// Whether it concerns the user: by a mention, or because it `replies` to one of their messages.
    fn concerns_me(&self, replies: bool) -> bool {
        let named = |all: &Vec<Mention>| all.iter().any(|one| one.user == self.me);
        let concerns = self
            .text
            .with(|text| text.body.is_some() && (replies || text.mentions.as_ref().is_some_and(named)));
        concerns && self.author != self.me
    }

    /// Whether there is a text to act on.
    fn there(&self) -> bool {
        self.text.with(|text| text.body.is_some()) && !self.folded.get() && !self.going.get()
    }

    /// The text, as the row's accessible name has it.
    fn said(&self) -> String {
        if self.folded.get() {
            return chat::blocked_message().to_owned();
        }
        self.text.with(|text| {
            text.body.as_ref().map_or_else(
                || chat::deleted_message().to_owned(),
                |text| bidi::isolated(&text.chars().take(NAMED).collect::<String>()),
            )
        })
    }
}

/// A stored message.
#[component]
fn MessageRow(seq: Seq, opens: bool, shared: RowContext) -> impl IntoView {
    let context = shared.context;
    let message = context.open.message(seq)?;
    let Message { author, at, reply_to, reply_author, .. } = message.get_untracked();
    let shown = Shown::new(message.clone(), shared);
    let local = browser::local_time(at);
    let (clock, full) = (time::clock(local), time::full(local));
    let replies = reply_author == Some(shown.me);
    let mentioned = Memo::new(move |_| !context.friends.is_blocked(author) && shown.concerns_me(replies));
    let active = Memo::new(move |_| shared.active.get() == Some(seq));
    let target = Memo::new(move |_| shared.target.get() == Some(seq));
    let editing = Memo::new(move |_| shared.mode.get() == Mode::Edit(seq));
    let head = opens.then(|| view! { <Head author clock=clock.clone() full=full.clone() /> });
    let gutter = if opens {
        view! { <Avatar id=author /> }.into_any()
    } else {
        view! { <time class="gutter-time" title=full datetime=at.to_string()>{clock.clone()}</time> }
            .into_any()
    };
    let person = context.people.user(author);
    let label = move || {
        let name = person.with(|user| user.as_ref().map(|user| bidi::isolated(&people::spoken(user))));
        let name = name.unwrap_or_else(|| chat::someone().to_owned());
        format!("{name}, {clock}: {}", shown.said())
    };
    let acting = message.clone();
    Some(view! {
        <div
            class="message"
            class:opens=opens
            class:mentioned=move || mentioned.get()
            class:active=move || active.get()
            class:target=move || target.get()
            class:going=move || shown.going.get()
            class:editing=move || editing.get()
            role="article"
            aria-label=label
            tabindex="-1"
            data-testid="message"
            data-seq=seq.to_string()
            data-state="sent"
            // Nothing may appear under a finger.
            on:pointerenter=move |event| {
                if event.pointer_type() != "touch" {
                    shared.active.set(Some(seq));
                }
            }
            on:focusin=move |event| {
                let target = event.target().and_then(|one| one.dyn_into::<web_sys::Element>().ok());
                if target.is_some_and(|one| one.matches(":focus-visible").unwrap_or(false)) {
                    shared.active.set(Some(seq));
                }
            }
            on:contextmenu=move |event| open_menu(&event, shared, shown)
        >
            <div class="gutter">{gutter}</div>
            <div class="content">
                {head}
                {reply_to.map(|quoted| view! { <Quote conversation=shared.conversation seq=quoted /> })}
                <Content shown />
                <EditState edit=shown.edit />
                <Reactions message=message.clone() row=shared />
            </div>
            {move || (active.get() && shown.there()).then(|| view! { <Actions message=acting.clone() row=shared /> })}
        </div>
    })
}

/// Opens the menu of a row at the pointer, or at the row if the event came from the keyboard.
fn open_menu(event: &web_sys::MouseEvent, shared: RowContext, shown: Shown) {
    if shared.fingers.get_value() {
        // Touch opens the menu by its own long-press handling.
        event.prevent_default();
        return;
    }
    let row = event.current_target().and_then(|row| row.dyn_into::<web_sys::HtmlElement>().ok());
    let wanted = untrack(|| shown.there()) && selected().is_empty() && !on_link(event);
    let Some(row) = row.filter(|_| wanted) else { return };
    event.prevent_default();
    if event.client_x() == 0 && event.client_y() == 0 {
        shared.open_menu_of(&row);
    } else {
        shared.open_menu_at(&row, f64::from(event.client_x()), f64::from(event.client_y()));
    }
}

/// The text of a message, or what is shown in its place.
#[component]
fn Content(shown: Shown) -> impl IntoView {
    move || {
        if shown.folded.get() {
            return view! {
                <div class="body deleted" data-testid="message-folded">
                    {chat::blocked_message()} " "
                    <button
                        type="button"
                        class="link-button"
                        tabindex="-1"
                        data-testid="unfold"
                        on:click=move |_| shown.unfolded.set(true)
                    >
                        {chat::show()}
                    </button>
                </div>
            }
            .into_any();
        }
        let Text { body: text, mentions, edited_at } = shown.text.get();
        let Some(text) = text else {
            return view! { <div class="body deleted" data-testid="message-deleted">{chat::deleted_message()}</div> }
                .into_any();
        };
        let edited = edited_at.map(|at| {
            let full = chat::edited_at(&time::full(browser::local_time(at)));
            view! {
                " "
                <bdi class="edited" title=full>{chat::edited()}</bdi>
            }
        });
        view! {
            <div class="body" data-testid="message-body" dir="auto">
                <span class="said" translate="yes">{body(&text, mentions.as_deref(), shown.me)}</span>
                {edited}
            </div>
        }
        .into_any()
    }
}

/// Author and time, above the first message of a group.
#[component]
pub(crate) fn Head(author: UserId, clock: String, full: String) -> impl IntoView {
    let user = context().people.user(author);
    let href = move || user.with(|user| user.as_ref().map(|user| format!("/u/{}", user.handle)));
    view! {
        <div class="message-head">
            <a class="author" href=href tabindex="-1">
                <Name id=author />
            </a>
            <time title=full>{clock}</time>
        </div>
    }
}

fn on_link(event: &web_sys::MouseEvent) -> bool {
    let element = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    element.is_some_and(|element| element.closest("a").ok().flatten().is_some())
}

/// The selected text of the page.
fn selected() -> String {
    let selection = window().get_selection().ok().flatten();
    selection.map(|one| String::from(one.to_string())).unwrap_or_default()
}
