//! Operations for operators: health, metrics, public keys.
//!
//! Invariant: health reveals no more than which part of the node works; metrics need a token.

use std::sync::atomic::Ordering;

use actix_web::web::Json;
use actix_web::{HttpRequest, HttpResponse, get};
use parlour_protocol::health::Health;
use parlour_protocol::problems::ErrorCode;
use parlour_storage::server_state;

use crate::auth::{Shared, bearer_token};
use crate::metrics_page;
use crate::problems::ApiError;

/// Returns 200 as long as the process is alive.
#[utoipa::path(tag = "operations", responses((status = 200)))]
#[get("/health/live")]
pub async fn show_liveness() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("live\n")
}

/// Returns whether the node can serve: the database must respond. Without the broker events are only delayed, and
/// with a full disk everything can still be read, so these count as `degraded`. A node that is shutting down is
/// `unavailable`.
#[utoipa::path(tag = "operations", responses((status = 200, body = Health), (status = 503, body = Health)))]
#[get("/health/ready")]
pub async fn show_readiness(app: Shared) -> HttpResponse {
    let asked = app.database.read(|conn| server_state::find(conn, "epoch"));
    let database = tokio::time::timeout(std::time::Duration::from_secs(2), asked).await;
    let database = matches!(database, Ok(Ok(Some(_))));
    let writable = database && app.can_write().await;
    let broker = app.broker.is_reachable().await;
    let draining = app.draining.load(Ordering::Acquire);
    let status = match (database && !draining, writable && broker) {
        (true, true) => "ready",
        (true, false) => "degraded",
        (false, _) => "unavailable",
    };
    let serves = database && !draining;
    let mut response = if serves { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    response.json(Health { status: status.to_owned(), database, writable, broker })
}

/// Returns metrics in the Prometheus text format, given the configured token. `PARLOUR_METRICS_LISTEN` also serves
/// them on a separate address, without a token.
#[utoipa::path(tag = "operations", responses((status = 200, body = String, content_type = "text/plain")))]
#[get("/metrics")]
pub async fn show_metrics(app: Shared, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let token = app.config.metrics_token.as_ref();
    let allowed = token.zip(bearer_token(&request)).is_some_and(|(token, given)| {
        subtle::ConstantTimeEq::ct_eq(given.as_bytes(), token.0.as_bytes()).into()
    });
    if allowed { Ok(metrics_page::answer(&app).await) } else { Err(ErrorCode::NotFound.into()) }
}

/// Returns the public keys of access tokens, as a JSON Web Key Set.
#[utoipa::path(tag = "operations", responses((status = 200, body = Object)))]
#[get("/.well-known/jwks.json")]
pub async fn show_keys(app: Shared) -> Json<serde_json::Value> {
    Json(app.tokens.jwks())
}
