//! The caller's conversations: the list, direct chats, read markers, catch-up.
//!
//! Invariant: pending read markers of the caller are stored before a conversation is returned.

use std::collections::BTreeSet;

use actix_web::web::{Json, Path, Query};
use actix_web::{get, put};
use parlour_chat::{conversations, streams};
use parlour_protocol::conversations::{Conversation, EventPage, MarkRead, ReadMarker};
use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::{Page, limits};
use parlour_storage::Lane;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{ListQuery, limit, position, several, write_cursor};
use crate::app::App;
use crate::auth::{ReadAccess, Shared, WriteAccess};
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

/// A page of the caller's conversations.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ConversationsQuery {
    /// Only those of these conversations that the caller is in: up to 100 ids, separated by commas.
    ids: Option<String>,
    /// Cursor: the `next` of the previous page. Without it, the first page.
    after: Option<String>,
    /// Maximum number of items on the page.
    #[param(minimum = 1, maximum = 200, default = 200)]
    limit: Option<i64>,
}

/// Lists the caller's rooms and direct chats, most recently active first. A token limited to some conversations sees
/// only those. With `ids`, only those of the listed conversations are returned. A page is shorter than requested if
/// the last messages are long.
#[utoipa::path(
    tag = "conversations",
    params(ConversationsQuery),
    responses((status = 200, body = Page<Conversation>))
)]
#[get("/conversations")]
pub async fn list_conversations(
    app: Shared,
    access: ReadAccess,
    query: Query<ConversationsQuery>,
) -> Result<Json<Page<Conversation>>, ApiError> {
    let ConversationsQuery { ids, after, limit } = query.into_inner();
    let (after, limit) = ListQuery { after, limit }.read()?;
    let ids: Option<BTreeSet<ConversationId>> = ids.as_deref().map(several).transpose()?;
    let (viewer, only) = access.to_some();
    let only = match (only, ids) {
        (Some(only), Some(ids)) => Some(&only & &ids),
        (only, ids) => only.or(ids),
    };
    let _turn = app.reads.turn(viewer.user).await;
    app.markers.settle(&app, viewer.user).await?;
    let (items, next) = app
        .read(move |conn| match &only {
            Some(few) => conversations::list_among(conn, viewer.into(), few, after, limit),
            None => conversations::list(conn, viewer.into(), after, limit),
        })
        .await?;
    let items = items.into_iter().map(|one| with_presence(&app, one)).collect();
    Ok(Json(Page { items, next: next.map(write_cursor) }))
}

/// Returns one of the caller's conversations.
#[utoipa::path(
    tag = "conversations",
    params(("conversation" = ConversationId, Path)),
    responses((status = 200, body = Conversation))
)]
#[get("/conversations/{conversation}")]
pub async fn show_conversation(
    app: Shared,
    access: ReadAccess,
    conversation: Path<ConversationId>,
) -> Result<Json<Conversation>, ApiError> {
    let id = conversation.into_inner();
    let viewer = access.to(id)?;
    app.markers.settle(&app, viewer.user).await?;
    let found = app.read(move |conn| conversations::find(conn, viewer.into(), id)).await?;
    Ok(Json(with_presence(&app, found)))
}

/// Opens the direct chat with a friend, or returns the existing one.
#[utoipa::path(tag = "conversations", params(("user" = UserId, Path)), responses((status = 200, body = Conversation)))]
#[put("/directs/{user}")]
pub async fn open_direct(
    app: Shared,
    access: WriteAccess,
    user: Path<UserId>,
) -> Result<Json<Conversation>, ApiError> {
    let viewer = access.to_everything()?;
    let (peer, fresh) = (user.into_inner(), ConversationId(random::id()));
    let id = app
        .commit(Lane::People(viewer.user), move |conn, now| {
            conversations::open_direct(conn, now, viewer.user, peer, fresh)
        })
        .await?;
    app.markers.settle(&app, viewer.user).await?;
    let found = app.read(move |conn| conversations::find(conn, viewer.into(), id)).await?;
    Ok(Json(with_presence(&app, found)))
}

/// Sets the caller's read marker. It never moves back. Sending a message also moves it to that message.
#[utoipa::path(
    tag = "conversations",
    params(("conversation" = ConversationId, Path)),
    request_body = MarkRead,
    responses((status = 200, body = ReadMarker))
)]
#[put("/conversations/{conversation}/read")]
pub async fn mark_read(
    app: Shared,
    access: WriteAccess,
    conversation: Path<ConversationId>,
    body: Object<MarkRead>,
) -> Result<Json<ReadMarker>, ApiError> {
    let (id, seq) = (conversation.into_inner(), body.seq);
    let viewer = access.to(id)?;
    app.markers.mark_read(&app, viewer.user, id, seq).await.map(Json)
}

/// A page of a conversation's log.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// The last known position; 0 or absent for the beginning.
    after: Option<Seq>,
    /// Maximum number of events on the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<i64>,
}

/// Lists what happened in a conversation after a position: the same events as on the socket.
#[utoipa::path(
    tag = "conversations",
    params(("conversation" = ConversationId, Path), EventsQuery),
    responses((status = 200, body = EventPage))
)]
#[get("/conversations/{conversation}/events")]
pub async fn list_events(
    app: Shared,
    access: ReadAccess,
    conversation: Path<ConversationId>,
    query: Query<EventsQuery>,
) -> Result<Json<EventPage>, ApiError> {
    let id = conversation.into_inner();
    let viewer = access.to(id)?;
    let limit = limit(query.limit, limits::EVENTS_PAGE)?;
    let after = position(query.after)?.unwrap_or(0);
    let _turn = app.reads.turn(viewer.user).await;
    app.read(move |conn| streams::list_events(conn, viewer.user, id, after, limit)).await.map(Json)
}
