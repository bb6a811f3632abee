//! Lists that are loaded page by page, with or without a search.

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use parlour_protocol::Page;

use crate::api::http::Answer;
use crate::components::states::shown;
use crate::icons::{Icon, SEARCH};
use crate::state::load::Load;
use crate::texts::common;

/// Debounce before a search.
const ASKED_AFTER: Duration = Duration::from_millis(200);

/// A list that is loaded page by page; a cheap handle.
pub(crate) struct Paged<T: Clone + Send + Sync + 'static> {
    pub(crate) items: RwSignal<Load<Vec<T>>>,
    next: RwSignal<Option<String>>,
    /// The number of the last request; earlier ones have no effect any more.
    turn: StoredValue<u64>,
}

// Not derived: signals are `Copy` whatever they contain.
impl<T: Clone + Send + Sync + 'static> Clone for Paged<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Clone + Send + Sync + 'static> Copy for Paged<T> {}

impl<T: Clone + Send + Sync + 'static> Paged<T> {
    /// Nothing is loaded yet.
    pub(crate) fn new() -> Self {
        Self { items: RwSignal::new(Load::Pending), next: RwSignal::new(None), turn: StoredValue::new(0) }
    }

    /// Where the next page begins, if `more` is wanted; otherwise the list is loaded from its start.
    pub(crate) fn after(self, more: bool) -> Option<String> {
        self.next.try_get_untracked().flatten().filter(|_| more)
    }

    /// Loads a page: `more` items, or the first ones.
    pub(crate) fn read(self, more: bool, page: impl Future<Output = Answer<Page<T>>> + 'static) {
        let next = self.turn.try_update_value(|turn| {
            *turn += 1;
            *turn
        });
        // The page may have been left.
        let Some(now) = next else { return };
        spawn_local(async move {
            let answer = page.await;
            if self.turn.try_get_value() != Some(now) {
                return;
            }
            match answer {
                Ok(page) => {
                    self.next.set(page.next);
                    self.items.update(|items| match items {
                        Load::Ready(known) if more => known.extend(page.items),
                        _ => *items = Load::Ready(page.items),
                    });
                }
                Err(failure) => self.items.set(Load::Failed(failure)),
            }
        });
    }

    /// Changes the loaded items.
    pub(crate) fn change(self, change: impl FnOnce(&mut Vec<T>)) {
        let _ = self.items.try_update(|items| items.change(change));
    }

    /// Renders the list, or its load state. `read` loads a page, `list` renders the items.
    pub(crate) fn show(
        self,
        rows: usize,
        read: impl Fn(bool) + Copy + Send + Sync + 'static,
        list: impl Fn(Vec<T>) -> AnyView + Send + Sync + 'static,
    ) -> impl IntoView {
        view! {
            {move || shown(self.items.get(), rows, move || read(false), &list)}
            <Show when=move || self.next.with(Option::is_some)>
                <button type="button" class="button more" on:click=move |_| read(true)>
                    {common::show_more()}
                </button>
            </Show>
        }
    }
}

/// A search field; `changed` is called when the user has stopped typing for a moment.
#[component]
pub(crate) fn SearchField(
    label: &'static str,
    testid: &'static str,
    search: RwSignal<String>,
    changed: Callback<()>,
) -> impl IntoView {
    let timer: StoredValue<Option<TimeoutHandle>> = StoredValue::new(None);
    let wait = move |then: Option<TimeoutHandle>| {
        if let Some(Some(old)) = timer.try_update_value(|timer| std::mem::replace(timer, then)) {
            old.clear();
        }
    };
    on_cleanup(move || wait(None));
    let on_search = move |event| {
        search.set(event_target_value(&event));
        wait(
            set_timeout_with_handle(
                move || {
                    let _ = changed.try_run(());
                },
                ASKED_AFTER,
            )
            .ok(),
        );
    };
    view! {
        <label class="search">
            <span class="visually-hidden">{label}</span>
            <Icon path=SEARCH />
            <input
                class="input"
                type="search"
                name=testid
                placeholder=label
                maxlength="60"
                data-testid=testid
                on:input=on_search
            />
        </label>
    }
}
