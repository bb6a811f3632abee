//! Public rooms.

use actix_web::web::{Json, Path, Query};
use actix_web::{HttpResponse, delete, get, patch, post, put};
use parlour_chat::{conversations, rooms};
use parlour_protocol::Page;
use parlour_protocol::conversations::Conversation;
use parlour_protocol::ids::ConversationId;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::rooms::{CreateRoom, Member, Room, UpdateRoom};
use parlour_protocol::validation;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{SearchQuery, page_limit, pair_cursor, write_cursor};
use crate::app::App;
use crate::auth::{Shared, Viewer};
use crate::bodies::Object;
use crate::problems::ApiError;
use crate::random;

/// Rooms with how many people are there whose presence one may see anyway: a number of all would tell of everybody
/// whether they are online, in a room that is small or that one fills oneself.
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
    if !search.is_empty() {
        app.budgets.searches.take(viewer.user).map_err(ApiError::too_fast)?;
    }
    let (items, next) = app.read(move |conn| rooms::list(conn, viewer.user, &search, after, limit)).await?;
    let items = with_presence(&app, viewer, items).await?;
    Ok(Json(Page { items, next: next.map(write_cursor) }))
}

/// Makes a room; its maker becomes the owner. The name is unique, so a repeated request answers `taken`.
#[utoipa::path(tag = "rooms", request_body = CreateRoom, responses((status = 201, body = Room)))]
#[post("/rooms")]
pub async fn create_room(
    app: Shared,
    viewer: Viewer,
    body: Object<CreateRoom>,
) -> Result<HttpResponse, ApiError> {
    rooms::check_create(&body)?;
    app.budgets.rooms.take(viewer.user).map_err(ApiError::too_fast)?;
    let body = body.0;
    let id = ConversationId(random::id());
    let created = app.commit(0, move |conn, now| rooms::create(conn, now, viewer.user, id, &body)).await;
    let room = created.inspect_err(|_| app.budgets.rooms.give_back(&viewer.user))?;
    Ok(HttpResponse::Created().json(one_with_presence(&app, viewer, room).await?))
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
    viewer: Viewer,
    room: Path<ConversationId>,
    body: Object<UpdateRoom>,
) -> Result<Json<Room>, ApiError> {
    rooms::check_update(&body)?;
    let (id, body) = (room.into_inner(), body.0);
    let room = app.commit(id.0, move |conn, now| rooms::update(conn, now, viewer.user, id, &body)).await?;
    one_with_presence(&app, viewer, room).await
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
    app.settle_soon();
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

/// Which members to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MembersQuery {
    /// Only those whose handle or display name begins with this, in any case; for completing a mention.
    prefix: Option<String>,
    /// The `next` of the page before.
    after: Option<String>,
    /// 1 to 100, 50 when absent.
    limit: Option<i64>,
}

/// Who is in a room, in the order in which they came, and which friends among them are online; for members.
#[utoipa::path(
    tag = "rooms",
    params(("room" = ConversationId, Path), MembersQuery),
    responses((status = 200, body = Page<Member>))
)]
#[get("/rooms/{room}/members")]
pub async fn list_members(
    app: Shared,
    viewer: Viewer,
    room: Path<ConversationId>,
    query: Query<MembersQuery>,
) -> Result<Json<Page<Member>>, ApiError> {
    let id = room.into_inner();
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
