//! Notifications: friend requests, replies, mentions. Viewing the page marks them as seen.

use leptos::prelude::*;
use parlour_protocol::notifications::{Notification, NotificationKind};

use crate::browser;
use crate::components::avatar::{Avatar, Name};
use crate::components::states::{Empty, shown};
use crate::context::{Context, context};
use crate::effects::effect;
use crate::icons::BELL;
use crate::pages::PageHead;
use crate::state::notifications::{newest_unread, newest_unread_in};
use crate::state::{bidi, time};
use crate::texts::{common, friends, notifications as texts};

/// Marks the unread notifications as seen if they all concern the conversation the user is looking at.
pub(crate) fn see_what_is_open(context: Context) {
    effect(move || {
        let open = context.open.id.get();
        if !context.ui.attention.get() || open.is_none() {
            return;
        }
        let up_to = context.notices.list.with(|load| newest_unread_in(load.ready()?, open?));
        if let Some(up_to) = up_to {
            context.mark_seen(up_to);
        }
    });
}

/// The notifications page.
#[component]
pub(crate) fn NotificationsPage() -> impl IntoView {
    let context = context();
    let more = RwSignal::new(Vec::<Notification>::new());
    let next = RwSignal::new(None::<i64>);
    effect(move || {
        let newest = context.notices.list.with(|notices| {
            let notices = notices.ready()?;
            if more.with_untracked(Vec::is_empty) {
                next.set(notices.next);
            }
            newest_unread(notices)
        });
        // Notifications count as seen only if the user is looking at the window.
        if let Some(up_to) = newest.filter(|_| context.ui.attention.get()) {
            context.mark_seen(up_to);
        }
    });
    let show_more = move |_| {
        let before = next.get_untracked();
        context.attempt(async move { context.api.list_notifications(before).await }, move |page| {
            next.set(page.next);
            more.update(|more| more.extend(page.items));
        });
    };
    let list = move || {
        shown(
            context.notices.list.get(),
            5,
            move || context.load_notices(),
            |notices| {
                let mut items = notices.items;
                if items.is_empty() {
                    return view! { <Empty icon=BELL title=texts::none_title() text=texts::none_text() /> }
                        .into_any();
                }
                let last = items.last().map_or(0, |one| one.seq);
                items.extend(more.get().into_iter().filter(|one| one.seq < last));
                context.people.learn(items.iter().map(|one| &one.actor));
                view! {
                    <ul class="cards">
                        {items.into_iter().map(|notice| view! { <NoticeLine notice /> }).collect_view()}
                    </ul>
                }
                .into_any()
            },
        )
    };
    view! {
        <div class="page">
            <PageHead title=texts::title() />
            <div class="page-body">
                {list}
                <Show when=move || next.with(Option::is_some)>
                    <button type="button" class="button more" on:click=show_more>
                        {common::show_more()}
                    </button>
                </Show>
            </div>
        </div>
    }
}

/// The current state of a friend request in a notification.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Open,
    Friends,
    Gone,
}

/// The page that a notification leads to.
fn address(notice: &Notification) -> String {
    match (notice.kind, notice.conversation, notice.message) {
        (NotificationKind::Unknown, ..) => "/notifications".to_owned(),
        (_, Some(conversation), Some(message)) => format!("/c/{conversation}/{message}"),
        (_, Some(conversation), None) => format!("/c/{conversation}"),
        _ => format!("/u/{}", notice.actor.handle),
    }
}

#[component]
fn NoticeLine(notice: Notification) -> impl IntoView {
    let context = context();
    let id = notice.actor.id;
    let asked = Memo::new(move |_| match (context.friends.is_asked_by(id), context.friends.is_friend(id)) {
        (true, _) => Asked::Open,
        (false, true) => Asked::Friends,
        (false, false) => Asked::Gone,
    });
    let request = notice.kind == NotificationKind::FriendRequested;
    let room = notice.room.as_ref().map(|room| bidi::isolated(&format!("#{room}")));
    let said = move || match (notice.kind, &room) {
        (NotificationKind::FriendRequested, _) => match asked.get() {
            Asked::Open => texts::friend_requested().to_owned(),
            Asked::Friends => texts::friend_requested_done().to_owned(),
            Asked::Gone => texts::friend_requested_gone().to_owned(),
        },
        (NotificationKind::FriendAccepted, _) => texts::friend_accepted().to_owned(),
        (NotificationKind::Answered, Some(room)) => texts::replied_in(room),
        (NotificationKind::Answered, None) => texts::replied().to_owned(),
        (NotificationKind::Mentioned, Some(room)) => texts::mentioned_in(room),
        (NotificationKind::Mentioned, None) => texts::mentioned().to_owned(),
        (NotificationKind::Unknown, _) => texts::unknown().to_owned(),
    };
    let href = address(&notice);
    let ago = move || {
        context.ui.minute.track();
        browser::ago(notice.at)
    };
    let answer = move || {
        (request && asked.get() == Asked::Open).then(|| {
            view! {
                <div class="line-actions">
                    <button
                        type="button"
                        class="button primary"
                        data-testid="accept-friend"
                        on:click=move |_| context.accept_request(id)
                    >
                        {friends::accept()}
                    </button>
                    <button
                        type="button"
                        class="button"
                        data-testid="decline-friend"
                        on:click=move |_| context.drop_request(id)
                    >
                        {friends::decline()}
                    </button>
                </div>
            }
        })
    };
    view! {
        <li class="card line wrap notice-line" class:fresh=!notice.read data-testid="notification">
            <Avatar id />
            <p class="grow">
                <a class="whole-card" href=href>
                    <strong>
                        <Name id />
                    </strong>
                    " "
                    {said}
                </a>
                <br />
                <span class="soft" title=time::full(browser::local_time(notice.at))>{ago}</span>
            </p>
            {(!notice.read).then(|| view! { <span class="fresh-dot"><span class="visually-hidden">{texts::new()}</span></span> })}
            {answer}
        </li>
    }
}
