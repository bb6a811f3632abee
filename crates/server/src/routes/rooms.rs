//! Public rooms.

use actix_web::web::{Json, Path, Query};
use actix_web::{HttpResponse, delete, get, patch, post, put};
use parlour_chat::{conversations, rooms};
use parlour_protocol::Page;
use parlour_protocol::conversations::Conversation;
use parlour_protocol::ids::ConversationId;
use parlour_protocol::rooms::{CreateRoom, Member, Room, UpdateRoom};
use parlour_protocol::validation;

use super::{PageQuery, SearchQuery, page_limit, pair_cursor, write_cursor};
use crate::app::App;
use crate::auth::{Shared, Viewer};
use crate::bodies::Object;
use crate::problems::ApiError;
use crate::random;

fn with_presence(app: &App, room: Room) -> Room {
    Room { online_count: app.hub.online_in(room.id), ..room }
}

/// Public rooms, most recently active first.
#[utoipa::path(tag = "rooms", params(SearchQuery), responses((status = 200, body = Page<Room>)))]
#[get("/rooms")]
pub async fn list_rooms(
    app: Shared,
    viewer: Viewer,
    query: Query<SearchQuery>,
) -> Result<Json<Page<Room>>, ApiError> {
    let query = query.into_inner();
    let search = query.search.unwrap_or_default();
    validation::search(&search).map_err(|message| parlour_chat::Refusal::field("search", message))?;
    let limit = page_limit(query.limit)?;
    let after = pair_cursor(query.after.as_deref())?;
    let (items, next) = app.read(move |conn| rooms::list(conn, viewer.user, &search, after, limit)).await?;
    let items = items.into_iter().map(|room| with_presence(&app, room)).collect();
    Ok(Json(Page { items, next: next.map(write_cursor) }))
}

/// Makes a room; its maker becomes the owner. The name is unique, so a repeated request answers `taken`.
#[utoipa::path(tag = "rooms", request_body = CreateRoom, responses((status = 201, body = Room)))]
#[post("/rooms")]
pub async fn create_room(
    app: Shared,
    viewer: Viewer,
    body: Json<Object<CreateRoom>>,
) -> Result<HttpResponse, ApiError> {
    rooms::check_create(&body)?;
    app.reach_rate.take(viewer.user).map_err(ApiError::too_fast)?;
    let body = body.into_inner().0;
    let id = ConversationId(random::id());
    let room = app.commit(0, move |conn, now| rooms::create(conn, now, viewer.user, id, &body)).await?;
    Ok(HttpResponse::Created().json(with_presence(&app, room)))
}

/// One room.
#[utoipa::path(tag = "rooms", params(("room" = ConversationId, Path)), responses((status = 200, body = Room)))]
#[get("/rooms/{room}")]
pub async fn show_room(
    app: Shared,
    viewer: Viewer,
    room: Path<ConversationId>,
) -> Result<Json<Room>, ApiError> {
    let id = room.into_inner();
    let room = app.read(move |conn| rooms::find(conn, viewer.user, id)).await?;
    Ok(Json(with_presence(&app, room)))
}

/// Changes a room's name or topic; for its owner.
#[utoipa::path(
    tag = "rooms",
    params(("room" = ConversationId, Path)),
    request_body = UpdateRoom,
    responses((status = 200, body = Room))
)]
#[patch("/rooms/{room}")]
pub async fn update_room(
    app: Shared,
    viewer: Viewer,
    room: Path<ConversationId>,
    body: Json<Object<UpdateRoom>>,
) -> Result<Json<Room>, ApiError> {
    rooms::check_update(&body)?;
    let (id, body) = (room.into_inner(), body.into_inner().0);
    let room = app.commit(id.0, move |conn, now| rooms::update(conn, now, viewer.user, id, &body)).await?;
    Ok(Json(with_presence(&app, room)))
}

/// Deletes a room with everything in it; for its owner and administrators.
#[utoipa::path(tag = "rooms", params(("room" = ConversationId, Path)), responses((status = 204)))]
#[delete("/rooms/{room}")]
pub async fn delete_room(
    app: Shared,
    viewer: Viewer,
    room: Path<ConversationId>,
) -> Result<HttpResponse, ApiError> {
    let id = room.into_inner();
    app.commit(id.0, move |conn, now| rooms::delete(conn, now, viewer.user, id)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Enters a room. Entering twice changes nothing.
#[utoipa::path(tag = "rooms", params(("room" = ConversationId, Path)), responses((status = 200, body = Conversation)))]
#[put("/rooms/{room}/membership")]
pub async fn join_room(
    app: Shared,
    viewer: Viewer,
    room: Path<ConversationId>,
) -> Result<Json<Conversation>, ApiError> {
    let id = room.into_inner();
    app.commit(id.0, move |conn, now| rooms::join(conn, now, viewer.user, id)).await?;
    app.read(move |conn| conversations::find(conn, viewer.user, id)).await.map(Json)
}

/// Leaves a room. Leaving twice changes nothing.
#[utoipa::path(tag = "rooms", params(("room" = ConversationId, Path)), responses((status = 204)))]
#[delete("/rooms/{room}/membership")]
pub async fn leave_room(
    app: Shared,
    viewer: Viewer,
    room: Path<ConversationId>,
) -> Result<HttpResponse, ApiError> {
    let id = room.into_inner();
    app.commit(id.0, move |conn, now| rooms::leave(conn, now, viewer.user, id)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Who is in a room, in the order in which they came, and which friends among them are online; for members.
#[utoipa::path(
    tag = "rooms",
    params(("room" = ConversationId, Path), PageQuery),
    responses((status = 200, body = Page<Member>))
)]
#[get("/rooms/{room}/members")]
pub async fn list_members(
    app: Shared,
    viewer: Viewer,
    room: Path<ConversationId>,
    query: Query<PageQuery>,
) -> Result<Json<Page<Member>>, ApiError> {
    let id = room.into_inner();
    let limit = page_limit(query.limit)?;
    let after = pair_cursor(query.after.as_deref())?;
    let (mut items, next) =
        app.read(move |conn| rooms::list_members(conn, viewer.user, id, after, limit)).await?;
    for member in &mut items {
        member.online = member.online && app.hub.presence().is_online(member.user.id);
    }
    Ok(Json(Page { items, next: next.map(write_cursor) }))
}
