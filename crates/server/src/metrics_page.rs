//! Metrics in the Prometheus text format.
//!
//! Invariant: strangers never see them. On the public address they require a token, even from this machine: behind a
//! proxy every peer looks local. The separate address requires none.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_web::web::{self, Data};
use actix_web::{App as WebApp, HttpResponse, HttpServer};
use parlour_chat::jobs;
use parlour_protocol::jobs::JobKind;
use parlour_protocol::time::SECOND;
use parlour_storage::jobs::Backlog;
use prometheus_client::encoding::prometheus_text;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::app::App;
use crate::jobs::{Jobs, OfKind, label};

/// Time limit for counting jobs in the database.
const PATIENCE: Duration = Duration::from_secs(2);

/// All metrics as text.
async fn text(app: &App) -> String {
    let mut registry = Registry::with_prefix("parlour");
    let metrics = app.hub.metrics();
    let statements =
        ("database_statements", "Statements run, without BEGIN and COMMIT.", app.database.statements());
    for (name, help, value) in metrics.list().into_iter().chain([statements]) {
        registry.register(name, sentence(help), ConstCounter::new(value));
    }
    let gauges = [
        ("sockets", "Sockets connected to this node", app.hub.sockets()),
        ("people_online", "People connected to any node", app.hub.presence().count()),
        ("connections", "Connections that are no started sockets", app.budgets.door.count()),
        ("held_bytes", "Memory for bodies, responses and unfinished frames", app.budgets.memory.held()),
        ("waiting_bytes", "Bytes that wait for slow sockets", metrics.waiting_bytes.load(Ordering::Relaxed)),
    ];
    for (name, help, value) in gauges {
        registry.register(name, help, ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX)));
    }
    let seconds = |registry: &mut Registry, name, help, times: &Histogram| {
        registry.register_with_unit(name, help, Unit::Seconds, times.clone());
    };
    let commit = "How long transactions that changed something took, from BEGIN until they were durable";
    seconds(&mut registry, "commit", commit, app.database.commits());
    let fan_out = "How long an event took to reach every outbox on this node";
    seconds(&mut registry, "fan_out", fan_out, &metrics.fan_out);
    add_jobs(app, &mut registry).await;
    let mut text = String::new();
    match prometheus_text::encode(&mut text, &registry) {
        Ok(()) => text,
        // Writing to a string cannot fail.
        Err(fmt::Error) => String::new(),
    }
}

/// A description without its full stop, which the library adds.
fn sentence(help: &str) -> &str {
    help.trim().trim_end_matches('.')
}

/// Adds metrics of jobs, by kind. What waits and what failed is counted in the database, for all nodes; if it does not
/// respond, that is left out.
async fn add_jobs(app: &App, registry: &mut Registry) {
    let Jobs { runs, failures, times, .. } = &app.jobs;
    registry.register("job_runs", "Attempts at jobs that this node began", runs.clone());
    registry.register("job_failures", "Attempts at jobs that failed on this node", failures.clone());
    let help = "How long attempts at jobs took on this node";
    registry.register_with_unit("job", help, Unit::Seconds, times.clone());
    let now = app.clock.now();
    let counting = app.read(move |conn| jobs::count(conn, now));
    let Ok(Ok(backlogs)) = tokio::time::timeout(PATIENCE, counting).await else { return };
    let mut by_kind = |name, help, value: &dyn Fn(&Backlog) -> i64| {
        let gauges = Family::<OfKind, Gauge>::default();
        for kind in JobKind::ALL {
            let backlog = backlogs.iter().find(|backlog| backlog.kind == kind.as_str());
            gauges.get_or_create(&label(*kind)).set(backlog.map_or(0, value));
        }
        registry.register(name, help, gauges);
    };
    by_kind("jobs_waiting", "Jobs of all nodes that wait or run", &|backlog| backlog.waiting);
    by_kind("jobs_lag_seconds", "For how long the oldest due job has waited", &|backlog| {
        backlog.oldest.map_or(0, |since| (now.0 - since) / SECOND)
    });
    let failed = "Jobs that failed for good and wait for an administrator";
    by_kind("jobs_failed", failed, &|backlog| backlog.failed);
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
