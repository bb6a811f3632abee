//! The message composer. Enter sends, Shift+Enter starts a new line; the text is kept until it is sent.

use leptos::prelude::*;
use parlour_protocol::limits;

use crate::browser;
use crate::components::avatar::Name;
use crate::components::composing::Composing;
use crate::components::mention_offers::{MentionOffers, Offers};
use crate::components::message_parts::excerpt;
use crate::components::row_context::{Mode, RowContext};
use crate::icons::{CLOSE, Icon, PENCIL, REPLY, SEND};
use crate::state::bidi;
use crate::state::people;
use crate::state::writing::{over, written};
use crate::texts::chat;

/// The remaining characters are shown above this length.
const NEAR_LIMIT: usize = limits::MESSAGE - 300;

/// The composer of a conversation.
#[component]
pub(crate) fn Composer(#[prop(into)] title: Signal<String>, row: RowContext) -> impl IntoView {
    let composing = Composing::new(row);
    let offers = Offers::new(composing);
    let open = move || offers.open();
    let on_input = move |event| {
        composing.typed(event_target_value(&event));
        offers.typed();
    };
    let on_key = move |event: web_sys::KeyboardEvent| {
        if let Some(key) = browser::key(&event)
            && (offers.key(&key) || composing.key(&key, &event))
        {
            event.prevent_default();
        }
    };
    view! {
        <form
            class="composer"
            on:submit=move |event| {
                event.prevent_default();
                composing.submit();
            }
        >
            <MentionOffers offers />
            <Purpose row />
            <Counter text=composing.text />
            <div class="composer-box">
                <textarea
                    id="composer"
                    node_ref=composing.node
                    class="composer-text"
                    data-testid="composer"
                    rows="1"
                    dir="auto"
                    role=move || open().then_some("combobox")
                    aria-autocomplete=move || open().then_some("list")
                    aria-haspopup=move || open().then_some("listbox")
                    aria-expanded=move || open().then_some("true")
                    aria-controls=move || open().then_some("mention-offers")
                    aria-activedescendant=move || offers.active()
                    aria-label=move || chat::message_to(&bidi::isolated(&title.get()))
                    placeholder=move || chat::message_placeholder(&bidi::isolated(&title.get()))
                    on:input=on_input
                    on:keydown=on_key
                    on:keyup=move |_| composing.note_caret()
                    on:click=move |_| composing.note_caret()
                ></textarea>
                <button
                    type="submit"
                    class="send"
                    data-testid="send"
                    aria-label=chat::send()
                    title=chat::send_key()
                    disabled=move || composing.text.with(|text| written(text).is_empty())
                    on:mousedown=move |event| event.prevent_default()
                >
                    <Icon path=SEND />
                </button>
            </div>
        </form>
    }
}

/// The message that is being replied to, or that a message is being edited.
#[component]
fn Purpose(row: RowContext) -> impl IntoView {
    let (context, id) = (row.context, row.conversation);
    move || {
        let (icon, text, answered) = match row.mode.get() {
            Mode::New => return None,
            Mode::Reply(seq) => {
                // When a draft is restored, the message may not be loaded yet.
                let answered = context.open.quoted(seq, move |seqs| context.read_quoted(id, seqs));
                let known = answered.get();
                let words = known.as_ref().map(excerpt).unwrap_or_default();
                (REPLY, chat::replying_to(), known.map(|message| (message.author, words)))
            }
            Mode::Edit(_) => (PENCIL, chat::editing(), None),
        };
        let answered = answered.map(|(id, words)| {
            view! {
                <strong>
                    <Name id />
                </strong>
                " "
                <bdi class="soft" data-testid="replying-to" prop:textContent=words></bdi>
            }
        });
        Some(view! {
            <div class="composer-mode">
                <Icon path=icon />
                <span class="grow clip">{text} {answered}</span>
                <button
                    type="button"
                    class="icon-button small"
                    aria-label=chat::cancel_key()
                    on:click=move |_| row.mode.set(Mode::New)
                >
                    <Icon path=CLOSE />
                </button>
            </div>
        })
    }
}

/// The number of characters left, near the limit.
#[component]
fn Counter(text: RwSignal<String>) -> impl IntoView {
    move || {
        let count = text.with(|text| text.chars().count());
        (count > NEAR_LIMIT).then(|| {
            let left = limits::MESSAGE as i64 - count as i64;
            let told = over(count).unwrap_or_else(|| people::number(left));
            view! { <span class="composer-counter" class:bad={left < 0} data-testid="counter">{told}</span> }
        })
    }
}
