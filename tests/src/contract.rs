//! The published description of the API, and whether responses conform to it.
//!
//! Supports as much of JSON Schema as the generator writes: references, types, enums, objects, arrays, and unions.

use parlour_client::native::Api;
use reqwest::Method;
use serde_json::Value;

use crate::Reply;

/// The OpenAPI document of the server under test.
pub struct Contract {
    /// The document.
    pub document: Value,
}

impl Contract {
    /// Fetches the document from a server.
    pub async fn fetch(address: &str) -> Self {
        let api = Api::new(address).unwrap();
        let url = api.base().join("/api/openapi.json").unwrap();
        let response = api.request(Method::GET, url).send().await.expect("the OpenAPI document");
        Self { document: response.json().await.expect("an OpenAPI document in JSON") }
    }

    /// Every operation: method, path template, and its description.
    pub fn operations(&self) -> impl Iterator<Item = (Method, &str, &Value)> {
        let paths = self.document["paths"].as_object().expect("paths");
        paths.iter().flat_map(|(path, methods)| {
            methods.as_object().expect("methods").iter().filter_map(move |(method, operation)| {
                let method = Method::from_bytes(method.to_uppercase().as_bytes()).ok()?;
                operation.is_object().then_some((method, path.as_str(), operation))
            })
        })
    }

    fn find(&self, method: &Method, path: &str) -> Option<&Value> {
        let path = path.split('?').next().unwrap_or(path);
        let matches = |template: &str| {
            let (mut wanted, mut given) = (template.split('/'), path.split('/'));
            loop {
                match (wanted.next(), given.next()) {
                    (None, None) => return true,
                    (Some(want), Some(given))
                        if want == given || want.starts_with('{') && !given.is_empty() => {}
                    _ => return false,
                }
            }
        };
        // A literal segment wins over a parameter.
        self.operations()
            .filter(|(each, template, _)| each == method && matches(template))
            .min_by_key(|(_, template, _)| template.matches('{').count())
            .map(|(_, _, operation)| operation)
    }

    /// Demands that the response is one of those described. Paths that are not described must be refused.
    #[track_caller]
    pub fn check(&self, method: &Method, path: &str, reply: &Reply) {
        // The socket has a description of its own.
        if !path.starts_with("/api/v1/") || path.starts_with("/api/v1/socket") {
            return;
        }
        let status = reply.status.as_u16();
        let Some(operation) = self.find(method, path) else {
            assert!(
                matches!(status, 404 | 405),
                "{method} {path} is answered with {status} and not described"
            );
            return;
        };
        // Refusals share one description; successes have their own.
        let described = match &operation["responses"][status.to_string()] {
            Value::Null if status >= 500 => &operation["responses"]["5XX"],
            Value::Null if status >= 400 => &operation["responses"]["4XX"],
            described => described,
        };
        if reply.header("content-type") == "application/problem+json" {
            let (codes, code) = (&operation["x-error-codes"], &reply.json()["code"]);
            let listed = codes.as_array().is_some_and(|codes| codes.contains(code));
            assert!(listed, "{} says nothing of {code}: {}", operation["operationId"], reply.text);
        }
        assert!(described.is_object(), "{method} {path}: {status} is not described: {}", reply.text);
        let described = self.resolve(described);
        let media_type = reply.header("content-type").split(';').next().unwrap_or_default();
        match described["content"].as_object() {
            None => assert!(
                reply.text.is_empty(),
                "{method} {path}: {status} has an undescribed body: {}",
                reply.text
            ),
            Some(content) => {
                let body = content.get(media_type).unwrap_or_else(|| {
                    panic!("{method} {path}: {status} is not described as {media_type:?}")
                });
                // Newline-delimited JSON is not a JSON document.
                if media_type.ends_with("json")
                    && media_type != "application/x-ndjson"
                    && let Err(fault) = self.validate(&body["schema"], &reply.json(), "$")
                {
                    panic!("{method} {path}: {status} breaks its description at {fault}: {}", reply.text);
                }
            }
        }
    }

    fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(reference) => {
                let pointer = reference.strip_prefix('#').expect("a reference inside the document");
                let target = self.document.pointer(pointer);
                self.resolve(target.unwrap_or_else(|| panic!("dangling reference {reference}")))
            }
            None => value,
        }
    }

    /// Validates a value against a schema; returns where they differ.
    pub fn validate(&self, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        let schema = self.resolve(schema);
        let wrong = |why: &str| Err(format!("{at}: {why}"));
        for part in schema["allOf"].as_array().into_iter().flatten() {
            self.validate(part, value, at)?;
        }
        for union in ["oneOf", "anyOf"] {
            if let Some(parts) = schema[union].as_array() {
                let faults: Vec<String> =
                    parts.iter().filter_map(|part| self.validate(part, value, at).err()).collect();
                if faults.len() == parts.len() {
                    return Err(faults.join(" or "));
                }
            }
        }
        if let Some(all) = schema["enum"].as_array()
            && !all.contains(value)
        {
            return wrong(&format!("{value} is none of {all:?}"));
        }
        let has_type = |name: &str| match name {
            "null" => value.is_null(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "string" => value.is_string(),
            "array" => value.is_array(),
            _ => value.is_object(),
        };
        let typed = match &schema["type"] {
            Value::String(name) => has_type(name),
            Value::Array(names) => names.iter().filter_map(Value::as_str).any(has_type),
            _ => true,
        };
        if !typed {
            return wrong(&format!("{value} is not of type {}", schema["type"]));
        }
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if value.is_object() && value.get(name).is_none() {
                return wrong(&format!("{name} is missing"));
            }
        }
        for (name, field) in value.as_object().into_iter().flatten() {
            let at = format!("{at}.{name}");
            match (&schema["properties"][name], &schema["additionalProperties"]) {
                (Value::Null, Value::Bool(false)) => return Err(format!("{at} is not described")),
                (Value::Null, other @ Value::Object(_)) => self.validate(other, field, &at)?,
                (Value::Null, _) => {}
                (described, _) => self.validate(described, field, &at)?,
            }
        }
        for (index, item) in value.as_array().into_iter().flatten().enumerate() {
            if schema["items"].is_object() {
                self.validate(&schema["items"], item, &format!("{at}[{index}]"))?;
            }
        }
        Ok(())
    }
}
