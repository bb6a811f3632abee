//! The caller's privacy settings: what others may know and do.
//!
//! Invariant: when presence becomes visible or hidden, the friends concerned are told at once.

use actix_web::web::Json;
use actix_web::{get, patch};
use parlour_chat::privacy;
use parlour_protocol::privacy::{PresenceTo, Privacy, UpdatePrivacy};
use parlour_storage::Lane;

use crate::auth::{Shared, Viewer};
use crate::bodies::Object;
use crate::problems::ApiError;

/// Returns the caller's privacy settings.
#[utoipa::path(tag = "accounts", responses((status = 200, body = Privacy)))]
#[get("/account/privacy")]
pub async fn show_privacy(app: Shared, viewer: Viewer) -> Result<Json<Privacy>, ApiError> {
    app.read(move |conn| privacy::find(conn, viewer.user)).await.map(Json)
}

/// Changes the caller's privacy settings; absent ones stay as they are.
#[utoipa::path(tag = "accounts", request_body = UpdatePrivacy, responses((status = 200, body = Privacy)))]
#[patch("/account/privacy")]
pub async fn update_privacy(
    app: Shared,
    viewer: Viewer,
    body: Object<UpdatePrivacy>,
) -> Result<Json<Privacy>, ApiError> {
    app.budgets.profile.take(viewer.user).map_err(ApiError::too_fast)?;
    let body = body.0;
    let (settings, watchers) = app
        .commit(Lane::Person(viewer.user), move |conn, now| privacy::update(conn, now, viewer.user, &body))
        .await?;
    if !watchers.is_empty() && app.hub.presence().is_online(viewer.user) {
        app.hub.announce(viewer.user, settings.presence_to == PresenceTo::Friends, watchers);
    }
    Ok(Json(settings))
}
