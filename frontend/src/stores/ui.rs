//! What is shown around the pages: titles, toasts, announcements, dialogs of the whole app.

use std::sync::Arc;
use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::announcer::Announcer;
use crate::state::announcing::Said;
use crate::state::failure::Failure;
use crate::state::toasts::Toasts;
use crate::{browser, clipboard};

/// How long a toast is shown.
const SHOWN_FOR: Duration = Duration::from_secs(6);

/// A confirmation before a destructive action.
#[derive(Clone)]
pub(crate) struct Question {
    pub(crate) title: String,
    pub(crate) text: String,
    pub(crate) action: &'static str,
    /// Outlives the asking component, which may be unmounted when the user answers.
    pub(crate) then: Arc<dyn Fn() + Send + Sync>,
}

/// The state of the window.
#[derive(Clone, Copy)]
pub(crate) struct Ui {
    pub(crate) announcer: Announcer,
    /// The title of the current page, with the number of the page that set it.
    pub(crate) page: RwSignal<Option<(u64, String)>>,
    pub(crate) toasts: RwSignal<Toasts>,
    /// The current question; there is at most one.
    pub(crate) question: RwSignal<Option<Question>>,
    /// Whether the quick switcher is open.
    pub(crate) switcher: RwSignal<bool>,
    /// Incremented every half minute, for relative times such as "5 min ago".
    pub(crate) minute: RwSignal<u64>,
    /// Incremented when a link to the current address was followed.
    pub(crate) visits: RwSignal<u64>,
    /// Whether the page is visible and its window has the focus.
    pub(crate) attention: RwSignal<bool>,
    /// Text that could not be copied, to be copied manually.
    pub(crate) by_hand: RwSignal<Option<String>>,
}

impl Ui {
    /// The initial state.
    pub(crate) fn new() -> Self {
        Self {
            announcer: Announcer::new(),
            page: RwSignal::new(None),
            toasts: RwSignal::new(Toasts::default()),
            question: RwSignal::new(None),
            switcher: RwSignal::new(false),
            minute: RwSignal::new(0),
            visits: RwSignal::new(0),
            attention: RwSignal::new(browser::looked_at()),
            by_hand: RwSignal::new(None),
        }
    }

    /// Clears everything that belongs to the signed-in user.
    pub(crate) fn clear(&self) {
        self.announcer.clear();
        self.toasts.update(Toasts::clear);
        self.by_hand.set(None);
        self.switcher.set(false);
    }

    /// Shows a toast for some seconds.
    pub(crate) fn toast(&self, text: impl Into<String>, bad: bool) {
        let toasts = self.toasts;
        if let Some(id) = toasts.try_update(|toasts| toasts.add(text.into(), bad)) {
            set_timeout(move || toasts.maybe_update(|toasts| toasts.remove(id)), SHOWN_FOR);
        }
    }

    /// Shows a failure as a toast.
    pub(crate) fn complain(&self, failure: &Failure) {
        self.toast(failure.message(), true);
    }

    /// Asks for confirmation before a destructive action.
    pub(crate) fn ask(
        &self,
        title: impl Into<String>,
        text: impl Into<String>,
        action: &'static str,
        then: impl Fn() + Send + Sync + 'static,
    ) {
        let (title, text) = (title.into(), text.into());
        self.question.set(Some(Question { title, text, action, then: Arc::new(then) }));
    }

    /// Announces something other than a message.
    pub(crate) fn say(&self, text: impl Into<String>) {
        self.announcer.say(Said::Notice(text.into()));
    }

    /// Copies a text and calls `then` on success. Text that the browser refuses to copy is shown for manual copying.
    pub(crate) fn copy(&self, text: String, then: impl FnOnce() + 'static) {
        let by_hand = self.by_hand;
        spawn_local(
            async move { if clipboard::put(&text).await { then() } else { by_hand.set(Some(text)) } },
        );
    }
}
