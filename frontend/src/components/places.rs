//! Where one is, and the links that lead elsewhere.

use leptos::prelude::*;
use leptos_router::hooks::use_location;

use crate::components::avatar::Avatar;
use crate::context::{Context, context};
use crate::icons::{BELL, CHAT, COMPASS, Icon, SETTINGS, SHIELD, USERS};

/// A link that knows whether one is there.
#[component]
pub(crate) fn Place(
    #[prop(into)] href: String,
    #[prop(default = "place")] class: &'static str,
    #[prop(default = false)] below: bool,
    children: Children,
) -> impl IntoView {
    let path = use_location().pathname;
    let target = href.clone();
    let here = move || {
        let path = path.get();
        let found =
            path == target || (below && path.strip_prefix(&target).is_some_and(|rest| rest.starts_with('/')));
        found.then_some("page")
    };
    view! {
        <a href=href class=class aria-current=here>
            {children()}
        </a>
    }
}

/// How many friend requests wait for an answer.
pub(crate) fn incoming(context: Context) -> usize {
    context.requests.with(|requests| requests.ready().map_or(0, |requests| requests.incoming.len()))
}

/// How many notifications are unread.
pub(crate) fn unread_notices(context: Context) -> i64 {
    context.notices.with(|notices| notices.ready().map_or(0, |notices| notices.unread))
}

/// A count, when there is something to count.
#[component]
pub(crate) fn Count(
    #[prop(into)] count: Signal<i64>,
    #[prop(default = "")] testid: &'static str,
    #[prop(default = "unread")] what: &'static str,
    #[prop(default = false)] loud: bool,
) -> impl IntoView {
    move || {
        let count = count.get();
        (count > 0).then(|| {
            let text = if count > 99 { "99+".to_owned() } else { count.to_string() };
            view! {
                <span class="count" class:loud=loud data-testid=testid>
                    <bdi>{text}</bdi>
                    <span class="visually-hidden">{format!(" {what}")}</span>
                </span>
            }
        })
    }
}

/// The links at the foot of the sidebar.
#[component]
pub(crate) fn FootLinks() -> impl IntoView {
    let context = context();
    view! {
        <nav class="foot-links" aria-label="Places">
            <Place href="/friends" below=true>
                <Icon path=USERS />
                <span class="grow">"Friends"</span>
                <Count count=Signal::derive(move || incoming(context) as i64) what="friend requests" loud=true />
            </Place>
            <Place href="/notifications">
                <Icon path=BELL />
                <span class="grow">"Notifications"</span>
                <Count
                    count=Signal::derive(move || unread_notices(context))
                    testid="notifications-badge"
                    loud=true
                />
            </Place>
            <Show when=move || context.is_admin()>
                <Place href="/admin" below=true>
                    <Icon path=SHIELD />
                    <span class="grow">"Administration"</span>
                </Place>
            </Show>
        </nav>
    }
}

/// The bar at the bottom of a phone's screen.
#[component]
pub(crate) fn BottomBar() -> impl IntoView {
    let context = context();
    let path = use_location().pathname;
    let hidden = move || path.with(|path| path.starts_with("/c/"));
    let unread = move || {
        context
            .ids
            .get()
            .into_iter()
            .filter_map(|id| context.entry(id))
            .map(|entry| entry.with(|entry| entry.unread))
            .sum::<i64>()
    };
    view! {
        <nav class="bottom-bar" class:hidden=hidden aria-label="Main">
            <Place href="/" class="bottom-link">
                <Icon path=CHAT />
                <span>"Chats"</span>
                <Count count=Signal::derive(unread) />
            </Place>
            <Place href="/friends" class="bottom-link" below=true>
                <Icon path=USERS />
                <span>"Friends"</span>
                <Count count=Signal::derive(move || incoming(context) as i64) loud=true />
            </Place>
            <Place href="/notifications" class="bottom-link">
                <Icon path=BELL />
                <span>"Notices"</span>
                <Count count=Signal::derive(move || unread_notices(context)) loud=true />
            </Place>
            <Place href="/settings" class="bottom-link" below=true>
                <Icon path=SETTINGS />
                <span>"Me"</span>
            </Place>
        </nav>
    }
}

/// Oneself, at the top of the sidebar.
#[component]
pub(crate) fn Myself() -> impl IntoView {
    let context = context();
    move || {
        context.account.get().map(|account| {
            view! {
                <a href="/settings" class="myself" title="Your profile and settings">
                    <Avatar id=account.id size="m" />
                    <span class="myself-names">
                        <strong class="clip">{account.display_name}</strong>
                        <bdi class="soft clip">{format!("@{}", account.handle)}</bdi>
                    </span>
                    <Icon path=SETTINGS />
                </a>
            }
        })
    }
}

/// The link to the list of rooms.
#[component]
pub(crate) fn BrowseRooms() -> impl IntoView {
    view! {
        <Place href="/rooms">
            <Icon path=COMPASS />
            <span class="grow">"Browse rooms"</span>
        </Place>
    }
}
