//! The states that every page has besides the good one: loading, empty, failed.

use leptos::prelude::*;

use crate::api::http::Failure;
use crate::components::copying::CopyButton;
use crate::icons::{ALERT, Icon};

/// Rows that stand for what is being loaded.
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
            <span class="visually-hidden">"Loading"</span>
            {(0..rows).map(row).collect_view()}
        </div>
    }
}

/// Nothing is here: one sentence, and the action that fills it.
#[component]
pub(crate) fn Empty(
    icon: &'static str,
    title: &'static str,
    text: &'static str,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class="empty">
            <span class="empty-icon">
                <Icon path=icon />
            </span>
            <h2>{title}</h2>
            <p>{text}</p>
            {children.map(|children| view! { <div class="empty-actions">{children()}</div> })}
        </div>
    }
}

/// Something could not be loaded: what happened, and again.
#[component]
pub(crate) fn Failed(failure: Failure, #[prop(into)] retry: Callback<()>) -> impl IntoView {
    let id = failure.request_id();
    let reference = id.map(|id| {
        let label = format!("Request {id}");
        view! {
            <CopyButton text=id label testid="copy-request" class="link-button quiet" title="Copy the number of this request" />
        }
    });
    view! {
        <div class="empty" role="alert">
            <span class="empty-icon bad">
                <Icon path=ALERT />
            </span>
            <h2>"This did not work"</h2>
            <p>{failure.message()}</p>
            <div class="empty-actions">
                <button type="button" class="button" on:click=move |_| retry.run(())>
                    "Try again"
                </button>
            </div>
            {reference}
        </div>
    }
}
