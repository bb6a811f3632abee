//! Methods, for every path alike: HEAD is answered wherever GET is, a wrong method is told the right ones, and a POST may
//! stand for a DELETE whose body would be dropped on the way.
//!
//! Invariant: an answer to HEAD is the answer to GET without its body, and every 405 has `Allow` (RFC 9110, 9.3.2 and
//! 15.5.6). No handler has to know.

use std::sync::LazyLock;

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{RequestHead, ServiceRequest, ServiceResponse};
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use utoipa::openapi::PathItem;

use crate::openapi;

/// Every path of the API, cut at its slashes, with the methods that it takes. A segment without a text is a parameter.
static PATHS: LazyLock<Vec<(Vec<Option<String>>, String)>> = LazyLock::new(|| {
    let fixed = |segment: &str| (!segment.starts_with('{')).then(|| segment.to_owned());
    let document = openapi::collected();
    let paths = document.paths.paths.iter();
    paths.map(|(path, item)| (path.split('/').map(fixed).collect(), methods_of(item))).collect()
});

/// What may be done with what is not in the description: it is shown.
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

/// The methods that a path of the API takes, as `Allow` lists them.
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
    // A path that is spelled out goes before one with a parameter in its place.
    let found = PATHS.iter().filter(|(template, _)| fits(template));
    let best = found.max_by_key(|(template, _)| template.iter().flatten().count());
    best.map(|(_, methods)| methods.as_str())
}

fn allowed(path: &str) -> &'static str {
    of(path).unwrap_or(SHOWN)
}

/// The header by which a POST says that it stands for another method.
pub const OVERRIDE: &str = "x-http-method-override";

/// Which method is meant by a request that has another one. Some proxies and HTTP stacks drop the body of a DELETE: it comes
/// as a POST that says so.
fn meant(head: &RequestHead) -> Option<Method> {
    if head.method == Method::HEAD {
        return Some(Method::GET);
    }
    let name = head.headers().get(OVERRIDE).filter(|_| head.method == Method::POST)?;
    [Method::DELETE, Method::PATCH, Method::PUT].into_iter().find(|method| name == method.as_str())
}

/// See the module. The server itself leaves out the body of an answer to HEAD, whatever handlers take it for.
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
