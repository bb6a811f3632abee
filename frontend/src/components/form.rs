//! Form fields that say their rule before it is broken, check it when one leaves the field, and forgive as
//! soon as it is kept.

use leptos::prelude::*;

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
        crate::browser::focus(&format!("field-{}", self.name));
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
    let on_input = move |value: String| {
        input.value.set(value);
        if input.error.try_with_untracked(Option::is_some) == Some(true) {
            input.check();
        }
    };
    let on_blur = move |_| {
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
                type=kind
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
    view! {
        <div class="field">
            <label for=id>{label}</label>
            {control}
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
