//! Access and audit: approvals, invites, the audit log.

use leptos::prelude::*;
use parlour_protocol::admin::AdminUser;
use parlour_protocol::audit::AuditEntry;
use parlour_protocol::ids::UserId;
use parlour_protocol::invites::{CreateInvite, Invite};

use crate::browser;
use crate::components::copying::CopyButton;
use crate::components::form::{Field, Input, Submit};
use crate::context::{Context, context};
use crate::pages::auth::FormFailure;
use crate::pages::loaded::lines;
use crate::pages::paged::Paged;
use crate::pages::sending::{Sending, place};
use crate::state::failure::Failure;
use crate::state::{bidi, people, time};
use crate::texts::{admin as texts, common};

fn moment(at: parlour_protocol::time::Timestamp) -> String {
    time::full(browser::local_time(at))
}

/// Accounts waiting for approval.
#[component]
pub(crate) fn Approvals() -> impl IntoView {
    let context = context();
    let list = Paged::<AdminUser>::new();
    let read = move |more: bool| {
        let after = list.after(more);
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
            context.ui.ask(texts::reject_title(&name), texts::reject_text(), texts::reject(), move || {
                context.attempt(async move { context.api.reject(id).await }, move |()| read(false));
            });
        };
        view! {
            <li class="line" data-testid="approval" data-user-id=id.to_string()>
                <div class="grow">
                    <p class="strong clip">{one.user.display_name}</p>
                    <p class="soft clip">
                        {texts::waiting_since(&bidi::handle(&one.user.handle), &one.pending_since.map(moment).unwrap_or_default())}
                    </p>
                </div>
                <button type="button" class="button primary" data-testid="approve" on:click=approve>
                    {texts::approve()}
                </button>
                <button type="button" class="button danger-quiet" data-testid="reject" on:click=reject>
                    {texts::reject()}
                </button>
            </li>
        }
    };
    view! {
        <section class="card settings-card">
            <h2>{texts::approvals()}</h2>
            {list.show(2, read, move |all| lines(all, view! { <p>{texts::approvals_none()}</p> }, line))}
        </section>
    }
}

/// Checks for a whole number between 1 and `most`.
fn within(text: &str, most: i64, rule: &str) -> Result<(), String> {
    let good = text.trim().parse::<i64>().is_ok_and(|number| (1..=most).contains(&number));
    if good { Ok(()) } else { Err(rule.to_owned()) }
}

/// Invite codes for registration.
#[component]
pub(crate) fn Invites() -> impl IntoView {
    let context = context();
    let list = Paged::<Invite>::new();
    let read = move |more: bool| {
        let after = list.after(more);
        list.read(more, async move { context.api.list_invites(after.as_deref()).await });
    };
    read(false);
    let changed = Callback::new(move |()| read(false));
    let line = move |invite: Invite| view! { <InviteLine invite changed /> };
    view! {
        <section class="card settings-card">
            <h2>{texts::invites()}</h2>
            <NewInvite changed />
            {list.show(2, read, move |all| lines(all, view! { <p>{texts::invites_none()}</p> }, line))}
        </section>
    }
}

/// The form for a new invite, and the link that it made.
#[component]
fn NewInvite(changed: Callback<()>) -> impl IntoView {
    let context = context();
    let uses = Input::new("invite_uses", |text| within(text, 1000, texts::uses_hint()));
    let days = Input::new("invite_days", |text| within(text, 365, texts::days_hint()));
    uses.value.set("1".to_owned());
    days.value.set("7".to_owned());
    let sending = Sending::new();
    let made = RwSignal::new(None::<String>);
    let create = sending.on_submit([uses, days], move || {
        let number = |input: Input| input.text().trim().parse().ok();
        let body = CreateInvite { uses: number(uses), days: number(days) };
        let request = async move { context.api.create_invite(&body).await };
        let wrong = move |why: &Failure| place(why, None, &[("uses", uses), ("days", days)]);
        sending.send(wrong, request, move |answer| {
            let origin = context.session.origin();
            let _ = made.try_set(Some(format!("{origin}/register?invite={}", answer.code)));
            let _ = changed.try_run(());
        });
    });
    let fresh = move || {
        made.get().map(|link| {
            let copied = link.clone();
            view! {
                <div class="notice" role="status">
                    <span>
                        {texts::invite_link()} " "
                        <code data-testid="invite-link">{link}</code>
                    </span>
                    <CopyButton text=copied testid="copy-invite" />
                </div>
            }
        })
    };
    view! {
        <form class="form" data-testid="invite-form" novalidate on:submit=create>
            <FormFailure failure=sending.failure />
            <div class="fields">
                <Field input=uses label=texts::uses() hint=texts::uses_hint() kind="number" />
                <Field input=days label=texts::days() hint=texts::days_hint() kind="number" />
            </div>
            <div class="row end">
                <Submit label=texts::create_invite() busy=sending.busy testid="create-invite" />
            </div>
        </form>
        {fresh}
    }
}

/// One invite.
#[component]
fn InviteLine(invite: Invite, changed: Callback<()>) -> impl IntoView {
    let context = context();
    let id = invite.id;
    let revoke = move |_| {
        context.ui.ask(texts::revoke_title(), texts::revoke_text(), texts::revoke(), move || {
            let request = async move { context.api.revoke_invite(id).await };
            context.attempt(request, move |()| {
                let _ = changed.try_run(());
            });
        });
    };
    view! {
        <li class="line" data-testid="invite">
            <div class="grow">
                <p class="strong">{texts::used(invite.used, &people::number(invite.uses))}</p>
                <p class="soft clip">
                    {move || texts::invite_by(&named(context, invite.created_by), &moment(invite.expires_at))}
                </p>
            </div>
            <button type="button" class="button danger-quiet" data-testid="revoke-invite" on:click=revoke>
                {texts::revoke()}
            </button>
        </li>
    }
}

/// The name of a user in the log, who may have been deleted since.
fn named(context: Context, id: UserId) -> String {
    context.people.user(id).with(|user| {
        user.as_ref()
            .map_or_else(|| common::unknown_person().to_owned(), |user| bidi::isolated(&user.display_name))
    })
}

/// The audit log.
#[component]
pub(crate) fn AuditLog() -> impl IntoView {
    let context = context();
    let list = Paged::<AuditEntry>::new();
    let read = move |more: bool| {
        let after = list.after(more);
        list.read(more, async move { context.api.list_audit_log(after.as_deref()).await });
    };
    read(false);
    let line = move |entry: AuditEntry| {
        let about = [entry.operation, entry.address].into_iter().flatten().collect::<Vec<_>>().join(" · ");
        let who = move || {
            let nobody = || texts::nobody_named(entry.kind).to_owned();
            let actor = entry.actor.map_or_else(nobody, |actor| named(context, actor));
            match entry.subject {
                Some(subject) => texts::actor_subject(&actor, &named(context, subject)),
                None => actor,
            }
        };
        view! {
            <li class="line wrap" data-testid="audit-entry" data-kind=entry.kind.as_str()>
                <div class="grow">
                    <p class="strong">{texts::audit_kind(entry.kind)}</p>
                    <p class="soft clip">
                        {who} {(!about.is_empty()).then(|| format!(" · {about}"))}
                    </p>
                </div>
                <time class="soft tabular" datetime=entry.at.to_string()>{moment(entry.at)}</time>
            </li>
        }
    };
    view! {
        <section class="card settings-card">
            <h2>{texts::audit()}</h2>
            {list.show(2, read, move |all| lines(all, view! { <p>{texts::audit_none()}</p> }, line))}
        </section>
    }
}
