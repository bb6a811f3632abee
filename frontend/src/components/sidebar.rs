//! The sidebar: own rooms and direct chats, with what is unread, and the ways to everything else.

use leptos::prelude::*;
use leptos_router::hooks::use_location;
use parlour_protocol::conversations::ConversationKind;
use parlour_protocol::ids::ConversationId;

use crate::components::avatar::Avatar;
use crate::components::places::{BrowseRooms, FootLinks, Myself};
use crate::components::states::{Failed, Skeleton};
use crate::context::{Load, context};
use crate::icons::{HASH, Icon, Mark, PLUS, SEARCH, USER_PLUS};
use crate::state::conversations::title;

/// The sidebar.
#[component]
pub(crate) fn Sidebar() -> impl IntoView {
    let context = context();
    let rooms = Memo::new(move |_| context.ordered(ConversationKind::Room));
    let directs = Memo::new(move |_| context.ordered(ConversationKind::Direct));
    let name = move || context.server.with(|server| server.as_ref().map(|server| server.name.clone()));
    let lists = move || {
        match context.listed.get() {
        Load::Pending => view! { <Skeleton rows=6 /> }.into_any(),
        Load::Failed(failure) => {
            let retry = move |()| {
                context.listed.set(Load::Pending);
                leptos::task::spawn_local(context.load_conversations());
            };
            view! { <Failed failure retry=Callback::new(retry) /> }.into_any()
        }
        Load::Ready(()) => view! {
            <section class="side-section" aria-labelledby="side-rooms">
                <div class="side-heading">
                    <h2 id="side-rooms">"Rooms"</h2>
                    <a
                        class="icon-button small"
                        href="/rooms?new"
                        aria-label="Create a room"
                        title="Create a room"
                        data-testid="create-room"
                    >
                        <Icon path=PLUS />
                    </a>
                </div>
                <ul class="side-list">
                    <For each=move || rooms.get() key=|id| *id let:id>
                        <li>
                            <ConversationLink id />
                        </li>
                    </For>
                    <li>
                        <BrowseRooms />
                    </li>
                </ul>
            </section>
            <section class="side-section" aria-labelledby="side-directs">
                <div class="side-heading">
                    <h2 id="side-directs">"Direct chats"</h2>
                    <a class="icon-button small" href="/friends" aria-label="Write to a friend" title="Write to a friend">
                        <Icon path=PLUS />
                    </a>
                </div>
                <ul class="side-list">
                    <For each=move || directs.get() key=|id| *id let:id>
                        <li>
                            <ConversationLink id />
                        </li>
                    </For>
                    <Show when=move || directs.with(Vec::is_empty)>
                        <li>
                            <a class="place hint" href="/friends">
                                <Icon path=USER_PLUS />
                                <span class="grow">"Add a friend to talk privately"</span>
                            </a>
                        </li>
                    </Show>
                </ul>
            </section>
        }
        .into_any(),
    }
    };
    view! {
        <div class="sidebar" data-testid="sidebar">
            <div class="side-top">
                <a class="brand" href="/" aria-label="Home">
                    <Mark />
                    <span class="clip">{move || name().unwrap_or_else(|| "Parlour".to_owned())}</span>
                </a>
                <button
                    type="button"
                    class="switcher-button"
                    data-testid="open-switcher"
                    on:click=move |_| context.switcher.set(true)
                >
                    <Icon path=SEARCH />
                    <span class="grow">"Jump to…"</span>
                    <kbd>"Ctrl K"</kbd>
                </button>
            </div>
            <nav class="side-scroll" aria-label="Conversations">
                {lists}
            </nav>
            <FootLinks />
            <Myself />
        </div>
    }
}

/// One conversation.
#[component]
pub(crate) fn ConversationLink(id: ConversationId) -> impl IntoView {
    let context = context();
    let Some(entry) = context.entry(id) else { return ().into_any() };
    let path = use_location().pathname;
    let place = format!("/c/{id}");
    let below = format!("/c/{id}/");
    let here = move || path.with(|path| *path == place || path.starts_with(&below)).then_some("page");
    // Only what is shown is followed: a message that changes neither redraws nothing.
    let face = Memo::new({
        let entry = entry.clone();
        move |_| entry.with(|entry| (entry.kind, entry.peer.as_ref().map(|peer| peer.id), title(entry)))
    });
    let peer_name = move || {
        let (kind, peer, title) = face.get();
        match (kind, peer) {
            (ConversationKind::Direct, Some(peer)) => {
                context.user(peer).with(|user| user.as_ref().map_or(title, |user| user.display_name.clone()))
            }
            _ => title,
        }
    };
    let counts = Memo::new(move |_| entry.with(|entry| (entry.unread, entry.mentions, entry.kind)));
    let marks = move || {
        let (unread, mentions, kind) = counts.get();
        let loud = mentions > 0 || kind == ConversationKind::Direct;
        let shown = if mentions > 0 && kind == ConversationKind::Room {
            format!("@{mentions}")
        } else {
            unread.to_string()
        };
        let shown = if unread > 99 { "99+".to_owned() } else { shown };
        (unread > 0).then(|| {
            view! {
                <span class="count" class:loud=loud data-testid="unread-count">
                    {shown}
                    <span class="visually-hidden">" unread"</span>
                </span>
            }
        })
    };
    view! {
        <a
            class="place"
            class:unread=move || counts.with(|(unread, _, _)| *unread > 0)
            href=format!("/c/{id}")
            aria-current=here
            data-testid="conversation-link"
            data-conversation-id=id.to_string()
        >
            {move || match face.get() {
                (ConversationKind::Direct, Some(peer), _) => {
                    view! { <Avatar id=peer size="s" presence=true /> }.into_any()
                }
                _ => view! { <Icon path=HASH /> }.into_any(),
            }}
            <span class="grow clip">{peer_name}</span>
            {marks}
        </a>
    }
    .into_any()
}
