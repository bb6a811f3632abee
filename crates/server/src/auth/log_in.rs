//! What all ways to log in have in common over HTTP: who may try, from which device, and the response.
//!
//! Invariant: pages of other origins cannot log in with cookies, and every attempt counts against a limit.

use std::net::IpAddr;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use parlour_chat::Refusal;
use parlour_chat::identity::log_in::SecondStep;
use parlour_chat::identity::sessions::LIFETIME;
use parlour_chat::identity::{accounts, sessions};
use parlour_protocol::limits::PASSWORD;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::sessions::{RefreshTransport, SignedIn};
use parlour_protocol::time::MINUTE;
use parlour_protocol::{characters, validation};
use parlour_storage::users::UserRow;

use super::{Viewer, client_address, cookies};
use crate::app::App;
use crate::auth::challenges;
use crate::auth::devices::{self, Device};
use crate::auth::tokens::{ACCESS_LIFETIME, RefreshToken};
use crate::budget::addresses::AddressKey;
use crate::budget::login_throttle::Attempt;
use crate::hashing::Asker;
use crate::problems::ApiError;

/// Without a password, operations that ask for one require a log-in at most this old (microseconds).
const JUST_NOW: i64 = 10 * MINUTE;

/// Admits an unauthenticated attempt to log in or register: refuses cookies for pages of other origins, and applies
/// the rate limit of the network. A device that has logged in before has a limit of its own. Returns the client's
/// address.
pub fn admit(app: &App, request: &HttpRequest, transport: RefreshTransport) -> Result<IpAddr, ApiError> {
    cookies::check_cookies(app, request, transport)?;
    admit_device(app, request, &cookies::devices(app, request, None))
}

/// The same for the devices that a request shows.
pub fn admit_device(app: &App, request: &HttpRequest, devices: &[Device]) -> Result<IpAddr, ApiError> {
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
pub fn client_device(
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

/// The response to everything that logs in.
pub fn signed_in(
    app: &App,
    request: &HttpRequest,
    row: &UserRow,
    token: &RefreshToken,
    transport: RefreshTransport,
    created: bool,
) -> Result<HttpResponse, ApiError> {
    let access_token = app.tokens.issue(app.clock.now(), row.id, token.session).map_err(ApiError::fault)?;
    let mut response = if created { HttpResponse::Created() } else { HttpResponse::Ok() };
    let refresh_token = match transport {
        RefreshTransport::Body => Some(token.expose()),
        RefreshTransport::Cookie => {
            response.cookie(cookies::named_cookie(app, cookies::REFRESH, token.expose(), LIFETIME));
            None
        }
    };
    let known = cookies::devices(app, request, None);
    let mut device_token = None;
    if created || (transport == RefreshTransport::Cookie && known.iter().all(|device| device.user != row.id))
    {
        let device = cookies::own_device(app, &known, row.id);
        match transport {
            RefreshTransport::Body => device_token = Some(device.expose().to_owned()),
            RefreshTransport::Cookie => {
                response.cookie(cookies::device_cookie(app, &device, &known));
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

/// The error that requests a second factor.
pub fn second_step(app: &App, (row, methods): SecondStep) -> ApiError {
    let mut error = ApiError::from(ErrorCode::SecondFactorRequired);
    error.problem.methods = methods;
    error.problem.challenge = Some(challenges::make(&app.master_key, app.clock.now(), &row));
    error
}

/// Checks the caller's password again. Wrong ones count against the open session only, so what strangers try
/// elsewhere does not matter. A caller without a password must have logged in within the last ten minutes.
pub async fn confirm(app: &App, viewer: Viewer, password: String) -> Result<(), ApiError> {
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
