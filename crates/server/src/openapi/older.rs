//! Conversion of OpenAPI 3.1 to 3.0.3.
//!
//! Invariant: operations and types stay the same, expressed in the older version's terms.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::operations_of;
use super::schemas::walk;

/// Converts a 3.1 document to 3.0.3.
pub fn of(mut document: Value) -> Value {
    document["openapi"] = json!("3.0.3");
    if let Some(info) = document.get_mut("info").and_then(Value::as_object_mut) {
        info.remove("summary");
        info.insert("license".to_owned(), json!({ "name": "MIT", "url": "https://spdx.org/licenses/MIT" }));
    }
    for (_, _, operation) in operations_of(&mut document) {
        one_type(operation);
        let Some(responses) = operation.get_mut("responses") else { continue };
        // In 3.0.3, nothing may stand next to a reference.
        for response in responses.as_object_mut().into_iter().flat_map(Map::values_mut) {
            if let Some(reference) = response.get("$ref").cloned() {
                *response = json!({ "$ref": reference });
            }
        }
    }
    walk(&mut document, &schema);
    drop_unused(&mut document);
    document
}

/// Removes schemas that nothing refers to any more.
fn drop_unused(document: &mut Value) {
    loop {
        let used = RefCell::new(BTreeSet::new());
        walk(document, &|map| {
            if let Some(name) = map.get("$ref").and_then(Value::as_str).and_then(|at| at.rsplit('/').next()) {
                used.borrow_mut().insert(name.to_owned());
            }
        });
        let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) else {
            return;
        };
        let before = schemas.len();
        schemas.retain(|name, _| used.borrow().contains(name));
        if schemas.len() == before {
            return;
        }
    }
}

/// A media type that every upload may have.
const BYTES: &str = "application/octet-stream";

/// Generators for 3.0 support one type per body and one per response. Nothing becomes wrong: an upload may be sent as
/// plain bytes, and a response whose type depends on the status becomes one of several types.
fn one_type(operation: &mut Value) {
    let body = operation.pointer_mut("/requestBody/content").and_then(Value::as_object_mut);
    if let Some(content) = body.filter(|content| content.contains_key(BYTES)) {
        content.retain(|name, _| name == BYTES);
    }
    let responses = operation.get_mut("responses").and_then(Value::as_object_mut);
    let mut answers: Vec<&mut Value> = responses
        .into_iter()
        .flatten()
        .filter(|(status, _)| status.starts_with('2'))
        .filter_map(|(_, response)| response.pointer_mut("/content/application~1json/schema"))
        .collect();
    let mut types: Vec<Value> = answers.iter().map(|schema| (**schema).clone()).collect();
    types.dedup();
    if types.len() > 1 {
        answers.iter_mut().for_each(|schema| **schema = json!({ "oneOf": types }));
    }
}

fn schema(map: &mut Map<String, Value>) {
    if let Some(Value::Array(examples)) = map.get("examples")
        && let Some(first) = examples.first().cloned()
    {
        map.remove("examples");
        map.insert("example".to_owned(), first);
    }
    // From an open enum (known values beside any string), tools generate a closed one, or unreadable types.
    if let Some(Value::Array(parts)) = map.get("anyOf")
        && let [known, any] = parts.as_slice()
        && *any == json!({ "type": "string" })
        && let Some(values) = known.get("enum").cloned()
    {
        map.remove("anyOf");
        map.insert("type".to_owned(), json!("string"));
        map.insert("x-extensible-enum".to_owned(), values);
    }
    map.remove("contentSchema");
    if let Some(constant) = map.remove("const") {
        map.insert("enum".to_owned(), json!([constant]));
    }
    // A description next to a reference would be ignored.
    if map.contains_key("$ref")
        && map.len() > 1
        && let Some(reference) = map.remove("$ref")
    {
        map.insert("allOf".to_owned(), json!([{ "$ref": reference }]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_version_has_words_of_its_own() {
        let old = of(json!({
            "openapi": "3.1.0",
            "paths": { "/x": { "get": { "responses": {
                "4XX": { "$ref": "#/r", "description": "no" },
                "200": { "content": { "a": { "schema": { "$ref": "#/A" } }, "b": { "schema": {
                    "format": "binary", "contentSchema": { "$ref": "#/Line" },
                } } } },
            } } } },
            "components": { "schemas": { "Line": {}, "A": { "properties": {
                "b": { "$ref": "#/b", "description": "B." },
                "c": { "type": "string", "examples": ["c", "d"] },
                "d": { "anyOf": [{ "type": "string", "enum": ["e"] }, { "type": "string" }] },
            } } } },
        }));
        assert_eq!(old["openapi"], "3.0.3");
        assert_eq!(old["paths"]["/x"]["get"]["responses"]["4XX"], json!({ "$ref": "#/r" }));
        let lines = &old["paths"]["/x"]["get"]["responses"]["200"]["content"]["b"]["schema"];
        assert_eq!(*lines, json!({ "format": "binary" }));
        assert!(old["components"]["schemas"].get("Line").is_none(), "nothing refers to it");
        let fields = &old["components"]["schemas"]["A"]["properties"];
        assert_eq!(fields["b"], json!({ "description": "B.", "allOf": [{ "$ref": "#/b" }] }));
        assert_eq!(fields["c"], json!({ "type": "string", "example": "c" }));
        assert_eq!(fields["d"], json!({ "type": "string", "x-extensible-enum": ["e"] }));
    }

    #[test]
    fn a_body_has_one_type_and_an_answer_too() {
        let answer =
            |name: &str| json!({ "content": { "application/json": { "schema": { "$ref": name } } } });
        let mut operation = json!({
            "requestBody": { "content": { "application/octet-stream": {}, "image/png": {} } },
            "responses": { "201": answer("#/a"), "202": answer("#/b"), "204": {}, "4XX": answer("#/p") },
        });
        one_type(&mut operation);
        assert_eq!(operation["requestBody"]["content"], json!({ BYTES: {} }));
        let both = json!({ "oneOf": [{ "$ref": "#/a" }, { "$ref": "#/b" }] });
        for status in ["201", "202"] {
            assert_eq!(operation["responses"][status]["content"]["application/json"]["schema"], both);
        }
        assert_eq!(operation["responses"]["4XX"], answer("#/p"));

        let mut same = json!({ "responses": { "200": answer("#/a"), "201": answer("#/a") } });
        let before = same.clone();
        one_type(&mut same);
        assert_eq!(same, before);
    }
}
