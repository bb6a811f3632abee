//! Personal access tokens of the caller.
//!
//! Invariant: a token's secret is returned only by the request that creates it.

use std::sync::Arc;

use actix_web::web::{Json, Path, Query};
use actix_web::{HttpRequest, HttpResponse, delete, get, post};
use parlour_chat::identity::api_tokens::{self, Holder};
use parlour_protocol::Page;
use parlour_protocol::api_tokens::{CreateToken, CreatedToken, Token};
use parlour_protocol::ids::TokenId;
use parlour_storage::Lane;

use super::{ListQuery, page_of};
use crate::app::App;
use crate::auth::api_tokens::ApiToken;
use crate::auth::log_in::confirm;
use crate::auth::{Shared, Viewer};
use crate::bodies::Object;
use crate::idempotency::Creation;
use crate::problems::ApiError;

/// Creates a personal access token. A program that has it reads, or reads and writes, as the person who created it,
/// over REST and the socket, in all conversations or only in some. The secret is returned only this once. A token
/// never manages the account, administers the server or creates tokens. It ends when it is revoked, when it expires,
/// and with everything that ends all log-ins, such as a new password. At most 50 per person. Requires the password.
#[utoipa::path(tag = "tokens", request_body = CreateToken, responses((status = 201, body = CreatedToken)))]
#[post("/account/tokens")]
pub async fn create_token(
    app: Shared,
    viewer: Viewer,
    request: HttpRequest,
    body: Object<CreateToken>,
) -> Result<HttpResponse, ApiError> {
    let creation = Creation::of(&app, &request, Some(viewer.user))?;
    make(&app, viewer, Holder::Oneself, creation, body.0).await
}

/// Creates a token for the caller or for a bot.
pub(super) async fn make(
    app: &Arc<App>,
    viewer: Viewer,
    holder: Holder,
    creation: Creation,
    request: CreateToken,
) -> Result<HttpResponse, ApiError> {
    api_tokens::check_create(&request)?;
    app.budgets.reach.take(viewer.user).map_err(ApiError::too_fast)?;
    confirm(app, viewer, request.password.clone()).await?;
    let fresh = ApiToken::new(&creation);
    let (id, hash) = (fresh.id, fresh.hash());
    let (token, _) = app
        .create(Lane::Person(viewer.user), creation, move |conn, now| {
            api_tokens::create(conn, now, viewer.user, holder, (id, &hash), &request)
        })
        .await?;
    Ok(HttpResponse::Created().json(CreatedToken { token, secret: fresh.expose() }))
}

/// Lists the caller's tokens that are still valid, newest first.
#[utoipa::path(tag = "tokens", params(ListQuery), responses((status = 200, body = Page<Token>)))]
#[get("/account/tokens")]
pub async fn list_tokens(
    app: Shared,
    viewer: Viewer,
    query: Query<ListQuery>,
) -> Result<Json<Page<Token>>, ApiError> {
    let now = app.clock.now();
    let items = app.read(move |conn| api_tokens::list(conn, now, viewer.user, Holder::Oneself)).await?;
    page_of(items, &query, |token| token.id.0).map(Json)
}

/// Revokes one of the caller's tokens: it is refused at once, and its sockets are closed.
#[utoipa::path(tag = "tokens", params(("token" = TokenId, Path)), responses((status = 204)))]
#[delete("/account/tokens/{token}")]
pub async fn delete_token(
    app: Shared,
    viewer: Viewer,
    token: Path<TokenId>,
) -> Result<HttpResponse, ApiError> {
    let id = token.into_inner();
    app.commit(Lane::People(viewer.user), move |conn, now| {
        api_tokens::revoke(conn, now, viewer.user, Holder::Oneself, id)
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}
