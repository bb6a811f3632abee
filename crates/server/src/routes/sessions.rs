//! Logging in, refreshing, logging out.
//!
//! Invariant: wrong password, unknown handle and suspended account are refused alike, and take the same time. Cookies
//! are set or read only for pages of allowed origins.

use std::net::IpAddr;
use std::sync::Arc;

use actix_web::web::{Json, Path, Query};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, delete, get, post};
use parlour_chat::Outcome;
use parlour_chat::audit::Note;
use parlour_chat::identity::log_in::{self, NewSession};
use parlour_chat::identity::passwords::Verdict;
use parlour_chat::identity::sessions::Refreshed;
use parlour_chat::identity::{accounts, passwords, sessions};
use parlour_protocol::Page;
use parlour_protocol::audit::AuditKind;
use parlour_protocol::ids::{SessionId, UserId};
use parlour_protocol::limits::PASSWORD;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::sessions::{CreateSession, RefreshSession, RefreshTransport, Session, SignedIn};
use parlour_protocol::validation;
use parlour_storage::Lane;
use parlour_storage::users::UserRow;

use super::{ListQuery, page_of};
use crate::app::App;
use crate::auth::cookies::{self, check_cookies, cookie_name, named_cookie};
use crate::auth::devices::Device;
use crate::auth::log_in::{admit_device, client_device, second_step, signed_in};
use crate::auth::tokens::RefreshToken;
use crate::auth::{Shared, Viewer, check_origin, client_address};
use crate::bodies::Object;
use crate::budget::addresses::AddressKey;
use crate::budget::login_throttle::Attempt;
use crate::hashing::Asker;
use crate::idempotency::Creation;
use crate::middleware::RequestId;
use crate::problems::ApiError;

/// Logs in. Wrong password, unknown handle and suspended account are refused alike, and take the same time. With the
/// right password, an account that waits for approval is told so, and one with a second factor gets a challenge
/// instead of a session (`second_factor_required`).
#[utoipa::path(tag = "sessions", request_body = CreateSession, responses((status = 201, body = SignedIn)))]
#[post("/sessions")]
pub async fn create_session(
    app: Shared,
    request: HttpRequest,
    body: Object<CreateSession>,
) -> Result<HttpResponse, ApiError> {
    let body = body.0;
    check_cookies(&app, &request, body.refresh)?;
    let devices = cookies::devices(&app, &request, body.device_token.as_deref());
    let address = admit_device(&app, &request, &devices)?;
    let device = client_device(&app, &request, body.device.as_deref())?;
    let right = check_password(&app, &body, address, &devices, &device.network).await?;
    let RightPassword { row, verdict, asker } = right;
    if row.pending_since.is_some() {
        return Err(ErrorCode::ApprovalPending.into());
    }

    let user = row.id;
    let old = passwords::outdated(app.config.hashing, &row.password_hash);
    let rehashed = if old || verdict == Verdict::RightInOldForm {
        Some(app.hash_password(asker, body.password).await?)
    } else {
        None
    };
    let creation = Creation::of(&app, &request, Some(user))?;
    let session = SessionId(creation.id("session"));
    let token = app.tokens.first_from(session, creation.secret("refresh token"));
    let token_hash = token.hash();
    let (offered, noted) = (app.relying_party.is_some(), address.to_string());
    let first_half = app
        .commit(Lane::Person(user), move |conn, now| {
            if let Some(hash) = &rehashed {
                accounts::rehash(conn, user, hash)?;
            }
            if let Some(step) = log_in::find_second_step(conn, user, offered)? {
                return Ok(Outcome::without_events(Some(step)));
            }
            let made = creation.make(conn, now, |conn| {
                let opened = NewSession { id: session, device: &device, token_hash: &token_hash };
                log_in::open(conn, now, user, &opened, (AuditKind::LoggedIn, &noted))
                    .map(Outcome::without_events)
            })?;
            let ((), before) = made.value;
            if before {
                sessions::check_untouched(conn, now, session, &token_hash)?;
            }
            Ok(Outcome { value: None, effects: made.effects })
        })
        .await?;
    match first_half {
        Some(step) => Err(second_step(&app, step)),
        None => signed_in(&app, &request, &row, &token, body.refresh, true),
    }
}

/// An account whose password was given.
struct RightPassword {
    row: UserRow,
    verdict: Verdict,
    asker: Asker,
}

/// Finds the account whose handle and password these are, within the limits of guessing.
async fn check_password(
    app: &Arc<App>,
    body: &CreateSession,
    address: IpAddr,
    devices: &[Device],
    network: &[u8],
) -> Result<RightPassword, ApiError> {
    let handle_key = validation::fold(body.handle.trim().trim_start_matches('@'));
    if handle_key.len() > 64 || body.password.len() > PASSWORD.1 {
        return Err(ErrorCode::BadCredentials.into());
    }
    let (found, known_network) = {
        let (handle_key, network) = (handle_key.clone(), network.to_vec());
        app.read(move |conn| log_in::find(conn, &handle_key, &network)).await?
    };
    let stranger = AddressKey::of(address);
    let known = found.as_ref().and_then(|row| {
        let shown = devices.iter().find(|device| device.user == row.id).map(Device::name);
        shown.or_else(|| known_network.then_some(network)).map(|name| (row.id, name))
    });
    let (attempt, asker) = match known {
        Some((user, name)) => (Attempt::known(user, name), Asker::Known(user)),
        None => (Attempt::log_in(&handle_key, stranger), Asker::Stranger(stranger)),
    };
    let taken = app.budgets.login_throttle.take(attempt).await.map_err(ApiError::too_fast)?;
    let asker = match asker {
        Asker::Stranger(network) if !taken.is_first_of_network() => Asker::Guesser(network),
        asker => asker,
    };
    // Without a password, or without an account, a wrong password takes as long.
    let hash = found.as_ref().filter(|row| row.has_password()).map(|row| row.password_hash.clone());
    let verdict = app.verify_password(asker, body.password.clone(), hash).await?;
    let subject = found.as_ref().map(|row| row.id);
    let Some(row) = found.filter(|row| verdict.is_right() && row.suspended_at.is_none()) else {
        taken.wrong();
        let line = Note {
            kind: AuditKind::LogInFailed,
            actor: None,
            subject,
            address: Some(address.to_string()),
            operation: None,
        };
        app.note(line);
        return Err(ErrorCode::BadCredentials.into());
    };
    taken.right().await;
    Ok(RightPassword { row, verdict, asker })
}

/// Exchanges a refresh token for an access token and the next refresh token. The token is taken from the body, or
/// else from the cookie. Using a token a second time ends the session, except within half a minute of its first use,
/// when it gets the same result again.
#[utoipa::path(tag = "sessions", request_body = RefreshSession, responses((status = 200, body = SignedIn)))]
#[post("/sessions/refresh")]
pub async fn refresh_session(
    app: Shared,
    request: HttpRequest,
    body: Object<RefreshSession>,
) -> Result<HttpResponse, ApiError> {
    let given = body.0.refresh_token;
    let transport = if given.is_some() { RefreshTransport::Body } else { RefreshTransport::Cookie };
    check_cookies(&app, &request, transport)?;
    let network = AddressKey::of(client_address(&app, &request));
    app.budgets.refreshes.take(network).map_err(ApiError::too_fast)?;
    let in_cookie =
        || request.cookie(&cookie_name(&app, cookies::REFRESH)).map(|cookie| cookie.value().to_owned());
    let text = given.or_else(in_cookie).ok_or(ErrorCode::Unauthenticated)?;
    let outcome = refresh(&app, &request, &text, transport).await;
    if outcome.is_ok() {
        // Only failed attempts count, since many people may share a network.
        app.budgets.refreshes.give_back(network);
    }
    match outcome {
        // Remove a cookie that has become invalid.
        Err(error) if transport == RefreshTransport::Cookie && error.code() == ErrorCode::Unauthenticated => {
            let id = request.extensions().get::<RequestId>().cloned();
            let mut response = error.answer(&id.map(|id| id.0).unwrap_or_default());
            let _ = response.add_cookie(&named_cookie(&app, cookies::REFRESH, String::new(), 0));
            Ok(response)
        }
        other => other,
    }
}

async fn refresh(
    app: &Arc<App>,
    request: &HttpRequest,
    text: &str,
    transport: RefreshTransport,
) -> Result<HttpResponse, ApiError> {
    let token = RefreshToken::parse(text).ok_or(ErrorCode::Unauthenticated)?;
    let successor = app.tokens.successor(&token);
    let (id, presented, next) = (token.session, token.hash(), successor.hash());
    let genuine = app.tokens.is_genuine(&token);
    let outcome = app
        .commit(Lane::Person(UserId(id.0)), move |conn, now| {
            sessions::refresh(conn, now, id, &presented, &next, genuine)
        })
        .await?;
    match outcome {
        Refreshed::Continued(row) => signed_in(app, request, &row, &successor, transport, false),
        Refreshed::Reused => {
            tracing::warn!(session = %id, "a refresh token was used again; the session was ended");
            Err(ErrorCode::Unauthenticated.into())
        }
    }
}

/// Lists the caller's open sessions, most recently used first.
#[utoipa::path(tag = "sessions", params(ListQuery), responses((status = 200, body = Page<Session>)))]
#[get("/sessions")]
pub async fn list_sessions(
    app: Shared,
    viewer: Viewer,
    query: Query<ListQuery>,
) -> Result<Json<Page<Session>>, ApiError> {
    let now = app.clock.now();
    let items = app.read(move |conn| sessions::list(conn, now, viewer.user, viewer.session)).await?;
    page_of(items, &query, |session| session.id.0).map(Json)
}

/// Logs out: ends the session of the request.
#[utoipa::path(tag = "sessions", responses((status = 204)))]
#[delete("/sessions/current")]
pub async fn delete_current_session(
    app: Shared,
    viewer: Viewer,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    end(&app, viewer, viewer.session).await?;
    let mut response = HttpResponse::NoContent();
    if check_origin(&app, &request).is_ok() {
        response.cookie(named_cookie(&app, cookies::REFRESH, String::new(), 0));
    }
    Ok(response.finish())
}

/// Ends one of the caller's sessions.
#[utoipa::path(tag = "sessions", params(("session" = SessionId, Path)), responses((status = 204)))]
#[delete("/sessions/{session}")]
pub async fn delete_session(
    app: Shared,
    viewer: Viewer,
    session: Path<SessionId>,
) -> Result<HttpResponse, ApiError> {
    end(&app, viewer, session.into_inner()).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn end(app: &Arc<App>, viewer: Viewer, session: SessionId) -> Result<(), ApiError> {
    app.commit(Lane::Person(viewer.user), move |conn, now| sessions::end(conn, now, viewer.user, session))
        .await
}
