//! Public facts about this server.
//!
//! Invariant: the response holds nothing secret, since anybody may read it.

use actix_web::web::Json;
use actix_web::{HttpRequest, get};
use parlour_protocol::accounts::Registration;
use parlour_protocol::{Feature, ServerInfo, ServerLimits};

use super::passkeys;
use crate::auth::Shared;

/// Returns what anybody may know about this server.
#[utoipa::path(tag = "server", responses((status = 200, body = ServerInfo)))]
#[get("/server")]
pub async fn show_server(app: Shared, request: HttpRequest) -> Json<ServerInfo> {
    Json(ServerInfo {
        name: app.config.name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        registration_open: matches!(app.config.registration, Registration::Open | Registration::Approval),
        registration: app.config.registration,
        member_invites: app.config.member_invites,
        provider: app.provider.as_ref().map(|provider| provider.name.clone()),
        mail: app.config.mail.is_some(),
        passkeys: passkeys::are_offered(&app, &request),
        features: Feature::ALL.to_vec(),
        limits: ServerLimits { sends_per_second: app.config.sends_per_second, ..ServerLimits::default() },
        epoch: app.epoch.clone(),
    })
}
