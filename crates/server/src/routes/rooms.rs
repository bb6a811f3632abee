//! Public rooms.
//!
//! Invariant: the number of people online in a room counts only those whose presence the caller may see.

use actix_web::http::header::LOCATION;
use actix_web::web::{Json, Path, Query};
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, put};
use parlour_chat::{conversations, rooms};
use parlour_protocol::Page;
use parlour_protocol::conversations::Conversation;
use parlour_protocol::ids::ConversationId;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::rooms::{CreateRoom, Member, Room, UpdateRoom};
use parlour_protocol::validation;
use parlour_storage::Lane;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{SearchQuery, page_limit, pair_cursor, write_cursor};
use crate::app::App;
use crate::auth::{ReadAccess, Shared, Viewer, WriteAccess};
use crate::bodies::Object;
use crate::idempotency::Creation;
use crate::problems::ApiError;

/// Adds the number of people online whose presence the caller may see anyway: in a small room, or one that the caller
/// fills with accounts of their own, a full count would reveal who is online.
async fn with_presence(app: &App, viewer: Viewer, rooms: Vec<Room>) -> Result<Vec<Room>, ApiError> {
    let own: Vec<ConversationId> =
        rooms.iter().filter(|room| room.role.is_some()).map(|room| room.id).collect();
    if own.is_empty() {
        return Ok(rooms);
    }
    let visible = app.read(move |conn| rooms::list_visible(conn, viewer.user, &own)).await?;
    let presence = app.hub.presence();
    let online =
        |id| visible.iter().filter(|(room, user)| *room == id && presence.is_online(*user)).count() as i64;
    Ok(rooms.into_iter().map(|room| Room { online_count: online(room.id), ..room }).collect())
}

async fn one_with_presence(app: &App, viewer: Viewer, room: Room) -> Result<Json<Room>, ApiError> {
    let mut rooms = with_presence(app, viewer, vec![room]).await?;
    Ok(Json(rooms.pop().ok_or(ErrorCode::NotFound)?))
}

/// Lists public rooms, most recently active first.
#[utoipa::path(tag = "rooms", params(SearchQuery), responses((status = 200, body = Page<Room>)))]
#[get("/rooms")]
pub async fn list_rooms(
    app: Shared,
    access: ReadAccess,
    query: Query<SearchQuery>,
) -> Result<Json<Page<Room>>, ApiError> {
    let viewer = access.to_everything()?;
    let query = query.into_inner();
    let search = query.search.unwrap_or_default();
    validation::search(&search).map_err(|message| parlour_chat::Refusal::field("search", message))?;
    let limit = page_limit(query.limit)?;
    let after = pair_cursor(query.after.as_deref())?;
    if !search.is_empty() {
        app.budgets.searches.take(viewer.user).map_err(ApiError::too_fast)?;
    }
    let (items, next) = app.read(move |conn| rooms::list(conn, viewer.user, &search, after, limit)).await?;
    let items = with_presence(&app, viewer, items).await?;
    Ok(Json(Page { items, next: next.map(write_cursor) }))
}

/// Creates a room; the caller becomes its owner. The name is unique, so repeating the request without its
/// `Idempotency-Key` is refused with `taken`.
#[utoipa::path(tag = "rooms", request_body = CreateRoom, responses((status = 201, body = Room)))]
#[post("/rooms")]
pub async fn create_room(
    app: Shared,
    access: WriteAccess,
    request: HttpRequest,
    body: Object<CreateRoom>,
) -> Result<HttpResponse, ApiError> {
    let viewer = access.to_everything()?;
    rooms::check_create(&body)?;
    let creation = Creation::of(&app, &request, Some(viewer.user))?;
    app.budgets.rooms.take(viewer.user).map_err(ApiError::too_fast)?;
    let body = body.0;
    let id = ConversationId(creation.id("room"));
    let created = app
        .create(Lane::Conversation(id), creation, move |conn, now| {
            rooms::create(conn, now, viewer.user, id, &body)
        })
        .await;
    if !matches!(created, Ok((_, false))) {
        app.budgets.rooms.give_back(&viewer.user);
    }
    let (room, _) = created?;
    let location = format!("/api/v1/rooms/{}", room.id);
    let room = one_with_presence(&app, viewer, room).await?;
    Ok(HttpResponse::Created().insert_header((LOCATION, location)).json(room))
}

/// Returns one room.
#[utoipa::path(tag = "rooms", params(("room" = ConversationId, Path)), responses((status = 200, body = Room)))]
#[get("/rooms/{room}")]
pub async fn show_room(
    app: Shared,
    access: ReadAccess,
    room: Path<ConversationId>,
) -> Result<Json<Room>, ApiError> {
    let id = room.into_inner();
    let viewer = access.to(id)?;
    let room = app.read(move |conn| rooms::find(conn, viewer.user, id)).await?;
    one_with_presence(&app, viewer, room).await
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
    access: WriteAccess,
    room: Path<ConversationId>,
    body: Object<UpdateRoom>,
) -> Result<Json<Room>, ApiError> {
    rooms::check_update(&body)?;
    let (id, body) = (room.into_inner(), body.0);
    let viewer = access.to(id)?;
    let room = app
        .commit(Lane::Conversation(id), move |conn, now| rooms::update(conn, now, viewer.user, id, &body))
        .await?;
    one_with_presence(&app, viewer, room).await
}

/// Deletes a room with everything in it; for its owner and administrators.
#[utoipa::path(tag = "rooms", params(("room" = ConversationId, Path)), responses((status = 204)))]
#[delete("/rooms/{room}")]
pub async fn delete_room(
    app: Shared,
    access: WriteAccess,
    room: Path<ConversationId>,
) -> Result<HttpResponse, ApiError> {
    let id = room.into_inner();
    let viewer = access.to(id)?;
    app.commit(Lane::Conversation(id), move |conn, now| rooms::delete(conn, now, viewer.into(), id)).await?;
    app.settle_soon();
    Ok(HttpResponse::NoContent().finish())
}

/// Joins a room. Repeating it changes nothing.
#[utoipa::path(tag = "rooms", params(("room" = ConversationId, Path)), responses((status = 200, body = Conversation)))]
#[put("/rooms/{room}/membership")]
pub async fn join_room(
    app: Shared,
    access: WriteAccess,
    room: Path<ConversationId>,
) -> Result<Json<Conversation>, ApiError> {
    let id = room.into_inner();
    let viewer = access.to(id)?;
    app.commit(Lane::Conversation(id), move |conn, now| rooms::join(conn, now, viewer.user, id)).await?;
    app.read(move |conn| conversations::find(conn, viewer.into(), id)).await.map(Json)
}

/// Leaves a room. Repeating it changes nothing.
#[utoipa::path(tag = "rooms", params(("room" = ConversationId, Path)), responses((status = 204)))]
#[delete("/rooms/{room}/membership")]
pub async fn leave_room(
    app: Shared,
    access: WriteAccess,
    room: Path<ConversationId>,
) -> Result<HttpResponse, ApiError> {
    let id = room.into_inner();
    let viewer = access.to(id)?;
    app.commit(Lane::Conversation(id), move |conn, now| rooms::leave(conn, now, viewer.user, id)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Which members to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MembersQuery {
    /// Only members whose handle or display name starts with this, in any case; used to complete a mention.
    prefix: Option<String>,
    /// Cursor: the `next` of the previous page. Without it, the first page.
    after: Option<String>,
    /// Maximum number of items on the page.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<i64>,
}

/// Lists the members of a room in the order in which they joined, and which friends among them are online; for
/// members.
#[utoipa::path(
    tag = "rooms",
    params(("room" = ConversationId, Path), MembersQuery),
    responses((status = 200, body = Page<Member>))
)]
#[get("/rooms/{room}/members")]
pub async fn list_members(
    app: Shared,
    access: ReadAccess,
    room: Path<ConversationId>,
    query: Query<MembersQuery>,
) -> Result<Json<Page<Member>>, ApiError> {
    let id = room.into_inner();
    let viewer = access.to(id)?;
    let page = (pair_cursor(query.after.as_deref())?, page_limit(query.limit)?);
    let prefix = query.into_inner().prefix.unwrap_or_default();
    validation::search(&prefix).map_err(|message| parlour_chat::Refusal::field("prefix", message))?;
    let (mut items, next) =
        app.read(move |conn| rooms::list_members(conn, viewer.user, id, &prefix, page)).await?;
    for member in &mut items {
        member.online = member.online && app.hub.presence().is_online(member.user.id);
    }
    Ok(Json(Page { items, next: next.map(write_cursor) }))
}
