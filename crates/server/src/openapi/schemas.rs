//! Transforms the schemas that `utoipa` derives into schemas that client generators understand: unions of named, flat
//! objects with a discriminator, open enums, and no `null` for fields that are merely optional.
//!
//! Invariant: what crosses the wire stays the same, and every value that was valid remains valid.
//!
//! Some JSON Schema keywords are left out on purpose. From `format: email` and `password`, generators make types that
//! reject addresses which the server accepts, or that hide the text to be sent. Nothing is `readOnly` or `writeOnly`:
//! no object is both sent and received.

mod enums;
mod unions;

use serde_json::{Map, Value, json};

use self::enums::{open_enums, values};
pub use self::unions::{name_frames, name_union};

/// Schemas by name.
pub type Schemas = Map<String, Value>;

/// Names of the variants that stand for unknown values in our types. A server never sends them.
const NOT_ON_THE_WIRE: [&str; 2] = ["unknown", "Unknown"];
/// Counts that never need 64 bits, which some languages represent only as objects.
const COUNTS: [&str; 6] = ["expires_in", "member_count", "online_count", "unread", "unread_count", "uses"];
/// The largest integer that JavaScript represents exactly (2^53 - 1).
const LARGEST: i64 = 9_007_199_254_740_991;

/// Prefix of references to a document's schemas.
#[derive(Debug, Clone, Copy)]
pub struct Place(pub &'static str);

impl Place {
    fn reference(self, name: &str) -> Value {
        json!({ "$ref": format!("{}{name}", self.0) })
    }

    fn named(self, value: &Value) -> Option<&str> {
        value.get("$ref")?.as_str()?.strip_prefix(self.0)
    }
}

/// Applies the transformations that OpenAPI and the socket's schema have in common.
pub fn tidy(schemas: &mut Schemas, place: Place) {
    schemas.values_mut().for_each(|schema| walk(schema, &|value| without_null(value)));
    schemas.values_mut().for_each(|schema| walk(schema, &|value| plain_text(value)));
    open_enums(schemas);
    values(schemas);
    name_positions(schemas, place);
    name_union(schemas, place, "Event", "kind", "Event");
    name_union(schemas, place, "UserEvent", "kind", "UserEvent");
    for part in ["Change", "UserChange"] {
        schemas.remove(part);
    }
}

/// Visits every object of a schema, innermost first.
pub fn walk(value: &mut Value, visit: &impl Fn(&mut Map<String, Value>)) {
    match value {
        Value::Object(map) => {
            map.values_mut().for_each(|value| walk(value, visit));
            visit(map);
        }
        Value::Array(list) => list.iter_mut().for_each(|value| walk(value, visit)),
        _ => {}
    }
}

/// Describes an optional field as not required rather than nullable: the server never sends `null` for it.
fn without_null(map: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = map.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            map.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(parts)) = map.get_mut("oneOf") {
        parts.retain(|part| part.get("type").is_none_or(|name| name != "null"));
        if let [Value::Object(only)] = parts.as_slice() {
            let only = only.clone();
            map.remove("oneOf");
            map.extend(only);
        }
    }
}

/// Cleans up texts that come from doc comments, where names are links, and renames `example` to `examples`, as 3.1
/// has it.
fn plain_text(map: &mut Map<String, Value>) {
    if let Some(Value::String(text)) = map.get_mut("description") {
        *text = text.replace("[`", "`").replace("`]", "`").replace("crate::", "");
    }
    if map.contains_key("type")
        && let Some(example) = map.remove("example")
    {
        map.insert("examples".to_owned(), json!([example]));
    }
    let counts = map.get_mut("properties").and_then(Value::as_object_mut);
    for (name, field) in counts.into_iter().flatten() {
        if COUNTS.contains(&name.as_str()) && field.get("format").is_some_and(|format| format == "int64") {
            field["format"] = json!("int32");
        }
    }
}

/// Names the type of positions: it is an alias in Rust, so `utoipa` only sees the integer.
fn name_positions(schemas: &mut Schemas, place: Place) {
    if schemas.remove("i64").is_none() {
        return;
    }
    schemas.insert(
        "Seq".to_owned(),
        json!({
            "type": "integer",
            "format": "int64",
            "minimum": 0,
            "maximum": LARGEST,
            "description": "Position in a log: 1, 2, 3 … without holes; 0 is before the first. Always below 2^53.",
            "examples": [42],
        }),
    );
    schemas.values_mut().for_each(|schema| name_positions_in(schema, place));
}

/// Replaces references to the unnamed integer by references to `Seq`.
pub fn name_positions_in(value: &mut Value, place: Place) {
    let (old, new) = (format!("{}i64", place.0), format!("{}Seq", place.0));
    walk(value, &|map| {
        if let Some(Value::String(reference)) = map.get_mut("$ref")
            && *reference == old
        {
            new.clone_into(reference);
        }
    });
}

/// Makes pages refer to their items by name, and renames `Page_X` to `XPage`. Returns old and new references.
pub fn name_pages(schemas: &mut Schemas, place: Place) -> Vec<(String, String)> {
    let pages: Vec<String> = schemas.keys().filter(|name| name.starts_with("Page_")).cloned().collect();
    let mut renamed = Vec::new();
    for old in pages {
        let Some((item, mut page)) = old.strip_prefix("Page_").zip(schemas.remove(&old)) else { continue };
        page["properties"]["items"]["items"] = place.reference(item);
        let called = format!("{item}Page");
        schemas.insert(called.clone(), page);
        renamed.push((format!("{}{old}", place.0), format!("{}{called}", place.0)));
    }
    renamed
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place("#/s/");

    fn schemas(value: Value) -> Schemas {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn unions_become_named_and_flat() {
        let mut all = schemas(json!({
            "Change": { "oneOf": [
                { "type": "object", "description": "Written.", "required": ["kind", "data"], "properties": {
                    "kind": { "type": "string", "enum": ["message.created"] },
                    "data": { "type": "object", "properties": { "body": { "type": ["string", "null"] } } } } },
                { "type": "object", "properties": { "kind": { "type": "string", "enum": ["Unknown"] } } },
            ] },
            "Event": { "description": "News.", "allOf": [
                { "$ref": "#/s/Change" },
                { "type": "object", "required": ["seq"], "properties": { "seq": { "$ref": "#/s/i64" } } },
            ] },
            "i64": { "type": "integer", "format": "int64" },
        }));
        tidy(&mut all, PLACE);
        assert_eq!(all["Event"]["oneOf"], json!([{ "$ref": "#/s/MessageCreatedEvent" }]));
        assert_eq!(all["Event"]["discriminator"]["mapping"]["message.created"], "#/s/MessageCreatedEvent");
        let event = &all["MessageCreatedEvent"];
        assert_eq!(event["description"], "Written.");
        assert_eq!(event["required"], json!(["kind", "data", "seq"]));
        assert_eq!(event["properties"]["seq"], json!({ "$ref": "#/s/Seq" }));
        assert_eq!(event["properties"]["data"], json!({ "$ref": "#/s/MessageCreated" }));
        assert_eq!(all["MessageCreated"]["properties"]["body"], json!({ "type": "string" }));
        assert!(!all.contains_key("Change") && !all.contains_key("i64"));
    }

    #[test]
    fn an_enum_that_grows_takes_any_text() {
        let mut all = schemas(json!({ "Relation": { "type": "string", "enum": ["friend", "unknown"] } }));
        tidy(&mut all, PLACE);
        assert_eq!(
            all["Relation"]["anyOf"],
            json!([{ "type": "string", "enum": ["friend"] }, { "type": "string" }])
        );
    }

    #[test]
    fn frames_of_several_kinds_are_a_union_in_a_union() {
        let frame = |of: &str| json!({ "type": "object", "properties": { "type": { "enum": [of] } } });
        let kind = |of: &str| json!({ "type": "object", "properties": { "kind": { "enum": [of] } } });
        let mut all = schemas(json!({
            "ClientFrame": { "oneOf": [] },
            "Ephemeral": { "oneOf": [kind("typing"), kind("presence"), kind("unknown")] },
            "ServerFrame": { "oneOf": [
                frame("hello"),
                { "allOf": [{ "$ref": "#/s/Ephemeral" }, frame("ephemeral")] },
                frame("unknown"),
            ] },
        }));
        name_frames(&mut all, PLACE);
        assert_eq!(
            all["ServerFrame"]["oneOf"],
            json!([{ "$ref": "#/s/HelloFrame" }, { "$ref": "#/s/EphemeralFrame" }])
        );
        let kinds = all["EphemeralFrame"]["oneOf"].as_array().unwrap();
        assert_eq!(kinds[0], json!({ "$ref": "#/s/TypingEphemeralFrame" }));
        assert_eq!(kinds.len(), 2);
        assert!(all["TypingEphemeralFrame"]["properties"]["type"].is_object());
    }
}
