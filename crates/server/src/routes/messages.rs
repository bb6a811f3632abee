//! Messages: history, sending, editing, deleting, reactions.
//!
//! Invariant: every message is sent through the send queue, and stored once per client id.

use actix_web::http::StatusCode;
use actix_web::http::header::{ContentType, LOCATION};
use actix_web::web::{Json, Path, Query};
use actix_web::{HttpResponse, delete, get, patch, put};
use parlour_chat::history::{self, PageAt, Reader};
use parlour_chat::messages::{self, Send};
use parlour_chat::reactions;
use parlour_protocol::ids::{ConversationId, Seq};
use parlour_protocol::messages::{EditMessage, Message, MessagePage, SendMessage, Stored};
use parlour_protocol::problems::ErrorCode;
use parlour_storage::Lane;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{page_limit, position};
use crate::app::App;
use crate::auth::{ReadAccess, Shared, WriteAccess};
use crate::bodies::Object;
use crate::problems::ApiError;

/// A page of history.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct HistoryQuery {
    /// Only messages before this position.
    before: Option<Seq>,
    /// Only messages after this position.
    after: Option<Seq>,
    /// Messages on both sides of this position, including the one there.
    around: Option<Seq>,
    /// Maximum number of messages on the page.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<i64>,
    /// Whether to include the authors of the messages and of those they reply to.
    #[serde(default)]
    authors: bool,
}

/// Returns a page of a conversation's history, oldest message first. Without a position, the newest page.
#[utoipa::path(
    tag = "messages",
    params(("conversation" = ConversationId, Path), HistoryQuery),
    responses((status = 200, body = MessagePage))
)]
#[get("/conversations/{conversation}/messages")]
pub async fn list_messages(
    app: Shared,
    access: ReadAccess,
    conversation: Path<ConversationId>,
    query: Query<HistoryQuery>,
) -> Result<HttpResponse, ApiError> {
    let id = conversation.into_inner();
    let viewer = access.to(id)?;
    let limit = page_limit(query.limit)?;
    let at = match (position(query.before)?, position(query.after)?, position(query.around)?) {
        (None, None, None) => PageAt::Newest,
        (Some(seq), None, None) => PageAt::Before(seq),
        (None, Some(seq), None) => PageAt::After(seq),
        (None, None, Some(seq)) => PageAt::Around(seq),
        _ => return Err(ApiError::because(ErrorCode::Malformed, "Only one of before, after and around.")),
    };
    let reader = Reader { user: viewer.user, conversation: id };
    let page = app.reads.page(&app.database, reader, at, limit, query.authors).await?;
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(page))
}

/// Returns one message in its current state, by its position.
#[utoipa::path(
    tag = "messages",
    params(("conversation" = ConversationId, Path), ("message" = Seq, Path, description = "Position of the message (`seq`); not its client id")),
    responses((status = 200, body = Message))
)]
#[get("/conversations/{conversation}/messages/{message}")]
pub async fn show_message(
    app: Shared,
    access: ReadAccess,
    path: Path<(ConversationId, Seq)>,
) -> Result<Json<Message>, ApiError> {
    let (id, seq) = path.into_inner();
    let viewer = access.to(id)?;
    app.read(move |conn| history::find(conn, viewer.user, id, seq)).await.map(Json)
}

/// Sends a message. The client id is a random name chosen by the author: repeating the request, at any time and on
/// any node, returns the position of the stored message and never creates a second one.
#[utoipa::path(
    tag = "messages",
    params(("conversation" = ConversationId, Path), ("cid" = String, Path, description = "Client id of the message, chosen by its author; not its position", pattern = "^[A-Za-z0-9_-]{8,64}$")),
    request_body = SendMessage,
    responses(
        (status = 201, body = Stored, description = "Stored."),
        (status = 200, body = Stored, description = "It was stored before.")
    )
)]
#[put("/conversations/{conversation}/messages/by-cid/{cid}")]
pub async fn send_message(
    app: Shared,
    access: WriteAccess,
    path: Path<(ConversationId, String)>,
    body: Object<SendMessage>,
) -> Result<HttpResponse, ApiError> {
    send(&app, access, path, body).await
}

/// Sends a message (path for older clients). Use `…/messages/by-cid/{cid}` instead: it does the same, and cannot be
/// confused with the path of a message by its position.
#[utoipa::path(
    tag = "messages",
    params(("conversation" = ConversationId, Path), ("message" = String, Path, description = "Client id of the message, chosen by its author; not its position", pattern = "^[A-Za-z0-9_-]{8,64}$")),
    request_body = SendMessage,
    responses(
        (status = 201, body = Stored, description = "Stored."),
        (status = 200, body = Stored, description = "It was stored before.")
    )
)]
#[put("/conversations/{conversation}/messages/{message}")]
pub async fn put_message(
    app: Shared,
    access: WriteAccess,
    path: Path<(ConversationId, String)>,
    body: Object<SendMessage>,
) -> Result<HttpResponse, ApiError> {
    send(&app, access, path, body).await
}

async fn send(
    app: &App,
    access: WriteAccess,
    path: Path<(ConversationId, String)>,
    body: Object<SendMessage>,
) -> Result<HttpResponse, ApiError> {
    let (conversation, cid) = path.into_inner();
    let viewer = access.to(conversation)?;
    let SendMessage { body, reply_to } = body.0;
    let send = Send { author: viewer.user, conversation, cid, body, reply_to };
    let stored = app.sends.send(app, send).await?;
    let status = if stored.duplicate { StatusCode::OK } else { StatusCode::CREATED };
    let mut response = HttpResponse::build(status);
    if status == StatusCode::CREATED {
        let location = format!("/api/v1/conversations/{conversation}/messages/{}", stored.seq);
        response.insert_header((LOCATION, location));
    }
    Ok(response.json(stored))
}

/// Replaces the text of one of the caller's messages. Repeating it changes nothing.
#[utoipa::path(
    tag = "messages",
    params(("conversation" = ConversationId, Path), ("message" = Seq, Path, description = "Position of the message (`seq`); not its client id")),
    request_body = EditMessage,
    responses((status = 200, body = Stored))
)]
#[patch("/conversations/{conversation}/messages/{message}")]
pub async fn edit_message(
    app: Shared,
    access: WriteAccess,
    path: Path<(ConversationId, Seq)>,
    body: Object<EditMessage>,
) -> Result<Json<Stored>, ApiError> {
    let (id, seq) = path.into_inner();
    let viewer = access.to(id)?;
    app.budgets.sends.take(viewer.user).map_err(ApiError::too_fast)?;
    let body = body.0.body;
    app.commit(Lane::Conversation(id), move |conn, now| {
        messages::edit(conn, now, viewer.user, id, seq, &body)
    })
    .await
    .map(Json)
}

/// Deletes a message: the caller's own, or anybody's as owner or moderator of the room, or as an administrator. Its
/// text is gone for good.
#[utoipa::path(
    tag = "messages",
    params(("conversation" = ConversationId, Path), ("message" = Seq, Path, description = "Position of the message (`seq`); not its client id")),
    responses((status = 200, body = Stored))
)]
#[delete("/conversations/{conversation}/messages/{message}")]
pub async fn delete_message(
    app: Shared,
    access: WriteAccess,
    path: Path<(ConversationId, Seq)>,
) -> Result<Json<Stored>, ApiError> {
    let (id, seq) = path.into_inner();
    let viewer = access.to(id)?;
    let deleted = app
        .commit(Lane::Conversation(id), move |conn, now| messages::delete(conn, now, viewer.into(), id, seq))
        .await?;
    app.settle_soon();
    Ok(Json(deleted))
}

/// Adds an emoji reaction to a message.
#[utoipa::path(
    tag = "messages",
    params(
        ("conversation" = ConversationId, Path),
        ("message" = Seq, Path, description = "Position of the message (`seq`); not its client id"),
        ("emoji" = String, Path, description = "One emoji", max_length = 48)
    ),
    responses((status = 200, body = Stored))
)]
#[put("/conversations/{conversation}/messages/{message}/reactions/{emoji}")]
pub async fn add_reaction(
    app: Shared,
    access: WriteAccess,
    path: Path<(ConversationId, Seq, String)>,
) -> Result<Json<Stored>, ApiError> {
    let (id, seq, emoji) = path.into_inner();
    let viewer = access.to(id)?;
    app.budgets.sends.take(viewer.user).map_err(ApiError::too_fast)?;
    app.commit(Lane::Conversation(id), move |conn, now| {
        reactions::react(conn, now, viewer.user, id, seq, &emoji, true)
    })
    .await
    .map(Json)
}

/// Removes a reaction from a message.
#[utoipa::path(
    tag = "messages",
    params(
        ("conversation" = ConversationId, Path),
        ("message" = Seq, Path, description = "Position of the message (`seq`); not its client id"),
        ("emoji" = String, Path, description = "One emoji", max_length = 48)
    ),
    responses((status = 200, body = Stored))
)]
#[delete("/conversations/{conversation}/messages/{message}/reactions/{emoji}")]
pub async fn delete_reaction(
    app: Shared,
    access: WriteAccess,
    path: Path<(ConversationId, Seq, String)>,
) -> Result<Json<Stored>, ApiError> {
    let (id, seq, emoji) = path.into_inner();
    let viewer = access.to(id)?;
    app.budgets.sends.take(viewer.user).map_err(ApiError::too_fast)?;
    app.commit(Lane::Conversation(id), move |conn, now| {
        reactions::react(conn, now, viewer.user, id, seq, &emoji, false)
    })
    .await
    .map(Json)
}
