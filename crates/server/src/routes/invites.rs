//! Invites: codes that let people register.
//!
//! Invariant: a code is stored as a hash, and returned only by the request that creates it.

use actix_web::web::{Json, Path, Query};
use actix_web::{HttpRequest, HttpResponse, delete, get, post};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parlour_chat::invites;
use parlour_protocol::Page;
use parlour_protocol::ids::InviteId;
use parlour_protocol::invites::{CreateInvite, CreatedInvite, Invite};
use parlour_storage::Lane;
use sha2::{Digest, Sha256};

use super::{PageQuery, page_limit, pair_cursor, write_cursor};
use crate::auth::{Shared, Viewer};
use crate::bodies::Object;
use crate::idempotency::Creation;
use crate::problems::ApiError;

/// The stored form of a code.
pub(super) fn code_hash(code: &str) -> Vec<u8> {
    Sha256::digest(code.trim()).to_vec()
}

/// Creates an invite and returns its code, only this once. For administrators, and for everybody if the server's
/// settings allow it.
#[utoipa::path(tag = "invites", request_body = CreateInvite, responses((status = 201, body = CreatedInvite)))]
#[post("/invites")]
pub async fn create_invite(
    app: Shared,
    viewer: Viewer,
    request: HttpRequest,
    body: Object<CreateInvite>,
) -> Result<HttpResponse, ApiError> {
    let creation = Creation::of(&app, &request, Some(viewer.user))?;
    app.budgets.reach.take(viewer.user).map_err(ApiError::too_fast)?;
    let code = URL_SAFE_NO_PAD.encode(creation.secret::<16>("code"));
    let (id, hash, body) = (InviteId(creation.id("invite")), code_hash(&code), body.0);
    let members_may = app.config.member_invites;
    let (invite, _) = app
        .create(Lane::Person(viewer.user), creation, move |conn, now| {
            invites::create(conn, now, viewer.user, members_may, id, &hash, &body)
        })
        .await?;
    Ok(HttpResponse::Created().json(CreatedInvite { invite, code }))
}

/// Lists invites that can still be used, newest first: the caller's own, or all of them for administrators.
#[utoipa::path(tag = "invites", params(PageQuery), responses((status = 200, body = Page<Invite>)))]
#[get("/invites")]
pub async fn list_invites(
    app: Shared,
    viewer: Viewer,
    query: Query<PageQuery>,
) -> Result<Json<Page<Invite>>, ApiError> {
    let limit = page_limit(query.limit)?;
    let after = pair_cursor(query.after.as_deref())?;
    let (now, members_may) = (app.clock.now(), app.config.member_invites);
    let (items, next) =
        app.read(move |conn| invites::list(conn, now, viewer.user, members_may, after, limit)).await?;
    Ok(Json(Page { items, next: next.map(write_cursor) }))
}

/// Revokes an invite. People who registered with it keep their accounts.
#[utoipa::path(tag = "invites", params(("invite" = InviteId, Path)), responses((status = 204)))]
#[delete("/invites/{invite}")]
pub async fn delete_invite(
    app: Shared,
    viewer: Viewer,
    invite: Path<InviteId>,
) -> Result<HttpResponse, ApiError> {
    let (id, members_may) = (invite.into_inner(), app.config.member_invites);
    app.commit(Lane::Person(viewer.user), move |conn, now| {
        invites::revoke(conn, now, viewer.user, members_may, id)
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}
