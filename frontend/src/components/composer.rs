//! Where messages are written. Enter sends, Shift+Enter breaks; what one has written stays until it is sent.

use leptos::html;
use leptos::prelude::*;
use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::text::mention_at;
use parlour_protocol::validation;
use parlour_protocol::{characters, limits};

use crate::browser;
use crate::components::avatar::{Avatar, Name};
use crate::context::context;
use crate::icons::{CLOSE, Icon, PENCIL, REPLY, SEND};
use crate::state::text::from_utf16;

/// What is being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A message.
    New,
    /// An answer to a message.
    Reply(Seq),
    /// A message's new text.
    Edit(Seq),
}

/// Tallest composer, in pixels: ten lines and the padding.
const TALLEST: i32 = 244;
/// From here on the remaining characters are shown.
const NEAR_LIMIT: usize = limits::MESSAGE - 300;
/// One is said to be typing at most this often, in milliseconds.
const TYPING_EVERY: f64 = 3_000.0;

/// What is sent of a text: without blank lines before it and blanks after it. Nothing when nothing of it is seen.
fn written(text: &str) -> &str {
    if !characters::can_be_seen(text) {
        return "";
    }
    let text = text.trim_end();
    // A first line of blanks only is no line.
    let blank = text.split_inclusive('\n').take_while(|line| line.trim().is_empty()).map(str::len).sum();
    text.get(blank..).unwrap_or_default()
}

fn fit(area: &web_sys::HtmlTextAreaElement) {
    let style = web_sys::HtmlElement::style(area);
    let _ = style.set_property("height", "auto");
    let height = area.scroll_height().min(TALLEST);
    let _ = style.set_property("height", &format!("{height}px"));
}

/// The composer of a conversation.
#[component]
pub(crate) fn Composer(
    id: ConversationId,
    #[prop(into)] title: Signal<String>,
    mode: RwSignal<Mode>,
) -> impl IntoView {
    let context = context();
    let draft_key = format!("draft.{id}");
    let text = RwSignal::new(browser::stored(true, &draft_key).unwrap_or_default());
    let node = NodeRef::<html::Textarea>::new();
    let caret = RwSignal::new(0_usize);
    let picked = RwSignal::new(0_usize);
    let dismissed = RwSignal::new(false);
    let last_typing = StoredValue::new(0.0_f64);
    let draft_key = StoredValue::new(draft_key);

    Effect::new(move |_| {
        let text = text.get();
        if let Some(area) = node.get() {
            if area.value() != text {
                area.set_value(&text);
            }
            fit(&area);
        }
    });
    // A message that is edited takes the place of the draft, which comes back afterwards.
    Effect::new(move |before: Option<Mode>| {
        let now = mode.get();
        match (before, now) {
            (before, Mode::Edit(seq)) if before != Some(now) => {
                let body = context.open.message(seq).and_then(|message| message.get_untracked().body);
                text.set(body.unwrap_or_default());
            }
            (Some(Mode::Edit(_)), _) => {
                text.set(draft_key.with_value(|key| browser::stored(true, key)).unwrap_or_default());
            }
            _ => {}
        }
        now
    });
    Effect::new(move |_| {
        if node.get().is_some() && !browser::narrow() {
            browser::focus("composer");
        }
    });

    let candidates = Memo::new(move |_| {
        let caret = caret.get();
        let word = text.with(|text| mention_at(text, caret));
        match word {
            Some((_, word)) if !dismissed.get() => context.people_like(&word),
            _ => Vec::new(),
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
    let remember = move |value: &str| {
        if !matches!(mode.get_untracked(), Mode::Edit(_)) {
            let kept = (!value.trim().is_empty()).then_some(value);
            draft_key.with_value(|key| browser::store(true, key, kept));
        }
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
        remember(&value);
        text.set(value);
        dismissed.set(false);
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
    let submit = move || {
        // The end is nobody's intention; how a text begins is part of it, above all with code.
        let body = written(&text.get_untracked()).to_owned();
        match mode.get_untracked() {
            Mode::Edit(seq) => {
                if body.is_empty() {
                    return;
                }
                let old = context.open.message(seq).and_then(|message| message.get_untracked().body);
                if let Err(why) = validation::message(&body) {
                    context.toast(why, true);
                    return;
                }
                if old.as_ref() != Some(&body) {
                    context.attempt(async move { context.api.edit_message(id, seq, body).await }, |_| {});
                }
                mode.set(Mode::New);
            }
            now => {
                if body.is_empty() {
                    return;
                }
                if let Err(why) = validation::message(&body) {
                    context.toast(why, true);
                    return;
                }
                let reply_to = if let Mode::Reply(seq) = now { Some(seq) } else { None };
                text.set(String::new());
                remember("");
                mode.set(Mode::New);
                last_typing.set_value(0.0);
                context.open.at_bottom.set(true);
                if context.open.newer.get_untracked() {
                    context.open_at(id, crate::api::calls::Place::Newest);
                }
                context.write(id, body, reply_to);
            }
        }
        browser::focus("composer");
    };
    let on_key = move |event: web_sys::KeyboardEvent| {
        if event.is_composing() || event.key_code() == 229 {
            return;
        }
        let count = candidates.with_untracked(Vec::len);
        match event.key().as_str() {
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
                let breaks = context.enter_breaks.get_untracked();
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
                if let Some(last) = context.open.last_own(context.me()) {
                    event.prevent_default();
                    mode.set(Mode::Edit(last.seq));
                }
            }
            _ => {}
        }
    };
    let about = move || {
        let (icon, text, author) = match mode.get() {
            Mode::New => return None,
            Mode::Reply(seq) => {
                let author =
                    context.open.message(seq).map(|message| message.with_untracked(|message| message.author));
                (REPLY, "Replying to ", author)
            }
            Mode::Edit(_) => (PENCIL, "Editing your message", None),
        };
        Some(view! {
            <div class="composer-mode">
                <Icon path=icon />
                <span class="grow">{text} {author.map(|id| view! { <strong><Name id /></strong> })}</span>
                <button
                    type="button"
                    class="icon-button small"
                    aria-label="Cancel (Esc)"
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
            view! { <span class="composer-counter" class:bad={left < 0}>{left}</span> }
        })
    };
    let offers = move || {
        let found = candidates.get();
        (!found.is_empty()).then(|| {
            let offer = move |(index, (user, handle)): (usize, (UserId, String))| {
                let shown = format!("@{handle}");
                view! {
                    <button
                        type="button"
                        class="offer"
                        class:picked=move || picked.get() == index
                        on:mousedown=move |event| {
                            event.prevent_default();
                            complete(&handle);
                        }
                    >
                        <Avatar id=user size="s" />
                        <Name id=user />
                        <span class="soft">{shown}</span>
                    </button>
                }
            };
            view! { <div class="offers">{found.into_iter().enumerate().map(offer).collect_view()}</div> }
        })
    };
    view! {
        <form
            class="composer"
            on:submit=move |event| {
                event.prevent_default();
                submit();
            }
        >
            {offers}
            {about}
            <div class="composer-box">
                <textarea
                    id="composer"
                    node_ref=node
                    class="composer-text"
                    data-testid="composer"
                    rows="1"
                    dir="auto"
                    aria-label=move || format!("Message to {}", title.get())
                    placeholder=move || format!("Message {}", title.get())
                    on:input=move |event| on_input(event_target_value(&event))
                    on:keydown=on_key
                    on:keyup=move |_| note_caret()
                    on:click=move |_| note_caret()
                ></textarea>
                {counter}
                <button
                    type="submit"
                    class="send"
                    data-testid="send"
                    aria-label="Send"
                    title="Send (Enter)"
                    disabled=move || text.with(|text| written(text).is_empty())
                    on:mousedown=move |event| event.prevent_default()
                >
                    <Icon path=SEND />
                </button>
            </div>
        </form>
    }
}

#[cfg(test)]
mod tests {
    use super::written;

    #[test]
    fn a_text_keeps_the_spaces_that_it_begins_with() {
        for (text, sent) in [
            ("    let x;\n    let y;", "    let x;\n    let y;"),
            ("\tx  \n", "\tx"),
            ("\n\n  x\n\n", "  x"),
            ("  \n  x", "  x"),
            ("  ", ""),
            ("\u{200B} \u{2800}", ""),
        ] {
            assert_eq!(written(text), sent, "{text:?}");
        }
    }
}
