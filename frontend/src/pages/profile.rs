//! Somebody's profile, with the action that fits how one stands to them.

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::hooks::{use_navigate, use_params_map};
use parlour_protocol::ids::UserId;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::users::{Profile, Relation};

use crate::browser;
use crate::components::avatar::Avatar;
use crate::components::message_parts::{block, unblock};
use crate::components::states::{Failed, Skeleton};
use crate::context::{Load, context};
use crate::icons::{BAN, CHAT, CHECK, Icon, PENCIL, USER_PLUS};
use crate::pages::PageHead;
use crate::pages::friends::{accept, drop_request, open_direct, unfriend};
use crate::pages::home::NotFound;
use crate::state::{bidi, time};

/// The profile of the person in the address.
#[component]
pub(crate) fn ProfilePage() -> impl IntoView {
    let context = context();
    let params = use_params_map();
    let handle = Memo::new(move |_| params.with(|params| params.get("handle").unwrap_or_default()));
    let profile = RwSignal::new(Load::<Profile>::Pending);
    let read = move || {
        let wanted = handle.get_untracked();
        spawn_local(async move {
            let answer = context.api.read_profile(&wanted).await;
            if handle.try_get_untracked() != Some(wanted) {
                return;
            }
            profile.try_set(match answer {
                Ok(profile) => {
                    context.learn([&profile.user].into_iter());
                    if let Some(online) = profile.online {
                        context.set_online(profile.user.id, online);
                    }
                    Load::Ready(profile)
                }
                Err(failure) => Load::Failed(failure),
            });
        });
    };
    Effect::new(move |_| {
        handle.track();
        context.blocks.track();
        // Requests that are made and answered elsewhere change what can be done here.
        context.friends.track();
        context.requests.track();
        read();
    });
    let page = move || match profile.get() {
        Load::Pending => view! { <Skeleton rows=3 /> }.into_any(),
        Load::Failed(failure) if failure.code() == Some(ErrorCode::NotFound) => {
            view! { <NotFound /> }.into_any()
        }
        Load::Failed(failure) => {
            view! { <Failed failure retry=Callback::new(move |()| read()) /> }.into_any()
        }
        Load::Ready(profile) => view! { <Card profile /> }.into_any(),
    };
    view! {
        <div class="page">
            <PageHead title="Profile" back="/friends" />
            <div class="page-body">{page}</div>
        </div>
    }
}

/// Blocks somebody, or lifts the block.
#[component]
fn BlockButton(id: UserId) -> impl IntoView {
    let context = context();
    move || {
        if context.is_blocked(id) {
            view! {
                <button type="button" class="button" data-testid="unblock" on:click=move |_| unblock(context, id)>
                    "Unblock"
                </button>
            }
            .into_any()
        } else {
            view! {
                <button type="button" class="button danger-quiet" data-testid="block" on:click=move |_| block(context, id)>
                    <Icon path=BAN />
                    "Block"
                </button>
            }
            .into_any()
        }
    }
}

#[component]
fn Card(profile: Profile) -> impl IntoView {
    let context = context();
    let navigate = use_navigate();
    let user = profile.user.clone();
    let id = user.id;
    let online = profile.online.map(|_| context.online(id));
    let again = user.clone();
    let actions = match profile.relation {
        Relation::Myself => view! {
            <a class="button" href="/settings">
                <Icon path=PENCIL />
                "Edit your profile"
            </a>
        }
        .into_any(),
        Relation::Friend => view! {
            <button
                type="button"
                class="button primary"
                data-testid="message-friend"
                on:click=move |_| open_direct(context, navigate.clone(), id)
            >
                <Icon path=CHAT />
                "Message"
            </button>
            <button
                type="button"
                class="button danger-quiet"
                data-testid="unfriend"
                on:click=move |_| unfriend(context, &again, || ())
            >
                "End friendship"
            </button>
        }
        .into_any(),
        Relation::Incoming => view! {
            <button type="button" class="button primary" data-testid="accept-friend" on:click=move |_| accept(context, id, || ())>
                <Icon path=CHECK />
                "Accept request"
            </button>
            <button type="button" class="button" data-testid="decline-friend" on:click=move |_| drop_request(context, id, || ())>
                "Decline"
            </button>
        }
        .into_any(),
        Relation::Outgoing => view! {
            <span class="soft">"Your request waits for an answer."</span>
            <button type="button" class="button" data-testid="cancel-request" on:click=move |_| drop_request(context, id, || ())>
                "Cancel request"
            </button>
        }
        .into_any(),
        Relation::None if profile.blocked => ().into_any(),
        Relation::None => {
            let handle = user.handle.clone();
            view! {
                <button
                    type="button"
                    class="button primary"
                    data-testid="add-friend"
                    on:click=move |_| {
                        let handle = handle.clone();
                        context
                            .attempt(
                                async move { context.api.create_friend_request(handle).await },
                                move |answer| {
                                    context.toast(format!("Request sent to {}.", bidi::isolated(&answer.user.display_name)), false);
                                    context.load_friends();
                                },
                            );
                    }
                >
                    <Icon path=USER_PLUS />
                    "Add as a friend"
                </button>
            }
            .into_any()
        }
    };
    view! {
        <article class="card profile" data-testid="profile">
            <Avatar id size="xl" presence=online.is_some() />
            <h2>{user.display_name}</h2>
            <p class="soft">
                {format!("@{}", user.handle)}
                {online.map(|online| move || if online.get() { " · online" } else { " · offline" })}
            </p>
            {(!profile.bio.is_empty()).then(|| view! { <p class="bio" dir="auto" translate="yes" prop:textContent=profile.bio></p> })}
            <Show when=move || context.is_blocked(id)>
                <p class="notice" role="status" data-testid="blocked-notice">
                    <Icon path=BAN />
                    <span>"You block this person. They are not told."</span>
                </p>
            </Show>
            <div class="profile-actions">
                {actions}
                {(profile.relation != Relation::Myself).then(|| view! { <BlockButton id /> })}
            </div>
            <p class="meta">
                {format!("Here since {}", time::full_day(browser::local_time(profile.created_at)))}
                <span class="tabular">{format!("id {id}")}</span>
            </p>
        </article>
    }
}
