//! Every page opens, shows something, fits, and logs no error: on a desktop and on a phone.

use crate::person::{Device, Person};
use crate::story_twice;

const PAGES: [(&str, &str); 9] = [
    ("home", "/"),
    ("rooms", "/rooms"),
    ("friends", "/friends"),
    ("requests", "/friends/requests"),
    ("notifications", "/notifications"),
    ("settings", "/settings"),
    ("profile", "/u/bob"),
    ("admin", "/admin"),
    ("nowhere", "/no/such/place"),
];

fn look(device: Device, scheme: &str) {
    story_twice(|app| async move {
        let bob = app.person("bob").await;
        bob.create_room("general").await;
        let person = Person::register(&app.address(0), device, "ada", "Ada Lovelace").await;
        person.evaluate(&format!("localStorage.setItem('parlour.theme', '{scheme}');")).await;
        for (name, path) in PAGES {
            person.go(path).await;
            person
                .until(
                    &format!("{path} shows something"),
                    "document.querySelector('main')?.innerText.trim().length > 0",
                )
                .await;
            person.until(&format!("{path} has loaded"), "!document.querySelector('[aria-busy=true]')").await;
            assert_eq!(person.evaluate("return document.documentElement.dataset.theme;").await, scheme);
            let wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth;";
            assert_eq!(person.evaluate(wide).await, 0, "{path} is wider than the window");
            person.picture(&format!("{name}-{device:?}-{scheme}")).await;
        }
        person.leave().await;
    });
}

#[test]
fn every_page_on_a_desktop() {
    look(Device::Desktop, "light");
}

#[test]
fn every_page_on_a_phone() {
    look(Device::Phone, "dark");
}
