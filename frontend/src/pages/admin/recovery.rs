//! Account recovery by administrators: a password reset link, and turning off a lost second factor.

use leptos::prelude::*;
use parlour_protocol::ids::UserId;

use crate::components::copying::CopyButton;
use crate::context::context;
use crate::texts::admin as texts;

/// The recovery buttons for one account.
#[component]
pub(crate) fn Recovery(id: UserId, name: String, second_factor: bool) -> impl IntoView {
    let context = context();
    let made = RwSignal::new(None::<String>);
    let on = RwSignal::new(second_factor);
    let link = move || {
        context.attempt(async move { context.api.create_password_reset(id).await }, move |answer| {
            let origin = context.session.origin();
            let own = answer.link.starts_with('/');
            let _ = made.try_set(Some(if own { format!("{origin}{}", answer.link) } else { answer.link }));
        });
    };
    let whose = name.clone();
    let name = StoredValue::new(name);
    let ask_link = move |_| {
        context.ui.ask(texts::reset_title(&whose), texts::reset_text(), texts::reset_confirm(), link);
    };
    let remove = move || {
        context.attempt(async move { context.api.delete_user_second_factor(id).await }, move |()| {
            let _ = on.try_set(false);
            context.ui.toast(texts::factor_is_off(), false);
        });
    };
    let ask_remove = move |_| {
        let title = texts::factor_off_title(&name.get_value());
        context.ui.ask(title, texts::factor_off_text(), texts::factor_off_confirm(), remove);
    };
    let fresh = move || {
        made.get().map(|link| {
            let copied = link.clone();
            view! {
                <div class="notice" role="status">
                    <span>
                        {texts::reset_link()} " "
                        <code class="secret" data-testid="reset-link">{link}</code>
                    </span>
                    <CopyButton text=copied testid="copy-reset-link" />
                </div>
            }
        })
    };
    view! {
        <button type="button" class="button" data-testid="make-reset-link" on:click=ask_link>
            {texts::reset_password()}
        </button>
        <Show when=move || on.get()>
            <button
                type="button"
                class="button danger-quiet"
                data-testid="remove-second-factor"
                on:click=ask_remove
            >
                {texts::factor_off()}
            </button>
        </Show>
        {fresh}
    }
}
