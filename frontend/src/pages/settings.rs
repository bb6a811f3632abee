//! One's own profile and settings.

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;

use crate::components::places::Place;
use crate::context::context;
use crate::icons::{Icon, LOGOUT, MOON, SCREEN, SUN};
use crate::pages::email::EmailForm;
use crate::pages::home::NotFound;
use crate::pages::identities::Identities;
use crate::pages::own_data::{DeleteForm, ExportForm};
use crate::pages::passkeys::Passkeys;
use crate::pages::privacy::{Blocked, PrivacyForm};
use crate::pages::second_factor::SecondFactorForm;
use crate::pages::settings_parts::{AvatarForm, PasswordForm, ProfileForm, Sessions};
use crate::pages::{PageHead, part};
use crate::storage::Life;

/// One's own profile and settings.
#[component]
pub(crate) fn Settings() -> impl IntoView {
    let context = context();
    let part = part();
    let navigate = StoredValue::new_local(use_navigate());
    let log_out = move |_| {
        let navigate = navigate.get_value();
        // Where one was is nothing for whoever logs in next.
        context.log_out(move || {
            navigate("/login", NavigateOptions { replace: true, ..Default::default() });
        });
    };
    let inside = move || match part.get().as_str() {
        "" | "profile" => view! {
            <AvatarForm />
            <ProfileForm />
        }
        .into_any(),
        "appearance" => view! { <Appearance /> }.into_any(),
        "security" => view! {
            <PasswordForm />
            <EmailForm />
            <SecondFactorForm />
            <Identities />
            <Passkeys />
            <Sessions />
        }
        .into_any(),
        "privacy" => view! {
            <PrivacyForm />
            <Blocked />
        }
        .into_any(),
        "data" => view! {
            <ExportForm />
            <DeleteForm />
        }
        .into_any(),
        _ => view! { <NotFound /> }.into_any(),
    };
    view! {
        <div class="page">
            <PageHead title="Settings">
                <button type="button" class="button" data-testid="logout" on:click=log_out>
                    <Icon path=LOGOUT />
                    "Log out"
                </button>
            </PageHead>
            <div class="page-body">
                <nav class="tabs" aria-label="Settings">
                    <Place href="/settings" class="tab">"Profile"</Place>
                    <Place href="/settings/appearance" class="tab">"Appearance"</Place>
                    <Place href="/settings/privacy" class="tab">"Privacy"</Place>
                    <Place href="/settings/security" class="tab">"Security"</Place>
                    <Place href="/settings/data" class="tab">"Your data"</Place>
                    <Show when=move || context.is_admin()>
                        <span class="only-narrow">
                            <Place href="/admin" class="tab">"Administration"</Place>
                        </span>
                    </Show>
                </nav>
                {inside}
            </div>
        </div>
    }
}

/// Light or dark, and what Enter does.
#[component]
fn Appearance() -> impl IntoView {
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
                            context.keep(Life::Device, "enter", on.then_some("breaks"));
                        }
                    />
                    <span>
                        "Enter makes a new line" <br />
                        <span class="soft">"Then Ctrl+Enter or Shift+Enter sends."</span>
                    </span>
                </label>
            </section>
    }
}
