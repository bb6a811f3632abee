//! The documentation chapter on socket frames.
//!
//! Invariant: it is generated from the schemas of the frames.

use std::fmt::Write;

use serde_json::{Map, Value};

use crate::openapi::{self, example};

/// The chapter as Markdown: the frames that clients send and those that the server sends, each with its fields and an
/// example.
pub fn chapter() -> String {
    let schema = openapi::socket_schema();
    let Some(all) = schema.get("$defs").and_then(Value::as_object) else { return String::new() };
    let mut text = String::from(
        "## Frames of the socket\n\nThe whole description is in [asyncapi.json](/api/asyncapi.json), and as JSON Schema in \
         [socket.schema.json](/api/socket.schema.json).\n\n",
    );
    for (union, title) in [("ClientFrame", "What clients send"), ("ServerFrame", "What the server sends")] {
        let _ = writeln!(text, "**{title}**\n");
        for (name, frame) in variants(all, all.get(union).unwrap_or(&Value::Null)) {
            let _ = writeln!(text, "### {name}\n\n{}\n\n{}", said(frame), fields(frame));
            let kinds = variants(all, frame);
            for (kind, variant) in &kinds {
                let _ = writeln!(text, "- `{kind}`: {}", said(variant));
            }
            let shown = kinds.first().map_or(frame, |(_, first)| first);
            let _ = writeln!(text, "\n```json\n{}\n```\n", example(shown, all));
        }
    }
    text
}

/// The variants of a union by tag; empty for anything else.
fn variants<'a>(all: &'a Map<String, Value>, union: &'a Value) -> Vec<(&'a str, &'a Value)> {
    let mapping = union.pointer("/discriminator/mapping").and_then(Value::as_object);
    let parts = union.get("oneOf").and_then(Value::as_array).into_iter().flatten();
    let references = parts.filter_map(|part| part.get("$ref")?.as_str());
    let named = references.filter_map(|reference| {
        let name = mapping?.iter().find(|(_, target)| *target == reference)?.0;
        Some((name.as_str(), all.get(reference.rsplit('/').next()?)?))
    });
    named.collect()
}

fn said(schema: &Value) -> String {
    schema.get("description").and_then(Value::as_str).unwrap_or_default().replace('\n', " ")
}

fn fields(frame: &Value) -> String {
    let required = |name: &str| {
        frame.get("required").and_then(Value::as_array).is_some_and(|all| all.iter().any(|one| one == name))
    };
    let mut text = String::new();
    for (name, schema) in frame.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let said = said(schema);
        if said.is_empty() {
            continue;
        }
        let optional = if required(name) { "" } else { " (optional)" };
        let _ = writeln!(text, "- `{name}`{optional}: {said}");
    }
    text
}
