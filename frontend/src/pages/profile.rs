//! A user's profile, with the action that fits the relation to them.

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use parlour_protocol::ids::UserId;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::users::{Profile, Relation, User};

use crate::browser;
use crate::components::avatar::{Avatar, BotMark, PersonLink};
use crate::components::copying::CopyButton;
use crate::components::states::shown;
use crate::context::context;
use crate::effects::effect;
use crate::icons::{BAN, CHAT, CHECK, Icon, PENCIL, USER_PLUS};
use crate::pages::PageHead;
use crate::pages::friends::to_direct_chat;
use crate::pages::home::NotFound;
use crate::pages::loaded::Loaded;
use crate::state::load::Load;
use crate::state::{bidi, time};
use crate::texts::{common, friends as texts};

/// The profile of the user in the address.
#[component]
pub(crate) fn ProfilePage() -> impl IntoView {
    let context = context();
    let params = use_params_map();
    let handle = Memo::new(move |_| params.with(|params| params.get("handle").unwrap_or_default()));
    let profile = Loaded::<Profile>::new(move || {
        let wanted = handle.get_untracked();
        async move {
            let profile = context.api.read_profile(&wanted).await?;
            context.people.learn([&profile.user].into_iter());
            // The current user's own presence is known locally; the server's may be outdated.
            if let Some(online) = profile.online.filter(|_| profile.user.id != context.session.me()) {
                context.people.set_online(profile.user.id, online);
            }
            Ok(profile)
        }
    });
    effect(move || {
        handle.track();
        context.friends.blocks.track();
        // Requests made or answered elsewhere change the available actions.
        context.friends.list.track();
        context.friends.requests.track();
        profile.read();
    });
    let page = move || match profile.get() {
        Load::Failed(failure) if failure.code() == Some(ErrorCode::NotFound) => {
            view! { <NotFound /> }.into_any()
        }
        state => shown(state, 3, profile.again(), |profile| view! { <Card profile /> }.into_any()),
    };
    let window = Signal::derive(move || {
        profile.with(|profile| {
            profile.map_or_else(
                || texts::profile().to_owned(),
                |profile| bidi::isolated(&profile.user.display_name),
            )
        })
    });
    view! {
        <div class="page">
            <PageHead title=texts::profile() window=window back="/friends" />
            <div class="page-body">{page}</div>
        </div>
    }
}

/// Blocks or unblocks a user.
#[component]
fn BlockButton(id: UserId) -> impl IntoView {
    let context = context();
    move || {
        if context.friends.is_blocked(id) {
            view! {
                <button type="button" class="button" data-testid="unblock" on:click=move |_| context.unblock(id)>
                    {texts::unblock()}
                </button>
            }
            .into_any()
        } else {
            view! {
                <button type="button" class="button quiet" data-testid="block" on:click=move |_| context.block(id)>
                    <Icon path=BAN />
                    {texts::block()}
                </button>
            }
            .into_any()
        }
    }
}

/// The owner of a bot, which only the owner and administrators see, and the owner's link to it.
#[component]
fn Owner(owner: UserId, mine: bool) -> impl IntoView {
    if mine {
        return view! {
            <p class="soft" data-testid="bot-owner">
                <a href="/settings/tokens">{texts::own_bot()}</a>
            </p>
        }
        .into_any();
    }
    view! {
        <p class="soft" data-testid="bot-owner">
            {texts::owned_by()} " "
            <PersonLink id=owner />
        </p>
    }
    .into_any()
}

/// What the user can do, depending on the relation to the other one.
#[component]
fn Actions(user: User, relation: Relation, blocked: bool) -> impl IntoView {
    let context = context();
    let message = to_direct_chat();
    let id = user.id;
    match relation {
        Relation::Myself => view! {
            <a class="button" href="/settings">
                <Icon path=PENCIL />
                {texts::edit_profile()}
            </a>
        }
        .into_any(),
        Relation::Friend => view! {
            <button
                type="button"
                class="button primary"
                data-testid="message-friend"
                on:click=move |_| message(id)
            >
                <Icon path=CHAT />
                {texts::message()}
            </button>
            <button
                type="button"
                class="button quiet"
                data-testid="unfriend"
                on:click=move |_| context.unfriend(&user)
            >
                {texts::remove_friend()}
            </button>
        }
        .into_any(),
        Relation::Incoming => view! {
            <button type="button" class="button primary" data-testid="accept-friend" on:click=move |_| context.accept_request(id)>
                <Icon path=CHECK />
                {texts::accept_request()}
            </button>
            <button type="button" class="button" data-testid="decline-friend" on:click=move |_| context.drop_request(id)>
                {texts::decline()}
            </button>
        }
        .into_any(),
        Relation::Outgoing => view! {
            <span class="soft">{texts::request_pending()}</span>
            <button type="button" class="button" data-testid="cancel-request" on:click=move |_| context.drop_request(id)>
                {texts::cancel_request()}
            </button>
        }
        .into_any(),
        Relation::None if blocked => ().into_any(),
        Relation::None => view! {
            <button
                type="button"
                class="button primary"
                data-testid="add-friend"
                on:click=move |_| context.request_friendship(user.handle.clone())
            >
                <Icon path=USER_PLUS />
                {texts::add_as_friend()}
            </button>
        }
        .into_any(),
    }
}

#[component]
fn Card(profile: Profile) -> impl IntoView {
    let context = context();
    let user = profile.user.clone();
    let id = user.id;
    let online = profile.online.map(|_| context.people.online(id));
    let handle = bidi::handle(&user.handle);
    let presence = online.is_some();
    let (relation, blocked, again) = (profile.relation, profile.blocked, profile.user);
    view! {
        <article class="card profile" data-testid="profile">
            <Avatar id size="xl" presence />
            <h2>
                <bdi>{user.display_name}</bdi>
                " "
                <BotMark id />
            </h2>
            <p class="soft">
                {move || match &online {
                    Some(online) => {
                        texts::handle_and(&handle, if online.get() { common::online() } else { common::offline() })
                    }
                    None => handle.clone(),
                }}
            </p>
            {(!profile.bio.is_empty()).then(|| view! { <p class="bio" dir="auto" translate="yes" prop:textContent=profile.bio></p> })}
            {profile.owner.map(|owner| view! { <Owner owner mine=owner == context.session.me() /> })}
            <Show when=move || context.friends.is_blocked(id)>
                <p class="notice" role="status" data-testid="blocked-notice">
                    <Icon path=BAN />
                    <span>{texts::blocked_notice()}</span>
                </p>
            </Show>
            <div class="profile-actions">
                <Actions user=again relation blocked />
                {(relation != Relation::Myself).then(|| view! { <BlockButton id /> })}
            </div>
            <p class="meta">
                {texts::joined(&time::full_day(browser::local_time(profile.created_at)))}
                <CopyButton text=id.to_string() label=texts::copy_id() testid="copy-id" class="link-button quiet" />
            </p>
        </article>
    }
}
