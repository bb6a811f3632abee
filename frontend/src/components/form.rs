//! Form fields that state their rule in advance, validate on blur, and clear the error as soon as the rule is met. What
//! is typed survives a reload and going back, except for passwords and codes.

use std::time::Duration;

use leptos::prelude::*;
use parlour_protocol::ids::UserId;

use crate::browser;
use crate::context::context;
use crate::icons::{EYE, EYE_OFF, Icon};
use crate::state::typed::Typed;
use crate::texts::auth;

/// Debounce for storing a field. Browsers limit how often the history entry may be changed.
const NOTED_AFTER: Duration = Duration::from_millis(250);

/// A validation rule: returns what is wrong with a text.
pub(crate) type Rule = fn(&str) -> Result<(), String>;

/// The value of a field and its validation error.
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

    /// Validates the field and shows the error. Returns whether it is valid.
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

    /// The text without the spaces around it, if there is any.
    pub(crate) fn trimmed(&self) -> Option<String> {
        Some(self.text().trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// Handles the user having changed the text. An error disappears as soon as the rule is met.
    fn typed(&self, text: String) {
        self.value.set(text);
        if self.error.try_with_untracked(Option::is_some) == Some(true) {
            self.check();
        }
    }

    /// Handles the focus having left the field.
    fn left(&self) {
        // A focused field that is removed gets a blur event, too; its signals are disposed by then.
        if self.value.try_with_untracked(|value| !value.is_empty()) == Some(true) {
            self.check();
        }
    }

    /// Focuses this field.
    pub(crate) fn focus(&self) {
        browser::focus(&format!("field-{}", self.name));
    }

    /// Clears a field of a completed form, so that its text does not come back when the form is opened again. `owner`
    /// is the user who typed it.
    pub(crate) fn forget(&self, owner: UserId) {
        let _ = self.value.try_set(String::new());
        let mut typed = Typed::read(browser::entry_note().as_deref(), owner);
        if typed.note(self.name, None) {
            browser::note_entry(typed.write(owner).as_deref());
        }
    }

    /// Focuses this field on a page that has just opened, unless the device has a touch screen, where the on-screen
    /// keyboard would cover half the page.
    pub(crate) fn focus_first(&self) {
        let input = *self;
        request_animation_frame(move || {
            if !browser::touched() {
                input.focus();
            }
        });
    }

    /// Restores what was typed here before a reload or a navigation back, and stores further input. Returns a function
    /// that stores the field immediately.
    fn outlive(&self) -> impl Fn() + Copy + Send + Sync + 'static {
        let (input, owner) = (*self, context().session.me());
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

/// Validates all fields and focuses the first invalid one. Returns whether all are valid.
pub(crate) fn check_all(inputs: &[Input]) -> bool {
    let wrong: Vec<&Input> = inputs.iter().filter(|input| !input.check()).collect();
    if let Some(first) = wrong.first() {
        first.focus();
    }
    wrong.is_empty()
}

/// A labelled input, or a textarea if `lines` is not 0.
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
    let on_blur = move |_| {
        if let Some(keep) = keep {
            keep();
        }
        input.left();
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
                on:input:target=move |event| input.typed(event.target().value())
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
                on:input:target=move |event| input.typed(event.target().value())
                on:blur=on_blur
            />
        }
        .into_any()
    };
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <div class="field-control">{control} {secret.then(|| view! { <Eye shown controls=id /> })}</div>
            <p id=note class="field-note" class:bad=move || input.error.with(Option::is_some) aria-live="polite">
                {move || input.error.get().unwrap_or_else(|| hint.to_owned())}
            </p>
        </div>
    }
}

/// The button that shows a password.
#[component]
fn Eye(shown: RwSignal<bool>, controls: String) -> impl IntoView {
    view! {
        <button
            type="button"
            class="icon-button small field-eye"
            aria-label=move || if shown.get() { auth::hide_password() } else { auth::show_password() }
            aria-pressed=move || shown.get().to_string()
            aria-controls=controls
            on:click=move |_| shown.update(|shown| *shown = !*shown)
        >
            {move || view! { <Icon path=if shown.get() { EYE_OFF } else { EYE } /> }}
        </button>
    }
}

/// The submit button of a form; busy while the answer is pending.
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
