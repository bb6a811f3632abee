//! One's own profile and settings.

use leptos::prelude::*;

use crate::browser;
use crate::components::places::Place;
use crate::context::context;
use crate::icons::{Icon, LOGOUT, MOON, SCREEN, SUN};
use crate::pages::PageHead;
use crate::pages::settings_parts::{AvatarForm, PasswordForm, ProfileForm, Sessions};

/// The frame of all settings.
#[component]
fn Frame(children: Children) -> impl IntoView {
    let context = context();
    view! {
        <div class="page">
            <PageHead title="Settings">
                <button type="button" class="button" data-testid="logout" on:click=move |_| context.log_out()>
                    <Icon path=LOGOUT />
                    "Log out"
                </button>
            </PageHead>
            <div class="page-body">
                <nav class="tabs" aria-label="Settings">
                    <Place href="/settings" class="tab">"Profile"</Place>
                    <Place href="/settings/appearance" class="tab">"Appearance"</Place>
                    <Place href="/settings/security" class="tab">"Security"</Place>
                    <Show when=move || context.is_admin()>
                        <span class="only-narrow">
                            <Place href="/admin" class="tab">"Administration"</Place>
                        </span>
                    </Show>
                </nav>
                {children()}
            </div>
        </div>
    }
}

/// Picture, names, bio.
#[component]
pub(crate) fn ProfileSettings() -> impl IntoView {
    view! {
        <Frame>
            <AvatarForm />
            <ProfileForm />
        </Frame>
    }
}

/// Password and sessions.
#[component]
pub(crate) fn SecuritySettings() -> impl IntoView {
    view! {
        <Frame>
            <PasswordForm />
            <Sessions />
        </Frame>
    }
}

/// Light or dark, and what Enter does.
#[component]
pub(crate) fn AppearanceSettings() -> impl IntoView {
    let context = context();
    let choice = move |value: Option<&'static str>, label: &'static str, icon: &'static str| {
        let chosen = move || context.theme.with(|theme| theme.as_deref() == value);
        view! {
            <label class="choice" class:chosen=chosen>
                <input
                    type="radio"
                    name="theme"
                    class="visually-hidden"
                    value=value.unwrap_or("system")
                    prop:checked=chosen
                    on:change=move |_| context.theme.set(value.map(str::to_owned))
                />
                <Icon path=icon />
                <span>{label}</span>
            </label>
        }
    };
    view! {
        <Frame>
            <section class="card settings-card">
                <h2>"Theme"</h2>
                <div class="choices" role="radiogroup" aria-label="Theme">
                    {choice(None, "As the system", SCREEN)} {choice(Some("light"), "Light", SUN)}
                    {choice(Some("dark"), "Dark", MOON)}
                </div>
            </section>
            <section class="card settings-card">
                <h2>"Writing"</h2>
                <label class="check">
                    <input
                        type="checkbox"
                        name="enter-breaks"
                        prop:checked=move || context.enter_breaks.get()
                        on:change:target=move |event| {
                            let on = event.target().checked();
                            context.enter_breaks.set(on);
                            browser::store(true, "enter", on.then_some("breaks"));
                        }
                    />
                    <span>
                        "Enter makes a new line" <br />
                        <span class="soft">"Then Ctrl+Enter or Shift+Enter sends."</span>
                    </span>
                </label>
            </section>
        </Frame>
    }
}
