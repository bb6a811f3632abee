//! The users offered while a mention is being typed.

use leptos::prelude::*;
use parlour_protocol::ids::UserId;
use parlour_protocol::text::mention_at;

use crate::components::avatar::{Avatar, Name};
use crate::components::composing::Composing;
use crate::context::context;
use crate::effects::effect;
use crate::texts::chat;

/// The offers; a cheap handle.
#[derive(Clone, Copy)]
pub(super) struct Offers {
    composing: Composing,
    found: Memo<Vec<(UserId, String)>>,
    picked: RwSignal<usize>,
    /// Whether the user has closed the list.
    dismissed: RwSignal<bool>,
}

impl Offers {
    /// The offers for the mention at the caret, if there is one.
    pub(super) fn new(composing: Composing) -> Self {
        let context = context();
        let id = composing.id();
        let dismissed = RwSignal::new(false);
        let word = Memo::new(move |_| {
            let caret = composing.caret.get();
            let mention = composing.text.with(|text| mention_at(text, caret));
            mention.filter(|_| !dismissed.get()).map(|(_, word)| word)
        });
        let found =
            Memo::new(move |_| word.get().map(|word| context.people_like(id, &word)).unwrap_or_default());
        effect(move || {
            // Members who have not written anything yet are offered, too.
            if let Some(word) = word.get() {
                context.find_members(id, word);
            }
        });
        Self { composing, found, picked: RwSignal::new(0), dismissed }
    }

    /// Whether there are any.
    pub(super) fn open(&self) -> bool {
        self.found.with(|found| !found.is_empty())
    }

    /// The element id of the picked offer.
    pub(super) fn active(&self) -> Option<String> {
        self.open().then(|| format!("mention-offer-{}", self.picked.get()))
    }

    /// Handles the user having changed the text.
    pub(super) fn typed(&self) {
        self.dismissed.set(false);
        self.picked.set(0);
    }

    fn complete(&self, handle: &str) {
        self.composing.mention(handle);
        self.picked.set(0);
    }

    /// Handles a key. Returns whether it had an effect.
    pub(super) fn key(&self, key: &str) -> bool {
        let count = self.found.with_untracked(Vec::len);
        if count == 0 {
            return false;
        }
        match key {
            "ArrowDown" => self.picked.update(|at| *at = (*at + 1) % count),
            "ArrowUp" => self.picked.update(|at| *at = (*at + count - 1) % count),
            "Enter" | "Tab" => {
                let picked = self.picked.get_untracked();
                let chosen = self.found.with_untracked(|found| found.get(picked).or(found.first()).cloned());
                if let Some((_, handle)) = chosen {
                    self.complete(&handle);
                }
            }
            "Escape" => self.dismissed.set(true),
            _ => return false,
        }
        true
    }
}

/// The list of the offers, and their number for screen readers.
#[component]
pub(super) fn MentionOffers(offers: Offers) -> impl IntoView {
    let count = Memo::new(move |_| offers.found.with(Vec::len));
    let told = move || match count.get() {
        0 => String::new(),
        count => chat::mention_status(count as i64),
    };
    let offer = move |(index, (user, handle)): (usize, (UserId, String))| {
        let shown = format!("@{handle}");
        let picked = move || offers.picked.get() == index;
        view! {
            <li
                id=format!("mention-offer-{index}")
                class="offer"
                role="option"
                data-testid="mention-offer"
                class:picked=picked
                aria-selected=move || picked().to_string()
                on:mousedown=move |event| {
                    event.prevent_default();
                    offers.complete(&handle);
                }
            >
                <Avatar id=user size="s" />
                <Name id=user />
                <bdi class="soft">{shown}</bdi>
            </li>
        }
    };
    let list = move || {
        let found = offers.found.get();
        (!found.is_empty()).then(|| {
            view! {
                <ul id="mention-offers" class="offers" role="listbox" aria-label=chat::people_to_mention()>
                    {found.into_iter().enumerate().map(offer).collect_view()}
                </ul>
            }
        })
    };
    view! {
        {list}
        <div class="visually-hidden" role="status" data-testid="mention-status">
            {told}
        </div>
    }
}
