//! Checks that the table of operations and the published description agree.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall stop")]

use std::collections::BTreeMap;

use parlour_client::operations::{ALL, Operation};
use serde_json::Value;

/// Types of this crate and the types or media types of the description that they stand for.
const OURS: &[(&str, &[&str])] = &[
    ("Registered", &["PendingAccount", "SignedIn"]),
    ("ProviderAnswer", &["SignedIn", "UnknownIdentity"]),
    ("Picture", &["application/octet-stream", "image/gif", "image/jpeg", "image/png", "image/webp"]),
    ("Lines", &["application/x-ndjson"]),
    ("Text", &["text/plain"]),
    ("Value", &["application/json"]),
];

fn described() -> BTreeMap<String, (String, String, Value)> {
    let document: Value = serde_json::from_str(include_str!("../../../openapi/openapi.json")).unwrap();
    let mut operations = BTreeMap::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap().to_owned();
            operations.insert(name, (method.to_uppercase(), path.clone(), operation.clone()));
        }
    }
    operations
}

/// The names of the parameters in one location, such as `path` or `query`.
fn parameters(operation: &Value, place: &str) -> Vec<String> {
    let all = operation["parameters"].as_array().into_iter().flatten();
    all.filter(|one| one["in"] == place).map(|one| one["name"].as_str().unwrap().to_owned()).collect()
}

/// The possible types of a body or an answer: type names, or media types if there is no named type.
fn contents<'v>(described: impl IntoIterator<Item = &'v Value>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for one in described {
        for (media_type, content) in one["content"].as_object().into_iter().flatten() {
            let reference = content["schema"]["$ref"].as_str();
            names.push(reference.and_then(|text| text.rsplit('/').next()).unwrap_or(media_type).to_owned());
        }
    }
    names.sort();
    names.dedup();
    names
}

/// Whether a type of the table matches the description.
fn is(ours: Option<&str>, described: &[String]) -> bool {
    let Some(ours) = ours.filter(|name| *name != "()") else { return described.is_empty() };
    let ours: String = ours.split_whitespace().collect();
    if let Some((_, names)) = OURS.iter().find(|(name, _)| *name == ours) {
        return !described.is_empty() && described.iter().all(|one| names.contains(&one.as_str()));
    }
    let name = match ours.strip_prefix("Page<").and_then(|rest| rest.strip_suffix('>')) {
        Some(item) => format!("{item}Page"),
        None => ours,
    };
    described == [name]
}

/// The differences between a row of the table and the description.
fn faults(ours: &Operation, method: &str, path: &str, operation: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let mut compare = |what: &str, ours: String, theirs: String| {
        if ours != theirs {
            faults.push(format!("{what}: {ours} in the table, {theirs} in the description"));
        }
    };
    compare("method", ours.method.as_str().into(), method.into());
    compare("path", ours.path.into(), path.into());
    compare("arguments", format!("{:?}", ours.arguments), format!("{:?}", parameters(operation, "path")));
    let (mut fields, mut query) = (ours.query.to_vec(), parameters(operation, "query"));
    fields.sort_unstable();
    query.sort_unstable();
    compare("query", format!("{fields:?}"), format!("{query:?}"));
    // Open: no security requirement, or an empty one among the alternatives.
    let security = operation["security"].as_array();
    let open =
        security.is_none_or(|ways| ways.is_empty() || ways.iter().any(|way| way == &serde_json::json!({})));
    compare("open", ours.is_open().to_string(), open.to_string());
    let deprecated = ours.marks.contains(&"deprecated");
    compare("deprecated", deprecated.to_string(), (operation["deprecated"] == true).to_string());
    let headers = parameters(operation, "header");
    let keyed = ours.marks.contains(&"keyed");
    compare(
        "keyed",
        format!("{:?}", if keyed { vec!["Idempotency-Key"] } else { vec![] }),
        format!("{headers:?}"),
    );

    let body = contents([&operation["requestBody"]]);
    if !is(ours.body, &body) {
        faults.push(format!("body: {:?} in the table, {body:?} in the description", ours.body));
    }
    let answers = operation["responses"].as_object().unwrap();
    let good = answers.iter().filter(|(status, _)| status.starts_with('2')).map(|(_, answer)| answer);
    let answer = contents(good);
    if !is(Some(ours.answer), &answer) {
        faults.push(format!("answer: {} in the table, {answer:?} in the description", ours.answer));
    }
    faults
}

#[test]
fn the_table_is_the_published_description() {
    let mut described = described();
    let mut wrong: Vec<String> = Vec::new();
    for ours in ALL {
        match described.remove(ours.name) {
            Some((method, path, operation)) => wrong.extend(
                faults(ours, &method, &path, &operation)
                    .iter()
                    .map(|fault| format!("{}: {fault}", ours.name)),
            ),
            None => wrong.push(format!("{} is not described, or twice in the table", ours.name)),
        }
    }
    wrong.extend(described.keys().map(|name| format!("{name} is missing in the table")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The comparison above detects each kind of difference.
#[test]
fn differences_are_seen() {
    let described = described();
    let line = |name: &str| ALL.iter().find(|one| one.name == name).unwrap();
    let seen = |ours: Operation| {
        let (method, path, operation) = &described[ours.name];
        faults(&ours, method, path, operation).len()
    };
    let rooms = *line("list_rooms");
    let send = *line("send_message");
    let log_in = *line("create_session");
    assert_eq!((seen(rooms), seen(send), seen(log_in)), (0, 0, 0));
    assert_eq!(seen(Operation { query: &["after"], ..rooms }), 1);
    assert_eq!(seen(Operation { answer: "Page<User>", ..rooms }), 1);
    assert_eq!(seen(Operation { answer: "()", ..rooms }), 1);
    assert_eq!(seen(Operation { body: None, ..send }), 1);
    assert_eq!(seen(Operation { arguments: &["cid", "conversation"], ..send }), 1);
    assert_eq!(seen(Operation { path: "/api/v1/messages", ..send }), 1);
    assert_eq!(seen(Operation { marks: &[], ..log_in }), 2);
    assert_eq!(seen(Operation { marks: &["keyed"], ..log_in }), 1);
    assert_eq!(seen(Operation { marks: &["open"], ..log_in }), 1);
    assert_eq!(seen(Operation { marks: &["deprecated"], ..send }), 1);
}
