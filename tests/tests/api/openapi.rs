//! The published description is complete. Every other test compares the answers that it gets with it, and
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
                let says = operation["summary"].as_str().or(operation["description"].as_str());
                assert!(says.is_some_and(|text| !text.is_empty()), "{id} says nothing about itself");
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
            for name in ["ClientFrame", "ServerFrame", "Event", "Change", "UserChange", "ErrorCode"] {
                assert!(frames["$defs"].get(name).is_some(), "{name} is not described");
            }
            let codes = schemas["ErrorCode"]["enum"].as_array().unwrap();
            for code in ErrorCode::ALL {
                assert!(codes.iter().any(|one| one == code.as_str()), "{code} is not described");
            }
        },
    );
}

#[test]
fn the_pages_about_it_are_served() {
    run(
        Backend::SqliteLocal,
        |_| {},
        |app: App| async move {
            for path in ["/api/docs", "/api/docs/"] {
                let page = app.call(Method::GET, path, None).await;
                assert!(page.status.is_success() || page.status.is_redirection(), "{path}: {}", page.status);
                assert!(!page.text.contains("https://cdn"), "the pages come from here alone");
            }
        },
    );
}
