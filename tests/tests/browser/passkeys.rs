//! Passkeys, with Chromium's virtual authenticator.

use data_encoding::BASE32_NOPAD;
use parlour_chat::identity::totp;

use crate::person::{Device, Person};
use crate::{story_twice, story_twice_with};

const PASSWORD: &str = "correct horse battery";

/// Browsers allow passkeys only on host names.
pub fn by_name(address: &str) -> String {
    address.replace("127.0.0.1", "localhost")
}

async fn says(person: &Person, words: &str) {
    let text = format!("document.querySelector('[data-testid=form-error]')?.textContent.includes('{words}')");
    person.until(words, &text).await;
}

/// Waits until the page shows this many passkeys.
async fn count(person: &Person, number: usize) {
    let text = format!("document.querySelectorAll('[data-testid=passkey]').length === {number}");
    person.until("the passkeys", &text).await;
}

/// Switches to the dark theme, or back.
pub async fn dark(person: &Person, on: bool) {
    let theme = if on { "dark" } else { "light" };
    person.evaluate(&format!("document.documentElement.dataset.theme = '{theme}';")).await;
}

#[test]
fn a_passkey_is_added_used_and_removed() {
    story_twice(|app| async move {
        let address = by_name(&app.address(0));
        let ada = Person::register(&address, Device::Desktop, "ada", "Ada").await;
        let authenticator = ada.add_authenticator().await;
        ada.go("/settings/security").await;
        ada.see("no-passkeys").await;
        ada.fill("passkey_password", "wrong horse battery").await;
        ada.click("add-passkey").await;
        ada.until("it is refused", "document.querySelector('#note-passkey_password').matches('.bad')").await;

        // The browser's own dialog ends without consent.
        ada.set_verified(&authenticator, false).await;
        ada.fill("passkey_password", PASSWORD).await;
        ada.click("add-passkey").await;
        says(&ada, "No passkey was created").await;
        ada.picture("passkeys-Desktop-cancelled").await;
        ada.set_verified(&authenticator, true).await;
        ada.click("add-passkey").await;
        count(&ada, 1).await;
        ada.until("the form is empty", "document.querySelector('[name=passkey_password]').value === ''")
            .await;
        ada.fill("passkey_password", PASSWORD).await;
        ada.click("add-passkey").await;
        says(&ada, "already has a passkey of yours").await;

        ada.click("rename-passkey").await;
        ada.until("it has the focus", "document.activeElement.name === 'passkey_new_name'").await;
        ada.fill("passkey_new_name", ", the old one").await;
        ada.picture("passkeys-Desktop-rename").await;
        ada.click("rename-passkey-submit").await;
        let renamed =
            "document.querySelector('[data-testid=passkey-name]')?.textContent.endsWith(', the old one')";
        ada.until("it is renamed", renamed).await;
        ada.picture("passkeys-Desktop").await;
        dark(&ada, true).await;
        ada.picture("passkeys-Desktop-dark").await;
        dark(&ada, false).await;

        // Logging in without handle and password.
        ada.click("logout").await;
        ada.see("passkey-login").await;
        ada.picture("passkey-login-Desktop").await;
        ada.set_verified(&authenticator, false).await;
        ada.click("passkey-login").await;
        says(&ada, "No passkey was used").await;
        ada.set_verified(&authenticator, true).await;
        ada.click("passkey-login").await;
        ada.see("sidebar").await;
        ada.go("/settings/security").await;
        let used = "document.querySelector('[data-testid=passkey]')?.textContent.includes('last used')";
        ada.until("it was used", used).await;

        // Instead of a code.
        ada.fill("factor_password", PASSWORD).await;
        ada.click("factor-begin").await;
        let secret = ada.see("factor-secret").await.text().await.unwrap();
        let secret = BASE32_NOPAD.decode(secret.as_bytes()).unwrap();
        ada.see("qr-code").await;
        ada.picture("factor-qr-code-Desktop").await;
        ada.fill("factor_code", &totp::code(&secret, totp::step(app.now()))).await;
        ada.click("factor-confirm").await;
        ada.click("recovery-codes-kept").await;
        ada.see("second-factor-on").await;
        ada.click("logout").await;
        ada.see("login-form").await;
        ada.log_in("ada").await;
        ada.see("second-step-form").await;
        ada.see("passkey-step").await;
        ada.picture("passkey-step-Desktop").await;
        ada.click("passkey-step").await;
        ada.see("sidebar").await;

        // After the removal, the device's passkey no longer works.
        ada.go("/settings/security").await;
        ada.click("remove-passkey").await;
        ada.fill("passkey_remove_password", PASSWORD).await;
        ada.picture("passkeys-Desktop-remove").await;
        ada.click("remove-passkey-submit").await;
        ada.see("no-passkeys").await;
        ada.click("logout").await;
        ada.click("passkey-login").await;
        says(&ada, "match.").await;
        ada.leave().await;
    });
}

#[test]
fn browsers_that_write_no_json_have_passkeys_too() {
    story_twice(|app| async move {
        let bob = Person::register(&by_name(&app.address(0)), Device::Phone, "bob", "Bob").await;
        bob.add_authenticator().await;
        bob.go("/settings/security").await;
        bob.see("add-passkey-form").await;
        bob.evaluate(
            "const known = window.PublicKeyCredential;
             for (const name of ['parseCreationOptionsFromJSON', 'parseRequestOptionsFromJSON']) delete known[name];
             delete known.prototype.toJSON;",
        )
        .await;
        bob.until("they are gone", "!PublicKeyCredential.parseCreationOptionsFromJSON").await;
        bob.fill("passkey_password", PASSWORD).await;
        bob.click("add-passkey").await;
        count(&bob, 1).await;
        bob.evaluate("document.querySelector('[data-testid=passkeys]').scrollIntoView();").await;
        bob.picture("passkeys-Phone").await;
        dark(&bob, true).await;
        bob.picture("passkeys-Phone-dark").await;
        bob.click("logout").await;
        bob.see("passkey-login").await;
        bob.picture("passkey-login-Phone-dark").await;
        dark(&bob, false).await;
        bob.picture("passkey-login-Phone").await;
        // Still the same page: nothing was loaded again.
        bob.until("they are gone", "!PublicKeyCredential.parseRequestOptionsFromJSON").await;
        bob.click("passkey-login").await;
        bob.until("one is in", "!document.querySelector('[data-testid=login-form]')").await;
        bob.leave().await;
    });
}

#[test]
fn there_are_none_at_an_address_of_numbers() {
    let configure = |config: &mut parlour_server::Config| config.name = "Tearoom".to_owned();
    story_twice_with(configure, |app| async move {
        let ada = Person::arrive(&app.address(0), Device::Desktop).await;
        ada.go("/log-in").await;
        let told = "document.querySelector('.auth-brand')?.textContent.includes('Tearoom')";
        ada.until("the server has told about itself", told).await;
        ada.see("login-form").await;
        ada.until("there is no button", "!document.querySelector('[data-testid=passkey-login]')").await;
        ada.leave().await;

        let ada = Person::arrive(&by_name(&app.address(0)), Device::Desktop).await;
        ada.go("/log-in").await;
        ada.see("passkey-login").await;
        ada.leave().await;
    });
}
