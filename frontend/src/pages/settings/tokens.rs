//! Access tokens of the user or of a bot: the list, the secret of a new one (shown once), and revoking.

use leptos::prelude::*;
use parlour_protocol::api_tokens::{CreatedToken, Token};
use parlour_protocol::conversations::ConversationKind;
use parlour_protocol::ids::ConversationId;
use parlour_protocol::limits::TOKENS_PER_USER;

use crate::browser;
use crate::components::copying::CopyButton;
use crate::context::{Context, context};
use crate::icons::{Icon, KEY, PLUS};
use crate::pages::loaded::{Loaded, lines};
use crate::pages::settings::bots::Bots;
use crate::pages::settings::token_form::TokenForm;
use crate::state::conversations::title;
use crate::state::tokens::{Doing, Holder, Reach, full, reach, writes};
use crate::state::{bidi, time};
use crate::texts::tokens as texts;

/// The settings for programs that act as the user or as bots.
#[component]
pub(crate) fn Programs() -> impl IntoView {
    let doing = RwSignal::new(None::<Doing>);
    view! {
        <section class="card settings-card" data-testid="tokens">
            <h2>{texts::tokens()}</h2>
            <p class="soft">{texts::tokens_text()}</p>
            <Tokens holder=Holder::Myself doing />
        </section>
        <Bots doing />
    }
}

/// The name of a conversation in lists: `#tea`, `Ada`. `None` if the user is not in it.
pub(crate) fn called(context: Context, id: ConversationId) -> Option<String> {
    let entry = context.conversations.entry(id)?;
    Some(entry.with(|entry| match entry.kind {
        ConversationKind::Room => format!("#{}", title(entry)),
        ConversationKind::Direct => title(entry),
    }))
}

/// Focuses an element that is about to be rendered.
pub(crate) fn focus_soon(id: String) {
    request_animation_frame(move || browser::focus(&id));
}

/// The tokens of one holder, and the form for a new one.
#[component]
pub(crate) fn Tokens(
    holder: Holder,
    doing: RwSignal<Option<Doing>>,
    /// The name of the bot that the tokens are for.
    #[prop(optional)]
    bot: Option<String>,
) -> impl IntoView {
    let context = context();
    let request = move || async move { Ok(context.api.list_tokens(holder).await?.items) };
    let tokens = Loaded::<Vec<Token>>::now(request);
    let fresh = RwSignal::new(None::<CreatedToken>);
    let created = Callback::new(move |made: CreatedToken| {
        let _ = fresh.try_set(Some(made));
        let _ = doing.try_set(None);
        focus_soon(holder.element("secret"));
        tokens.read();
    });
    let kept = Callback::new(move |()| {
        fresh.set(None);
        focus_soon(holder.element("new"));
    });
    let (empty, most) = match holder {
        Holder::Myself => (texts::tokens_none(), texts::tokens_full()),
        Holder::Bot(_) => (texts::bot_tokens_none(), texts::bot_tokens_full()),
    };
    let list = tokens.show(2, move |all| {
        let none = view! { <p data-testid="no-tokens">{empty}</p> };
        lines(all, none, move |token| view! { <Line token holder tokens /> })
    });
    let many = Memo::new(move |_| {
        tokens.with(|all| all.map(|all| full(all.len(), TOKENS_PER_USER)).unwrap_or_default())
    });
    let making = Memo::new(move |_| doing.get() == Some(Doing::Token(holder)));
    let label = bot.map(|bot| texts::new_token_for(&bot));
    // A new secret stays visible until the user confirms that it was saved.
    let next = move || {
        if fresh.with(Option::is_some) {
            ().into_any()
        } else if many.get() {
            view! { <p class="soft">{most}</p> }.into_any()
        } else if making.get() {
            view! { <TokenForm holder doing created /> }.into_any()
        } else {
            view! {
                <div class="row end">
                    <button
                        type="button"
                        id=holder.element("new")
                        class="button"
                        aria-label=label.clone()
                        data-testid="new-token"
                        on:click=move |_| doing.set(Some(Doing::Token(holder)))
                    >
                        <Icon path=PLUS />
                        {texts::new_token()}
                    </button>
                </div>
            }
            .into_any()
        }
    };
    view! {
        {list}
        {move || fresh.get().map(|made| view! { <Secret made holder kept /> })}
        {next}
    }
}

/// The secret of a new token, shown only once.
#[component]
fn Secret(made: CreatedToken, holder: Holder, kept: Callback<()>) -> impl IntoView {
    let title = holder.element("secret-title");
    view! {
        <div
            id=holder.element("secret")
            class="notice fresh-secret"
            role="group"
            aria-labelledby=title
            tabindex="-1"
            data-testid="fresh-token"
        >
            <p id=title.clone() class="strong">{texts::token_of(&bidi::isolated(&made.token.name))}</p>
            <p>{texts::secret_text()}</p>
            <code class="secret" data-testid="token-secret">{made.secret.clone()}</code>
            <div class="row end">
                <CopyButton text=made.secret label=texts::copy_token() testid="copy-token" class="button primary" />
                <button type="button" class="button" data-testid="token-kept" on:click=move |_| kept.run(())>
                    {texts::secret_kept()}
                </button>
            </div>
        </div>
    }
}

/// One token.
#[component]
fn Line(token: Token, holder: Holder, tokens: Loaded<Vec<Token>>) -> impl IntoView {
    let context = context();
    let id = token.id;
    let name = bidi::isolated(&token.name);
    let label = texts::revoke_named(&name);
    let revoke = move |_| {
        let name = name.clone();
        context.ui.ask(texts::revoke_title(&name), texts::revoke_text(), texts::revoke(), move || {
            let said = texts::revoked(&name);
            context.attempt(async move { context.api.revoke_token(holder, id).await }, move |()| {
                context.ui.toast(said, false);
                tokens.change(|all| all.retain(|one| one.id != id));
            });
        });
    };
    let access = if writes(&token.scopes) { texts::access_write() } else { texts::access_read() };
    let only = token.conversations;
    let reaches = move || {
        // Conversation names become known when the conversations are loaded.
        context.conversations.ids.track();
        let called = |id| called(context, id).map(|name| bidi::isolated(&name));
        match reach(only.as_deref(), called) {
            Reach::Everywhere => texts::everywhere().to_owned(),
            Reach::Only(names, more) => texts::only_in(&names, more),
        }
    };
    let used = move || {
        context.ui.minute.track();
        token
            .last_used_at
            .map_or_else(|| texts::never_used().to_owned(), |at| texts::last_used(&browser::ago(at)))
    };
    let day = |at| time::full_day(browser::local_time(at));
    let ends =
        token.expires_at.map_or_else(|| texts::never_expires().to_owned(), |at| texts::expires(&day(at)));
    view! {
        <li class="line wrap token-line" data-testid="token" data-token-id=id.to_string()>
            <span class="room-icon">
                <Icon path=KEY />
            </span>
            <div class="grow who">
                <p class="strong clip" data-testid="token-name">
                    <bdi>{token.name}</bdi>
                </p>
                <p class="meta">
                    <span>{access}</span>
                    <span data-testid="token-reach">{reaches}</span>
                </p>
                <p class="meta tabular">
                    <span>{texts::created(&day(token.created_at))}</span>
                    <span data-testid="token-used">{used}</span>
                    <span>{ends}</span>
                </p>
            </div>
            <div class="line-actions">
                <button
                    type="button"
                    class="button danger-quiet"
                    aria-label=label
                    data-testid="revoke-token"
                    on:click=revoke
                >
                    {texts::revoke()}
                </button>
            </div>
        </li>
    }
}
