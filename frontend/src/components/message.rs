//! The rows of a timeline: stored messages, messages on their way, and what stands between them.

use leptos::prelude::*;
use parlour_protocol::conversations::ConversationKind;
use parlour_protocol::ids::{ConversationId, Seq};
use parlour_protocol::messages::{Mention, Message};

use crate::browser;
use crate::components::avatar::{Avatar, Name};
use crate::components::message_body::body;
use crate::components::message_parts::{Actions, Quote, Reactions, RowContext};
use crate::context::context;
use crate::icons::{HASH, Icon};
use crate::live::outbox::Change;
use crate::state::rows::Row;
use crate::state::{bidi, conversations, time};

/// One row.
pub(crate) fn row(row: Row, shared: RowContext) -> AnyView {
    match row {
        Row::Beginning => view! { <Beginning shared /> }.into_any(),
        Row::Day(number) => {
            let label = move || {
                context().minute.track();
                time::day_label(number, browser::local_time(browser::now()))
            };
            view! {
                <div class="day" role="separator">
                    <span>{label}</span>
                </div>
            }
            .into_any()
        }
        Row::Unread => view! {
            <div class="unread-line" role="separator" data-testid="unread-divider">
                <span>"New"</span>
            </div>
        }
        .into_any(),
        Row::Message { seq, opens } => view! { <MessageRow seq opens shared /> }.into_any(),
        Row::Pending { cid, opens } => view! { <PendingRow cid opens shared /> }.into_any(),
    }
}

/// The card at the beginning of a conversation.
#[component]
fn Beginning(shared: RowContext) -> impl IntoView {
    let context = context();
    let entry = context.entry(shared.conversation)?;
    Some(move || {
        let (kind, title, topic, peer) = entry.with(|entry| {
            let peer = entry.peer.as_ref().map(|peer| peer.id);
            (entry.kind, conversations::title(entry), entry.topic.clone().unwrap_or_default(), peer)
        });
        match (kind, peer) {
            (ConversationKind::Direct, Some(peer)) => view! {
                <div class="beginning">
                    <Avatar id=peer size="l" />
                    <h2><bdi>{title.clone()}</bdi></h2>
                    <p class="soft">"This is the beginning of your chat with " <bdi>{title}</bdi> ". Only you two can read it."</p>
                </div>
            }
            .into_any(),
            _ => {
                let name = bidi::isolated(&title);
                view! {
                <div class="beginning">
                    <span class="beginning-icon">
                        <Icon path=HASH />
                    </span>
                    <h2>{format!("Welcome to #{name}")}</h2>
                    <p class="soft" dir="auto">
                        {if topic.is_empty() { format!("This is where #{name} begins.") } else { topic }}
                    </p>
                </div>
                }
            }
            .into_any(),
        }
    })
}

/// A stored message.
#[component]
fn MessageRow(seq: Seq, opens: bool, shared: RowContext) -> impl IntoView {
    let context = context();
    let message = context.open.message(seq)?;
    let Message { author, at, reply_to, .. } = message.get_untracked();
    let local = browser::local_time(at);
    let (clock, full) = (time::clock(local), time::full(local));
    let me = context.me();
    let conversation = shared.conversation;
    let change = Memo::new(move |_| context.change_of(conversation, seq));
    let going = Memo::new(move |_| context.deletes(conversation, seq));
    let text = Memo::new({
        let message = message.clone();
        move |_| match change.get() {
            Some(change) => (Some(change.body), None, None),
            None => {
                message.with(|message| (message.body.clone(), message.mentions.clone(), message.edited_at))
            }
        }
    });
    let answers_me = message.with_untracked(|message| message.reply_author) == Some(me);
    let mentioned = Memo::new(move |_| {
        let named = |all: &Vec<Mention>| all.iter().any(|one| one.user == me);
        let concerns = text.with(|(text, mentions, _)| {
            text.is_some() && (answers_me || mentions.as_ref().is_some_and(named))
        });
        !context.is_blocked(author) && author != me && concerns
    });
    let active = Memo::new(move |_| shared.active.get() == Some(seq));
    let target = Memo::new(move |_| shared.target.get() == Some(seq));
    let acting = message.clone();
    let unfolded = RwSignal::new(false);
    let folded = Memo::new(move |_| !unfolded.get() && context.is_blocked(author));
    let content = move || {
        if folded.get() {
            return view! {
                <div class="body deleted" data-testid="message-folded">
                    "A message of somebody you block. "
                    <button
                        type="button"
                        class="link-button"
                        data-testid="unfold"
                        on:click=move |_| unfolded.set(true)
                    >
                        "Show it"
                    </button>
                </div>
            }
            .into_any();
        }
        let (text, mentions, edited) = text.get();
        match text {
            Some(text) => view! {
                <div class="body" data-testid="message-body" dir="auto">
                    <span class="said" translate="yes">{body(&text, mentions.as_deref(), me)}</span>
                    {edited
                        .map(|at| {
                            let full = format!("Edited {}", time::full(browser::local_time(at)));
                            view! {
                                " "
                                <bdi class="edited" title=full>"(edited)"</bdi>
                            }
                        })}
                </div>
            }
            .into_any(),
            None => view! { <div class="body deleted" data-testid="message-deleted">"This message was deleted."</div> }.into_any(),
        }
    };
    let head = opens.then(|| view! { <Head author clock=clock.clone() full=full.clone() /> });
    let gutter = if opens {
        view! { <Avatar id=author /> }.into_any()
    } else {
        view! { <time class="gutter-time" title=full.clone() datetime=at.to_string()>{clock.clone()}</time> }
            .into_any()
    };
    Some(view! {
        <div
            class="message"
            class:opens=opens
            class:mentioned=move || mentioned.get()
            class:active=move || active.get()
            class:target=move || target.get()
            class:going=move || going.get()
            role="article"
            tabindex="-1"
            data-testid="message"
            data-seq=seq.to_string()
            data-state="sent"
            on:mouseenter=move |_| shared.active.set(Some(seq))
            on:focusin=move |_| shared.active.set(Some(seq))
            on:contextmenu=move |event| {
                let chosen = window().get_selection_text();
                if chosen.is_empty() && !on_link(&event) {
                    event.prevent_default();
                    shared.active.set(Some(seq));
                }
            }
        >
            <div class="gutter">{gutter}</div>
            <div class="content">
                {reply_to.map(|quoted| view! { <Quote conversation=shared.conversation seq=quoted /> })}
                {head}
                {content}
                <ChangeState conversation change />
                <Reactions conversation=shared.conversation message=message.clone() />
            </div>
            {move || {
                let there = text.with(|(text, ..)| text.is_some()) && !folded.get() && !going.get();
                (active.get() && there).then(|| view! { <Actions message=acting.clone() row=shared /> })
            }}
        </div>
    })
}

/// How an edit stands that the server has not answered: nothing of what was written is lost by it.
#[component]
fn ChangeState(conversation: ConversationId, change: Memo<Option<Change>>) -> impl IntoView {
    move || {
        let change = change.get()?;
        let state = match change.failed {
            None => view! { <span class="edited" data-testid="edit-waiting">"Saving the change…"</span> }
                .into_any(),
            Some(why) => {
                let what = format!("Not changed. {why}");
                view! { <Refused conversation cid=change.cid what /> }.into_any()
            }
        };
        Some(view! { <div class="change-state">{state}</div> })
    }
}

/// Something that the server has refused: why, and what one can do.
#[component]
fn Refused(conversation: ConversationId, cid: String, what: String) -> impl IntoView {
    let context = context();
    let cid = StoredValue::new(cid);
    view! {
        <div class="refused" role="alert">
            <span>{what}</span>
            <button
                type="button"
                class="link-button"
                data-testid="retry"
                on:click=move |_| context.retry(conversation, &cid.get_value())
            >
                "Retry"
            </button>
            <button
                type="button"
                class="link-button quiet"
                data-testid="discard"
                on:click=move |_| context.discard(conversation, &cid.get_value())
            >
                "Discard"
            </button>
        </div>
    }
}

/// Author and time, above the first message of a group.
#[component]
fn Head(author: parlour_protocol::ids::UserId, clock: String, full: String) -> impl IntoView {
    let user = context().user(author);
    let href = move || user.with(|user| user.as_ref().map(|user| format!("/u/{}", user.handle)));
    view! {
        <div class="message-head">
            <a class="author" href=href>
                <Name id=author />
            </a>
            <time title=full>{clock}</time>
        </div>
    }
}

/// A message on its way.
#[component]
fn PendingRow(cid: String, opens: bool, shared: RowContext) -> impl IntoView {
    let context = context();
    let me = context.me();
    let name = StoredValue::new(cid);
    let waiting = Memo::new(move |_| {
        context.outbox_version.track();
        name.with_value(|cid| context.waiting(cid))
    });
    let failed = move || waiting.with(|one| one.as_ref().and_then(|one| one.failed.clone()));
    let reply_to = waiting.with_untracked(|one| one.as_ref().and_then(|one| one.reply_to));
    let text = waiting.with_untracked(|one| one.as_ref().map(|one| one.body.clone())).unwrap_or_default();
    let clock = time::clock(browser::local_time(browser::now()));
    let refused = move || {
        failed().map(|why| {
            let what = format!("Not sent. {why}");
            view! { <Refused conversation=shared.conversation cid=name.get_value() what /> }
        })
    };
    view! {
        <div
            class="message pending"
            class:opens=opens
            class:failed=move || failed().is_some()
            role="article"
            data-testid="message"
            data-state=move || if failed().is_some() { "failed" } else { "sending" }
        >
            <div class="gutter">{opens.then(|| view! { <Avatar id=me /> })}</div>
            <div class="content">
                {reply_to.map(|quoted| view! { <Quote conversation=shared.conversation seq=quoted /> })}
                {opens.then(|| view! { <Head author=me clock=clock.clone() full=clock.clone() /> })}
                <div class="body" data-testid="message-body" dir="auto">
                    <span class="said">{body(&text, None, me)}</span>
                </div>
                {refused}
            </div>
        </div>
    }
}

fn on_link(event: &web_sys::MouseEvent) -> bool {
    use wasm_bindgen::JsCast;
    let element = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    element.is_some_and(|element| element.closest("a").ok().flatten().is_some())
}

/// The selected text of a page.
trait Selected {
    fn get_selection_text(&self) -> String;
}

impl Selected for web_sys::Window {
    fn get_selection_text(&self) -> String {
        self.get_selection().ok().flatten().map(|one| String::from(one.to_string())).unwrap_or_default()
    }
}
