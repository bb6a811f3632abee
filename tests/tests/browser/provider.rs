//! Logging in with an OpenID Connect provider: a real round trip through its page.

use parlour_server::Config;
use system_tests::provider::Provider;

use crate::person::{Device, Person};
use crate::story_twice_with;

/// The provider redirects people to an address that must be registered in advance.
pub fn guild() -> impl Fn(&mut Config) {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    move |config| {
        config.listen = format!("127.0.0.1:{port}");
        config.public_url = Some(format!("http://127.0.0.1:{port}"));
        Provider::shared().configure(config);
    }
}

#[test]
fn one_registers_logs_in_and_connects_with_the_provider() {
    story_twice_with(guild(), |app| async move {
        let provider = Provider::shared();
        provider.set_clock(app.now().0 / 1_000_000);
        let ada = Person::arrive(&app.address(0), Device::Desktop).await;
        ada.go("/log-in").await;
        ada.see("provider-log-in").await;
        ada.picture("provider-log-in-Desktop").await;
        ada.click("provider-log-in").await;
        // Straight back: the provider knows her. On this server she is new.
        ada.see("handle-form").await;
        ada.until("it is suggested", "document.querySelector('[name=handle]').value === 'grace'").await;
        ada.picture("provider-handle-Desktop").await;
        ada.click("handle-submit").await;
        ada.see("sidebar").await;
        ada.arrives_at("/").await;

        // She has no password, and sets one herself.
        ada.go("/settings/security").await;
        ada.see("no-password").await;
        ada.see("identity").await;
        ada.picture("provider-settings-Desktop").await;
        ada.click("logout").await;
        ada.see("login-form").await;
        // Logging in through the provider leads to the page that was opened, too.
        ada.go("/friends/requests").await;
        ada.click("provider-log-in").await;
        ada.see("sidebar").await;
        ada.arrives_at("/friends/requests").await;
        ada.leave().await;

        // Somebody who returns without a result is told so.
        let bob = Person::arrive(&app.address(0), Device::Phone).await;
        bob.go("/log-in/callback?error=access_denied").await;
        bob.see("form-error").await;
        bob.picture("provider-refused-Phone").await;
        bob.go("/log-in/callback?state=made&code=up").await;
        bob.see("form-error").await;
        bob.leave().await;

        // Somebody with a password tries to connect an identity that is already linked to another account.
        let eve = Person::register(&app.address(0), Device::Phone, "eve", "Eve").await;
        eve.go("/settings/security").await;
        eve.click("add-identity").await;
        eve.fill("identity_password", "wrong horse battery").await;
        eve.click("identity-submit").await;
        eve.until("it is refused", "document.querySelector('#note-identity_password').matches('.bad')").await;
        eve.fill("identity_password", "correct horse battery").await;
        eve.picture("provider-connect-Phone").await;
        eve.click("identity-submit").await;
        eve.see("form-error").await;
        eve.leave().await;
    });
}
