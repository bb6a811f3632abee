//! The message composer. Enter sends, Shift+Enter starts a new line; the text is kept until it is sent.

use leptos::html;
use leptos::prelude::*;
use parlour_client::engine::Act;
use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::limits;
use parlour_protocol::text::mention_at;
use parlour_protocol::validation;
use wasm_bindgen::JsCast;

use crate::browser;
use crate::components::avatar::{Avatar, Name};
use crate::components::menu::delete;
use crate::components::message_parts::{RowContext, excerpt};
use crate::context::context;
use crate::effects::effect;
use crate::icons::{CLOSE, Icon, PENCIL, REPLY, SEND};
use crate::state::bidi;
use crate::state::drafts::Draft;
use crate::state::history::Place;
use crate::state::people;
use crate::state::text::from_utf16;
use crate::state::writing::{over, written};
use crate::storage::Life;
use crate::stores::open_conversation::Wish;
use crate::texts::chat;

/// What the composer is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A new message.
    New,
    /// A reply to the message at this position.
    Reply(Seq),
    /// A new text for the message at this position.
    Edit(Seq),
}

/// Maximum height in pixels: ten full lines and the padding; must match the style sheet.
const TALLEST: i32 = 234;
/// The remaining characters are shown above this length.
const NEAR_LIMIT: usize = limits::MESSAGE - 300;
/// Minimum interval between typing notifications, in milliseconds.
const TYPING_EVERY: f64 = 3_000.0;

/// Sets the field's height to that of its text. The field shrinks to one line for the measurement; its parent's height
/// is fixed meanwhile, because otherwise the timeline would shift and lose its scroll position at the end.
fn fit(area: &web_sys::HtmlTextAreaElement) {
    let style = web_sys::HtmlElement::style(area);
    let around = area.parent_element().and_then(|one| one.dyn_into::<web_sys::HtmlElement>().ok());
    if let Some(around) = &around {
        let _ = around.style().set_property("min-height", &format!("{}px", around.offset_height()));
    }
    let _ = style.set_property("height", "auto");
    let height = area.scroll_height().min(TALLEST);
    let _ = style.set_property("height", &format!("{height}px"));
    if let Some(around) = &around {
        let _ = around.style().remove_property("min-height");
    }
}

/// The composer of a conversation.
#[component]
pub(crate) fn Composer(
    id: ConversationId,
    #[prop(into)] title: Signal<String>,
    shared: RowContext,
) -> impl IntoView {
    let context = context();
    let mode = shared.mode;
    let draft_key = StoredValue::new(format!("draft.{id}"));
    let read_draft =
        move || Draft::read(draft_key.with_value(|key| context.preferences.kept(Life::Device, key)));
    // The draft that is restored after an edit.
    let draft = StoredValue::new(read_draft());
    let text = RwSignal::new(draft.with_value(|draft| draft.text.clone()));
    let node = NodeRef::<html::Textarea>::new();
    let caret = RwSignal::new(0_usize);
    let picked = RwSignal::new(0_usize);
    let dismissed = RwSignal::new(false);
    let last_typing = StoredValue::new(0.0_f64);
    draft.with_value(|draft| match (&draft.edit, draft.reply_to) {
        (Some((seq, changed)), _) => {
            text.set(changed.clone());
            mode.set(Mode::Edit(*seq));
        }
        (None, Some(seq)) => mode.set(Mode::Reply(seq)),
        (None, None) => {}
    });

    effect(move || {
        let text = text.get();
        if let Some(area) = node.get() {
            if area.value() != text {
                area.set_value(&text);
            }
            fit(&area);
        }
    });
    // This is the only place that stores the draft, whatever changed the text or the mode. While a message is edited
    // its text replaces the draft, which is restored afterwards.
    Effect::new(move |before: Option<Mode>| {
        let now = mode.get();
        let written = text.get();
        let edits = |mode: Option<Mode>| matches!(mode, Some(Mode::Edit(_)));
        if before.is_some() && before != Some(now) && (edits(before) || edits(Some(now))) {
            let next = match now {
                Mode::Edit(seq) => context.open.text_of(&context.outbox, seq),
                _ => draft.with_value(|draft| draft.text.clone()),
            };
            // This effect runs again with the new text and stores it then.
            text.set(next);
            return now;
        }
        draft.update_value(|draft| match now {
            Mode::New => *draft = Draft { text: written, ..Draft::default() },
            Mode::Reply(seq) => *draft = Draft { text: written, reply_to: Some(seq), edit: None },
            Mode::Edit(seq) => draft.edit = Some((seq, written)),
        });
        let kept = draft.with_value(Draft::write);
        draft_key.with_value(|key| context.preferences.keep(Life::Device, key, kept.as_deref()));
        now
    });
    effect(move || {
        if node.get().is_some() && !browser::narrow() {
            browser::focus("composer");
        }
    });

    let word = Memo::new(move |_| {
        let caret = caret.get();
        text.with(|text| mention_at(text, caret)).filter(|_| !dismissed.get()).map(|(_, word)| word)
    });
    let candidates =
        Memo::new(move |_| word.get().map(|word| context.people_like(id, &word)).unwrap_or_default());
    effect(move || {
        // Members who have not written anything yet are offered, too.
        if let Some(word) = word.get() {
            context.find_members(id, word);
        }
    });
    let complete = move |handle: &str| {
        let at = caret.get_untracked();
        let Some((start, _)) = text.with_untracked(|text| mention_at(text, at)) else { return };
        let new_caret = text
            .try_update(|text| {
                text.replace_range(start..at, &format!("@{handle} "));
                let end = start + handle.len() + 2;
                text.get(..end).map_or(0, |before| before.encode_utf16().count())
            })
            .unwrap_or(0);
        if let Some(area) = node.get_untracked() {
            text.with_untracked(|text| area.set_value(text));
            let _ = area.set_selection_range(new_caret as u32, new_caret as u32);
            let _ = area.focus();
        }
        caret.set(start + handle.len() + 2);
        picked.set(0);
    };
    let note_caret = move || {
        if let Some(area) = node.get_untracked() {
            let units = area.selection_start().ok().flatten().unwrap_or(0) as usize;
            let at = text.with_untracked(|text| from_utf16(text, units));
            if caret.get_untracked() != at {
                caret.set(at);
            }
        }
    };
    let on_input = move |value: String| {
        text.set(value);
        dismissed.set(false);
        picked.set(0);
        note_caret();
        let now = browser::now_ms();
        if mode.get_untracked() == Mode::New
            && text.with_untracked(|text| !text.is_empty())
            && now - last_typing.get_value() > TYPING_EVERY
        {
            last_typing.set_value(now);
            context.say_typing(id);
        }
    };
    let too_long = move |body: &str| {
        let refused = validation::message(body).err();
        if let Some(why) = refused.clone() {
            context.ui.toast(over(body.chars().count()).unwrap_or_else(|| why.to_string()), true);
        }
        refused.is_some()
    };
    let submit = move || {
        // Trailing whitespace is never intended; leading whitespace belongs to the text, especially with code.
        let body = written(&text.get_untracked()).to_owned();
        match mode.get_untracked() {
            Mode::Edit(seq) => {
                if body.is_empty() {
                    // An edit that removes all text deletes the message.
                    delete(shared, seq);
                    return;
                }
                if too_long(&body) {
                    return;
                }
                if context.open.text_of(&context.outbox, seq) != body {
                    context.act(id, Act::Edit { seq, body });
                }
                mode.set(Mode::New);
            }
            now => {
                if body.is_empty() {
                    return;
                }
                if too_long(&body) {
                    return;
                }
                let reply_to = if let Mode::Reply(seq) = now { Some(seq) } else { None };
                text.set(String::new());
                mode.set(Mode::New);
                // The others no longer show the typing indicator, and the server accepts a new notification.
                last_typing.set_value(0.0);
                context.open.at_bottom.set(true);
                if context.open.newer.get_untracked() {
                    context.open_at(id, Place::Newest, Wish::End);
                }
                context.write(id, body, reply_to);
            }
        }
        browser::focus("composer");
    };
    let on_key = move |event: web_sys::KeyboardEvent| {
        let Some(key) = browser::key(&event) else { return };
        let count = candidates.with_untracked(Vec::len);
        match key.as_str() {
            "ArrowDown" if count > 0 => {
                event.prevent_default();
                picked.update(|at| *at = (*at + 1) % count);
            }
            "ArrowUp" if count > 0 => {
                event.prevent_default();
                picked.update(|at| *at = (*at + count - 1) % count);
            }
            "Enter" | "Tab" if count > 0 => {
                event.prevent_default();
                let chosen = candidates.with_untracked(|found| found.get(picked.get_untracked()).cloned());
                if let Some((_, handle)) =
                    chosen.or_else(|| candidates.with_untracked(|found| found.first().cloned()))
                {
                    complete(&handle);
                }
            }
            "Escape" if count > 0 => {
                event.prevent_default();
                dismissed.set(true);
            }
            "Escape" if mode.get_untracked() != Mode::New => {
                event.prevent_default();
                mode.set(Mode::New);
            }
            "Enter" => {
                let breaks = context.preferences.enter_breaks.get_untracked();
                let sends = if breaks {
                    event.ctrl_key() || event.meta_key() || event.shift_key()
                } else {
                    !event.shift_key()
                };
                if sends {
                    event.prevent_default();
                    submit();
                }
            }
            "ArrowUp" if text.with_untracked(String::is_empty) => {
                if let Some(last) = context.open.last_own() {
                    event.prevent_default();
                    mode.set(Mode::Edit(last.seq));
                }
            }
            _ => {}
        }
    };
    let about = move || {
        let (icon, text, answered) = match mode.get() {
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
        Some(view! {
            <div class="composer-mode">
                <Icon path=icon />
                <span class="grow clip">
                    {text}
                    {answered
                        .map(|(id, words)| {
                            view! {
                                <strong>
                                    <Name id />
                                </strong>
                                " "
                                <bdi class="soft" data-testid="replying-to" prop:textContent=words></bdi>
                            }
                        })}
                </span>
                <button
                    type="button"
                    class="icon-button small"
                    aria-label=chat::cancel_key()
                    on:click=move |_| mode.set(Mode::New)
                >
                    <Icon path=CLOSE />
                </button>
            </div>
        })
    };
    let counter = move || {
        let count = text.with(|text| text.chars().count());
        (count > NEAR_LIMIT).then(|| {
            let left = limits::MESSAGE as i64 - count as i64;
            let told = over(count).unwrap_or_else(|| people::number(left));
            view! { <span class="composer-counter" class:bad={left < 0} data-testid="counter">{told}</span> }
        })
    };
    let offers = move || {
        let found = candidates.get();
        (!found.is_empty()).then(|| {
            let offer = move |(index, (user, handle)): (usize, (UserId, String))| {
                let shown = format!("@{handle}");
                view! {
                    <li
                        id=format!("mention-offer-{index}")
                        class="offer"
                        role="option"
                        data-testid="mention-offer"
                        class:picked=move || picked.get() == index
                        aria-selected=move || (picked.get() == index).to_string()
                        on:mousedown=move |event| {
                            event.prevent_default();
                            complete(&handle);
                        }
                    >
                        <Avatar id=user size="s" />
                        <Name id=user />
                        <bdi class="soft">{shown}</bdi>
                    </li>
                }
            };
            view! {
                <ul id="mention-offers" class="offers" role="listbox" aria-label=chat::people_to_mention()>
                    {found.into_iter().enumerate().map(offer).collect_view()}
                </ul>
            }
        })
    };
    let offered = Memo::new(move |_| candidates.with(Vec::len));
    let told = move || match offered.get() {
        0 => String::new(),
        count => chat::mention_status(count as i64),
    };
    let open = move || offered.get() > 0;
    view! {
        <form
            class="composer"
            on:submit=move |event| {
                event.prevent_default();
                submit();
            }
        >
            {offers}
            <div class="visually-hidden" role="status" data-testid="mention-status">
                {told}
            </div>
            {about}
            {counter}
            <div class="composer-box">
                <textarea
                    id="composer"
                    node_ref=node
                    class="composer-text"
                    data-testid="composer"
                    rows="1"
                    dir="auto"
                    role=move || open().then_some("combobox")
                    aria-autocomplete=move || open().then_some("list")
                    aria-haspopup=move || open().then_some("listbox")
                    aria-expanded=move || open().then_some("true")
                    aria-controls=move || open().then_some("mention-offers")
                    aria-activedescendant=move || open().then(|| format!("mention-offer-{}", picked.get()))
                    aria-label=move || chat::message_to(&bidi::isolated(&title.get()))
                    placeholder=move || chat::message_placeholder(&bidi::isolated(&title.get()))
                    on:input=move |event| on_input(event_target_value(&event))
                    on:keydown=on_key
                    on:keyup=move |_| note_caret()
                    on:click=move |_| note_caret()
                ></textarea>
                <button
                    type="submit"
                    class="send"
                    data-testid="send"
                    aria-label=chat::send()
                    title=chat::send_key()
                    disabled=move || text.with(|text| written(text).is_empty())
                    on:mousedown=move |event| event.prevent_default()
                >
                    <Icon path=SEND />
                </button>
            </div>
        </form>
    }
}
