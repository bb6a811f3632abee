//! Finding people and looking at them.

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

/// Several people.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct IdsQuery {
    /// Up to 100 ids, separated by commas.
    ids: String,
}

/// Several people by id, for showing them beside their messages. Unknown ids are left out.
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

/// Counts that somebody looks a person up, whichever operation it is for: by handle it tells who has one, which is
/// counted by network as well.
pub(super) fn look_up(app: &App, request: &HttpRequest, viewer: Viewer, who: &str) -> Result<(), ApiError> {
    if users::is_id(who) {
        return app.budgets.reach.take(viewer.user).map_err(ApiError::too_fast);
    }
    app.budgets.lookups.take(viewer.user).map_err(ApiError::too_fast)?;
    let network = AddressKey::of(client_address(app, request));
    app.budgets.lookups_of_network.take(network).map_err(ApiError::too_fast)
}

/// A person's profile, found by exact handle or id.
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
