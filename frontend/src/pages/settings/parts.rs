//! Forms of the settings: picture, profile, password.

use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use parlour_protocol::accounts::{ChangePassword, UpdateAccount};
use parlour_protocol::limits::{AVATAR_UPLOAD, BIO};
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::validation;

use crate::components::avatar::Avatar;
use crate::components::form::{Field, Input, Submit};
use crate::components::password::{PasswordAgain, password_again};
use crate::context::{Context, context};
use crate::icons::{CAMERA, Icon, TRASH};
use crate::pages::auth::FormFailure;
use crate::pages::sending::{Sending, place, taken};
use crate::state::failure::Failure;
use crate::texts::{auth, common, security, settings as texts};

/// A picture that was chosen but not uploaded; a cheap handle.
#[derive(Clone, Copy)]
struct Chosen {
    context: Context,
    input: NodeRef<html::Input>,
    file: StoredValue<Option<web_sys::File>, LocalStorage>,
    preview: RwSignal<Option<String>>,
    error: RwSignal<Option<String>>,
    busy: RwSignal<bool>,
}

impl Chosen {
    fn new(context: Context) -> Self {
        let chosen = Self {
            context,
            input: NodeRef::new(),
            file: StoredValue::new_local(None),
            preview: RwSignal::new(None),
            error: RwSignal::new(None),
            busy: RwSignal::new(false),
        };
        on_cleanup(move || chosen.forget());
        chosen
    }

    fn forget(&self) {
        if let Some(Some(address)) = self.preview.try_get_untracked() {
            let _ = web_sys::Url::revoke_object_url(&address);
        }
        let _ = self.preview.try_set(None);
        let _ = self.file.try_set_value(None);
        if let Some(Some(input)) = self.input.try_get_untracked() {
            input.set_value("");
        }
    }

    fn choose(&self) {
        let file = self.input.get_untracked().and_then(|input| input.files()).and_then(|files| files.get(0));
        let Some(file) = file else { return };
        self.error.set(None);
        if !file.type_().starts_with("image/") {
            self.error.set(Some(texts::photo_wrong_kind().to_owned()));
        } else if file.size() > AVATAR_UPLOAD as f64 {
            self.error.set(Some(texts::photo_too_large().to_owned()));
        } else if let Ok(address) = web_sys::Url::create_object_url_with_blob(&file) {
            self.preview.set(Some(address));
            self.file.set_value(Some(file));
        }
    }

    /// Handles the browser having failed to show the picture.
    fn broken(&self) {
        self.forget();
        self.error.set(Some(texts::photo_broken().to_owned()));
    }

    fn save(self) {
        let Some(file) = self.file.get_value().filter(|_| !self.busy.get_untracked()) else { return };
        self.busy.set(true);
        spawn_local(async move {
            let media = file.type_();
            match self.context.api.upload_avatar(file.into(), media).await {
                Ok(account) => {
                    self.context.account_changed(account);
                    self.context.ui.toast(texts::photo_updated(), false);
                    self.forget();
                }
                Err(failure) => {
                    let _ = self.error.try_set(Some(failure.message()));
                }
            }
            let _ = self.busy.try_set(false);
        });
    }
}

/// The picture: choose, preview and upload; or remove.
#[component]
pub(crate) fn AvatarForm() -> impl IntoView {
    let context = context();
    let chosen = Chosen::new(context);
    let face = move || match chosen.preview.get() {
        Some(address) => view! {
            <span class="avatar avatar-xl">
                <img src=address alt=texts::photo_chosen() on:error=move |_| chosen.broken() />
            </span>
        }
        .into_any(),
        None => view! { <Avatar id=context.session.me() size="xl" /> }.into_any(),
    };
    view! {
        <section class="card settings-card avatar-form">
            {face}
            <div class="grow">
                <h2>{texts::photo()}</h2>
                <p class="soft">{texts::photo_hint()}</p>
                {move || chosen.error.get().map(|error| view! { <p class="field-note bad" role="alert">{error}</p> })}
                <input
                    node_ref=chosen.input
                    type="file"
                    name="avatar"
                    class="visually-hidden file-input"
                    id="avatar-file"
                    aria-label=texts::photo_choose()
                    accept="image/png,image/jpeg,image/webp,image/gif"
                    on:change=move |_| chosen.choose()
                />
                <div class="row">
                    <Show when=move || chosen.preview.with(Option::is_some) fallback=|| view! { <ChangeAvatar /> }>
                        <button
                            type="button"
                            class="button primary"
                            class:busy=move || chosen.busy.get()
                            data-testid="save-avatar"
                            on:click=move |_| chosen.save()
                        >
                            {texts::photo_use()}
                        </button>
                        <button type="button" class="button" on:click=move |_| chosen.forget()>
                            {common::cancel()}
                        </button>
                    </Show>
                </div>
            </div>
        </section>
    }
}

/// The buttons to choose a picture and to remove the current one.
#[component]
fn ChangeAvatar() -> impl IntoView {
    let context = context();
    let there =
        move || context.session.account.with(|one| one.as_ref().is_some_and(|one| one.avatar.is_some()));
    let remove = move |_| {
        context.attempt(async move { context.api.delete_avatar().await }, move |account| {
            context.account_changed(account);
            context.ui.toast(texts::photo_removed(), false);
        });
    };
    view! {
        <label class="button" for="avatar-file">
            <Icon path=CAMERA />
            {texts::photo_choose()}
        </label>
        <Show when=there>
            <button type="button" class="button danger-quiet" data-testid="remove-avatar" on:click=remove>
                <Icon path=TRASH />
                {common::remove()}
            </button>
        </Show>
    }
}

/// Handle, display name and bio.
#[component]
pub(crate) fn ProfileForm() -> impl IntoView {
    let context = context();
    let handle = Input::new("handle", validation::handle);
    let display_name = Input::new("display_name", validation::display_name);
    let bio = Input::new("bio", validation::bio);
    let sending = Sending::new();
    context.session.account.with_untracked(|account| {
        if let Some(account) = account {
            handle.value.set(account.handle.clone());
            display_name.value.set(account.display_name.clone());
            bio.value.set(account.bio.clone());
        }
    });
    let submit = sending.on_submit([display_name, handle, bio], move || {
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
        let request = async move { context.api.update_account(&body).await };
        let fields = [("handle", handle), ("display_name", display_name), ("bio", bio)];
        let wrong = move |why: &Failure| {
            taken(why, handle, auth::username_taken()).or_else(|| place(why, None, &fields))
        };
        sending.send(wrong, request, move |account| {
            context.account_changed(account);
            context.ui.toast(texts::profile_saved(), false);
        });
    });
    let count = move || bio.value.with(|text| text.chars().count());
    view! {
        <section class="card settings-card">
            <h2>{texts::profile()}</h2>
            <form class="form" data-testid="profile-form" novalidate on:submit=submit>
                <FormFailure failure=sending.failure />
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
                    <Submit label=common::save() busy=sending.busy testid="save-profile" />
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
    let sending = Sending::new();
    let submit = sending.on_submit([current, new], move || {
        let body = ChangePassword { current: current.text(), new: new.text() };
        let request = async move { context.api.change_password(&body).await };
        let wrong = move |why: &Failure| match why.code() {
            Some(ErrorCode::BadCredentials) => Some((current, security::wrong_current_password().to_owned())),
            _ => place(why, None, &[("new", new)]),
        };
        sending.send(wrong, request, move |()| {
            let _ = current.value.try_set(String::new());
            let _ = new.value.try_set(String::new());
            context.ui.toast(security::password_changed(), false);
        });
    });
    view! {
        <section class="card settings-card">
            <h2>{security::password()}</h2>
            <form class="form" data-testid="password-form" novalidate on:submit=submit>
                <FormFailure failure=sending.failure />
                <PasswordAgain input=current label=security::current_password() />
                <Field
                    input=new
                    label=security::new_password()
                    hint=security::new_password_hint()
                    kind="password"
                    autocomplete="new-password"
                />
                <div class="row end">
                    <Submit label=security::change_password() busy=sending.busy testid="change-password" />
                </div>
            </form>
        </section>
    }
}
