//! The head of a conversation: its name and its actions.

use leptos::prelude::*;
use leptos_router::hooks::use_navigate;
use parlour_protocol::conversations::{Conversation, ConversationKind};
use parlour_protocol::ids::ConversationId;
use parlour_protocol::rights::Permission;
use parlour_protocol::rooms::UpdateRoom;
use parlour_protocol::validation;

use crate::components::avatar::{Avatar, BotMark};
use crate::components::dialog::Dialog;
use crate::components::form::{Field, Input, Submit};
use crate::context::context;
use crate::icons::{BACK, HASH, Icon, LOGOUT, PENCIL, TRASH, USERS};
use crate::pages::auth::FormFailure;
use crate::pages::sending::{Sending, place, taken};
use crate::state::failure::Failure;
use crate::texts::{chat, common, rooms};

/// Name, topic, and the conversation's actions.
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
                let online = context.people.online(peer);
                let handle = context.people.user(peer);
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
    let label = {
        let entry = entry.clone();
        move || common::members(entry.with(|entry| entry.member_count))
    };
    let profile = move || {
        peer.and_then(|peer| {
            context.people.user(peer).with(|user| user.as_ref().map(|user| format!("/u/{}", user.handle)))
        })
    };
    view! {
        <header class="chat-head">
            <a class="icon-button only-narrow" href="/" aria-label=chat::back_to_chats()>
                <Icon path=BACK />
            </a>
            {match peer {
                Some(peer) => view! { <a href=profile aria-label=chat::profile()><Avatar id=peer presence=true /></a> }.into_any(),
                None => view! { <span class="chat-hash"><Icon path=HASH /></span> }.into_any(),
            }}
            <div class="chat-names">
                <h1 class="marked">
                    <span class="marked-name">{move || shown.get().trim_start_matches('#').to_owned()}</span>
                    {peer.map(|id| view! { <BotMark id /> })}
                </h1>
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
                            aria-label=label.clone()
                            title=chat::members_title()
                            aria-pressed=move || context.preferences.details.get().to_string()
                            data-testid="toggle-members"
                            on:click=move |_| context.preferences.details.update(|open| *open = !*open)
                        >
                            <Icon path=USERS />
                            <span class="tabular">{count.clone()}</span>
                        </button>
                    }
                })}
        </header>
    }
}

/// The actions of a room: editing it, for its owner, and leaving it.
#[component]
pub(crate) fn RoomActions(entry: ArcRwSignal<Conversation>) -> impl IntoView {
    let context = context();
    let navigate = StoredValue::new_local(use_navigate());
    let id = entry.with_untracked(|entry| entry.id);
    let editing = RwSignal::new(false);
    let editable = Memo::new(move |_| entry.with(|entry| entry.can.contains(&Permission::EditRoom)));
    let leave = move |_| {
        context.ui.ask(chat::leave_title(), chat::leave_text(), chat::leave(), move || {
            context.attempt(async move { context.api.leave_room(id).await }, move |()| {
                let _ = navigate.try_with_value(|navigate| navigate("/rooms", Default::default()));
                context.drop_conversation(id);
            });
        });
    };
    view! {
        <Show when=move || editable.get()>
            <button
                type="button"
                class="icon-button"
                aria-label=chat::edit_room()
                title=chat::edit_room()
                data-testid="edit-room"
                on:click=move |_| editing.set(true)
            >
                <Icon path=PENCIL />
            </button>
        </Show>
        <button
            type="button"
            class="icon-button"
            aria-label=chat::leave_room()
            title=chat::leave_room()
            data-testid="leave-room"
            on:click=leave
        >
            <Icon path=LOGOUT />
        </button>
        <Dialog open=editing title=chat::edit_room()>
            <EditRoom id editing />
        </Dialog>
    }
}

/// The form for a room's name and topic, for its owner.
#[component]
fn EditRoom(id: ConversationId, editing: RwSignal<bool>) -> impl IntoView {
    let context = context();
    let name = Input::new("room_name", validation::room_name);
    let topic = Input::new("room_topic", validation::topic);
    if let Some(entry) = context.conversations.entry(id) {
        entry.with_untracked(|entry| {
            name.value.set(entry.name.clone().unwrap_or_default());
            topic.value.set(entry.topic.clone().unwrap_or_default());
        });
    }
    let sending = Sending::new();
    let submit = sending.on_submit([name, topic], move || {
        let body = UpdateRoom {
            name: Some(name.text().trim().to_owned()),
            topic: Some(topic.text().trim().to_owned()),
        };
        let request = async move { context.api.update_room(id, &body).await };
        let fields = [("name", name), ("topic", topic)];
        let wrong =
            move |why: &Failure| taken(why, name, rooms::name_taken()).or_else(|| place(why, None, &fields));
        sending.send(wrong, request, move |_| {
            let _ = editing.try_set(false);
        });
    });
    let delete = move |_| {
        editing.set(false);
        context.ui.ask(chat::delete_room_title(), chat::delete_room_text(), chat::delete_room(), move || {
            context.attempt(async move { context.api.delete_room(id).await }, move |()| {
                context.drop_conversation(id);
            });
        });
    };
    view! {
        <h2>{chat::edit_room()}</h2>
        <form class="form" novalidate on:submit=submit>
            <FormFailure failure=sending.failure />
            <Field input=name label=rooms::name() />
            <Field input=topic label=chat::topic() hint=rooms::topic_hint() />
            <div class="dialog-actions">
                <button type="button" class="button danger-quiet" data-testid="delete-room" on:click=delete>
                    <Icon path=TRASH />
                    {chat::delete_room()}
                </button>
                <span class="grow"></span>
                <button type="button" class="button" on:click=move |_| editing.set(false)>
                    {common::cancel()}
                </button>
                <Submit label=common::save() busy=sending.busy />
            </div>
        </form>
    }
}
