//! The places around conversations: home, the sidebar, the quick switcher, notifications, toasts, pictures.

use parlour_client::operations::{ListNotifications, Picture};
use parlour_protocol::friends::CreateFriendRequest;
use serde_json::json;
use system_tests::eventually;

use crate::person::{Device, Person};
use crate::{another_device, story_twice};

/// Resizes the window.
async fn resize(person: &Person, width: u32, height: u32) {
    let screen = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
    person.tell_browser("Emulation.setDeviceMetricsOverride", screen).await;
}

/// Whether a toast covers anything that can be pressed or written in.
const COVERED: &str = "(() => { const toast = document.querySelector('[data-testid=toast]').getBoundingClientRect(); \
    return [...document.querySelectorAll('button, input, textarea, a[href]')].filter(one => !one.closest('.toasts') \
    && one.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && !one.matches('.visually-hidden, .skip-link')) \
    .some(one => { const box = one.getBoundingClientRect(); return box.width > 1 && box.left < toast.right \
    && box.right > toast.left && box.top < toast.bottom && box.bottom > toast.top; }); })()";

#[test]
fn toasts_cover_nothing_that_one_works_with() {
    story_twice(|app| async move {
        let ada = Person::register(&app.address(0), Device::Desktop, "ada", "Ada").await;
        for (width, height) in [(1440, 900), (820, 1180)] {
            resize(&ada, width, height).await;
            ada.go("/settings").await;
            ada.click("save-profile").await;
            ada.see("toast").await;
            ada.until(&format!("nothing is covered at {width}"), &format!("!({COVERED})")).await;
            ada.picture(&format!("toast-{width}")).await;
        }
        // On a phone it covers text, but passes taps through.
        resize(&ada, 390, 844).await;
        ada.go("/settings").await;
        ada.click("save-profile").await;
        ada.see("toast").await;
        ada.picture("toast-390").await;
        let low =
            "document.querySelector('[data-testid=toast]').getBoundingClientRect().bottom < innerHeight / 4";
        ada.until("it is at the top", low).await;
        assert_eq!(
            ada.evaluate("return getComputedStyle(document.querySelector('.toasts')).pointerEvents;").await,
            "none"
        );
        ada.leave().await;
    });
}

#[test]
fn no_page_makes_the_document_taller_than_the_window() {
    story_twice(|app| async move {
        let ada = Person::register(&app.address(0), Device::Desktop, "ada", "Ada").await;
        resize(&ada, 900, 600).await;
        for path in ["/settings/security", "/settings", "/settings/data", "/rooms?new"] {
            ada.go(path).await;
            ada.see("sidebar").await;
            ada.until(
                &format!("{path} has loaded"),
                "document.querySelector('main h1') && !document.querySelector('main .skeleton')",
            )
            .await;
            let height = "return document.documentElement.scrollHeight - innerHeight;";
            assert_eq!(ada.evaluate(height).await, 0, "{path}");
        }
        ada.leave().await;
    });
}

#[test]
fn a_picture_that_does_not_load_leaves_the_initials() {
    story_twice(|app| async move {
        let ada = Person::register(&app.address(0), Device::Desktop, "ada", "Ada Lovelace").await;
        let elsewhere = another_device(&app, "ada").await;
        let mut png = std::io::Cursor::new(Vec::new());
        image::RgbImage::new(8, 8).write_to(&mut png, image::ImageFormat::Png).unwrap();
        elsewhere
            .api
            .upload_avatar(&Picture { media_type: "image/png".into(), bytes: png.into_inner() })
            .await
            .unwrap();
        ada.go("/friends").await;
        ada.until("there is a picture", "document.querySelector('.myself .avatar img')").await;
        ada.evaluate("document.querySelector('.myself .avatar img').src = '/api/v1/avatars/5/64';").await;
        ada.until(
            "there are initials",
            "document.querySelector('.myself .avatar').textContent.includes('AL')",
        )
        .await;
        ada.leave().await;
    });
}

#[test]
fn the_switcher_knows_what_is_near_first_and_also_what_one_is_not_in() {
    story_twice(|app| async move {
        let bob = app.person("bobby").await;
        let ada = Person::register(&app.address(0), Device::Desktop, "ada", "Ada").await;
        let elsewhere = another_device(&app, "ada").await;
        let (mut rooms, names) = (Vec::new(), ["Zebra", "apple", "Banana"]);
        for name in names {
            let room = bob.create_room(name).await;
            elsewhere.join(room).await;
            rooms.push(room);
        }
        bob.create_room("bobsleigh").await;
        bob.send(rooms[0], "hello").await;
        ada.go("/friends").await;
        ada.until(
            "all are there",
            "document.querySelectorAll('[data-testid=conversation-link]').length === 3",
        )
        .await;
        ada.click("open-switcher").await;
        let offers =
            "[...document.querySelectorAll('.offer')].map(one => one.querySelector('bdi').textContent)";
        ada.until(
            "what is unread is first",
            &format!("{offers}.slice(0, 3).join() === 'Zebra,apple,Banana'"),
        )
        .await;
        ada.see("switcher-input").await.send_keys("bob").await.unwrap();
        ada.until("a room to join is offered", &format!("{offers}.includes('bobsleigh')")).await;
        ada.see("switcher-input").await.send_keys("by").await.unwrap();
        ada.until("somebody is found by the exact name", &format!("{offers}.includes('bobby')")).await;
        ada.see("switcher-input").await.send_keys("xyz").await.unwrap();
        ada.until(
            "it says that there is nothing",
            "document.querySelector('dialog [role=status]').textContent === 'No results'",
        )
        .await;
        ada.leave().await;
    });
}

#[test]
fn home_says_what_waits() {
    story_twice(|app| async move {
        let ada = Person::register(&app.address(0), Device::Desktop, "ada", "Ada Lovelace").await;
        let elsewhere = another_device(&app, "ada").await;
        let bob = app.person("bob").await;
        let (quiet, busy, tea) =
            (bob.create_room("quiet").await, bob.create_room("busy").await, bob.create_room("tea").await);
        for room in [quiet, busy, tea] {
            elsewhere.join(room).await;
        }
        ada.go("/").await;
        ada.see("catch-up-line").await;
        bob.send(busy, "So much to do").await;
        bob.send(tea, "Come, @ada").await;
        let lines = "[...document.querySelectorAll('[data-testid=catch-up-line]')].map(one => one.querySelector('strong').textContent)";
        ada.until("mentions come first", &format!("{lines}.join() === 'tea,busy,quiet'")).await;
        ada.until(
            "the last words are there",
            "document.querySelector('[data-testid=catch-up-line]').textContent.includes('bob: Come, @ada')",
        )
        .await;
        bob.api.create_friend_request(&CreateFriendRequest { to: "ada".into() }).await.unwrap();
        ada.see("catch-up-requests").await;
        ada.picture("home-with-news").await;
        ada.leave().await;
    });
}

#[test]
fn a_request_is_accepted_where_it_is_told_and_nothing_old_stays() {
    story_twice(|app| async move {
        let ada = Person::register(&app.address(0), Device::Desktop, "ada", "Ada").await;
        let (bob, cyril) = (app.person("bob").await, app.person("cyril").await);
        bob.api.create_friend_request(&CreateFriendRequest { to: "ada".into() }).await.unwrap();
        cyril.api.create_friend_request(&CreateFriendRequest { to: "ada".into() }).await.unwrap();
        ada.go("/notifications").await;
        ada.until("two are asked", "document.querySelectorAll('[data-testid=accept-friend]').length === 2")
            .await;
        ada.picture("notifications-with-requests").await;
        ada.click("accept-friend").await;
        ada.until(
            "it says so",
            "document.querySelector('main').textContent.includes(\"You're friends now\")",
        )
        .await;
        ada.until("one is asked", "document.querySelectorAll('[data-testid=accept-friend]').length === 1")
            .await;
        ada.click("decline-friend").await;
        ada.until("nobody is asked", "!document.querySelector('[data-testid=accept-friend]')").await;
        let hrefs = "[...document.querySelectorAll('[data-testid=notification] a')].map(one => one.pathname).sort().join()";
        ada.until("each leads to the person", &format!("{hrefs} === '/u/bob,/u/cyril'")).await;

        // One's own request is visible where it was sent.
        app.person("dora").await;
        ada.ask_for_friendship("@dora").await;
        ada.until("it waits", "document.querySelector('[data-testid=asked]').textContent.includes('@dora')")
            .await;
        ada.leave().await;
    });
}

#[test]
fn a_mention_in_the_room_that_one_looks_at_is_nothing_new() {
    story_twice(|app| async move {
        let bob = app.person("bob").await;
        let (tea, other) = (bob.create_room("tea").await, bob.create_room("other").await);
        let ada = Person::register(&app.address(0), Device::Desktop, "ada", "Ada").await;
        another_device(&app, "ada").await.join(other).await;
        ada.join(tea).await;
        ada.see("composer").await;
        bob.send(tea, "Look, @ada").await;
        ada.read("Look, @ada").await;
        let me = another_device(&app, "ada").await;
        eventually("it is seen", || async {
            let all = me
                .api
                .list_notifications(&ListNotifications { limit: Some(10), ..Default::default() })
                .await
                .unwrap();
            all.items.len() == 1 && all.unread == 0
        })
        .await;
        ada.miss("notifications-badge").await;
        // Elsewhere it is shown.
        let cyril = app.person("cyril").await;
        cyril.join(other).await;
        cyril.send(other, "And here, @ada").await;
        eventually("it is new on the server", || async {
            me.api
                .list_notifications(&ListNotifications { limit: Some(10), ..Default::default() })
                .await
                .unwrap()
                .unread
                == 1
        })
        .await;
        ada.see("notifications-badge").await;
        ada.leave().await;
    });
}

#[test]
fn the_sidebar_marks_drafts_and_becomes_a_strip_of_icons() {
    story_twice(|app| async move {
        let bob = app.person("bob").await;
        let room = bob.create_room("tea").await;
        let ada = Person::in_room(&app.address(0), Device::Desktop, room).await;
        ada.write("to be continued").await;
        ada.click_css("a[href='/friends']").await;
        ada.see("draft-mark").await;
        ada.reload().await;
        ada.see("draft-mark").await;
        ada.go("/u/ada").await;
        ada.until("one is here oneself", "document.querySelector('[data-testid=profile] .presence.here')")
            .await;
        resize(&ada, 820, 1180).await;
        let width = "document.querySelector('[data-testid=sidebar]').offsetWidth";
        ada.until("it is narrow", &format!("{width} < 90")).await;
        ada.picture("sidebar-820").await;
        // The names are still there for screen readers.
        let named = "document.querySelector('[data-testid=conversation-link]').textContent.includes('tea')";
        ada.until("the room has a name", named).await;
        ada.click("conversation-link").await;
        ada.has_written("to be continued").await;
        ada.leave().await;
    });
}
