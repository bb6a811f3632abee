//! What people do together.

use crate::gate::Gate;
use crate::person::{Device, Person};
use crate::story_twice;
use parlour_client::operations::ListNamed;

#[test]
fn two_people_become_friends_chat_privately_and_part() {
    story_twice(|app| async move {
        let ada = Person::register(&app.address(0), Device::Desktop, "ada", "Ada Lovelace").await;
        let bob = Person::register(&app.address(0), Device::Desktop, "bob", "Bob Stone").await;

        ada.ask_for_friendship("@Bob").await;
        // It arrives while Bob looks at something else.
        bob.see("notifications-badge").await;
        bob.go("/friends/requests").await;
        bob.click("accept-friend").await;
        bob.go("/friends").await;
        bob.click("message-friend").await;
        bob.say("Shall we meet at six?").await;
        bob.read("Shall we meet at six?").await;

        ada.click("conversation-link").await;
        ada.read("Shall we meet at six?").await;
        ada.say("At the usual place.").await;
        bob.read("At the usual place.").await;

        // Bob's page is open, and can no longer be written to.
        ada.go("/friends").await;
        ada.click("unfriend").await;
        ada.click("confirm").await;
        bob.see("composer-disabled-reason").await;
        bob.read("At the usual place.").await;
        ada.leave().await;
        bob.leave().await;
    });
}

#[test]
fn three_people_chat_in_a_public_room() {
    story_twice(|app| async move {
        let ada = Person::register(&app.address(0), Device::Desktop, "ada", "Ada").await;
        let bob = Person::register(&app.address(0), Device::Desktop, "bob", "Bob").await;
        let cy = Person::register(&app.address(0), Device::Phone, "cyril", "Cy").await;
        ada.go("/rooms").await;
        ada.click("new-room").await;
        ada.fill("room_name", "tea").await;
        ada.fill("room_topic", "Leaves and water").await;
        ada.click("create-room-submit").await;
        ada.see("composer").await;
        for other in [&bob, &cy] {
            other.go("/rooms").await;
            other.click("join-room").await;
            other.see("composer").await;
        }
        ada.say("Welcome, both").await;
        bob.say("Hello from Bob").await;
        cy.say("And from my phone").await;
        for one in [&ada, &bob, &cy] {
            for text in ["Welcome, both", "Hello from Bob", "And from my phone"] {
                one.read(text).await;
            }
        }
        // Everyone sees the same order.
        assert_eq!(ada.messages().await, bob.messages().await);
        assert_eq!(ada.messages().await, cy.messages().await);
        // No page scrolls sideways.
        let wide = "return document.documentElement.scrollWidth > document.documentElement.clientWidth;";
        assert_eq!(cy.evaluate(wide).await, false, "the phone's page is wider than the phone");
        for one in [ada, bob, cy] {
            one.leave().await;
        }
    });
}

#[test]
fn who_was_offline_misses_nothing_and_doubles_nothing() {
    story_twice(|app| async move {
        let gate = Gate::before(&app.address(0)).await;
        let ada = Person::register(&gate.address(), Device::Desktop, "ada", "Ada").await;
        ada.go("/rooms").await;
        ada.click("new-room").await;
        ada.fill("room_name", "tea").await;
        ada.click("create-room-submit").await;
        ada.say("before").await;
        ada.read("before").await;

        let bob = app.person("bob").await;
        let room = bob
            .api
            .list_rooms(&ListNamed { search: Some("tea".into()), after: None, limit: Some(10) })
            .await
            .unwrap()
            .items[0]
            .id;
        bob.join(room).await;
        gate.cut();
        for number in 0..30 {
            bob.send(room, &format!("meanwhile {number}")).await;
        }
        ada.see("connection-banner").await;
        // Written while offline: sent once the connection is back.
        ada.say("from the tunnel").await;
        gate.mend();
        ada.read("from the tunnel").await;
        ada.read("meanwhile 29").await;
        let mut expected = vec!["before".to_owned()];
        expected.extend((0..30).map(|number| format!("meanwhile {number}")));
        expected.push("from the tunnel".to_owned());
        assert_eq!(ada.messages().await, expected);
        ada.leave().await;
    });
}

#[test]
fn a_reload_keeps_the_session_the_place_and_the_history() {
    story_twice(|app| async move {
        let ada = Person::register(&app.address(0), Device::Phone, "ada", "Ada").await;
        ada.go("/rooms").await;
        ada.click("new-room").await;
        ada.fill("room_name", "tea").await;
        ada.click("create-room-submit").await;
        ada.say("still here?").await;
        ada.read("still here?").await;
        let place = ada.path().await;
        ada.reload().await;
        ada.read("still here?").await;
        assert_eq!(ada.path().await, place);
        // Nothing that a script could steal outlives the page.
        let stored = ada
            .evaluate(
                "return JSON.stringify(localStorage) + JSON.stringify(sessionStorage) + document.cookie;",
            )
            .await;
        let stored = stored.as_str().unwrap_or_default().to_owned();
        assert!(!stored.contains("eyJ") && !stored.contains("token"), "{stored}");

        ada.go("/settings").await;
        ada.click("logout").await;
        ada.see("login-form").await;
        ada.reload().await;
        ada.see("login-form").await;
        ada.leave().await;
    });
}

#[test]
fn history_loads_upwards_without_a_jump() {
    story_twice(|app| async move {
        let bob = app.person("bob").await;
        let room = bob.create_room("long").await;
        for number in 0..180 {
            bob.send(room, &format!("line {number}")).await;
        }
        let ada = Person::register(&app.address(0), Device::Desktop, "ada", "Ada").await;
        ada.go("/rooms").await;
        ada.click("join-room").await;
        ada.read("line 179").await;
        // Up, page by page, to the very first message; the row at the top of the view stays where it is.
        let scroller = "document.querySelector('[data-testid=timeline]')";
        for number in [100, 40, 0] {
            ada.until(
                &format!("line {number}"),
                &format!(
                    "(() => {{ const shown = [...document.querySelectorAll('[data-testid=message-body]')]\
                     .some(e => e.textContent.trim() === 'line {number}'); \
                     if (!shown) {scroller}.scrollTop = 0; return shown; }})()"
                ),
            )
            .await;
        }
        // A new message does not scroll the reader away.
        ada.evaluate(&format!("{scroller}.scrollTop = 0;")).await;
        bob.send(room, "news").await;
        ada.click("new-messages-pill").await;
        ada.read("news").await;
        ada.leave().await;
    });
}

#[test]
fn an_administrator_suspends_somebody_and_deletes_a_room() {
    story_twice(|app| async move {
        let ada = Person::register(&app.address(0), Device::Desktop, "ada", "Ada").await;
        app.promote("ada");
        let bob = Person::register(&app.address(0), Device::Desktop, "bob", "Bob").await;
        app.person("cyril").await.create_room("spam").await;
        ada.go("/admin").await;
        ada.see("statistics").await;
        ada.picture("admin-Desktop-administrator").await;
        ada.go("/admin/users").await;
        // In the order of handles, and nobody can suspend themselves: the first one is Bob.
        ada.click("suspend").await;
        ada.click("confirm").await;
        // Bob's open page learns at once that his session has ended.
        bob.see("login-form").await;
        ada.see("unsuspend").await;
        ada.go("/admin/rooms").await;
        ada.click("admin-delete-room").await;
        ada.click("confirm").await;
        ada.until("the room is gone", "!document.querySelector('[data-testid=admin-room]')").await;
        ada.leave().await;
        bob.leave().await;
    });
}
