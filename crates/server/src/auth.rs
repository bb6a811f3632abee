//! Who asks: the bearer of an access token, and the address that a request comes from.
//!
//! Invariant: a handler that needs somebody takes a [`Viewer`], or an [`Access`] where tokens will do; there is no
//! anonymous one. What says nothing of tokens refuses them.

use std::collections::BTreeSet;
use std::future::{Ready, ready};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use parlour_chat::api_tokens::Grant;
use parlour_protocol::ids::{ConversationId, SessionId, UserId};
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

/// The person who asks with a log-in; tokens are refused. Asking for this counts the request: as a change, or as a read
/// by its method.
#[derive(Debug, Clone, Copy)]
pub struct Viewer {
    /// Who.
    pub user: UserId,
    /// With which session.
    pub session: SessionId,
    /// Whether an administrator's rights over others' rooms count: with a log-in they do, with a token they do not.
    pub administers: bool,
}

/// What is left of a person's budget after a request, as its answer says it.
pub struct Allowance {
    /// The value of `RateLimit-Policy`.
    pub policy: String,
    /// The value of `RateLimit`.
    pub state: String,
}

impl FromRequest for Viewer {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(viewer(request).and_then(|(viewer, grant)| match grant {
            None => Ok(viewer),
            Some(_) => Err(ApiError::because(ErrorCode::InsufficientScope, "No token may do this: log in.")),
        }))
    }
}

/// Somebody who asks with a log-in, or with a token that reads, or that writes. Counted like a [`Viewer`], whom one gets
/// by saying which conversations it is about.
#[derive(Debug)]
pub struct Access<const WRITES: bool> {
    viewer: Viewer,
    grant: Option<Arc<Grant>>,
}

/// Access for reading.
pub type ReadAccess = Access<false>;
/// Access for writing.
pub type WriteAccess = Access<true>;

impl<const WRITES: bool> FromRequest for Access<WRITES> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(viewer(request).and_then(|(viewer, grant)| {
            if WRITES && grant.as_ref().is_some_and(|grant| !grant.writes) {
                return Err(ApiError::because(ErrorCode::InsufficientScope, "This token only reads."));
            }
            Ok(Self { viewer, grant })
        }))
    }
}

impl<const WRITES: bool> Access<WRITES> {
    /// For what is in one conversation.
    pub fn to(self, id: ConversationId) -> Result<Viewer, ApiError> {
        match &self.grant {
            Some(grant) if !grant.covers(id) => Err(elsewhere()),
            _ => Ok(self.viewer),
        }
    }

    /// For what may concern any conversation, or people: a token that is limited to some conversations is refused.
    pub fn to_everything(self) -> Result<Viewer, ApiError> {
        match &self.grant {
            Some(grant) if grant.only.is_some() => Err(elsewhere()),
            _ => Ok(self.viewer),
        }
    }

    /// For a list of conversations, together with the only ones that may be in it.
    pub fn to_some(self) -> (Viewer, Option<BTreeSet<ConversationId>>) {
        (self.viewer, self.grant.and_then(|grant| grant.only.clone()))
    }

    /// For what is in no conversation and no secret to anybody.
    pub fn to_names(self) -> Viewer {
        self.viewer
    }
}

fn elsewhere() -> ApiError {
    ApiError::because(ErrorCode::InsufficientScope, "This token is limited to other conversations.")
}

fn viewer(request: &HttpRequest) -> Result<(Viewer, Option<Arc<Grant>>), ApiError> {
    let app = request.app_data::<Shared>().ok_or(ErrorCode::Internal)?;
    let Bearer { user, session, grant, .. } = bearer(request)?;
    if let Some(place) = request.conn_data::<Arc<Place>>() {
        place.know();
    }
    let budgets = &app.budgets;
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let (name, limit) = if reads { ("reads", &budgets.reads) } else { ("changes", &budgets.changes) };
    let left = limit.take_counted(user);
    let (policy, state) = limit.fields(name, *left.as_ref().unwrap_or(&0));
    request.extensions_mut().insert(Allowance { policy, state });
    left.map_err(ApiError::too_fast)?;
    if reads && budgets.memory.held_by(Owner::Person(user)) + LARGE_PAGE > ANSWERS_OF_PERSON {
        // Earlier answers were not taken: this one might be made for nothing.
        return Err(ApiError::busy(1000));
    }
    Ok((Viewer { user, session, administers: grant.is_none() }, grant))
}

/// Whom a request's token speaks for, as it was found out when the request came.
#[derive(Clone)]
struct Shown(Result<Bearer, ErrorCode>);

/// Finds out whom a request's token speaks for, before anything else is done with the request. A token that is not good
/// is no reason to refuse what needs none.
pub async fn recognize(request: &HttpRequest) -> Result<(), ApiError> {
    let (Some(app), Some(token)) = (request.app_data::<Shared>(), bearer_token(request)) else {
        return Ok(());
    };
    let network = AddressKey::of(client_address(app, request));
    let shown = match app.authenticate(token, network).await {
        Err(error) => match error.code() {
            code @ (ErrorCode::Unauthenticated | ErrorCode::TokenExpired) => Err(code),
            _ => return Err(error),
        },
        Ok(bearer) => Ok(bearer),
    };
    request.extensions_mut().insert(Shown(shown));
    Ok(())
}

/// Whom the request's token speaks for.
pub fn bearer(request: &HttpRequest) -> Result<Bearer, ErrorCode> {
    request.extensions().get::<Shown>().map_or(Err(ErrorCode::Unauthenticated), |shown| shown.0.clone())
}

/// Who answers for the memory that a request takes.
pub fn owner(app: &App, request: &HttpRequest) -> Owner {
    match bearer(request) {
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

/// Refuses requests that a page of another origin makes. Clients that are no browsers send no `Origin`. For what reads or
/// sets a cookie: a browser adds cookies by itself, no matter who wrote the page.
pub fn check_origin(app: &App, request: &HttpRequest) -> Result<(), ApiError> {
    let headers = request.headers();
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
        same_host || config.public_url.as_deref() == Some(origin.as_str()) || config.names(&origin)
    });
    if allowed {
        Ok(())
    } else {
        Err(ApiError::because(ErrorCode::Forbidden, "Pages of this origin may not use this server."))
    }
}
