//! Exporting the caller's data, and deleting the caller's account.
//!
//! Invariant: both confirm first that the caller is the owner of the account. A deletion that was begun is completed,
//! whatever happens to the request.

use std::sync::Arc;

use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, delete, post};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parlour_chat::identity::{account_erasure, account_export};
use parlour_protocol::own_data::{
    ConfirmPassword, DeletionReceipt, Erased, ExportEnd, ExportHead, ExportLine, ExportedMessages,
    ExportedPicture,
};
use parlour_protocol::problems::ErrorCode;
use parlour_storage::Lane;
use tokio::sync::mpsc;

use crate::account_eraser;
use crate::account_exports::Place;
use crate::app::App;
use crate::auth::log_in::confirm;
use crate::auth::{Shared, Viewer, client_address};
use crate::bodies::Object;
use crate::problems::ApiError;

/// Maximum lines queued for a slow client.
const AHEAD: usize = 4;

/// Exports the caller's own data as lines of JSON. Each line is an `ExportLine`, `{"kind": …, "data": …}`. The last
/// line is `end`; without it the file is incomplete. Requires the password.
#[utoipa::path(
    tag = "accounts",
    request_body = ConfirmPassword,
    responses((status = 200, body = String, content_type = "application/x-ndjson"))
)]
#[post("/account/export")]
pub async fn export_account(
    app: Shared,
    viewer: Viewer,
    request: HttpRequest,
    body: Object<ConfirmPassword>,
) -> Result<HttpResponse, ApiError> {
    confirm(&app, viewer, body.0.password).await?;
    // A refusal for lack of a slot does not count against the rate limit.
    let place = app.exports.begin(viewer.user)?;
    app.budgets.exports.take(viewer.user).map_err(ApiError::too_fast)?;
    let address = client_address(&app, &request).to_string();
    app.markers.settle(&app, viewer.user).await?;
    app.commit(Lane::Person(viewer.user), move |conn, now| {
        account_export::begin(conn, now, viewer.user, &address)
    })
    .await?;
    let (sender, receiver) = mpsc::channel(AHEAD);
    let shared: Arc<App> = app.get_ref().clone();
    actix_web::rt::spawn(async move {
        let to = Reader { lines: sender, place };
        if let Err(error) = write(&shared, viewer, &to).await {
            tracing::warn!(%error, "an export was not finished");
        }
    });
    Ok(HttpResponse::Ok()
        .content_type("application/x-ndjson")
        .insert_header((header::CONTENT_DISPOSITION, "attachment; filename=\"parlour-export.ndjson\""))
        .body(Lines(receiver)))
}

/// The lines as a response body.
struct Lines(mpsc::Receiver<Bytes>);

impl actix_web::body::MessageBody for Lines {
    type Error = std::convert::Infallible;

    fn size(&self) -> actix_web::body::BodySize {
        actix_web::body::BodySize::Stream
    }

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Bytes, Self::Error>>> {
        self.0.poll_recv(context).map(|line| line.map(Ok))
    }
}

/// The client that reads an export.
struct Reader {
    lines: mpsc::Sender<Bytes>,
    place: Place,
}

async fn line(to: &Reader, line: &ExportLine) -> Result<(), ApiError> {
    let mut text = serde_json::to_vec(line).map_err(|error| ApiError::fault(error.to_string()))?;
    text.push(b'\n');
    let bytes = text.len();
    let taken = async { to.lines.send(text.into()).await.is_ok() };
    // The client has gone or is too slow: nobody needs the rest.
    if to.place.wait_for(bytes, taken).await { Ok(()) } else { Err(ErrorCode::Gone.into()) }
}

async fn write(app: &App, viewer: Viewer, to: &Reader) -> Result<(), ApiError> {
    let now = app.clock.now();
    let head = ExportHead { format: 1, server: app.config.name.clone(), at: now };
    line(to, &ExportLine::Export(head)).await?;
    let person = app.read(move |conn| account_export::person(conn, now, viewer.user, viewer.session)).await?;
    for own in &person.lines {
        line(to, own).await?;
    }
    for picture in person.pictures {
        let base64 = STANDARD.encode(&picture.large);
        line(to, &ExportLine::Picture(ExportedPicture { media_type: picture.media_type, base64 })).await?;
    }
    let mut count = 0;
    for conversation in person.conversations {
        let (id, kind) = (conversation.id, conversation.kind);
        line(to, &ExportLine::Conversation(Box::new(conversation))).await?;
        let mut after = 0;
        loop {
            let read = app
                .read(move |conn| account_export::messages_after(conn, viewer.user, id, kind, after))
                .await;
            let messages = match read {
                Ok(messages) => messages,
                // The person has left the conversation since: it can no longer be read, so it is not exported.
                Err(error) if error.problem.status < 500 => break,
                Err(error) => return Err(error),
            };
            let Some(last) = messages.last().map(|message| message.seq) else {
                break;
            };
            count += messages.len() as u64;
            after = last;
            line(to, &ExportLine::Messages(ExportedMessages { conversation: id, items: messages })).await?;
        }
    }
    line(to, &ExportLine::End(ExportEnd { messages: count })).await
}

/// Deletes the caller's account and bots for good. Profile, log-ins, tokens, friendships, blocks, notifications and
/// pictures are deleted at once, then the text of everything they wrote. Others see a deleted user in their place.
/// Requires the password, and returns what was erased.
#[utoipa::path(
    tag = "accounts",
    request_body = ConfirmPassword,
    responses((status = 200, body = DeletionReceipt))
)]
#[delete("/account")]
pub async fn delete_account(
    app: Shared,
    viewer: Viewer,
    request: HttpRequest,
    body: Object<ConfirmPassword>,
) -> Result<HttpResponse, ApiError> {
    confirm(&app, viewer, body.0.password).await?;
    let (now, address) = (app.clock.now(), client_address(&app, &request).to_string());
    let person = app
        .commit(Lane::People(viewer.user), move |conn, now| {
            account_erasure::end_person(conn, now, viewer.user, &address)
        })
        .await?;
    // Continues if the caller disconnects; what fails is completed by its job.
    let erasing = app.get_ref().clone();
    let rest =
        actix_web::rt::spawn(async move { account_eraser::erase_with_bots(&erasing, viewer.user).await })
            .await
            .map_err(|error| ApiError::fault(error.to_string()))??;
    let erased = Erased { messages: rest.messages, conversations: rest.conversations, ..person };
    Ok(HttpResponse::Ok().json(DeletionReceipt { account: viewer.user, deleted_at: now, erased }))
}
