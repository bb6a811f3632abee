//! Who asks: the bearer of an access token, and the address that a request comes from.
//!
//! Invariant: a handler that needs somebody takes a [`Viewer`]; there is no anonymous one.

use std::future::{Ready, ready};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{FromRequest, HttpRequest, web};
use parlour_protocol::ids::{SessionId, UserId};
use parlour_protocol::problems::ErrorCode;

use crate::app::App;
use crate::budget::addresses::{self, AddressKey};
use crate::budget::connections::Place;
use crate::budget::memory::Owner;
use crate::budget::{ANSWERS_OF_PERSON, LARGE_PAGE};
use crate::config::Origin;
use crate::problems::ApiError;
use crate::tokens::Bearer;

/// The application, as handlers get it.
pub type Shared = web::Data<Arc<App>>;

/// The person who asks. Asking for this counts the request: as a change, or as a read by its method.
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
    let Bearer { user, session, .. } = bearer(app, request)?;
    if let Some(place) = request.conn_data::<Arc<Place>>() {
        place.know();
    }
    let budgets = &app.budgets;
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        budgets.reads.take(user).map_err(ApiError::too_fast)?;
        if budgets.memory.held_by(Owner::Person(user)) + LARGE_PAGE > ANSWERS_OF_PERSON {
            // Earlier answers were not taken: this one might be made for nothing.
            return Err(ApiError::busy(1000));
        }
    } else {
        budgets.changes.take(user).map_err(ApiError::too_fast)?;
    }
    Ok(Viewer { user, session })
}

/// Whom the request's access token speaks for.
pub fn bearer(app: &App, request: &HttpRequest) -> Result<Bearer, ErrorCode> {
    app.authenticate(bearer_token(request).ok_or(ErrorCode::Unauthenticated)?)
}

/// Who answers for the memory that a request takes.
pub fn owner(app: &App, request: &HttpRequest) -> Owner {
    match bearer(app, request) {
        Ok(bearer) => Owner::Person(bearer.user),
        Err(_) => Owner::Address(AddressKey::of(client_address(app, request))),
    }
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

/// The address of the client, as the last proxy that is trusted saw it.
pub fn client_address(app: &App, request: &HttpRequest) -> IpAddr {
    client_address_of(app, request.peer_addr().map(|peer| peer.ip()), request.headers())
}

/// Like [`client_address`], from the connection's peer and the headers alone.
pub fn client_address_of(app: &App, peer: Option<IpAddr>, headers: &HeaderMap) -> IpAddr {
    let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    // A line that is no text says nothing that could be believed: it stands for an entry that cannot be read.
    let lines: Vec<&str> =
        headers.get_all("x-forwarded-for").map(|line| line.to_str().unwrap_or("?")).collect();
    addresses::forwarded(peer, &app.config.trusted_proxies, lines.into_iter())
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
    let origin = origin.to_str().ok().and_then(Origin::of_header);
    let allowed = origin.is_some_and(|origin| {
        let config = &app.config;
        // Without a configured address, a page that was loaded from this very host is our own.
        let same_host = config.public_url.is_none()
            && headers
                .get(header::HOST)
                .and_then(|host| host.to_str().ok())
                .is_some_and(|host| origin.is_at(host));
        same_host
            || config.public_url.as_deref() == Some(origin.as_str())
            || config.allowed_origins.iter().any(|allowed| allowed == origin.as_str())
    });
    if allowed {
        Ok(())
    } else {
        Err(ApiError::because(ErrorCode::Forbidden, "Pages of this origin may not use this server."))
    }
}
