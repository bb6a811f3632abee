//! Metrics of this node in the Prometheus text format.
//!
//! Invariant: strangers never see them. On the public address they require a token, even from this machine: behind a
//! proxy every peer looks local. The separate address requires none.

use std::sync::Arc;

use actix_web::web::{self, Data};
use actix_web::{App as WebApp, HttpResponse, HttpServer};

use crate::app::App;

/// All metrics as text.
pub fn text(app: &App) -> String {
    let mut text = String::new();
    let statements =
        ("database_statements", "Statements run, without BEGIN and COMMIT.", app.database.statements());
    for (name, help, value) in app.hub.metrics().list().into_iter().chain([statements]) {
        text.push_str(&format!(
            "# HELP parlour_{name} {}\n# TYPE parlour_{name} counter\nparlour_{name} {value}\n",
            help.trim()
        ));
    }
    let waiting = app.hub.metrics().waiting_bytes.load(std::sync::atomic::Ordering::Relaxed);
    let gauges = [
        ("sockets", "Sockets connected to this node.", app.hub.sockets()),
        ("people_online", "People connected to any node.", app.hub.presence().count()),
        ("connections", "Connections that are no started sockets.", app.budgets.door.count()),
        ("held_bytes", "Memory for bodies, answers and unfinished frames.", app.budgets.memory.held()),
        ("waiting_bytes", "Bytes that wait for slow sockets.", waiting),
    ];
    for (name, help, value) in gauges {
        text.push_str(&format!(
            "# HELP parlour_{name} {help}\n# TYPE parlour_{name} gauge\nparlour_{name} {value}\n"
        ));
    }
    text
}

/// A response with all metrics.
pub fn answer(app: &App) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(text(app))
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
            .route("/metrics", web::get().to(async |app: Data<Arc<App>>| answer(&app)))
    })
    .workers(1)
    .disable_signals()
    .shutdown_timeout(0)
    .bind(listen)
    .map_err(|error| format!("PARLOUR_METRICS_LISTEN: cannot listen on {listen}: {error}"))?;
    tokio::spawn(server.run());
    Ok(())
}
