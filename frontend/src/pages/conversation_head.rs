//! The head of a conversation: what it is, and what one can do with it.

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::hooks::use_navigate;
use parlour_protocol::conversations::{Conversation, ConversationKind};
use parlour_protocol::ids::ConversationId;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::rooms::{MemberRole, UpdateRoom};
use parlour_protocol::validation;

use crate::components::avatar::Avatar;
use crate::components::dialog::{Dialog, ask};
use crate::components::form::{Field, Input, Submit, check_all};
use crate::context::context;
use crate::icons::{BACK, HASH, Icon, LOGOUT, PENCIL, TRASH, USERS};

/// Name, topic, and what one can do with the conversation.
#[component]
pub(crate) fn ChatHead(
    entry: ArcRwSignal<Conversation>,
    #[prop(into)] shown: Signal<String>,
) -> impl IntoView {
    let context = context();
    let room = entry.clone();
    let (kind, peer) = entry.with_untracked(|entry| (entry.kind, entry.peer.as_ref().map(|peer| peer.id)));
    let about = {
        let entry = entry.clone();
        move || match (kind, peer) {
            (ConversationKind::Direct, Some(peer)) => {
                let online = context.online(peer);
                let handle = context.user(peer);
                view! {
                    <span class="chat-topic">
                        <bdi>{move || handle.with(|user| user.as_ref().map(|user| format!("@{}", user.handle)))}</bdi>
                        {move || if online.get() { " · online" } else { "" }}
                    </span>
                }
                .into_any()
            }
            _ => {
                let topic = entry.with(|entry| entry.topic.clone().unwrap_or_default());
                view! { <span class="chat-topic clip">{topic}</span> }.into_any()
            }
        }
    };
    let count = {
        let entry = entry.clone();
        move || entry.with(|entry| entry.member_count)
    };
    let profile = move || {
        peer.and_then(|peer| {
            context.user(peer).with(|user| user.as_ref().map(|user| format!("/u/{}", user.handle)))
        })
    };
    view! {
        <header class="chat-head">
            <a class="icon-button only-narrow" href="/" aria-label="Back to chats">
                <Icon path=BACK />
            </a>
            {match peer {
                Some(peer) => view! { <a href=profile aria-label="Profile"><Avatar id=peer presence=true /></a> }.into_any(),
                None => view! { <span class="chat-hash"><Icon path=HASH /></span> }.into_any(),
            }}
            <div class="chat-names">
                <h1 class="clip">{move || shown.get().trim_start_matches('#').to_owned()}</h1>
                {about}
            </div>
            {(kind == ConversationKind::Room)
                .then(|| {
                    view! {
                        <span class="only-wide">
                            <RoomActions entry=room.clone() />
                        </span>
                        <button
                            type="button"
                            class="icon-button with-text"
                            aria-label="Members"
                            title="Members"
                            aria-pressed=move || context.details.get().to_string()
                            data-testid="toggle-members"
                            on:click=move |_| context.details.update(|open| *open = !*open)
                        >
                            <Icon path=USERS />
                            <span class="tabular">{count.clone()}</span>
                        </button>
                    }
                })}
        </header>
    }
}

/// What one can do with a room: change it, if it is one's own, and leave it.
#[component]
pub(crate) fn RoomActions(entry: ArcRwSignal<Conversation>) -> impl IntoView {
    let context = context();
    let navigate = StoredValue::new_local(use_navigate());
    let id = entry.with_untracked(|entry| entry.id);
    let editing = RwSignal::new(false);
    let owner = Memo::new(move |_| entry.with(|entry| entry.role == Some(MemberRole::Owner)));
    let leave = move |_| {
        ask("Leave this room?", "You can rejoin at any time.", "Leave", move || {
            context.attempt(async move { context.api.leave_room(id).await }, move |()| {
                let _ = navigate.try_with_value(|navigate| navigate("/rooms", Default::default()));
                context.live.forget(id);
                context.remove_entry(id);
            });
        });
    };
    view! {
        <Show when=move || owner.get()>
            <button
                type="button"
                class="icon-button"
                aria-label="Edit room"
                title="Edit room"
                data-testid="edit-room"
                on:click=move |_| editing.set(true)
            >
                <Icon path=PENCIL />
            </button>
        </Show>
        <button
            type="button"
            class="icon-button"
            aria-label="Leave room"
            title="Leave room"
            data-testid="leave-room"
            on:click=leave
        >
            <Icon path=LOGOUT />
        </button>
        <Dialog open=editing title="Edit room">
            <EditRoom id editing />
        </Dialog>
    }
}

/// Name and topic of a room, for its owner.
#[component]
fn EditRoom(id: ConversationId, editing: RwSignal<bool>) -> impl IntoView {
    let context = context();
    let name = Input::new("room_name", validation::room_name);
    let topic = Input::new("room_topic", validation::topic);
    if let Some(entry) = context.entry(id) {
        entry.with_untracked(|entry| {
            name.value.set(entry.name.clone().unwrap_or_default());
            topic.value.set(entry.topic.clone().unwrap_or_default());
        });
    }
    let busy = RwSignal::new(false);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if !check_all(&[name, topic]) {
            return;
        }
        busy.set(true);
        let body = UpdateRoom {
            name: Some(name.text().trim().to_owned()),
            topic: Some(topic.text().trim().to_owned()),
        };
        spawn_local(async move {
            match context.api.update_room(id, &body).await {
                Ok(_) => {
                    let _ = editing.try_set(false);
                }
                Err(failure) if failure.code() == Some(ErrorCode::Taken) => {
                    let _ = name.error.try_set(Some("Another room has this name.".to_owned()));
                }
                Err(failure) => context.complain(&failure),
            }
            let _ = busy.try_set(false);
        });
    };
    let delete = move |_| {
        editing.set(false);
        ask(
            "Delete this room?",
            "The room and everything said in it will be deleted for everyone.",
            "Delete room",
            move || {
                context.attempt(async move { context.api.delete_room(id).await }, move |()| {
                    context.live.forget(id);
                    context.remove_entry(id);
                });
            },
        );
    };
    view! {
        <h2>"Edit room"</h2>
        <form class="form" novalidate on:submit=submit>
            <Field input=name label="Name" />
            <Field input=topic label="Topic" hint="One line about what belongs here." />
            <div class="dialog-actions">
                <button type="button" class="button danger-quiet" data-testid="delete-room" on:click=delete>
                    <Icon path=TRASH />
                    "Delete room"
                </button>
                <span class="grow"></span>
                <button type="button" class="button" on:click=move |_| editing.set(false)>
                    "Cancel"
                </button>
                <Submit label="Save" busy />
            </div>
        </form>
    }
}
