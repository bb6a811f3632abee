//! What was done without a response: nothing is lost, and nothing is done twice.

use parlour_client::operations::MessagesAt;
use parlour_protocol::ids::ConversationId;
use system_tests::Person as Other;

use crate::gate::Gate;
use crate::person::{Device, Person};
use crate::{story_twice, story_twice_with};

/// The texts in a room, as another member reads them.
async fn texts(reader: &Other, room: ConversationId) -> Vec<String> {
    let page = reader.api.list_messages(room, &MessagesAt::Newest.limit(50)).await.unwrap();
    page.items.into_iter().filter_map(|message| message.body).collect()
}

/// Waits until these are the texts in a room.
async fn settle(reader: &Other, room: ConversationId, expected: &[&str]) {
    let what = format!("the room holds {expected:?}");
    system_tests::eventually(&what, async || texts(reader, room).await == expected).await;
}

async fn in_a_room(gate: &Gate, room: ConversationId) -> Person {
    let ada = Person::in_room(&gate.address(), Device::Desktop, room).await;
    ada.say("before").await;
    ada.read("before").await;
    ada
}

#[test]
fn an_edit_without_a_connection_is_kept_and_made_later() {
    story_twice(|app| async move {
        let gate = Gate::before(&app.address(0)).await;
        let bob = app.person("bob").await;
        let room = bob.create_room("tea").await;
        let ada = in_a_room(&gate, room).await;
        gate.cut();
        ada.press("\u{E013}").await;
        ada.has_written("before").await;
        ada.write(" and after").await;
        ada.press("\u{E007}").await;
        ada.read("before and after").await;
        ada.see("edit-waiting").await;
        // Another edit, before the first one could be sent; and a reaction.
        ada.press("\u{E013}").await;
        ada.has_written("before and after").await;
        ada.write("!").await;
        ada.press("\u{E007}").await;
        ada.read("before and after!").await;
        ada.picture("edit-waiting").await;
        assert_eq!(texts(&bob, room).await, ["before"]);
        gate.mend();
        ada.miss("edit-waiting").await;
        ada.read("before and after! (edited)").await;
        settle(&bob, room, &["before and after!"]).await;
        ada.leave().await;
    });
}

#[test]
fn an_edit_that_comes_too_fast_is_made_a_little_later() {
    // The default limit: tests otherwise have limits that no person could reach.
    let usual = |config: &mut parlour_server::Config| config.sends_per_second = 5;
    story_twice_with(usual, |app| async move {
        let gate = Gate::before(&app.address(0)).await;
        let bob = app.person("bob").await;
        let room = bob.create_room("tea").await;
        let ada = in_a_room(&gate, room).await;
        // As if this tab had just done a great deal: the first edit is refused as too fast.
        ada.evaluate(
            "const send = WebSocket.prototype.send; let once = true; \
             WebSocket.prototype.send = function (text) { if (once && text.includes('\"edit\"')) { once = false; \
             for (let id = 1e6; id < 1e6 + 105; id++) send.call(this, JSON.stringify({ op: 'ping', id })); } \
             return send.call(this, text); };",
        )
        .await;
        ada.press("\u{E013}").await;
        ada.has_written("before").await;
        ada.write(", changed").await;
        ada.press("\u{E007}").await;
        ada.see("edit-waiting").await;
        ada.read("before, changed").await;
        ada.read("before, changed (edited)").await;
        settle(&bob, room, &["before, changed"]).await;
        ada.leave().await;
    });
}

#[test]
fn an_edit_that_is_refused_keeps_its_text_with_a_reason() {
    story_twice(|app| async move {
        let gate = Gate::before(&app.address(0)).await;
        let (bob, cy) = app.friends("bob", "cyril").await;
        let direct = bob.direct(&cy).await;
        let ada = Person::arrive(&gate.address(), Device::Phone).await;
        ada.log_in("bob").await;
        ada.see("sidebar").await;
        ada.evaluate("localStorage.setItem('parlour.theme', 'dark');").await;
        ada.go(&format!("/c/{direct}")).await;
        ada.say("before").await;
        ada.read("before").await;
        gate.cut();
        ada.press("\u{E013}").await;
        ada.write(" the end").await;
        ada.press("\u{E007}").await;
        ada.see("edit-waiting").await;
        cy.api.delete_friend(bob.id).await.unwrap();
        gate.mend();
        ada.see("retry").await;
        ada.read("before the end").await;
        ada.picture("edit-refused").await;
        // It is still there after a reload, until the user discards it.
        ada.reload().await;
        ada.read("before the end").await;
        ada.click("discard").await;
        ada.read("before").await;
        ada.leave().await;
    });
}

#[test]
fn a_message_that_waits_in_a_closed_tab_is_sent_once_by_another() {
    story_twice(|app| async move {
        let gate = Gate::before(&app.address(0)).await;
        let bob = app.person("bob").await;
        let room = bob.create_room("tea").await;
        let ada = in_a_room(&gate, room).await;
        let first = ada.open_tab().await;
        ada.go(&format!("/c/{room}")).await;
        ada.read("before").await;
        gate.cut();
        ada.say("one").await;
        ada.say("two").await;
        // The other tab shows it, too; the one that owns it is closed.
        ada.close_tab().await;
        ada.look_at(&first).await;
        ada.until(
            "what waits is shown",
            "document.querySelectorAll('[data-testid=message][data-state=sending]').length === 2",
        )
        .await;
        gate.mend();
        ada.read("two").await;
        settle(&bob, room, &["before", "one", "two"]).await;
        ada.until("nothing waits", "!Object.keys(localStorage).some(k => k.includes('.outbox.'))").await;
        assert_eq!(ada.messages().await, ["before", "one", "two"]);
        ada.leave().await;
    });
}

#[test]
fn a_message_that_waits_in_a_closed_browser_is_sent_once_at_the_next_start() {
    story_twice(|app| async move {
        let gate = Gate::before(&app.address(0)).await;
        let bob = app.person("bob").await;
        let room = bob.create_room("tea").await;
        let ada = in_a_room(&gate, room).await;
        gate.cut();
        ada.say("later").await;
        ada.until("it waits", "document.querySelector('[data-state=sending]')").await;
        ada.go_away().await;
        gate.mend();
        ada.go("/rooms").await;
        ada.see("sidebar").await;
        settle(&bob, room, &["before", "later"]).await;
        ada.leave().await;
    });
}

#[test]
fn two_open_tabs_send_what_waits_once_and_in_order() {
    story_twice(|app| async move {
        let gate = Gate::before(&app.address(0)).await;
        let bob = app.person("bob").await;
        let room = bob.create_room("tea").await;
        let ada = in_a_room(&gate, room).await;
        let first = ada.open_tab().await;
        ada.go(&format!("/c/{room}")).await;
        ada.read("before").await;
        gate.cut();
        ada.say("one").await;
        let second = ada.here().await;
        ada.look_at(&first).await;
        ada.say("two").await;
        ada.look_at(&second).await;
        ada.say("three").await;
        gate.mend();
        // A background tab may take its time to connect; the other one does not wait for it.
        ada.evaluate("window.dispatchEvent(new Event('online'));").await;
        settle(&bob, room, &["before", "one", "two", "three"]).await;
        for tab in [&first, &second] {
            ada.look_at(tab).await;
            ada.read("three").await;
            assert_eq!(ada.messages().await, ["before", "one", "two", "three"]);
        }
        ada.leave().await;
    });
}
