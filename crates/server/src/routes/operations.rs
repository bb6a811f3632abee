//! For those who run the server: health, metrics, public keys.

use std::sync::atomic::Ordering;

use actix_web::web::Json;
use actix_web::{HttpRequest, HttpResponse, get};
use parlour_protocol::health::Health;
use parlour_protocol::problems::ErrorCode;
use parlour_storage::StorageError;

use crate::auth::{Shared, bearer_token};
use crate::metrics_page;
use crate::problems::ApiError;

/// The process lives.
#[utoipa::path(tag = "operations", responses((status = 200)))]
#[get("/health/live")]
pub async fn show_liveness() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("live\n")
}

/// The node can serve: the database answers. A lost broker only delays, and a full disk leaves everything to be read, so
/// these degrade. A node that comes to its end is unavailable.
#[utoipa::path(tag = "operations", responses((status = 200, body = Health), (status = 503, body = Health)))]
#[get("/health/ready")]
pub async fn show_readiness(app: Shared) -> HttpResponse {
    let asked = app
        .database
        .read(|conn| -> Result<_, StorageError> { Ok(parlour_storage::server_state::find(conn, "epoch")?) });
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

/// Numbers in the text form of Prometheus, with the configured token. `PARLOUR_METRICS_LISTEN` gives them an address of
/// their own, without one.
#[utoipa::path(tag = "operations", responses((status = 200, body = String, content_type = "text/plain")))]
#[get("/metrics")]
pub async fn show_metrics(app: Shared, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let token = app.config.metrics_token.as_ref();
    let allowed = token.zip(bearer_token(&request)).is_some_and(|(token, given)| {
        subtle::ConstantTimeEq::ct_eq(given.as_bytes(), token.0.as_bytes()).into()
    });
    if allowed { Ok(metrics_page::answer(&app)) } else { Err(ErrorCode::NotFound.into()) }
}

/// The public keys of access tokens, as a JSON Web Key Set.
#[utoipa::path(tag = "operations", responses((status = 200, body = Object)))]
#[get("/.well-known/jwks.json")]
pub async fn show_keys(app: Shared) -> Json<serde_json::Value> {
    Json(app.tokens.jwks())
}
