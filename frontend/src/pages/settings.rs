//! The settings page.

pub(crate) mod bots;
pub(crate) mod devices;
pub(crate) mod email;
pub(crate) mod identities;
pub(crate) mod own_data;
pub(crate) mod parts;
pub(crate) mod passkeys;
pub(crate) mod privacy;
pub(crate) mod second_factor;
pub(crate) mod token_form;
pub(crate) mod tokens;

use leptos::prelude::*;

use crate::components::places::Place;
use crate::context::context;
use crate::icons::{Icon, LOGOUT, MOON, SCREEN, SUN};
use crate::pages::home::NotFound;
use crate::pages::settings::devices::Sessions;
use crate::pages::settings::email::EmailForm;
use crate::pages::settings::identities::Identities;
use crate::pages::settings::own_data::{DeleteForm, ExportForm};
use crate::pages::settings::parts::{AvatarForm, PasswordForm, ProfileForm};
use crate::pages::settings::passkeys::Passkeys;
use crate::pages::settings::privacy::{Blocked, PrivacyForm};
use crate::pages::settings::second_factor::SecondFactorForm;
use crate::pages::settings::tokens::Programs;
use crate::pages::{PageHead, part};
use crate::storage::Life;
use crate::texts::{admin, common, settings as texts, tokens as token_texts};

/// The settings page.
#[component]
pub(crate) fn Settings() -> impl IntoView {
    let context = context();
    let part = part();
    let window = Signal::derive(move || {
        let part = match part.get().as_str() {
            "" | "profile" => texts::profile(),
            "appearance" => texts::appearance(),
            "security" => texts::security(),
            "privacy" => texts::privacy(),
            "tokens" => token_texts::title(),
            "data" => texts::data(),
            _ => return common::page_not_found().to_owned(),
        };
        common::part_of_page(part, texts::title())
    });
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
        "tokens" => view! { <Programs /> }.into_any(),
        "data" => view! {
            <ExportForm />
            <DeleteForm />
        }
        .into_any(),
        _ => view! { <NotFound /> }.into_any(),
    };
    view! {
        <div class="page">
            <PageHead title=texts::title() window=window>
                <button type="button" class="button" data-testid="logout" on:click=move |_| context.log_out()>
                    <Icon path=LOGOUT />
                    {texts::log_out()}
                </button>
            </PageHead>
            <div class="page-body">
                <nav class="tabs" aria-label=texts::title()>
                    <Place href="/settings" class="tab">{texts::profile()}</Place>
                    <Place href="/settings/appearance" class="tab">{texts::appearance()}</Place>
                    <Place href="/settings/privacy" class="tab">{texts::privacy()}</Place>
                    <Place href="/settings/security" class="tab">{texts::security()}</Place>
                    <Place href="/settings/tokens" class="tab">{token_texts::title()}</Place>
                    <Place href="/settings/data" class="tab">{texts::data()}</Place>
                    <Show when=move || context.session.is_admin()>
                        <span class="only-narrow">
                            <Place href="/admin" class="tab">{admin::title()}</Place>
                        </span>
                    </Show>
                </nav>
                {inside}
            </div>
        </div>
    }
}

/// Theme, and what Enter does.
#[component]
fn Appearance() -> impl IntoView {
    let context = context();
    let choice = move |value: Option<&'static str>, label: &'static str, icon: &'static str| {
        let chosen = move || context.preferences.theme.with(|theme| theme.as_deref() == value);
        view! {
            <label class="choice" class:chosen=chosen>
                <input
                    type="radio"
                    name="theme"
                    class="visually-hidden"
                    value=value.unwrap_or("system")
                    prop:checked=chosen
                    on:change=move |_| context.preferences.theme.set(value.map(str::to_owned))
                />
                <Icon path=icon />
                <span>{label}</span>
            </label>
        }
    };
    view! {
            <section class="card settings-card">
                <h2>{texts::theme()}</h2>
                <div class="choices" role="radiogroup" aria-label=texts::theme()>
                    {choice(None, texts::theme_system(), SCREEN)} {choice(Some("light"), texts::theme_light(), SUN)}
                    {choice(Some("dark"), texts::theme_dark(), MOON)}
                </div>
            </section>
            <section class="card settings-card">
                <h2>{texts::writing()}</h2>
                <label class="check">
                    <input
                        type="checkbox"
                        name="enter-breaks"
                        prop:checked=move || context.preferences.enter_breaks.get()
                        on:change:target=move |event| {
                            let on = event.target().checked();
                            context.preferences.enter_breaks.set(on);
                            context.preferences.keep(Life::Device, "enter", on.then_some("breaks"));
                        }
                    />
                    <span>
                        {texts::enter_breaks()} <br />
                        <span class="soft">{texts::enter_breaks_hint()}</span>
                    </span>
                </label>
            </section>
    }
}
