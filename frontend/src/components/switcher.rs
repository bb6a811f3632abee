//! The quick switcher: a few letters and Enter open a conversation, a person or a page; also public rooms that the user
//! is not in, and anyone whose exact username is typed.

use std::time::Duration;

use leptos::prelude::*;
use leptos_router::hooks::use_navigate;
use parlour_protocol::conversations::ConversationKind;
use parlour_protocol::ids::UserId;
use parlour_protocol::rooms::Room;
use parlour_protocol::users::User;

use crate::actions::search::Found;
use crate::browser;
use crate::components::avatar::{Avatar, BotMark};
use crate::components::dialog::Dialog;
use crate::context::{Context, context};
use crate::icons::{BELL, COMPASS, HASH, Icon, SETTINGS, USERS};
use crate::state::bidi;
use crate::state::conversations::title;
use crate::state::offers::{Offered, folded, sorted};
use crate::texts::{common, navigation as texts};

/// Maximum number of results.
const OFFERS: usize = 24;
/// Debounce before the server is queried.
const ASKED_AFTER: Duration = Duration::from_millis(200);

#[derive(Debug, Clone, PartialEq)]
enum Face {
    Icon(&'static str),
    Person(UserId),
}

#[derive(Debug, Clone, PartialEq)]
struct Offer {
    name: String,
    handle: String,
    note: String,
    href: String,
    face: Face,
    own: bool,
    unread: i64,
    at: i64,
}

impl Offered for Offer {
    fn name(&self) -> &str {
        &self.name
    }

    fn also(&self) -> &str {
        &self.handle
    }

    fn own(&self) -> bool {
        self.own
    }

    fn unread(&self) -> bool {
        self.unread > 0
    }

    fn at(&self) -> i64 {
        self.at
    }
}

/// The server's results for the current input.
#[derive(Debug, Clone, Default, PartialEq)]
struct Remote {
    rooms: Vec<Room>,
    person: Option<User>,
}

fn person(user: &User, own: bool) -> Offer {
    Offer {
        name: user.display_name.clone(),
        handle: user.handle.clone(),
        note: bidi::handle(&user.handle),
        href: format!("/u/{}", user.handle),
        face: Face::Person(user.id),
        own,
        unread: 0,
        at: 0,
    }
}

fn offers(context: Context, wanted: &str, found: &Remote) -> Vec<Offer> {
    let mut all = Vec::new();
    let mut seen = vec![context.session.me()];
    for entry in context.conversations.all() {
        entry.with(|entry| {
            let handle = entry.peer.as_ref().map(|peer| peer.handle.clone()).unwrap_or_default();
            seen.extend(entry.peer.as_ref().map(|peer| peer.id));
            let (note, face) = match (entry.kind, entry.peer.as_ref()) {
                (ConversationKind::Direct, Some(peer)) => (bidi::handle(&handle), Face::Person(peer.id)),
                _ => (texts::room().to_owned(), Face::Icon(HASH)),
            };
            all.push(Offer {
                name: title(entry),
                handle,
                note,
                href: format!("/c/{}", entry.id),
                face,
                own: true,
                unread: entry.unread,
                at: entry.last_activity_at.0,
            });
        });
    }
    context.friends.list.with(|friends| {
        for friend in friends.ready().into_iter().flatten() {
            if !seen.contains(&friend.user.id) {
                seen.push(friend.user.id);
                all.push(person(&friend.user, true));
            }
        }
    });
    for (name, href, icon) in [
        (texts::browse_rooms(), "/rooms", COMPASS),
        (texts::friends(), "/friends", USERS),
        (texts::notifications(), "/notifications", BELL),
        (texts::settings(), "/settings", SETTINGS),
    ] {
        all.push(Offer {
            name: name.to_owned(),
            handle: String::new(),
            note: texts::page().to_owned(),
            href: href.to_owned(),
            face: Face::Icon(icon),
            own: true,
            unread: 0,
            at: 0,
        });
    }
    for room in found.rooms.iter().filter(|room| !context.conversations.contains(room.id)) {
        all.push(Offer {
            name: room.name.clone(),
            handle: String::new(),
            note: texts::joinable_room().to_owned(),
            href: format!("/c/{}", room.id),
            face: Face::Icon(HASH),
            own: false,
            unread: 0,
            at: room.last_activity_at.0,
        });
    }
    if let Some(user) = found.person.as_ref().filter(|user| !seen.contains(&user.id)) {
        all.push(person(user, false));
    }
    let mut all = sorted(all, wanted);
    all.truncate(OFFERS);
    all
}

/// The quick switcher; Ctrl+K opens it.
#[component]
pub(crate) fn Switcher() -> impl IntoView {
    let context = context();
    let listener = window_event_listener(leptos::ev::keydown, move |event| {
        let Some(key) = browser::key(&event) else { return };
        if (event.ctrl_key() || event.meta_key()) && key.eq_ignore_ascii_case("k") {
            event.prevent_default();
            context.ui.switcher.update(|open| *open = !*open);
        }
    });
    on_cleanup(move || listener.remove());
    view! {
        <Dialog open=context.ui.switcher title=texts::switcher_title() class="switcher">
            <Inside />
        </Dialog>
    }
}

/// What was typed, and what is offered for it; a cheap handle.
#[derive(Clone, Copy)]
struct Choosing {
    context: Context,
    wanted: RwSignal<String>,
    picked: RwSignal<usize>,
    remote: RwSignal<Remote>,
    found: Memo<Vec<Offer>>,
    timer: StoredValue<Option<TimeoutHandle>>,
}

impl Choosing {
    fn new(context: Context) -> Self {
        let (wanted, remote) = (RwSignal::new(String::new()), RwSignal::new(Remote::default()));
        let found = Memo::new(move |_| {
            let wanted = wanted.with(|wanted| folded(wanted));
            remote.with(|remote| offers(context, &wanted, remote))
        });
        let timer = StoredValue::new(None);
        let choosing = Self { context, wanted, picked: RwSignal::new(0), remote, found, timer };
        on_cleanup(move || choosing.wait(None));
        choosing
    }

    fn wait(&self, then: Option<TimeoutHandle>) {
        if let Some(Some(old)) = self.timer.try_update_value(|timer| std::mem::replace(timer, then)) {
            old.clear();
        }
    }

    fn typed(&self, text: String) {
        self.wanted.set(text);
        self.picked.set(0);
        self.remote.set(Remote::default());
        let choosing = *self;
        self.wait(set_timeout_with_handle(move || choosing.ask(), ASKED_AFTER).ok());
    }

    /// Asks the server. Its results arrive later and are listed below the local ones, so that they do not move a selected
    /// entry.
    fn ask(&self) {
        let typed = self.wanted.try_with_untracked(|typed| folded(typed)).unwrap_or_default();
        if typed.is_empty() {
            return;
        }
        let (choosing, asked) = (*self, typed.clone());
        self.context.search(typed, move |found| {
            let current = choosing.wanted.try_with_untracked(|now| folded(now) == asked) == Some(true);
            if current {
                choosing.remote.try_update(|remote| match found {
                    Found::Rooms(rooms) => remote.rooms = rooms,
                    Found::Person(user) => remote.person = Some(user),
                });
            }
            current
        });
    }

    fn pick(&self, at: usize) {
        self.picked.set(at);
        if let Some(line) = document().get_element_by_id(&format!("offer-{at}")) {
            let options = web_sys::ScrollIntoViewOptions::new();
            options.set_block(web_sys::ScrollLogicalPosition::Nearest);
            line.scroll_into_view_with_scroll_into_view_options(&options);
        }
    }

    /// Handles a key. Returns whether it had an effect; `go` opens an address.
    fn key(&self, key: &str, go: Callback<String>) -> bool {
        let count = self.found.with_untracked(Vec::len).max(1);
        let picked = self.picked.get_untracked();
        match key {
            "ArrowDown" => self.pick((picked + 1) % count),
            "ArrowUp" => self.pick((picked + count - 1) % count),
            "Enter" => {
                let href = self.found.with_untracked(|found| found.get(picked).map(|one| one.href.clone()));
                if let Some(href) = href {
                    go.run(href);
                }
            }
            _ => return false,
        }
        true
    }
}

#[component]
fn Inside() -> impl IntoView {
    let context = context();
    let choosing = Choosing::new(context);
    let navigate = StoredValue::new_local(use_navigate());
    let go = Callback::new(move |href: String| {
        context.ui.switcher.set(false);
        if window().location().pathname().as_deref() == Ok(href.as_str()) {
            context.ui.visits.update(|count| *count += 1);
        }
        navigate.with_value(|navigate| navigate(&href, Default::default()));
    });
    request_animation_frame(|| browser::focus("switcher-input"));
    let on_key = move |event: web_sys::KeyboardEvent| {
        if browser::key(&event).is_some_and(|key| choosing.key(&key, go)) {
            event.prevent_default();
        }
    };
    let line = move |(index, offer): (usize, Offer)| view! { <Line index offer picked=choosing.picked go /> };
    view! {
        <input
            id="switcher-input"
            class="input switcher-input"
            type="text"
            role="combobox"
            autocomplete="off"
            aria-expanded="true"
            aria-controls="switcher-list"
            aria-activedescendant=move || format!("offer-{}", choosing.picked.get())
            aria-label=texts::switcher_title()
            placeholder=texts::jump_to()
            data-testid="switcher-input"
            on:input=move |event| choosing.typed(event_target_value(&event))
            on:keydown=on_key
        />
        <ul id="switcher-list" class="offer-list" role="listbox" aria-label=texts::switcher_places()>
            {move || choosing.found.get().into_iter().enumerate().map(line).collect_view()}
        </ul>
        <p class="offer-none soft" role="status">
            {move || choosing.found.with(Vec::is_empty).then(texts::no_results)}
        </p>
    }
}

/// One offer.
#[component]
fn Line(index: usize, offer: Offer, picked: RwSignal<usize>, go: Callback<String>) -> impl IntoView {
    let href = offer.href;
    let person = if let Face::Person(id) = offer.face { Some(id) } else { None };
    let here = move || picked.get() == index;
    view! {
        <li
            class="offer"
            id=format!("offer-{index}")
            role="option"
            class:picked=here
            aria-selected=move || here().to_string()
            on:mousemove=move |_| {
                if picked.get_untracked() != index {
                    picked.set(index);
                }
            }
            on:click=move |_| go.run(href.clone())
        >
            {match offer.face {
                Face::Icon(path) => view! { <Icon path /> }.into_any(),
                Face::Person(id) => view! { <Avatar id size="s" presence=true /> }.into_any(),
            }}
            <span class="grow marked">
                <span class="marked-name">
                    <bdi>{offer.name}</bdi>
                </span>
                {person.map(|id| view! { <BotMark id /> })}
            </span>
            <span class="soft">{offer.note}</span>
            {(offer.unread > 0)
                .then(|| {
                    view! {
                        <span class="count">
                            <span aria-hidden="true">{offer.unread}</span>
                            <span class="visually-hidden">{common::unread(offer.unread)}</span>
                        </span>
                    }
                })}
        </li>
    }
}
