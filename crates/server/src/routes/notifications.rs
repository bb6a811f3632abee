//! Notifications of the caller.
//!
//! Invariant: one read position per person, shared by all of their devices.

use actix_web::web::{Json, Query};
use actix_web::{HttpResponse, get, put};
use parlour_chat::notifications;
use parlour_protocol::ids::Seq;
use parlour_protocol::notifications::{Notifications, ReadNotifications};
use parlour_protocol::problems::ErrorCode;
use parlour_storage::Lane;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{page_limit, position};
use crate::auth::{ReadAccess, Shared, WriteAccess};
use crate::bodies::Object;
use crate::problems::ApiError;

/// A page of notifications.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct NotificationsQuery {
    /// Cursor: the `next` of the previous page. Without it, the first page.
    after: Option<Seq>,
    /// Former name of `after`.
    before: Option<Seq>,
    /// Maximum number of items on the page.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<i64>,
}

/// Lists friend requests, replies to them and mentions, newest first.
#[utoipa::path(tag = "notifications", params(NotificationsQuery), responses((status = 200, body = Notifications)))]
#[get("/notifications")]
pub async fn list_notifications(
    app: Shared,
    access: ReadAccess,
    query: Query<NotificationsQuery>,
) -> Result<Json<Notifications>, ApiError> {
    let viewer = access.to_everything()?;
    let limit = page_limit(query.limit)?;
    let before = match (position(query.after)?, position(query.before)?) {
        (Some(_), Some(_)) => {
            return Err(ApiError::because(ErrorCode::Malformed, "Only one of after and before."));
        }
        (after, before) => after.or(before).unwrap_or(Seq::MAX),
    };
    app.read(move |conn| notifications::list(conn, viewer.user, before, limit)).await.map(Json)
}

/// Marks notifications as seen, on all of the caller's devices.
#[utoipa::path(tag = "notifications", request_body = ReadNotifications, responses((status = 204)))]
#[put("/notifications/read")]
pub async fn read_notifications(
    app: Shared,
    access: WriteAccess,
    body: Object<ReadNotifications>,
) -> Result<HttpResponse, ApiError> {
    let viewer = access.to_everything()?;
    let up_to = body.up_to;
    app.commit(Lane::Person(viewer.user), move |conn, now| {
        notifications::mark_read(conn, now, viewer.user, up_to)
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}
