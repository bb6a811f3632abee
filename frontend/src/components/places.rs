//! Navigation links, which know the current page.

use leptos::prelude::*;
use leptos_router::hooks::use_location;

use crate::components::avatar::Avatar;
use crate::context::{Context, context};
use crate::icons::{BELL, CHAT, COMPASS, Icon, SETTINGS, SHIELD, USERS};
use crate::state::{bidi, people};
use crate::texts::{common, friends, navigation as texts, notifications};

/// A link that is marked when its page is open.
#[component]
pub(crate) fn Place(
    #[prop(into)] href: String,
    #[prop(default = "place")] class: &'static str,
    #[prop(default = false)] below: bool,
    /// The link's name when only its icon is shown.
    #[prop(default = "")]
    title: &'static str,
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
        <a href=href class=class aria-current=here title=(!title.is_empty()).then_some(title)>
            {children()}
        </a>
    }
}

/// A count, shown only if it is above zero.
#[component]
pub(crate) fn Count(
    #[prop(into)] count: Signal<i64>,
    #[prop(default = "")] testid: &'static str,
    /// The count in words, for screen readers.
    #[prop(default = common::unread)]
    said: fn(i64) -> String,
    #[prop(default = false)] loud: bool,
) -> impl IntoView {
    move || {
        let count = count.get();
        (count > 0).then(|| badge(people::capped(count), said(count), loud, testid))
    }
}

/// A visible number with its screen reader text. `<bdi>` keeps a plus sign after the number in both text directions.
pub(crate) fn badge(shown: String, said: String, loud: bool, testid: &'static str) -> impl IntoView {
    view! {
        <span class="count" class:loud=loud data-testid=testid>
            <bdi aria-hidden="true">{shown}</bdi>
            <span class="visually-hidden">{said}</span>
        </span>
    }
}

/// The links at the foot of the sidebar.
#[component]
pub(crate) fn FootLinks() -> impl IntoView {
    let Context { friends, notices, session, .. } = context();
    view! {
        <nav class="foot-links" aria-label=texts::places()>
            <Place href="/friends" below=true title=texts::friends()>
                <Icon path=USERS />
                <span class="grow">{texts::friends()}</span>
                <Count count=Signal::derive(move || friends.incoming() as i64) said=friends::waiting_requests loud=true />
            </Place>
            <Place href="/notifications" title=texts::notifications()>
                <Icon path=BELL />
                <span class="grow">{texts::notifications()}</span>
                <Count
                    count=Signal::derive(move || notices.unread())
                    testid="notifications-badge"
                    said=notifications::unread
                    loud=true
                />
            </Place>
            <Show when=move || session.is_admin()>
                <Place href="/admin" below=true title=texts::administration()>
                    <Icon path=SHIELD />
                    <span class="grow">{texts::administration()}</span>
                </Place>
            </Show>
        </nav>
    }
}

/// The navigation bar at the bottom of a phone's screen.
#[component]
pub(crate) fn BottomBar() -> impl IntoView {
    let Context { conversations, friends, notices, .. } = context();
    let path = use_location().pathname;
    let hidden = move || path.with(|path| path.starts_with("/c/"));
    let unread =
        move || conversations.all().into_iter().map(|entry| entry.with(|entry| entry.unread)).sum::<i64>();
    view! {
        <nav class="bottom-bar" class:hidden=hidden aria-label=texts::main()>
            <Place href="/" class="bottom-link">
                <Icon path=CHAT />
                <span>{texts::chats()}</span>
                <Count count=Signal::derive(unread) />
            </Place>
            <Place href="/friends" class="bottom-link" below=true>
                <Icon path=USERS />
                <span>{texts::friends()}</span>
                <Count count=Signal::derive(move || friends.incoming() as i64) loud=true />
            </Place>
            <Place href="/notifications" class="bottom-link">
                <Icon path=BELL />
                <span>{texts::notifications()}</span>
                <Count count=Signal::derive(move || notices.unread()) loud=true />
            </Place>
            <Place href="/settings" class="bottom-link" below=true>
                <Icon path=SETTINGS />
                <span>{texts::you()}</span>
            </Place>
        </nav>
    }
}

/// The signed-in user, at the top of the sidebar.
#[component]
pub(crate) fn Myself() -> impl IntoView {
    let session = context().session;
    move || {
        session.account.get().map(|account| {
            view! {
                <a href="/settings" class="myself" title=texts::your_settings()>
                    <Avatar id=account.id size="m" presence=true />
                    <span class="myself-names">
                        <strong class="clip">{account.display_name}</strong>
                        <span class="soft clip">{bidi::handle(&account.handle)}</span>
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
        <Place href="/rooms" title=texts::browse_rooms()>
            <Icon path=COMPASS />
            <span class="grow">{texts::browse_rooms()}</span>
        </Place>
    }
}
