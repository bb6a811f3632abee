//! The devices where the user is logged in, and logging them out.

use leptos::prelude::*;
use parlour_protocol::sessions::Session;

use crate::browser;
use crate::context::context;
use crate::icons::{Icon, SCREEN};
use crate::pages::loaded::{Loaded, lines};
use crate::state::{order, time};
use crate::texts::{common, security as texts};

/// All sessions, the current one first.
#[component]
pub(crate) fn Sessions() -> impl IntoView {
    let context = context();
    let sessions = Loaded::<Vec<Session>>::now(move || async move {
        let mut page = context.api.list_sessions().await?;
        order::sort_by_key(&mut page.items, |one| (!one.current, std::cmp::Reverse(one.last_used_at)));
        Ok(page.items)
    });
    let others = move || {
        sessions.with(|all| {
            all.into_iter().flatten().filter(|one| !one.current).map(|one| one.id).collect::<Vec<_>>()
        })
    };
    let end_others = move |_| {
        context.ui.ask(
            texts::end_others_title(),
            texts::end_others_text(),
            texts::log_out_device(),
            move || {
                let all = untrack(others);
                let request = async move {
                    for id in all {
                        context.api.revoke_session(id).await?;
                    }
                    Ok(())
                };
                context.attempt(request, move |()| {
                    context.ui.toast(texts::ended_others(), false);
                    sessions.read();
                });
            },
        );
    };
    let line = move |session: Session| view! { <Line session changed=sessions.again() /> };
    view! {
        <section class="card settings-card">
            <h2>{texts::sessions()}</h2>
            <p class="soft">{texts::sessions_text()}</p>
            {sessions.show(2, move |all| lines(all, (), line))}
            <Show when=move || !others().is_empty()>
                <div class="row end">
                    <button type="button" class="button" data-testid="end-other-sessions" on:click=end_others>
                        {texts::end_others()}
                    </button>
                </div>
            </Show>
        </section>
    }
}

/// One session.
#[component]
fn Line(session: Session, changed: Callback<()>) -> impl IntoView {
    let context = context();
    let id = session.id;
    let name = if session.device.is_empty() { common::unnamed_device().to_owned() } else { session.device };
    let first = time::full(browser::local_time(session.created_at));
    let label = texts::log_out_named(&name);
    let revoke = move |_| {
        context.ui.ask(texts::end_title(), texts::end_text(), texts::log_out_device(), move || {
            context.attempt(async move { context.api.revoke_session(id).await }, move |()| {
                let _ = changed.try_run(());
            });
        });
    };
    view! {
        <li class="line wrap" data-testid="session">
            <span class="room-icon">
                <Icon path=SCREEN />
            </span>
            <div class="grow">
                <p class="strong clip">{name}</p>
                <p class="soft tabular">{texts::first_and_last(&first, &browser::ago(session.last_used_at))}</p>
            </div>
            {if session.current {
                view! { <span class="tag ok">{texts::this_device()}</span> }.into_any()
            } else {
                view! {
                    <button
                        type="button"
                        class="button danger-quiet"
                        aria-label=label
                        data-testid="revoke-session"
                        on:click=revoke
                    >
                        {texts::log_out_device()}
                    </button>
                }
                .into_any()
            }}
        </li>
    }
}
