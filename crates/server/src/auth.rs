//! Who makes a request: the owner of its token, and the address it comes from.
//!
//! Invariant: a handler that needs an authenticated caller takes a [`Viewer`], or an [`Access`] if personal access
//! tokens are allowed; neither can be anonymous. A handler that does not declare token access refuses tokens.

pub mod api_tokens;
pub mod challenges;
pub mod cookies;
pub mod devices;
pub mod keys;
pub mod log_in;
pub mod provider;
pub mod signed;
pub mod tokens;

use std::collections::BTreeSet;
use std::future::{Ready, ready};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use parlour_chat::Caller;
use parlour_chat::identity::api_tokens::Grant;
use parlour_protocol::ids::{ConversationId, SessionId, UserId};
use parlour_protocol::problems::ErrorCode;

use crate::app::App;
use crate::auth::tokens::Bearer;
use crate::budget::addresses::{self, AddressKey};
use crate::budget::memory::Owner;
use crate::budget::place::Place;
use crate::budget::{ANSWERS_OF_PERSON, LARGE_PAGE};
use crate::config::Origin;
use crate::problems::ApiError;

/// The application, as handlers receive it.
pub type Shared = web::Data<Arc<App>>;

/// The caller, authenticated by a log-in; personal access tokens are refused. Extracting it charges the request to a
/// rate limit: reads for `GET` and `HEAD`, changes for other methods.
#[derive(Debug, Clone, Copy)]
pub struct Viewer {
    /// The caller's id.
    pub user: UserId,
    /// The session of the access token.
    pub session: SessionId,
    /// Whether an administrator's rights over other people's rooms apply; see [`Caller`].
    administers: bool,
}

impl From<Viewer> for Caller {
    fn from(viewer: Viewer) -> Self {
        Self { user: viewer.user, administers: viewer.administers }
    }
}

/// What is left of the caller's rate limit after a request, as the response reports it.
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

/// The caller, authenticated by a log-in or by a personal access token that may read, or write. Charged like a
/// [`Viewer`], which is obtained by naming the conversations that the request is about.
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
    /// For one conversation.
    pub fn to(self, id: ConversationId) -> Result<Viewer, ApiError> {
        match &self.grant {
            Some(grant) if !grant.covers(id) => Err(elsewhere()),
            _ => Ok(self.viewer),
        }
    }

    /// For anything that may concern any conversation, or people: a token limited to some conversations is refused.
    pub fn to_everything(self) -> Result<Viewer, ApiError> {
        match &self.grant {
            Some(grant) if grant.only.is_some() => Err(elsewhere()),
            _ => Ok(self.viewer),
        }
    }

    /// For a list of conversations; also returns the only ones it may contain, if the token is limited.
    pub fn to_some(self) -> (Viewer, Option<BTreeSet<ConversationId>>) {
        (self.viewer, self.grant.and_then(|grant| grant.only.clone()))
    }

    /// For what belongs to no conversation and is secret to nobody.
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
        // Earlier responses are still unread, so this one might be produced for nothing.
        return Err(ApiError::busy(1000));
    }
    Ok((Viewer { user, session, administers: grant.is_none() }, grant))
}

/// The owner of a request's token, as determined when the request arrived.
#[derive(Clone)]
struct Shown(Result<Bearer, ErrorCode>);

/// Determines the owner of a request's token before anything else is done with the request. An invalid token is no
/// reason to refuse an operation that needs none.
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

/// The owner of the request's token.
pub fn bearer(request: &HttpRequest) -> Result<Bearer, ErrorCode> {
    request.extensions().get::<Shown>().map_or(Err(ErrorCode::Unauthenticated), |shown| shown.0.clone())
}

/// Whose memory budget a request is charged to.
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

/// Like [`bearer_token`], but from the headers alone.
pub fn bearer_of(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The address of the client, as reported by the outermost trusted proxy.
pub fn client_address(app: &App, request: &HttpRequest) -> IpAddr {
    client_address_of(app, request.peer_addr().map(|peer| peer.ip()), request.headers())
}

/// Like [`client_address`], but from the connection's peer and the headers alone.
pub fn client_address_of(app: &App, peer: Option<IpAddr>, headers: &HeaderMap) -> IpAddr {
    let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    // A header line that is not text cannot be believed: it stands for an unreadable entry.
    let lines: Vec<&str> =
        headers.get_all("x-forwarded-for").map(|line| line.to_str().unwrap_or("?")).collect();
    addresses::forwarded(peer, &app.config.trusted_proxies, lines.into_iter())
}

/// Refuses requests made by a page of another origin. Clients other than browsers send no `Origin`. Used for
/// everything that reads or sets a cookie, since a browser adds cookies by itself, no matter who wrote the page.
pub fn check_origin(app: &App, request: &HttpRequest) -> Result<(), ApiError> {
    let headers = request.headers();
    let Some(origin) = headers.get(header::ORIGIN) else {
        return Ok(());
    };
    let origin = origin.to_str().ok().and_then(Origin::of_header);
    let allowed = origin.is_some_and(|origin| {
        let config = &app.config;
        // Without a configured address, pages loaded from this host are our own.
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
