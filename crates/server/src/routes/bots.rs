//! The caller's bots, and their tokens.
//!
//! Invariant: only a bot's owner can see or change anything here.

use actix_web::http::header::LOCATION;
use actix_web::web::{Json, Path, Query};
use actix_web::{HttpRequest, HttpResponse, delete, get, post};
use parlour_chat::bots;
use parlour_chat::identity::api_tokens::{self, Holder};
use parlour_protocol::Page;
use parlour_protocol::api_tokens::{CreateToken, CreatedToken, Token};
use parlour_protocol::bots::{Bot, CreateBot};
use parlour_protocol::ids::{TokenId, UserId};
use parlour_protocol::own_data::{ConfirmPassword, DeletionReceipt, Erased};
use parlour_storage::Lane;

use super::api_tokens::make;
use super::{ListQuery, page_of};
use crate::account_eraser;
use crate::auth::log_in::confirm;
use crate::auth::{Shared, Viewer, client_address};
use crate::bodies::Object;
use crate::budget::addresses::AddressKey;
use crate::idempotency::Creation;
use crate::problems::ApiError;

/// Creates a bot. A bot is an account that belongs to the person who creates it, and that nobody logs in to: programs
/// act as it with tokens that its owner creates. It is shown as a bot everywhere and has limits of its own. It stops
/// when its owner is suspended, and is deleted with its owner. At most 5 per person.
#[utoipa::path(tag = "bots", request_body = CreateBot, responses((status = 201, body = Bot)))]
#[post("/bots")]
pub async fn create_bot(
    app: Shared,
    viewer: Viewer,
    request: HttpRequest,
    body: Object<CreateBot>,
) -> Result<HttpResponse, ApiError> {
    bots::check_create(&body)?;
    // It reveals whether a handle is taken.
    app.budgets.lookups.take(viewer.user).map_err(ApiError::too_fast)?;
    let network = AddressKey::of(client_address(&app, &request));
    app.budgets.lookups_of_network.take(network).map_err(ApiError::too_fast)?;
    let creation = Creation::of(&app, &request, Some(viewer.user))?;
    let (id, body) = (UserId(creation.id("bot")), body.0);
    let (bot, _) = app
        .create(Lane::Person(viewer.user), creation, move |conn, now| {
            bots::create(conn, now, viewer.user, id, &body)
        })
        .await?;
    let location = format!("/api/v1/users/{}", bot.user.id);
    Ok(HttpResponse::Created().insert_header((LOCATION, location)).json(bot))
}

/// Lists the caller's bots, oldest first.
#[utoipa::path(tag = "bots", params(ListQuery), responses((status = 200, body = Page<Bot>)))]
#[get("/bots")]
pub async fn list_bots(
    app: Shared,
    viewer: Viewer,
    query: Query<ListQuery>,
) -> Result<Json<Page<Bot>>, ApiError> {
    let items = app.read(move |conn| bots::list(conn, viewer.user)).await?;
    page_of(items, &query, |bot| bot.user.id.0).map(Json)
}

/// Deletes one of the caller's bots for good, with its tokens and the text of everything it wrote, as an account is
/// deleted. Requires the password, and returns what was erased.
#[utoipa::path(
    tag = "bots",
    params(("user" = UserId, Path)),
    request_body = ConfirmPassword,
    responses((status = 200, body = DeletionReceipt))
)]
#[delete("/bots/{user}")]
pub async fn delete_bot(
    app: Shared,
    viewer: Viewer,
    request: HttpRequest,
    user: Path<UserId>,
    body: Object<ConfirmPassword>,
) -> Result<HttpResponse, ApiError> {
    confirm(&app, viewer, body.0.password).await?;
    let bot = user.into_inner();
    let (now, address) = (app.clock.now(), client_address(&app, &request).to_string());
    let ended = app
        .commit(Lane::People(viewer.user), move |conn, now| {
            bots::delete(conn, now, viewer.user, bot, &address)
        })
        .await?;
    // Continues if the caller disconnects; what fails is completed by its job.
    let erasing = app.get_ref().clone();
    let rest = actix_web::rt::spawn(async move { account_eraser::erase(&erasing, bot).await })
        .await
        .map_err(|error| ApiError::fault(error.to_string()))??;
    let erased = Erased { messages: rest.messages, conversations: rest.conversations, ..ended };
    Ok(HttpResponse::Ok().json(DeletionReceipt { account: bot, deleted_at: now, erased }))
}

/// Creates a token for one of the caller's bots, as `POST /account/tokens` does for the caller. At most 50 per bot.
/// Requires the caller's own password.
#[utoipa::path(
    tag = "bots",
    params(("user" = UserId, Path)),
    request_body = CreateToken,
    responses((status = 201, body = CreatedToken))
)]
#[post("/bots/{user}/tokens")]
pub async fn create_bot_token(
    app: Shared,
    viewer: Viewer,
    request: HttpRequest,
    user: Path<UserId>,
    body: Object<CreateToken>,
) -> Result<HttpResponse, ApiError> {
    let creation = Creation::of(&app, &request, Some(viewer.user))?;
    make(&app, viewer, Holder::Bot(user.into_inner()), creation, body.0).await
}

/// Lists the tokens of one of the caller's bots, newest first.
#[utoipa::path(tag = "bots", params(("user" = UserId, Path), ListQuery), responses((status = 200, body = Page<Token>)))]
#[get("/bots/{user}/tokens")]
pub async fn list_bot_tokens(
    app: Shared,
    viewer: Viewer,
    user: Path<UserId>,
    query: Query<ListQuery>,
) -> Result<Json<Page<Token>>, ApiError> {
    let (now, holder) = (app.clock.now(), Holder::Bot(user.into_inner()));
    let items = app.read(move |conn| api_tokens::list(conn, now, viewer.user, holder)).await?;
    page_of(items, &query, |token| token.id.0).map(Json)
}

/// Revokes a token of one of the caller's bots: it is refused at once, and its sockets are closed.
#[utoipa::path(
    tag = "bots",
    params(("user" = UserId, Path), ("token" = TokenId, Path)),
    responses((status = 204))
)]
#[delete("/bots/{user}/tokens/{token}")]
pub async fn delete_bot_token(
    app: Shared,
    viewer: Viewer,
    path: Path<(UserId, TokenId)>,
) -> Result<HttpResponse, ApiError> {
    let (bot, id) = path.into_inner();
    app.commit(Lane::People(viewer.user), move |conn, now| {
        api_tokens::revoke(conn, now, viewer.user, Holder::Bot(bot), id)
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}
