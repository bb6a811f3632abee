//! The published description is complete. Every other test compares its responses with it, and
//! `cargo xtask openapi --check` compares it with the one in the repository.

use parlour_protocol::problems::ErrorCode;
use reqwest::Method;
use system_tests::{App, Backend, run};

#[test]
fn the_description_is_complete() {
    run(
        Backend::SqliteLocal,
        |_| {},
        |app: App| async move {
            let document = &app.contract().document;
            assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
            let mut ids = std::collections::BTreeSet::new();
            for (method, path, operation) in app.contract().operations() {
                let id =
                    operation["operationId"].as_str().unwrap_or_else(|| panic!("{method} {path} has no id"));
                assert!(ids.insert(id.to_owned()), "two operations are called {id}");
                for (text, most) in [("summary", 130), ("description", 2000)] {
                    let says = operation[text].as_str().unwrap_or_default();
                    assert!(!says.is_empty() && says.len() <= most, "{text} of {id}: {says}");
                }
                let summary = operation["summary"].as_str().unwrap();
                assert!(!summary.contains(['\n', '`']), "a summary is plain text: {summary}");
                assert!(operation["tags"][0].is_string() && operation["security"].is_array(), "{id}");
                let responses = operation["responses"].as_object().unwrap();
                assert!(responses.keys().any(|status| status.starts_with(['1', '2'])), "{id} never succeeds");
            }
            for id in
                ["send_message", "create_account", "list_rooms", "join_room", "list_events", "open_direct"]
            {
                assert!(ids.contains(id), "{id} is missing in {ids:?}");
            }
            let schemas = document["components"]["schemas"].as_object().unwrap();
            let frames = parlour_server::openapi::socket_schema();
            for name in ["ClientFrame", "ServerFrame", "Event", "StartCommand", "EventFrame", "ErrorCode"] {
                assert!(frames["$defs"].get(name).is_some(), "{name} is not described");
            }
            // Every reference resolves, and nothing is defined that is not referred to.
            let asyncapi = parlour_server::openapi::asyncapi();
            let older = parlour_server::openapi::document_3_0();
            for document in [document, &older, &asyncapi, &frames] {
                let text = document.to_string();
                let mut found = 0;
                for reference in text.split("\"$ref\":\"#").skip(1) {
                    let pointer = reference.split('"').next().unwrap();
                    assert!(document.pointer(pointer).is_some(), "{pointer} is nowhere");
                    found += 1;
                }
                assert!(found > 30, "{found}");
                for not in ["\"null\"", "\"Unknown\"", "[`", "i64\"", "Page_", "::"] {
                    assert!(!text.contains(not), "{not}");
                }
            }
            for name in schemas.keys() {
                let used = document.to_string().contains(&format!("schemas/{name}\""));
                assert!(used, "{name} is described and not used");
            }
            let codes = schemas["ErrorCode"]["anyOf"][0]["enum"].as_array().unwrap();
            for code in ErrorCode::ALL {
                assert!(codes.iter().any(|one| one == code.as_str()), "{code} is not described");
            }
        },
    );
}

/// Every POST that creates something takes a key, except where its proof works only once anyway.
const PROOFS_THAT_WORK_ONCE: [&str; 3] = ["create_passkey", "create_identity", "create_passkey_session"];

#[test]
fn every_operation_has_examples_and_what_makes_something_a_key() {
    run(
        Backend::SqliteLocal,
        |_| {},
        |app: App| async move {
            let contract = app.contract();
            let mut found = 0;
            for (method, path, operation) in contract.operations() {
                let id = operation["operationId"].as_str().unwrap();
                let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
                let key = parameters.iter().any(|one| one["name"] == "Idempotency-Key");
                let makes = method == Method::POST
                    && id.starts_with("create_")
                    && !PROOFS_THAT_WORK_ONCE.contains(&id);
                assert_eq!(key, makes, "{method} {path}");
                let answers = operation["responses"].as_object().unwrap().values();
                let bodies = answers.chain([&operation["requestBody"]]);
                let media = bodies.filter_map(|body| body["content"].as_object()).flatten();
                let media = media.filter(|(kind, _)| kind.ends_with("/json"));
                for (holder, name) in media
                    .map(|(_, media)| (media, "body"))
                    .chain(parameters.iter().map(|one| (one, "parameter")))
                {
                    let example = &holder["example"];
                    assert!(!example.is_null(), "a {name} of {id} has no example: {holder}");
                    contract.validate(&holder["schema"], example, "$").unwrap_or_else(|fault| {
                        panic!("the example of a {name} of {id} breaks its schema at {fault}: {example}")
                    });
                    found += 1;
                }
            }
            assert!(found > 150, "{found}");
        },
    );
}

#[test]
fn the_pages_about_it_are_served() {
    run(
        Backend::SqliteLocal,
        |_| {},
        |app: App| async move {
            let page = app.call(Method::GET, "/api/docs/problems", None).await;
            let problem =
                app.call(Method::GET, "/api/v1/account", None).await.refused(ErrorCode::Unauthenticated);
            let (path, anchor) = problem.kind.split_once('#').unwrap();
            assert_eq!(path, "/api/docs/problems");
            assert!(page.text.contains(&format!("id=\"{anchor}\"")), "{}", problem.kind);
            for path in ["openapi.json", "openapi-3.0.json", "asyncapi.json", "socket.schema.json"] {
                let committed = concat!(env!("CARGO_MANIFEST_DIR"), "/../openapi/");
                let committed = std::fs::read_to_string(format!("{committed}{path}")).unwrap();
                let mut served = app.call(Method::GET, &format!("/api/{path}"), None).await.expect(200);
                let committed: serde_json::Value = serde_json::from_str(&committed).unwrap();
                if path.starts_with("openapi") {
                    // Requests from a server's documentation page go to that server.
                    assert_eq!(served["servers"][0]["url"], "/");
                    served["servers"] = committed["servers"].clone();
                    let more = served.as_object_mut().unwrap().remove("externalDocs").unwrap();
                    assert_eq!(more["url"], "/api/docs");
                }
                assert!(served == committed, "{path}: run cargo xtask openapi");
            }
            for path in ["/api/docs", "/api/docs/"] {
                let page = app.call(Method::GET, path, None).await;
                assert!(page.status.is_success() || page.status.is_redirection(), "{path}: {}", page.status);
                assert!(!page.text.contains("https://cdn"), "the pages come from here alone");
            }
        },
    );
}
