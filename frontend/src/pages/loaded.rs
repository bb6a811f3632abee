//! What a page loads once and shows: the placeholder, the failure with its button, and the value.
//!
//! Invariant: of several requests, only the response to the last one counts; and a page that has been left is not
//! touched any more.

use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::api::http::Answer;
use crate::components::states::shown;
use crate::state::load::Load;

/// Something that is loaded; a cheap handle.
pub(crate) struct Loaded<T: Clone + Send + Sync + 'static> {
    state: RwSignal<Load<T>>,
    again: Callback<()>,
}

// Not derived: signals are `Copy` whatever they contain.
impl<T: Clone + Send + Sync + 'static> Clone for Loaded<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Clone + Send + Sync + 'static> Copy for Loaded<T> {}

impl<T: Clone + Send + Sync + 'static> Loaded<T> {
    /// What `request` returns; nothing is loaded before [`Self::read`].
    pub(crate) fn new<F: Future<Output = Answer<T>> + 'static>(
        request: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self {
        let state = RwSignal::new(Load::Pending);
        let turn = StoredValue::new(0_u64);
        let again = Callback::new(move |()| {
            let next = turn.try_update_value(|turn| {
                *turn += 1;
                *turn
            });
            let Some(now) = next else { return };
            if state.with_untracked(|state| matches!(state, Load::Failed(_))) {
                state.set(Load::Pending);
            }
            let answer = request();
            spawn_local(async move {
                let answer = answer.await;
                if turn.try_get_value() == Some(now) {
                    state.try_set(answer.into());
                }
            });
        });
        Self { state, again }
    }

    /// Like [`Self::new`], and loads it.
    pub(crate) fn now<F: Future<Output = Answer<T>> + 'static>(
        request: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self {
        let loaded = Self::new(request);
        loaded.read();
        loaded
    }

    /// Loads it again. What is shown stays until the response, except a failure. Does nothing if the page has been left.
    pub(crate) fn read(self) {
        let _ = self.again.try_run(());
    }

    /// [`Self::read`] as a callback.
    pub(crate) fn again(self) -> Callback<()> {
        self.again
    }

    /// Replaces what is loaded.
    pub(crate) fn set(self, value: T) {
        let _ = self.state.try_set(Load::Ready(value));
    }

    /// Changes what is loaded. Returns false if nothing is.
    pub(crate) fn change(self, change: impl FnOnce(&mut T)) -> bool {
        self.state.try_update(|state| state.change(change)) == Some(true)
    }

    /// Reads what is loaded, reactively; `None` if nothing is.
    pub(crate) fn with<U>(self, read: impl FnOnce(Option<&T>) -> U) -> U {
        self.state.with(|state| read(state.ready()))
    }

    /// The state, reactively.
    pub(crate) fn get(self) -> Load<T> {
        self.state.get()
    }

    /// Renders it with `view`, or `rows` of a placeholder, or the failure.
    pub(crate) fn show(
        self,
        rows: usize,
        view: impl Fn(T) -> AnyView + Send + Sync + 'static,
    ) -> impl IntoView {
        move || shown(self.state.get(), rows, self.again, &view)
    }
}

/// The items of a list, or what is shown if there are none.
pub(crate) fn lines<T, V: IntoView + 'static>(
    all: Vec<T>,
    empty: impl IntoView + 'static,
    line: impl Fn(T) -> V,
) -> AnyView {
    if all.is_empty() {
        return empty.into_any();
    }
    view! { <ul class="lines">{all.into_iter().map(line).collect_view()}</ul> }.into_any()
}
