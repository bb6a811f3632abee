//! What one should know: requests, answers, mentions. Seeing the page marks them as seen.

use leptos::prelude::*;
use leptos::task::spawn_local;
use parlour_protocol::notifications::{Notification, NotificationKind};

use crate::browser;
use crate::components::avatar::{Avatar, Name};
use crate::components::states::{Empty, Failed, Skeleton};
use crate::context::{Load, context};
use crate::icons::BELL;
use crate::pages::PageHead;
use crate::state::time;

/// The notifications.
#[component]
pub(crate) fn NotificationsPage() -> impl IntoView {
    let context = context();
    let more = RwSignal::new(Vec::<Notification>::new());
    let next = RwSignal::new(None::<i64>);
    Effect::new(move |_| {
        let newest = context.notices.with(|notices| {
            let notices = notices.ready()?;
            if more.with_untracked(Vec::is_empty) {
                next.set(notices.next);
            }
            notices.items.first().filter(|_| notices.unread > 0).map(|one| one.seq)
        });
        // Nobody has seen what stands in a window that nobody looks at.
        if let Some(up_to) = newest.filter(|_| context.attention.get()) {
            // The marks stay for this visit; the badge goes.
            spawn_local(async move {
                if context.api.read_notifications(up_to).await.is_ok() {
                    context.notices.maybe_update(|notices| match notices {
                        Load::Ready(notices) if notices.unread > 0 => {
                            notices.unread = 0;
                            true
                        }
                        _ => false,
                    });
                }
            });
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
        match context.notices.get() {
        Load::Pending => view! { <Skeleton rows=5 /> }.into_any(),
        Load::Failed(failure) => {
            view! { <Failed failure retry=Callback::new(move |()| context.load_notices()) /> }.into_any()
        }
        Load::Ready(notices) if notices.items.is_empty() => view! {
            <Empty icon=BELL title="All quiet" text="Friend requests and messages that mention you will appear here." />
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
    }
    };
    view! {
        <div class="page">
            <PageHead title="Notifications" />
            <div class="page-body">
                {list}
                <Show when=move || next.with(Option::is_some)>
                    <button type="button" class="button more" on:click=show_more>
                        "Show more"
                    </button>
                </Show>
            </div>
        </div>
    }
}

#[component]
fn NoticeLine(notice: Notification) -> impl IntoView {
    let context = context();
    let id = notice.actor.id;
    let (said, href) = match notice.kind {
        NotificationKind::FriendRequested => {
            (" wants to be your friend".to_owned(), "/friends/requests".to_owned())
        }
        NotificationKind::FriendAccepted => {
            (" accepted your request".to_owned(), format!("/u/{}", notice.actor.handle))
        }
        NotificationKind::Mentioned | NotificationKind::Answered => {
            let place =
                notice.room.as_ref().map_or_else(|| "your chat".to_owned(), |room| format!("#{room}"));
            let href = match (notice.conversation, notice.message) {
                (Some(conversation), Some(message)) => format!("/c/{conversation}/{message}"),
                (Some(conversation), None) => format!("/c/{conversation}"),
                _ => "/".to_owned(),
            };
            let did = if notice.kind == NotificationKind::Answered { "answered" } else { "mentioned" };
            (format!(" {did} you in {place}"), href)
        }
        NotificationKind::Unknown => {
            (" did something new; reload to see it".to_owned(), "/notifications".to_owned())
        }
    };
    let ago = move || {
        context.minute.track();
        browser::ago(notice.at)
    };
    view! {
        <li>
            <a class="card line notice-line" class:fresh=!notice.read href=href data-testid="notification">
                <Avatar id />
                <p class="grow">
                    <strong>
                        <Name id />
                    </strong>
                    {said}
                    <br />
                    <span class="soft" title=time::full(browser::local_time(notice.at))>{ago}</span>
                </p>
                {(!notice.read).then(|| view! { <span class="fresh-dot"><span class="visually-hidden">"new"</span></span> })}
            </a>
        </li>
    }
}
