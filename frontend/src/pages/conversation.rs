//! A conversation: its head, its timeline, its composer (or why one may not write), and the details beside it.

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::hooks::{use_navigate, use_params_map};
use parlour_protocol::conversations::{Conversation, ConversationKind};
use parlour_protocol::ids::{ConversationId, Seq};
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::rooms::{MemberRole, Room, UpdateRoom};
use parlour_protocol::validation;

use crate::api::calls::{PAGE, Place};
use crate::browser;
use crate::components::avatar::Avatar;
use crate::components::composer::{Composer, Mode};
use crate::components::dialog::{Dialog, ask};
use crate::components::form::{Field, Input, Submit, check_all};
use crate::components::members::Members;
use crate::components::message_parts::RowContext;
use crate::components::states::{Failed, Skeleton};
use crate::components::timeline::Timeline;
use crate::context::{Load, context};
use crate::icons::{ALERT, BACK, CLOSE, HASH, Icon, LOGOUT, PENCIL, TRASH, USERS};
use crate::pages::home::NotFound;
use crate::state::conversations::title;
use crate::state::people;

/// The page of the conversation in the address.
#[component]
pub(crate) fn ConversationPage() -> impl IntoView {
    let context = context();
    let params = use_params_map();
    let id = Memo::new(move |_| {
        params.with(|params| params.get("id").and_then(|id| id.parse::<ConversationId>().ok()))
    });
    let target =
        Memo::new(move |_| params.with(|params| params.get("seq").and_then(|seq| seq.parse::<Seq>().ok())));
    move || {
        let Some(id) = id.get() else { return view! { <NotFound /> }.into_any() };
        let listed = context.listed.with(|listed| *listed != Load::Pending);
        if !listed {
            return view! {
                <div class="chat">
                    <Skeleton rows=7 />
                </div>
            }
            .into_any();
        }
        let member = Memo::new(move |_| context.ids.with(|ids| ids.contains(&id)));
        view! {
            {move || {
                if member.get() {
                    view! { <Chat id target /> }.into_any()
                } else {
                    view! { <Outside id /> }.into_any()
                }
            }}
        }
        .into_any()
    }
}

/// A conversation that one takes part in.
#[component]
fn Chat(id: ConversationId, target: Memo<Option<Seq>>) -> impl IntoView {
    let context = context();
    let open = context.open;
    let entry = context.entry(id)?;
    let mode = RwSignal::new(Mode::New);
    let shared = RowContext {
        conversation: id,
        mode,
        active: RwSignal::new(None),
        palette: RwSignal::new(None),
        target: RwSignal::new(None),
    };
    let (read, unread) = entry.with_untracked(|entry| (entry.read_seq, entry.unread));
    open.begin(id, (unread > 0).then_some(read));
    // Opens at the message in the address, where one was before, where one stopped reading, or at the end.
    Effect::new(move |before: Option<Option<Seq>>| {
        let wanted = target.get();
        match (wanted, before) {
            (Some(seq), _) => {
                context.open_at(id, Place::Around(seq));
            }
            (None, None) => {
                let kept = browser::stored(false, &format!("place.{id}")).and_then(|text| text.parse().ok());
                let place = match kept {
                    Some(seq) => Place::Around(seq),
                    None if unread as usize >= PAGE && read > 0 => Place::Around(read),
                    None => Place::Newest,
                };
                context.open_at(id, place);
            }
            (None, Some(_)) => {}
        }
        wanted
    });
    on_cleanup(move || {
        if open.is(id) {
            open.close();
        }
    });
    let kind = entry.with_untracked(|entry| entry.kind);
    let peer = entry.with_untracked(|entry| entry.peer.as_ref().map(|peer| peer.id));
    let shown = Signal::derive({
        let entry = entry.clone();
        move || {
            let name = entry.with(title);
            match (kind, peer) {
                (ConversationKind::Room, _) => format!("#{name}"),
                (_, Some(peer)) => context
                    .user(peer)
                    .with(|user| user.as_ref().map_or(name, |user| user.display_name.clone())),
                _ => name,
            }
        }
    });
    let writable = Memo::new({
        let entry = entry.clone();
        move |_| entry.with(|entry| entry.writable)
    });
    let foot = move || {
        if writable.get() {
            view! { <Composer id title=shown mode /> }.into_any()
        } else {
            let why = match kind {
                ConversationKind::Direct => "You are no longer friends, so you cannot write here.",
                ConversationKind::Room => "You cannot write in this room.",
            };
            let handle = peer.map(|peer| context.user(peer));
            let again = handle.map(|user| {
                move || {
                    user.with(|user| {
                        user.as_ref()
                            .map(|user| view! { <a href=format!("/u/{}", user.handle)>"Show profile"</a> })
                    })
                }
            });
            view! {
                <div class="composer-closed" data-testid="composer-disabled-reason" role="status">
                    <Icon path=ALERT />
                    <span>{why}</span>
                    {again}
                </div>
            }
            .into_any()
        }
    };
    let inside = entry.clone();
    let details = move || {
        (context.details.get() && kind == ConversationKind::Room).then(|| {
            view! {
                <aside class="details" aria-label="Who is here">
                    <header class="details-head">
                        <h2 class="grow">"Members"</h2>
                        <span class="only-narrow">
                            <RoomActions entry=inside.clone() />
                        </span>
                        <button
                            type="button"
                            class="icon-button"
                            aria-label="Close"
                            on:click=move |_| context.details.set(false)
                        >
                            <Icon path=CLOSE />
                        </button>
                    </header>
                    <Members id />
                </aside>
            }
        })
    };
    Some(view! {
        <div class="chat-and-details">
            <section class="chat" aria-label=shown data-testid="chat" data-conversation-id=id.to_string()>
                <ChatHead entry=entry.clone() shown />
                <Timeline id target shared />
                <Typing id />
                {foot}
            </section>
            {details}
        </div>
    })
}

/// Name, topic, and what one can do with the conversation.
#[component]
fn ChatHead(entry: ArcRwSignal<Conversation>, #[prop(into)] shown: Signal<String>) -> impl IntoView {
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
                        {move || handle.with(|user| user.as_ref().map(|user| format!("@{}", user.handle)))}
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
            <a class="icon-button only-narrow" href="/" aria-label="Back to the conversations">
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
                            aria-label="Who is here"
                            title="Who is here"
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
fn RoomActions(entry: ArcRwSignal<Conversation>) -> impl IntoView {
    let context = context();
    let navigate = StoredValue::new_local(use_navigate());
    let id = entry.with_untracked(|entry| entry.id);
    let editing = RwSignal::new(false);
    let owner = Memo::new(move |_| entry.with(|entry| entry.role == Some(MemberRole::Owner)));
    let leave = move |_| {
        ask(
            "Leave this room?",
            "You can come back at any time: the room stays public.",
            "Leave",
            move || {
                context.attempt(async move { context.api.leave_room(id).await }, move |()| {
                    let _ = navigate.try_with_value(|navigate| navigate("/rooms", Default::default()));
                    context.live.forget(id);
                    context.remove_entry(id);
                });
            },
        );
    };
    view! {
        <Show when=move || owner.get()>
            <button
                type="button"
                class="icon-button"
                aria-label="Change the room"
                title="Change the room"
                data-testid="edit-room"
                on:click=move |_| editing.set(true)
            >
                <Icon path=PENCIL />
            </button>
        </Show>
        <button
            type="button"
            class="icon-button"
            aria-label="Leave the room"
            title="Leave the room"
            data-testid="leave-room"
            on:click=leave
        >
            <Icon path=LOGOUT />
        </button>
        <Dialog open=editing title="Change the room">
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
            "The room and everything said in it will be gone for everybody.",
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
        <h2>"Change the room"</h2>
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

/// Who is typing. The line is always there, so that nothing moves when somebody begins.
#[component]
fn Typing(id: ConversationId) -> impl IntoView {
    let context = context();
    let text = Memo::new(move |_| {
        let users: Vec<_> = context.typing.with(|typing| {
            typing.iter().filter(|(there, _, _)| *there == id).map(|(_, user, _)| *user).collect()
        });
        let name = |user| {
            context.user(user).with(|user| {
                user.as_ref().map_or_else(|| "Somebody".to_owned(), |user| user.display_name.clone())
            })
        };
        let names: Vec<String> = users.into_iter().map(name).collect();
        match names.len() {
            0 => String::new(),
            1 => format!("{} is typing…", people::list(&names)),
            2 | 3 => format!("{} are typing…", people::list(&names)),
            _ => "Several people are typing…".to_owned(),
        }
    });
    view! {
        <div class="typing" data-testid="typing">
            <Show when=move || text.with(|text| !text.is_empty())>
                <span class="typing-dots" aria-hidden="true"><i></i><i></i><i></i></span>
                <span class="clip">{move || text.get()}</span>
            </Show>
        </div>
    }
}

/// A room that one is not in: what it is, and the way in.
#[component]
fn Outside(id: ConversationId) -> impl IntoView {
    let context = context();
    let room = RwSignal::new(Load::<Room>::Pending);
    let read = move || {
        room.set(Load::Pending);
        spawn_local(async move {
            let answer = context.api.read_room(id).await;
            room.try_set(match answer {
                Ok(room) => Load::Ready(room),
                Err(failure) => Load::Failed(failure),
            });
        });
    };
    read();
    move || {
        match room.get() {
        Load::Pending => view! { <div class="chat"><Skeleton rows=4 /></div> }.into_any(),
        Load::Failed(failure) if matches!(failure.code(), Some(ErrorCode::NotFound | ErrorCode::Gone)) => {
            view! { <NotFound /> }.into_any()
        }
        Load::Failed(failure) => view! { <Failed failure retry=Callback::new(move |()| read()) /> }.into_any(),
        Load::Ready(room) => view! {
            <div class="page">
                <div class="empty">
                    <span class="empty-icon">
                        <Icon path=HASH />
                    </span>
                    <h1>{room.name}</h1>
                    <p>{room.topic}</p>
                    <p class="soft tabular">{format!("{} · {} here now", people::count(room.member_count, "member"), room.online_count)}</p>
                    <div class="empty-actions">
                        <button
                            type="button"
                            class="button primary"
                            data-testid="join-room"
                            on:click=move |_| {
                                context
                                    .attempt(
                                        async move { context.api.join_room(id).await },
                                        move |conversation| context.put_entry(conversation),
                                    );
                            }
                        >
                            "Join this room"
                        </button>
                        <a class="button" href="/rooms">"Other rooms"</a>
                    </div>
                </div>
            </div>
        }
        .into_any(),
    }
    }
}
