//! The caller's own account.
//!
//! Invariant: operations here that reveal whether a handle is taken count against a lookup limit.

use actix_web::http::header;
use actix_web::web::{Json, Path, Payload};
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, put};
use parlour_chat::identity::accounts::Admission;
use parlour_chat::identity::log_in::{self, NewSession};
use parlour_chat::identity::{accounts, passwords, sessions};
use parlour_chat::outcome::Done;
use parlour_chat::{Outcome, Refusal};
use parlour_protocol::accounts::{
    Account, ChangePassword, CreateAccount, PendingAccount, Registration, UpdateAccount,
};
use parlour_protocol::ids::{AvatarId, SessionId, UserId};
use parlour_protocol::limits::{AVATAR_SIZES, AVATAR_UPLOAD};
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::sessions::SignedIn;
use parlour_protocol::time::Timestamp;
use parlour_storage::users::{AvatarRow, UserRow};
use parlour_storage::{Connection, Lane};

use super::invites::code_hash;
use crate::auth::cookies::check_cookies;
use crate::auth::log_in::{client_device, confirm, signed_in};
use crate::auth::{ReadAccess, Shared, Viewer, client_address};
use crate::avatars;
use crate::bodies::{Object, receive};
use crate::budget::addresses::AddressKey;
use crate::hashing::Asker;
use crate::idempotency::Creation;
use crate::problems::ApiError;
use crate::random;

/// Registers an account and logs it in. If registration requires approval, the account waits for an administrator,
/// without a log-in.
#[utoipa::path(
    tag = "accounts",
    request_body = CreateAccount,
    responses((status = 201, body = SignedIn), (status = 202, body = PendingAccount))
)]
#[post("/accounts")]
pub async fn create_account(
    app: Shared,
    request: HttpRequest,
    body: Object<CreateAccount>,
) -> Result<HttpResponse, ApiError> {
    check_cookies(&app, &request, body.refresh)?;
    let mode = app.config.registration;
    if mode == Registration::Closed {
        return Err(ErrorCode::RegistrationClosed.into());
    }
    let network = AddressKey::of(client_address(&app, &request));
    app.budgets.entries.take(network).map_err(ApiError::too_fast)?;
    // Registering reveals whether a handle is taken.
    app.budgets.lookups_of_network.take(network).map_err(ApiError::too_fast)?;
    let body = body.0;
    accounts::check_registration(&body)?;
    let invite = body.invite.as_deref().map(code_hash);
    admission(mode, invite.as_deref())?;
    let hash = app.hash_password(Asker::Stranger(network), body.password.clone()).await?;
    let creation = Creation::of(&app, &request, None)?;
    let (user, session) = (UserId(creation.id("account")), SessionId(creation.id("session")));
    let token = app.tokens.first_from(session, creation.secret("refresh token"));
    let (token_hash, transport) = (token.hash(), body.refresh);
    let device = client_device(&app, &request, body.device.as_deref())?;
    let row = app
        .commit(Lane::Person(user), move |conn, now| {
            let made = creation.make(conn, now, |conn| {
                let admission = admission(mode, invite.as_deref())?;
                let row = accounts::register(conn, now, user, &body, &hash, admission)?;
                let opened = NewSession { id: session, device: &device, token_hash: &token_hash };
                log_in::open_first(conn, now, &row, &opened)
            })?;
            made_account(conn, now, made, user, (session, &token_hash))
        })
        .await?;
    match pending(&row) {
        Some(waiting) => Ok(HttpResponse::Accepted().json(waiting)),
        None => signed_in(&app, &request, &row, &token, transport, true),
    }
}

/// The account that a registration created, now or earlier. If it was created earlier, its session must be untouched.
pub(super) fn made_account(
    conn: &mut Connection,
    now: Timestamp,
    made: Outcome<(bool, bool)>,
    user: UserId,
    (session, token_hash): (SessionId, &[u8]),
) -> Done<UserRow> {
    let Outcome { value: (logged_in, before), effects } = made;
    if before && logged_in {
        sessions::check_untouched(conn, now, session, token_hash)?;
    }
    Ok(Outcome { value: accounts::find(conn, user)?, effects })
}

/// Which rule admits a registration, given the hash of an invite's code if there is one.
pub(super) fn admission(mode: Registration, invite: Option<&[u8]>) -> Result<Admission<'_>, Refusal> {
    match (mode, invite) {
        (Registration::Open, _) => Ok(Admission::Open),
        (Registration::Approval, invite) => Ok(Admission::Approval(invite)),
        (Registration::Invite, Some(invite)) => Ok(Admission::Invite(invite)),
        (Registration::Invite, None) => Err(ErrorCode::InviteNeeded.into()),
        (Registration::Closed, _) => Err(ErrorCode::RegistrationClosed.into()),
    }
}

/// The response for an account that waits for approval; `None` if it is active.
pub(super) fn pending(row: &UserRow) -> Option<PendingAccount> {
    let since = Timestamp(row.pending_since?);
    Some(PendingAccount { id: row.id, handle: row.handle.clone(), pending_since: since })
}

/// Returns the caller's own account.
#[utoipa::path(tag = "accounts", responses((status = 200, body = Account)))]
#[get("/account")]
pub async fn show_account(app: Shared, access: ReadAccess) -> Result<Json<Account>, ApiError> {
    let viewer = access.to_names();
    app.read(move |conn| Ok(accounts::find(conn, viewer.user)?.account())).await.map(Json)
}

/// Changes the caller's own account.
#[utoipa::path(tag = "accounts", request_body = UpdateAccount, responses((status = 200, body = Account)))]
#[patch("/account")]
pub async fn update_account(
    app: Shared,
    viewer: Viewer,
    request: HttpRequest,
    body: Object<UpdateAccount>,
) -> Result<Json<Account>, ApiError> {
    accounts::check_update(&body)?;
    app.budgets.profile.take(viewer.user).map_err(ApiError::too_fast)?;
    let body = body.0;
    if body.handle.is_some() {
        // The response reveals whether the handle is taken.
        app.budgets.handles.take(viewer.user).map_err(ApiError::too_fast)?;
        let network = AddressKey::of(client_address(&app, &request));
        app.budgets.lookups_of_network.take(network).map_err(ApiError::too_fast)?;
    }
    app.commit(Lane::Person(viewer.user), move |conn, now| accounts::update(conn, now, viewer.user, &body))
        .await
        .map(Json)
}

/// Uploads the caller's picture. Accepts PNG, JPEG, GIF or WebP, at most 5 MiB and 13 megapixels. The picture is
/// cropped to a square and encoded again, without metadata.
#[utoipa::path(
    tag = "accounts",
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = Account))
)]
#[put("/account/avatar")]
pub async fn upload_avatar(
    app: Shared,
    viewer: Viewer,
    request: HttpRequest,
    payload: Payload,
) -> Result<Json<Account>, ApiError> {
    app.budgets.pictures.take(viewer.user).map_err(ApiError::too_fast)?;
    let body = receive(&request, payload.into_inner(), AVATAR_UPLOAD).await?;
    let squares = app.picture(move || avatars::squares(&body.bytes)).await??;
    let row = AvatarRow {
        id: AvatarId(random::id()),
        user_id: viewer.user,
        media_type: squares.media_type.to_owned(),
        small: squares.small,
        large: squares.large,
        created_at: app.clock.now().0,
    };
    app.commit(Lane::Person(viewer.user), move |conn, now| {
        accounts::set_avatar(conn, now, viewer.user, Some(&row))
    })
    .await
    .map(Json)
}

/// Removes the caller's picture.
#[utoipa::path(tag = "accounts", responses((status = 200, body = Account)))]
#[delete("/account/avatar")]
pub async fn delete_avatar(app: Shared, viewer: Viewer) -> Result<Json<Account>, ApiError> {
    app.budgets.profile.take(viewer.user).map_err(ApiError::too_fast)?;
    app.commit(Lane::Person(viewer.user), move |conn, now| accounts::set_avatar(conn, now, viewer.user, None))
        .await
        .map(Json)
}

/// Changes the caller's password; every other session ends.
#[utoipa::path(tag = "accounts", request_body = ChangePassword, responses((status = 204)))]
#[put("/account/password")]
pub async fn change_password(
    app: Shared,
    viewer: Viewer,
    body: Object<ChangePassword>,
) -> Result<HttpResponse, ApiError> {
    let body = body.0;
    if let Err(message) = passwords::check(&body.new) {
        return Err(Refusal::field("new", message).into());
    }
    confirm(&app, viewer, body.current).await?;
    let hash = app.hash_password(Asker::Known(viewer.user), body.new).await?;
    app.commit(Lane::Person(viewer.user), move |conn, now| {
        accounts::set_password(conn, now, viewer.user, Some(viewer.session), &hash)
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Returns a picture. Its id is random and its bytes never change, so it may be cached forever.
#[utoipa::path(
    tag = "users",
    params(("avatar" = AvatarId, Path), ("size" = u32, Path, description = "Edge length in pixels: 64 or 256")),
    responses((status = 200, content((Vec<u8> = "image/jpeg"), (Vec<u8> = "image/png"))))
)]
#[get("/avatars/{avatar}/{size}")]
pub async fn show_avatar(app: Shared, path: Path<(AvatarId, u32)>) -> Result<HttpResponse, ApiError> {
    let (avatar, size) = path.into_inner();
    if !AVATAR_SIZES.contains(&size) {
        return Err(ErrorCode::NotFound.into());
    }
    let (media_type, bytes) =
        app.read(move |conn| accounts::find_avatar(conn, avatar, size == AVATAR_SIZES[1])).await?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .insert_header((header::CONTENT_DISPOSITION, "inline"))
        .content_type(media_type)
        .body(bytes))
}
