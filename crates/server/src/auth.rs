//! Who asks: the bearer of an access token, and the address that a request comes from.
//!
//! Invariant: a handler that needs somebody takes a [`Viewer`]; there is no anonymous one.

use std::future::{Ready, ready};
use std::net::IpAddr;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{FromRequest, HttpRequest, web};
use parlour_protocol::ids::{SessionId, UserId};
use parlour_protocol::problems::ErrorCode;

use crate::app::App;
use crate::problems::ApiError;

/// The application, as handlers get it.
pub type Shared = web::Data<Arc<App>>;

/// The person who asks.
#[derive(Debug, Clone, Copy)]
pub struct Viewer {
    /// Who.
    pub user: UserId,
    /// With which session.
    pub session: SessionId,
}

impl FromRequest for Viewer {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(viewer(request))
    }
}

fn viewer(request: &HttpRequest) -> Result<Viewer, ApiError> {
    let app = request.app_data::<Shared>().ok_or(ErrorCode::Internal)?;
    let token = bearer_token(request).ok_or(ErrorCode::Unauthenticated)?;
    let bearer = app.authenticate(token)?;
    Ok(Viewer { user: bearer.user, session: bearer.session })
}

/// The token in the `Authorization` header.
pub fn bearer_token(request: &HttpRequest) -> Option<&str> {
    bearer_of(request.headers())
}

/// Like [`bearer_token`], from headers alone.
pub fn bearer_of(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The address of the client: the last one in `X-Forwarded-For` that is no trusted proxy, if the connection
/// comes from one.
pub fn client_address(app: &App, request: &HttpRequest) -> String {
    let Some(peer) = request.peer_addr().map(|address| address.ip()) else {
        return "unknown".to_owned();
    };
    let trusted = |address: &IpAddr| app.config.trusted_proxies.contains(&address.to_canonical());
    if !trusted(&peer) {
        return peer.to_canonical().to_string();
    }
    request
        .headers()
        .get_all("x-forwarded-for")
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|address| address.trim().parse::<IpAddr>().ok())
        .filter(|address| !trusted(address))
        .last()
        .unwrap_or(peer)
        .to_canonical()
        .to_string()
}

/// Refuses requests that a page of another origin makes. Clients that are no browsers send no `Origin`.
pub fn check_origin(app: &App, request: &HttpRequest) -> Result<(), ApiError> {
    check_origin_of(app, request.headers())
}

/// Like [`check_origin`], from headers alone.
pub fn check_origin_of(app: &App, headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return Ok(());
    };
    let origin = origin.to_str().unwrap_or_default();
    let own = app.config.public_url.as_deref() == Some(origin)
        || app.config.allowed_origins.iter().any(|allowed| allowed == origin);
    // Without a configured address, a page that was loaded from this very host is our own.
    let same_host = app.config.public_url.is_none()
        && headers.get(header::HOST).and_then(|host| host.to_str().ok()).is_some_and(|host| {
            origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://")) == Some(host)
        });
    if own || same_host {
        Ok(())
    } else {
        Err(ApiError::because(ErrorCode::Forbidden, "Pages of this origin may not use this server."))
    }
}
