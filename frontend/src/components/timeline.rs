//! The messages of the open conversation. Scrolling up brings older ones without a jump; at the end the view
//! follows what is said.

use std::time::Duration;

use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use parlour_protocol::ids::{ConversationId, Seq};
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::HtmlElement;

use crate::api::calls::Place;
use crate::browser;
use crate::components::message::row;
use crate::components::message_parts::RowContext;
use crate::components::scrolling::{self, NEAR_EDGE, NEAR_END};
use crate::components::states::{Failed, Skeleton};
use crate::context::{Context, context};
use crate::icons::{DOWN, Icon};
use crate::open::Stage;
use crate::state::spot::Spot;
use crate::storage::Life;

/// The state of the view: handles, cheap to copy.
#[derive(Clone, Copy)]
struct View {
    context: Context,
    id: ConversationId,
    node: NodeRef<html::Div>,
    spot: StoredValue<Spot>,
    /// The rows changed, and the view was not moved yet.
    unsettled: StoredValue<bool>,
    fetching: RwSignal<bool>,
    noted: StoredValue<Option<TimeoutHandle>>,
    shared: RowContext,
}

impl View {
    fn element(&self) -> Option<HtmlElement> {
        self.node.try_get_untracked().flatten().map(|node| node.unchecked_into())
    }

    /// The view was scrolled: notes the place and fetches what comes next.
    fn scrolled(&self) {
        let Some(view) = self.element() else { return };
        if self.unsettled.get_value() {
            return;
        }
        let open = self.context.open;
        let mut now = scrolling::geometry(&view);
        if self.spot.with_value(|spot| spot.shifted(&now)) {
            // Something has changed its size, and the browser tells about the scrolling first: where the view is now
            // says nothing yet about where the reader is.
            self.keep(&view);
            now = scrolling::geometry(&view);
        }
        let distance = now.below();
        let at_bottom = distance < NEAR_END && !open.newer.get_untracked();
        if open.at_bottom.get_untracked() != at_bottom {
            open.at_bottom.set(at_bottom);
        }
        if at_bottom && open.fresh.with_untracked(|fresh| !fresh.is_empty()) {
            open.fresh.set(Vec::new());
        }
        self.spot.update_value(|spot| spot.note(now, || scrolling::visible(&view).map(|(anchor, _)| anchor)));
        if now.top < NEAR_EDGE && open.older.get_untracked() {
            self.fetch(false);
        } else if distance < NEAR_EDGE && open.newer.get_untracked() {
            self.fetch(true);
        }
        self.note_later();
    }

    /// Keeps the end or the row under the eye in its place, whatever has changed its size.
    fn keep(&self, view: &HtmlElement) {
        let at_end = self.context.open.at_bottom.get_untracked();
        self.spot.update_value(|spot| scrolling::keep(view, spot, at_end));
    }

    fn fetch(&self, newer: bool) {
        let open = self.context.open;
        let (Some((oldest, newest)), false) = (open.bounds(), self.fetching.get_untracked()) else { return };
        self.fetching.set(true);
        let view = *self;
        spawn_local(async move {
            let place = if newer { Place::After(newest) } else { Place::Before(oldest) };
            let answer = view.context.api.list_messages(view.id, place).await;
            let still = open.is(view.id)
                && open
                    .bounds()
                    .is_some_and(|bounds| if newer { bounds.1 == newest } else { bounds.0 == oldest });
            let failed = answer.is_err();
            match answer {
                Ok(page) if still => {
                    let (live, me) = (view.context.live, view.context.me());
                    if newer { open.append(page, live, me) } else { open.prepend(page, live, me) }
                }
                Ok(_) => {}
                Err(failure) => view.context.complain(&failure),
            }
            // Whoever still is at the edge when the rows are there gets the next page without scrolling again. A
            // failure waits until they scroll.
            set_timeout(
                move || {
                    let gone = view.fetching.try_set(false).is_some();
                    if !gone && !failed {
                        view.scrolled();
                    }
                },
                Duration::from_millis(60),
            );
        });
    }

    /// Notes, once scrolling rests, what was read and where one is.
    fn note_later(&self) {
        if let Some(Some(old)) = self.noted.try_update_value(Option::take) {
            old.clear();
        }
        let view = *self;
        self.noted.set_value(set_timeout_with_handle(move || view.note(), Duration::from_millis(250)).ok());
    }

    fn note(&self) {
        let Some(element) = self.element() else { return };
        let open = self.context.open;
        if !open.is(self.id) || open.stage.get_untracked() != Stage::Ready {
            return;
        }
        let at_bottom = open.at_bottom.get_untracked();
        let anchor = self.spot.with_value(Spot::anchor);
        let place = anchor.filter(|_| !at_bottom).map(|anchor| anchor.seq.to_string());
        self.context.keep(Life::Tab, &format!("place.{}", self.id), place.as_deref());
        if !browser::looked_at() {
            return;
        }
        let seen = if at_bottom {
            self.context.live.cursor(self.id)
        } else {
            scrolling::visible(&element).map(|(_, last)| last)
        };
        if let Some(seq) = seen {
            self.context.mark_read(self.id, seq);
        }
    }

    /// The rows changed: keeps the end or the place in view.
    fn settle(&self) {
        let Some(view) = self.element() else { return };
        self.unsettled.set_value(false);
        self.keep(&view);
        self.scrolled();
    }

    /// The messages were loaded anew: goes to the place that one came for.
    fn arrive(&self, target: Option<Seq>) {
        let Some(view) = self.element() else { return };
        self.unsettled.set_value(false);
        let open = self.context.open;
        let kept = self
            .context
            .kept(Life::Tab, &format!("place.{}", self.id))
            .and_then(|text| text.parse::<Seq>().ok());
        let marked = view.query_selector(".unread-line").ok().flatten();
        let row = target.and_then(|seq| scrolling::find(&view, seq));
        self.spot.update_value(Spot::forget);
        scrolling::to_end(&view);
        if let Some(row) = row {
            scrolling::bring(&view, &row);
            let shared = self.shared;
            shared.target.set(target);
            set_timeout(
                move || {
                    let _ = shared.target.try_set(None);
                },
                Duration::from_secs(3),
            );
        } else if let Some(row) = kept.and_then(|seq| scrolling::find(&view, seq)) {
            scrolling::put(&view, &row, 4.0);
        } else if let Some(marked) = marked {
            let above = marked.get_bounding_client_rect().top() < view.get_bounding_client_rect().top();
            if above {
                scrolling::bring(&view, &marked);
            }
        }
        let now = scrolling::geometry(&view);
        open.at_bottom.set(now.below() < NEAR_END && !open.newer.get_untracked());
        self.spot.update_value(|spot| spot.note(now, || scrolling::visible(&view).map(|(anchor, _)| anchor)));
        self.scrolled();
    }
}

/// The timeline of the open conversation. `target` is the message that one came for.
#[component]
pub(crate) fn Timeline(
    id: ConversationId,
    #[prop(into)] target: Signal<Option<Seq>>,
    shared: RowContext,
) -> impl IntoView {
    let context = context();
    let open = context.open;
    let view = View {
        context,
        id,
        node: NodeRef::new(),
        spot: StoredValue::new(Spot::default()),
        unsettled: StoredValue::new(false),
        fetching: RwSignal::new(false),
        noted: StoredValue::new(None),
        shared,
    };
    Effect::new(move |before: Option<u64>| {
        open.rows.track();
        let generation = open.generation.get();
        view.unsettled.set_value(true);
        // The rows are drawn by then, and nothing was painted yet.
        request_animation_frame(move || {
            if view.unsettled.try_get_value().is_none() {
                return;
            }
            if before.is_some_and(|before| before != generation) {
                view.arrive(target.try_get_untracked().flatten());
            } else {
                view.settle();
            }
        });
        generation
    });
    keep_place(view);
    Effect::new(move |before: Option<bool>| {
        let looking = context.attention.get();
        if before == Some(true) && !looking && open.at_bottom.get_untracked() {
            // What comes while one looks elsewhere is new when one comes back.
            open.read.set_value(context.live.cursor(id));
        }
        if before.is_some() {
            view.note_later();
        }
        looking
    });
    let to_end = move |_| {
        if open.newer.get_untracked() {
            context.open_at(id, Place::Newest);
        } else if let Some(element) = view.element() {
            open.at_bottom.set(true);
            scrolling::to_end(&element);
        }
    };
    let pill = move || {
        let away = !open.at_bottom.get() && open.stage.get() == Stage::Ready;
        let fresh = open.fresh.with(Vec::len);
        away.then(|| {
            let text = match fresh {
                0 => "Latest".to_owned(),
                1 => "1 new message".to_owned(),
                _ => format!("{fresh} new messages"),
            };
            view! {
                <button
                    type="button"
                    class="pill"
                    class:loud=fresh != 0
                    data-testid="new-messages-pill"
                    on:click=to_end
                >
                    <Icon path=DOWN />
                    {text}
                </button>
            }
        })
    };
    let on_key = move |event: web_sys::KeyboardEvent| {
        let on_row = event
            .target()
            .and_then(|target| target.dyn_into::<web_sys::Element>().ok())
            .is_some_and(|element| element.matches(".message, .timeline").unwrap_or(false));
        let Some(key) = browser::key(&event).filter(|_| on_row) else { return };
        if view.element().is_some_and(|element| scrolling::walk(&element, &key)) {
            event.prevent_default();
        }
    };
    let stage = move || match open.stage.get() {
        Stage::Loading => view! { <Skeleton rows=7 /> }.into_any(),
        Stage::Failed(failure) => {
            let again = move |()| {
                open.stage.set(Stage::Loading);
                context.open_at(id, Place::Newest);
            };
            view! { <Failed failure retry=Callback::new(again) /> }.into_any()
        }
        Stage::Ready => ().into_any(),
    };
    view! {
        <div class="timeline-place">
            <div
                node_ref=view.node
                class="timeline"
                tabindex="0"
                role="region"
                aria-label="Messages"
                data-testid="timeline"
                on:scroll=move |_| view.scrolled()
                on:keydown=on_key
                on:mouseleave=move |_| {
                    if shared.palette.try_get_untracked() == Some(None) {
                        shared.active.set(None);
                    }
                }
            >
                {stage}
                <div class="timeline-rows">
                    <div class="timeline-edge" aria-hidden="true">
                        <Show when=move || open.older.get() && open.stage.get() == Stage::Ready>
                            <Skeleton rows=3 />
                        </Show>
                    </div>
                    <For each=move || open.rows.get() key=Clone::clone let:one>
                        {row(one, shared)}
                    </For>
                </div>
            </div>
            {pill}
        </div>
    }
}

/// When the view or its content changes its size, for whatever reason, the place is kept.
fn keep_place(view: View) {
    let observer: StoredValue<Option<web_sys::ResizeObserver>, LocalStorage> = StoredValue::new_local(None);
    let callback: StoredValue<Option<Closure<dyn FnMut()>>, LocalStorage> = StoredValue::new_local(None);
    Effect::new(move |_| {
        let Some(node) = view.node.get() else { return };
        let closure = Closure::<dyn FnMut()>::new(move || {
            // Rows that are about to be drawn are looked at when they are.
            if let Some(element) = view.element().filter(|_| !view.unsettled.get_value()) {
                view.keep(&element);
            }
        });
        if let Ok(made) = web_sys::ResizeObserver::new(closure.as_ref().unchecked_ref()) {
            made.observe(&node);
            if let Some(rows) = node.last_element_child() {
                made.observe(&rows);
            }
            observer.set_value(Some(made));
            callback.set_value(Some(closure));
        }
    });
    on_cleanup(move || {
        if let Some(Some(made)) = observer.try_update_value(Option::take) {
            made.disconnect();
        }
        if let Some(Some(old)) = view.noted.try_update_value(Option::take) {
            old.clear();
        }
    });
}
