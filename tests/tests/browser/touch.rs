//! Fingers: a touch does what it was meant for, and never triggers something that appears under the finger.

use parlour_client::operations::MessagesAt;
use parlour_protocol::ids::{ConversationId, Seq};
use system_tests::{App, Person as Other};

use crate::person::{Device, ESCAPE, Person};
use crate::{room_of_bob, story};

const MENU: &str = "document.querySelector('[data-testid=message-menu]')";

/// A browser in a room with messages from Bob, and one of its own.
async fn in_a_room(app: &App, device: Device) -> (Person, Other, ConversationId, Vec<Seq>) {
    let lines =
        (0..14).map(|line| format!("line {line}, which is long enough to reach to the right of a phone"));
    let (bob, room, seqs) = room_of_bob(app, "tea", lines).await;
    let ada = Person::in_room(&app.address(0), device, room).await;
    ada.say("my own").await;
    ada.read("my own").await;
    (ada, bob, room, seqs)
}

/// A point in the middle of a row's height, at a fraction of its width.
async fn on_row(person: &Person, seq: Seq, part: f64) -> (f64, f64) {
    let at = person
        .evaluate(&format!(
            "const place = document.querySelector('[data-seq=\"{seq}\"] .body').getBoundingClientRect(); \
             return [innerWidth * {part}, place.top + place.height / 2];"
        ))
        .await;
    (at[0].as_f64().unwrap(), at[1].as_f64().unwrap())
}

/// Checks that nothing has happened except that the menu is open.
async fn expect_only_the_menu(person: &Person) {
    person.see("message-menu").await;
    let other = "return Boolean(document.querySelector('[data-testid=toast], [data-testid=confirm], .composer-mode, \
                 [data-testid=reaction]'));";
    assert_eq!(person.evaluate(other).await, false, "a touch has done something");
}

async fn close(person: &Person) {
    person.back().await;
    person.miss("message-menu").await;
}

#[test]
fn a_tap_shows_what_one_can_do_and_back_returns_to_the_same_place() {
    for device in [Device::SmallPhone, Device::Phone, Device::Tablet] {
        story(|app| async move {
            let (ada, _, _, seqs) = in_a_room(&app, device).await;
            let place = ada.path().await;
            let top =
                ada.evaluate("return document.querySelector('[data-testid=timeline]').scrollTop;").await;
            // Each on a row that was not touched before, also at the right, where the mouse actions are.
            for (index, part) in [0.52, 0.6, 0.7, 0.78, 0.88, 0.95].into_iter().enumerate() {
                let at = on_row(&ada, seqs[8 + index], part).await;
                ada.tap(at).await;
                expect_only_the_menu(&ada).await;
                close(&ada).await;
                assert_eq!(ada.path().await, place);
            }
            assert_eq!(
                ada.evaluate("return document.querySelector('[data-testid=timeline]').scrollTop;").await,
                top
            );
            assert_eq!(ada.evaluate("return Boolean(document.querySelector('.actions'));").await, false);
            // Each of its rows is high enough for a finger.
            ada.tap(on_row(&ada, seqs[12], 0.8).await).await;
            ada.see("message-menu").await;
            ada.picture(&format!("sheet-{device:?}")).await;
            let least = "return Math.min(...[...document.querySelectorAll('[data-testid=message-menu] button')] \
                         .map(one => Math.min(one.offsetHeight, one.offsetWidth)));";
            assert!(ada.evaluate(least).await.as_f64().unwrap() >= 40.0);
            let lowest = "return Math.min(...[...document.querySelectorAll('.menu-item')].map(one => one.offsetHeight));";
            assert!(ada.evaluate(lowest).await.as_f64().unwrap() >= 44.0);
            close(&ada).await;
            ada.leave().await;
        });
    }
}

#[test]
fn every_action_is_reached_with_a_finger() {
    for device in [Device::SmallPhone, Device::Phone, Device::Tablet] {
        story(|app| async move { reach_every_action(&app, device).await });
    }
}

async fn reach_every_action(app: &App, device: Device) {
    let (ada, bob, room, seqs) = in_a_room(app, device).await;
    let open = async |seq: Seq| {
        ada.tap(on_row(&ada, seq, 0.7).await).await;
        ada.see("message-menu").await;
        ada.until("it is ready for a finger", &settled()).await;
    };
    open(seqs[8]).await;
    ada.tap_css(".menu-emoji button").await;
    ada.see("reaction").await;
    ada.miss("message-menu").await;
    open(seqs[8]).await;
    ada.tap_css("[data-testid=reply-item]").await;
    ada.see("replying-to").await;
    ada.evaluate("document.querySelector('.composer-mode button').click();").await;
    ada.miss("replying-to").await;
    for item in ["copy", "copy-link"] {
        open(seqs[7]).await;
        ada.tap_css(&format!("[data-testid={item}]")).await;
        ada.miss("message-menu").await;
    }
    open(seqs[6]).await;
    ada.tap_css("[data-testid=block-author]").await;
    ada.see("confirm").await;
    ada.tap_css("dialog .button:not(.danger)").await;
    ada.miss("confirm").await;
    // Toasts cover the lowest rows for a while.
    ada.evaluate("document.querySelectorAll('.toast button').forEach(button => button.click());").await;
    ada.miss("toast").await;
    let page = bob.api.list_messages(room, &MessagesAt::Newest.limit(10)).await.unwrap();
    let own = page.items.last().unwrap().seq;
    open(own).await;
    ada.tap_css("[data-testid=edit-item]").await;
    ada.has_written("my own").await;
    ada.write(", edited").await;
    ada.tap_css("[data-testid=send]").await;
    ada.read("my own, edited (edited)").await;
    open(own).await;
    ada.tap_css("[data-testid=delete]").await;
    ada.tap_css("[data-testid=confirm]").await;
    ada.see("message-deleted").await;
    ada.leave().await;
}

/// A sheet ignores a tap that comes at once: it may have been meant for what was there before.
fn settled() -> String {
    format!(
        "(() => {{ const menu = {MENU}; menu.since ??= performance.now(); return performance.now() - menu.since > 400; }})()"
    )
}

#[test]
fn a_long_press_and_a_double_tap_hit_nothing_of_what_they_open() {
    story(|app| async move {
        let (ada, _, _, seqs) = in_a_room(&app, Device::Phone).await;
        // Low on the screen, where the sheet will be under the finger.
        let at = on_row(&ada, seqs[13], 0.4).await;
        ada.put_finger(at).await;
        ada.see("message-menu").await;
        ada.until("it has settled", &settled()).await;
        ada.lift_finger().await;
        expect_only_the_menu(&ada).await;
        close(&ada).await;
        ada.tap(at).await;
        ada.tap(at).await;
        expect_only_the_menu(&ada).await;
        close(&ada).await;
        ada.leave().await;
    });
}

#[test]
fn a_swipe_replies_and_scrolling_does_not() {
    story(|app| async move {
        let (ada, _, _, seqs) = in_a_room(&app, Device::Phone).await;
        let (_, y) = on_row(&ada, seqs[10], 0.5).await;
        ada.put_finger((120.0, y)).await;
        for x in [132.0, 150.0, 175.0, 200.0] {
            ada.move_finger((x, y + 2.0)).await;
        }
        ada.see("message").await;
        ada.until("the row follows", "document.querySelector('.message.swiping.ready')").await;
        ada.picture("swiping").await;
        ada.lift_finger().await;
        ada.until(
            "the reply says to what",
            "document.querySelector('[data-testid=replying-to]')?.textContent.startsWith('line 10')",
        )
        .await;
        ada.until("the row is back", "!document.querySelector('.swiping')").await;
        ada.evaluate("document.querySelector('.composer-mode button').click();").await;
        ada.miss("replying-to").await;
        // Vertical movement belongs to the page.
        let (_, y) = on_row(&ada, seqs[10], 0.5).await;
        ada.put_finger((150.0, y)).await;
        for step in 1..8 {
            ada.move_finger((152.0, y + 20.0 * f64::from(step))).await;
        }
        ada.lift_finger().await;
        assert_eq!(
            ada.evaluate("return Boolean(document.querySelector('.composer-mode, dialog[open]'));").await,
            false
        );
        ada.leave().await;
    });
}

#[test]
fn tapping_about_at_random_destroys_nothing() {
    story(|app| async move {
        let (ada, bob, room, _) = in_a_room(&app, Device::Phone).await;
        let before = bob.api.list_messages(room, &MessagesAt::Newest.limit(50)).await.unwrap().items.len();
        let mut random = fastrand::Rng::with_seed(1);
        let mut chance = move |below: u64| random.u64(..below) as f64;
        for _ in 0..500 {
            // Anywhere in the conversation, below its header.
            ada.tap((chance(390), 64.0 + chance(780))).await;
            // A confirmation was opened, which is as much as a tap may lead to: its own buttons are meant seriously.
            if ada.evaluate("return !!document.querySelector('dialog[open] [data-testid=confirm]');").await
                == true
            {
                ada.press(ESCAPE).await;
                ada.miss("confirm").await;
            }
            if !ada.path().await.starts_with("/c/") {
                ada.go(&format!("/c/{room}")).await;
                ada.see("composer").await;
            }
        }
        let after = bob.api.list_messages(room, &MessagesAt::Newest.limit(100)).await.unwrap().items;
        assert!(after.len() >= before && after.iter().all(|one| one.deleted_at.is_none()));
        let me = crate::another_device(&app, "ada").await;
        let blocks = me.call(reqwest::Method::GET, "/api/v1/blocks", None).await.text;
        assert!(blocks.contains("\"items\":[]"), "{blocks}");
        assert!(me.api.show_conversation(room).await.is_ok(), "still a member");
        ada.leave().await;
    });
}

#[test]
fn back_closes_what_lies_over_the_page_and_then_leads_where_one_came_from() {
    story(|app| async move {
        let (ada, _, room, seqs) = in_a_room(&app, Device::Phone).await;
        let here = format!("/c/{room}");
        let menu_away = async || {
            ada.tap(on_row(&ada, seqs[8], 0.7).await).await;
            ada.see("message-menu").await;
            ada.until("it is ready for a finger", &settled()).await;
        };
        // The member pane, once closed by Back and once by its own button.
        ada.click("toggle-members").await;
        ada.see("members").await;
        ada.back().await;
        ada.miss("members").await;
        assert_eq!(ada.path().await, here);
        ada.click("toggle-members").await;
        ada.see("members").await;
        ada.click_css(".details-head > button").await;
        ada.miss("members").await;
        // The sheet, once closed by Back and once by a tap beside it.
        menu_away().await;
        ada.back().await;
        ada.miss("message-menu").await;
        assert_eq!(ada.path().await, here);
        menu_away().await;
        ada.tap((200.0, 90.0)).await;
        ada.miss("message-menu").await;
        ada.until(
            "its entry is gone",
            "history.state === null || !String(history.state).startsWith('layer')",
        )
        .await;
        ada.go("/rooms").await;
        ada.see("room-card").await;
        ada.click("open-room").await;
        ada.see("composer").await;
        ada.back().await;
        ada.see("room-card").await;
        assert_eq!(ada.path().await, "/rooms");
        ada.leave().await;
    });
}
