//! Messages.

use actix_web::http::StatusCode;
use actix_web::http::header::ContentType;
use actix_web::web::{Json, Path, Query};
use actix_web::{HttpResponse, delete, get, patch, put};
use parlour_chat::history::{PageAt, Reader};
use parlour_chat::messages::{self, Send};
use parlour_protocol::ids::{ConversationId, Seq};
use parlour_protocol::messages::{EditMessage, MessagePage, SendMessage, Stored};
use parlour_protocol::problems::ErrorCode;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{page_limit, position};
use crate::auth::{Shared, Viewer};
use crate::bodies::Object;
use crate::problems::ApiError;

/// A page of history.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct HistoryQuery {
    /// Messages before this position.
    before: Option<Seq>,
    /// Messages after this position.
    after: Option<Seq>,
    /// Messages on both sides of this position, and the one there.
    around: Option<Seq>,
    /// 1 to 100, 50 when absent.
    limit: Option<i64>,
    /// Whether to add who wrote the messages and what they answer.
    #[serde(default)]
    authors: bool,
}

/// History, oldest first. Without a position: the newest page.
#[utoipa::path(
    tag = "messages",
    params(("conversation" = ConversationId, Path), HistoryQuery),
    responses((status = 200, body = MessagePage))
)]
#[get("/conversations/{conversation}/messages")]
pub async fn list_messages(
    app: Shared,
    viewer: Viewer,
    conversation: Path<ConversationId>,
    query: Query<HistoryQuery>,
) -> Result<HttpResponse, ApiError> {
    let id = conversation.into_inner();
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

/// Sends a message. `message` is the client's own random name for it: the same request again, at any time and on
/// any node, answers where the message is and never makes a second one.
#[utoipa::path(
    tag = "messages",
    params(("conversation" = ConversationId, Path), ("message" = String, Path, description = "Client id, 8 to 64 of `a-z A-Z 0-9 - _`")),
    request_body = SendMessage,
    responses(
        (status = 201, body = Stored, description = "Stored"),
        (status = 200, body = Stored, description = "Was stored before")
    )
)]
#[put("/conversations/{conversation}/messages/{message}")]
pub async fn send_message(
    app: Shared,
    viewer: Viewer,
    path: Path<(ConversationId, String)>,
    body: Object<SendMessage>,
) -> Result<HttpResponse, ApiError> {
    let (conversation, cid) = path.into_inner();
    let SendMessage { body, reply_to } = body.0;
    let send = Send { author: viewer.user, conversation, cid, body, reply_to };
    let stored = app.sends.send(&app, send).await?;
    let status = if stored.duplicate { StatusCode::OK } else { StatusCode::CREATED };
    Ok(HttpResponse::build(status).json(stored))
}

/// Replaces the text of one's own message. The same text again changes nothing.
#[utoipa::path(
    tag = "messages",
    params(("conversation" = ConversationId, Path), ("message" = Seq, Path, description = "Position of the message")),
    request_body = EditMessage,
    responses((status = 200, body = Stored))
)]
#[patch("/conversations/{conversation}/messages/{message}")]
pub async fn edit_message(
    app: Shared,
    viewer: Viewer,
    path: Path<(ConversationId, Seq)>,
    body: Object<EditMessage>,
) -> Result<Json<Stored>, ApiError> {
    let (id, seq) = path.into_inner();
    app.budgets.sends.take(viewer.user).map_err(ApiError::too_fast)?;
    let body = body.0.body;
    app.commit(id.0, move |conn, now| messages::edit(conn, now, viewer.user, id, seq, &body)).await.map(Json)
}

/// Deletes a message: one's own, or anybody's as moderator or owner of the room. Its words are gone for good.
#[utoipa::path(
    tag = "messages",
    params(("conversation" = ConversationId, Path), ("message" = Seq, Path, description = "Position of the message")),
    responses((status = 200, body = Stored))
)]
#[delete("/conversations/{conversation}/messages/{message}")]
pub async fn delete_message(
    app: Shared,
    viewer: Viewer,
    path: Path<(ConversationId, Seq)>,
) -> Result<Json<Stored>, ApiError> {
    let (id, seq) = path.into_inner();
    let deleted =
        app.commit(id.0, move |conn, now| messages::delete(conn, now, viewer.user, id, seq)).await?;
    app.settle_soon();
    Ok(Json(deleted))
}

/// Reacts to a message with an emoji.
#[utoipa::path(
    tag = "messages",
    params(
        ("conversation" = ConversationId, Path),
        ("message" = Seq, Path, description = "Position of the message"),
        ("emoji" = String, Path)
    ),
    responses((status = 200, body = Stored))
)]
#[put("/conversations/{conversation}/messages/{message}/reactions/{emoji}")]
pub async fn add_reaction(
    app: Shared,
    viewer: Viewer,
    path: Path<(ConversationId, Seq, String)>,
) -> Result<Json<Stored>, ApiError> {
    let (id, seq, emoji) = path.into_inner();
    app.budgets.sends.take(viewer.user).map_err(ApiError::too_fast)?;
    app.commit(id.0, move |conn, now| messages::react(conn, now, viewer.user, id, seq, &emoji, true))
        .await
        .map(Json)
}

/// Takes a reaction back.
#[utoipa::path(
    tag = "messages",
    params(
        ("conversation" = ConversationId, Path),
        ("message" = Seq, Path, description = "Position of the message"),
        ("emoji" = String, Path)
    ),
    responses((status = 200, body = Stored))
)]
#[delete("/conversations/{conversation}/messages/{message}/reactions/{emoji}")]
pub async fn delete_reaction(
    app: Shared,
    viewer: Viewer,
    path: Path<(ConversationId, Seq, String)>,
) -> Result<Json<Stored>, ApiError> {
    let (id, seq, emoji) = path.into_inner();
    app.budgets.sends.take(viewer.user).map_err(ApiError::too_fast)?;
    app.commit(id.0, move |conn, now| messages::react(conn, now, viewer.user, id, seq, &emoji, false))
        .await
        .map(Json)
}
