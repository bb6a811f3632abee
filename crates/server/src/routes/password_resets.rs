//! Links with which people set a new password.
//!
//! Invariant: a link works once and within an hour, and only its hash is stored.

use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse, post};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parlour_chat::identity::{password_resets, passwords};
use parlour_chat::mail_queue;
use parlour_protocol::ids::UserId;
use parlour_protocol::limits;
use parlour_protocol::password_resets::{CompletePasswordReset, PasswordReset};
use parlour_protocol::sessions::RefreshTransport;
use parlour_storage::Lane;

use crate::auth::cookies::known_device;
use crate::auth::log_in::admit;
use crate::auth::{Shared, Viewer};
use crate::bodies::Object;
use crate::budget::addresses::AddressKey;
use crate::hashing::Asker;
use crate::idempotency::Creation;
use crate::problems::ApiError;

/// The token made of these random bytes, and its stored hash.
pub(crate) fn token_of(bytes: [u8; 32]) -> (String, Vec<u8>) {
    let token = URL_SAFE_NO_PAD.encode(bytes);
    let hash = mail_queue::token_hash(&token);
    (token, hash)
}

/// The link that carries a token. Browsers do not send the fragment to the server.
pub(crate) fn link(address: &str, token: &str) -> String {
    format!("{address}/reset#{token}")
}

/// Creates a link with which a person sets a new password. It works once, within an hour, and is returned only this
/// once; earlier links of the person become invalid. A second factor stays on.
#[utoipa::path(tag = "admin", params(("user" = UserId, Path)), responses((status = 201, body = PasswordReset)))]
#[post("/admin/users/{user}/password-reset")]
pub async fn create_password_reset(
    app: Shared,
    viewer: Viewer,
    request: HttpRequest,
    user: Path<UserId>,
) -> Result<HttpResponse, ApiError> {
    let creation = Creation::of(&app, &request, Some(viewer.user))?;
    let who = user.into_inner();
    let (token, hash) = token_of(creation.secret("token"));
    let (expires_at, _) = app
        .create(Lane::Person(who), creation, move |conn, now| {
            password_resets::create(conn, now, viewer.user, who, &hash)
        })
        .await?;
    let link = link(app.config.public_url.as_deref().unwrap_or_default(), &token);
    Ok(HttpResponse::Created().json(PasswordReset { link, expires_at }))
}

/// Sets a new password with the token of a link. Every session of the person ends, and nobody is logged in. The
/// browser counts as a known device of theirs from then on: strangers who guess at the account do not delay its
/// log-in.
#[utoipa::path(tag = "accounts", request_body = CompletePasswordReset, responses((status = 204)))]
#[post("/password-resets")]
pub async fn complete_password_reset(
    app: Shared,
    request: HttpRequest,
    body: Object<CompletePasswordReset>,
) -> Result<HttpResponse, ApiError> {
    let address = admit(&app, &request, RefreshTransport::Body)?;
    let asker = Asker::Stranger(AddressKey::of(address));
    let address = address.to_string();
    let body = body.0;
    if body.token.len() > limits::TOKEN {
        return Err(parlour_chat::Refusal::field("token", "This is no token.").into());
    }
    if let Err(message) = passwords::check(&body.password) {
        return Err(parlour_chat::Refusal::field("password", message).into());
    }
    let token_hash = mail_queue::token_hash(&body.token);
    let (now, looked_up) = (app.clock.now(), token_hash.clone());
    let user = app.read(move |conn| password_resets::find(conn, now, &looked_up)).await?;
    let hash = app.hash_password(asker, body.password).await?;
    app.commit(Lane::Person(user), move |conn, now| {
        password_resets::complete(conn, now, &token_hash, &hash, &address)
    })
    .await?;
    let mut response = HttpResponse::NoContent();
    if let Some(cookie) = known_device(&app, &request, user) {
        response.cookie(cookie);
    }
    Ok(response.finish())
}
