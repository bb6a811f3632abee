//! Operations for administrators.
//!
//! Invariant: everybody else gets `not_found`, as if there were nothing here.

use actix_web::web::{Json, Path, Query};
use actix_web::{HttpResponse, delete, get, post, put};
use parlour_chat::{admin, audit, jobs};
use parlour_protocol::Page;
use parlour_protocol::admin::{AdminUser, Statistics};
use parlour_protocol::audit::{AuditEntry, AuditKind};
use parlour_protocol::ids::{JobId, UserId};
use parlour_protocol::jobs::FailedJob;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::validation;
use parlour_storage::Lane;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{PageQuery, SearchQuery, page_limit, pair_cursor, write_cursor};
use crate::auth::{Shared, Viewer};
use crate::problems::ApiError;

/// Lists accounts, ordered by handle.
#[utoipa::path(tag = "admin", params(SearchQuery), responses((status = 200, body = Page<AdminUser>)))]
#[get("/admin/users")]
pub async fn list_admin_users(
    app: Shared,
    viewer: Viewer,
    query: Query<SearchQuery>,
) -> Result<Json<Page<AdminUser>>, ApiError> {
    let query = query.into_inner();
    let limit = page_limit(query.limit)?;
    let (search, after) = (query.search.unwrap_or_default(), query.after.unwrap_or_default());
    validation::search(&search).map_err(|message| parlour_chat::Refusal::field("search", message))?;
    if !after.is_empty() && validation::handle(&after).is_err() {
        return Err(ApiError::because(ErrorCode::Malformed, "This cursor is not from here."));
    }
    let (items, next) =
        app.read(move |conn| admin::list_users(conn, viewer.user, &search, &after, limit)).await?;
    Ok(Json(Page { items, next }))
}

/// Suspends an account: its sessions and tokens, and those of its bots, end at once, and it cannot log in.
#[utoipa::path(tag = "admin", params(("user" = UserId, Path)), responses((status = 200, body = AdminUser)))]
#[put("/admin/users/{user}/suspension")]
pub async fn suspend_user(
    app: Shared,
    viewer: Viewer,
    user: Path<UserId>,
) -> Result<Json<AdminUser>, ApiError> {
    let who = user.into_inner();
    app.commit(Lane::People(who), move |conn, now| admin::suspend(conn, now, viewer.user, who))
        .await
        .map(Json)
}

/// Lifts a suspension.
#[utoipa::path(tag = "admin", params(("user" = UserId, Path)), responses((status = 200, body = AdminUser)))]
#[delete("/admin/users/{user}/suspension")]
pub async fn reinstate_user(
    app: Shared,
    viewer: Viewer,
    user: Path<UserId>,
) -> Result<Json<AdminUser>, ApiError> {
    let who = user.into_inner();
    app.commit(Lane::People(who), move |conn, now| admin::reinstate(conn, now, viewer.user, who))
        .await
        .map(Json)
}

/// A page of the audit log.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// Only entries of this kind.
    kind: Option<AuditKind>,
    /// Cursor: the `next` of the previous page. Without it, the first page.
    after: Option<String>,
    /// Maximum number of items on the page.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<i64>,
}

/// Lists what happened to accounts and permissions, newest first. Entries are kept as long as the server's settings
/// say.
#[utoipa::path(tag = "admin", params(AuditQuery), responses((status = 200, body = Page<AuditEntry>)))]
#[get("/admin/audit")]
pub async fn list_audit_log(
    app: Shared,
    viewer: Viewer,
    query: Query<AuditQuery>,
) -> Result<Json<Page<AuditEntry>>, ApiError> {
    let limit = page_limit(query.limit)?;
    let before = match query.after.as_deref().map(str::parse) {
        None => i64::MAX,
        Some(Ok(position)) => position,
        Some(Err(_)) => return Err(ApiError::because(ErrorCode::Malformed, "This cursor is not from here.")),
    };
    let kind = query.kind;
    let (items, next) = app.read(move |conn| audit::list(conn, viewer.user, before, kind, limit)).await?;
    Ok(Json(Page { items, next: next.map(|position| position.to_string()) }))
}

/// Lists accounts that wait for approval, longest wait first.
#[utoipa::path(tag = "admin", params(PageQuery), responses((status = 200, body = Page<AdminUser>)))]
#[get("/admin/approvals")]
pub async fn list_approvals(
    app: Shared,
    viewer: Viewer,
    query: Query<PageQuery>,
) -> Result<Json<Page<AdminUser>>, ApiError> {
    let limit = page_limit(query.limit)?;
    let after = pair_cursor(query.after.as_deref())?;
    let (items, next) = app.read(move |conn| admin::list_pending(conn, viewer.user, after, limit)).await?;
    Ok(Json(Page { items, next: next.map(write_cursor) }))
}

/// Approves a waiting account. Repeating it changes nothing.
#[utoipa::path(tag = "admin", params(("user" = UserId, Path)), responses((status = 200, body = AdminUser)))]
#[put("/admin/approvals/{user}")]
pub async fn approve_account(
    app: Shared,
    viewer: Viewer,
    user: Path<UserId>,
) -> Result<Json<AdminUser>, ApiError> {
    let who = user.into_inner();
    app.commit(Lane::People(who), move |conn, now| admin::approve(conn, now, viewer.user, who))
        .await
        .map(Json)
}

/// Rejects a waiting account: it is deleted, and its handle becomes free.
#[utoipa::path(tag = "admin", params(("user" = UserId, Path)), responses((status = 204)))]
#[delete("/admin/approvals/{user}")]
pub async fn reject_account(
    app: Shared,
    viewer: Viewer,
    user: Path<UserId>,
) -> Result<HttpResponse, ApiError> {
    let who = user.into_inner();
    app.commit(Lane::People(who), move |conn, now| admin::reject(conn, now, viewer.user, who)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Lists jobs that failed for good, latest first: work that the server does later, such as sending mails. They are kept
/// for 30 days.
#[utoipa::path(tag = "admin", params(PageQuery), responses((status = 200, body = Page<FailedJob>)))]
#[get("/admin/jobs")]
pub async fn list_failed_jobs(
    app: Shared,
    viewer: Viewer,
    query: Query<PageQuery>,
) -> Result<Json<Page<FailedJob>>, ApiError> {
    let limit = page_limit(query.limit)?;
    let after = pair_cursor(query.after.as_deref())?;
    let (items, next) = app.read(move |conn| jobs::list_failed(conn, viewer.user, after, limit)).await?;
    Ok(Json(Page { items, next: next.map(write_cursor) }))
}

/// Runs a failed job again, with all its attempts. If it fails for good once more, it is listed again.
#[utoipa::path(tag = "admin", params(("job" = JobId, Path)), responses((status = 204)))]
#[post("/admin/jobs/{job}/retry")]
pub async fn retry_job(app: Shared, viewer: Viewer, job: Path<JobId>) -> Result<HttpResponse, ApiError> {
    let id = job.into_inner();
    app.commit(Lane::Server, move |conn, now| jobs::retry(conn, now, viewer.user, id)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Deletes a failed job, so that it is never done. The erasure of an account cannot be deleted, only retried.
#[utoipa::path(tag = "admin", params(("job" = JobId, Path)), responses((status = 204)))]
#[delete("/admin/jobs/{job}")]
pub async fn delete_job(app: Shared, viewer: Viewer, job: Path<JobId>) -> Result<HttpResponse, ApiError> {
    let id = job.into_inner();
    app.commit(Lane::Server, move |conn, _| jobs::discard(conn, viewer.user, id)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Returns statistics about the whole server.
#[utoipa::path(tag = "admin", responses((status = 200, body = Statistics)))]
#[get("/admin/statistics")]
pub async fn show_statistics(app: Shared, viewer: Viewer) -> Result<Json<Statistics>, ApiError> {
    let found = app.read(move |conn| admin::statistics(conn, viewer.user)).await?;
    let online = app.hub.presence().count() as i64;
    Ok(Json(Statistics { online, sockets: app.hub.sockets() as i64, ..found }))
}
