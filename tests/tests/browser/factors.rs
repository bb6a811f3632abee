//! Logging in with a second factor, and regaining access without a password or an app.

use data_encoding::BASE32_NOPAD;
use parlour_chat::identity::totp;

use crate::person::{Device, Person};
use crate::story_twice;

#[test]
fn a_second_factor_is_turned_on_used_lost_and_removed() {
    story_twice(|app| async move {
        let root = app.admin("root").await;
        let ada = Person::register(&app.address(0), Device::Desktop, "ada", "Ada").await;
        ada.go("/settings/security").await;
        ada.fill("factor_password", "correct horse battery").await;
        ada.click("factor-begin").await;
        let secret = ada.see("factor-secret").await.text().await.unwrap();
        let secret = BASE32_NOPAD.decode(secret.as_bytes()).unwrap();
        let link = ada.see("factor-uri").await.attr("href").await.unwrap().unwrap();
        assert!(link.starts_with("otpauth://totp/Parlour:ada?secret="), "{link}");
        ada.picture("factor-secret-Desktop").await;
        let code = |off: i64| totp::code(&secret, totp::step(app.now()) + off);
        ada.fill("factor_code", "12345").await;
        ada.click("factor-confirm").await;
        ada.until("it is refused", "document.querySelector('#note-factor_code').matches('.bad')").await;
        ada.fill("factor_code", &code(0)).await;
        ada.click("factor-confirm").await;
        let recovery = ada.see("recovery-code").await.text().await.unwrap();
        ada.until("ten codes", "document.querySelectorAll('[data-testid=recovery-code]').length === 10")
            .await;
        ada.picture("recovery-codes-Desktop").await;
        ada.click("recovery-codes-kept").await;
        ada.see("second-factor-on").await;
        ada.click("logout").await;
        ada.see("login-form").await;

        // The code field has the focus at once; a wrong code is reported, and the right one lets in.
        ada.log_in("ada").await;
        ada.see("second-step-form").await;
        ada.until("it has the focus", "document.activeElement.name === 'code'").await;
        ada.until("phones offer the code", "document.activeElement.autocomplete === 'one-time-code'").await;
        ada.fill("code", "12345").await;
        ada.click("second-step-submit").await;
        ada.see("form-error").await;
        ada.fill("code", &code(1)).await;
        ada.click("second-step-submit").await;
        ada.see("sidebar").await;

        // The app is lost: a recovery code helps once, and an administrator for good.
        let phone = Person::arrive(&app.address(0), Device::Phone).await;
        phone.log_in("ada").await;
        phone.fill("code", &recovery).await;
        phone.picture("second-step-Phone").await;
        phone.click("second-step-submit").await;
        phone.until("one is in", "!document.querySelector('[data-testid=second-step-form]')").await;
        phone.leave().await;
        let id = root.api.show_user("ada").await.unwrap().user.id;
        let path = format!("/api/v1/admin/users/{id}/second-factor");
        root.call(reqwest::Method::DELETE, &path, None).await.expect(204);
        ada.see("login-form").await;
        ada.log_in("ada").await;
        ada.see("sidebar").await;
        ada.leave().await;
    });
}

#[test]
fn a_forgotten_password_is_set_again_by_a_link() {
    story_twice(|app| async move {
        app.person("bob").await;
        let ada = Person::register(&app.address(0), Device::Desktop, "ada", "Ada").await;
        app.promote("ada");
        ada.reload().await;
        ada.see("sidebar").await;
        ada.go("/admin/users").await;
        ada.see("admin-user").await;
        let button = "[...document.querySelectorAll('[data-testid=admin-user]')]\
                      .find(row => row.textContent.includes('@bob'))?.querySelector('[data-testid=make-reset-link]')";
        ada.until("bob is listed", button).await;
        ada.evaluate(&format!("({button}).click();")).await;
        ada.click("confirm").await;
        let link = ada.see("reset-link").await.text().await.unwrap();
        ada.picture("reset-link-Desktop-administrator").await;
        let path = link.strip_prefix(&app.address(0)).expect("a link to this server").to_owned();
        ada.leave().await;

        let bob = Person::arrive(&app.address(0), Device::Phone).await;
        bob.go(&path).await;
        bob.see("reset-form").await;
        bob.fill("new_password", "a much better one").await;
        bob.picture("reset-Phone").await;
        bob.click("reset-submit").await;
        bob.see("login-form").await;
        bob.arrives_at("/log-in").await;
        bob.fill("handle", "bob").await;
        bob.fill("password", "a much better one").await;
        bob.click("login-submit").await;
        bob.until("one is in", "!document.querySelector('[data-testid=login-form]')").await;

        // Once; and also for somebody who is logged in.
        bob.go("/rooms").await;
        bob.go(&path).await;
        bob.fill("new_password", "yet another one").await;
        bob.click("reset-submit").await;
        bob.see("form-error").await;
        bob.leave().await;
    });
}
