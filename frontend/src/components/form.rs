//! Form fields that say their rule before it is broken, check it when one leaves the field, and forgive as
//! soon as it is kept. What is typed into them outlives a reload and the way back, but for passwords and codes.

use std::time::Duration;

use leptos::prelude::*;
use parlour_protocol::ids::UserId;

use crate::browser;
use crate::context::context;
use crate::icons::{EYE, EYE_OFF, Icon};
use crate::state::typed::Typed;
use crate::texts::auth;

/// How long after the last letter a field is noted. Browsers refuse to note more than a few times a second.
const NOTED_AFTER: Duration = Duration::from_millis(250);

/// A rule: what is wrong with a text.
pub(crate) type Rule = fn(&str) -> Result<(), String>;

/// The value of a field, and what is wrong with it.
#[derive(Clone, Copy)]
pub(crate) struct Input {
    pub(crate) value: RwSignal<String>,
    pub(crate) error: RwSignal<Option<String>>,
    name: &'static str,
    rule: Rule,
}

impl Input {
    /// An empty field.
    pub(crate) fn new(name: &'static str, rule: Rule) -> Self {
        Self { value: RwSignal::new(String::new()), error: RwSignal::new(None), name, rule }
    }

    /// Checks the rule and says what is wrong. True when nothing is.
    pub(crate) fn check(&self) -> bool {
        let outcome = self.value.with_untracked(|value| (self.rule)(value));
        let good = outcome.is_ok();
        self.error.set(outcome.err());
        good
    }

    /// The text.
    pub(crate) fn text(&self) -> String {
        self.value.get_untracked()
    }

    /// Gives the keyboard to this field.
    pub(crate) fn focus(&self) {
        browser::focus(&format!("field-{}", self.name));
    }

    /// Empties a field of a form that is done, so that nothing of it comes back when that is opened once more. `owner` is
    /// who typed it.
    pub(crate) fn forget(&self, owner: UserId) {
        let _ = self.value.try_set(String::new());
        let mut typed = Typed::read(browser::entry_note().as_deref(), owner);
        if typed.note(self.name, None) {
            browser::note_entry(typed.write(owner).as_deref());
        }
    }

    /// Gives the keyboard to this field of a page that has just opened, where that does not cover half of the screen
    /// with the keys of a touch screen.
    pub(crate) fn focus_first(&self) {
        let input = *self;
        request_animation_frame(move || {
            if !browser::touched() {
                input.focus();
            }
        });
    }

    /// Shows what was typed here before a reload or on the way back, and keeps what is typed from now on. Gives what
    /// notes it at once.
    fn outlive(&self) -> impl Fn() + Copy + Send + Sync + 'static {
        let (context, input) = (context(), *self);
        let owner = context.me();
        let first = input.value.get_untracked();
        if let Some(text) = Typed::read(browser::entry_note().as_deref(), owner).field(input.name) {
            input.value.set(text.to_owned());
        }
        let first = StoredValue::new(first);
        let note = move || {
            let Some(now) = input.value.try_get_untracked() else { return };
            let new = first.try_with_value(|first| now != *first).unwrap_or_default();
            let mut typed = Typed::read(browser::entry_note().as_deref(), owner);
            if typed.note(input.name, new.then_some(now.as_str())) {
                browser::note_entry(typed.write(owner).as_deref());
            }
        };
        let timer: StoredValue<Option<TimeoutHandle>> = StoredValue::new(None);
        let wait = move |then: Option<TimeoutHandle>| {
            if let Some(Some(old)) = timer.try_update_value(|timer| std::mem::replace(timer, then)) {
                old.clear();
            }
        };
        Effect::new(move |before: Option<()>| {
            input.value.track();
            if before.is_some() {
                wait(set_timeout_with_handle(note, NOTED_AFTER).ok());
            }
        });
        let leaving = window_event_listener_untyped("pagehide", move |_| note());
        on_cleanup(move || {
            wait(None);
            leaving.remove();
        });
        note
    }
}

/// Checks all fields and gives the keyboard to the first one that is wrong. True when none is.
pub(crate) fn check_all(inputs: &[Input]) -> bool {
    let wrong: Vec<&Input> = inputs.iter().filter(|input| !input.check()).collect();
    if let Some(first) = wrong.first() {
        first.focus();
    }
    wrong.is_empty()
}

/// A labelled field of one line, or of several.
#[component]
pub(crate) fn Field(
    input: Input,
    label: &'static str,
    #[prop(default = "")] hint: &'static str,
    #[prop(default = "text")] kind: &'static str,
    #[prop(default = "off")] autocomplete: &'static str,
    #[prop(default = "")] placeholder: &'static str,
    #[prop(default = 0)] lines: u32,
) -> impl IntoView {
    let id = format!("field-{}", input.name);
    let note = format!("note-{}", input.name);
    let secret = kind == "password";
    let kept = !secret && !matches!(autocomplete, "one-time-code" | "current-password");
    let keep = kept.then(|| input.outlive());
    let shown = RwSignal::new(false);
    let on_input = move |value: String| {
        input.value.set(value);
        if input.error.try_with_untracked(Option::is_some) == Some(true) {
            input.check();
        }
    };
    let on_blur = move |_| {
        if let Some(keep) = keep {
            keep();
        }
        // A field that goes away with the focus in it is left, too; its signals are gone by then.
        if input.value.try_with_untracked(|value| !value.is_empty()) == Some(true) {
            input.check();
        }
    };
    let invalid = move || input.error.with(Option::is_some).then_some("true");
    let control = if lines > 0 {
        view! {
            <textarea
                id=id.clone()
                name=input.name
                class="input"
                rows=lines
                placeholder=placeholder
                dir="auto"
                aria-describedby=note.clone()
                aria-invalid=invalid
                prop:value=move || input.value.get()
                on:input:target=move |event| on_input(event.target().value())
                on:blur=on_blur
            ></textarea>
        }
        .into_any()
    } else {
        view! {
            <input
                id=id.clone()
                name=input.name
                class="input"
                type=move || if shown.get() { "text" } else { kind }
                autocomplete=autocomplete
                placeholder=placeholder
                dir=(kind == "text").then_some("auto")
                autocapitalize="none"
                spellcheck="false"
                aria-describedby=note.clone()
                aria-invalid=invalid
                prop:value=move || input.value.get()
                on:input:target=move |event| on_input(event.target().value())
                on:blur=on_blur
            />
        }
        .into_any()
    };
    let eye = secret.then(|| {
        view! {
            <button
                type="button"
                class="icon-button small field-eye"
                aria-label=move || if shown.get() { auth::hide_password() } else { auth::show_password() }
                aria-pressed=move || shown.get().to_string()
                aria-controls=id.clone()
                on:click=move |_| shown.update(|shown| *shown = !*shown)
            >
                {move || view! { <Icon path=if shown.get() { EYE_OFF } else { EYE } /> }}
            </button>
        }
    });
    view! {
        <div class="field">
            <label for=id>{label}</label>
            <div class="field-control">{control} {eye}</div>
            <p id=note class="field-note" class:bad=move || input.error.with(Option::is_some) aria-live="polite">
                {move || input.error.get().unwrap_or_else(|| hint.to_owned())}
            </p>
        </div>
    }
}

/// The button that submits a form; it waits while the answer is on its way.
#[component]
pub(crate) fn Submit(
    label: &'static str,
    #[prop(into)] busy: Signal<bool>,
    #[prop(default = "")] testid: &'static str,
    #[prop(default = false)] wide: bool,
) -> impl IntoView {
    view! {
        <button
            type="submit"
            class="button primary"
            class:wide=wide
            class:busy=move || busy.get()
            disabled=move || busy.get()
            data-testid=testid
        >
            {label}
        </button>
    }
}
