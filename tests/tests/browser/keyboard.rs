//! The keyboard alone: one stop for the timeline, a way back from everywhere, and a focus that is never lost.

use parlour_protocol::ids::ConversationId;
use system_tests::{App, Person as Other};

use crate::person::{Device, ESCAPE, Person};
use crate::{room_of_bob, story};

const ENTER: &str = "\u{E007}";
const TAB: &str = "\u{E004}";
const SHIFT_TAB: &str = "\u{E008}\u{E004}\u{E008}";
const UP: &str = "\u{E013}";
const DOWN: &str = "\u{E015}";
const RIGHT: &str = "\u{E014}";
const LEFT: &str = "\u{E012}";

async fn in_a_room(app: &App) -> (Person, Other, ConversationId) {
    let lines = (0..30).map(|line| format!("line {line} with https://example.org/{line}"));
    let (bob, room, _) = room_of_bob(app, "tea", lines).await;
    let ada = Person::in_room(&app.address(0), Device::Desktop, room).await;
    ada.read("line 29 with https://example.org/29").await;
    ada.say("my own").await;
    ada.read("my own").await;
    (ada, bob, room)
}

/// Waits until the focus is on what a selector names.
async fn focused(person: &Person, css: &str) {
    person.until(&format!("{css} has the focus"), &format!("document.activeElement?.matches({css:?})")).await;
}

/// Waits until the focus is on the row with this text.
async fn on_row(person: &Person, text: &str) {
    person
        .until(
            &format!("the row {text:?} has the focus"),
            &format!(
                "document.activeElement?.matches('.message') \
                 && document.activeElement.querySelector('.body').textContent.includes({text:?})"
            ),
        )
        .await;
}

#[test]
fn the_timeline_is_one_stop_and_arrows_go_through_it() {
    story(|app| async move {
        let (ada, _, _) = in_a_room(&app).await;
        focused(&ada, "#composer").await;
        ada.press(SHIFT_TAB).await;
        on_row(&ada, "my own").await;
        ada.press(SHIFT_TAB).await;
        ada.until("it is left", "!document.activeElement.closest('.timeline')").await;
        ada.press(TAB).await;
        on_row(&ada, "my own").await;
        ada.press(TAB).await;
        focused(&ada, "#composer").await;
        ada.press(SHIFT_TAB).await;
        ada.press(UP).await;
        on_row(&ada, "line 29").await;
        ada.press(UP).await;
        on_row(&ada, "line 28").await;
        ada.press(DOWN).await;
        on_row(&ada, "line 29").await;
        // Within a row: its link, then its actions, and back.
        ada.press(RIGHT).await;
        focused(&ada, ".message .text-link").await;
        ada.press(RIGHT).await;
        focused(&ada, "[data-testid=react]").await;
        ada.press(LEFT).await;
        focused(&ada, ".message .text-link").await;
        ada.press(ESCAPE).await;
        on_row(&ada, "line 29").await;
        ada.press("\u{E011}").await;
        on_row(&ada, "line 0 ").await;
        ada.press("\u{E010}").await;
        on_row(&ada, "my own").await;
        ada.press(ESCAPE).await;
        focused(&ada, "#composer").await;
        ada.leave().await;
    });
}

#[test]
fn what_is_typed_anywhere_is_written_in_the_composer() {
    story(|app| async move {
        let (ada, _, _) = in_a_room(&app).await;
        ada.press(SHIFT_TAB).await;
        on_row(&ada, "my own").await;
        ada.press("h").await;
        focused(&ada, "#composer").await;
        ada.press("i").await;
        ada.has_written("hi").await;
        // With no focus at all, and from a link in the sidebar.
        ada.evaluate("document.activeElement.blur();").await;
        ada.press("!").await;
        ada.has_written("hi!").await;
        ada.evaluate("document.querySelector('[data-testid=conversation-link]').focus();").await;
        ada.press("?").await;
        ada.see("shortcuts").await;
        ada.picture("shortcuts").await;
        ada.press(ESCAPE).await;
        ada.miss("shortcuts").await;
        ada.evaluate("document.querySelector('[data-testid=conversation-link]').focus();").await;
        ada.press(ESCAPE).await;
        focused(&ada, "#composer").await;
        ada.has_written("hi!").await;
        ada.leave().await;
    });
}

#[test]
fn the_focus_stays_where_one_was_after_everything_one_does() {
    story(|app| async move {
        let (ada, bob, room) = in_a_room(&app).await;
        ada.press(SHIFT_TAB).await;
        ada.press(UP).await;
        on_row(&ada, "line 29").await;
        // Reacting, from the menu of the row.
        ada.press(ENTER).await;
        ada.see("message-menu").await;
        focused(&ada, "[data-testid=reply-item]").await;
        ada.press(UP).await;
        focused(&ada, ".emoji-button").await;
        ada.press(RIGHT).await;
        ada.press(ENTER).await;
        ada.see("reaction").await;
        ada.miss("message-menu").await;
        on_row(&ada, "line 29").await;
        // Removing it with its own button, which disappears.
        ada.evaluate("document.querySelector('[data-testid=reaction]').focus();").await;
        ada.press(ENTER).await;
        ada.miss("reaction").await;
        on_row(&ada, "line 29").await;
        // The emoji picker beside its button closes with Escape.
        ada.press(RIGHT).await;
        ada.press(RIGHT).await;
        focused(&ada, "[data-testid=react]").await;
        ada.press(ENTER).await;
        ada.see("message-menu").await;
        ada.press(ESCAPE).await;
        ada.miss("message-menu").await;
        focused(&ada, "[data-testid=react]").await;
        ada.press(ESCAPE).await;
        on_row(&ada, "line 29").await;
        // Deleting asks for confirmation; Escape leads back to the row, and so does deleting.
        ada.press(DOWN).await;
        on_row(&ada, "my own").await;
        for confirm in [false, true] {
            ada.press(ENTER).await;
            ada.see("message-menu").await;
            ada.press("\u{E010}").await;
            focused(&ada, "[data-testid=delete]").await;
            ada.press(ENTER).await;
            ada.see("confirm").await;
            if confirm {
                ada.click("confirm").await;
                ada.see("message-deleted").await;
            } else {
                ada.press(ESCAPE).await;
            }
            ada.miss("confirm").await;
            ada.until("a row has the focus", "document.activeElement?.matches('.message')").await;
        }
        // Replying and sending.
        ada.press(UP).await;
        ada.press(ENTER).await;
        ada.press(ENTER).await;
        focused(&ada, "#composer").await;
        ada.press("thanks").await;
        ada.press(ENTER).await;
        ada.read("thanks").await;
        focused(&ada, "#composer").await;
        assert_eq!(bob.api.show_conversation(room).await.unwrap().unread, 1);
        ada.leave().await;
    });
}

#[test]
fn emptying_a_message_asks_whether_to_delete_it() {
    story(|app| async move {
        let (ada, _, _) = in_a_room(&app).await;
        ada.press(UP).await;
        ada.has_written("my own").await;
        ada.until("the message is marked", "document.querySelector('.message.editing')").await;
        ada.press("\u{E009}a\u{E009}").await;
        ada.press("\u{E003}").await;
        ada.has_written("").await;
        ada.press(ENTER).await;
        ada.see("confirm").await;
        ada.click("confirm").await;
        ada.see("message-deleted").await;
        ada.leave().await;
    });
}

/// Moves from stop to stop until a selector matches the focused element.
async fn tab_to(person: &Person, css: &str) {
    let there = format!("return Boolean(document.activeElement?.matches({css:?}));");
    for _ in 0..60 {
        if person.evaluate(&there).await == true {
            return;
        }
        person.press(TAB).await;
    }
    panic!("{css} is not reached with Tab");
}

#[test]
fn a_conversation_is_held_with_the_keyboard_alone() {
    story(|app| async move {
        let bob = app.person("bob").await;
        let (tea, coffee) = (bob.create_room("tea").await, bob.create_room("coffee").await);
        bob.send(tea, "shall we?").await;
        let ada = Person::register(&app.address(0), Device::Desktop, "ada", "Ada").await;
        for room in [coffee, tea] {
            ada.go("/rooms").await;
            ada.see("room-card").await;
            tab_to(&ada, &format!("[data-conversation-id='{room}'] [data-testid=join-room]")).await;
            ada.press(ENTER).await;
            ada.until(
                "the room is open",
                &format!("document.querySelector('[data-testid=chat]')?.dataset.conversationId === '{room}'"),
            )
            .await;
        }
        ada.read("shall we?").await;
        focused(&ada, "#composer").await;
        // Replying, reacting, editing.
        ada.press(SHIFT_TAB).await;
        on_row(&ada, "shall we?").await;
        ada.press(ENTER).await;
        focused(&ada, "[data-testid=reply-item]").await;
        ada.press(ENTER).await;
        ada.see("replying-to").await;
        ada.press("yes, at sx").await;
        ada.press(ENTER).await;
        ada.read("yes, at sx").await;
        ada.press(UP).await;
        ada.has_written("yes, at sx").await;
        ada.press("\u{E003}ix").await;
        ada.press(ENTER).await;
        ada.read("yes, at six (edited)").await;
        // To what was quoted, and back.
        ada.press(SHIFT_TAB).await;
        on_row(&ada, "yes, at six").await;
        ada.press(RIGHT).await;
        ada.press(RIGHT).await;
        focused(&ada, "[data-testid=quote]").await;
        ada.press(ENTER).await;
        on_row(&ada, "shall we?").await;
        ada.press(ESCAPE).await;
        focused(&ada, "#composer").await;
        // To the other room, by its name.
        ada.press("\u{E009}k\u{E009}").await;
        ada.see("switcher-input").await;
        ada.press("coffee").await;
        ada.until(
            "it is offered",
            "document.querySelector('#switcher-list .offer')?.textContent.includes('coffee')",
        )
        .await;
        ada.press(ENTER).await;
        ada.until(
            "the other room is open",
            &format!("document.querySelector('[data-testid=chat]')?.dataset.conversationId === '{coffee}'"),
        )
        .await;
        focused(&ada, "#composer").await;
        ada.press("here, too").await;
        ada.press(ENTER).await;
        ada.read("here, too").await;
        ada.leave().await;
    });
}
