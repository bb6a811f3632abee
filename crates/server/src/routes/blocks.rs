//! Blocks: whom the caller wants nothing to do with.
//!
//! Invariant: nothing tells the blocked person about it.

use actix_web::web::{Json, Path, Query};
use actix_web::{HttpResponse, delete, get, put};
use parlour_chat::blocks;
use parlour_protocol::Page;
use parlour_protocol::blocks::Block;
use parlour_protocol::ids::UserId;
use parlour_storage::Lane;

use super::{ListQuery, write_cursor};
use crate::auth::{ReadAccess, Shared, WriteAccess};
use crate::problems::ApiError;

/// Lists the people that the caller blocks, newest first.
#[utoipa::path(tag = "blocks", params(ListQuery), responses((status = 200, body = Page<Block>)))]
#[get("/blocks")]
pub async fn list_blocks(
    app: Shared,
    access: ReadAccess,
    query: Query<ListQuery>,
) -> Result<Json<Page<Block>>, ApiError> {
    let viewer = access.to_everything()?;
    let (after, limit) = query.read()?;
    let (items, next) = app.read(move |conn| blocks::list(conn, viewer.user, after, limit)).await?;
    Ok(Json(Page { items, next: next.map(write_cursor) }))
}

/// Blocks somebody: a friendship ends, and their requests, mentions and typing no longer arrive. They are not told,
/// and nothing they see differs from a stranger who does not reply. Repeating it changes nothing.
#[utoipa::path(tag = "blocks", params(("user" = UserId, Path)), responses((status = 200, body = Block)))]
#[put("/blocks/{user}")]
pub async fn create_block(
    app: Shared,
    access: WriteAccess,
    user: Path<UserId>,
) -> Result<Json<Block>, ApiError> {
    let viewer = access.to_everything()?;
    let other = user.into_inner();
    app.commit(Lane::People(viewer.user), move |conn, now| blocks::block(conn, now, viewer.user, other))
        .await
        .map(Json)
}

/// Ends a block. What was held back in the meantime is not delivered later.
#[utoipa::path(tag = "blocks", params(("user" = UserId, Path)), responses((status = 204)))]
#[delete("/blocks/{user}")]
pub async fn delete_block(
    app: Shared,
    access: WriteAccess,
    user: Path<UserId>,
) -> Result<HttpResponse, ApiError> {
    let viewer = access.to_everything()?;
    let other = user.into_inner();
    app.commit(Lane::People(viewer.user), move |conn, now| blocks::unblock(conn, now, viewer.user, other))
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
