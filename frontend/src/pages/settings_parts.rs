//! The forms of the settings: picture, profile, password, sessions.

use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use parlour_protocol::accounts::{ChangePassword, UpdateAccount};
use parlour_protocol::limits::{AVATAR_UPLOAD, BIO};
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::sessions::Session;
use parlour_protocol::validation;

use crate::api::http::Failure;
use crate::browser;
use crate::components::avatar::Avatar;
use crate::components::dialog::ask;
use crate::components::form::{Field, Input, Submit, check_all};
use crate::components::password::{PasswordAgain, password_again};
use crate::components::states::{Failed, Skeleton};
use crate::context::{Load, context};
use crate::icons::{CAMERA, Icon, SCREEN, TRASH};
use crate::pages::auth::FormFailure;

/// The picture: choose, see, keep; or remove.
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
            error.set(Some("Choose a picture: JPEG, PNG, WebP or GIF.".to_owned()));
        } else if file.size() > AVATAR_UPLOAD as f64 {
            error.set(Some("The picture is larger than 5 MB.".to_owned()));
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
                    context.toast("Your picture is changed.", false);
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
            context.toast("Your picture is removed.", false);
        });
    };
    let has_picture =
        move || context.account.with(|one| one.as_ref().is_some_and(|one| one.avatar.is_some()));
    let face = move || {
        match preview.get() {
        Some(address) => view! { <span class="avatar avatar-xl"><img src=address alt="The picture that you chose" /></span> }.into_any(),
        None => view! { <Avatar id=context.me() size="xl" /> }.into_any(),
    }
    };
    view! {
        <section class="card settings-card avatar-form">
            {face}
            <div class="grow">
                <h2>"Picture"</h2>
                <p class="soft">"JPEG, PNG, WebP or GIF, at most 5 MB. It is cut to a square."</p>
                {move || error.get().map(|error| view! { <p class="field-note bad" role="alert">{error}</p> })}
                <input
                    node_ref=input
                    type="file"
                    name="avatar"
                    class="visually-hidden"
                    id="avatar-file"
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
                                    "Choose a picture"
                                </label>
                                <Show when=has_picture>
                                    <button type="button" class="button danger-quiet" data-testid="remove-avatar" on:click=remove>
                                        <Icon path=TRASH />
                                        "Remove"
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
                            "Use this picture"
                        </button>
                        <button type="button" class="button" on:click=move |_| forget()>
                            "Cancel"
                        </button>
                    </Show>
                </div>
            </div>
        </section>
    }
}

/// Names and bio.
#[component]
pub(crate) fn ProfileForm() -> impl IntoView {
    let context = context();
    let handle = Input::new("handle", validation::handle);
    let display_name = Input::new("display_name", validation::display_name);
    let bio = Input::new("bio", validation::bio);
    let busy = RwSignal::new(false);
    let failure = RwSignal::new(None::<Failure>);
    context.account.with_untracked(|account| {
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
        let Some(known) = context.account.get_untracked() else { return };
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
            context.toast("Nothing was changed.", false);
            return;
        }
        busy.set(true);
        failure.set(None);
        spawn_local(async move {
            match context.api.update_account(&body).await {
                Ok(account) => {
                    context.account_changed(account);
                    context.toast("Your profile is saved.", false);
                }
                Err(why) => {
                    if why.code() == Some(ErrorCode::Taken) {
                        let _ = handle.error.try_set(Some("This handle is already taken.".to_owned()));
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
            <h2>"Profile"</h2>
            <form class="form" data-testid="profile-form" novalidate on:submit=submit>
                <FormFailure failure />
                <Field input=display_name label="Display name" hint="What others see." autocomplete="name" />
                <Field
                    input=handle
                    label="Handle"
                    hint="3 to 24 letters, digits or underscores, beginning with a letter. It can be changed once a week."
                    autocomplete="username"
                />
                <Field input=bio label="About you" hint="A few words, at most 300 characters." lines=3 />
                <div class="row">
                    <span class="soft tabular grow">
                        {move || (count() > BIO - 60).then(|| format!("{} of {BIO}", count()))}
                    </span>
                    <Submit label="Save" busy testid="save-profile" />
                </div>
            </form>
        </section>
    }
}

/// A new password.
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
                    context.toast("Your password is changed; all other sessions have ended.", false);
                }
                Err(why) if why.code() == Some(ErrorCode::BadCredentials) => {
                    let _ = current.error.try_set(Some("This is not your current password.".to_owned()));
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
            <h2>"Password"</h2>
            <form class="form" data-testid="password-form" novalidate on:submit=submit>
                <FormFailure failure />
                <PasswordAgain input=current label="Current password" />
                <Field
                    input=new
                    label="New password"
                    hint="At least 8 characters. Every other session will end."
                    kind="password"
                    autocomplete="new-password"
                />
                <div class="row end">
                    <Submit label="Change password" busy testid="change-password" />
                </div>
            </form>
        </section>
    }
}

/// Where one is logged in.
#[component]
pub(crate) fn Sessions() -> impl IntoView {
    let context = context();
    let sessions = RwSignal::new(Load::<Vec<Session>>::Pending);
    let read = move || {
        spawn_local(async move {
            let answer = context.api.list_sessions().await;
            sessions.try_set(match answer {
                Ok(page) => Load::Ready(page.items),
                Err(failure) => Load::Failed(failure),
            });
        });
    };
    read();
    let line = move |session: Session| {
        let id = session.id;
        let used = browser::ago(session.last_used_at);
        let revoke = move |_| {
            ask("End this session?", "The device will have to log in again.", "End session", move || {
                context.attempt(async move { context.api.revoke_session(id).await }, move |()| read());
            });
        };
        view! {
            <li class="line" data-testid="session">
                <span class="room-icon">
                    <Icon path=SCREEN />
                </span>
                <div class="grow">
                    <p class="strong clip">
                        {if session.device.is_empty() { "Unnamed device".to_owned() } else { session.device }}
                    </p>
                    <p class="soft">{format!("Last used {used}")}</p>
                </div>
                {if session.current {
                    view! { <span class="tag ok">"This one"</span> }.into_any()
                } else {
                    view! {
                        <button type="button" class="button danger-quiet" data-testid="revoke-session" on:click=revoke>
                            "End"
                        </button>
                    }
                    .into_any()
                }}
            </li>
        }
    };
    view! {
        <section class="card settings-card">
            <h2>"Sessions"</h2>
            <p class="soft">"Every device that is logged in. End those that you do not know."</p>
            {move || match sessions.get() {
                Load::Pending => view! { <Skeleton rows=2 /> }.into_any(),
                Load::Failed(failure) => view! { <Failed failure retry=Callback::new(move |()| read()) /> }.into_any(),
                Load::Ready(all) => view! { <ul class="lines">{all.into_iter().map(line).collect_view()}</ul> }.into_any(),
            }}
        </section>
    }
}
