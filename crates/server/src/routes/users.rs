//! Finding people and looking at them.

use actix_web::get;
use actix_web::web::{Json, Path, Query};
use parlour_chat::users;
use parlour_protocol::Page;
use parlour_protocol::ids::UserId;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::users::{Profile, User};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::auth::{Shared, Viewer};
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
    _viewer: Viewer,
    query: Query<IdsQuery>,
) -> Result<Json<Page<User>>, ApiError> {
    let ids: Option<Vec<i64>> = query.ids.split(',').map(|id| Some(id.parse::<UserId>().ok()?.0)).collect();
    let ids = ids.filter(|ids| ids.len() <= 100).ok_or_else(|| {
        ApiError::because(ErrorCode::Malformed, "ids takes up to 100 ids, separated by commas.")
    })?;
    let items = app.read(move |conn| users::list(conn, &ids)).await?;
    Ok(Json(Page { items, next: None }))
}

/// A person's profile, found by exact handle or id.
#[utoipa::path(
    tag = "users",
    params(("user" = String, Path, description = "Handle, with or without `@`, or id")),
    responses((status = 200, body = Profile))
)]
#[get("/users/{user}")]
pub async fn show_user(app: Shared, viewer: Viewer, who: Path<String>) -> Result<Json<Profile>, ApiError> {
    let who = who.into_inner();
    let rate = if users::is_id(&who) { &app.reach_rate } else { &app.search_rate };
    rate.take(viewer.user).map_err(ApiError::too_fast)?;
    let mut profile = app.read(move |conn| users::profile(conn, viewer.user, &who)).await?;
    profile.online = profile.online.map(|seen| seen && app.hub.presence().is_online(profile.user.id));
    Ok(Json(profile))
}
