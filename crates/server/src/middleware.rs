//! Middleware for every request: a request id, security headers, and problem documents for all errors.
//!
//! Invariant: every response of a handler, and every error in its place, carries a request id and these headers.

use std::rc::Rc;
use std::sync::Arc;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{RequestHead, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse, web};
use parlour_protocol::problems::ErrorCode;

use crate::answers::{self, Embedded};
use crate::app::App;
use crate::auth::{Allowance, bearer, client_address, recognize};
use crate::budget::REFUSAL_HELD;
use crate::budget::gate::Gates;
use crate::budget::place::{Place, Serving};
use crate::cors;
use crate::problems::ApiError;
use crate::random;

/// Policy for the browser client: its own files and its own server, nothing else.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
    img-src 'self' blob: data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; \
    form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
/// Policy for the API documentation, which uses inline styles.
const DOCS_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Security headers of every response, in addition to the policy above.
const CAREFUL: [(HeaderName, &str); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CROSS_ORIGIN_OPENER_POLICY, "same-origin"),
    (header::PERMISSIONS_POLICY, "camera=(), microphone=(), geolocation=()"),
];
static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
static RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
static RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// Upper bound on the number of headers added to a response.
const HEADERS: usize = 16;
const STRICT_TRANSPORT: &str = "max-age=31536000; includeSubDomains";

/// Longest path with query, in bytes.
const MAX_PATH: usize = 2048;
/// Maximum bytes of headers, names and values together.
const MAX_HEADERS: usize = 8 * 1024;

/// The id of a request, for handlers that build their own problem documents.
#[derive(Clone)]
pub struct RequestId(pub String);

/// Marks a response that refuses a password or a code.
struct Confirmation;

/// Rejects requests whose address or headers are too long.
pub fn check_size(head: &RequestHead) -> Result<(), ApiError> {
    if head.uri.path_and_query().is_some_and(|path| path.as_str().len() > MAX_PATH) {
        return Err(ApiError::because(ErrorCode::Malformed, "The address is too long."));
    }
    let headers = head.headers().iter().map(|(name, value)| name.as_str().len() + value.len());
    if headers.sum::<usize>() > MAX_HEADERS {
        return Err(ApiError::because(ErrorCode::TooLarge, "The headers are too long."));
    }
    Ok(())
}

/// The headers of every response, for responses that are written by hand.
pub fn written_headers(secure: bool) -> String {
    let transport = secure.then_some((header::STRICT_TRANSPORT_SECURITY, STRICT_TRANSPORT));
    let policy = (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
    // No cookie authenticates anybody at the places that write such responses, so a page of any origin may read them.
    let open =
        [(header::CROSS_ORIGIN_RESOURCE_POLICY, "same-origin"), (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")];
    let all = CAREFUL.into_iter().chain([policy]).chain(open).chain(transport);
    all.map(|(name, value)| format!("{name}: {value}\r\n")).collect()
}

/// The middleware: queues the request, authenticates it, calls the handler, and completes the response.
pub async fn guard<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let request_id = random::request_id();
    let has_body = request.headers().contains_key(header::TRANSFER_ENCODING)
        || request.headers().get(header::CONTENT_LENGTH).is_some_and(|length| length != "0");
    let place = request.conn_data::<Arc<Place>>().cloned();
    let serving = place.as_ref().map(|place| Serving::queue(place, has_body));
    if let (Some(place), Some(gates)) = (&place, request.app_data::<Rc<Gates>>())
        && !place.has_waited()
    {
        let gate = if place.is_known() { &gates.known } else { &gates.strangers };
        gate.pass(place.network()).await;
    }
    if let Some(serving) = &serving {
        serving.begin();
    }
    let app = request.app_data::<web::Data<Arc<App>>>().cloned();
    let size = check_size(request.head());
    request.extensions_mut().insert(RequestId(request_id.clone()));

    let refused = match size {
        Ok(()) => recognize(request.request()).await.err(),
        Err(error) => Some(error),
    };
    let response = if let Some(error) = refused {
        request.into_response(error.answer(&request_id))
    } else if let Some(answer) = cors::preflight(&request) {
        request.into_response(answer)
    } else {
        // Handlers and extractors render their own errors, but the response still carries the error.
        let response = next.call(request).await?;
        match response.response().error().map(|error| translate(error, &request_id)) {
            Some(answer) => {
                let (request, _) = response.into_parts();
                ServiceResponse::new(request, answer)
            }
            None => response.map_into_boxed_body(),
        }
    };

    if response.status() == StatusCode::TOO_MANY_REQUESTS
        && let Some(place) = &place
    {
        place.forget();
        tokio::time::sleep(REFUSAL_HELD).await;
    }
    note_denied(&response);
    let embedded = response.response().extensions().get::<Embedded>().is_some();
    let asked = response.request().clone();
    let mut full = false;
    let mut serving = serving;
    let mut response = response.map_body(|_, body| {
        answers::bounded(&asked, body, embedded, serving.take()).unwrap_or_else(|| {
            full = true;
            BoxBody::new(())
        })
    });
    if full {
        response = ServiceResponse::new(asked, ApiError::busy(1000).answer(&request_id));
    }
    add_headers(app.as_ref().map(|app| app.as_ref().as_ref()), &mut response, &request_id);
    Ok(response)
}

/// Adds the headers of every response.
fn add_headers(app: Option<&App>, response: &mut ServiceResponse<BoxBody>, request_id: &str) {
    let asked = response.request().clone();
    let docs = asked.path().starts_with("/api/docs");
    let picture = cors::is_picture(asked.path());
    let headers = response.headers_mut();
    headers.reserve(HEADERS);
    cors::allow(app, asked.path(), asked.headers().get(header::ORIGIN), headers);
    let mut set = |name: HeaderName, value: &'static str| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    set(header::CONTENT_SECURITY_POLICY, if docs { DOCS_POLICY } else { CONTENT_SECURITY_POLICY });
    for (name, value) in CAREFUL {
        set(name, value);
    }
    let embedding = if picture { "cross-origin" } else { "same-origin" };
    set(header::CROSS_ORIGIN_RESOURCE_POLICY, embedding);
    if app.is_some_and(|app| app.config.is_secure()) {
        set(header::STRICT_TRANSPORT_SECURITY, STRICT_TRANSPORT);
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if let Some(Allowance { policy, state }) = asked.extensions().get() {
        for (name, value) in [(&RATE_LIMIT_POLICY, policy), (&RATE_LIMIT, state)] {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name.clone(), value);
            }
        }
    }
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID.clone(), value);
    }
}

/// Audits denied requests of authenticated people: every 403, and every 404 below `/api/v1/admin/`.
fn note_denied(response: &ServiceResponse<BoxBody>) {
    let request = response.request();
    let status = response.status().as_u16();
    // A wrong password is not a lack of rights.
    if response.response().extensions().get::<Confirmation>().is_some() {
        return;
    }
    let denied = status == 403 || (status == 404 && request.path().starts_with("/api/v1/admin/"));
    if !denied {
        return;
    }
    let Some(app) = request.app_data::<web::Data<Arc<App>>>() else {
        return;
    };
    let bearer = bearer(request);
    // The pattern of the path, so that nothing of the request itself is stored.
    if let (Ok(bearer), Some(pattern)) = (bearer, request.match_pattern()) {
        let operation = format!("{} {pattern}", request.method());
        app.note_denied(bearer.user, operation, Some(client_address(app, request).to_string()));
    }
}

/// Renders an error: our own with the request id, those of the framework as problem documents of the same form.
fn translate(error: &Error, request_id: &str) -> HttpResponse {
    if let Some(own) = error.as_error::<ApiError>() {
        let mut answer = own.answer(request_id);
        if own.is_of_confirmation() {
            answer.extensions_mut().insert(Confirmation);
        }
        return answer;
    }
    let code = match error.as_response_error().status_code().as_u16() {
        404 => ErrorCode::NotFound,
        405 => ErrorCode::MethodNotAllowed,
        413 => ErrorCode::TooLarge,
        415 => ErrorCode::UnsupportedMedia,
        400..=499 => ErrorCode::Malformed,
        _ => return ApiError::fault(error.to_string()).answer(request_id),
    };
    ApiError::because(code, error.to_string()).answer(request_id)
}
