//! CORS. Pages of any origin may call the API with a bearer token, as any program may; none of them may use cookies,
//! except those of origins that the operator has named.
//!
//! Invariant: credentials are allowed for `PARLOUR_ALLOWED_ORIGINS` alone. What reads or sets a cookie also checks
//! the origin itself (`auth::check_origin`), because a browser sends some requests first and only withholds the
//! response.

use actix_web::HttpResponse;
use actix_web::dev::ServiceRequest;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::app::App;
use crate::config::Origin;
use crate::methods;

/// Request headers that the API understands.
const ALLOWED_HEADERS: &str =
    "authorization, content-type, idempotency-key, if-none-match, x-http-method-override";
/// Response headers that a page may read, in addition to the CORS-safelisted ones.
const EXPOSED_HEADERS: &str = "content-disposition, etag, location, ratelimit, ratelimit-policy, retry-after, www-authenticate, x-request-id";
/// Seconds for which a browser may cache a preflight: the longest that any browser accepts.
const MAX_AGE: &str = "7200";
/// Avatars may be shown by pages of any origin, even under a cross-origin embedder policy.
const PICTURES: &str = "/api/v1/avatars/";

/// Whether pages of other origins may use a path at all.
fn is_open(path: &str) -> bool {
    ["/api/", "/health/", "/.well-known/"].iter().any(|start| path.starts_with(start))
}

/// Whether a path is an avatar, which anyone may embed.
pub fn is_picture(path: &str) -> bool {
    path.starts_with(PICTURES)
}

/// The response to `OPTIONS`: the methods of a path and, for a preflight, the allowed headers. `None` for other
/// methods and for paths that do not exist.
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

/// Adds the CORS headers to a response.
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
        // Also when no page asked for it: a cached response serves both.
        set(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    }
    if origin.is_some() {
        set(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED_HEADERS));
    }
}

fn is_named(app: &App, origin: &HeaderValue) -> bool {
    origin.to_str().ok().and_then(Origin::of_header).is_some_and(|origin| app.config.names(&origin))
}
