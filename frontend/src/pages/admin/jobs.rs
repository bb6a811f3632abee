//! Jobs that failed for good: an administrator runs them again, or deletes them.

use leptos::prelude::*;
use parlour_protocol::jobs::{FailedJob, JobKind};

use crate::browser;
use crate::context::context;
use crate::pages::loaded::lines;
use crate::pages::paged::Paged;
use crate::state::time;
use crate::texts::admin as texts;

/// The failed jobs.
#[component]
pub(crate) fn FailedJobs() -> impl IntoView {
    let context = context();
    let list = Paged::<FailedJob>::new();
    let read = move |more: bool| {
        let after = list.after(more);
        list.read(more, async move { context.api.list_failed_jobs(after.as_deref()).await });
    };
    read(false);
    let line = move |job: FailedJob| {
        let id = job.id;
        let retry = move |_| {
            context.attempt(async move { context.api.retry_job(id).await }, move |()| read(false));
        };
        let delete = move |_| {
            context.ui.ask(
                texts::job_delete_title(),
                texts::job_delete_text(),
                texts::job_delete(),
                move || {
                    context.attempt(async move { context.api.delete_job(id).await }, move |()| read(false));
                },
            );
        };
        let last = time::full(browser::local_time(job.failed_at));
        // The erasure of an account is never given up.
        let may_be_deleted = job.kind != JobKind::Erasure;
        view! {
            <li class="line wrap" data-testid="failed-job" data-kind=job.kind.as_str()>
                <div class="grow">
                    <p class="strong">{texts::job_kind(job.kind)}</p>
                    <p class="soft">{texts::job_line(&texts::attempt_count(job.tries), &last)}</p>
                    <p class="soft">{job.last_error}</p>
                </div>
                <div class="line-actions">
                    <button type="button" class="button" data-testid="retry-job" on:click=retry>
                        {texts::job_retry()}
                    </button>
                    {may_be_deleted.then(|| view! {
                        <button type="button" class="button danger-quiet" data-testid="delete-job" on:click=delete>
                            {texts::job_delete()}
                        </button>
                    })}
                </div>
            </li>
        }
    };
    view! {
        <section class="card settings-card">
            <h2>{texts::jobs()}</h2>
            <p class="soft">{texts::jobs_text()}</p>
            {list.show(2, read, move |all| lines(all, view! { <p>{texts::jobs_none()}</p> }, line))}
        </section>
    }
}
