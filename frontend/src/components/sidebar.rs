//! The sidebar: the user's rooms and direct chats with unread counts, and links to everything else.

use leptos::prelude::*;
use leptos_router::hooks::use_location;
use parlour_protocol::conversations::ConversationKind;
use parlour_protocol::ids::ConversationId;

use crate::components::avatar::{Avatar, BotMark};
use crate::components::places::{BrowseRooms, FootLinks, Myself, badge};
use crate::components::states::shown;
use crate::context::context;
use crate::icons::{HASH, Icon, Mark, PENCIL, PLUS, SEARCH, USER_PLUS};
use crate::state::people;
use crate::texts::{common, navigation as texts};

/// The sidebar.
#[component]
pub(crate) fn Sidebar() -> impl IntoView {
    let context = context();
    let lists = move || {
        shown(
            context.conversations.listed.get(),
            6,
            move || context.retry_conversations(),
            |()| {
                view! {
                    <Rooms />
                    <Directs />
                }
                .into_any()
            },
        )
    };
    let name = move || context.session.server_name();
    view! {
        <header class="sidebar" data-testid="sidebar">
            <div class="side-top">
                <a class="brand" href="/" aria-label=move || texts::home(&name()) title=name>
                    <Mark />
                    <span class="clip">{name}</span>
                </a>
                <button
                    type="button"
                    class="switcher-button"
                    aria-keyshortcuts="Control+K"
                    title=texts::switcher_title()
                    data-testid="open-switcher"
                    on:click=move |_| context.ui.switcher.set(true)
                >
                    <Icon path=SEARCH />
                    <span class="grow">{texts::jump_to()}</span>
                    <kbd>{texts::shortcut()}</kbd>
                </button>
            </div>
            <nav class="side-scroll" aria-label=texts::conversations()>
                {lists}
            </nav>
            <FootLinks />
            <Myself />
        </header>
    }
}

/// The links to these conversations.
#[component]
fn Links(ids: Memo<Vec<ConversationId>>) -> impl IntoView {
    view! {
        <For each=move || ids.get() key=|id| *id let:id>
            <li>
                <ConversationLink id />
            </li>
        </For>
    }
}

#[component]
fn Rooms() -> impl IntoView {
    let conversations = context().conversations;
    let ids = Memo::new(move |_| conversations.ordered(ConversationKind::Room));
    view! {
        <section class="side-section" aria-labelledby="side-rooms">
            <div class="side-heading">
                <h2 id="side-rooms">{texts::rooms()}</h2>
                <a
                    class="icon-button small"
                    href="/rooms?new"
                    aria-label=texts::create_room()
                    title=texts::create_room()
                    data-testid="create-room"
                >
                    <Icon path=PLUS />
                </a>
            </div>
            <ul class="side-list">
                <Links ids />
                <li>
                    <BrowseRooms />
                </li>
            </ul>
        </section>
    }
}

#[component]
fn Directs() -> impl IntoView {
    let conversations = context().conversations;
    let ids = Memo::new(move |_| conversations.ordered(ConversationKind::Direct));
    view! {
        <section class="side-section" aria-labelledby="side-directs">
            <div class="side-heading">
                <h2 id="side-directs">{texts::direct_chats()}</h2>
                <a class="icon-button small" href="/friends" aria-label=texts::message_friend() title=texts::message_friend()>
                    <Icon path=PLUS />
                </a>
            </div>
            <ul class="side-list">
                <Links ids />
                <Show when=move || ids.with(Vec::is_empty)>
                    <li>
                        <a class="place hint" href="/friends">
                            <Icon path=USER_PLUS />
                            <span class="grow">{texts::add_friend_hint()}</span>
                        </a>
                    </li>
                </Show>
            </ul>
        </section>
    }
}

/// One conversation in the list.
#[component]
pub(crate) fn ConversationLink(id: ConversationId) -> impl IntoView {
    let context = context();
    let people = context.people;
    let Some(entry) = context.conversations.entry(id) else { return ().into_any() };
    let path = use_location().pathname;
    let place = format!("/c/{id}");
    let below = format!("/c/{id}/");
    let here = move || path.with(|path| *path == place || path.starts_with(&below)).then_some("page");
    // A message that changes neither name nor picture redraws nothing.
    let peer = Memo::new({
        let entry = entry.clone();
        move |_| entry.with(|entry| entry.peer.as_ref().map(|peer| peer.id))
    });
    let name = Memo::new({
        let entry = entry.clone();
        move |_| entry.with(|entry| people.title(entry))
    });
    let face = move || {
        match peer.get() {
        Some(peer) => view! { <Avatar id=peer size="s" presence=true /> }.into_any(),
        None => view! {
            <span class="room-tile">
                <Icon path=HASH />
                <span class="room-letter" aria-hidden="true">{move || name.with(|name| people::sign(name))}</span>
            </span>
        }
        .into_any(),
    }
    };
    // In the open conversation the composer itself shows the draft.
    let draft = move || {
        let written = context.preferences.drafts.with(|drafts| drafts.contains(&id))
            && context.open.id.get() != Some(id);
        written.then(|| {
            view! {
                <span class="draft-mark" data-testid="draft-mark" title=texts::draft()>
                    <Icon path=PENCIL />
                    <span class="visually-hidden">{texts::draft()}</span>
                </span>
            }
        })
    };
    let counts = Memo::new(move |_| entry.with(|entry| (entry.unread, entry.mentions, entry.kind)));
    view! {
        <a
            class="place"
            title=move || name.get()
            class:unread=move || counts.with(|(unread, _, _)| *unread > 0)
            href=format!("/c/{id}")
            aria-current=here
            data-testid="conversation-link"
            data-conversation-id=id.to_string()
        >
            {face}
            <span class="grow marked">
                <span class="marked-name">
                    <bdi>{move || name.get()}</bdi>
                </span>
                {move || peer.get().map(|id| view! { <BotMark id /> })}
            </span>
            {draft}
            {move || marks(counts.get())}
        </a>
    }
    .into_any()
}

/// The number of unread messages, and whether some of them concern the user.
fn marks((unread, mentions, kind): (i64, i64, ConversationKind)) -> impl IntoView {
    let loud = mentions > 0 || kind == ConversationKind::Direct;
    let shown = if mentions > 0 && unread <= people::COUNTED && kind == ConversationKind::Room {
        format!("@{mentions}")
    } else {
        people::capped(unread)
    };
    (unread > 0).then(|| badge(shown, common::unread(unread), loud, "unread-count"))
}
