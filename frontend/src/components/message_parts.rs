//! Parts of a message's row: the quoted message, the reactions, and the actions.

use leptos::prelude::*;
use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::messages::{Message, Reaction};
use wasm_bindgen::JsCast;

use crate::components::avatar::Name;
use crate::components::row_context::{MenuPlace, Mode, OpenMenu, RowContext};
use crate::context::context;
use crate::icons::{Icon, MORE, PENCIL, REPLY, SMILE};
use crate::state::{bidi, reactions};
use crate::texts::{chat, common};

/// Maximum length of a quoted text, in characters.
const EXCERPT: usize = 160;

/// At most this many users are named at a reaction.
const NAMED: usize = 12;

/// The emoji offered for reactions.
pub(crate) const PALETTE: [&str; 8] = ["👍", "❤️", "😂", "🎉", "😮", "😢", "🙏", "👀"];

/// A message in one line, for quotes.
pub(crate) fn excerpt(message: &Message) -> String {
    let text = if untrack(|| context().friends.is_blocked(message.author)) {
        chat::blocked_message().to_owned()
    } else {
        message.body.clone().unwrap_or_else(|| chat::deleted_message().to_owned())
    };
    text.replace("```", "").chars().take(EXCERPT).collect()
}

/// The message that this one replies to.
#[component]
pub(crate) fn Quote(conversation: ConversationId, seq: Seq) -> impl IntoView {
    let context = context();
    // If it is not among the loaded rows, it is fetched separately.
    let quoted = context.open.quoted(seq, move |seqs| context.read_quoted(conversation, seqs));
    let inside = move || match quoted.get() {
        Some(message) => view! {
            <strong>
                <Name id=message.author />
            </strong>
            <span class="clip" dir="auto">{excerpt(&message)}</span>
        }
        .into_any(),
        None => view! { <span>{chat::view_original()}</span> }.into_any(),
    };
    view! {
        <a class="quote" tabindex="-1" data-testid="quote" href=format!("/c/{conversation}/{seq}")>
            {inside}
        </a>
    }
}

/// The reactions below a message.
#[component]
pub(crate) fn Reactions(message: ArcRwSignal<Message>, row: RowContext) -> impl IntoView {
    let (me, outbox) = (row.context.session.me(), row.context.outbox);
    let reactions = {
        let message = message.clone();
        Memo::new(move |_| {
            message.with(|message| {
                let pending = outbox.reactions_of(row.conversation, message.seq);
                reactions::shown(&message.reactions, &pending, me)
            })
        })
    };
    // A chip keeps its element while users come and go, and so keeps the focus.
    let chip = move |emoji: String| view! { <Chip emoji reactions message=message.clone() row /> };
    let emoji = move || reactions.with(|all| all.iter().map(|one| one.emoji.clone()).collect::<Vec<_>>());
    view! {
        <Show when=move || reactions.with(|all| !all.is_empty())>
            <div class="reactions">
                <For each=emoji key=Clone::clone children=chip.clone() />
            </div>
        </Show>
    }
}

/// One emoji, and how many have reacted with it.
#[component]
fn Chip(
    emoji: String,
    reactions: Memo<Vec<Reaction>>,
    message: ArcRwSignal<Message>,
    row: RowContext,
) -> impl IntoView {
    let (me, people) = (row.context.session.me(), row.context.people);
    let users = {
        let emoji = emoji.clone();
        Memo::new(move |_| {
            reactions
                .with(|all| all.iter().find(|one| one.emoji == emoji).map(|one| one.users.clone()))
                .unwrap_or_default()
        })
    };
    let mine = Memo::new(move |_| users.with(|users| users.contains(&me)));
    let names = move || {
        let name = |id: &UserId| {
            people.user(*id).with(|user| user.as_ref().map(|user| bidi::isolated(&user.display_name)))
        };
        common::names(&users.with(|users| users.iter().take(NAMED).filter_map(name).collect::<Vec<_>>()))
    };
    let (shown, label) = (emoji.clone(), emoji.clone());
    view! {
        <button
            type="button"
            class="chip"
            class:mine=move || mine.get()
            tabindex="-1"
            aria-pressed=move || mine.get().to_string()
            aria-label=move || format!("{label} {}: {}", users.with(Vec::len), names())
            title=names
            data-testid="reaction"
            on:click=move |_| row.react(&message.get_untracked(), &emoji)
        >
            <span>{shown}</span>
            <span class="chip-count">{move || users.with(Vec::len)}</span>
        </button>
    }
}

/// The most frequent actions of a message, and a button that opens the full menu.
#[component]
pub(crate) fn Actions(message: ArcRwSignal<Message>, row: RowContext) -> impl IntoView {
    let (seq, author) = message.with_untracked(|message| (message.seq, message.author));
    let writable = row.writable();
    let mine = author == row.context.session.me();
    let corner = |event: &web_sys::MouseEvent| {
        let button = event.current_target().and_then(|one| one.dyn_into::<web_sys::Element>().ok());
        button
            .map(|button| button.get_bounding_client_rect())
            .map(|place| (place.right(), place.top(), place.bottom()))
    };
    let react = move |event: web_sys::MouseEvent| {
        if let Some((right, top, _)) = corner(&event) {
            row.menu.set(Some(OpenMenu { seq, place: MenuPlace::Emoji(right, top) }));
        }
    };
    let more = move |event: web_sys::MouseEvent| {
        if let Some((right, _, bottom)) = corner(&event) {
            row.menu.set(Some(OpenMenu { seq, place: MenuPlace::At(right, bottom) }));
        }
    };
    let action = |path, label: &'static str, testid: &'static str, run: Box<dyn Fn(web_sys::MouseEvent)>| {
        view! {
            <button
                type="button"
                class="icon-button small"
                tabindex="-1"
                aria-label=label
                title=label
                data-testid=testid
                on:click=run
            >
                <Icon path />
            </button>
        }
    };
    view! {
        <div class="actions-place">
            <div class="actions" role="toolbar" aria-label=chat::message_actions()>
                {writable.then(|| action(SMILE, chat::add_reaction(), "react", Box::new(react)))}
                {writable.then(|| action(REPLY, chat::reply(), "reply", Box::new(move |_| row.write(Mode::Reply(seq)))))}
                {(writable && mine).then(|| action(PENCIL, chat::edit(), "edit", Box::new(move |_| row.write(Mode::Edit(seq)))))}
                {action(MORE, chat::more(), "more", Box::new(more))}
            </div>
        </div>
    }
}
