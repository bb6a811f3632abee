//! The states that every page has in addition to its content: loading, empty, failed.

use leptos::prelude::*;

use crate::components::copying::CopyButton;
use crate::icons::{ALERT, Icon};
use crate::state::failure::Failure;
use crate::state::load::Load;
use crate::texts::common;

/// Renders what is loaded with `view`; until then `rows` of a placeholder, or the failure with a button for `retry`.
pub(crate) fn shown<T>(
    state: Load<T>,
    rows: usize,
    retry: impl Into<Callback<()>>,
    view: impl FnOnce(T) -> AnyView,
) -> AnyView {
    match state {
        Load::Pending => view! { <Skeleton rows /> }.into_any(),
        Load::Failed(failure) => view! { <Failed failure retry=retry.into() /> }.into_any(),
        Load::Ready(value) => view(value),
    }
}

/// Placeholder rows while something is loading.
#[component]
pub(crate) fn Skeleton(#[prop(default = 5)] rows: usize) -> impl IntoView {
    let row = |index: usize| {
        view! {
            <div class="skeleton-row">
                <span class="skeleton-dot"></span>
                <span class="skeleton-lines">
                    <span class=format!("skeleton-line w{}", index % 4)></span>
                    <span class=format!("skeleton-line w{}", (index + 2) % 4)></span>
                </span>
            </div>
        }
    };
    view! {
        <div class="skeleton" role="status">
            <span class="visually-hidden">{common::loading()}</span>
            {(0..rows).map(row).collect_view()}
        </div>
    }
}

/// An empty list: one sentence, and the action that fills it.
#[component]
pub(crate) fn Empty(
    icon: &'static str,
    title: &'static str,
    text: &'static str,
    /// Whether this is the page's only content, so that its title is the page's main heading.
    #[prop(default = false)]
    whole: bool,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    let heading =
        if whole { view! { <h1>{title}</h1> }.into_any() } else { view! { <h2>{title}</h2> }.into_any() };
    view! {
        <div class="empty">
            <span class="empty-icon">
                <Icon path=icon />
            </span>
            {heading}
            <p>{text}</p>
            {children.map(|children| view! { <div class="empty-actions">{children()}</div> })}
        </div>
    }
}

/// A failed load: the reason and a retry button.
#[component]
pub(crate) fn Failed(failure: Failure, #[prop(into)] retry: Callback<()>) -> impl IntoView {
    let reference = failure.request_id().map(|id| {
        view! {
            <CopyButton text=id label=common::copy_error_id() testid="copy-request" class="link-button quiet" />
        }
    });
    view! {
        <div class="empty" role="alert">
            <span class="empty-icon bad">
                <Icon path=ALERT />
            </span>
            <h2>{common::something_went_wrong()}</h2>
            <p>{failure.message()}</p>
            <div class="empty-actions">
                <button type="button" class="button" on:click=move |_| retry.run(())>
                    {common::try_again()}
                </button>
            </div>
            {reference}
        </div>
    }
}
