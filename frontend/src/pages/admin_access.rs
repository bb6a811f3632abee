//! Who gets in, and what happened: approvals, invites, the audit log.

use leptos::prelude::*;
use leptos::task::spawn_local;
use parlour_protocol::Page;
use parlour_protocol::admin::AdminUser;
use parlour_protocol::audit::AuditEntry;
use parlour_protocol::ids::UserId;
use parlour_protocol::invites::{CreateInvite, Invite};

use crate::api::http::Answer;
use crate::browser;
use crate::components::avatar::Name;
use crate::components::copying::CopyButton;
use crate::components::dialog::ask;
use crate::components::states::{Failed, Skeleton};
use crate::context::{Context, Load, context};
use crate::state::{bidi, people, time};

/// A list that is read page by page.
struct Paged<T: Clone + Send + Sync + 'static> {
    items: RwSignal<Load<Vec<T>>>,
    next: RwSignal<Option<String>>,
}

// Not derived: signals are copied whatever they hold.
impl<T: Clone + Send + Sync + 'static> Clone for Paged<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Clone + Send + Sync + 'static> Copy for Paged<T> {}

impl<T: Clone + Send + Sync + 'static> Paged<T> {
    fn new() -> Self {
        Self { items: RwSignal::new(Load::Pending), next: RwSignal::new(None) }
    }

    fn read(self, more: bool, page: impl Future<Output = Answer<Page<T>>> + 'static) {
        spawn_local(async move {
            match page.await {
                Ok(page) => {
                    let _ = self.next.try_set(page.next);
                    let _ = self.items.try_update(|items| match items {
                        Load::Ready(known) if more => known.extend(page.items),
                        _ => *items = Load::Ready(page.items),
                    });
                }
                Err(failure) => {
                    let _ = self.items.try_set(Load::Failed(failure));
                }
            }
        });
    }

    /// The list, or why there is none.
    fn show<V: IntoView + 'static>(
        self,
        empty: &'static str,
        read: impl Fn(bool) + Copy + Send + Sync + 'static,
        line: impl Fn(T) -> V + Copy + Send + Sync + 'static,
    ) -> impl IntoView {
        view! {
            {move || match self.items.get() {
                Load::Pending => view! { <Skeleton rows=2 /> }.into_any(),
                Load::Failed(failure) => {
                    view! { <Failed failure retry=Callback::new(move |()| read(false)) /> }.into_any()
                }
                Load::Ready(all) if all.is_empty() => view! { <p>{empty}</p> }.into_any(),
                Load::Ready(all) => view! { <ul class="lines">{all.into_iter().map(line).collect_view()}</ul> }.into_any(),
            }}
            <Show when=move || self.next.with(Option::is_some)>
                <button type="button" class="button more" on:click=move |_| read(true)>
                    "Show more"
                </button>
            </Show>
        }
    }
}

fn moment(at: parlour_protocol::time::Timestamp) -> String {
    time::full(browser::local_time(at))
}

/// Accounts that wait to be let in.
#[component]
pub(crate) fn Approvals() -> impl IntoView {
    let context = context();
    let list = Paged::<AdminUser>::new();
    let read = move |more: bool| {
        let after = list.next.get_untracked().filter(|_| more);
        list.read(more, async move { context.api.list_approvals(after.as_deref()).await });
    };
    read(false);
    let line = move |one: AdminUser| {
        let id = one.user.id;
        let approve = move |_| {
            context.attempt(async move { context.api.approve(id).await }, move |_| read(false));
        };
        let name = bidi::isolated(&one.user.display_name);
        let reject = move |_| {
            ask(
                format!("Turn {name} away?"),
                "The account is removed, and its handle is free.",
                "Turn away",
                move || {
                    context.attempt(async move { context.api.reject(id).await }, move |()| read(false));
                },
            );
        };
        view! {
            <li class="line" data-testid="approval" data-user-id=id.to_string()>
                <div class="grow">
                    <p class="strong clip">{one.user.display_name}</p>
                    <p class="soft clip">
                        {format!("@{} · since {}", one.user.handle, one.pending_since.map(moment).unwrap_or_default())}
                    </p>
                </div>
                <button type="button" class="button primary" data-testid="approve" on:click=approve>
                    "Let in"
                </button>
                <button type="button" class="button danger-quiet" data-testid="reject" on:click=reject>
                    "Turn away"
                </button>
            </li>
        }
    };
    view! {
        <section class="card settings-card">
            <h2>"Waiting for approval"</h2>
            {list.show("Nobody waits.", read, line)}
        </section>
    }
}

/// Codes that let people register.
#[component]
pub(crate) fn Invites() -> impl IntoView {
    let context = context();
    let list = Paged::<Invite>::new();
    let read = move |more: bool| {
        let after = list.next.get_untracked().filter(|_| more);
        list.read(more, async move { context.api.list_invites(after.as_deref()).await });
    };
    read(false);
    let (uses, days) = (RwSignal::new(1_i64), RwSignal::new(7_i64));
    let made = RwSignal::new(None::<String>);
    let create = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let body = CreateInvite { uses: Some(uses.get_untracked()), days: Some(days.get_untracked()) };
        context.attempt(async move { context.api.create_invite(&body).await }, move |answer| {
            let origin = window().location().origin().unwrap_or_default();
            made.set(Some(format!("{origin}/register?invite={}", answer.code)));
            read(false);
        });
    };
    let number = move |name: &'static str, label: &'static str, most: i64, value: RwSignal<i64>| {
        view! {
            <label class="field">
                {label}
                <input
                    class="input"
                    type="number"
                    name=name
                    min="1"
                    max=most.to_string()
                    prop:value=move || value.get().to_string()
                    on:input:target=move |event| value.set(event.target().value().parse().unwrap_or(1))
                />
            </label>
        }
    };
    let line = move |invite: Invite| {
        let id = invite.id;
        let revoke = move |_| {
            ask("Revoke this invite?", "Nobody can register with it any more.", "Revoke", move || {
                context.attempt(async move { context.api.revoke_invite(id).await }, move |()| read(false));
            });
        };
        view! {
            <li class="line" data-testid="invite">
                <div class="grow">
                    <p class="strong">{format!("{} of {} used", invite.used, people::number(invite.uses))}</p>
                    <p class="soft clip">
                        "By " <Name id=invite.created_by /> {format!(" · until {}", moment(invite.expires_at))}
                    </p>
                </div>
                <button type="button" class="button danger-quiet" data-testid="revoke-invite" on:click=revoke>
                    "Revoke"
                </button>
            </li>
        }
    };
    let fresh = move || {
        made.get().map(|link| {
            let copied = link.clone();
            view! {
                <div class="notice" role="status">
                    <span>
                        "Send this link; it is shown this once: "
                        <code data-testid="invite-link">{link}</code>
                    </span>
                    <CopyButton text=copied testid="copy-invite" />
                </div>
            }
        })
    };
    view! {
        <section class="card settings-card">
            <h2>"Invites"</h2>
            <form class="form" data-testid="invite-form" on:submit=create>
                {number("invite_uses", "People", 1000, uses)} {number("invite_days", "Days", 365, days)}
                <div class="row end">
                    <button type="submit" class="button primary" data-testid="create-invite">"Make an invite"</button>
                </div>
            </form>
            {fresh}
            {list.show("There are no open invites.", read, line)}
        </section>
    }
}

/// Names somebody in the log, who may be gone since.
fn named(context: Context, who: Option<UserId>) -> AnyView {
    match who {
        Some(id) => {
            let _ = context.user(id);
            view! { <Name id /> }.into_any()
        }
        None => view! { <span>"–"</span> }.into_any(),
    }
}

/// What happened to accounts and rights.
#[component]
pub(crate) fn AuditLog() -> impl IntoView {
    let context = context();
    let list = Paged::<AuditEntry>::new();
    let read = move |more: bool| {
        let after = list.next.get_untracked().filter(|_| more);
        list.read(more, async move { context.api.list_audit_log(after.as_deref()).await });
    };
    read(false);
    let line = move |entry: AuditEntry| {
        let about = [entry.operation, entry.address].into_iter().flatten().collect::<Vec<_>>().join(" · ");
        view! {
            <li class="line" data-testid="audit-entry" data-kind=entry.kind.as_str()>
                <div class="grow">
                    <p class="strong">{entry.kind.as_str().replace('_', " ")}</p>
                    <p class="soft clip">
                        {named(context, entry.actor)} {entry.subject.map(|id| view! { " → " {named(context, Some(id))} })}
                        {(!about.is_empty()).then(|| format!(" · {about}"))}
                    </p>
                </div>
                <time class="soft tabular" datetime=entry.at.to_string()>{moment(entry.at)}</time>
            </li>
        }
    };
    view! {
        <section class="card settings-card">
            <h2>"Audit log"</h2>
            {list.show("Nothing has happened.", read, line)}
        </section>
    }
}
