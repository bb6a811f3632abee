//! One's own conversations: the list, direct chats, read markers, catch-up.

use actix_web::web::{Json, Path, Query};
use actix_web::{get, put};
use parlour_chat::{conversations, streams};
use parlour_protocol::conversations::{Conversation, EventPage, MarkRead, ReadMarker};
use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::{Page, limits};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{ListQuery, limit, position, write_cursor};
use crate::app::App;
use crate::auth::{Shared, Viewer};
use crate::bodies::Object;
use crate::problems::ApiError;
use crate::random;

fn with_presence(app: &App, conversation: Conversation) -> Conversation {
    let is_online = |seen| {
        let peer = conversation.peer.as_ref();
        seen && peer.is_some_and(|peer| app.hub.presence().is_online(peer.id))
    };
    let online = conversation.online.map(is_online);
    Conversation { online, ..conversation }
}

/// The rooms that one is in and one's direct chats, most recently active first. A page is shorter than asked for where
/// the last messages are long.
#[utoipa::path(tag = "conversations", params(ListQuery), responses((status = 200, body = Page<Conversation>)))]
#[get("/conversations")]
pub async fn list_conversations(
    app: Shared,
    viewer: Viewer,
    query: Query<ListQuery>,
) -> Result<Json<Page<Conversation>>, ApiError> {
    let (after, limit) = query.read()?;
    let _turn = app.reads.turn(viewer.user).await;
    let (items, next) = app.read(move |conn| conversations::list(conn, viewer.user, after, limit)).await?;
    let items = items.into_iter().map(|one| with_presence(&app, one)).collect();
    Ok(Json(Page { items, next: next.map(write_cursor) }))
}

/// One of one's own conversations.
#[utoipa::path(
    tag = "conversations",
    params(("conversation" = ConversationId, Path)),
    responses((status = 200, body = Conversation))
)]
#[get("/conversations/{conversation}")]
pub async fn show_conversation(
    app: Shared,
    viewer: Viewer,
    conversation: Path<ConversationId>,
) -> Result<Json<Conversation>, ApiError> {
    let id = conversation.into_inner();
    let found = app.read(move |conn| conversations::find(conn, viewer.user, id)).await?;
    Ok(Json(with_presence(&app, found)))
}

/// Opens the direct chat with a friend, or answers the one that exists.
#[utoipa::path(tag = "conversations", params(("user" = UserId, Path)), responses((status = 200, body = Conversation)))]
#[put("/directs/{user}")]
pub async fn open_direct(
    app: Shared,
    viewer: Viewer,
    user: Path<UserId>,
) -> Result<Json<Conversation>, ApiError> {
    let (peer, fresh) = (user.into_inner(), ConversationId(random::id()));
    let id = app
        .commit(0, move |conn, now| conversations::open_direct(conn, now, viewer.user, peer, fresh))
        .await?;
    let found = app.read(move |conn| conversations::find(conn, viewer.user, id)).await?;
    Ok(Json(with_presence(&app, found)))
}

/// Says up to where one has read. The marker never moves back. Sending a message moves it to that message, too.
#[utoipa::path(
    tag = "conversations",
    params(("conversation" = ConversationId, Path)),
    request_body = MarkRead,
    responses((status = 200, body = ReadMarker))
)]
#[put("/conversations/{conversation}/read")]
pub async fn mark_read(
    app: Shared,
    viewer: Viewer,
    conversation: Path<ConversationId>,
    body: Object<MarkRead>,
) -> Result<Json<ReadMarker>, ApiError> {
    let (id, seq) = (conversation.into_inner(), body.seq);
    app.commit(0, move |conn, now| conversations::mark_read(conn, now, viewer.user, id, seq)).await.map(Json)
}

/// A page of a conversation's log.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// The last position that is known; 0 for the beginning.
    after: Option<Seq>,
    /// 1 to 200, 50 when absent.
    limit: Option<i64>,
}

/// What happened in a conversation after a position: the same events as on the socket.
#[utoipa::path(
    tag = "conversations",
    params(("conversation" = ConversationId, Path), EventsQuery),
    responses((status = 200, body = EventPage))
)]
#[get("/conversations/{conversation}/events")]
pub async fn list_events(
    app: Shared,
    viewer: Viewer,
    conversation: Path<ConversationId>,
    query: Query<EventsQuery>,
) -> Result<Json<EventPage>, ApiError> {
    let id = conversation.into_inner();
    let limit = limit(query.limit, limits::EVENTS_PAGE)?;
    let after = position(query.after)?.unwrap_or(0);
    let _turn = app.reads.turn(viewer.user).await;
    app.read(move |conn| streams::list_events(conn, viewer.user, id, after, limit)).await.map(Json)
}
