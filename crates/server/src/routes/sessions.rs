//! Logging in, refreshing, logging out.
//!
//! Invariant: wrong password, unknown handle and suspended account are refused alike, and take the same time. Cookies
//! are set or read only for pages of allowed origins.

use std::net::IpAddr;
use std::sync::Arc;

use actix_web::cookie::{Cookie, SameSite, time::Duration};
use actix_web::http::header;
use actix_web::web::{Json, Path, Query};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, delete, get, post};
use parlour_chat::audit::Note;
use parlour_chat::passwords::Verdict;
use parlour_chat::sessions::{LIFETIME, Refreshed};
use parlour_chat::{Outcome, Refusal, accounts, audit, passwords, second_factors, sessions};
use parlour_protocol::Page;
use parlour_protocol::audit::AuditKind;
use parlour_protocol::ids::{SessionId, UserId};
use parlour_protocol::limits::PASSWORD;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::second_factors::FactorMethod;
use parlour_protocol::sessions::{CreateSession, RefreshSession, RefreshTransport, Session, SignedIn};
use parlour_protocol::time::{DAY, MINUTE, SECOND, Timestamp};
use parlour_protocol::{characters, validation};
use parlour_storage::users::UserRow;
use parlour_storage::{Connection, Lane};

use super::{ListQuery, page_of};
use crate::app::App;
use crate::auth::{Shared, Viewer, check_origin, client_address};
use crate::bodies::Object;
use crate::budget::addresses::AddressKey;
use crate::budget::login_throttle::Attempt;
use crate::challenges;
use crate::devices::{self, Device};
use crate::hashing::Asker;
use crate::idempotency::Creation;
use crate::middleware::RequestId;
use crate::problems::ApiError;
use crate::tokens::{ACCESS_LIFETIME, RefreshToken};

/// Without a password, operations that ask for one require a log-in at most this old (microseconds).
const JUST_NOW: i64 = 10 * MINUTE;
/// Name of the cookie that holds the refresh token.
const COOKIE: &str = "refresh";
/// Name of the cookie that identifies a browser that has logged in before.
const DEVICES: &str = "devices";
/// A browser is forgotten this long (microseconds) after its last log-in.
const REMEMBER: i64 = 400 * DAY;

/// Full name of a cookie. With TLS it carries the prefix that binds it to this host.
pub(super) fn cookie_name(app: &App, name: &str) -> String {
    format!("{}parlour_{name}", if app.config.is_secure() { "__Host-" } else { "" })
}

/// A cookie that scripts cannot read and other sites cannot send, with a lifetime in microseconds.
pub(super) fn named_cookie(app: &App, name: &str, value: String, lifetime: i64) -> Cookie<'static> {
    Cookie::build(cookie_name(app, name), value)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(app.config.is_secure())
        .max_age(Duration::seconds(lifetime / SECOND))
        .finish()
}

/// The devices with a previous log-in that a request presents.
fn devices(app: &App, request: &HttpRequest, given: Option<&str>) -> Vec<Device> {
    devices::shown(&app.master_key, request, &cookie_name(app, DEVICES), given)
}

/// Refuses a page of another origin that asks for a cookie, or whose request carries one of ours. Without cookies, a
/// page is a client like any other.
pub(super) fn check_cookies(
    app: &App,
    request: &HttpRequest,
    transport: RefreshTransport,
) -> Result<(), ApiError> {
    let ours = || {
        let names = [COOKIE, DEVICES, super::identities::COOKIE].map(|name| cookie_name(app, name));
        names.iter().any(|name| request.cookie(name).is_some())
    };
    if transport == RefreshTransport::Cookie || ours() { check_origin(app, request) } else { Ok(()) }
}

/// Admits an unauthenticated attempt to log in or register: refuses cookies for pages of other origins, and applies
/// the rate limit of the network. A device that has logged in before has a limit of its own. Returns the client's
/// address.
pub(super) fn admit(
    app: &App,
    request: &HttpRequest,
    transport: RefreshTransport,
) -> Result<IpAddr, ApiError> {
    check_cookies(app, request, transport)?;
    admit_device(app, request, &devices(app, request, None))
}

fn admit_device(app: &App, request: &HttpRequest, devices: &[Device]) -> Result<IpAddr, ApiError> {
    let address = client_address(app, request);
    if let Err(wait) = app.budgets.entries.take(AddressKey::of(address)) {
        let known = devices.iter().any(|device| app.budgets.entries_of_device.take(device.user).is_ok());
        if !known {
            return Err(ApiError::too_fast(wait));
        }
    }
    Ok(address)
}

/// The client's device: the given name, or one derived from its `User-Agent`, and a keyed hash of its network.
pub(super) fn client_device(
    app: &App,
    request: &HttpRequest,
    given: Option<&str>,
) -> Result<sessions::Device, ApiError> {
    let network = AddressKey::of(client_address(app, request));
    let network = devices::network_hash(&app.master_key, network);
    Ok(sessions::Device { name: device_name(request, given)?, network })
}

fn device_name(request: &HttpRequest, given: Option<&str>) -> Result<String, ApiError> {
    if let Some(Err(message)) = given.map(validation::device) {
        return Err(Refusal::field("device", message).into());
    }
    if let Some(given) = given.filter(|given| characters::can_be_seen(given)) {
        return Ok(given.to_owned());
    }
    let agent =
        request.headers().get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    let known = |names: &[(&str, &'static str)]| {
        names.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name)
    };
    let browser =
        known(&[("Firefox", "Firefox"), ("Edg/", "Edge"), ("Chrome", "Chrome"), ("Safari", "Safari")]);
    let system = known(&[
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    ]);
    Ok(match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        (None, None) => "Unknown device".to_owned(),
    })
}

fn own_device(app: &App, known: &[Device], user: UserId) -> Device {
    let own = known.iter().find(|device| device.user == user).cloned();
    own.unwrap_or_else(|| Device::new(&app.master_key, user))
}

fn device_cookie(app: &App, newest: &Device, before: &[Device]) -> Cookie<'static> {
    named_cookie(app, DEVICES, devices::remember(newest, before), REMEMBER)
}

/// A cookie that makes a browser a known device of this person, who has just proved to be using it. `None` for a page
/// of another origin.
pub(super) fn known_device(app: &App, request: &HttpRequest, user: UserId) -> Option<Cookie<'static>> {
    check_origin(app, request).ok()?;
    let known = devices(app, request, None);
    Some(device_cookie(app, &own_device(app, &known, user), &known))
}

/// The response to everything that logs in.
pub(super) fn signed_in(
    app: &App,
    request: &HttpRequest,
    row: &UserRow,
    token: &RefreshToken,
    transport: RefreshTransport,
    created: bool,
) -> Result<HttpResponse, ApiError> {
    let access_token =
        app.tokens.issue(app.clock.now(), UserId(row.id), token.session).map_err(ApiError::fault)?;
    let mut response = if created { HttpResponse::Created() } else { HttpResponse::Ok() };
    let refresh_token = match transport {
        RefreshTransport::Body => Some(token.expose()),
        RefreshTransport::Cookie => {
            response.cookie(named_cookie(app, COOKIE, token.expose(), LIFETIME));
            None
        }
    };
    let user = UserId(row.id);
    let known = devices(app, request, None);
    let mut device_token = None;
    if created || (transport == RefreshTransport::Cookie && known.iter().all(|device| device.user != user)) {
        let device = own_device(app, &known, user);
        match transport {
            RefreshTransport::Body => device_token = Some(device.expose().to_owned()),
            RefreshTransport::Cookie => {
                response.cookie(device_cookie(app, &device, &known));
            }
        }
    }
    Ok(response.json(SignedIn {
        account: row.account(),
        session: token.session,
        access_token,
        expires_in: ACCESS_LIFETIME,
        refresh_token,
        device_token,
    }))
}

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
    let devices = devices(&app, &request, body.device_token.as_deref());
    let address = admit_device(&app, &request, &devices)?;
    let device = client_device(&app, &request, body.device.as_deref())?;
    let handle_key = validation::fold(body.handle.trim().trim_start_matches('@'));
    if handle_key.len() > 64 || body.password.len() > PASSWORD.1 {
        return Err(ErrorCode::BadCredentials.into());
    }
    let (found, known_network) = who(&app, &handle_key, &device.network).await?;
    let network = AddressKey::of(address);
    let known = found.as_ref().and_then(|row| {
        let user = UserId(row.id);
        let shown = devices.iter().find(|device| device.user == user).map(Device::name);
        shown.or_else(|| known_network.then_some(&device.network[..])).map(|name| (user, name))
    });
    let (attempt, asker) = match known {
        Some((user, name)) => (Attempt::known(user, name), Asker::Known(user)),
        None => (Attempt::log_in(&handle_key, network), Asker::Stranger(network)),
    };
    let taken = app.budgets.login_throttle.take(attempt).await.map_err(ApiError::too_fast)?;
    let asker = match asker {
        Asker::Stranger(network) if !taken.is_first_of_network() => Asker::Guesser(network),
        asker => asker,
    };
    // Without a password, or without an account, a wrong password takes as long.
    let hash = found.as_ref().filter(|row| row.has_password()).map(|row| row.password_hash.clone());
    let verdict = app.verify_password(asker, body.password.clone(), hash).await?;
    let subject = found.as_ref().map(|row| UserId(row.id));
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
    if row.pending_since.is_some() {
        return Err(ErrorCode::ApprovalPending.into());
    }

    let user = UserId(row.id);
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
    let offered = app.relying_party.is_some();
    let first_half = app
        .commit(Lane::Person(user), move |conn, now| {
            if let Some(hash) = &rehashed {
                accounts::rehash(conn, user, hash)?;
            }
            if let Some(step) = find_second_step(conn, user, offered)? {
                return Ok(Outcome::without_events(Some(step)));
            }
            let made = creation.make(conn, now, |conn| {
                let opened = NewSession { id: session, device: &device, token_hash: &token_hash };
                open(conn, now, user, &opened, address).map(Outcome::without_events)
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

/// Who has a handle, and whether they have logged in from a network before; runs the same queries for every valid
/// handle.
async fn who(app: &App, handle_key: &str, network: &[u8]) -> Result<(Option<UserRow>, bool), ApiError> {
    // Nobody has an invalid handle; PostgreSQL would not even accept every text as a parameter.
    if validation::handle(handle_key).is_err() {
        return Ok((None, false));
    }
    let (handle_key, network) = (handle_key.to_owned(), network.to_vec());
    app.read(move |conn| {
        let found = parlour_storage::users::find_by_handle(conn, &handle_key)?;
        let user = UserId(found.as_ref().map_or(0, |row| row.id));
        let known = sessions::knows_network(conn, user, &network)?;
        Ok((found, known))
    })
    .await
}

/// A session about to be opened.
pub(super) struct NewSession<'a> {
    /// Id of the session.
    pub(super) id: SessionId,
    /// The device that it is opened from.
    pub(super) device: &'a sessions::Device,
    /// Hash of its refresh token, as stored.
    pub(super) token_hash: &'a [u8],
}

/// The person who must present a second factor, and the methods they have.
pub(super) type SecondStep = (UserRow, Vec<FactorMethod>);

/// Opens a session for an authenticated person, unless a second factor is still required. `passkeys` says whether
/// passkeys may be offered for it.
pub(super) fn open_or_ask(
    conn: &mut Connection,
    now: Timestamp,
    user: UserId,
    session: &NewSession<'_>,
    address: IpAddr,
    passkeys: bool,
) -> Result<Option<SecondStep>, Refusal> {
    let step = find_second_step(conn, user, passkeys)?;
    if step.is_none() {
        open(conn, now, user, session, address)?;
    }
    Ok(step)
}

/// The second factor that is required before a session is opened, if any.
fn find_second_step(
    conn: &mut Connection,
    user: UserId,
    passkeys: bool,
) -> Result<Option<SecondStep>, Refusal> {
    if !second_factors::is_on(conn, user)? {
        return Ok(None);
    }
    let methods = second_factors::methods(conn, user, passkeys)?;
    Ok(Some((accounts::find(conn, user)?, methods)))
}

fn open(
    conn: &mut Connection,
    now: Timestamp,
    user: UserId,
    session: &NewSession<'_>,
    address: IpAddr,
) -> Result<(), Refusal> {
    sessions::open(conn, now, session.id, user, session.device, session.token_hash)?;
    audit::note(conn, now, Note::by(AuditKind::LoggedIn, user).from(&address.to_string()))?;
    Ok(())
}

/// The error that requests a second factor.
pub(super) fn second_step(app: &App, (row, methods): SecondStep) -> ApiError {
    let mut error = ApiError::from(ErrorCode::SecondFactorRequired);
    error.problem.methods = methods;
    error.problem.challenge = Some(challenges::make(&app.master_key, app.clock.now(), &row));
    error
}

/// Checks the caller's password again. Wrong ones count against the open session only, so what strangers try
/// elsewhere does not matter. A caller without a password must have logged in within the last ten minutes.
pub(super) async fn confirm(app: &App, viewer: Viewer, password: String) -> Result<(), ApiError> {
    let (row, since) = app
        .read(move |conn| {
            Ok((accounts::find(conn, viewer.user)?, sessions::opened_at(conn, viewer.session)?))
        })
        .await?;
    if !row.has_password() {
        let fresh = since.is_some_and(|since| app.clock.now().0 < since.0 + JUST_NOW);
        return if fresh { Ok(()) } else { Err(ApiError::from(ErrorCode::LogInAgain).within_a_session()) };
    }
    let attempt = Attempt::session(viewer.user, viewer.session);
    let taken = app.budgets.login_throttle.take(attempt).await.map_err(ApiError::too_fast)?;
    let asker = Asker::Known(viewer.user);
    if password.len() > PASSWORD.1
        || !app.verify_password(asker, password, Some(row.password_hash)).await?.is_right()
    {
        taken.wrong();
        return Err(ApiError::because(ErrorCode::BadCredentials, "Wrong password.").within_a_session());
    }
    taken.right().await;
    Ok(())
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
    let in_cookie = || request.cookie(&cookie_name(&app, COOKIE)).map(|cookie| cookie.value().to_owned());
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
            let _ = response.add_cookie(&named_cookie(&app, COOKIE, String::new(), 0));
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
        response.cookie(named_cookie(&app, COOKIE, String::new(), 0));
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
