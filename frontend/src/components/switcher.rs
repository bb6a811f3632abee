//! The quick switcher: a few letters and Enter lead to a conversation, a friend or a page.

use leptos::prelude::*;
use leptos_router::hooks::use_navigate;
use parlour_protocol::conversations::ConversationKind;
use parlour_protocol::ids::UserId;

use crate::browser;
use crate::components::avatar::Avatar;
use crate::components::dialog::Dialog;
use crate::context::{Context, context};
use crate::icons::{BELL, COMPASS, HASH, Icon, SETTINGS, USERS};
use crate::state::conversations::title;

/// Most places that are offered.
const OFFERS: usize = 9;

#[derive(Debug, Clone, PartialEq)]
enum Face {
    Icon(&'static str),
    Person(UserId),
}

#[derive(Debug, Clone, PartialEq)]
struct Offer {
    rank: u8,
    name: String,
    note: String,
    href: String,
    face: Face,
    unread: i64,
}

/// How well a name fits: 0 begins with the word, 1 a word in it does, 2 it is somewhere inside.
fn rank(name: &str, wanted: &str) -> Option<u8> {
    let name = name.to_lowercase();
    if name.starts_with(wanted) {
        Some(0)
    } else if name.split(|one: char| !one.is_alphanumeric()).any(|word| word.starts_with(wanted)) {
        Some(1)
    } else {
        name.contains(wanted).then_some(2)
    }
}

fn offers(context: Context, wanted: &str) -> Vec<Offer> {
    let wanted = wanted.trim().trim_start_matches(['#', '@']).to_lowercase();
    let mut found = Vec::new();
    let mut seen = Vec::new();
    for id in context.ids.get() {
        let Some(entry) = context.entry(id) else { continue };
        entry.with(|entry| {
            let name = title(entry);
            let handle = entry.peer.as_ref().map(|peer| peer.handle.clone()).unwrap_or_default();
            seen.extend(entry.peer.as_ref().map(|peer| peer.id));
            let Some(rank) = rank(&name, &wanted).or_else(|| rank(&handle, &wanted)) else { return };
            let (note, face) = match (entry.kind, entry.peer.as_ref()) {
                (ConversationKind::Direct, Some(peer)) => (format!("@{handle}"), Face::Person(peer.id)),
                _ => ("Room".to_owned(), Face::Icon(HASH)),
            };
            found.push(Offer { rank, name, note, href: format!("/c/{id}"), face, unread: entry.unread });
        });
    }
    context.friends.with(|friends| {
        for friend in friends.ready().into_iter().flatten().filter(|friend| !seen.contains(&friend.user.id)) {
            let user = &friend.user;
            if let Some(rank) = rank(&user.display_name, &wanted).or_else(|| rank(&user.handle, &wanted)) {
                let (note, href) = (format!("@{}", user.handle), format!("/u/{}", user.handle));
                let face = Face::Person(user.id);
                found.push(Offer { rank, name: user.display_name.clone(), note, href, face, unread: 0 });
            }
        }
    });
    for (name, href, icon) in [
        ("Browse rooms", "/rooms", COMPASS),
        ("Friends", "/friends", USERS),
        ("Notifications", "/notifications", BELL),
        ("Settings", "/settings", SETTINGS),
    ] {
        if let Some(rank) = rank(name, &wanted) {
            let rank = rank + u8::from(wanted.is_empty());
            let (name, href) = (name.to_owned(), href.to_owned());
            found.push(Offer {
                rank,
                name,
                note: "Page".to_owned(),
                href,
                face: Face::Icon(icon),
                unread: 0,
            });
        }
    }
    found.sort_by(|a, b| (a.rank, -a.unread, &a.name).cmp(&(b.rank, -b.unread, &b.name)));
    found.truncate(OFFERS);
    found
}

/// The quick switcher; Ctrl+K opens it.
#[component]
pub(crate) fn Switcher() -> impl IntoView {
    let context = context();
    let listener = window_event_listener(leptos::ev::keydown, move |event| {
        let Some(key) = browser::key(&event) else { return };
        if (event.ctrl_key() || event.meta_key()) && key.eq_ignore_ascii_case("k") {
            event.prevent_default();
            context.switcher.update(|open| *open = !*open);
        }
    });
    on_cleanup(move || listener.remove());
    view! {
        <Dialog open=context.switcher title="Jump to a conversation" class="switcher">
            <Inside />
        </Dialog>
    }
}

#[component]
fn Inside() -> impl IntoView {
    let context = context();
    let navigate = use_navigate();
    let wanted = RwSignal::new(String::new());
    let picked = RwSignal::new(0_usize);
    let found = Memo::new(move |_| wanted.with(|wanted| offers(context, wanted)));
    let go = StoredValue::new(move |href: String| {
        context.switcher.set(false);
        if window().location().pathname().as_deref() == Ok(href.as_str()) {
            context.visits.update(|count| *count += 1);
        }
        navigate(&href, leptos_router::NavigateOptions::default());
    });
    request_animation_frame(|| browser::focus("switcher-input"));
    let on_key = move |event: web_sys::KeyboardEvent| {
        let Some(key) = browser::key(&event) else { return };
        let count = found.with_untracked(Vec::len).max(1);
        match key.as_str() {
            "ArrowDown" => picked.update(|at| *at = (*at + 1) % count),
            "ArrowUp" => picked.update(|at| *at = (*at + count - 1) % count),
            "Enter" => {
                let href = found
                    .with_untracked(|found| found.get(picked.get_untracked()).map(|one| one.href.clone()));
                if let Some(href) = href {
                    go.with_value(|go| go(href));
                }
            }
            _ => return,
        }
        event.prevent_default();
    };
    let line = move |(index, offer): (usize, Offer)| {
        let href = offer.href.clone();
        view! {
            <li
                class="offer"
                id=format!("offer-{index}")
                role="option"
                class:picked=move || picked.get() == index
                aria-selected=move || (picked.get() == index).to_string()
                on:mousemove=move |_| {
                    if picked.get_untracked() != index {
                        picked.set(index);
                    }
                }
                on:click=move |_| go.with_value(|go| go(href.clone()))
            >
                {match offer.face {
                    Face::Icon(path) => view! { <Icon path /> }.into_any(),
                    Face::Person(id) => view! { <Avatar id size="s" presence=true /> }.into_any(),
                }}
                <span class="grow clip">{offer.name}</span>
                <span class="soft">{offer.note}</span>
                {(offer.unread > 0).then(|| view! { <span class="count">{offer.unread}</span> })}
            </li>
        }
    };
    view! {
        <input
            id="switcher-input"
            class="input switcher-input"
            type="text"
            role="combobox"
            autocomplete="off"
            aria-expanded="true"
            aria-controls="switcher-list"
            aria-activedescendant=move || format!("offer-{}", picked.get())
            aria-label="Jump to a conversation, a friend or a page"
            placeholder="Jump to…"
            data-testid="switcher-input"
            on:input=move |event| {
                wanted.set(event_target_value(&event));
                picked.set(0);
            }
            on:keydown=on_key
        />
        <ul id="switcher-list" class="offer-list" role="listbox" aria-label="Places">
            {move || found.get().into_iter().enumerate().map(line).collect_view()}
            {move || {
                found.with(Vec::is_empty).then(|| view! { <li class="offer-none soft">"Nothing by that name."</li> })
            }}
        </ul>
    }
}

#[cfg(test)]
mod tests {
    use super::rank;

    #[test]
    fn names_that_begin_with_the_letters_come_first() {
        assert_eq!(rank("General", "gen"), Some(0));
        assert_eq!(rank("Ada Lovelace", "lov"), Some(1));
        assert_eq!(rank("general", "ner"), Some(2));
        assert_eq!(rank("general", "x"), None);
    }
}
