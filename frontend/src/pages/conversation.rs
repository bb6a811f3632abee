//! A conversation: its head, timeline and composer (or why the user may not write), and the details pane.

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use parlour_client::engine::Input;
use parlour_protocol::conversations::{Conversation, ConversationKind};
use parlour_protocol::ids::{ConversationId, Seq};
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::rooms::Room;

use crate::arrival::titled;
use crate::browser;
use crate::components::composer::Composer;
use crate::components::layers;
use crate::components::members::Members;
use crate::components::row_context::RowContext;
use crate::components::states::{Failed, Skeleton};
use crate::components::timeline::{Timeline, timeline_view};
use crate::components::timeline_view::View;
use crate::context::{Context, context};
use crate::icons::{ALERT, CLOSE, HASH, Icon};
use crate::pages::conversation_head::{ChatHead, RoomActions};
use crate::pages::home::NotFound;
use crate::pages::loaded::Loaded;
use crate::state::bidi;
use crate::state::history::{PAGE, Place};
use crate::state::load::Load;
use crate::state::spot::Anchor;
use crate::storage::Life;
use crate::stores::open_conversation::{Stage, Wish};
use crate::texts::{chat, common};

/// On returning to a conversation, at most this many missed events are fetched; beyond that, its newest page is loaded.
const CATCH_UP: Seq = 300;

/// The page of the conversation in the address.
#[component]
pub(crate) fn ConversationPage() -> impl IntoView {
    let context = context();
    let params = use_params_map();
    let id = Memo::new(move |_| {
        params.with(|params| params.get("id").and_then(|id| id.parse::<ConversationId>().ok()))
    });
    let target =
        Memo::new(move |_| params.with(|params| params.get("seq").and_then(|seq| seq.parse::<Seq>().ok())));
    move || {
        let Some(id) = id.get() else { return view! { <NotFound /> }.into_any() };
        let listed = context.conversations.listed.with(|listed| *listed != Load::Pending);
        if !listed {
            return view! {
                <div class="chat">
                    <div class="timeline-place">
                        <div class="timeline">
                            <Skeleton rows=7 />
                        </div>
                    </div>
                </div>
            }
            .into_any();
        }
        let member = Memo::new(move |_| context.conversations.contains(id));
        view! {
            {move || {
                if member.get() {
                    view! { <Chat id target /> }.into_any()
                } else {
                    view! { <Outside id /> }.into_any()
                }
            }}
        }
        .into_any()
    }
}

/// A conversation that the user is in.
#[component]
fn Chat(id: ConversationId, target: Memo<Option<Seq>>) -> impl IntoView {
    let context = context();
    let (open, people) = (context.open, context.people);
    let entry = context.conversations.entry(id)?;
    let row = RowContext::new(context, id);
    let (read, unread, head) = entry.with_untracked(|entry| (entry.read_seq, entry.unread, entry.head));
    // Events missed since the user left are fetched individually, unless there are too many.
    let worth = |cursor| head - cursor <= CATCH_UP;
    if let Some(cursor) = open.begin(id, (unread > 0).then_some(read), worth) {
        context.feed(Input::Follow { conversation: id, after: cursor });
        context.focus_live();
    }
    let view = timeline_view(id, row);
    // The newest page contains where the user stopped reading, unless there is too much to read.
    let begin = if unread as usize >= PAGE && read > 0 { Place::Around(read) } else { Place::Newest };
    follow_address(context, view, target, begin);
    on_cleanup(move || {
        if open.is(id) {
            view.note();
            context.tell_read(true);
            open.close();
        }
    });
    details_close_with_back(context);
    let kind = entry.with_untracked(|entry| entry.kind);
    let shown = Signal::derive({
        let entry = entry.clone();
        move || {
            let name = entry.with(|entry| people.title(entry));
            if kind == ConversationKind::Room { format!("#{name}") } else { name }
        }
    });
    let writable = Memo::new({
        let entry = entry.clone();
        move |_| entry.with(|entry| entry.writable)
    });
    let inside = entry.clone();
    let details = move || {
        let there = context.preferences.details.get() && kind == ConversationKind::Room;
        there.then(|| view! { <Details entry=inside.clone() /> })
    };
    Some(view! {
        <div class="chat-and-details">
            <section class="chat" aria-label=shown data-testid="chat" data-conversation-id=id.to_string()>
                <ChatHead entry=entry.clone() shown />
                <Timeline view />
                <Typing id />
                {move || {
                    if writable.get() {
                        view! { <Composer title=shown row /> }.into_any()
                    } else {
                        view! { <Closed id kind /> }.into_any()
                    }
                }}
            </section>
            {details}
        </div>
    })
}

/// Opens at the message in the address, at the previous position, where the user stopped reading (in `begin`), or at the
/// end.
fn follow_address(context: Context, view: View, target: Memo<Option<Seq>>, begin: Place) {
    let (id, open) = (view.id(), context.open);
    // The scroll anchor at each address, to return to exactly.
    let places: StoredValue<Vec<(Option<Seq>, Option<Anchor>)>> = StoredValue::new(Vec::new());
    Effect::new(move |before: Option<Option<Seq>>| {
        // A click on a link to the current address also scrolls there.
        context.ui.visits.track();
        let wanted = target.get();
        let ready = open.stage.get_untracked() == Stage::Ready;
        if let Some(before) = before.filter(|before| *before != wanted && ready) {
            places.update_value(|places| {
                places.retain(|(one, _)| *one != before);
                places.push((before, view.place()));
            });
        }
        let been = places
            .with_value(|places| places.iter().find(|(one, _)| *one == wanted).map(|(_, place)| *place));
        match (wanted, before) {
            (Some(seq), _) if ready && open.holds(seq) => open.arrive(Wish::At(seq)),
            (Some(seq), _) => context.open_at(id, Place::Around(seq), Wish::At(seq)),
            (None, None) if ready => {}
            (None, None) => {
                let kept = context.preferences.kept(Life::Tab, &format!("place.{id}"));
                let kept = kept.and_then(|text| text.parse().ok()).map(Place::Around);
                context.open_at(id, kept.unwrap_or(begin), Wish::Resume);
            }
            // Going back from a message the user had jumped to.
            (None, Some(Some(_))) => match been {
                Some(Some(anchor)) if open.holds(anchor.seq) => open.arrive(Wish::Back(anchor)),
                Some(Some(anchor)) => context.open_at(id, Place::Around(anchor.seq), Wish::Back(anchor)),
                _ if open.newer.get_untracked() => context.open_at(id, Place::Newest, Wish::End),
                _ => open.arrive(Wish::End),
            },
            (None, Some(None)) => {}
        }
        wanted
    });
}

/// On a small screen the details cover the page: Back closes them.
fn details_close_with_back(context: Context) {
    let details = context.preferences.details;
    let pane: StoredValue<Option<u64>> = StoredValue::new(None);
    let leave_pane = move || {
        if let Some(Some(layer)) = pane.try_update_value(Option::take) {
            layers::closed(layer);
        }
    };
    Effect::new(move |before: Option<bool>| {
        let there = details.get();
        if there && before == Some(false) && browser::narrow() {
            pane.set_value(Some(layers::opened(move || details.set(false))));
        } else if !there {
            leave_pane();
        }
        there
    });
    on_cleanup(leave_pane);
}

/// Why the user may not write here.
#[component]
fn Closed(id: ConversationId, kind: ConversationKind) -> impl IntoView {
    let context = context();
    let why = match kind {
        ConversationKind::Direct => chat::no_longer_friends(),
        ConversationKind::Room => chat::cannot_write(),
    };
    let again = context.conversations.peer(id).map(|peer| {
        let user = context.people.user(peer);
        move || {
            user.with(|user| {
                user.as_ref()
                    .map(|user| view! { <a href=format!("/u/{}", user.handle)>{chat::show_profile()}</a> })
            })
        }
    });
    view! {
        <div class="composer-closed" data-testid="composer-disabled-reason" role="status">
            <Icon path=ALERT />
            <span>{why}</span>
            {again}
        </div>
    }
}

/// The members of a room.
#[component]
fn Details(entry: ArcRwSignal<Conversation>) -> impl IntoView {
    let details = context().preferences.details;
    let id = entry.with_untracked(|entry| entry.id);
    view! {
        <aside class="details" aria-label=chat::members_title()>
            <header class="details-head">
                <h2 class="grow">{chat::members_title()}</h2>
                <span class="only-narrow">
                    <RoomActions entry />
                </span>
                <button
                    type="button"
                    class="icon-button"
                    aria-label=common::close()
                    on:click=move |_| details.set(false)
                >
                    <Icon path=CLOSE />
                </button>
            </header>
            <Members id />
        </aside>
    }
}

/// The typing indicator. The line is always present, so that nothing moves when someone starts typing.
#[component]
fn Typing(id: ConversationId) -> impl IntoView {
    let context = context();
    let text = Memo::new(move |_| {
        let users = context.conversations.typing.with(|typing| typing.users(id));
        let name = |user| {
            context.people.user(user).with(|user| {
                user.as_ref()
                    .map_or_else(|| chat::someone().to_owned(), |user| bidi::isolated(&user.display_name))
            })
        };
        let names: Vec<String> = users.into_iter().map(name).collect();
        match names.len() {
            0 => String::new(),
            1 => chat::typing_one(&common::names(&names)),
            2 | 3 => chat::typing_few(&common::names(&names)),
            _ => chat::typing_many().to_owned(),
        }
    });
    view! {
        <div class="typing" data-testid="typing">
            <Show when=move || text.with(|text| !text.is_empty())>
                <span class="typing-dots" aria-hidden="true"><i></i><i></i><i></i></span>
                <span class="clip">{move || text.get()}</span>
            </Show>
        </div>
    }
}

/// A name that is also the page's title.
#[component]
fn Titled(name: String) -> impl IntoView {
    let shown = bidi::isolated(&name);
    titled(move || shown.clone());
    view! { <bdi>{name}</bdi> }
}

/// A room that the user is not in: its description, and a button to join.
#[component]
fn Outside(id: ConversationId) -> impl IntoView {
    let context = context();
    let room = Loaded::<Room>::now(move || context.api.read_room(id));
    move || match room.get() {
        _ if context.open.gone.get() == Some(id) => view! {
            <div class="page">
                <div class="empty" data-testid="room-gone">
                    <span class="empty-icon">
                        <Icon path=HASH />
                    </span>
                    <h1>{chat::room_deleted()}</h1>
                    <p>{chat::room_deleted_text()}</p>
                    <div class="empty-actions">
                        <a class="button" href="/rooms">{chat::browse_rooms()}</a>
                    </div>
                </div>
            </div>
        }
        .into_any(),
        Load::Pending => view! { <div class="chat"><Skeleton rows=4 /></div> }.into_any(),
        Load::Failed(failure) if failure.code() == Some(ErrorCode::NotFound) => {
            view! { <NotFound /> }.into_any()
        }
        Load::Failed(failure) => view! { <Failed failure retry=room.again() /> }.into_any(),
        Load::Ready(room) => view! {
            <div class="page">
                <div class="empty">
                    <span class="empty-icon">
                        <Icon path=HASH />
                    </span>
                    <h1><Titled name=room.name.clone() /></h1>
                    <p dir="auto" translate="yes" prop:textContent=room.topic></p>
                    <p class="soft tabular">{common::members(room.member_count)}</p>
                    <div class="empty-actions">
                        <button
                            type="button"
                            class="button primary"
                            data-testid="join-room"
                            on:click=move |_| {
                                context
                                    .attempt(
                                        async move { context.api.join_room(id).await },
                                        move |conversation| {
                                            context.put_entry(conversation);
                                        },
                                    );
                            }
                        >
                            {chat::join_room()}
                        </button>
                        <a class="button" href="/rooms">{chat::browse_rooms()}</a>
                    </div>
                </div>
            </div>
        }
        .into_any(),
    }
}
