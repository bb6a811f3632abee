//! `/api/docs`: the guide, every operation with examples, the socket, and the catalogue of codes. All of it is
//! embedded, so that it works without a network and describes the running version.
//!
//! Invariant: nothing is loaded from elsewhere, and requests tried on the page go only to this server.

mod problems;
mod samples;
mod socket;

use std::sync::LazyLock;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_ENCODING, ETAG, VARY};
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use crate::answers::{self, Embedded};
use crate::openapi;

/// The renderer, Scalar, compressed by the build script.
const RENDERER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/reference.js.gz"));
/// ETag of the renderer.
const RENDERER_TAG: &str = include_str!(concat!(env!("OUT_DIR"), "/reference.js.tag"));
const HTML: &str = "text/html; charset=utf-8";
const GUIDE: &str = include_str!("../../../docs/guide.md");

static DOCUMENT: LazyLock<String> = LazyLock::new(|| document().to_string());

/// The OpenAPI document with additions for readers: the guide and the socket as chapters, and code samples for each
/// operation.
fn document() -> Value {
    let mut document = openapi::of_this_server(openapi::document());
    document["info"]["description"] = json!(format!("{GUIDE}\n{}", socket::chapter()));
    samples::add(&mut document);
    name_codes(&mut document);
    document
}

/// Adds to each operation the problem codes that it can return, with links to their meaning.
fn name_codes(document: &mut Value) {
    for (_, _, operation) in openapi::operations_of(document) {
        let codes = operation.get("x-error-codes").and_then(Value::as_array).into_iter().flatten();
        let links =
            codes.filter_map(Value::as_str).map(|code| format!("[`{code}`](/api/docs/problems#{code})"));
        let links = links.collect::<Vec<_>>().join(", ");
        let said = operation.get("description").and_then(Value::as_str).unwrap_or_default();
        operation["description"] = json!(format!("{said}\n\nRefused with: {links}."));
    }
}

async fn renderer(request: HttpRequest) -> HttpResponse {
    let known = answers::is_known(&request, RENDERER_TAG);
    let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((ETAG, RENDERER_TAG)).insert_header((CACHE_CONTROL, "no-cache"));
    if known {
        return response.finish();
    }
    // Every browser accepts gzip, and only browsers request this.
    response.content_type("text/javascript").insert_header((CONTENT_ENCODING, "gzip"));
    response.insert_header((VARY, "accept-encoding"));
    let mut response = response.body(RENDERER);
    response.extensions_mut().insert(Embedded);
    response
}

/// Serves the documentation pages.
pub fn configure(config: &mut web::ServiceConfig) {
    problems::configure(config);
    answers::serve_text(config, "/api/docs/", HTML, || include_str!("docs/page.html"));
    answers::serve_text(config, "/api/docs/start.js", "text/javascript", || include_str!("docs/start.js"));
    answers::serve_text(config, "/api/docs/style.css", "text/css; charset=utf-8", || {
        include_str!("docs/style.css")
    });
    answers::serve_text(config, "/api/docs/openapi.json", "application/json", || &DOCUMENT);
    config.route("/api/docs/reference.js", web::get().to(renderer));
    config.service(web::redirect("/api/docs", "/api/docs/"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_the_guide_and_code_in_three_languages() {
        let document = document();
        let description = document["info"]["description"].as_str().unwrap();
        for chapter in ["## Sending exactly once", "## Frames of the socket", "### send", "### event"] {
            assert!(description.contains(chapter), "{chapter}");
        }
        for item in document["paths"].as_object().unwrap().values() {
            for operation in item.as_object().unwrap().values() {
                let samples = operation["x-codeSamples"].as_array().unwrap();
                let langs: Vec<&str> = samples.iter().filter_map(|one| one["label"].as_str()).collect();
                assert_eq!(langs, ["curl", "TypeScript", "Python"], "{}", operation["operationId"]);
            }
        }
    }
}
