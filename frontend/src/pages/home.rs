//! The home page: unread and recent conversations, next to the sidebar, which fills most of a phone's screen; and the
//! page for unknown addresses.

use leptos::prelude::*;
use parlour_protocol::conversations::ConversationKind;
use parlour_protocol::ids::ConversationId;

use crate::arrival::titled;
use crate::browser;
use crate::components::avatar::{Avatar, BotMark};
use crate::components::places::badge;
use crate::components::states::{Empty, Skeleton};
use crate::context::context;
use crate::icons::{COMPASS, HASH, Icon, USER_PLUS};
use crate::state::catch_up::{CatchUp, catch_up, first_words};
use crate::state::conversations::title;
use crate::state::load::Load;
use crate::state::{bidi, people, time};
use crate::texts::{chat, common, home as texts};

/// The home page.
#[component]
pub(crate) fn Home() -> impl IntoView {
    let context = context();
    titled(|| texts::title().to_owned());
    let greeting = move || {
        context.ui.minute.track();
        let name = context
            .session
            .account
            .with(|one| one.as_ref().map(|one| one.display_name.clone()))
            .unwrap_or_default();
        // Only the first name, as friends would say.
        let first = name.split_whitespace().next().unwrap_or_default();
        texts::greeting(time::part_of_day(browser::local_time(browser::now())), &bidi::isolated(first))
    };
    let found = Memo::new(move |_| {
        let entries: Vec<_> = context.conversations.all().into_iter().map(|entry| entry.get()).collect();
        catch_up(entries.iter())
    });
    let lists = move || match context.conversations.listed.get() {
        Load::Pending => view! { <Skeleton rows=4 /> }.into_any(),
        // The sidebar shows the failure.
        Load::Failed(_) => ().into_any(),
        Load::Ready(()) => {
            let CatchUp { unread, recent } = found.get();
            let said = if unread.is_empty() && recent.is_empty() {
                texts::choose()
            } else if unread.is_empty() {
                texts::all_read()
            } else {
                ""
            };
            view! {
                {(!said.is_empty()).then(|| view! { <p class="soft">{said}</p> })}
                <Asked />
                <Group title=texts::unread() ids=unread />
                <Group title=texts::recent() ids=recent />
            }
            .into_any()
        }
    };
    view! {
        <div class="page home">
            <header class="page-head">
                <h1>{greeting}</h1>
            </header>
            <div class="page-body only-wide" data-testid="catch-up">
                {lists}
                <div class="row">
                    <a class="button" href="/rooms">
                        <Icon path=COMPASS />
                        {texts::browse_rooms()}
                    </a>
                    <a class="button" href="/friends">
                        <Icon path=USER_PLUS />
                        {texts::add_friend()}
                    </a>
                </div>
            </div>
        </div>
    }
}

/// A list of conversations, unless it is empty.
#[component]
fn Group(title: &'static str, ids: Vec<ConversationId>) -> impl IntoView {
    (!ids.is_empty()).then(|| {
        view! {
            <section class="group">
                <h2>{title}</h2>
                <ul class="cards">{ids.into_iter().map(|id| view! { <Line id /> }).collect_view()}</ul>
            </section>
        }
    })
}

/// The number of friend requests that wait for an answer.
#[component]
fn Asked() -> impl IntoView {
    let friends = context().friends;
    move || {
        let count = friends.incoming() as i64;
        (count > 0).then(|| {
            view! {
                <a class="card line catch-up" href="/friends/requests" data-testid="catch-up-requests">
                    <span class="room-icon">
                        <Icon path=USER_PLUS />
                    </span>
                    <strong class="grow">{texts::friend_requests(count)}</strong>
                </a>
            }
        })
    }
}

/// One conversation with its latest message.
#[component]
fn Line(id: ConversationId) -> impl IntoView {
    let context = context();
    let entry = context.conversations.entry(id)?;
    let (kind, peer) = entry.with_untracked(|entry| (entry.kind, entry.peer.as_ref().map(|peer| peer.id)));
    let face = match (kind, peer) {
        (ConversationKind::Direct, Some(peer)) => view! { <Avatar id=peer presence=true /> }.into_any(),
        _ => {
            let class = format!("room-icon tinted hue-{}", people::room_hue(id));
            view! { <span class=class><Icon path=HASH /></span> }.into_any()
        }
    };
    let name = {
        let entry = entry.clone();
        move || entry.with(title)
    };
    let words = {
        let entry = entry.clone();
        move || {
            let last = entry.with(|entry| entry.last_message.clone());
            let said = last.and_then(|last| Some((last.author, first_words(last.body.as_deref()?))));
            let Some((author, text)) = said else { return texts::no_messages().to_owned() };
            if context.friends.is_blocked(author) {
                return chat::blocked_message().to_owned();
            }
            if author == context.session.me() {
                return texts::own_words(&text);
            }
            if kind == ConversationKind::Direct {
                return text;
            }
            let author = context.people.user(author);
            let author = author.with(|user| user.as_ref().map(|user| bidi::isolated(&user.display_name)));
            author.map_or_else(|| text.clone(), |author| texts::words(&author, &text))
        }
    };
    let ago = {
        let entry = entry.clone();
        move || {
            context.ui.minute.track();
            browser::ago(entry.with(|entry| entry.last_activity_at))
        }
    };
    let marks = move || {
        let (unread, mentions) = entry.with(|entry| (entry.unread, entry.mentions));
        let loud = mentions > 0 || kind == ConversationKind::Direct;
        view! {
            {(mentions > 0).then(|| view! { <span class="tag ok">{texts::mentions_you()}</span> })}
            {(unread > 0).then(|| badge(people::capped(unread), common::unread(unread), loud, ""))}
        }
    };
    Some(view! {
        <li>
            <a class="card line catch-up" href=format!("/c/{id}") data-testid="catch-up-line" data-conversation-id=id.to_string()>
                {face}
                <span class="grow">
                    <strong class="marked">
                        <span class="marked-name">
                            <bdi>{name}</bdi>
                        </span>
                        {peer.map(|id| view! { <BotMark id /> })}
                    </strong>
                    <span class="soft clip last-words" dir="auto">{words}</span>
                </span>
                <span class="soft tabular">{ago}</span>
                {marks}
            </a>
        </li>
    })
}

/// The page for an address that does not exist.
#[component]
pub(crate) fn NotFound() -> impl IntoView {
    titled(|| common::page_not_found().to_owned());
    view! {
        <div class="page" data-testid="not-found">
            <Empty icon=COMPASS title=common::page_not_found() text=common::page_not_found_text() whole=true>
                <a class="button primary" href="/">
                    {common::go_home()}
                </a>
            </Empty>
        </div>
    }
}
