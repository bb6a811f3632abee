//! Finding people and reading their profiles.
//!
//! Invariant: a lookup by handle reveals whether it exists, so it counts against a limit per person and one per
//! network.

use actix_web::web::{Json, Path, Query};
use actix_web::{HttpRequest, get};
use parlour_chat::users;
use parlour_protocol::Page;
use parlour_protocol::ids::UserId;
use parlour_protocol::users::{Profile, User};
use serde::Deserialize;
use utoipa::IntoParams;

use super::several;
use crate::app::App;
use crate::auth::{ReadAccess, Shared, Viewer, client_address};
use crate::budget::addresses::AddressKey;
use crate::problems::ApiError;

/// Several people, by id.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct IdsQuery {
    /// Up to 100 ids, separated by commas.
    ids: String,
}

/// Returns several people by id, for showing them beside their messages. Unknown ids are left out.
#[utoipa::path(tag = "users", params(IdsQuery), responses((status = 200, body = Page<User>)))]
#[get("/users")]
pub async fn list_users(
    app: Shared,
    access: ReadAccess,
    query: Query<IdsQuery>,
) -> Result<Json<Page<User>>, ApiError> {
    access.to_names();
    let ids: Vec<UserId> = several(&query.ids)?;
    let items = app.read(move |conn| users::list(conn, &ids)).await?;
    Ok(Json(Page { items, next: None }))
}

/// Charges a lookup of a person, in any operation. A lookup by handle reveals who has one, so it is also charged to
/// the network.
pub(super) fn look_up(app: &App, request: &HttpRequest, viewer: Viewer, who: &str) -> Result<(), ApiError> {
    if users::is_id(who) {
        return app.budgets.reach.take(viewer.user).map_err(ApiError::too_fast);
    }
    app.budgets.lookups.take(viewer.user).map_err(ApiError::too_fast)?;
    let network = AddressKey::of(client_address(app, request));
    app.budgets.lookups_of_network.take(network).map_err(ApiError::too_fast)
}

/// Returns a person's profile, found by exact handle or id.
#[utoipa::path(
    tag = "users",
    params(("user" = String, Path, description = "Handle, with or without `@`, or id")),
    responses((status = 200, body = Profile))
)]
#[get("/users/{user}")]
pub async fn show_user(
    app: Shared,
    access: ReadAccess,
    request: HttpRequest,
    who: Path<String>,
) -> Result<Json<Profile>, ApiError> {
    let viewer = access.to_everything()?;
    let who = who.into_inner();
    look_up(&app, &request, viewer, &who)?;
    let mut profile = app.read(move |conn| users::profile(conn, viewer.user, &who)).await?;
    profile.online = profile.online.map(|seen| seen && app.hub.presence().is_online(profile.user.id));
    Ok(Json(profile))
}
