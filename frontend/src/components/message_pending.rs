//! Pending actions: messages in flight and changes to messages.

use std::time::Duration;

use leptos::prelude::*;

use crate::browser;
use crate::components::avatar::Avatar;
use crate::components::message::Head;
use crate::components::message_body::body;
use crate::components::message_parts::Quote;
use crate::components::row_context::RowContext;
use crate::context::{Context, context};
use crate::icons::{CLOCK, Icon};
use crate::state::time;
use crate::stores::outbox::PendingEdit;
use crate::texts::chat;

/// A message that has been in flight for longer than this (ms) is marked as slow.
const SLOW_MS: f64 = 2_000.0;

/// The state of a pending edit; a refused edit's text is not lost.
#[component]
pub(crate) fn EditState(edit: Memo<Option<PendingEdit>>) -> impl IntoView {
    move || {
        let edit = edit.get()?;
        let state = match edit.failed {
            None => {
                view! { <span class="edited" data-testid="edit-waiting">{chat::saving()}</span> }.into_any()
            }
            Some(why) => {
                let what = chat::not_saved(&why);
                view! { <Refused cid=edit.cid what /> }.into_any()
            }
        };
        Some(view! { <div class="change-state">{state}</div> })
    }
}

/// A refused action: the reason, and what the user can do.
#[component]
fn Refused(cid: String, what: String) -> impl IntoView {
    let context = context();
    let cid = StoredValue::new(cid);
    view! {
        <div class="refused">
            <span>{what}</span>
            <button
                type="button"
                class="link-button"
                tabindex="-1"
                data-testid="retry"
                on:click=move |_| context.retry(cid.get_value())
            >
                {chat::try_again()}
            </button>
            <button
                type="button"
                class="link-button quiet"
                tabindex="-1"
                data-testid="discard"
                on:click=move |_| context.settle(cid.get_value())
            >
                {chat::delete()}
            </button>
        </div>
    }
}

/// A message in flight.
#[component]
pub(crate) fn PendingRow(cid: String, opens: bool, shared: RowContext) -> impl IntoView {
    let Context { session, outbox, .. } = context();
    let me = session.me();
    let name = StoredValue::new(cid);
    let waiting = Memo::new(move |_| name.with_value(|cid| outbox.message(cid)));
    let failed = move || waiting.with(|one| one.as_ref().and_then(|one| one.failed.clone()));
    let reply_to = waiting.with_untracked(|one| one.as_ref().and_then(|one| one.reply_to));
    let text = waiting.with_untracked(|one| one.as_ref().map(|one| one.body.clone())).unwrap_or_default();
    let since = waiting.with_untracked(|one| one.as_ref().map(|one| one.at)).unwrap_or_default();
    let clock = time::clock(browser::local_time(browser::now()));
    let wait = (SLOW_MS - (browser::now_ms() - since as f64)).clamp(0.0, SLOW_MS);
    let slow = RwSignal::new(wait <= 0.0);
    let late = set_timeout_with_handle(
        move || {
            let _ = slow.try_set(true);
        },
        Duration::from_millis(wait as u64),
    );
    on_cleanup(move || {
        if let Ok(late) = late {
            late.clear();
        }
    });
    let refused = move || {
        failed().map(|why| {
            let what = chat::not_sent(&why);
            view! { <Refused cid=name.get_value() what /> }
        })
    };
    let label = if opens { chat::own_at(&clock, &text) } else { chat::own_now(&text) };
    view! {
        <div
            class="message pending"
            class:opens=opens
            class:failed=move || failed().is_some()
            role="article"
            aria-label=label
            tabindex="-1"
            data-testid="message"
            data-state=move || if failed().is_some() { "failed" } else { "sending" }
        >
            <div class="gutter">{opens.then(|| view! { <Avatar id=me /> })}</div>
            <div class="content">
                {opens.then(|| view! { <Head author=me clock=clock.clone() full=clock.clone() /> })}
                {reply_to.map(|quoted| view! { <Quote conversation=shared.conversation seq=quoted /> })}
                <div class="body" data-testid="message-body" dir="auto">
                    <span class="said">{body(&text, None, me)}</span>
                </div>
                <Show when=move || slow.get() && failed().is_none()>
                    <div class="on-its-way" data-testid="sending">
                        <Icon path=CLOCK />
                        <span>{chat::sending()}</span>
                    </div>
                </Show>
                {refused}
            </div>
        </div>
    }
}
