//! HTTP methods, handled alike for every path: HEAD works wherever GET does, a 405 names the right methods, and a
//! POST may stand for a DELETE whose body an intermediary would drop.
//!
//! Invariant: a response to HEAD is the response to GET without its body, and every 405 has `Allow` (RFC 9110, 9.3.2
//! and 15.5.6). No handler has to know.

use std::sync::LazyLock;

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{RequestHead, ServiceRequest, ServiceResponse};
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use utoipa::openapi::PathItem;

use crate::openapi;

/// Every path of the API, split at its slashes, with its methods. A `None` segment is a parameter.
static PATHS: LazyLock<Vec<(Vec<Option<String>>, String)>> = LazyLock::new(|| {
    let fixed = |segment: &str| (!segment.starts_with('{')).then(|| segment.to_owned());
    let document = openapi::collected();
    let paths = document.paths.paths.iter();
    paths.map(|(path, item)| (path.split('/').map(fixed).collect(), methods_of(item))).collect()
});

/// Methods of paths outside the OpenAPI document: they are read-only.
const SHOWN: &str = "GET, HEAD";

fn methods_of(item: &PathItem) -> String {
    let get = item.get.is_some();
    let all = [
        ("GET", get),
        ("HEAD", get || item.head.is_some()),
        ("POST", item.post.is_some()),
        ("PUT", item.put.is_some()),
        ("PATCH", item.patch.is_some()),
        ("DELETE", item.delete.is_some()),
        ("OPTIONS", true),
    ];
    all.into_iter().filter(|(_, is)| *is).map(|(name, _)| name).collect::<Vec<_>>().join(", ")
}

/// The methods of an API path, as listed in `Allow`.
pub fn of(path: &str) -> Option<&'static str> {
    let fits = |template: &[Option<String>]| {
        let mut segments = path.split('/');
        let all = template.iter().all(|wanted| {
            segments.next().is_some_and(|given| match wanted {
                Some(fixed) => fixed == given,
                None => !given.is_empty(),
            })
        });
        all && segments.next().is_none()
    };
    // A fixed segment takes precedence over a parameter in the same position.
    let found = PATHS.iter().filter(|(template, _)| fits(template));
    let best = found.max_by_key(|(template, _)| template.iter().flatten().count());
    best.map(|(_, methods)| methods.as_str())
}

fn allowed(path: &str) -> &'static str {
    of(path).unwrap_or(SHOWN)
}

/// Header of a POST that names the method it stands for.
pub const OVERRIDE: &str = "x-http-method-override";

/// The method that a request stands for, if it differs from its own: GET for HEAD, and the method named by
/// [`OVERRIDE`] for a POST, because some proxies and HTTP stacks drop the body of a DELETE.
fn meant(head: &RequestHead) -> Option<Method> {
    if head.method == Method::HEAD {
        return Some(Method::GET);
    }
    let name = head.headers().get(OVERRIDE).filter(|_| head.method == Method::POST)?;
    [Method::DELETE, Method::PATCH, Method::PUT].into_iter().find(|method| name == method.as_str())
}

/// Middleware that applies these rules. The body of a response to HEAD is removed later by actix.
pub async fn complete<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    if let Some(meant) = meant(request.head()) {
        request.head_mut().method = meant;
    }
    let mut response = next.call(request).await?;
    if response.status() == StatusCode::METHOD_NOT_ALLOWED && !response.headers().contains_key(ALLOW) {
        let methods = allowed(response.request().path());
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_knows_its_methods() {
        assert_eq!(allowed("/api/v1/rooms"), "GET, HEAD, POST, OPTIONS");
        assert_eq!(allowed("/api/v1/rooms/1"), "GET, HEAD, PATCH, DELETE, OPTIONS");
        assert_eq!(allowed("/somewhere"), SHOWN);
        assert!(PATHS.iter().all(|(_, methods)| !methods.is_empty()));
    }
}
