//! Code samples for each operation, in the languages that most API users write: curl, TypeScript, Python.
//!
//! Invariant: they are generated from the operation's own examples, so they are right whenever those are.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use crate::openapi::operations_of;

/// Adds `x-codeSamples` to every operation.
pub fn add(document: &mut Value) {
    for (path, method, operation) in operations_of(document) {
        let call = Call::of(&method.to_uppercase(), path, operation);
        operation["x-codeSamples"] = json!([
            { "lang": "Shell", "label": "curl", "source": call.curl() },
            { "lang": "TypeScript", "label": "TypeScript", "source": call.typescript() },
            { "lang": "Python", "label": "Python", "source": call.python() },
        ]);
    }
}

enum Body {
    Nothing,
    Json(Value),
    File,
}

enum Answer {
    Nothing,
    Json,
    Text,
    File,
}

/// One request, as a sample shows it.
struct Call {
    method: String,
    path: String,
    token: bool,
    key: bool,
    body: Body,
    answer: Answer,
}

impl Call {
    fn of(method: &str, path: &str, operation: &Value) -> Self {
        let parameters = operation.get("parameters").and_then(Value::as_array).cloned().unwrap_or_default();
        let (mut path, mut key) = (path.to_owned(), false);
        for parameter in &parameters {
            let name = parameter.get("name").and_then(Value::as_str).unwrap_or_default();
            let example = match parameter.get("example") {
                Some(Value::String(text)) => text.clone(),
                Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
                Some(other) => other.to_string(),
                None => String::new(),
            };
            match parameter.get("in").and_then(Value::as_str) {
                Some("path") => path = path.replace(&format!("{{{name}}}"), &example),
                Some("header") => key = true,
                Some("query") if parameter.get("required") == Some(&json!(true)) || name == "limit" => {
                    let mark = if path.contains('?') { '&' } else { '?' };
                    let _ = write!(path, "{mark}{name}={example}");
                }
                _ => {}
            }
        }
        let content = operation.pointer("/requestBody/content").and_then(Value::as_object);
        let body = match content
            .map(|content| content.get("application/json").and_then(|json| json.get("example")))
        {
            None => Body::Nothing,
            Some(Some(example)) => Body::Json(example.clone()),
            Some(None) => Body::File,
        };
        Self {
            method: method.to_owned(),
            path,
            token: operation.get("security").is_some_and(|all| all.pointer("/0/bearer").is_some()),
            key,
            body,
            answer: Self::answer(operation),
        }
    }

    fn answer(operation: &Value) -> Answer {
        let responses = operation.get("responses").and_then(Value::as_object);
        let success = responses.into_iter().flatten().find(|(status, _)| status.starts_with('2'));
        let content = success.and_then(|(_, response)| response.get("content")).and_then(Value::as_object);
        match content.and_then(|content| content.keys().next()).map(String::as_str) {
            None => Answer::Nothing,
            Some("application/json") => Answer::Json,
            Some(kind) if kind.starts_with("text/") || kind.ends_with("ndjson") => Answer::Text,
            Some(_) => Answer::File,
        }
    }

    fn curl(&self) -> String {
        let mut text = String::from("curl ");
        if self.method != "GET" {
            let _ = write!(text, "-X {} ", self.method);
        }
        let _ = write!(text, "\"$SERVER{}\"", self.path);
        if self.token {
            text.push_str(" \\\n  -H \"Authorization: Bearer $TOKEN\"");
        }
        if self.key {
            text.push_str(" \\\n  -H \"Idempotency-Key: $(uuidgen)\"");
        }
        match &self.body {
            Body::Nothing => {}
            Body::Json(example) => {
                let body = example.to_string().replace('\'', "'\\''");
                let _ = write!(text, " \\\n  -H 'Content-Type: application/json' \\\n  -d '{body}'");
            }
            Body::File => {
                text.push_str(" \\\n  -H 'Content-Type: image/png' \\\n  --data-binary @picture.png")
            }
        }
        if matches!(self.answer, Answer::File) {
            text.push_str(" \\\n  -o picture.png");
        }
        text
    }

    fn typescript(&self) -> String {
        let mut options = String::new();
        if self.method != "GET" {
            let _ = writeln!(options, "  method: \"{}\",", self.method);
        }
        let mut headers = String::new();
        if self.token {
            headers.push_str("    Authorization: `Bearer ${token}`,\n");
        }
        if self.key {
            headers.push_str("    \"Idempotency-Key\": crypto.randomUUID(),\n");
        }
        match &self.body {
            Body::Nothing => {}
            Body::Json(_) => headers.push_str("    \"Content-Type\": \"application/json\",\n"),
            Body::File => headers.push_str("    \"Content-Type\": picture.type,\n"),
        }
        if !headers.is_empty() {
            let _ = writeln!(options, "  headers: {{\n{headers}  }},");
        }
        match &self.body {
            Body::Nothing => {}
            Body::Json(example) => {
                let _ = writeln!(options, "  body: JSON.stringify({}),", indented(&pretty(example), "  "));
            }
            Body::File => options.push_str("  body: picture, // a File or Blob\n"),
        }
        let mut text = if options.is_empty() {
            format!("const response = await fetch(`${{server}}{}`);\n", self.path)
        } else {
            format!("const response = await fetch(`${{server}}{}`, {{\n{options}}});\n", self.path)
        };
        text.push_str("if (!response.ok) throw new Error((await response.json()).code);");
        text.push_str(match self.answer {
            Answer::Nothing => "",
            Answer::Json => "\nconst answer = await response.json();",
            Answer::Text => "\nconst text = await response.text();",
            Answer::File => "\nconst blob = await response.blob();",
        });
        text
    }

    fn python(&self) -> String {
        let mut text = String::from("import requests\n");
        if self.key {
            text.push_str("import uuid\n");
        }
        let method = self.method.to_lowercase();
        let _ = write!(text, "\nresponse = requests.{method}(\n    f\"{{server}}{}\",\n", self.path);
        let mut headers = Vec::new();
        if self.token {
            headers.push("\"Authorization\": f\"Bearer {token}\"");
        }
        if self.key {
            headers.push("\"Idempotency-Key\": str(uuid.uuid4())");
        }
        if matches!(self.body, Body::File) {
            headers.push("\"Content-Type\": \"image/png\"");
        }
        if !headers.is_empty() {
            let _ = writeln!(text, "    headers={{{}}},", headers.join(", "));
        }
        match &self.body {
            Body::Nothing => {}
            Body::Json(example) => {
                let _ = writeln!(text, "    json={},", indented(&python_literal(example), "    "));
            }
            Body::File => text.push_str("    data=open(\"picture.png\", \"rb\"),\n"),
        }
        text.push_str(
            "    timeout=10,\n)\nif not response.ok:\n    raise RuntimeError(response.json()[\"code\"])",
        );
        text.push_str(match self.answer {
            Answer::Nothing => "",
            Answer::Json => "\nanswer = response.json()",
            Answer::Text => "\ntext = response.text",
            Answer::File => "\npicture = response.content",
        });
        text
    }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// Indents all lines except the first.
fn indented(text: &str, by: &str) -> String {
    text.replace('\n', &format!("\n{by}"))
}

/// Formats a JSON value as a Python literal.
fn python_literal(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Array(all) => {
            format!("[{}]", all.iter().map(python_literal).collect::<Vec<_>>().join(", "))
        }
        Value::Object(fields) if fields.is_empty() => "{}".to_owned(),
        Value::Object(fields) => lines(fields),
        other => other.to_string(),
    }
}

fn lines(fields: &Map<String, Value>) -> String {
    let line = |(name, value): (&String, &Value)| {
        format!("    {}: {},\n", json!(name), indented(&python_literal(value), "    "))
    };
    format!("{{\n{}}}", fields.iter().map(line).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_python_does() {
        let value = json!({ "a": [true, null, 1], "b": { "c": "d" } });
        assert_eq!(
            python_literal(&value),
            "{\n    \"a\": [True, None, 1],\n    \"b\": {\n        \"c\": \"d\",\n    },\n}"
        );
    }
}
