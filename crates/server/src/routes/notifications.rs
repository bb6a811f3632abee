//! The list of what one should know.

use actix_web::web::{Json, Query};
use actix_web::{HttpResponse, get, put};
use parlour_chat::notifications;
use parlour_protocol::ids::Seq;
use parlour_protocol::notifications::{Notifications, ReadNotifications};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{page_limit, position};
use crate::auth::{Shared, Viewer};
use crate::bodies::Object;
use crate::problems::ApiError;

/// A page of notifications.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct NotificationsQuery {
    /// The `next` of the page before.
    before: Option<Seq>,
    /// 1 to 100, 50 when absent.
    limit: Option<i64>,
}

/// Requests, answers and mentions, newest first.
#[utoipa::path(tag = "notifications", params(NotificationsQuery), responses((status = 200, body = Notifications)))]
#[get("/notifications")]
pub async fn list_notifications(
    app: Shared,
    viewer: Viewer,
    query: Query<NotificationsQuery>,
) -> Result<Json<Notifications>, ApiError> {
    let limit = page_limit(query.limit)?;
    let before = position(query.before)?.unwrap_or(Seq::MAX);
    app.read(move |conn| notifications::list(conn, viewer.user, before, limit)).await.map(Json)
}

/// Marks notifications as seen, on all of one's devices.
#[utoipa::path(tag = "notifications", request_body = ReadNotifications, responses((status = 204)))]
#[put("/notifications/read")]
pub async fn read_notifications(
    app: Shared,
    viewer: Viewer,
    body: Object<ReadNotifications>,
) -> Result<HttpResponse, ApiError> {
    let up_to = body.up_to;
    app.commit(0, move |conn, now| notifications::mark_read(conn, now, viewer.user, up_to)).await?;
    Ok(HttpResponse::NoContent().finish())
}
