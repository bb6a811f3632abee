//! Complete examples for every operation, composed from the schemas: fixed values for well-known fields, and values
//! derived from the type for all others.
//!
//! Invariant: an example is valid for its schema; linters of the description check that.

use serde_json::{Map, Value, json};

use super::operations_of;
use super::schemas::Schemas;

/// Maximum nesting depth of an example.
const DEEPEST: usize = 8;

/// Values of fields whose schema has no example. `Object.field` takes precedence over `field`.
#[rustfmt::skip]
const FIELDS: &[(&str, &str)] = &[
    ("AdminUser.handle", "grace"), ("Bot.handle", "weather"), ("Bot.display_name", "Weather"),
    ("BeginProviderLogIn.refresh", "body"), ("Email.address", "ada@example.org"), ("Health.status", "ok"),
    ("Identity.issuer", "https://login.example.org"), ("Session.device", "Firefox on Linux"),
    ("Token.name", "backup"), ("CreateToken.name", "backup"), ("Passkey.name", "My phone"),
    ("UpdatePasskey.name", "My laptop"), ("ServerInfo.name", "Tea House"), ("Violation.field", "handle"),
    ("Violation.message", "3 to 32 of a-z, 0-9 and _."), ("CreatedInvite.code", "mXk3vQ8yTz2bL0aWc1dEfg"),
    ("access_token", "eyJhbGciOiJFZERTQSIsImtpZCI6IjEifQ.eyJzdWIiOiI0NjExNjg2MDE4NDI3Mzg3OTA0In0.c2ln"),
    ("address", "203.0.113.7"), ("authorization_url", "https://login.example.org/authorize?state=c3RhdGU"),
    ("binding", "YmluZGluZw"), ("bio", "Tea and engines."), ("body", "See you at six"),
    ("ceremony", "Y2VyZW1vbnk"), ("challenge", "Y2hhbGxlbmdl"), ("cid", "0f3c5a7e9b1d2f4a"), ("code", "123456"),
    ("current", "correct horse battery"), ("detail", "Ask them to be your friend first."),
    ("device", "Firefox on Linux"), ("device_token", "ZGV2aWNl"), ("display_name", "Ada Lovelace"),
    ("emoji", "👍"), ("epoch", "b2f1c07d9e3a4415"), ("handle", "ada"), ("handle_or_email", "ada@example.org"),
    ("id", "Y3JlZGVudGlhbA"), ("last_error", "the SMTP server refused with 550"), ("message", "0f3c5a7e9b1d2f4a"), ("invite", "mXk3vQ8yTz2bL0aWc1dEfg"),
    ("name", "tea"), ("new", "a longer horse battery"), ("operation", "GET /api/v1/admin/users"),
    ("password", "correct horse battery"), ("provider", "Example Login"), ("refresh_token", "4611686018427387904.cmVmcmVzaA"),
    ("request_id", "4f1c9a7be02d6638"), ("room", "tea"), ("secret", "plt_4611686018427387904_c2VjcmV0"),
    ("state", "c3RhdGU"), ("title", "You can only message friends."), ("to", "@ada"), ("token", "dG9rZW4"),
    ("topic", "All about tea"), ("type", "/api/docs/problems#not_friends"), ("version", "0.1.0"),
    ("search", "tea"), ("prefix", "ad"), ("ids", "4611686018427387904"), ("authors", "true"),
];
/// Fields that examples omit, because they occur in rare states only.
const RARE: [&str; 9] = [
    "deleted_at",
    "pending",
    "pending_since",
    "suspended_at",
    "next",
    "violations",
    "retry_after_ms",
    "challenge",
    "methods",
];

/// Adds an example to every body and parameter of a document's operations.
pub fn complete(document: &mut Value) {
    let schemas =
        document.pointer("/components/schemas").and_then(Value::as_object).cloned().unwrap_or_default();
    for (_, _, operation) in operations_of(document) {
        for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
            let name = parameter.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
            give(parameter, &schemas, &name);
        }
        let responses = operation.get_mut("responses").and_then(Value::as_object_mut);
        let answers = responses.into_iter().flat_map(Map::values_mut).collect::<Vec<_>>();
        for holder in answers {
            in_content(holder, &schemas);
        }
        if let Some(body) = operation.get_mut("requestBody") {
            in_content(body, &schemas);
        }
    }
}

fn in_content(holder: &mut Value, schemas: &Schemas) {
    let content = holder.get_mut("content").and_then(Value::as_object_mut);
    for (kind, media) in content.into_iter().flatten() {
        if kind.contains("ndjson") {
            give_lines(media, schemas);
        } else if kind.contains("json") {
            give(media, schemas, "");
        }
    }
}

/// Adds an example with a line of each kind.
fn give_lines(media: &mut Value, schemas: &Schemas) {
    let line = media.pointer("/schema/contentSchema/$ref").and_then(Value::as_str);
    let line = line.and_then(|at| schemas.get(at.rsplit('/').next()?));
    let kinds = line.and_then(|line| line.get("oneOf")?.as_array());
    let lines = kinds.into_iter().flatten().map(|kind| format!("{}\n", of_schema(kind, schemas)));
    media["example"] = json!(lines.collect::<String>());
}

fn give(holder: &mut Value, schemas: &Schemas, name: &str) {
    let has = holder.get("example").is_some() || holder.get("examples").is_some();
    if let Some(schema) = holder.get("schema").filter(|_| !has) {
        holder["example"] = of(schema, schemas, "", name, DEEPEST);
    }
}

/// An example of a schema on its own.
pub fn of_schema(schema: &Value, schemas: &Schemas) -> Value {
    of(schema, schemas, "", "", DEEPEST)
}

/// An example of a schema, for a field of an object; `deep` limits the nesting.
fn of(schema: &Value, schemas: &Schemas, object: &str, field: &str, deep: usize) -> Value {
    if let Some(name) = schema.get("$ref").and_then(Value::as_str).and_then(|text| text.rsplit('/').next()) {
        let target = schemas.get(name).unwrap_or(&Value::Null);
        return of(
            target,
            schemas,
            if target.get("properties").is_some() { name } else { object },
            field,
            deep,
        );
    }
    if let Some(given) = schema.pointer("/examples/0").or_else(|| schema.get("example")) {
        return given.clone();
    }
    for fixed in ["const", "default"] {
        if let Some(value) = schema.get(fixed) {
            return value.clone();
        }
    }
    if let Some(value) = schema.pointer("/enum/0").or_else(|| schema.pointer("/anyOf/0/enum/0")) {
        return value.clone();
    }
    for choice in ["oneOf", "anyOf", "allOf"] {
        if let Some(first) = schema.get(choice).and_then(|all| all.get(0)) {
            return of(first, schemas, object, field, deep);
        }
    }
    let kind =
        schema.get("type").map(|kind| kind.as_str().or_else(|| kind.get(0)?.as_str()).unwrap_or_default());
    match kind.unwrap_or_default() {
        "object" => object_of(schema, schemas, object, deep),
        "array" if deep == 0 => json!([]),
        "array" => match schema.get("items") {
            Some(items) => json!([of(items, schemas, object, field, deep - 1)]),
            None => json!([]),
        },
        "integer" | "number" => {
            let bound = |name: &str| schema.get(name).and_then(Value::as_i64);
            let usual = if field == "limit" { 50 } else { 3 };
            json!(usual.max(bound("minimum").unwrap_or(0)).min(bound("maximum").unwrap_or(i64::MAX)))
        }
        "boolean" => json!(matches!(
            field,
            "online"
                | "read"
                | "has_password"
                | "writable"
                | "database"
                | "broker"
                | "passkeys"
                | "registration_open"
        )),
        _ => {
            let known =
                |key: &str| FIELDS.iter().find(|(name, _)| *name == key).map(|(_, value)| json!(value));
            known(&format!("{object}.{field}")).or_else(|| known(field)).unwrap_or_else(|| json!("text"))
        }
    }
}

fn object_of(schema: &Value, schemas: &Schemas, object: &str, deep: usize) -> Value {
    let required = |name: &str| {
        schema.get("required").and_then(Value::as_array).is_some_and(|all| all.iter().any(|one| one == name))
    };
    let fields = schema.get("properties").and_then(Value::as_object);
    let given = fields.into_iter().flatten().filter(|(name, schema)| {
        let cut = deep == 0 && schema.get("$ref").is_some();
        required(name) || !(RARE.contains(&name.as_str()) || cut)
    });
    let example = |(name, schema): (&String, &Value)| {
        (name.clone(), of(schema, schemas, object, name, deep.saturating_sub(1)))
    };
    Value::Object(given.map(example).collect())
}
