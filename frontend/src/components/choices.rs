//! A group of radio buttons.

use leptos::prelude::*;

/// One choice: its value, its form value, and its label.
pub(crate) type Choice<T> = (T, String, String);

/// Choices under a heading, with a hint that explains the selected one.
#[component]
pub(crate) fn Choices<T>(
    /// The `name` attribute of the inputs.
    name: &'static str,
    label: &'static str,
    choices: Vec<Choice<T>>,
    chosen: RwSignal<T>,
    #[prop(into)] hint: Signal<String>,
) -> impl IntoView
where
    T: Clone + PartialEq + Send + Sync + 'static,
{
    let (heading, note) = (format!("choices-{name}"), format!("note-{name}"));
    let one = move |(value, written, said): Choice<T>| {
        let this = StoredValue::new(value);
        let on = move || this.with_value(|this| chosen.with(|chosen| chosen == this));
        view! {
            <label class="choice" class:chosen=on>
                <input
                    type="radio"
                    name=name
                    value=written
                    class="visually-hidden"
                    prop:checked=on
                    on:change=move |_| chosen.set(this.get_value())
                />
                <span>{said}</span>
            </label>
        }
    };
    view! {
        <div class="choice-field" role="radiogroup" aria-labelledby=heading aria-describedby=note>
            <p id=heading.clone() class="choice-heading">{label}</p>
            <div class="choices">{choices.into_iter().map(one).collect_view()}</div>
            <p id=note.clone() class="field-note">{hint}</p>
        </div>
    }
}
