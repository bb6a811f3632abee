//! Paths, titles and the focus: every page has its own, also for people who are not logged in; and nothing that was
//! typed gets lost.

use crate::person::{Device, PASSWORD, Person};
use crate::story_twice;

fn value(name: &str) -> String {
    format!("document.querySelector('[name={name}]')?.value")
}

#[test]
fn every_page_for_guests_has_an_address_and_a_title() {
    story_twice(|app| async move {
        let ada = Person::arrive(&app.address(0), Device::Desktop).await;
        ada.go("/").await;
        ada.see("login-form").await;
        ada.arrives_at("/log-in").await;
        ada.is_titled("Log in · Parlour").await;
        ada.until("one can type at once", "document.activeElement.name === 'handle'").await;
        ada.click("go-register").await;
        ada.see("register-form").await;
        ada.arrives_at("/register").await;
        ada.is_titled("Create your account · Parlour").await;
        ada.reload().await;
        ada.see("register-form").await;
        ada.back().await;
        ada.see("login-form").await;
        ada.arrives_at("/log-in").await;
        ada.go("/login").await;
        ada.arrives_at("/log-in").await;
        for (path, title) in [
            ("/forgot", "Forgot your password?"),
            ("/reset", "Choose a new password"),
            ("/verify-email", "Confirm your email address"),
        ] {
            ada.go(path).await;
            ada.is_titled(&format!("{title} · Parlour")).await;
            ada.until("it has one heading", "document.querySelectorAll('h1').length === 1").await;
        }
        // A fresh browser: there was no session to ask for, and no error in the console.
        let asked = "performance.getEntriesByType('resource').some(one => one.name.includes('/sessions'))";
        assert_eq!(ada.evaluate(&format!("return {asked};")).await, false);
        ada.leave().await;
    });
}

#[test]
fn what_was_typed_outlives_a_reload_and_the_way_back() {
    story_twice(|app| async move {
        let ada = Person::arrive(&app.address(0), Device::Desktop).await;
        ada.go("/log-in").await;
        ada.fill("handle", "ada").await;
        ada.fill("password", PASSWORD).await;
        ada.click("go-register").await;
        ada.fill("handle", "ada_l").await;
        ada.fill("display_name", "Ada Lovelace").await;
        ada.until("it is kept", "history.state?.includes('Ada Lovelace')").await;
        ada.reload().await;
        ada.until(
            "both are there",
            &format!("{} === 'ada_l' && {} === 'Ada Lovelace'", value("handle"), value("display_name")),
        )
        .await;
        ada.back().await;
        ada.see("login-form").await;
        ada.until("it is there", &format!("{} === 'ada'", value("handle"))).await;
        assert_eq!(
            ada.evaluate(&format!("return {};", value("password"))).await,
            "",
            "passwords are not kept"
        );

        // The same when logged in; and none of it reaches the next person.
        ada.go("/register").await;
        ada.sign_up("ada", "Ada").await;
        ada.see("sidebar").await;
        ada.go("/friends").await;
        ada.fill("friend", "@bo").await;
        ada.until("it is kept", "history.state?.includes('@bo')").await;
        ada.go("/settings").await;
        ada.fill("bio", "I count.").await;
        ada.until("it is kept", "history.state?.includes('I count.')").await;
        ada.reload().await;
        ada.until("the bio is there", &format!("{} === 'I count.'", value("bio"))).await;
        ada.back().await;
        ada.until("the friend is there", &format!("{} === '@bo'", value("friend"))).await;
        ada.go("/settings").await;
        ada.click("logout").await;
        ada.see("login-form").await;
        ada.click("go-register").await;
        ada.sign_up("bob", "Bob").await;
        ada.see("sidebar").await;
        // Leaving the form behind is a step of the history as well.
        ada.arrives_at("/").await;
        ada.evaluate("history.go(-2);").await;
        // The browser may restore the page as it was left, which then notices that somebody else is logged in.
        ada.arrives_at("/friends").await;
        ada.reload().await;
        ada.see("add-friend-form").await;
        assert_eq!(ada.evaluate(&format!("return {};", value("friend"))).await, "");
        ada.leave().await;
    });
}

#[test]
fn a_link_that_was_opened_without_a_session_comes_back_after_the_log_in() {
    story_twice(|app| async move {
        let bob = app.person("bob").await;
        let room = bob.create_room("tea").await;
        let ada = Person::arrive(&app.address(0), Device::Phone).await;
        ada.go(&format!("/c/{room}")).await;
        ada.see("login-form").await;
        ada.arrives_at(&format!("/log-in?next=/c/{room}")).await;
        // By way of another page.
        ada.click("go-register").await;
        ada.see("register-form").await;
        ada.sign_up("ada", "Ada").await;
        ada.click("join-room").await;
        ada.see("composer").await;
        ada.arrives_at(&format!("/c/{room}")).await;

        // A log-out leaves none of it to the next person.
        ada.go("/settings/security").await;
        ada.click("logout").await;
        ada.see("login-form").await;
        ada.arrives_at("/log-in").await;
        ada.log_in("ada").await;
        ada.see("sidebar").await;
        ada.arrives_at("/").await;
        // Another server is not an allowed target.
        ada.go("/log-in?next=//example.org/").await;
        ada.arrives_at("/").await;
        ada.leave().await;
    });
}

#[test]
fn after_a_link_the_focus_and_the_title_are_the_pages() {
    story_twice(|app| async move {
        let bob = app.person("bob").await;
        let room = bob.create_room("tea").await;
        let ada = Person::register(&app.address(0), Device::Desktop, "ada", "Ada Lovelace").await;
        ada.is_titled("Home · Parlour").await;
        for (link, heading, title) in [
            ("a[href='/friends']", "Friends", "Friends · Parlour"),
            ("a[href='/notifications']", "Activity", "Activity · Parlour"),
            ("a[href='/rooms']", "Rooms", "Rooms · Parlour"),
            ("a[href='/settings']", "Settings", "Profile · Settings · Parlour"),
        ] {
            ada.click_css(link).await;
            ada.is_titled(title).await;
            let focused = format!(
                "document.activeElement.matches('main h1') && document.activeElement.textContent === '{heading}'"
            );
            ada.until(&format!("the focus is on {heading}"), &focused).await;
        }
        // A tab keeps the focus, and what it has opened is announced.
        ada.click_css("main a[href='/settings/privacy']").await;
        ada.is_titled("Privacy · Settings · Parlour").await;
        ada.until("the tab has the focus", "document.activeElement.matches('a[href=\"/settings/privacy\"]')")
            .await;
        ada.until(
            "it is said",
            "document.querySelector('[data-testid=announcer]').textContent.includes('Privacy · Settings')",
        )
        .await;
        ada.join(room).await;
        ada.is_titled("tea · Parlour").await;
        for (path, title) in [
            ("/u/bob".to_owned(), "bob · Parlour"),
            ("/friends/requests".to_owned(), "Requests · Friends · Parlour"),
            ("/admin".to_owned(), "For administrators · Parlour"),
            ("/no/such/place".to_owned(), "Page not found · Parlour"),
        ] {
            ada.go(&path).await;
            ada.is_titled(title).await;
            ada.until("it has one heading", "document.querySelectorAll('main h1').length === 1").await;
        }
        ada.leave().await;
    });
}

#[test]
fn other_tabs_follow_the_theme_and_the_log_out() {
    story_twice(|app| async move {
        let ada = Person::register(&app.address(0), Device::Desktop, "ada", "Ada").await;
        ada.go("/friends").await;
        let first = ada.open_tab().await;
        ada.go("/settings/appearance").await;
        ada.click_css("input[name=theme][value=dark] + *").await;
        let second = ada.here().await;
        ada.look_at(&first).await;
        ada.until("it is dark here, too", "document.documentElement.dataset.theme === 'dark'").await;
        ada.look_at(&second).await;
        ada.click("logout").await;
        ada.see("login-form").await;
        ada.arrives_at("/log-in").await;
        ada.look_at(&first).await;
        ada.see("login-form").await;
        ada.arrives_at("/log-in").await;
        ada.until(
            "it says so",
            "document.querySelector('.notice').textContent === \"You've been logged out.\"",
        )
        .await;
        ada.leave().await;
    });
}
