//! Forms of the settings: picture, profile, password.

use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use parlour_protocol::accounts::{ChangePassword, UpdateAccount};
use parlour_protocol::limits::{AVATAR_UPLOAD, BIO};
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::validation;

use crate::components::avatar::Avatar;
use crate::components::form::{Field, Input, Submit, check_all};
use crate::components::password::{PasswordAgain, password_again};
use crate::context::context;
use crate::icons::{CAMERA, Icon, TRASH};
use crate::pages::auth::FormFailure;
use crate::state::failure::Failure;
use crate::texts::{auth, common, security, settings as texts};

/// The picture: choose, preview and upload; or remove.
#[component]
pub(crate) fn AvatarForm() -> impl IntoView {
    let context = context();
    let input = NodeRef::<html::Input>::new();
    let chosen: StoredValue<Option<web_sys::File>, LocalStorage> = StoredValue::new_local(None);
    let preview = RwSignal::new(None::<String>);
    let busy = RwSignal::new(false);
    let error = RwSignal::new(None::<String>);
    let forget = move || {
        if let Some(Some(address)) = preview.try_get_untracked() {
            let _ = web_sys::Url::revoke_object_url(&address);
        }
        let _ = preview.try_set(None);
        let _ = chosen.try_set_value(None);
        if let Some(Some(input)) = input.try_get_untracked() {
            input.set_value("");
        }
    };
    on_cleanup(forget);
    let choose = move |_| {
        let file = input.get_untracked().and_then(|input| input.files()).and_then(|files| files.get(0));
        let Some(file) = file else { return };
        error.set(None);
        if !file.type_().starts_with("image/") {
            error.set(Some(texts::photo_wrong_kind().to_owned()));
        } else if file.size() > AVATAR_UPLOAD as f64 {
            error.set(Some(texts::photo_too_large().to_owned()));
        } else if let Ok(address) = web_sys::Url::create_object_url_with_blob(&file) {
            preview.set(Some(address));
            chosen.set_value(Some(file));
        }
    };
    let save = move |_| {
        let Some(file) = chosen.get_value() else { return };
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        spawn_local(async move {
            let media = file.type_();
            match context.api.upload_avatar(file.into(), media).await {
                Ok(account) => {
                    context.account_changed(account);
                    context.ui.toast(texts::photo_updated(), false);
                    forget();
                }
                Err(failure) => {
                    let _ = error.try_set(Some(failure.message()));
                }
            }
            let _ = busy.try_set(false);
        });
    };
    let remove = move |_| {
        context.attempt(async move { context.api.delete_avatar().await }, move |account| {
            context.account_changed(account);
            context.ui.toast(texts::photo_removed(), false);
        });
    };
    let has_picture =
        move || context.session.account.with(|one| one.as_ref().is_some_and(|one| one.avatar.is_some()));
    let broken = move || {
        forget();
        error.set(Some(texts::photo_broken().to_owned()));
    };
    let face = move || {
        match preview.get() {
        Some(address) => view! { <span class="avatar avatar-xl"><img src=address alt=texts::photo_chosen() on:error=move |_| broken() /></span> }.into_any(),
        None => view! { <Avatar id=context.session.me() size="xl" /> }.into_any(),
    }
    };
    view! {
        <section class="card settings-card avatar-form">
            {face}
            <div class="grow">
                <h2>{texts::photo()}</h2>
                <p class="soft">{texts::photo_hint()}</p>
                {move || error.get().map(|error| view! { <p class="field-note bad" role="alert">{error}</p> })}
                <input
                    node_ref=input
                    type="file"
                    name="avatar"
                    class="visually-hidden file-input"
                    id="avatar-file"
                    aria-label=texts::photo_choose()
                    accept="image/png,image/jpeg,image/webp,image/gif"
                    on:change=choose
                />
                <div class="row">
                    <Show
                        when=move || preview.with(Option::is_some)
                        fallback=move || {
                            view! {
                                <label class="button" for="avatar-file">
                                    <Icon path=CAMERA />
                                    {texts::photo_choose()}
                                </label>
                                <Show when=has_picture>
                                    <button type="button" class="button danger-quiet" data-testid="remove-avatar" on:click=remove>
                                        <Icon path=TRASH />
                                        {common::remove()}
                                    </button>
                                </Show>
                            }
                        }
                    >
                        <button
                            type="button"
                            class="button primary"
                            class:busy=move || busy.get()
                            data-testid="save-avatar"
                            on:click=save
                        >
                            {texts::photo_use()}
                        </button>
                        <button type="button" class="button" on:click=move |_| forget()>
                            {common::cancel()}
                        </button>
                    </Show>
                </div>
            </div>
        </section>
    }
}

/// Handle, display name and bio.
#[component]
pub(crate) fn ProfileForm() -> impl IntoView {
    let context = context();
    let handle = Input::new("handle", validation::handle);
    let display_name = Input::new("display_name", validation::display_name);
    let bio = Input::new("bio", validation::bio);
    let busy = RwSignal::new(false);
    let failure = RwSignal::new(None::<Failure>);
    context.session.account.with_untracked(|account| {
        if let Some(account) = account {
            handle.value.set(account.handle.clone());
            display_name.value.set(account.display_name.clone());
            bio.value.set(account.bio.clone());
        }
    });
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() || !check_all(&[display_name, handle, bio]) {
            return;
        }
        let Some(known) = context.session.account.get_untracked() else { return };
        let changed = |input: Input, old: &str| {
            let new = input.text().trim().to_owned();
            (new != old).then_some(new)
        };
        let body = UpdateAccount {
            handle: changed(handle, &known.handle),
            display_name: changed(display_name, &known.display_name),
            bio: changed(bio, &known.bio),
        };
        if body == UpdateAccount::default() {
            context.ui.toast(texts::no_changes(), false);
            return;
        }
        busy.set(true);
        failure.set(None);
        spawn_local(async move {
            match context.api.update_account(&body).await {
                Ok(account) => {
                    context.account_changed(account);
                    context.ui.toast(texts::profile_saved(), false);
                }
                Err(why) => {
                    if why.code() == Some(ErrorCode::Taken) {
                        let _ = handle.error.try_set(Some(auth::username_taken().to_owned()));
                        handle.focus();
                    } else {
                        for (name, input) in
                            [("handle", handle), ("display_name", display_name), ("bio", bio)]
                        {
                            let _ = input.error.try_set(why.violation(name));
                        }
                        let _ = failure.try_set(Some(why));
                    }
                }
            }
            let _ = busy.try_set(false);
        });
    };
    let count = move || bio.value.with(|text| text.chars().count());
    view! {
        <section class="card settings-card">
            <h2>{texts::profile()}</h2>
            <form class="form" data-testid="profile-form" novalidate on:submit=submit>
                <FormFailure failure />
                <Field input=display_name label=texts::display_name() hint=texts::display_name_hint() autocomplete="name" />
                <Field
                    input=handle
                    label=auth::username()
                    hint=texts::username_hint()
                    autocomplete="username"
                />
                <Field input=bio label=texts::about_you() hint=texts::about_you_hint() lines=3 />
                <div class="row">
                    <span class="soft tabular grow">
                        {move || (count() > BIO - 60).then(|| texts::of_characters(count(), BIO))}
                    </span>
                    <Submit label=common::save() busy testid="save-profile" />
                </div>
            </form>
        </section>
    }
}

/// Changes the password.
#[component]
pub(crate) fn PasswordForm() -> impl IntoView {
    let context = context();
    let current = password_again("current_password");
    let new = Input::new("new_password", validation::password);
    let busy = RwSignal::new(false);
    let failure = RwSignal::new(None::<Failure>);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() || !check_all(&[current, new]) {
            return;
        }
        busy.set(true);
        failure.set(None);
        let body = ChangePassword { current: current.text(), new: new.text() };
        spawn_local(async move {
            match context.api.change_password(&body).await {
                Ok(()) => {
                    let _ = current.value.try_set(String::new());
                    let _ = new.value.try_set(String::new());
                    context.ui.toast(security::password_changed(), false);
                }
                Err(why) if why.code() == Some(ErrorCode::BadCredentials) => {
                    let _ = current.error.try_set(Some(security::wrong_current_password().to_owned()));
                    current.focus();
                }
                Err(why) => {
                    let _ = failure.try_set(Some(why));
                }
            }
            let _ = busy.try_set(false);
        });
    };
    view! {
        <section class="card settings-card">
            <h2>{security::password()}</h2>
            <form class="form" data-testid="password-form" novalidate on:submit=submit>
                <FormFailure failure />
                <PasswordAgain input=current label=security::current_password() />
                <Field
                    input=new
                    label=security::new_password()
                    hint=security::new_password_hint()
                    kind="password"
                    autocomplete="new-password"
                />
                <div class="row end">
                    <Submit label=security::change_password() busy testid="change-password" />
                </div>
            </form>
        </section>
    }
}
