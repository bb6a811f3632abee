//! The public rooms: search, join, leave, create.

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::hooks::{use_navigate, use_query_map};
use parlour_protocol::ids::ConversationId;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::rooms::{CreateRoom, Room};
use parlour_protocol::validation;

use crate::browser;
use crate::components::dialog::Dialog;
use crate::components::form::{Field, Input, Submit, check_all};
use crate::components::states::{Empty, Failed, Skeleton};
use crate::context::context;
use crate::effects::effect;
use crate::icons::{COMPASS, HASH, Icon, PLUS, SEARCH};
use crate::pages::PageHead;
use crate::state::load::Load;
use crate::state::{bidi, people};
use crate::texts::{common, rooms as texts};

/// The list of the server's rooms.
#[component]
pub(crate) fn Rooms() -> impl IntoView {
    let context = context();
    let query = use_query_map();
    let navigate = use_navigate();
    let creating = RwSignal::new(query.with_untracked(|query| query.get("new").is_some()));
    // The link in the sidebar opens the form even while this page is shown; closing the form cleans up the address.
    effect(move || {
        context.ui.visits.track();
        if query.with(|query| query.get("new").is_some()) {
            creating.set(true);
        }
    });
    Effect::new(move |before: Option<bool>| {
        let now = creating.get();
        if before == Some(true) && !now && query.with_untracked(|query| query.get("new").is_some()) {
            navigate("/rooms", leptos_router::NavigateOptions { replace: true, ..Default::default() });
        }
        now
    });
    let search = RwSignal::new(String::new());
    let rooms = RwSignal::new(Load::<Vec<Room>>::Pending);
    let next = RwSignal::new(None::<String>);
    let turn = StoredValue::new(0_u64);
    let read = move |more: bool| {
        let now = turn.try_update_value(|turn| {
            *turn += 1;
            *turn
        });
        let after = if more { next.get_untracked() } else { None };
        let wanted = search.get_untracked();
        spawn_local(async move {
            let answer = context.api.list_rooms(&wanted, after.as_deref()).await;
            if turn.try_get_value() != now {
                return;
            }
            match answer {
                Ok(page) => {
                    next.set(page.next);
                    rooms.update(|rooms| match rooms {
                        Load::Ready(known) if more => known.extend(page.items),
                        _ => *rooms = Load::Ready(page.items),
                    });
                }
                Err(failure) => rooms.set(Load::Failed(failure)),
            }
        });
    };
    read(false);
    let timer: StoredValue<Option<TimeoutHandle>> = StoredValue::new(None);
    let on_search = move |event| {
        search.set(event_target_value(&event));
        if let Some(Some(old)) = timer.try_update_value(Option::take) {
            old.clear();
        }
        timer.set_value(set_timeout_with_handle(move || read(false), Duration::from_millis(200)).ok());
    };
    on_cleanup(move || {
        if let Some(Some(old)) = timer.try_update_value(Option::take) {
            old.clear();
        }
    });
    let list = move || match rooms.get() {
        Load::Pending => view! { <Skeleton rows=6 /> }.into_any(),
        Load::Failed(failure) => {
            view! { <Failed failure retry=Callback::new(move |()| read(false)) /> }.into_any()
        }
        Load::Ready(found) if found.is_empty() && search.with_untracked(|text| text.trim().is_empty()) => {
            view! {
                <Empty icon=COMPASS title=texts::none_title() text=texts::none_text()>
                    <a class="button primary" href="/rooms?new">
                        {texts::create()}
                    </a>
                </Empty>
            }
            .into_any()
        }
        Load::Ready(found) if found.is_empty() => view! {
            <Empty icon=SEARCH title=texts::not_found_title() text=texts::not_found_text()>
                <a class="button primary" href="/rooms?new">
                    {texts::create()}
                </a>
            </Empty>
        }
        .into_any(),
        Load::Ready(found) => view! {
            <ul class="cards">{found.into_iter().map(|room| view! { <RoomCard room /> }).collect_view()}</ul>
        }
        .into_any(),
    };
    view! {
        <div class="page">
            <PageHead title=texts::title()>
                <a class="button primary" href="/rooms?new" data-testid="new-room">
                    <Icon path=PLUS />
                    {texts::new_room()}
                </a>
            </PageHead>
            <div class="page-body">
                <label class="search">
                    <span class="visually-hidden">{texts::search()}</span>
                    <Icon path=SEARCH />
                    <input
                        class="input"
                        type="search"
                        name="room-search"
                        placeholder=texts::search()
                        maxlength="60"
                        data-testid="room-search"
                        on:input=on_search
                    />
                </label>
                {list}
                <Show when=move || next.with(Option::is_some)>
                    <button type="button" class="button more" on:click=move |_| read(true)>
                        {common::show_more()}
                    </button>
                </Show>
            </div>
            <Dialog open=creating title=texts::create()>
                <NewRoom creating />
            </Dialog>
        </div>
    }
}

#[component]
fn RoomCard(room: Room) -> impl IntoView {
    let context = context();
    let navigate = use_navigate();
    let id = room.id;
    let inside = Memo::new(move |_| context.conversations.contains(id));
    let busy = RwSignal::new(false);
    let ago = move || {
        context.ui.minute.track();
        texts::active(&browser::ago(room.last_activity_at))
    };
    let navigate = StoredValue::new_local(navigate);
    let label = texts::join_room(&bidi::isolated(&room.name));
    let join = move |_| {
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        spawn_local(async move {
            match context.api.join_room(id).await {
                Ok(conversation) => {
                    context.put_entry(conversation);
                    let _ = navigate.try_with_value(|navigate| {
                        navigate(&format!("/c/{id}"), leptos_router::NavigateOptions::default())
                    });
                }
                Err(failure) => context.ui.complain(&failure),
            }
            let _ = busy.try_set(false);
        });
    };
    view! {
        <li class="card room-card" data-testid="room-card" data-conversation-id=id.to_string()>
            <span class=format!("room-icon tinted hue-{}", people::room_hue(id))>
                <Icon path=HASH />
            </span>
            <div class="grow">
                <h2 class="clip">
                    <a class="whole-card" href=format!("/c/{id}") data-testid="open-room">
                        <bdi>{room.name}</bdi>
                    </a>
                </h2>
                {(!room.topic.is_empty()).then(|| view! { <p class="soft two-lines" dir="auto" translate="yes" prop:textContent=room.topic></p> })}
                <p class="meta tabular">
                    <span>{common::members(room.member_count)}</span>
                    {(room.online_count > 0).then(|| view! { <span class="here-now">{texts::friends_online(room.online_count)}</span> })}
                    <span>{ago}</span>
                </p>
            </div>
            {move || {
                if inside.get() {
                    view! { <span class="tag ok">{texts::joined()}</span> }.into_any()
                } else {
                    view! {
                        <button
                            type="button"
                            class="button primary"
                            data-testid="join-room"
                            aria-label=label.clone()
                            disabled=move || busy.get()
                            on:click=join
                        >
                            {texts::join()}
                        </button>
                    }
                    .into_any()
                }
            }}
        </li>
    }
}

#[component]
fn NewRoom(creating: RwSignal<bool>) -> impl IntoView {
    let context = context();
    let navigate = use_navigate();
    let name = Input::new("room_name", validation::room_name);
    let topic = Input::new("room_topic", validation::topic);
    let busy = RwSignal::new(false);
    request_animation_frame(move || name.focus());
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() || !check_all(&[name, topic]) {
            return;
        }
        busy.set(true);
        let navigate = navigate.clone();
        let body = CreateRoom {
            name: name.text().trim().trim_start_matches('#').to_owned(),
            topic: topic.text().trim().to_owned(),
        };
        spawn_local(async move {
            match context.api.create_room(&body).await {
                Ok(room) => {
                    let id: ConversationId = room.id;
                    context.reread(id);
                    // The form is unmounted with the page; closing it would navigate back to the list. What was typed
                    // into it is discarded, too.
                    let replace = leptos_router::NavigateOptions { replace: true, ..Default::default() };
                    navigate(&format!("/c/{id}"), replace);
                }
                Err(failure) if failure.code() == Some(ErrorCode::Taken) => {
                    let _ = name.error.try_set(Some(texts::name_taken().to_owned()));
                    name.focus();
                }
                Err(failure) => context.ui.complain(&failure),
            }
            let _ = busy.try_set(false);
        });
    };
    view! {
        <h2>{texts::create()}</h2>
        <p class="soft">{texts::create_text()}</p>
        <form class="form" data-testid="create-room-form" novalidate on:submit=submit>
            <Field input=name label=texts::name() hint=texts::name_hint() placeholder=texts::name_example() />
            <Field input=topic label=texts::topic() hint=texts::topic_hint() placeholder=texts::topic_example() />
            <div class="dialog-actions">
                <button type="button" class="button" on:click=move |_| creating.set(false)>
                    {common::cancel()}
                </button>
                <Submit label=texts::create_submit() busy testid="create-room-submit" />
            </div>
        </form>
    }
}
