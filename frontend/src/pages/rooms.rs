//! The public rooms: search, join, leave, create.

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::hooks::{use_navigate, use_query_map};
use parlour_protocol::rooms::{CreateRoom, Room};
use parlour_protocol::validation;

use crate::browser;
use crate::components::dialog::Dialog;
use crate::components::form::{Field, Input, Submit};
use crate::components::states::Empty;
use crate::context::context;
use crate::effects::effect;
use crate::icons::{COMPASS, HASH, Icon, PLUS, SEARCH};
use crate::pages::PageHead;
use crate::pages::auth::FormFailure;
use crate::pages::paged::{Paged, SearchField};
use crate::pages::sending::{Sending, place, taken};
use crate::state::failure::Failure;
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
    let rooms = Paged::<Room>::new();
    let read = move |more: bool| {
        let (wanted, after) = (search.get_untracked(), rooms.after(more));
        rooms.read(more, async move { context.api.list_rooms(&wanted, after.as_deref()).await });
    };
    read(false);
    let list = move |found: Vec<Room>| {
        if !found.is_empty() {
            let cards = found.into_iter().map(|room| view! { <RoomCard room /> }).collect_view();
            return view! { <ul class="cards">{cards}</ul> }.into_any();
        }
        let all = search.with_untracked(|text| text.trim().is_empty());
        let (icon, title, text) = match all {
            true => (COMPASS, texts::none_title(), texts::none_text()),
            false => (SEARCH, texts::not_found_title(), texts::not_found_text()),
        };
        view! {
            <Empty icon title text>
                <a class="button primary" href="/rooms?new">
                    {texts::create()}
                </a>
            </Empty>
        }
        .into_any()
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
                <SearchField label=texts::search() testid="room-search" search changed=Callback::new(move |()| read(false)) />
                {rooms.show(6, read, list)}
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
    let sending = Sending::new();
    request_animation_frame(move || name.focus());
    let submit = sending.on_submit([name, topic], move || {
        let navigate = navigate.clone();
        let body = CreateRoom {
            name: name.text().trim().trim_start_matches('#').to_owned(),
            topic: topic.text().trim().to_owned(),
        };
        let request = async move { context.api.create_room(&body).await };
        let fields = [("name", name), ("topic", topic)];
        let wrong =
            move |why: &Failure| taken(why, name, texts::name_taken()).or_else(|| place(why, None, &fields));
        sending.send(wrong, request, move |room| {
            context.reread(room.id);
            // The form is unmounted with the page; closing it would navigate back to the list. What was typed into it
            // is discarded, too.
            let replace = leptos_router::NavigateOptions { replace: true, ..Default::default() };
            navigate(&format!("/c/{}", room.id), replace);
        });
    });
    view! {
        <h2>{texts::create()}</h2>
        <p class="soft">{texts::create_text()}</p>
        <form class="form" data-testid="create-room-form" novalidate on:submit=submit>
            <FormFailure failure=sending.failure />
            <Field input=name label=texts::name() hint=texts::name_hint() placeholder=texts::name_example() />
            <Field input=topic label=texts::topic() hint=texts::topic_hint() placeholder=texts::topic_example() />
            <div class="dialog-actions">
                <button type="button" class="button" on:click=move |_| creating.set(false)>
                    {common::cancel()}
                </button>
                <Submit label=texts::create_submit() busy=sending.busy testid="create-room-submit" />
            </div>
        </form>
    }
}
