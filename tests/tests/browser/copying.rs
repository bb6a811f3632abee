//! Copying: over plain HTTP, where browsers have no clipboard API, and where they refuse.

use crate::person::{Device, Person};
use crate::{story_twice, story_twice_with};

#[test]
fn copying_works_over_plain_http() {
    // The name is resolved by the browser, so the page is not a "secure context", as in most homes.
    story_twice_with(
        |_| {},
        |app| async move {
            let port = app.address(0).rsplit(':').next().unwrap_or_default().to_owned();
            let address = format!("http://chat.lan:{port}");
            let rules = "--host-resolver-rules=MAP chat.lan 127.0.0.1";
            let ada = Person::arrive_with(&address, Device::Desktop, &[rules]).await;
            ada.go("/register").await;
            ada.sign_up("ada", "Ada").await;
            ada.see("sidebar").await;
            assert_eq!(
                ada.evaluate("return window.isSecureContext || 'clipboard' in navigator;").await,
                false
            );
            let bob = app.person("bob").await;
            let room = bob.create_room("tea").await;
            bob.send(room, "copy me").await;
            ada.join(room).await;
            ada.read("copy me").await;
            ada.click_css("[data-testid=message]").await;
            ada.click("more").await;
            ada.click("copy").await;
            ada.until(
                "it says so",
                "document.querySelector('[data-testid=toast]')?.textContent.includes('Copied')",
            )
            .await;
            // Pasted with the keyboard.
            ada.see("composer").await.click().await.unwrap();
            ada.press("\u{E009}v").await;
            ada.has_written("copy me").await;
            ada.leave().await;
        },
    );
}

#[test]
fn what_cannot_be_copied_is_never_said_to_be() {
    story_twice(|app| async move {
        let ada = Person::register(&app.address(0), Device::Desktop, "ada", "Ada").await;
        let bob = app.person("bob").await;
        let room = bob.create_room("tea").await;
        bob.send(room, "copy me").await;
        ada.join(room).await;
        ada.read("copy me").await;
        ada.evaluate(
            "navigator.clipboard.writeText = () => Promise.reject(new DOMException('denied', 'NotAllowedError')); \
             document.execCommand = () => false;",
        )
        .await;
        ada.click_css("[data-testid=message]").await;
        ada.click("more").await;
        ada.click("copy").await;
        ada.see("copy-by-hand").await;
        // Selected, so that one key press is enough.
        ada.until(
            "the text is selected",
            "(() => { const area = document.querySelector('[data-testid=copy-by-hand]'); \
             return document.activeElement === area && area.value === 'copy me' \
             && area.selectionEnd - area.selectionStart === 7; })()",
        )
        .await;
        ada.picture("copy-by-hand").await;
        ada.miss("toast").await;
        ada.leave().await;
    });
}
