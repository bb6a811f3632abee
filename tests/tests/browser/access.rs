//! Who gets in, who is kept out, and how somebody leaves for good.

use parlour_protocol::accounts::Registration;

use crate::person::{Device, Person};
use crate::{story_twice, story_twice_with};

#[test]
fn somebody_is_blocked_and_folded_away_and_the_account_deleted() {
    story_twice(|app| async move {
        let ada = Person::register(&app.address(0), Device::Desktop, "ada", "Ada").await;
        let bob = app.person("bob").await;
        let room = bob.create_room("tea").await;
        ada.go("/rooms").await;
        ada.click("join-room").await;
        ada.see("composer").await;
        bob.send(room, "unkind words").await;
        ada.read("unkind words").await;
        ada.click("message").await;
        ada.click("more").await;
        ada.click("block-author").await;
        ada.click("confirm").await;
        ada.see("message-folded").await;
        // Later messages are folded, too; they can be shown all the same.
        bob.send(room, "more of them").await;
        let folded = "document.querySelectorAll('[data-testid=message-folded]').length";
        ada.until("both are folded", &format!("{folded} === 2")).await;
        ada.picture("blocked-Desktop").await;
        ada.click("unfold").await;
        ada.read("unkind words").await;

        ada.go("/u/bob").await;
        ada.see("blocked-notice").await;
        ada.go("/settings/privacy").await;
        ada.see("blocked-person").await;
        ada.picture("privacy-Desktop").await;
        // Radio buttons can be reached and chosen with the keyboard.
        ada.evaluate("document.querySelector('input[name=presence_to][value=friends]').focus();").await;
        ada.press("\u{e014}").await;
        ada.until(
            "one is invisible",
            "document.querySelector('input[name=presence_to][value=nobody]')?.checked",
        )
        .await;
        ada.click("unblock").await;
        ada.until("the list is empty", "!document.querySelector('[data-testid=blocked-person]')").await;
        ada.reload().await;
        ada.see("privacy-form").await;
        ada.until("it was kept", "document.querySelector('input[name=presence_to][value=nobody]')?.checked")
            .await;

        ada.go("/settings/data").await;
        ada.fill("export_password", "correct horse battery").await;
        ada.click("export-submit").await;
        ada.see("toast").await;
        ada.fill("delete_password", "correct horse battery").await;
        ada.click("delete-account").await;
        ada.click("confirm").await;
        ada.see("login-form").await;
        ada.leave().await;
        assert!(bob.api.show_user("ada").await.is_err(), "she is gone");
    });
}

#[test]
fn people_are_invited_or_let_in() {
    let by_approval = |config: &mut parlour_server::Config| config.registration = Registration::Approval;
    story_twice_with(by_approval, |app| async move {
        let bob = Person::arrive(&app.address(0), Device::Phone).await;
        bob.go("/register").await;
        bob.sign_up("bob", "Bob").await;
        bob.see("approval-pending").await;
        bob.log_in("bob").await;
        bob.see("form-error").await;

        // The first administrator is made by the command line, which also approves an account that waits.
        let ada = Person::arrive(&app.address(0), Device::Desktop).await;
        ada.go("/register").await;
        ada.sign_up("ada", "Ada").await;
        ada.see("approval-pending").await;
        app.promote("ada");
        ada.log_in("ada").await;
        ada.see("sidebar").await;
        ada.go("/admin/access").await;
        ada.click("approve").await;
        ada.until("nobody waits", "!document.querySelector('[data-testid=approval]')").await;
        bob.log_in("bob").await;
        bob.see("sidebar").await;
        bob.leave().await;

        ada.click("create-invite").await;
        let link = ada.see("invite-link").await.text().await.unwrap();
        ada.picture("access-Desktop-administrator").await;
        let path = link.strip_prefix(&app.address(0)).expect("a link to this server").to_owned();
        let cyril = Person::arrive(&app.address(0), Device::Desktop).await;
        cyril.go(&path).await;
        cyril.sign_up("cyril", "Cyril").await;
        cyril.see("sidebar").await;
        cyril.leave().await;

        ada.go("/admin/audit").await;
        ada.see("audit-entry").await;
        ada.until("the approval is noted", "document.querySelector('[data-kind=approved]')").await;
        ada.picture("audit-Desktop-administrator").await;
        ada.leave().await;
    });
}
