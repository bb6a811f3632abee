//! Metrics in the Prometheus text format.
//!
//! Invariant: strangers never see them. On the public address they require a token, even from this machine: behind a
//! proxy every peer looks local. The separate address requires none.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_web::web::{self, Data};
use actix_web::{App as WebApp, HttpResponse, HttpServer};
use parlour_chat::jobs;
use parlour_protocol::jobs::JobKind;
use parlour_protocol::time::SECOND;

use crate::app::App;

/// Time limit for counting jobs in the database.
const PATIENCE: Duration = Duration::from_secs(2);

/// All metrics as text.
async fn text(app: &App) -> String {
    let mut text = String::new();
    let statements =
        ("database_statements", "Statements run, without BEGIN and COMMIT.", app.database.statements());
    for (name, help, value) in app.hub.metrics().list().into_iter().chain([statements]) {
        text.push_str(&format!("{}parlour_{name} {value}\n", head(name, help.trim(), "counter")));
    }
    let waiting = app.hub.metrics().waiting_bytes.load(Ordering::Relaxed);
    let gauges = [
        ("sockets", "Sockets connected to this node.", app.hub.sockets()),
        ("people_online", "People connected to any node.", app.hub.presence().count()),
        ("connections", "Connections that are no started sockets.", app.budgets.door.count()),
        ("held_bytes", "Memory for bodies, answers and unfinished frames.", app.budgets.memory.held()),
        ("waiting_bytes", "Bytes that wait for slow sockets.", waiting),
    ];
    for (name, help, value) in gauges {
        text.push_str(&format!("{}parlour_{name} {value}\n", head(name, help, "gauge")));
    }
    text.push_str(&of_jobs(app).await);
    text
}

fn head(name: &str, help: &str, kind: &str) -> String {
    format!("# HELP parlour_{name} {help}\n# TYPE parlour_{name} {kind}\n")
}

/// Metrics of jobs, by kind. What waits and what failed is counted in the database, for all nodes; without an answer
/// from it, that is left out.
async fn of_jobs(app: &App) -> String {
    let by_kind = |name: &str, help: &str, kind: &str, value: &dyn Fn(JobKind) -> i64| {
        let line = |job: &JobKind| format!("parlour_{name}{{kind=\"{}\"}} {}\n", job.as_str(), value(*job));
        head(name, help, kind) + &JobKind::ALL.iter().map(line).collect::<String>()
    };
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let mut text = by_kind("job_runs", "Attempts at jobs that this node began.", "counter", &|kind| {
        number(app.jobs.runs(kind))
    });
    text += &by_kind("job_failures", "Attempts at jobs that failed on this node.", "counter", &|kind| {
        number(app.jobs.failures(kind))
    });
    let now = app.clock.now();
    let counting = app.read(move |conn| jobs::count(conn, now));
    let Ok(Ok(backlogs)) = tokio::time::timeout(PATIENCE, counting).await else {
        return text;
    };
    let of = |kind: JobKind| backlogs.iter().find(|backlog| backlog.kind == kind.as_str());
    text += &by_kind("jobs_waiting", "Jobs of all nodes that wait or run.", "gauge", &|kind| {
        of(kind).map_or(0, |backlog| backlog.waiting)
    });
    text += &by_kind("jobs_lag_seconds", "For how long the oldest due job has waited.", "gauge", &|kind| {
        let since = of(kind).and_then(|backlog| backlog.oldest);
        since.map_or(0, |since| (now.0 - since) / SECOND)
    });
    text + &by_kind(
        "jobs_failed",
        "Jobs that failed for good and wait for an administrator.",
        "gauge",
        &|kind| of(kind).map_or(0, |backlog| backlog.failed),
    )
}

/// A response with all metrics.
pub async fn answer(app: &App) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(text(app).await)
}

/// Serves the metrics on their separate address, if one is configured.
pub fn serve(app: &Arc<App>) -> Result<(), String> {
    let Some(listen) = &app.config.metrics_listen else {
        return Ok(());
    };
    let shared = Data::new(app.clone());
    let server = HttpServer::new(move || {
        WebApp::new()
            .app_data(shared.clone())
            .route("/metrics", web::get().to(async |app: Data<Arc<App>>| answer(&app).await))
    })
    .workers(1)
    .disable_signals()
    .shutdown_timeout(0)
    .bind(listen)
    .map_err(|error| format!("PARLOUR_METRICS_LISTEN: cannot listen on {listen}: {error}"))?;
    tokio::spawn(server.run());
    Ok(())
}
