//! The messages of the open conversation. Scrolling up loads older ones without a jump; at the end the view follows new
//! messages.
//!
//! Invariant: each day is its own section, so that its heading stays in view exactly as long as its messages do.

use leptos::prelude::*;
use parlour_protocol::ids::ConversationId;

use crate::components::menu::MessageMenu;
use crate::components::message::row;
use crate::components::roving::Roving;
use crate::components::row_context::RowContext;
use crate::components::states::{Failed, Skeleton};
use crate::components::timeline_view::View;
use crate::components::touch::Touch;
use crate::context::context;
use crate::icons::{DOWN, Icon};
use crate::state::rows::DayKey;
use crate::stores::open_conversation::Stage;
use crate::texts::{chat, common};

/// The timeline of the open conversation; `view` is its state.
#[component]
pub(crate) fn Timeline(view: View) -> impl IntoView {
    let context = context();
    let (open, shared) = (context.open, view.shared);
    let roving = Roving::new(view);
    let touch = Touch::new(shared);
    view.follow();
    roving.watch();
    let stage = move || match open.stage.get() {
        Stage::Loading => view! { <Skeleton rows=7 /> }.into_any(),
        Stage::Failed(failure) => {
            view! { <Failed failure retry=Callback::new(move |()| context.open_what_is_owed()) /> }.into_any()
        }
        Stage::Ready => ().into_any(),
    };
    let day = move |key: DayKey| {
        let rows = open.rows_of(key);
        view! {
            <section class="day-rows">
                <For each=move || rows.get() key=Clone::clone let:one>
                    {row(one, shared)}
                </For>
            </section>
        }
    };
    view! {
        <div class="timeline-place">
            <div
                node_ref=view.node
                class="timeline"
                tabindex=move || if roving.inside.get() { "-1" } else { "0" }
                role="region"
                aria-label=chat::messages()
                data-testid="timeline"
                on:scroll=move |_| view.scrolled()
                on:keydown=move |event| {
                    if roving.key(&event) {
                        event.prevent_default();
                    }
                }
                on:focusin=move |event| roving.focused(&event)
                on:focusout=move |_| roving.blurred()
                on:pointerdown=move |event| touch.down(&event)
                on:pointermove=move |event| touch.moved(&event)
                on:pointerup=move |event| touch.up(&event)
                on:pointercancel=move |_| touch.cancelled()
                on:click=move |event| touch.clicked(&event)
                on:pointerleave=move |event| {
                    if event.pointer_type() != "touch" && shared.menu.try_get_untracked() == Some(None) {
                        shared.active.set(None);
                    }
                }
            >
                {stage}
                // Hidden while empty: otherwise filling it and scrolling to the end would count as a layout shift.
                <div class="timeline-rows" hidden=move || open.stage.get() == Stage::Loading>
                    <div class="timeline-edge">
                        <Show when=move || open.older.get() && open.stage.get() == Stage::Ready>
                            <Edge view />
                        </Show>
                    </div>
                    <For each=move || open.days.get() key=|key| *key children=day />
                </div>
            </div>
            <Pill view />
            <MessageMenu row=shared />
        </div>
    }
}

/// What is shown above the first loaded message while older ones are loading, or if they could not be loaded.
#[component]
fn Edge(view: View) -> impl IntoView {
    move || {
        if !view.stuck.get() {
            return view! { <div aria-hidden="true"><Skeleton rows=3 /></div> }.into_any();
        }
        view! {
            <div class="stuck" role="status">
                <span>{chat::load_failed()}</span>
                <button type="button" class="link-button" on:click=move |_| view.try_again()>
                    {common::try_again()}
                </button>
            </div>
        }
        .into_any()
    }
}

/// The button that leads to the end, with the number of new messages there.
#[component]
fn Pill(view: View) -> impl IntoView {
    let open = context().open;
    move || {
        let away = !open.at_bottom.get() && open.stage.get() == Stage::Ready;
        let fresh = open.fresh.with(Vec::len);
        away.then(|| {
            let text = match fresh {
                0 => chat::latest().to_owned(),
                _ => chat::new_messages(fresh as i64),
            };
            view! {
                <button
                    type="button"
                    class="pill"
                    class:loud=fresh != 0
                    data-testid="new-messages-pill"
                    on:click=move |_| view.go_to_end()
                >
                    <Icon path=DOWN />
                    {text}
                </button>
            }
        })
    }
}

/// The view state for a conversation's timeline.
pub(crate) fn timeline_view(id: ConversationId, shared: RowContext) -> View {
    View::new(shared.context, id, shared)
}
