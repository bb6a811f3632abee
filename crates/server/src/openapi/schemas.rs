//! Transforms the schemas that `utoipa` derives into schemas that client generators understand: unions of named, flat
//! objects with a discriminator, open enums, and no `null` for fields that are merely optional.
//!
//! Invariant: what crosses the wire stays the same, and every value that was valid remains valid.
//!
//! Some JSON Schema keywords are left out on purpose. From `format: email` and `password`, generators make types that
//! reject addresses which the server accepts, or that hide the text to be sent. Nothing is `readOnly` or `writeOnly`:
//! no object is both sent and received.

use parlour_protocol::problems::ErrorCode;
use serde_json::{Map, Value, json};

/// Schemas by name.
pub type Schemas = Map<String, Value>;

/// Enums that get further values within `v1`. A client must tolerate unknown values, so the description allows any
/// string in addition to today's.
const OPEN_ENUMS: [&str; 13] = [
    "AuditKind",
    "ConversationKind",
    "ErrorCode",
    "FactorMethod",
    "Feature",
    "JobKind",
    "MemberRole",
    "NotificationKind",
    "Permission",
    "Registration",
    "Relation",
    "ReplayState",
    "ServerRole",
];
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

/// Adds the meanings of enum values, and which one is the default.
fn values(schemas: &mut Schemas) {
    let codes: String =
        ErrorCode::ALL.iter().map(|code| format!("\n- `{code}`: {}", code.meaning())).collect();
    // A default is given in the text: a Python generator gives one in the schema the wrong type.
    let texts = [
        ("ErrorCode", codes.as_str()),
        (
            "Permission",
            "\n- `read`: read its messages and events, and see its members.\n- `write`: send messages and edit one's own.\n- `react`: add and remove one's own reactions.\n- `delete_others`: delete messages of others; everyone may delete their own.\n- `edit_room`: change the room's name and topic.\n- `delete_room`: delete the room.",
        ),
        (
            "RefreshTransport",
            "\n- `body`, the default: in the body of the answer, for every client but pages of the server itself.\n- `cookie`: in a cookie that no script can read, for pages of the server itself.",
        ),
        (
            "ReplayState",
            "\n- `replay`: what was missed comes now, in order.\n- `gap`: too much was missed; page through it.\n- `reset`: the cursor is of another history, or beyond the head; start over.\n- `gone`: one is not in it any more.",
        ),
    ];
    for (name, text) in texts {
        let Some(schema) = schemas.get_mut(name) else { continue };
        let said = schema.get("description").and_then(Value::as_str).unwrap_or_default();
        schema["description"] = json!(format!("{said}\n{text}"));
    }
    if let Some(status) =
        schemas.get_mut("Health").and_then(|health| health.pointer_mut("/properties/status"))
    {
        status["enum"] = json!(["ready", "degraded", "unavailable"]);
    }
}

fn open_enums(schemas: &mut Schemas) {
    for name in OPEN_ENUMS {
        let Some(Value::Object(schema)) = schemas.get_mut(name) else { continue };
        let Some(Value::Array(mut values)) = schema.remove("enum") else { continue };
        values.retain(|value| !NOT_ON_THE_WIRE.iter().any(|not| value == not));
        schema.remove("type");
        schema
            .insert("anyOf".to_owned(), json!([{ "type": "string", "enum": values }, { "type": "string" }]));
        let said = schema.get("description").and_then(Value::as_str).unwrap_or_default();
        let said =
            format!("{said} Further values may be added: treat one that you don't know like none of these.");
        schema.insert("description".to_owned(), Value::String(said.trim().to_owned()));
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

/// All flat objects that a schema stands for: follows references, expands unions, merges parts.
fn flat(schemas: &Schemas, place: Place, schema: &Value) -> Vec<Map<String, Value>> {
    if let Some(target) = place.named(schema).and_then(|name| schemas.get(name)) {
        return flat(schemas, place, target);
    }
    if let Some(parts) = schema.get("oneOf").and_then(Value::as_array) {
        return parts.iter().flat_map(|part| flat(schemas, place, part)).collect();
    }
    if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
        let parts = parts.iter().map(|part| flat(schemas, place, part));
        let mut all = parts.fold(vec![Map::new()], |so_far, part| {
            so_far.iter().flat_map(|left| part.iter().map(|right| merge(left, right))).collect()
        });
        // A description of the whole is better than that of a part, unless it covers several variants.
        if let ([only], Some(said)) = (all.as_mut_slice(), schema.get("description")) {
            only.insert("description".to_owned(), said.clone());
        }
        return all;
    }
    schema.as_object().cloned().into_iter().collect()
}

fn merge(left: &Map<String, Value>, right: &Map<String, Value>) -> Map<String, Value> {
    let mut all = left.clone();
    for (key, value) in right {
        match (all.get_mut(key), value) {
            (Some(Value::Object(known)), Value::Object(more)) => known.extend(more.clone()),
            (Some(Value::Array(known)), Value::Array(more)) => {
                let fresh: Vec<Value> = more.iter().filter(|one| !known.contains(one)).cloned().collect();
                known.extend(fresh);
            }
            // Of two descriptions, keep the first, which belongs to the variant.
            (Some(_), _) => {}
            (None, _) => drop(all.insert(key.clone(), value.clone())),
        }
    }
    all
}

/// The only value that a field has in a variant.
fn tag<'a>(variant: &'a Map<String, Value>, field: &str) -> Option<&'a str> {
    variant.get("properties")?.get(field)?.get("enum")?.get(0)?.as_str()
}

/// Converts `message.created` to the type name `MessageCreated`.
fn pascal(text: &str) -> String {
    let words = text.split(['.', '_', '-']);
    words
        .map(|word| {
            let mut letters = word.chars();
            letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
        })
        .collect()
}

/// Turns a schema into a union of named, flat objects, distinguished by `field`. The objects that variants carry in
/// `data` are named too.
pub fn name_union(schemas: &mut Schemas, place: Place, name: &str, field: &str, suffix: &str) {
    let Some(union) = schemas.get(name).cloned() else { return };
    let variants = flat(schemas, place, &union);
    let mapping = name_variants(schemas, place, variants, field, suffix);
    let description = union.get("description").cloned().unwrap_or_default();
    schemas.insert(name.to_owned(), union_of(place, mapping, field, description));
}

fn union_of(place: Place, mapping: Vec<(String, String)>, field: &str, description: Value) -> Value {
    let references: Vec<Value> = mapping.iter().map(|(_, name)| place.reference(name)).collect();
    let mapping: Map<String, Value> =
        mapping.into_iter().map(|(tag, name)| (tag, json!(format!("{}{name}", place.0)))).collect();
    json!({
        "description": description,
        "oneOf": references,
        "discriminator": { "propertyName": field, "mapping": mapping },
    })
}

fn name_variants(
    schemas: &mut Schemas,
    place: Place,
    variants: Vec<Map<String, Value>>,
    field: &str,
    suffix: &str,
) -> Vec<(String, String)> {
    let mut mapping = Vec::new();
    for mut variant in variants {
        let Some(tag) = tag(&variant, field).map(str::to_owned) else { continue };
        if NOT_ON_THE_WIRE.contains(&tag.as_str()) {
            continue;
        }
        let of = pascal(&tag);
        if let Some(data) = variant.get_mut("properties").and_then(|fields| fields.get_mut("data"))
            && data.get("type").is_some_and(|kind| kind == "object")
        {
            schemas.insert(of.clone(), data.take());
            *data = place.reference(&of);
        }
        let called = format!("{of}{suffix}");
        schemas.insert(called.clone(), Value::Object(variant));
        mapping.push((tag, called));
    }
    mapping
}

/// Names the frames of the socket: commands are distinguished by `op`, server frames by `type`. Server frames of one
/// type with different values of `kind` become a union of their own.
pub fn name_frames(schemas: &mut Schemas, place: Place) {
    name_union(schemas, place, "ClientFrame", "op", "Command");
    let Some(frames) = schemas.get("ServerFrame").cloned() else { return };
    let mut mapping = Vec::new();
    for branch in frames.get("oneOf").and_then(Value::as_array).into_iter().flatten() {
        let variants = flat(schemas, place, branch);
        let Some(kind) = variants.first().and_then(|variant| tag(variant, "type")).map(str::to_owned) else {
            continue;
        };
        if NOT_ON_THE_WIRE.contains(&kind.as_str()) {
            continue;
        }
        let called = format!("{}Frame", pascal(&kind));
        if let [only] = variants.as_slice() {
            schemas.insert(called.clone(), Value::Object(only.clone()));
        } else {
            let description = branch.get("description").cloned().unwrap_or_default();
            let kinds = name_variants(schemas, place, variants, "kind", &called);
            schemas.insert(called.clone(), union_of(place, kinds, "kind", description));
        }
        mapping.push((kind, called));
    }
    let description = frames.get("description").cloned().unwrap_or_default();
    schemas.insert("ServerFrame".to_owned(), union_of(place, mapping, "type", description));
    // Schemas that only served to define the variants.
    for part in ["Start", "Hello", "Ephemeral"] {
        schemas.remove(part);
    }
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
