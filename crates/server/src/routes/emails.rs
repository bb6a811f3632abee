//! The caller's e-mail address, and password resets requested by mail.
//!
//! Invariant: nothing tells strangers whether an account exists or has an address.

use actix_web::web::Json;
use actix_web::{HttpRequest, HttpResponse, delete, get, post, put};
use parlour_chat::identity::{emails, reset_requests};
use parlour_chat::{Refusal, mail_queue};
use parlour_protocol::emails::{ChangeEmail, CompleteEmailVerification, Email};
use parlour_protocol::limits::{EMAIL, TOKEN};
use parlour_protocol::own_data::ConfirmPassword;
use parlour_protocol::password_resets::RequestPasswordReset;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::sessions::RefreshTransport;
use parlour_storage::Lane;

use crate::app::App;
use crate::auth::log_in::{admit, confirm};
use crate::auth::{Shared, Viewer, client_address};
use crate::bodies::Object;
use crate::mailer::parse_address;
use crate::problems::ApiError;
use crate::random;

fn demand_mail(app: &App) -> Result<(), ApiError> {
    if app.config.mail.is_some() { Ok(()) } else { Err(ErrorCode::MailOff.into()) }
}

/// Returns the caller's e-mail address: the confirmed one, and the one that waits to be confirmed. Nobody else sees
/// it.
#[utoipa::path(tag = "accounts", responses((status = 200, body = Email)))]
#[get("/account/email")]
pub async fn show_email(app: Shared, viewer: Viewer) -> Result<Json<Email>, ApiError> {
    let now = app.clock.now();
    app.read(move |conn| emails::show(conn, now, viewer.user)).await.map(Json)
}

/// Sets the caller's e-mail address, given the password. A mail with a link is sent to it, and the address takes
/// effect when the link is opened within a day. Until then the confirmed address stays, and is notified of the
/// change. Setting the same address again sends another mail: at most five per hour and account, and three per hour
/// and address. Several accounts may have the same address. If the server sends no mail: `mail_off`.
#[utoipa::path(tag = "accounts", request_body = ChangeEmail, responses((status = 200, body = Email)))]
#[put("/account/email")]
pub async fn change_email(
    app: Shared,
    viewer: Viewer,
    body: Object<ChangeEmail>,
) -> Result<Json<Email>, ApiError> {
    demand_mail(&app)?;
    let body = body.0;
    let address = parse_address(&body.email).map_err(|message| Refusal::field("email", message))?;
    confirm(&app, viewer, body.password).await?;
    let (key, nonce) = (app.master_key.clone(), random::bytes::<16>());
    app.commit(Lane::Person(viewer.user), move |conn, now| {
        emails::choose(conn, now, &key, viewer.user, &address, &nonce)
    })
    .await
    .map(Json)
}

/// Removes the caller's e-mail address, confirmed or not, given the password. A last mail tells the address about it.
#[utoipa::path(tag = "accounts", request_body = ConfirmPassword, responses((status = 204)))]
#[delete("/account/email")]
pub async fn delete_email(
    app: Shared,
    viewer: Viewer,
    request: HttpRequest,
    body: Object<ConfirmPassword>,
) -> Result<HttpResponse, ApiError> {
    confirm(&app, viewer, body.0.password).await?;
    let address = client_address(&app, &request).to_string();
    app.commit(Lane::Person(viewer.user), move |conn, now| emails::remove(conn, now, viewer.user, &address))
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Confirms an e-mail address with the token from the mail sent to it. The token works once, within a day, and needs
/// no log-in: the mail may be read on another device.
#[utoipa::path(tag = "accounts", request_body = CompleteEmailVerification, responses((status = 204)))]
#[post("/email-verifications/use")]
pub async fn complete_email_verification(
    app: Shared,
    request: HttpRequest,
    body: Object<CompleteEmailVerification>,
) -> Result<HttpResponse, ApiError> {
    let address = admit(&app, &request, RefreshTransport::Body)?.to_string();
    if body.token.len() > TOKEN {
        return Err(Refusal::field("token", "This is no token.").into());
    }
    let hash = mail_queue::token_hash(&body.token);
    app.commit(Lane::STRANGER, move |conn, now| emails::confirm(conn, now, &hash, &address)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Requests a mail with a link that sets a new password, by an account's handle or confirmed address. The response is
/// the same, and takes the same time, whether or not the account exists, has an address, and has reached its limit of
/// three such mails an hour. If the server sends no mail: `mail_off`.
#[utoipa::path(tag = "accounts", request_body = RequestPasswordReset, responses((status = 202)))]
#[post("/password-resets/requests")]
pub async fn request_password_reset(
    app: Shared,
    request: HttpRequest,
    body: Object<RequestPasswordReset>,
) -> Result<HttpResponse, ApiError> {
    demand_mail(&app)?;
    let address = admit(&app, &request, RefreshTransport::Body)?.to_string();
    let who = body.handle_or_email.trim().to_owned();
    if who.is_empty() || who.len() > EMAIL.0 || who.chars().any(char::is_control) {
        return Err(Refusal::field("handle_or_email", "Enter your username or email address.").into());
    }
    let nonce = random::bytes::<16>();
    app.commit(Lane::STRANGER, move |conn, now| reset_requests::create(conn, now, &who, &nonce, &address))
        .await?;
    Ok(HttpResponse::Accepted().finish())
}
