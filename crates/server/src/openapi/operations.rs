//! What all operations have in common: who may call them, how they refuse, response headers, and texts that read well
//! in a list.
//!
//! Invariant: an operation is authenticated unless it is listed in [`PUBLIC`].

use std::collections::BTreeMap;

use parlour_protocol::problems::ErrorCode;
use serde_json::{Map, Value, json};

use super::codes::{self, Kind};
use super::operations_of;
use crate::idempotency;

/// Operations that need no access token.
pub const PUBLIC: [&str; 21] = [
    "show_server",
    "create_account",
    "create_session",
    "begin_provider_log_in",
    "complete_provider_log_in",
    "create_provider_account",
    "complete_session",
    "begin_passkey_session",
    "create_passkey_session",
    "begin_passkey_step",
    "complete_passkey_step",
    "refresh_session",
    "show_avatar",
    "complete_password_reset",
    "request_password_reset",
    "complete_email_verification",
    "show_liveness",
    "show_readiness",
    "show_metrics",
    "show_keys",
    "open_socket",
];

/// Operations replaced by another path. They keep working within `v1`, marked as deprecated.
const OLDER_PATHS: [&str; 1] = ["put_message"];

/// The groups of operations, in the order in which a newcomer needs them.
const TAGS: [(&str, &str); 15] = [
    ("server", "What a client can know about a server before anyone is logged in."),
    ("accounts", "Registering, and everything about one's own account."),
    ("sessions", "Logging in, refreshing the access token, logging out."),
    ("tokens", "Access tokens with which programs act as oneself, within scopes."),
    ("bots", "Accounts for programs, which belong to the person who made them."),
    ("users", "Finding people by their unique handle, and their profiles."),
    ("friends", "Friendships and requests for them. Only friends can write to each other in private."),
    ("blocks", "People from whom one wants to hear nothing."),
    ("rooms", "Public rooms: listing, creating, joining, leaving."),
    (
        "conversations",
        "Rooms and direct chats that one takes part in: where one stands, and what has changed.",
    ),
    ("messages", "Sending exactly once, history, edits, deletions, reactions."),
    ("notifications", "What concerned oneself while one was away."),
    ("invites", "Codes that let people register."),
    ("admin", "For the administrators of a server. Others are told that there is nothing."),
    ("operations", "Health, metrics and keys, for those who run a server."),
];

/// Completes every operation of a document.
pub fn complete(document: &mut Value) {
    document["tags"] = TAGS.iter().map(|(name, description)| tag(name, description)).collect();
    for (path, method, operation) in operations_of(document) {
        one(operation, path.contains('{'), method == "delete");
    }
    let components = &mut document["components"];
    components["securitySchemes"] = json!({
        "bearer": {
            "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
            "description": "An access token: the `access_token` of a log-in, good for ten minutes.",
        },
        "refreshCookie": {
            "type": "apiKey", "in": "cookie", "name": "parlour_refresh",
            "description": "The refresh token, for pages of the server itself. With TLS its name begins with `__Host-`.",
        },
        "metricsToken": {
            "type": "http", "scheme": "bearer", "description": "The text of `PARLOUR_METRICS_TOKEN`.",
        },
    });
    components["headers"] = json!({
        "RequestId": {
            "description": "Identifies the request in the server's log.",
            "schema": { "type": "string", "examples": ["4f1c9a7be02d6638"] },
        },
        "RetryAfter": {
            "description": "Seconds until it makes sense to try again. `retry_after_ms` in the body is finer.",
            "schema": { "type": "integer", "format": "int32", "minimum": 1, "examples": [2] },
        },
        "RateLimit": {
            "description": "How many requests of this kind (`reads` or `changes`) are left to this person on this node, and in how many seconds all of them are again.",
            "schema": { "type": "string", "examples": ["\"reads\";r=98;t=1"] },
        },
        "RateLimitPolicy": {
            "description": "How many requests of this kind one person can make at once, and in how many seconds as many are earned again.",
            "schema": { "type": "string", "examples": ["\"reads\";q=100;w=2"] },
        },
        "Location": {
            "description": "The path of what was made.",
            "schema": { "type": "string", "examples": ["/api/v1/rooms/4611686018427387904"] },
        },
        "ContentDisposition": {
            "description": "A name for the file.",
            "schema": { "type": "string", "examples": ["attachment; filename=\"parlour-export.ndjson\""] },
        },
        "SetCookie": {
            "description": "With `refresh: cookie`, the refresh token in a cookie that no script can read.",
            "schema": { "type": "string", "examples": ["__Host-parlour_refresh=…; HttpOnly; SameSite=Strict; Secure; Path=/"] },
        },
        "WwwAuthenticate": {
            "description": "`Bearer`, where an access token is missing or has ended.",
            "schema": { "type": "string", "examples": ["Bearer"] },
        },
    });
    let problem = |description: &str| {
        json!({
            "description": description,
            "headers": {
                "X-Request-Id": { "$ref": "#/components/headers/RequestId" },
                "Retry-After": { "$ref": "#/components/headers/RetryAfter" },
                "WWW-Authenticate": { "$ref": "#/components/headers/WwwAuthenticate" },
            },
            "content": { "application/problem+json": {
                "schema": { "$ref": "#/components/schemas/Problem" },
                "example": {
                    "type": "/api/docs/problems#not_friends", "title": ErrorCode::NotFriends.title(), "status": 403,
                    "code": "not_friends", "request_id": "4f1c9a7be02d6638",
                },
            } },
        })
    };
    components["responses"] = json!({
        "Refused": problem("The request was refused; `code` says why. Nothing was changed."),
        "Failed": problem("The server couldn't do it. Try again; with the same client id or key nothing is done twice."),
    });
}

fn tag(name: &str, description: &str) -> Value {
    let (first, rest) = name.split_at(1);
    json!({ "name": name, "description": description, "x-displayName": first.to_uppercase() + rest })
}

fn one(operation: &mut Value, names: bool, is_delete: bool) {
    let id = operation.get("operationId").and_then(Value::as_str).unwrap_or_default().to_owned();
    let authenticated = !PUBLIC.contains(&id.as_str());
    operation["security"] = match id.as_str() {
        "show_metrics" => json!([{ "metricsToken": [] }]),
        "refresh_session" => json!([{}, { "refreshCookie": [] }]),
        _ if authenticated => json!([{ "bearer": [] }]),
        _ => json!([]),
    };
    split_summary(operation);
    if is_delete && operation.get("requestBody").is_some() {
        let said = operation.get("description").and_then(Value::as_str).unwrap_or_default();
        operation["description"] = json!(format!(
            "{said} Where a body of a DELETE is dropped on the way, send a POST with `X-HTTP-Method-Override: DELETE`."
        ));
    }
    if OLDER_PATHS.contains(&id.as_str()) {
        operation["deprecated"] = json!(true);
    }
    bytes(&id, operation);
    parameters(&id, operation);
    if idempotency::OPERATIONS.contains(&id.as_str()) {
        take_key(operation);
    }
    let body = operation.get("requestBody").is_some();
    let codes = codes::of(&id, Kind { authenticated, body, names });
    operation["x-error-codes"] = codes.iter().map(|code| code.as_str()).collect();
    let responses = operation.get_mut("responses").and_then(Value::as_object_mut);
    let Some(responses) = responses else { return };
    for (status, response) in responses.iter_mut() {
        describe(&id, status, response, authenticated);
    }
    let mut refusals: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for code in &codes {
        let class = if code.status() < 500 { "4XX" } else { "5XX" };
        refusals.entry(class).or_default().push(code.as_str());
    }
    for (class, codes) in refusals {
        let component = if class == "4XX" { "Refused" } else { "Failed" };
        responses.insert(
            class.to_owned(),
            json!({
                "$ref": format!("#/components/responses/{component}"),
                "description": format!("{component}: `{}`.", codes.join("`, `")),
            }),
        );
    }
}

/// Adds the header that makes a request repeatable.
fn take_key(operation: &mut Value) {
    let (shortest, longest) = idempotency::LENGTH;
    let header = json!({
        "name": "Idempotency-Key", "in": "header", "required": false,
        "description": "A random name for the request, a UUID for instance. The same request with the same key, within 24 hours and on any node, makes nothing more and gets the same answer; another request with it gets `idempotency_key_reused`.",
        "schema": { "type": "string", "minLength": shortest, "maxLength": longest },
        "example": "9b2e7f64-0c1d-4a0e-8f53-6d7c1b2a3e4f",
    });
    match operation.get_mut("parameters").and_then(Value::as_array_mut) {
        Some(parameters) => parameters.push(header),
        None => operation["parameters"] = json!([header]),
    }
}

/// Corrects bodies that are files, which `utoipa` describes as lists of numbers.
fn bytes(id: &str, operation: &mut Value) {
    let binary = json!({ "schema": { "type": "string", "format": "binary" } });
    let pictures =
        |types: &[&str]| types.iter().map(|name| ((*name).to_owned(), binary.clone())).collect::<Map<_, _>>();
    match id {
        "upload_avatar" => {
            operation["requestBody"]["content"] = Value::Object(pictures(&[
                "image/png",
                "image/jpeg",
                "image/gif",
                "image/webp",
                "application/octet-stream",
            ]));
        }
        "show_avatar" => {
            operation["responses"]["200"]["content"] = Value::Object(pictures(&["image/png", "image/jpeg"]));
        }
        "show_keys" => {
            let parts = ["kty", "crv", "alg", "use", "kid", "x"];
            let texts: Map<_, _> =
                parts.into_iter().map(|name| (name.to_owned(), json!({ "type": "string" }))).collect();
            operation["responses"]["200"]["content"]["application/json"] = json!({
                "schema": {
                    "type": "object", "required": ["keys"],
                    "properties": { "keys": { "type": "array", "items": {
                        "type": "object", "required": parts, "properties": texts,
                    } } },
                },
                "example": { "keys": [{
                    "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": "b2f1c07d",
                    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
                }] },
            });
        }
        "show_liveness" => {
            operation["responses"]["200"]["content"] = json!({
                "text/plain": { "schema": { "type": "string" }, "example": "live\n" },
            });
        }
        "export_account" => {
            let answer = &mut operation["responses"]["200"];
            answer["content"] = Value::Object(pictures(&["application/x-ndjson"]));
            answer["content"]["application/x-ndjson"]["schema"]["contentSchema"] =
                json!({ "$ref": "#/components/schemas/ExportLine" });
        }
        _ => {}
    }
}

/// Adds what the parameters' Rust types do not express.
fn parameters(id: &str, operation: &mut Value) {
    for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
        match (id, parameter.get("name").and_then(Value::as_str).unwrap_or_default()) {
            ("list_notifications", "before") => parameter["deprecated"] = json!(true),
            ("list_users" | "list_conversations", "ids") => {
                parameter["schema"] = json!({
                    "type": "array", "minItems": 1, "maxItems": 100,
                    "items": { "$ref": "#/components/schemas/UserId" },
                });
                parameter["style"] = json!("form");
                parameter["explode"] = json!(false);
            }
            _ => {}
        }
    }
}

/// Splits the text into a summary for lists (the first sentence) and a description.
fn split_summary(operation: &mut Value) {
    let words = |name: &str| operation.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    // `utoipa` splits at blank lines; our doc comments are one paragraph each.
    let text = format!("{} {}", words("summary"), words("description")).replace('\n', " ");
    let text = text.trim();
    let end = text.find(". ").map_or(text.len(), |at| at + 1);
    let (first, rest) = text.split_at(end);
    // What follows a colon explains, and does not belong in a summary.
    let title = first.split(": ").next().unwrap_or(first);
    operation["summary"] = json!(title.trim_end_matches('.').replace('`', ""));
    operation["description"] = json!(if rest.trim().is_empty() { first } else { text });
}

/// Description of a 202 response that has a body of its own.
const WAITING: &str = "The account waits until an administrator lets it in: `PendingAccount`, and no log-in.";

fn describe(id: &str, status: &str, response: &mut Value, authenticated: bool) {
    let said = response.get("description").and_then(Value::as_str).unwrap_or_default();
    if said.is_empty() {
        response["description"] = json!(match (status, id) {
            ("202", "create_account" | "create_provider_account") => WAITING,
            ("202", "complete_provider_log_in") =>
                "Nobody here has this account of the provider yet: `UnknownIdentity`, to register with.",
            _ => "",
        });
    }
    if response["description"] == "" {
        response["description"] = json!(match status {
            "200" => "Success.",
            "201" => "Created.",
            "202" => "Accepted; it isn't finished yet.",
            "204" => "Done. There is no content.",
            "503" => "Not ready.",
            _ => "See the description of the operation.",
        });
    }
    response["headers"] = json!({ "X-Request-Id": { "$ref": "#/components/headers/RequestId" } });
    if authenticated {
        response["headers"]["RateLimit"] = json!({ "$ref": "#/components/headers/RateLimit" });
        response["headers"]["RateLimit-Policy"] = json!({ "$ref": "#/components/headers/RateLimitPolicy" });
    }
    let own: &[(&str, &str)] = match (id, status) {
        ("create_room" | "create_bot" | "send_message" | "put_message", "201") => &[("Location", "Location")],
        ("export_account", "200") => &[("Content-Disposition", "ContentDisposition")],
        (
            "create_account"
            | "create_provider_account"
            | "create_session"
            | "complete_session"
            | "refresh_session"
            | "create_passkey_session"
            | "complete_passkey_step"
            | "complete_provider_log_in",
            "200" | "201",
        ) => &[("Set-Cookie", "SetCookie")],
        _ => &[],
    };
    for (name, component) in own {
        response["headers"][*name] = json!({ "$ref": format!("#/components/headers/{component}") });
    }
}
