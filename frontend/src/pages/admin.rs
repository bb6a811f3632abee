//! The administration pages: statistics, people, rooms.

pub(crate) mod access;
pub(crate) mod jobs;
pub(crate) mod recovery;

use leptos::prelude::*;
use parlour_protocol::Page;
use parlour_protocol::accounts::ServerRole;
use parlour_protocol::admin::{AdminUser, Statistics};
use parlour_protocol::rooms::Room;

use crate::api::http::Answer;
use crate::arrival::titled;
use crate::browser;
use crate::components::avatar::{Avatar, Name, PersonLink};
use crate::components::places::Place;
use crate::components::states::Empty;
use crate::context::context;
use crate::effects::effect;
use crate::icons::{HASH, Icon, SEARCH, SHIELD, TRASH};
use crate::pages::admin::access::{Approvals, AuditLog, Invites};
use crate::pages::admin::jobs::FailedJobs;
use crate::pages::admin::recovery::Recovery;
use crate::pages::home::NotFound;
use crate::pages::loaded::Loaded;
use crate::pages::paged::{Paged, SearchField};
use crate::pages::{PageHead, part};
use crate::state::{bidi, people, time};
use crate::texts::{admin as texts, common};

/// The administration page; everyone else sees a refusal.
#[component]
pub(crate) fn Admin() -> impl IntoView {
    let context = context();
    let part = part();
    let refused = || {
        titled(|| texts::refused_title().to_owned());
        view! {
            <div class="page">
                <Empty icon=SHIELD title=texts::refused_title() text=texts::refused_text() whole=true>
                    <a class="button primary" href="/">{common::go_home()}</a>
                </Empty>
            </div>
        }
    };
    let window = Signal::derive(move || {
        let part = match part.get().as_str() {
            "" => texts::overview(),
            "users" => texts::people(),
            "rooms" => texts::rooms(),
            "access" => texts::access(),
            "audit" => texts::audit(),
            "jobs" => texts::jobs(),
            _ => return common::page_not_found().to_owned(),
        };
        common::part_of_page(part, texts::title())
    });
    let inside = move || match part.get().as_str() {
        "" => view! { <Figures /> }.into_any(),
        "users" => view! { <People /> }.into_any(),
        "rooms" => view! { <AllRooms /> }.into_any(),
        "access" => view! {
            <Approvals />
            <Invites />
        }
        .into_any(),
        "audit" => view! { <AuditLog /> }.into_any(),
        "jobs" => view! { <FailedJobs /> }.into_any(),
        _ => view! { <NotFound /> }.into_any(),
    };
    view! {
        <Show when=move || context.session.is_admin() fallback=refused>
            <div class="page">
                <PageHead title=texts::title() window=window back="/settings" />
                <div class="page-body">
                    <nav class="tabs" aria-label=texts::title()>
                        <Place href="/admin" class="tab">{texts::overview()}</Place>
                        <Place href="/admin/users" class="tab">{texts::people()}</Place>
                        <Place href="/admin/rooms" class="tab">{texts::rooms()}</Place>
                        <Place href="/admin/access" class="tab">{texts::access()}</Place>
                        <Place href="/admin/audit" class="tab">{texts::audit()}</Place>
                        <Place href="/admin/jobs" class="tab">{texts::jobs()}</Place>
                    </nav>
                    {inside}
                </div>
            </div>
        </Show>
    }
}

#[component]
fn Figures() -> impl IntoView {
    let context = context();
    let figures = Loaded::<Statistics>::new(move || context.api.read_statistics());
    effect(move || {
        context.ui.minute.track();
        // The administrator's own connection counts, too, once it exists.
        context.session.link.track();
        figures.read();
    });
    let figure = |label: &'static str, value: i64| {
        view! {
            <div class="card figure">
                <dt>{label}</dt>
                <dd class="tabular">{people::number(value)}</dd>
            </div>
        }
    };
    let server = move || {
        context
            .session
            .server
            .with(|server| server.as_ref().map(|server| texts::server_version(&server.name, &server.version)))
    };
    figures.show(4, move |all| {
        view! {
            <dl class="figures" data-testid="statistics">
                {figure(texts::people(), all.users)} {figure(texts::online_now(), all.online)} {figure(texts::rooms(), all.rooms)}
                {figure(texts::directs(), all.directs)} {figure(texts::events(), all.events)}
                {figure(texts::connections(), all.sockets)}
            </dl>
            <p class="meta">{server}</p>
        }
        .into_any()
    })
}

/// A searchable list that is loaded page by page.
#[component]
fn Searched<T, F, Fut>(
    label: &'static str,
    testid: &'static str,
    items: Paged<T>,
    read: F,
    line: fn(T, Paged<T>) -> AnyView,
) -> impl IntoView
where
    T: Clone + Send + Sync + 'static,
    F: Fn(String, Option<String>) -> Fut + Copy + Send + Sync + 'static,
    Fut: Future<Output = Answer<Page<T>>> + 'static,
{
    let search = RwSignal::new(String::new());
    let fetch = move |more: bool| items.read(more, read(search.get_untracked(), items.after(more)));
    fetch(false);
    let list = move |found: Vec<T>| {
        if found.is_empty() {
            return view! { <Empty icon=SEARCH title=texts::nothing_found() text=texts::nothing_found_text() /> }
                .into_any();
        }
        view! { <ul class="cards">{found.into_iter().map(|one| line(one, items)).collect_view()}</ul> }
            .into_any()
    };
    view! {
        <SearchField label testid search changed=Callback::new(move |()| fetch(false)) />
        {items.show(6, fetch, list)}
    }
}

/// All accounts of the server.
#[component]
fn People() -> impl IntoView {
    let context = context();
    let read = move |search: String, after: Option<String>| async move {
        let page = context.api.list_admin_users(&search, after.as_deref()).await?;
        context.people.learn(page.items.iter().map(|one| &one.user));
        Ok(page)
    };
    let line: fn(AdminUser, Paged<AdminUser>) -> AnyView = |one, all| view! { <Person one all /> }.into_any();
    view! { <Searched label=texts::search_people() testid="admin-user-search" items=Paged::new() read line /> }
}

/// One account.
#[component]
fn Person(one: AdminUser, all: Paged<AdminUser>) -> impl IntoView {
    let context = context();
    let id = one.user.id;
    let suspended = one.suspended_at.is_some();
    let change = move || {
        context.attempt(async move { context.api.suspend_user(id, !suspended).await }, move |changed| {
            all.change(|all| {
                if let Some(place) = all.iter_mut().find(|one| one.user.id == id) {
                    *place = changed;
                }
            });
        });
    };
    let name = bidi::isolated(&one.user.display_name);
    let whose = name.clone();
    let suspend = move |_| {
        context.ui.ask(texts::suspend_title(&name), texts::suspend_text(), texts::suspend(), change);
    };
    let since = time::full_day(browser::local_time(one.created_at));
    let action = if suspended {
        view! {
            <button type="button" class="button" data-testid="unsuspend" on:click=move |_| change()>
                {texts::unsuspend()}
            </button>
        }
        .into_any()
    } else if id == context.session.me() {
        ().into_any()
    } else {
        view! {
            <button type="button" class="button danger-quiet" data-testid="suspend" on:click=suspend>
                {texts::suspend()}
            </button>
        }
        .into_any()
    };
    view! {
        <li class="card line wrap" data-testid="admin-user">
            <Avatar id />
            <div class="grow who">
                <a class="strong clip" href=format!("/u/{}", one.user.handle)>
                    <Name id />
                </a>
                <p class="soft clip">{texts::since(&bidi::handle(&one.user.handle), &since)}</p>
                {one.owner.map(|owner| view! {
                    <p class="soft clip" data-testid="bot-owner">{texts::bot_of()} " " <PersonLink id=owner /></p>
                })}
            </div>
            {(one.role == ServerRole::Admin).then(|| view! { <span class="tag ok">{texts::administrator()}</span> })}
            {suspended.then(|| view! { <span class="tag bad">{texts::suspended()}</span> })}
            <div class="line-actions">
                // Bots have no log-in to recover.
                {(!suspended && !one.user.bot).then(|| view! { <Recovery id name=whose second_factor=one.second_factor /> })}
                {action}
            </div>
        </li>
    }
}

/// All rooms of the server.
#[component]
fn AllRooms() -> impl IntoView {
    let context = context();
    let read = move |search: String, after: Option<String>| async move {
        context.api.list_rooms(&search, after.as_deref()).await
    };
    let line: fn(Room, Paged<Room>) -> AnyView = |room, all| view! { <RoomLine room all /> }.into_any();
    view! { <Searched label=texts::search_rooms() testid="admin-room-search" items=Paged::new() read line /> }
}

/// One room.
#[component]
fn RoomLine(room: Room, all: Paged<Room>) -> impl IntoView {
    let context = context();
    let id = room.id;
    let name = bidi::isolated(&format!("#{}", room.name));
    let label = texts::delete_room_named(&name);
    let delete = move |_| {
        let title = texts::delete_room_title(&name);
        context.ui.ask(title, texts::delete_room_text(), texts::delete_room(), move || {
            context.attempt(async move { context.api.delete_room(id).await }, move |()| {
                all.change(|all| all.retain(|room| room.id != id));
            });
        });
    };
    view! {
        <li class="card line" data-testid="admin-room">
            <span class=format!("room-icon tinted hue-{}", people::room_hue(id))>
                <Icon path=HASH />
            </span>
            <div class="grow">
                <a class="strong clip" href=format!("/c/{id}")>{room.name}</a>
                <p class="soft tabular">{texts::room_line(&common::members(room.member_count), &texts::event_count(room.head))}</p>
            </div>
            <button
                type="button"
                class="icon-button danger-action"
                aria-label=label
                title=texts::delete_room()
                data-testid="admin-delete-room"
                on:click=delete
            >
                <Icon path=TRASH />
            </button>
        </li>
    }
}
