//! Pages of other origins. Any of them may call the API with a bearer token, as any program may; none of them gets a
//! cookie, except those that the operator has named.
//!
//! Invariant: credentials are allowed for `PARLOUR_ALLOWED_ORIGINS` alone. What reads or sets a cookie checks the origin
//! itself as well (`auth::check_origin`), because a browser also sends requests whose answers it then withholds.

use actix_web::HttpResponse;
use actix_web::dev::ServiceRequest;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::app::App;
use crate::config::Origin;
use crate::methods;

/// Request headers that mean something to the API.
const ALLOWED_HEADERS: &str =
    "authorization, content-type, idempotency-key, if-none-match, x-http-method-override";
/// Answer headers that a page may read, besides those that every page may.
const EXPOSED_HEADERS: &str = "content-disposition, etag, location, ratelimit, ratelimit-policy, retry-after, www-authenticate, x-request-id";
/// Seconds for which a browser need not ask again: the most that any of them takes.
const MAX_AGE: &str = "7200";
/// Pictures are shown by pages of any origin, also by those that say what they embed.
const PICTURES: &str = "/api/v1/avatars/";

/// Whether pages of other origins have any business with a path.
fn is_open(path: &str) -> bool {
    ["/api/", "/health/", "/.well-known/"].iter().any(|start| path.starts_with(start))
}

/// Whether a path is a picture, which anyone may embed.
pub fn is_picture(path: &str) -> bool {
    path.starts_with(PICTURES)
}

/// The answer to `OPTIONS`: what may be done with a path, and for a browser that asks on behalf of a page, with which
/// headers. `None` for other methods and for paths that do not exist.
pub fn preflight(request: &ServiceRequest) -> Option<HttpResponse> {
    if request.method() != Method::OPTIONS || !is_open(request.path()) {
        return None;
    }
    let methods = methods::of(request.path())?;
    let mut response = HttpResponse::NoContent();
    response.insert_header((header::ALLOW, methods));
    if request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
        response
            .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, methods))
            .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS))
            .insert_header((header::ACCESS_CONTROL_MAX_AGE, MAX_AGE));
    }
    Some(response.finish())
}

/// Says on an answer which pages may read it.
pub fn allow(app: Option<&App>, path: &str, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
    if !is_open(path) {
        return;
    }
    let mut set = |name: HeaderName, value: HeaderValue| drop(headers.insert(name, value));
    let named =
        origin.filter(|_| !is_picture(path)).filter(|origin| app.is_some_and(|app| is_named(app, origin)));
    if let Some(origin) = named {
        set(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        set(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        set(header::VARY, HeaderValue::from_static("origin"));
    } else {
        // Also on what was not asked for by a page: a cached answer serves both.
        set(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    }
    if origin.is_some() {
        set(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED_HEADERS));
    }
}

fn is_named(app: &App, origin: &HeaderValue) -> bool {
    origin.to_str().ok().and_then(Origin::of_header).is_some_and(|origin| app.config.names(&origin))
}
