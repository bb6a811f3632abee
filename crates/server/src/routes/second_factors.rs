//! The second factor: turning it on and off, recovery codes, and the second step of a log-in.
//!
//! Invariant: every check of a code counts as an attempt, unless the code was right.

use std::sync::Arc;

use actix_web::web::{Json, Path};
use actix_web::{HttpRequest, HttpResponse, delete, get, post};
use data_encoding::BASE32_NOPAD;
use parlour_chat::Outcome;
use parlour_chat::audit::Note;
use parlour_chat::identity::log_in::{self, NewSession};
use parlour_chat::identity::second_factors::{RECOVERY_CODES, code_hash};
use parlour_chat::identity::{accounts, second_factors};
use parlour_chat::outcome::Done;
use parlour_protocol::audit::AuditKind;
use parlour_protocol::ids::{SessionId, UserId};
use parlour_protocol::own_data::ConfirmPassword;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::second_factors::{
    CompleteSession, ConfirmBoth, ConfirmSecondFactor, NewSecondFactor, RecoveryCodes, SecondFactor,
};
use parlour_protocol::sessions::SignedIn;
use parlour_protocol::time::Timestamp;
use parlour_storage::users::UserRow;
use parlour_storage::{Connection, Lane};

use crate::app::App;
use crate::auth::challenges::Challenge;
use crate::auth::log_in::{admit, client_device, confirm, signed_in};
use crate::auth::{Shared, Viewer, client_address};
use crate::bodies::Object;
use crate::budget::addresses::AddressKey;
use crate::budget::login_throttle::Attempt;
use crate::problems::ApiError;
use crate::random;

/// New recovery codes, and their stored hashes.
fn fresh_codes() -> (Vec<String>, Vec<Vec<u8>>) {
    let codes: Vec<String> = (0..RECOVERY_CODES)
        .map(|_| {
            let text = BASE32_NOPAD.encode(&random::bytes::<10>()).to_lowercase();
            let groups: Vec<&str> = (0..4).filter_map(|group| text.get(group * 4..group * 4 + 4)).collect();
            groups.join("-")
        })
        .collect();
    let hashes = codes.iter().map(|code| code_hash(code)).collect();
    (codes, hashes)
}

/// Percent-encodes a name for use in a link.
fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut link, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => link.push(char::from(byte)),
            _ => link.push_str(&format!("%{byte:02X}")),
        }
        link
    })
}

/// Runs `work`, which checks a code of a person's second factor, in a transaction. Counts as a failed attempt unless
/// the code was right.
async fn commit_with_code<T: Send + 'static>(
    app: &Arc<App>,
    request: &HttpRequest,
    user: UserId,
    work: impl Fn(&mut Connection, Timestamp) -> Done<T> + Clone + Send + 'static,
) -> Result<T, ApiError> {
    let attempt = Attempt::second_factor(user, AddressKey::of(client_address(app, request)));
    let taken = app.budgets.login_throttle.take(attempt).await.map_err(ApiError::too_fast)?;
    let outcome = app.commit(Lane::Person(user), work).await;
    match &outcome {
        Ok(_) => taken.right().await,
        Err(error) if error.code() == ErrorCode::BadCredentials => taken.wrong(),
        // The code was not checked.
        Err(_) => {}
    }
    outcome
}

/// Returns whether the caller's second factor is on, and how many recovery codes are left.
#[utoipa::path(tag = "accounts", responses((status = 200, body = SecondFactor)))]
#[get("/account/second-factor")]
pub async fn show_second_factor(app: Shared, viewer: Viewer) -> Result<Json<SecondFactor>, ApiError> {
    app.read(move |conn| second_factors::show(conn, viewer.user)).await.map(Json)
}

/// Begins to turn the second factor on, given the password: returns a new secret for an authenticator app. Nothing
/// changes until a code of the app is confirmed; beginning again creates another secret.
#[utoipa::path(
    tag = "accounts",
    request_body = ConfirmPassword,
    responses((status = 201, body = NewSecondFactor))
)]
#[post("/account/second-factor")]
pub async fn begin_second_factor(
    app: Shared,
    viewer: Viewer,
    body: Object<ConfirmPassword>,
) -> Result<HttpResponse, ApiError> {
    confirm(&app, viewer, body.0.password).await?;
    let nonce = random::bytes::<16>();
    let handle = app
        .commit(Lane::Person(viewer.user), move |conn, _| {
            second_factors::begin(conn, viewer.user, &nonce)?;
            Ok(Outcome::without_events(accounts::find(conn, viewer.user)?.handle))
        })
        .await?;
    let secret = BASE32_NOPAD.encode(&app.master_key.totp_secret(viewer.user, &nonce));
    let issuer = escaped(&app.config.name);
    let uri = format!("otpauth://totp/{issuer}:{}?secret={secret}&issuer={issuer}", escaped(&handle));
    Ok(HttpResponse::Created().json(NewSecondFactor { secret, uri }))
}

/// Turns the second factor on, given a code of the new secret, and returns ten recovery codes, only this once.
#[utoipa::path(
    tag = "accounts",
    request_body = ConfirmSecondFactor,
    responses((status = 200, body = RecoveryCodes))
)]
#[post("/account/second-factor/confirm")]
pub async fn confirm_second_factor(
    app: Shared,
    viewer: Viewer,
    request: HttpRequest,
    body: Object<ConfirmSecondFactor>,
) -> Result<Json<RecoveryCodes>, ApiError> {
    let (key, code) = (app.master_key.clone(), body.0.code);
    let (codes, hashes) = fresh_codes();
    commit_with_code(&app, &request, viewer.user, move |conn, now| {
        second_factors::confirm(conn, now, &key, viewer.user, &code, &hashes)
    })
    .await
    .map_err(ApiError::within_a_session)?;
    Ok(Json(RecoveryCodes { codes }))
}

/// Creates ten new recovery codes, given the password and a code. The previous codes become invalid.
#[utoipa::path(tag = "accounts", request_body = ConfirmBoth, responses((status = 200, body = RecoveryCodes)))]
#[post("/account/second-factor/recovery-codes")]
pub async fn renew_recovery_codes(
    app: Shared,
    viewer: Viewer,
    request: HttpRequest,
    body: Object<ConfirmBoth>,
) -> Result<Json<RecoveryCodes>, ApiError> {
    let body = body.0;
    confirm(&app, viewer, body.password).await?;
    let (key, code) = (app.master_key.clone(), body.code);
    let (codes, hashes) = fresh_codes();
    commit_with_code(&app, &request, viewer.user, move |conn, now| {
        second_factors::renew(conn, now, &key, viewer.user, &code, &hashes)
    })
    .await
    .map_err(ApiError::within_a_session)?;
    Ok(Json(RecoveryCodes { codes }))
}

/// Turns the second factor off, given the password and a code.
#[utoipa::path(tag = "accounts", request_body = ConfirmBoth, responses((status = 204)))]
#[delete("/account/second-factor")]
pub async fn delete_second_factor(
    app: Shared,
    viewer: Viewer,
    request: HttpRequest,
    body: Object<ConfirmBoth>,
) -> Result<HttpResponse, ApiError> {
    let body = body.0;
    confirm(&app, viewer, body.password).await?;
    let (key, code) = (app.master_key.clone(), body.code);
    commit_with_code(&app, &request, viewer.user, move |conn, now| {
        second_factors::remove(conn, now, &key, viewer.user, &code)
    })
    .await
    .map_err(ApiError::within_a_session)?;
    Ok(HttpResponse::NoContent().finish())
}

/// Turns off the second factor of a person who has lost it. Their sessions end.
#[utoipa::path(tag = "admin", params(("user" = UserId, Path)), responses((status = 204)))]
#[delete("/admin/users/{user}/second-factor")]
pub async fn delete_user_second_factor(
    app: Shared,
    viewer: Viewer,
    user: Path<UserId>,
) -> Result<HttpResponse, ApiError> {
    let who = user.into_inner();
    app.commit(Lane::People(who), move |conn, now| second_factors::remove_of(conn, now, viewer.user, who))
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The person whose password was right, according to a valid challenge.
pub(super) async fn challenged(app: &App, text: &str) -> Result<(UserId, UserRow, Challenge), ApiError> {
    let over = || ApiError::because(ErrorCode::Unauthenticated, "Start the log-in again.");
    let challenge = Challenge::parse(text).ok_or_else(over)?;
    let user = challenge.user;
    let row = app.read(move |conn| Ok(parlour_storage::users::find(conn, user)?)).await?;
    let row = row.filter(|row| row.is_active() && challenge.is_good(&app.master_key, app.clock.now(), row));
    Ok((user, row.ok_or_else(over)?, challenge))
}

/// Completes a log-in that was refused with `second_factor_required`, using its challenge and a code. The code is one
/// of the authenticator app or a recovery code. Each code works once. Wrong ones are slowed down like wrong
/// passwords.
#[utoipa::path(tag = "sessions", request_body = CompleteSession, responses((status = 201, body = SignedIn)))]
#[post("/sessions/second-factor")]
pub async fn complete_session(
    app: Shared,
    request: HttpRequest,
    body: Object<CompleteSession>,
) -> Result<HttpResponse, ApiError> {
    let address = admit(&app, &request, body.refresh)?;
    let body = body.0;
    let device = client_device(&app, &request, body.device.as_deref())?;
    let (user, row, challenge) = challenged(&app, &body.challenge).await?;
    let session = SessionId(random::id());
    let token = app.tokens.first(session);
    let token_hash = token.hash();
    let address = address.to_string();
    let (key, noted) = (app.master_key.clone(), address.clone());
    let opened = commit_with_code(&app, &request, user, move |conn, now| {
        // The account may have changed since the password was given.
        let row = accounts::find(conn, user)?;
        if !row.is_active() || !challenge.is_good(&key, now, &row) {
            return Err(ErrorCode::Unauthenticated.into());
        }
        second_factors::take(conn, now, &key, user, &body.code)?;
        let opened = NewSession { id: session, device: &device, token_hash: &token_hash };
        log_in::open(conn, now, user, &opened, (AuditKind::LoggedIn, &noted))?;
        Ok(Outcome::without_events(()))
    })
    .await;
    if let Err(error) = opened {
        if error.code() == ErrorCode::BadCredentials {
            let line = Note { actor: None, ..Note::by(AuditKind::SecondFactorFailed, user) };
            app.note(line.about(user).from(&address));
        }
        return Err(error);
    }
    signed_in(&app, &request, &row, &token, body.refresh, true)
}
