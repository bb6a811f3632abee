//! The page with the API's documentation: it is complete without a network, and can be read and searched.

use serde_json::{Value, json};

use crate::person::{Device, Person};
use crate::story;

#[test]
fn the_documentation_is_read_and_searched() {
    for device in [Device::Desktop, Device::Phone] {
        story(|app| async move {
            let reader = Person::arrive(&app.address(0), device).await;
            let dark = json!({ "features": [{ "name": "prefers-color-scheme", "value": "dark" }] });
            reader.tell_browser("Emulation.setEmulatedMedia", dark).await;
            reader.go("/api/docs/").await;
            let heading = |text: &str| {
                format!(
                    "[...document.querySelectorAll('h1, h2, h3')].some(one => one.textContent.trim() === {text:?})"
                )
            };
            for chapter in ["Writing a client", "Sending exactly once", "Frames of the socket"] {
                reader.until(chapter, &heading(chapter)).await;
            }
            reader.until("it is dark", "document.body.classList.contains('dark-mode')").await;
            let fits = "document.documentElement.scrollWidth <= document.documentElement.clientWidth";
            reader.until("it fits the window", fits).await;
            reader.picture(&format!("documentation-{device:?}")).await;

            reader
                .evaluate("location.hash = 'tag/messages/PUT/api/v1/conversations/{conversation}/messages/by-cid/{cid}'")
                .await;
            reader.until("the operation", &heading("Sends a message")).await;
            for part in ["curl", "$SERVER", "not_friends"] {
                reader.until(part, &format!("document.body.textContent.includes({part:?})")).await;
            }
            reader
                .until(
                    "codes lead to what they mean",
                    "document.querySelector('a[href*=\"docs/problems#not_friends\"]')",
                )
                .await;

            // All of it came from this server.
            let asked =
                reader.evaluate("return performance.getEntriesByType('resource').map(one => one.name)").await;
            let asked: Vec<String> = serde_json::from_value(asked).unwrap();
            assert!(asked.iter().any(|one| one.ends_with("/api/docs/openapi.json")), "{asked:?}");
            let elsewhere = |one: &&String| !one.starts_with(&app.address(0)) && !one.starts_with("data:");
            assert_eq!(asked.iter().find(elsewhere), None);

            reader.go("/api/docs/problems#not_friends").await;
            let marked =
                reader.evaluate("return document.querySelector(':target h3 code').textContent").await;
            assert_eq!(marked, Value::from("not_friends"));
            reader.leave().await;
        });
    }
}
