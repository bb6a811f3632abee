//! Friends and pending friend requests.

use leptos::prelude::*;
use leptos_router::hooks::use_navigate;
use parlour_protocol::friends::{Friend, FriendRequest};
use parlour_protocol::ids::UserId;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::users::Relation;

use crate::browser;
use crate::components::avatar::{Avatar, Name};
use crate::components::form::{Field, Input, Submit};
use crate::components::places::{Count, Place};
use crate::components::states::{Empty, shown};
use crate::context::context;
use crate::icons::{CHAT, CHECK, CLOSE, Icon, USER_PLUS, USERS};
use crate::pages::home::NotFound;
use crate::pages::sending::Sending;
use crate::pages::{PageHead, part};
use crate::state::failure::Failure;
use crate::state::{bidi, order};
use crate::texts::{common, friends as texts};

#[component]
fn Tabs() -> impl IntoView {
    let context = context();
    view! {
        <nav class="tabs" aria-label=texts::title()>
            <Place href="/friends" class="tab">{texts::title()}</Place>
            <Place href="/friends/requests" class="tab">
                {texts::requests()}
                <Count count=Signal::derive(move || context.friends.incoming() as i64) said=texts::waiting_requests loud=true />
            </Place>
        </nav>
    }
}

/// A function that opens the direct chat with a friend.
pub(crate) fn to_direct_chat() -> impl Fn(UserId) + Clone + 'static {
    let (context, navigate) = (context(), use_navigate());
    move |id| {
        let navigate = navigate.clone();
        context.open_direct(id, move |id| navigate(&format!("/c/{id}"), Default::default()));
    }
}

/// The page for friends and requests.
#[component]
pub(crate) fn FriendsPage() -> impl IntoView {
    let part = part();
    let inside = move || match part.get().as_str() {
        "" => view! { <Friends /> }.into_any(),
        "requests" => view! { <Requests /> }.into_any(),
        _ => view! { <NotFound /> }.into_any(),
    };
    let window = Signal::derive(move || match part.get().as_str() {
        "requests" => common::part_of_page(texts::requests(), texts::title()),
        _ => texts::title().to_owned(),
    });
    view! {
        <div class="page">
            <PageHead title=texts::title() window=window />
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
    let list = move || {
        shown(
            context.friends.list.get(),
            5,
            move || context.load_friends(),
            |mut friends| {
                if friends.is_empty() {
                    let waits = !context.friends.outgoing().is_empty();
                    let text = if waits { texts::none_waiting_text() } else { texts::none_text() };
                    return view! { <Empty icon=USERS title=texts::none_title() text /> }.into_any();
                }
                order::sort_by_key(&mut friends, |friend| {
                    (!context.people.online(friend.user.id).get(), friend.user.display_name.to_lowercase())
                });
                // If another group is above, this one needs a heading, too.
                let heading = move || {
                    (!context.friends.outgoing().is_empty()).then(|| view! { <h2>{texts::friends()}</h2> })
                };
                view! {
                    <section class="group">
                        {heading}
                        <ul class="cards">
                            {friends.into_iter().map(|friend| view! { <FriendLine friend /> }).collect_view()}
                        </ul>
                    </section>
                }
                .into_any()
            },
        )
    };
    // Outgoing requests are listed here as well, so that the user sees the result of the form above.
    let waiting = move || {
        let waiting = context.friends.outgoing();
        (!waiting.is_empty()).then(|| {
            view! {
                <section class="group" data-testid="asked">
                    <h2>{texts::waiting()}</h2>
                    <ul class="cards">
                        {waiting.into_iter().map(|request| view! { <RequestLine request incoming=false /> }).collect_view()}
                    </ul>
                </section>
            }
        })
    };
    view! {
        <AddFriend />
        {waiting}
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
    let sending = Sending::new();
    let submit = sending.on_submit([to], move || {
        let wanted = to.text().trim().to_owned();
        let request = async move { context.api.create_friend_request(wanted).await };
        // The form is one line: whatever is wrong is said below its field.
        let wrong = move |why: &Failure| {
            let said = match why.code() {
                Some(ErrorCode::NotFound) => texts::not_found().to_owned(),
                _ => why.violation("to").unwrap_or_else(|| why.message()),
            };
            Some((to, said))
        };
        sending.send(wrong, request, move |answer| {
            let name = bidi::isolated(&answer.user.display_name);
            let text = match answer.relation {
                Relation::Friend => texts::now_friends(&name),
                _ => texts::request_sent(&name),
            };
            context.people.learn([&answer.user].into_iter());
            context.ui.toast(text, false);
            let _ = to.value.try_set(String::new());
            context.load_friends();
        });
    });
    view! {
        <form class="form inline-form card" data-testid="add-friend-form" novalidate on:submit=submit>
            <Field
                input=to
                label=texts::add_friend()
                hint=texts::add_hint()
                placeholder=texts::add_example()
            />
            <Submit label=texts::send_request() busy=sending.busy testid="add-friend-submit" />
        </form>
    }
}

#[component]
fn FriendLine(friend: Friend) -> impl IntoView {
    let context = context();
    let message = to_direct_chat();
    let id = friend.user.id;
    let online = context.people.online(id);
    let user = friend.user.clone();
    let handle = bidi::handle(&friend.user.handle);
    let name = bidi::isolated(&friend.user.display_name);
    view! {
        <li class="card line" data-testid="friend" data-user-id=id.to_string()>
            <Avatar id presence=true />
            <div class="grow">
                <a class="strong clip" href=format!("/u/{}", friend.user.handle)>
                    <Name id />
                </a>
                <p class="soft clip">
                    {move || if online.get() { texts::handle_and(&handle, common::online()) } else { handle.clone() }}
                </p>
            </div>
            <button
                type="button"
                class="button"
                aria-label=texts::message_person(&name)
                data-testid="message-friend"
                on:click=move |_| message(id)
            >
                <Icon path=CHAT />
                <span class="only-roomy">{texts::message()}</span>
            </button>
            <button
                type="button"
                class="icon-button"
                aria-label=texts::remove_friend_named(&name)
                title=texts::remove_friend()
                data-testid="unfriend"
                on:click=move |_| context.unfriend(&user)
            >
                <Icon path=CLOSE />
            </button>
        </li>
    }
}

/// The pending requests.
#[component]
fn Requests() -> impl IntoView {
    let context = context();
    move || {
        shown(
            context.friends.requests.get(),
            4,
            move || context.load_friends(),
            |requests| {
                if requests.incoming.is_empty() && requests.outgoing.is_empty() {
                    return view! {
                    <Empty icon=USER_PLUS title=texts::no_requests_title() text=texts::no_requests_text() />
                }
                .into_any();
                }
                context
                    .people
                    .learn(requests.incoming.iter().chain(&requests.outgoing).map(|request| &request.user));
                let group = |title: &'static str, some: Vec<FriendRequest>, incoming: bool| {
                    (!some.is_empty()).then(|| {
                        let lines = some
                            .into_iter()
                            .map(|request| view! { <RequestLine request incoming /> })
                            .collect_view();
                        view! {
                            <section class="group">
                                <h2>{title}</h2>
                                <ul class="cards">{lines}</ul>
                            </section>
                        }
                    })
                };
                view! { {group(texts::received(), requests.incoming, true)} {group(texts::sent(), requests.outgoing, false)} }.into_any()
            },
        )
    }
}

#[component]
fn RequestLine(request: FriendRequest, incoming: bool) -> impl IntoView {
    let context = context();
    let id = request.user.id;
    let ago = move || {
        context.ui.minute.track();
        browser::ago(request.at)
    };
    let handle = bidi::handle(&request.user.handle);
    let answers = if incoming {
        view! {
            <button type="button" class="button primary" data-testid="accept-friend" on:click=move |_| context.accept_request(id)>
                <Icon path=CHECK />
                {texts::accept()}
            </button>
            <button type="button" class="button" data-testid="decline-friend" on:click=move |_| context.drop_request(id)>
                {texts::decline()}
            </button>
        }
        .into_any()
    } else {
        view! {
            <button type="button" class="button" data-testid="cancel-request" on:click=move |_| context.drop_request(id)>
                {texts::cancel_request()}
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
                <p class="soft clip">{move || texts::handle_and(&handle, &ago())}</p>
            </div>
            <div class="line-actions">{answers}</div>
        </li>
    }
}
