//! Friends, and the requests that wait for an answer.

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::hooks::use_navigate;
use parlour_protocol::friends::{Friend, FriendRequest};
use parlour_protocol::ids::UserId;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::users::{Relation, User};

use crate::browser;
use crate::components::avatar::{Avatar, Name};
use crate::components::dialog::ask;
use crate::components::form::{Field, Input, Submit, check_all};
use crate::components::places::{Count, Place, incoming};
use crate::components::states::{Empty, Failed, Skeleton};
use crate::context::{Context, Load, context};
use crate::icons::{CHAT, CHECK, CLOSE, Icon, USER_PLUS, USERS};
use crate::pages::home::NotFound;
use crate::pages::{PageHead, part};
use crate::state::bidi;

#[component]
fn Tabs() -> impl IntoView {
    let context = context();
    view! {
        <nav class="tabs" aria-label="Friends">
            <Place href="/friends" class="tab">"Friends"</Place>
            <Place href="/friends/requests" class="tab">
                "Requests"
                <Count count=Signal::derive(move || incoming(context) as i64) what="waiting" loud=true />
            </Place>
        </nav>
    }
}

/// Opens the direct chat with a friend.
pub(crate) fn open_direct(
    context: Context,
    navigate: impl Fn(&str, leptos_router::NavigateOptions) + Clone + 'static,
    id: UserId,
) {
    context.attempt(async move { context.api.open_direct(id).await }, move |conversation| {
        let place = format!("/c/{}", conversation.id);
        if context.entry(conversation.id).is_none() {
            context.put_entry(conversation);
        }
        navigate(&place, leptos_router::NavigateOptions::default());
    });
}

/// Ends a friendship, once it was asked whether one means it.
pub(crate) fn unfriend(context: Context, user: &User, then: impl Fn() + Send + Sync + Copy + 'static) {
    let id = user.id;
    ask(
        format!("End the friendship with {}?", bidi::isolated(&user.display_name)),
        "You will both keep what was said, but neither of you can write any more.",
        "End friendship",
        move || {
            context.attempt(async move { context.api.end_friendship(id).await }, move |()| {
                context.load_friends();
                then();
            });
        },
    );
}

/// Friends and requests.
#[component]
pub(crate) fn FriendsPage() -> impl IntoView {
    let part = part();
    let inside = move || match part.get().as_str() {
        "" => view! { <Friends /> }.into_any(),
        "requests" => view! { <Requests /> }.into_any(),
        _ => view! { <NotFound /> }.into_any(),
    };
    view! {
        <div class="page">
            <PageHead title="Friends" />
            <div class="page-body">
                <Tabs />
                {inside}
            </div>
        </div>
    }
}

/// The list of friends.
#[component]
fn Friends() -> impl IntoView {
    let context = context();
    let list = move || match context.friends.get() {
        Load::Pending => view! { <Skeleton rows=5 /> }.into_any(),
        Load::Failed(failure) => {
            view! { <Failed failure retry=Callback::new(move |()| context.load_friends()) /> }.into_any()
        }
        Load::Ready(friends) if friends.is_empty() => view! {
            <Empty
                icon=USERS
                title="No friends here yet"
                text="Enter somebody's handle above. Once they accept, you can talk privately."
            />
        }
        .into_any(),
        Load::Ready(mut friends) => {
            friends.sort_by_key(|friend| (!friend.online, friend.user.display_name.to_lowercase()));
            view! {
                <ul class="cards">
                    {friends.into_iter().map(|friend| view! { <FriendLine friend /> }).collect_view()}
                </ul>
            }
            .into_any()
        }
    };
    view! {
        <AddFriend />
        {list}
    }
}

#[component]
fn AddFriend() -> impl IntoView {
    let context = context();
    let to = Input::new("friend", |text| {
        let text = text.trim().trim_start_matches('@');
        let by_id = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty();
        if by_id { Ok(()) } else { parlour_protocol::validation::handle(text) }
    });
    let busy = RwSignal::new(false);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() || !check_all(&[to]) {
            return;
        }
        busy.set(true);
        let wanted = to.text().trim().to_owned();
        spawn_local(async move {
            match context.api.create_friend_request(wanted).await {
                Ok(answer) => {
                    let name = bidi::isolated(&answer.user.display_name);
                    let text = match answer.relation {
                        Relation::Friend => format!("You and {name} are friends now."),
                        _ => format!("Request sent to {name}."),
                    };
                    context.learn([&answer.user].into_iter());
                    context.toast(text, false);
                    let _ = to.value.try_set(String::new());
                    context.load_friends();
                }
                Err(failure) => {
                    let said = match failure.code() {
                        Some(ErrorCode::NotFound) => {
                            "Nobody has this handle or id. Check the spelling.".to_owned()
                        }
                        _ => failure.violation("to").unwrap_or_else(|| failure.message()),
                    };
                    let _ = to.error.try_set(Some(said));
                    to.focus();
                }
            }
            let _ = busy.try_set(false);
        });
    };
    view! {
        <form class="form inline-form card" data-testid="add-friend-form" novalidate on:submit=submit>
            <Field
                input=to
                label="Add a friend"
                hint="Their exact handle or id."
                placeholder="@ada"
            />
            <Submit label="Send request" busy testid="add-friend-submit" />
        </form>
    }
}

#[component]
fn FriendLine(friend: Friend) -> impl IntoView {
    let context = context();
    let navigate = use_navigate();
    let id = friend.user.id;
    let online = context.online(id);
    let user = friend.user.clone();
    view! {
        <li class="card line" data-testid="friend" data-user-id=id.to_string()>
            <Avatar id presence=true />
            <div class="grow">
                <a class="strong clip" href=format!("/u/{}", friend.user.handle)>
                    <Name id />
                </a>
                <p class="soft clip">
                    {format!("@{}", friend.user.handle)} {move || if online.get() { " · online" } else { "" }}
                </p>
            </div>
            <button
                type="button"
                class="button"
                data-testid="message-friend"
                on:click=move |_| open_direct(context, navigate.clone(), id)
            >
                <Icon path=CHAT />
                <span class="only-roomy">"Message"</span>
            </button>
            <button
                type="button"
                class="icon-button"
                aria-label="End the friendship"
                title="End the friendship"
                data-testid="unfriend"
                on:click=move |_| unfriend(context, &user, || ())
            >
                <Icon path=CLOSE />
            </button>
        </li>
    }
}

/// The requests that wait.
#[component]
fn Requests() -> impl IntoView {
    let context = context();
    move || {
        match context.requests.get() {
        Load::Pending => view! { <Skeleton rows=4 /> }.into_any(),
        Load::Failed(failure) => {
            view! { <Failed failure retry=Callback::new(move |()| context.load_friends()) /> }.into_any()
        }
        Load::Ready(requests) if requests.incoming.is_empty() && requests.outgoing.is_empty() => view! {
            <Empty icon=USER_PLUS title="No open requests" text="Requests to you and from you wait here until they are answered." />
        }
        .into_any(),
        Load::Ready(requests) => {
            context.learn(requests.incoming.iter().chain(&requests.outgoing).map(|request| &request.user));
            let group = |title: &'static str, some: Vec<FriendRequest>, incoming: bool| {
                (!some.is_empty()).then(|| {
                    let lines = some.into_iter().map(|request| view! { <RequestLine request incoming /> }).collect_view();
                    view! {
                        <section class="group">
                            <h2>{title}</h2>
                            <ul class="cards">{lines}</ul>
                        </section>
                    }
                })
            };
            view! { {group("For you", requests.incoming, true)} {group("From you", requests.outgoing, false)} }.into_any()
        }
    }
    }
}

/// Accepts a request.
pub(crate) fn accept(context: Context, id: UserId, then: impl Fn() + 'static) {
    context.attempt(async move { context.api.accept_friend_request(id).await }, move |answer| {
        context
            .toast(format!("You and {} are friends now.", bidi::isolated(&answer.user.display_name)), false);
        context.load_friends();
        context.load_notices();
        then();
    });
}

/// Declines a request, or takes it back.
pub(crate) fn drop_request(context: Context, id: UserId, then: impl Fn() + 'static) {
    context.attempt(async move { context.api.delete_friend_request(id).await }, move |()| {
        context.load_friends();
        then();
    });
}

#[component]
fn RequestLine(request: FriendRequest, incoming: bool) -> impl IntoView {
    let context = context();
    let id = request.user.id;
    let ago = move || {
        context.minute.track();
        browser::ago(request.at)
    };
    let answers = if incoming {
        view! {
            <button type="button" class="button primary" data-testid="accept-friend" on:click=move |_| accept(context, id, || ())>
                <Icon path=CHECK />
                "Accept"
            </button>
            <button type="button" class="button" data-testid="decline-friend" on:click=move |_| drop_request(context, id, || ())>
                "Decline"
            </button>
        }
        .into_any()
    } else {
        view! {
            <button type="button" class="button" data-testid="cancel-request" on:click=move |_| drop_request(context, id, || ())>
                "Cancel"
            </button>
        }
        .into_any()
    };
    view! {
        <li class="card line wrap" data-testid="friend-request" data-user-id=id.to_string()>
            <Avatar id />
            <div class="grow">
                <a class="strong clip" href=format!("/u/{}", request.user.handle)>
                    <Name id />
                </a>
                <p class="soft clip">{format!("@{} · ", request.user.handle)} {ago}</p>
            </div>
            <div class="line-actions">{answers}</div>
        </li>
    }
}
