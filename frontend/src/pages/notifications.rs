//! Notifications: friend requests, replies, mentions. Viewing the page marks them as seen.

use leptos::prelude::*;
use leptos::task::spawn_local;
use parlour_protocol::notifications::{Notification, NotificationKind};

use crate::browser;
use crate::components::avatar::{Avatar, Name};
use crate::components::states::{Empty, Failed, Skeleton};
use crate::context::{Context, context};
use crate::effects::effect;
use crate::icons::BELL;
use crate::pages::PageHead;
use crate::pages::friends::{accept, drop_request};
use crate::state::load::Load;
use crate::state::{bidi, time};
use crate::texts::{common, friends, notifications as texts};

/// Marks the unread notifications as seen if they all concern the conversation the user is looking at.
pub(crate) fn see_what_is_open(context: Context) {
    effect(move || {
        let open = context.open.id.get();
        if !context.attention.get() || open.is_none() {
            return;
        }
        let up_to = context.notices.with(|notices| {
            let notices = notices.ready().filter(|notices| notices.unread > 0)?;
            let fresh: Vec<_> =
                notices.items.iter().filter(|one| !one.read).take(notices.unread as usize).collect();
            // All unread notifications must be among the loaded ones.
            let known = fresh.len() as i64 == notices.unread;
            let here = known && fresh.iter().all(|one| one.conversation == open);
            here.then(|| notices.items.first().map(|one| one.seq))?
        });
        if let Some(up_to) = up_to {
            mark_seen(context, up_to);
        }
    });
}

/// Marks notifications as seen on the server and clears the badge. The rows stay marked as new for this visit.
fn mark_seen(context: Context, up_to: i64) {
    spawn_local(async move {
        if context.api.read_notifications(up_to).await.is_err() {
            return;
        }
        // Notifications that arrived meanwhile are not seen.
        let newer = context.notices.with_untracked(|notices| {
            notices.ready().and_then(|notices| notices.items.first()).is_some_and(|one| one.seq > up_to)
        });
        if newer {
            context.load_notices();
            return;
        }
        context.notices.maybe_update(|notices| match notices {
            Load::Ready(notices) if notices.unread > 0 => {
                notices.unread = 0;
                true
            }
            _ => false,
        });
    });
}

/// The notifications page.
#[component]
pub(crate) fn NotificationsPage() -> impl IntoView {
    let context = context();
    let more = RwSignal::new(Vec::<Notification>::new());
    let next = RwSignal::new(None::<i64>);
    effect(move || {
        let newest = context.notices.with(|notices| {
            let notices = notices.ready()?;
            if more.with_untracked(Vec::is_empty) {
                next.set(notices.next);
            }
            notices.items.first().filter(|_| notices.unread > 0).map(|one| one.seq)
        });
        // Notifications count as seen only if the user is looking at the window.
        if let Some(up_to) = newest.filter(|_| context.attention.get()) {
            mark_seen(context, up_to);
        }
    });
    let show_more = move |_| {
        let before = next.get_untracked();
        context.attempt(async move { context.api.list_notifications(before).await }, move |page| {
            next.set(page.next);
            more.update(|more| more.extend(page.items));
        });
    };
    let list = move || match context.notices.get() {
        Load::Pending => view! { <Skeleton rows=5 /> }.into_any(),
        Load::Failed(failure) => {
            view! { <Failed failure retry=Callback::new(move |()| context.load_notices()) /> }.into_any()
        }
        Load::Ready(notices) if notices.items.is_empty() => view! {
            <Empty icon=BELL title=texts::none_title() text=texts::none_text() />
        }
        .into_any(),
        Load::Ready(notices) => {
            let mut items = notices.items;
            let last = items.last().map_or(0, |one| one.seq);
            items.extend(more.get().into_iter().filter(|one| one.seq < last));
            context.learn(items.iter().map(|one| &one.actor));
            view! {
                <ul class="cards">
                    {items.into_iter().map(|notice| view! { <NoticeLine notice /> }).collect_view()}
                </ul>
            }
            .into_any()
        }
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

#[component]
fn NoticeLine(notice: Notification) -> impl IntoView {
    let context = context();
    let id = notice.actor.id;
    let asked = Memo::new(move |_| {
        let open = context.requests.with(|load| {
            load.ready().is_some_and(|requests| requests.incoming.iter().any(|request| request.user.id == id))
        });
        match (open, context.is_friend(id)) {
            (true, _) => Asked::Open,
            (false, true) => Asked::Friends,
            (false, false) => Asked::Gone,
        }
    });
    let request = notice.kind == NotificationKind::FriendRequested;
    let profile = format!("/u/{}", notice.actor.handle);
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
    let href = match (notice.kind, notice.conversation, notice.message) {
        (NotificationKind::Unknown, ..) => "/notifications".to_owned(),
        (_, Some(conversation), Some(message)) => format!("/c/{conversation}/{message}"),
        (_, Some(conversation), None) => format!("/c/{conversation}"),
        _ => profile,
    };
    let ago = move || {
        context.minute.track();
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
                        on:click=move |_| accept(context, id, || ())
                    >
                        {friends::accept()}
                    </button>
                    <button
                        type="button"
                        class="button"
                        data-testid="decline-friend"
                        on:click=move |_| drop_request(context, id, || ())
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
