//! The user's bots: creating and deleting them, and their tokens.

use leptos::prelude::*;
use parlour_protocol::bots::{Bot, CreateBot};
use parlour_protocol::ids::UserId;
use parlour_protocol::limits::BOTS_PER_USER;
use parlour_protocol::own_data::ConfirmPassword;
use parlour_protocol::validation;

use crate::browser;
use crate::components::avatar::{Avatar, Name};
use crate::components::form::{Field, Input, Submit};
use crate::components::password::{PasswordAgain, password_again};
use crate::context::context;
use crate::effects::effect;
use crate::icons::{Icon, PLUS};
use crate::pages::auth::FormFailure;
use crate::pages::auth::register::optional_display_name;
use crate::pages::loaded::Loaded;
use crate::pages::sending::{Sending, place, taken};
use crate::pages::settings::tokens::{Tokens, focus_soon};
use crate::state::failure::Failure;
use crate::state::tokens::{Doing, Holder, full};
use crate::state::{bidi, time};
use crate::texts::{auth, common, tokens as texts};

/// Element id of the button that starts creating a bot.
const NEW_BOT: &str = "new-bot";

/// The list of bots, and the form for a new one.
#[component]
pub(crate) fn Bots(doing: RwSignal<Option<Doing>>) -> impl IntoView {
    let context = context();
    let bots = Loaded::<Vec<Bot>>::now(move || async move {
        let page = context.api.list_bots().await?;
        context.people.learn(page.items.iter().map(|bot| &bot.user));
        Ok(page.items)
    });
    // The bots whose tokens are shown.
    let opened = RwSignal::new(Vec::<UserId>::new());
    let created = Callback::new(move |bot: Bot| {
        context.people.learn([&bot.user].into_iter());
        context.ui.toast(texts::bot_created(&bidi::isolated(&bot.user.display_name)), false);
        let id = bot.user.id;
        if !bots.change(|all| all.push(bot)) {
            bots.read();
        }
        let _ = opened.try_update(|opened| opened.push(id));
        let _ = doing.try_set(None);
        focus_soon(tokens_button(id));
    });
    let all = move || bots.with(|all| all.cloned().unwrap_or_default());
    let count = Memo::new(move |_| bots.with(|all| all.map(Vec::len)));
    let list = bots.show(2, |all| {
        all.is_empty().then(|| view! { <p data-testid="no-bots">{texts::bots_none()}</p> }).into_any()
    });
    view! {
        <section class="card settings-card" data-testid="bots">
            <h2>{texts::bots()}</h2>
            <p class="soft">{texts::bots_text()}</p>
            {list}
            // Keyed, so that an open form of one bot survives when another bot is added or removed.
            <Show when=move || count.get().is_some_and(|count| count > 0)>
                <ul class="lines">
                    <For each=all key=|bot| bot.user.id let:bot>
                        <Line bot bots doing opened />
                    </For>
                </ul>
            </Show>
            <Next count doing created />
        </section>
    }
}

/// The form for a new bot, or the button that opens it.
#[component]
fn Next(
    /// The number of bots, once they are loaded.
    count: Memo<Option<usize>>,
    doing: RwSignal<Option<Doing>>,
    created: Callback<Bot>,
) -> impl IntoView {
    move || {
        if count.get().is_some_and(|count| full(count, BOTS_PER_USER)) {
            view! { <p class="soft">{texts::bots_full()}</p> }.into_any()
        } else if doing.get() == Some(Doing::NewBot) {
            view! { <NewBot doing created /> }.into_any()
        } else {
            view! {
                <div class="row end">
                    <button
                        type="button"
                        id=NEW_BOT
                        class="button"
                        data-testid="new-bot"
                        on:click=move |_| doing.set(Some(Doing::NewBot))
                    >
                        <Icon path=PLUS />
                        {texts::new_bot()}
                    </button>
                </div>
            }
            .into_any()
        }
    }
}

fn tokens_button(id: UserId) -> String {
    format!("bot-tokens-{id}")
}

/// One bot, its tokens, and the open form for it.
#[component]
fn Line(
    bot: Bot,
    bots: Loaded<Vec<Bot>>,
    doing: RwSignal<Option<Doing>>,
    opened: RwSignal<Vec<UserId>>,
) -> impl IntoView {
    let context = context();
    let id = bot.user.id;
    let name = StoredValue::new(bidi::isolated(&bot.user.display_name));
    let about = texts::handle_created(
        &bidi::handle(&bot.user.handle),
        &time::full_day(browser::local_time(bot.created_at)),
    );
    let open = Memo::new(move |_| opened.with(|opened| opened.contains(&id)));
    let deleting = Memo::new(move |_| doing.get() == Some(Doing::DeleteBot(id)));
    let deleted = Callback::new(move |messages: i64| {
        context.ui.toast(texts::bot_deleted(&name.get_value(), messages), false);
        let _ = doing.try_set(None);
        bots.change(|all| all.retain(|one| one.user.id != id));
        focus_soon(NEW_BOT.to_owned());
    });
    let tokens = move || {
        let name = name.get_value();
        let heading = texts::bot_tokens_of(&name);
        view! {
            <section id=format!("tokens-of-{id}") class="whole nested" data-testid="bot-token-list">
                <h3>{heading}</h3>
                <Tokens holder=Holder::Bot(id) doing bot=name />
            </section>
        }
    };
    view! {
        <li class="line wrap several" data-testid="bot" data-user-id=id.to_string()>
            <Avatar id />
            <div class="grow who">
                <a class="strong clip" href=format!("/u/{}", bot.user.handle)>
                    <Name id />
                </a>
                <p class="soft clip">{about}</p>
            </div>
            <Buttons id name=name.get_value() doing opened />
            {move || deleting.get().then(|| view! { <DeleteBot id name=name.get_value() doing deleted /> })}
            {move || open.get().then(tokens)}
        </li>
    }
}

/// The buttons that show a bot's tokens and delete it.
#[component]
fn Buttons(
    id: UserId,
    name: String,
    doing: RwSignal<Option<Doing>>,
    opened: RwSignal<Vec<UserId>>,
) -> impl IntoView {
    let open = Memo::new(move |_| opened.with(|opened| opened.contains(&id)));
    let toggle = move |_| {
        opened.update(|opened| {
            if opened.contains(&id) {
                opened.retain(|one| *one != id);
            } else {
                opened.push(id);
            }
        });
        // A form that is no longer visible is closed.
        if doing.get_untracked() == Some(Doing::Token(Holder::Bot(id))) {
            doing.set(None);
        }
    };
    view! {
            <div class="line-actions">
                <button
                    type="button"
                    id=tokens_button(id)
                    class="button"
                    aria-expanded=move || open.get().to_string()
                    aria-controls=move || open.get().then(|| format!("tokens-of-{id}"))
                    aria-label=texts::bot_tokens_of(&name)
                    data-testid="bot-tokens"
                    on:click=toggle
                >
                    {texts::bot_tokens()}
                </button>
                <button
                    type="button"
                    id=format!("delete-bot-{id}")
                    class="button danger-quiet"
                    aria-label=texts::delete_named(&name)
                    data-testid="delete-bot"
                    on:click=move |_| doing.set(Some(Doing::DeleteBot(id)))
                >
                    {texts::delete()}
                </button>
            </div>
    }
}

/// Asks for the password before a bot is deleted for good.
#[component]
fn DeleteBot(
    id: UserId,
    name: String,
    doing: RwSignal<Option<Doing>>,
    deleted: Callback<i64>,
) -> impl IntoView {
    let context = context();
    let password = password_again("bot_password");
    let sending = Sending::new();
    effect(move || password.focus());
    let cancel = move |_| {
        doing.set(None);
        focus_soon(format!("delete-bot-{id}"));
    };
    let submit = sending.on_submit([password], move || {
        let body = ConfirmPassword { password: password.text() };
        let request = async move { context.api.delete_bot(id, &body).await };
        let wrong = move |why: &Failure| place(why, Some(password), &[]);
        sending.send(wrong, request, move |receipt| {
            let _ = deleted.try_run(receipt.erased.messages);
        });
    });
    view! {
        <form class="form whole" data-testid="delete-bot-form" novalidate on:submit=submit>
            <p>{texts::delete_text(&name)}</p>
            <FormFailure failure=sending.failure />
            <PasswordAgain input=password />
            <div class="row end">
                <button type="button" class="button" on:click=cancel>
                    {common::cancel()}
                </button>
                <button
                    type="submit"
                    class="button danger"
                    class:busy=move || sending.busy.get()
                    data-testid="delete-bot-submit"
                >
                    {texts::delete_confirm()}
                </button>
            </div>
        </form>
    }
}

/// The form for a new bot: handle and display name.
#[component]
fn NewBot(doing: RwSignal<Option<Doing>>, created: Callback<Bot>) -> impl IntoView {
    let context = context();
    let handle = Input::new("bot_handle", validation::handle);
    let shown = Input::new("bot_name", optional_display_name);
    let sending = Sending::new();
    let owner = context.session.me();
    effect(move || handle.focus());
    let forget = move || {
        handle.forget(owner);
        shown.forget(owner);
    };
    let cancel = move |_| {
        forget();
        doing.set(None);
        focus_soon(NEW_BOT.to_owned());
    };
    let submit = sending.on_submit([handle, shown], move || {
        let body = CreateBot { handle: handle.text().trim().to_owned(), display_name: shown.trimmed() };
        let request = async move { context.api.create_bot(&body).await };
        let wrong = move |why: &Failure| {
            taken(why, handle, auth::username_taken())
                .or_else(|| place(why, None, &[("handle", handle), ("display_name", shown)]))
        };
        sending.send(wrong, request, move |bot| {
            forget();
            let _ = created.try_run(bot);
        });
    });
    view! {
        <form class="form" data-testid="bot-form" novalidate on:submit=submit>
            <FormFailure failure=sending.failure />
            <Field
                input=handle
                label=auth::username()
                hint=texts::bot_handle_hint()
                placeholder=texts::bot_handle_example()
            />
            <Field
                input=shown
                label=texts::bot_name()
                hint=texts::bot_name_hint()
                placeholder=texts::bot_name_example()
            />
            <div class="row end">
                <button type="button" class="button" on:click=cancel>
                    {common::cancel()}
                </button>
                <Submit label=texts::create_bot() busy=sending.busy testid="create-bot" />
            </div>
        </form>
    }
}
