//! The built client inside an app, or at any other host: it asks for its server, and there does everything that it does
//! at home.

use parlour_client::operations::{Picture, calls};
use serde_json::json;
use system_tests::App;

use crate::eyes_and_ears::Look;
use crate::files::{Files, Missing};
use crate::person::{Device, Person};
use crate::provider::guild;
use crate::{another_device, story, story_twice, story_twice_with};

/// The names under which the browser's storage keeps refresh tokens. Nobody who is logged out has one.
const TOKENS: &str = "Object.keys(localStorage).filter(name => name.startsWith('parlour.refresh-token@'))";
/// A minute in microseconds, as the servers' clocks count.
const MINUTE: i64 = 60 * 1_000_000;

/// Types the address of a server in place of what may be there.
async fn choose(person: &Person, server: &str) {
    person.see("server-form").await;
    person.fill("server", &format!("\u{e009}a\u{e000}{server}")).await;
    person.click("server-submit").await;
}

/// Opens the host, enters the server's address, and registers there.
async fn register(files: &Files, app: &App, device: Device, handle: &str, name: &str) -> Person {
    let person = Person::arrive(&files.address(), device).await;
    person.go("/register").await;
    choose(&person, &app.address(0)).await;
    // The page that was opened is remembered.
    person.see("register-form").await;
    person.arrives_at("/register").await;
    person.sign_up(handle, name).await;
    person.see("sidebar").await;
    person
}

async fn is_refused(person: &Person, server: &str, with: &str) {
    choose(person, server).await;
    let words = "document.querySelector('#note-server.bad')?.textContent";
    person.until(&format!("{server} is refused"), &format!("{words}.includes({})", json!(with))).await;
}

#[test]
fn two_people_meet_at_a_server_that_their_pages_did_not_come_from() {
    story_twice(|app| async move {
        let files = Files::of(&app, Missing::Page).await;
        let ada = register(&files, &app, Device::Desktop, "ada", "Ada Lovelace").await;
        let bob = register(&files, &app, Device::Phone, "bob", "Bob Stone").await;

        ada.ask_for_friendship("@Bob").await;
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

        ada.go("/rooms").await;
        ada.click("new-room").await;
        ada.fill("room_name", "tea").await;
        ada.click("create-room-submit").await;
        ada.say("Welcome").await;
        ada.read("Welcome").await;
        let room = ada.path().await;
        bob.go(&room).await;
        bob.click("join-room").await;
        bob.read("Welcome").await;
        bob.say("Hello").await;
        ada.read("Hello").await;

        // Pictures come from the server, too.
        let picture = image::RgbaImage::from_pixel(8, 8, image::Rgba([20, 90, 110, 255]));
        let mut png = std::io::Cursor::new(Vec::new());
        picture.write_to(&mut png, image::ImageFormat::Png).unwrap();
        let elsewhere = another_device(&app, "ada").await.api;
        elsewhere
            .upload_avatar(&Picture { media_type: "image/png".into(), bytes: png.into_inner() })
            .await
            .unwrap();
        ada.until("her picture", "document.querySelector('.myself .avatar img')?.naturalWidth > 0").await;

        // The session survives a reload, and the page stays.
        ada.reload().await;
        ada.read("Hello").await;
        assert_eq!(ada.path().await, room);
        assert_eq!(ada.evaluate("return document.cookie;").await, "");
        ada.leave().await;
        bob.leave().await;
    });
}

#[test]
fn one_is_asked_for_the_server_and_may_use_another() {
    story_twice(|app| async move {
        let files = Files::of(&app, Missing::NotFound).await;
        let ada = Person::arrive(&files.address(), Device::Desktop).await;
        ada.go("/").await;
        ada.see("server-form").await;
        ada.is_titled("Choose your server · Parlour").await;
        ada.until("one can type at once", "document.activeElement.name === 'server'").await;
        ada.click("server-submit").await;
        ada.until("it says what to do", "document.querySelector('#note-server.bad')").await;
        is_refused(&ada, "ada@example.org", "not an address").await;
        is_refused(&ada, "127.0.0.1:1", "Can't reach").await;
        is_refused(&ada, &files.address(), "no Parlour server").await;
        // As people copy it: with a path, and without a scheme.
        choose(&ada, &format!("{}/rooms?x#y", app.address(0).trim_start_matches("http://"))).await;
        ada.see("login-form").await;
        ada.arrives_at("/log-in").await;
        // It is remembered.
        ada.go("/").await;
        ada.see("login-form").await;
        ada.click("go-register").await;
        ada.sign_up("ada", "Ada").await;
        ada.see("sidebar").await;
        ada.until("the token is kept", &format!("{TOKENS}.length === 1")).await;

        ada.click_css("a[href='/settings']").await;
        ada.click("logout").await;
        ada.see("login-form").await;
        ada.until("the token is gone", &format!("{TOKENS}.length === 0")).await;
        ada.click("other-server").await;
        ada.arrives_at("/server").await;
        is_refused(&ada, "127.0.0.1:1", "Can't reach").await;
        ada.click("server-back").await;
        ada.see("login-form").await;
        ada.click("other-server").await;
        choose(&ada, &app.address(0)).await;
        ada.see("login-form").await;
        ada.arrives_at("/log-in").await;
        // The device is known from before, by a token that no log-out removes.
        let device = "Object.keys(localStorage).some(name => name.startsWith('parlour.device-token@'))";
        ada.until("the device is known", device).await;
        ada.leave().await;
    });
}

#[test]
fn a_host_without_pages_for_places_is_entered_by_the_fragment() {
    story_twice(|app| async move {
        let room = app.person("bob").await.create_room("tea").await;
        let files = Files::of(&app, Missing::NotFound).await;
        let ada = Person::arrive(&files.address(), Device::Desktop).await;
        ada.go(&format!("/#/c/{room}")).await;
        choose(&ada, &app.address(0)).await;
        ada.see("login-form").await;
        ada.arrives_at(&format!("/log-in?next=/c/{room}")).await;
        ada.click("go-register").await;
        ada.sign_up("ada", "Ada").await;
        ada.click("join-room").await;
        ada.see("composer").await;
        ada.go("/index.html#/friends/requests").await;
        ada.see("sidebar").await;
        ada.arrives_at("/friends/requests").await;
        ada.leave().await;
    });
}

#[test]
fn tabs_share_one_session_and_leave_together() {
    story_twice(|app| async move {
        let files = Files::of(&app, Missing::Page).await;
        let ada = register(&files, &app, Device::Desktop, "ada", "Ada").await;
        let first = ada.open_tab().await;
        ada.go("/").await;
        ada.see("sidebar").await;
        let second = ada.here().await;
        // Both use the token again and again; a token that was used twice would end the session.
        for _ in 0..3 {
            app.advance(11 * MINUTE);
            for tab in [&first, &second] {
                ada.look_at(tab).await;
                ada.evaluate("location.reload();").await;
            }
            for tab in [&first, &second] {
                ada.look_at(tab).await;
                ada.see("sidebar").await;
            }
        }
        assert_eq!(
            another_device(&app, "ada").await.api.every(calls::list_sessions).await.unwrap().items.len(),
            2
        );
        ada.go("/settings").await;
        ada.click("logout").await;
        ada.see("login-form").await;
        ada.look_at(&first).await;
        ada.see("login-form").await;
        ada.until("the token is gone", &format!("{TOKENS}.length === 0")).await;
        ada.leave().await;
    });
}

#[test]
fn an_app_names_the_server_and_keeps_the_session_in_its_own_storage() {
    story_twice(|app| async move {
        let files = Files::of(&app, Missing::Page).await;
        let ada = Person::arrive(&files.address(), Device::Desktop).await;
        // A storage that may be locked, like that of a device.
        let script = format!(
            "const open = work => async (...words) => {{ if (sessionStorage.locked) throw new Error('locked'); return work(...words); }};
             window.parlour = {{ server: '{}', storage: {{
                 get: open(name => localStorage.getItem('vault:' + name)),
                 set: open((name, value) => localStorage.setItem('vault:' + name, value)),
                 remove: open(name => localStorage.removeItem('vault:' + name)),
             }} }};",
            app.address(0)
        );
        ada.tell_browser("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script })).await;
        ada.go("/register").await;
        ada.see("register-form").await;
        ada.sign_up("ada", "Ada").await;
        ada.see("sidebar").await;
        ada.reload().await;
        ada.see("sidebar").await;
        let vault = "Object.keys(localStorage).some(name => name.startsWith('vault:parlour.refresh-token@'))";
        ada.until("the app keeps it", &format!("{vault} && {TOKENS}.length === 0")).await;

        // While it is locked, nobody is logged out.
        ada.evaluate("sessionStorage.locked = 'yes';").await;
        ada.reload().await;
        ada.see("other-server").await;
        ada.evaluate("sessionStorage.removeItem('locked');").await;
        ada.click_css(".splash-words .button").await;
        ada.see("sidebar").await;

        ada.go("/settings").await;
        ada.click("logout").await;
        ada.see("login-form").await;
        ada.until("it is gone", &format!("!{vault}")).await;
        ada.leave().await;
    });
}

#[test]
fn what_works_on_the_servers_own_page_alone_leads_there() {
    story_twice_with(guild(), |app| async move {
        let files = Files::of(&app, Missing::Page).await;
        let ada = register(&files, &app, Device::Desktop, "ada", "Ada").await;
        let there = |place: &str| {
            let address = json!(format!("{}{place}", app.address(0)));
            format!(
                "[...document.querySelectorAll('[data-testid=open-server]')].some(one => one.href === {address})"
            )
        };
        ada.go("/settings/security").await;
        ada.see("identities").await;
        ada.until("the provider is connected there", &there("/settings/security")).await;
        ada.miss("add-identity").await;
        ada.miss("add-passkey-form").await;
        ada.picture("elsewhere-security-Desktop").await;
        ada.click("logout").await;
        ada.see("login-form").await;
        ada.until("the provider logs in there", &there("/log-in")).await;
        ada.miss("provider-log-in").await;
        ada.miss("passkey-login").await;
        ada.picture("elsewhere-log-in-Desktop").await;
        ada.leave().await;
    });
}

#[test]
fn a_page_of_its_server_asks_nobody_anything() {
    story(|app| async move {
        let ada = Person::arrive(&app.address(0), Device::Desktop).await;
        ada.go("/server").await;
        ada.see("login-form").await;
        ada.arrives_at("/log-in").await;
        ada.miss("other-server").await;
        let asked =
            "performance.getEntriesByType('resource').filter(one => one.name.endsWith('/api/v1/server'))";
        assert_eq!(ada.evaluate(&format!("return {asked}.length;")).await, 1, "what was asked early is used");
        ada.leave().await;
    });
}

#[test]
fn the_page_that_asks_for_the_server_is_for_everyone() {
    story(|app| async move {
        let files = Files::of(&app, Missing::Page).await;
        let mut look = Look::with(Person::arrive(&files.address(), Device::Desktop).await).await;
        look.go("/", "[data-testid=server-form]").await;
        look.at("choosing a server").await;
        is_refused(&look.person, "127.0.0.1:1", "Can't reach").await;
        look.at("a server that does not answer").await;
        choose(&look.person, &app.address(0)).await;
        look.person.see("login-form").await;
        look.at("log-in at a chosen server").await;
        look.end().await;
    });
}
