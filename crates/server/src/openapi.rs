//! The documents that describe the API and the socket, generated from the types and handlers that serve them.
//!
//! Invariant: nothing that the code knows is described by hand. What `utoipa` derives is transformed into a form that
//! validators and client generators accept (`schemas`, `operations`), without changing what crosses the wire.

mod asyncapi;
mod codes;
mod examples;
mod older;
mod operations;
mod schemas;

use std::sync::LazyLock;

use actix_web::web;
use parlour_protocol::own_data::ExportLine;
use parlour_protocol::problems::{ErrorCode, Problem};
use parlour_protocol::socket::{ClientFrame, ServerFrame};
use serde_json::{Map, Value, json};
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;

use crate::{answers, routes};
use schemas::{Place, Schemas};

/// Version of the API. The server has its own version, which `GET /api/v1/server` returns.
const API_VERSION: &str = "1.0.0";
/// Path of the socket: described by AsyncAPI, because no HTTP client can use it.
const SOCKET: &str = "/api/v1/socket";

const ABOUT: &str = "Real-time chat: accounts, public rooms, friends, private chats between friends.\n\n\
    Ids are strings, times are RFC 3339 in UTC, pages carry `next` where there is more. Errors are \
    `application/problem+json` with a stable `code`. Requests with unknown fields or parameters are refused; in answers, \
    ignore fields and kinds that you don't know, because they are added within `v1`.\n\n\
    The socket at `/api/v1/socket` is described by `asyncapi.json`.";

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Parlour", license(name = "MIT", identifier = "MIT")),
    components(schemas(Problem, ErrorCode, ExportLine))
)]
struct Base;

/// The document as derived from the handlers.
pub fn collected() -> OpenApi {
    let mut document = Base::openapi();
    document.merge(routes::describe());
    document
}

/// The OpenAPI 3.1 document.
pub fn document() -> Value {
    let mut document = serde_json::to_value(collected()).unwrap_or_default();
    document["openapi"] = json!("3.1.0");
    let info = &mut document["info"];
    info["version"] = json!(API_VERSION);
    info["description"] = json!(ABOUT);
    info["summary"] = json!("Real-time chat that you host yourself");
    info["contact"] = json!({ "name": "The administrators of the server" });
    document["servers"] = json!([{
        "url": "https://{host}",
        "description": "A server of your own",
        "variables": { "host": { "default": "chat.example.org", "description": "Host, and port where it isn't 443" } },
    }]);
    if let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) {
        paths.remove(SOCKET);
    }
    operations::complete(&mut document);
    let Some(Value::Object(all)) = document.pointer_mut("/components/schemas") else { return document };
    let place = Place("#/components/schemas/");
    let renamed = schemas::name_pages(all, place);
    schemas::tidy(all, place);
    schemas::name_union(all, place, "ExportLine", "kind", "ExportLine");
    schemas::name_positions_in(&mut document, place);
    schemas::walk(&mut document, &|map| {
        if let Some(Value::String(reference)) = map.get_mut("$ref")
            && let Some((_, new)) = renamed.iter().find(|(old, _)| old == reference)
        {
            new.clone_into(reference);
        }
    });
    examples::complete(&mut document);
    document
}

/// The same document as OpenAPI 3.0.3, for tools that support no later version.
pub fn document_3_0() -> Value {
    older::of(document())
}

/// The AsyncAPI document of the socket.
pub fn asyncapi() -> Value {
    asyncapi::of(frames(Place("#/components/schemas/")))
}

#[derive(utoipa::OpenApi)]
#[openapi(components(schemas(ClientFrame, ServerFrame)))]
struct Frames;

/// The schemas of the socket's frames, with references that point to `place`.
fn frames(place: Place) -> Schemas {
    let document = serde_json::to_value(Frames::openapi()).unwrap_or_default();
    let mut all = document.pointer("/components/schemas").cloned().unwrap_or_default();
    schemas::walk(&mut all, &|map| {
        if let Some(Value::String(reference)) = map.get_mut("$ref") {
            *reference = reference.replace("#/components/schemas/", place.0);
        }
    });
    let mut all = if let Value::Object(all) = all { all } else { Map::new() };
    // Must come before `tidy`, which removes the parts that frames are composed of.
    schemas::name_frames(&mut all, place);
    all.remove("UserEvent");
    schemas::tidy(&mut all, place);
    all
}

/// The JSON Schema of the socket's frames.
pub fn socket_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Frame",
        "description": "Frames of the socket at /api/v1/socket: JSON text messages. A server message may hold several frames, one a line.",
        "oneOf": [{ "$ref": "#/$defs/ClientFrame" }, { "$ref": "#/$defs/ServerFrame" }],
        "$defs": frames(Place("#/$defs/")),
    })
}

/// Every operation of a document, with its path and method.
pub fn operations_of(document: &mut Value) -> impl Iterator<Item = (&str, &str, &mut Value)> {
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    paths.into_iter().flatten().flat_map(|(path, item)| {
        let methods = item.as_object_mut().into_iter().flatten();
        methods.map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    })
}

/// An example of a schema; `all` holds the schemas that it may refer to.
pub fn example(schema: &Value, all: &Schemas) -> Value {
    examples::of_schema(schema, all)
}

/// A document as a server serves it: its operations are those of this server.
pub fn of_this_server(mut document: Value) -> Value {
    document["servers"] = json!([{ "url": "/", "description": "This server" }]);
    document["externalDocs"] =
        json!({ "url": "/api/docs", "description": "The guide, the socket and all error codes" });
    document
}

/// Each is generated on first request, so that start-up does not wait for them.
static DOCUMENTS: [(&str, LazyLock<String>); 4] = [
    ("/api/openapi.json", LazyLock::new(|| of_this_server(document()).to_string())),
    ("/api/openapi-3.0.json", LazyLock::new(|| of_this_server(document_3_0()).to_string())),
    ("/api/asyncapi.json", LazyLock::new(|| asyncapi().to_string())),
    ("/api/socket.schema.json", LazyLock::new(|| socket_schema().to_string())),
];

/// Serves the documents.
pub fn configure(config: &mut web::ServiceConfig) {
    for (path, document) in &DOCUMENTS {
        answers::serve_text(config, path, "application/json", || document);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Collects the names of schemas that a part of a document refers to, directly or indirectly.
    fn reach(value: &Value, all: &Schemas, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) => {
                let target = map.get("$ref").and_then(Value::as_str);
                if let Some(name) = target.and_then(|at| at.strip_prefix("#/components/schemas/"))
                    && found.insert(name.to_owned())
                {
                    reach(&all[name], all, found);
                }
                map.values().for_each(|value| reach(value, all, found));
            }
            Value::Array(list) => list.iter().for_each(|value| reach(value, all, found)),
            _ => {}
        }
    }

    #[test]
    fn no_object_is_both_sent_and_received() {
        let mut document = document();
        let all = document["components"]["schemas"].as_object().unwrap().clone();
        let (mut sent, mut received) = (BTreeSet::new(), BTreeSet::new());
        for (.., operation) in operations_of(&mut document) {
            reach(&operation["requestBody"], &all, &mut sent);
            reach(&operation["responses"], &all, &mut received);
        }
        assert!(sent.len() > 30 && received.contains("AccountExportLine"), "{sent:?} {received:?}");
        let both: Vec<_> =
            sent.intersection(&received).filter(|name| all[*name].get("properties").is_some()).collect();
        assert!(both.is_empty(), "{both:?}");
    }
}
