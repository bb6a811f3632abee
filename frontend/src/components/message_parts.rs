//! Parts of a message's row: the message that it answers, its reactions, and what one can do with it.

use leptos::prelude::*;
use parlour_client::engine::Act;
use parlour_protocol::conversations::ConversationKind;
use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::messages::{Message, Reaction};
use parlour_protocol::rooms::MemberRole;

use crate::browser;
use crate::components::avatar::Name;
use crate::components::composer::Mode;
use crate::components::dialog::ask;
use crate::context::{Context, context};
use crate::icons::{BAN, COPY, Icon, LINK, PENCIL, REPLY, SMILE, TRASH};
use crate::state::{bidi, people, reactions};

/// The emoji that are offered for reactions.
pub(crate) const PALETTE: [&str; 8] = ["👍", "❤️", "😂", "🎉", "😮", "😢", "🙏", "👀"];

/// What the rows of a timeline share.
#[derive(Clone, Copy)]
pub(crate) struct RowContext {
    pub(crate) conversation: ConversationId,
    pub(crate) mode: RwSignal<Mode>,
    /// The row whose actions are shown.
    pub(crate) active: RwSignal<Option<Seq>>,
    /// The row whose emoji are offered.
    pub(crate) palette: RwSignal<Option<Seq>>,
    /// The row that was jumped to.
    pub(crate) target: RwSignal<Option<Seq>>,
}

/// The message that this one answers.
#[component]
pub(crate) fn Quote(conversation: ConversationId, seq: Seq) -> impl IntoView {
    let context = context();
    // It may be loaded later, or never among the rows: it is read by itself then.
    let quoted = context.open.quoted(seq, move |seqs| context.read_quoted(conversation, seqs));
    let inside = move || match quoted.get() {
        Some(Message { author, body, .. }) => {
            let text = if context.is_blocked(author) {
                "A message of somebody you block.".to_owned()
            } else {
                body.unwrap_or_else(|| "This message was deleted.".to_owned())
            };
            let text: String = text.chars().take(160).collect();
            view! {
                <strong>
                    <Name id=author />
                </strong>
                <span class="clip" dir="auto">{text}</span>
            }
            .into_any()
        }
        None => view! { <span>"Show the message that this answers"</span> }.into_any(),
    };
    view! {
        <a class="quote" data-testid="quote" href=format!("/c/{conversation}/{seq}")>
            <Icon path=REPLY />
            {inside}
        </a>
    }
}

/// Adds or takes back a reaction.
pub(crate) fn react(context: Context, conversation: ConversationId, message: &Message, emoji: &str) {
    let (me, seq, emoji) = (context.me(), message.seq, emoji.to_owned());
    let shown = untrack(|| reactions::shown(&message.reactions, &context.reacts(conversation, seq), me));
    let on = !shown.iter().any(|reaction| reaction.emoji == emoji && reaction.users.contains(&me));
    context.act(conversation, Act::React { seq, emoji, on });
}

/// The reactions below a message.
#[component]
pub(crate) fn Reactions(conversation: ConversationId, message: ArcRwSignal<Message>) -> impl IntoView {
    let context = context();
    let me = context.me();
    let reactions = {
        let message = message.clone();
        Memo::new(move |_| {
            message.with(|message| {
                reactions::shown(&message.reactions, &context.reacts(conversation, message.seq), me)
            })
        })
    };
    let chip = move |reaction: Reaction| {
        let message = message.clone();
        let mine = reaction.users.contains(&me);
        let names = {
            let users = reaction.users.clone();
            move || {
                let name =
                    |id| context.user(id).with(|user| user.as_ref().map(|user| user.display_name.clone()));
                let names: Vec<String> = users
                    .iter()
                    .take(12)
                    .filter_map(|id| name(*id))
                    .map(|name| bidi::isolated(&name))
                    .collect();
                people::list(&names)
            }
        };
        let emoji = reaction.emoji.clone();
        view! {
            <button
                type="button"
                class="chip"
                class:mine=mine
                aria-pressed=mine.to_string()
                title=names
                data-testid="reaction"
                on:click=move |_| react(context, conversation, &message.get_untracked(), &emoji)
            >
                <span>{reaction.emoji.clone()}</span>
                <span class="chip-count">{reaction.users.len()}</span>
            </button>
        }
    };
    move || {
        let reactions = reactions.get();
        (!reactions.is_empty())
            .then(|| view! { <div class="reactions">{reactions.into_iter().map(chip.clone()).collect_view()}</div> })
    }
}

/// Asks, and then blocks somebody.
pub(crate) fn block(context: Context, id: UserId) {
    let name = context.user(id).with_untracked(|user| user.as_ref().map(|user| user.display_name.clone()));
    ask(
        format!("Block {}?", name.map_or_else(|| "this person".to_owned(), |name| bidi::isolated(&name))),
        "You stop being friends, and their requests and mentions do not reach you any more. In rooms their messages \
         are folded away. They are not told.",
        "Block",
        move || {
            context.attempt(async move { context.api.block(id).await }, move |block| {
                context.toast(format!("You block {} now.", bidi::isolated(&block.user.display_name)), false);
                context.load_blocks();
                context.load_friends();
            });
        },
    );
}

/// Ends a block.
pub(crate) fn unblock(context: Context, id: UserId) {
    context.attempt(async move { context.api.unblock(id).await }, move |()| {
        context.toast("The block is lifted.", false);
        context.load_blocks();
    });
}

/// What one can do with a message.
#[component]
pub(crate) fn Actions(message: ArcRwSignal<Message>, row: RowContext) -> impl IntoView {
    let context = context();
    let conversation = row.conversation;
    let snapshot = message.get_untracked();
    let seq = snapshot.seq;
    let mine = snapshot.author == context.me();
    let (writable, moderates) = context.entry(conversation).map_or((false, false), |entry| {
        entry.with(|entry| {
            // As the server has it: moderators in their room, administrators in every room.
            let rank = entry.role.is_some_and(|role| role >= MemberRole::Moderator) || context.is_admin();
            (entry.writable, entry.kind == ConversationKind::Room && rank)
        })
    });
    let may_delete = mine || moderates;
    let act = StoredValue::new(message);
    let reply = move |_| {
        row.mode.set(Mode::Reply(seq));
        browser::focus("composer");
    };
    let edit = move |_| {
        row.mode.set(Mode::Edit(seq));
        browser::focus("composer");
    };
    let copy = move |_| {
        if let Some(body) = act.with_value(|message| message.with_untracked(|message| message.body.clone())) {
            context.copy(body, move || context.toast("Copied", false));
        }
    };
    let link = move |_| {
        let origin = window().location().origin().unwrap_or_default();
        context.copy(format!("{origin}/c/{conversation}/{seq}"), move || context.toast("Link copied", false));
    };
    let delete = move |_| {
        ask(
            "Delete this message?",
            "Its text will be gone for everybody. This cannot be undone.",
            "Delete",
            move || {
                context.act(conversation, Act::Delete { seq });
            },
        );
    };
    let author = snapshot.author;
    let block = move |_| block(context, author);
    let emoji = move |emoji: &'static str| {
        view! {
            <button
                type="button"
                class="emoji-button"
                aria-label=format!("React with {emoji}")
                on:click=move |_| {
                    row.palette.set(None);
                    act.with_value(|message| react(context, conversation, &message.get_untracked(), emoji));
                }
            >
                {emoji}
            </button>
        }
    };
    let action = move |path, label: &'static str, testid: &'static str| {
        view! {
            <button type="button" class="icon-button small" aria-label=label title=label data-testid=testid>
                <Icon path />
            </button>
        }
    };
    view! {
        <div class="actions" role="toolbar" aria-label="Message actions">
            {writable
                .then(|| {
                    view! {
                        <span on:click=move |_| {
                            row.palette.update(|open| *open = if *open == Some(seq) { None } else { Some(seq) });
                        }>{action(SMILE, "Add a reaction", "react")}</span>
                        <span on:click=reply>{action(REPLY, "Reply", "reply")}</span>
                    }
                })}
            {(writable && mine).then(|| view! { <span on:click=edit>{action(PENCIL, "Edit", "edit")}</span> })}
            <span on:click=copy>{action(COPY, "Copy the text", "copy")}</span>
            <span on:click=link>{action(LINK, "Copy a link", "copy-link")}</span>
            {(!mine)
                .then(|| view! { <span class="danger-action" on:click=block>{action(BAN, "Block the author", "block-author")}</span> })}
            {may_delete
                .then(|| view! { <span class="danger-action" on:click=delete>{action(TRASH, "Delete", "delete")}</span> })}
            <Show when=move || row.palette.get() == Some(seq)>
                <div class="palette" role="group" aria-label="Reactions">
                    {PALETTE.into_iter().map(emoji).collect_view()}
                </div>
            </Show>
        </div>
    }
}
