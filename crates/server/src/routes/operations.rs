//! For those who run the server: health, metrics, public keys.

use actix_web::web::Json;
use actix_web::{HttpRequest, HttpResponse, get};
use parlour_protocol::problems::ErrorCode;
use parlour_storage::StorageError;
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::{Shared, bearer_token};
use crate::problems::ApiError;

/// How the node is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `ready`, `degraded` (works, with delays between nodes) or `unavailable`.
    status: &'static str,
    /// Whether the database answers.
    database: bool,
    /// Whether the way to the other nodes is open.
    broker: bool,
}

/// The process lives.
#[utoipa::path(tag = "operations", responses((status = 200)))]
#[get("/health/live")]
pub async fn show_liveness() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("live\n")
}

/// The node can serve: the database answers. A lost broker only delays, so it degrades.
#[utoipa::path(tag = "operations", responses((status = 200, body = Health), (status = 503, body = Health)))]
#[get("/health/ready")]
pub async fn show_readiness(app: Shared) -> HttpResponse {
    let asked = app
        .database
        .read(|conn| -> Result<_, StorageError> { Ok(parlour_storage::server_state::find(conn, "epoch")?) });
    let database = tokio::time::timeout(std::time::Duration::from_secs(2), asked).await;
    let database = matches!(database, Ok(Ok(Some(_))));
    let broker = app.broker.is_reachable().await;
    let status = match (database, broker) {
        (true, true) => "ready",
        (true, false) => "degraded",
        (false, _) => "unavailable",
    };
    let mut response = if database { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    response.json(Health { status, database, broker })
}

/// Counters in the text form of Prometheus, for the machine itself or with the configured token.
#[utoipa::path(tag = "operations", responses((status = 200, body = String, content_type = "text/plain")))]
#[get("/metrics")]
pub async fn show_metrics(app: Shared, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let allowed = match &app.config.metrics_token {
        Some(token) => bearer_token(&request)
            .is_some_and(|given| subtle::ConstantTimeEq::ct_eq(given.as_bytes(), token.0.as_bytes()).into()),
        None => {
            let local = request.peer_addr().is_some_and(|address| address.ip().is_loopback());
            // A request that came through a proxy is not the machine's own.
            local && !request.headers().contains_key("x-forwarded-for")
        }
    };
    if !allowed {
        return Err(ErrorCode::NotFound.into());
    }
    let mut text = String::new();
    let statements =
        ("database_statements", "Statements run, without BEGIN and COMMIT.", app.database.statements());
    for (name, help, value) in app.hub.metrics().list().into_iter().chain([statements]) {
        text.push_str(&format!(
            "# HELP parlour_{name} {}\n# TYPE parlour_{name} counter\nparlour_{name} {value}\n",
            help.trim()
        ));
    }
    let gauges = [
        ("sockets", "Sockets connected to this node.", app.hub.sockets()),
        ("people_online", "People connected to any node.", app.hub.presence().count()),
    ];
    for (name, help, value) in gauges {
        text.push_str(&format!(
            "# HELP parlour_{name} {help}\n# TYPE parlour_{name} gauge\nparlour_{name} {value}\n"
        ));
    }
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(text))
}

/// The public keys of access tokens, as a JSON Web Key Set.
#[utoipa::path(tag = "operations", responses((status = 200, body = Object)))]
#[get("/.well-known/jwks.json")]
pub async fn show_keys(app: Shared) -> Json<serde_json::Value> {
    Json(app.tokens.jwks())
}
