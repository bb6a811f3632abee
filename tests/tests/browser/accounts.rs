//! Several accounts in one browser: nobody acts for another, and nothing of the previous one is left for the next.

use parlour_client::operations::calls;
use system_tests::App;

use crate::person::{Device, PASSWORD, Person};
use crate::{another_device, story_twice};

/// Everything that the page has stored on the device.
const KEPT: &str =
    "Object.keys(localStorage).concat(Object.keys(sessionStorage)).filter(k => k.startsWith('parlour'))";

/// Creates a room through the API, and returns its path.
async fn room(app: &App, owner: &str) -> String {
    format!("/c/{}", app.person(owner).await.create_room("tea").await)
}

/// Somebody in a browser who has left something on the device: a draft, a theme, their place.
async fn with_a_draft(app: &App, place: &str) -> Person {
    let ada = Person::register(&app.address(0), Device::Desktop, "ada", "Ada").await;
    ada.go("/settings/appearance").await;
    ada.click_css("input[name=theme][value=dark] + *").await;
    ada.go(place).await;
    ada.click("join-room").await;
    ada.write("nobody shall see this").await;
    ada.until("the draft is kept", "Object.keys(localStorage).some(k => k.includes('draft'))").await;
    ada
}

async fn find_nothing(browser: &Person, place: &str) {
    browser.see("login-form").await;
    browser.until("nothing is kept", &format!("{KEPT}.length === 0")).await;
    browser.until("no look is kept", "!document.documentElement.dataset.theme").await;
    browser.go("/register").await;
    browser.sign_up("bob", "Bob").await;
    browser.see("sidebar").await;
    browser.go(place).await;
    browser.click("join-room").await;
    browser.see("composer").await;
    browser.has_written("").await;
}

#[test]
fn logging_out_leaves_nothing_on_the_device() {
    story_twice(|app| async move {
        let place = room(&app, "host").await;
        let ada = with_a_draft(&app, &place).await;
        ada.go("/settings").await;
        ada.click("logout").await;
        find_nothing(&ada, &place).await;
        ada.leave().await;
    });
}

#[test]
fn a_session_that_is_ended_elsewhere_leaves_nothing_on_the_device() {
    story_twice(|app| async move {
        let place = room(&app, "host").await;
        let ada = with_a_draft(&app, &place).await;
        let elsewhere = another_device(&app, "ada").await.api;
        let sessions = elsewhere.every(calls::list_sessions).await.unwrap().items;
        // A second tab is notified, too.
        let first = ada.open_tab().await;
        ada.go("/rooms").await;
        ada.see("sidebar").await;
        for session in sessions.iter().filter(|one| !one.current) {
            elsewhere.delete_session(session.id).await.unwrap();
        }
        ada.see("login-form").await;
        ada.close_tab().await;
        ada.look_at(&first).await;
        find_nothing(&ada, &place).await;
        ada.leave().await;
    });
}

#[test]
fn a_session_that_was_ended_while_no_page_was_open_leaves_nothing_on_the_device() {
    story_twice(|app| async move {
        let place = room(&app, "host").await;
        let ada = with_a_draft(&app, &place).await;
        ada.go_away().await;
        let elsewhere = another_device(&app, "ada").await.api;
        for session in
            elsewhere.every(calls::list_sessions).await.unwrap().items.iter().filter(|one| !one.current)
        {
            elsewhere.delete_session(session.id).await.unwrap();
        }
        ada.go("/").await;
        find_nothing(&ada, &place).await;
        ada.leave().await;
    });
}

#[test]
fn a_deleted_account_leaves_nothing_on_the_device() {
    story_twice(|app| async move {
        let place = room(&app, "host").await;
        let ada = with_a_draft(&app, &place).await;
        ada.go("/settings/data").await;
        ada.fill("delete_password", PASSWORD).await;
        ada.click("delete-account").await;
        ada.click("confirm").await;
        find_nothing(&ada, &place).await;
        ada.leave().await;
    });
}

#[test]
fn a_tab_stops_when_somebody_else_signs_in_in_another() {
    story_twice(|app| async move {
        let ada = Person::arrive(&app.address(0), Device::Desktop).await;
        ada.go("/register").await;
        ada.see("register-form").await;
        // Opened before anyone was signed in.
        let first = ada.open_tab().await;
        ada.go("/register").await;
        ada.see("register-form").await;
        let second = ada.here().await;
        ada.look_at(&first).await;
        ada.sign_up("ada", "Ada").await;
        ada.see("sidebar").await;
        ada.look_at(&second).await;
        ada.sign_up("bob", "Bob").await;
        ada.see("sidebar").await;
        ada.look_at(&first).await;
        ada.see("replaced").await;
        ada.miss("sidebar").await;
        ada.picture("replaced").await;
        ada.click("replaced-reload").await;
        ada.see("sidebar").await;
        ada.until("Bob is shown", "document.querySelector('.myself').textContent.includes('@bob')").await;
        ada.leave().await;
    });
}

#[test]
fn a_tab_that_was_not_told_finds_out_when_it_refreshes_its_token() {
    story_twice(|app| async move {
        let place = room(&app, "host").await;
        let ada = Person::arrive(&app.address(0), Device::Desktop).await;
        ada.go("/register").await;
        ada.see("register-form").await;
        let first = ada.open_tab().await;
        ada.go("/register").await;
        ada.see("register-form").await;
        let second = ada.here().await;
        ada.look_at(&first).await;
        ada.sign_up("ada", "Ada").await;
        ada.see("sidebar").await;
        ada.go(&place).await;
        ada.click("join-room").await;
        ada.see("composer").await;
        // As in a browser that stores nothing: no tab is notified by the others.
        ada.evaluate(
            "Storage.prototype.getItem = () => null; Storage.prototype.setItem = Storage.prototype.removeItem = () => {};",
        )
        .await;
        ada.look_at(&second).await;
        ada.sign_up("bob", "Bob").await;
        ada.see("sidebar").await;
        ada.look_at(&first).await;
        ada.see("composer").await;
        // Its token is not valid any more; a request with it leads to a refresh, with the cookie, which is Bob's.
        ada.evaluate(
            "const fetch = window.fetch; window.fetch = request => { \
             if (!request.url.includes('/sessions/')) request.headers.set('Authorization', 'Bearer nonsense'); \
             return fetch(request); };",
        )
        .await;
        ada.click("toggle-members").await;
        ada.see("replaced").await;
        ada.look_at(&second).await;
        ada.reload().await;
        ada.until("Bob is shown", "document.querySelector('.myself')?.textContent.includes('@bob')").await;
        ada.leave().await;
    });
}
