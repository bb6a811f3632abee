//! The view of a timeline: its scroll position, what it loads near missing messages, and what was seen in it.
//!
//! Invariant: size changes never update the reader's position; only scrolling does.

use std::time::Duration;

use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use parlour_protocol::ids::{ConversationId, Seq};
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::HtmlElement;

use crate::browser;
use crate::components::row_context::RowContext;
use crate::components::scrolling::{self, NEAR_EDGE, NEAR_END};
use crate::context::Context;
use crate::effects::effect;
use crate::state::history::Place;
use crate::state::spot::{Anchor, Spot};
use crate::storage::Life;
use crate::stores::open_conversation::{Stage, Wish};
use crate::stores::session::Link;
use crate::texts::chat;

/// The state of the view: handles, cheap to copy.
#[derive(Clone, Copy)]
pub(crate) struct View {
    pub(super) context: Context,
    pub(super) id: ConversationId,
    pub(super) node: NodeRef<html::Div>,
    pub(super) shared: RowContext,
    spot: StoredValue<Spot>,
    /// The rows changed, and the scroll position was not yet adjusted.
    unsettled: StoredValue<bool>,
    fetching: RwSignal<bool>,
    /// Loading a page failed; it is retried on scrolling or when the connection is back.
    pub(super) stuck: RwSignal<bool>,
    noted: StoredValue<Option<TimeoutHandle>>,
}

impl View {
    /// A view that shows nothing yet.
    pub(super) fn new(context: Context, id: ConversationId, shared: RowContext) -> Self {
        Self {
            context,
            id,
            node: NodeRef::new(),
            shared,
            spot: StoredValue::new(Spot::default()),
            unsettled: StoredValue::new(false),
            fetching: RwSignal::new(false),
            stuck: RwSignal::new(false),
            noted: StoredValue::new(None),
        }
    }

    /// The conversation.
    pub(crate) fn id(&self) -> ConversationId {
        self.id
    }

    /// The scrolling element.
    pub(super) fn element(&self) -> Option<HtmlElement> {
        self.node.try_get_untracked().flatten().map(|node| node.unchecked_into())
    }

    /// Handles scrolling: updates the reader's position and loads what is missing nearby.
    pub(super) fn scrolled(&self) {
        let Some(view) = self.element() else { return };
        if self.unsettled.try_get_value() != Some(false) {
            return;
        }
        let open = self.context.open;
        let mut now = scrolling::geometry(&view);
        if self.spot.with_value(|spot| spot.shifted(&now)) {
            // A size changed, and the scroll event came before the resize event: the current scroll position does not
            // yet reflect the reader's position.
            self.keep(&view);
            now = scrolling::geometry(&view);
        }
        let at_bottom = now.below() < NEAR_END && !open.newer.get_untracked();
        if open.at_bottom.get_untracked() != at_bottom {
            open.at_bottom.set(at_bottom);
        }
        if at_bottom && open.fresh.with_untracked(|fresh| !fresh.is_empty()) {
            open.fresh.set(Vec::new());
        }
        self.see(&view);
        self.fetch_what_is_near(&view);
        self.note_later();
    }

    /// Updates the reader's position.
    fn see(&self, view: &HtmlElement) {
        let now = scrolling::geometry(view);
        let eye = self.spot.try_update_value(|spot| {
            spot.note(now, || scrolling::visible(view).map(|(anchor, _)| anchor));
            spot.anchor()
        });
        self.context.open.eye.set_value(eye.flatten());
    }

    /// Keeps the end, or the anchor row, in place after a size change.
    fn keep(&self, view: &HtmlElement) {
        let at_end = self.context.open.at_bottom.get_untracked();
        self.spot.update_value(|spot| scrolling::keep(view, spot, at_end));
    }

    /// Loads missing messages near the viewport.
    fn fetch_what_is_near(&self, view: &HtmlElement) {
        let open = self.context.open;
        let Some((from, to)) = open.edges().filter(|_| open.stage.get_untracked() == Stage::Ready) else {
            return;
        };
        let now = scrolling::geometry(view);
        if let Some(place) = scrolling::gap_near(view) {
            self.fetch(place);
        } else if now.top < NEAR_EDGE && open.older.get_untracked() {
            self.fetch(Place::Before(from));
        } else if now.below() < NEAR_EDGE && open.newer.get_untracked() {
            self.fetch(Place::After(to));
        }
    }

    fn fetch(&self, place: Place) {
        if self.fetching.get_untracked() {
            return;
        }
        self.fetching.set(true);
        let view = *self;
        spawn_local(async move {
            let failed = view.context.load_missing(view.id, place).await;
            let _ = view.stuck.try_set(failed);
            // If the viewport is still near a gap when the rows are drawn, the next page is loaded without further
            // scrolling. After a failure, only scrolling retries.
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

    /// Retries a failed load.
    pub(super) fn try_again(&self) {
        if let Some(view) = self.element() {
            self.stuck.set(false);
            self.fetch_what_is_near(&view);
        }
    }

    /// Schedules storing the read position and the scroll position, 250 ms after scrolling.
    fn note_later(&self) {
        if self.noted.with_value(Option::is_some) {
            return;
        }
        let view = *self;
        let note = move || {
            if view.noted.try_set_value(None).is_none() {
                view.note();
            }
        };
        self.noted.set_value(set_timeout_with_handle(note, Duration::from_millis(250)).ok());
    }

    /// Stores the read position and the scroll position.
    pub(crate) fn note(&self) {
        let Some(element) = self.element() else { return };
        let open = self.context.open;
        if !open.is(self.id) || open.stage.get_untracked() != Stage::Ready {
            return;
        }
        let at_bottom = open.at_bottom.get_untracked();
        let anchor = self.spot.with_value(Spot::anchor);
        let place = anchor.filter(|_| !at_bottom).map(|anchor| anchor.seq.to_string());
        self.context.preferences.keep(Life::Tab, &format!("place.{}", self.id), place.as_deref());
        if !browser::looked_at() {
            return;
        }
        let seen = if at_bottom {
            self.context.open.head()
        } else {
            scrolling::visible(&element).map(|(_, last)| last)
        };
        if let Some(seq) = seen {
            self.context.mark_read(self.id, seq);
        }
    }

    /// After the rows changed: keeps the end or the anchor in view.
    fn settle(&self) {
        let Some(view) = self.element() else { return };
        self.unsettled.set_value(false);
        self.keep(&view);
        self.scrolled();
    }

    /// After other messages were loaded: scrolls to the requested position.
    fn arrive(&self) {
        let Some(view) = self.element() else { return };
        self.unsettled.set_value(false);
        let open = self.context.open;
        let wish = open.wish.get_value();
        self.spot.update_value(Spot::forget);
        scrolling::to_end(&view);
        match wish {
            Wish::End => {}
            Wish::At(seq) => self.go_to(&view, seq),
            Wish::Back(anchor) => {
                if let Some(row) = scrolling::find_near(&view, anchor.seq) {
                    scrolling::put(&view, &row, anchor.offset);
                }
            }
            Wish::Resume => self.resume(&view),
        }
        let now = scrolling::geometry(&view);
        open.at_bottom.set(now.below() < NEAR_END && !open.newer.get_untracked());
        self.see(&view);
        self.scrolled();
    }

    fn go_to(&self, view: &HtmlElement, seq: Seq) {
        match scrolling::find(view, seq) {
            Some(row) => {
                scrolling::bring(view, &row);
                // A keyboard user who followed a link continues from this row.
                if view.contains(document().active_element().as_deref()) {
                    scrolling::focus_row(&row);
                }
                let shared = self.shared;
                shared.target.set(Some(seq));
                let over = move || {
                    let _ = shared.target.try_set(None);
                };
                set_timeout(over, Duration::from_secs(3));
            }
            None => {
                if let Some(row) = scrolling::find_near(view, seq) {
                    scrolling::bring(view, &row);
                }
                self.context.ui.toast(chat::message_gone(), true);
            }
        }
    }

    fn resume(&self, view: &HtmlElement) {
        let kept = self.context.preferences.kept(Life::Tab, &format!("place.{}", self.id));
        let kept = kept.and_then(|text| text.parse::<Seq>().ok()).and_then(|seq| scrolling::find(view, seq));
        let marked = view.query_selector(".unread-line").ok().flatten();
        if let Some(row) = kept {
            scrolling::put(view, &row, 4.0);
        } else if let Some(marked) = marked
            && marked.get_bounding_client_rect().top() < view.get_bounding_client_rect().top()
        {
            scrolling::bring(view, &marked);
        }
    }

    /// The scroll anchor, or `None` at the end.
    pub(crate) fn place(&self) -> Option<Anchor> {
        self.context.open.eye.get_value().filter(|_| !self.context.open.at_bottom.get_untracked())
    }

    /// Scrolls to the end, loading it if necessary.
    pub(super) fn go_to_end(&self) {
        if self.context.open.newer.get_untracked() {
            self.context.open_at(self.id, Place::Newest, Wish::End);
        } else if let Some(element) = self.element() {
            self.context.open.at_bottom.set(true);
            scrolling::to_end(&element);
        }
    }

    /// Reacts to drawn rows, size changes, attention and the connection.
    pub(super) fn follow(self) {
        let (context, open) = (self.context, self.context.open);
        Effect::new(move |before: Option<u64>| {
            open.drawn.track();
            let generation = open.generation.get();
            self.unsettled.set_value(true);
            // By then the rows are in the DOM but not yet painted.
            request_animation_frame(move || {
                if self.unsettled.try_get_value().is_none() {
                    return;
                }
                // Cached messages exist before the view does.
                let ready = open.stage.try_get_untracked() == Some(Stage::Ready);
                if before.is_some_and(|before| before != generation) || (before.is_none() && ready) {
                    self.arrive();
                } else {
                    self.settle();
                }
            });
            generation
        });
        self.keep_place();
        Effect::new(move |before: Option<bool>| {
            let looking = context.ui.attention.get();
            if before == Some(true) && !looking && open.at_bottom.get_untracked() {
                // Messages that arrive while the user looks elsewhere are marked as new on return.
                open.read.set_value(open.head());
            }
            if before.is_some() {
                self.note();
            }
            looking
        });
        effect(move || {
            if context.session.link.get() == Link::Online && self.stuck.get_untracked() {
                self.try_again();
            }
        });
    }

    /// Keeps the scroll position when the view or its content changes size.
    fn keep_place(self) {
        let observer: StoredValue<Option<web_sys::ResizeObserver>, LocalStorage> =
            StoredValue::new_local(None);
        let callback: StoredValue<Option<Closure<dyn FnMut()>>, LocalStorage> = StoredValue::new_local(None);
        effect(move || {
            let Some(node) = self.node.get() else { return };
            let closure = Closure::<dyn FnMut()>::new(move || {
                // Rows that are about to be drawn are handled when they are.
                let settled = self.unsettled.try_get_value() == Some(false);
                if let Some(element) = self.element().filter(|_| settled) {
                    self.keep(&element);
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
            if let Some(Some(old)) = self.noted.try_update_value(Option::take) {
                old.clear();
            }
        });
    }
}
