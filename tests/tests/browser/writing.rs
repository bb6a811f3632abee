//! Writing: drafts that are kept however they were changed, input methods, and the list of people to mention.

use crate::person::{Device, Person};
use crate::story_twice;

const ENTER: &str = "\u{E007}";
const TAB: &str = "\u{E004}";
const ESCAPE: &str = "\u{E00C}";
const UP: &str = "\u{E013}";

/// Presses a key as an input method does while composing a word, once as most browsers report it and once as Safari
/// does; true if something else handled it.
fn composed(css: &str, key: &str) -> String {
    format!(
        "return [{{ isComposing: true }}, {{ keyCode: 229 }}].some(how => {{ \
         const event = new KeyboardEvent('keydown', {{ key: '{key}', bubbles: true, cancelable: true, ...how }}); \
         document.querySelector('{css}').dispatchEvent(event); return event.defaultPrevented; }});"
    )
}

#[test]
fn a_draft_is_kept_whichever_way_it_was_changed() {
    story_twice(|app| async move {
        let bob = app.person("bob").await;
        let room = bob.create_room("tea").await;
        bob.send(room, "welcome").await;
        let ada = Person::in_room(&app.address(0), Device::Desktop, room).await;
        ada.read("welcome").await;
        ada.write("hi @bo").await;
        ada.see("mention-offer").await;
        ada.press(TAB).await;
        ada.has_written("hi @bob ").await;
        ada.reload().await;
        ada.has_written("hi @bob ").await;
        // By clicking the suggestion.
        ada.write("and @bo").await;
        ada.click("mention-offer").await;
        ada.has_written("hi @bob and @bob ").await;
        ada.reload().await;
        ada.has_written("hi @bob and @bob ").await;
        ada.press(ENTER).await;
        ada.read("hi @bob and @bob").await;
        ada.reload().await;
        ada.read("hi @bob and @bob").await;
        ada.has_written("").await;
        // The new text of an edit, and the message that is replied to.
        ada.see("composer").await.click().await.unwrap();
        ada.press(UP).await;
        ada.has_written("hi @bob and @bob").await;
        ada.write("!").await;
        ada.reload().await;
        ada.has_written("hi @bob and @bob!").await;
        ada.press(ESCAPE).await;
        ada.has_written("").await;
        ada.click_css("[data-testid=message]").await;
        ada.click("reply").await;
        ada.write("thanks").await;
        ada.reload().await;
        ada.has_written("thanks").await;
        ada.until(
            "it still answers",
            "document.querySelector('.composer-mode')?.textContent.includes('bob')",
        )
        .await;
        ada.leave().await;
    });
}

#[test]
fn keys_of_an_input_method_belong_to_it() {
    story_twice(|app| async move {
        let bob = app.person("bob").await;
        let room = bob.create_room("tea").await;
        bob.send(room, "welcome").await;
        let ada = Person::in_room(&app.address(0), Device::Desktop, room).await;
        ada.read("welcome").await;
        ada.write("日本").await;
        for key in ["Enter", "ArrowUp", "Escape", "Tab"] {
            assert_eq!(
                ada.evaluate(&composed("[data-testid=composer]", key)).await,
                false,
                "composer: {key}"
            );
        }
        ada.write(" @bo").await;
        ada.see("mention-offer").await;
        for key in ["Enter", "Tab", "ArrowDown", "Escape"] {
            assert_eq!(ada.evaluate(&composed("[data-testid=composer]", key)).await, false, "offers: {key}");
        }
        ada.has_written("日本 @bo").await;
        for key in ["ArrowUp", "End", "Home"] {
            assert_eq!(
                ada.evaluate(&composed("[data-testid=timeline]", key)).await,
                false,
                "timeline: {key}"
            );
        }
        ada.click("open-switcher").await;
        ada.see("switcher-input").await;
        let place = ada.path().await;
        for key in ["Enter", "ArrowDown", "ArrowUp"] {
            assert_eq!(
                ada.evaluate(&composed("[data-testid=switcher-input]", key)).await,
                false,
                "switcher: {key}"
            );
        }
        assert_eq!(ada.path().await, place);
        ada.see("switcher-input").await;
        ada.leave().await;
    });
}

#[test]
fn a_member_who_has_said_nothing_is_offered_in_a_list_that_is_announced() {
    story_twice(|app| async move {
        let bob = app.person("bob").await;
        let room = bob.create_room("tea").await;
        let hiro = app.person("hiroshi").await;
        hiro.join(room).await;
        let ada = Person::in_room(&app.address(0), Device::Desktop, room).await;
        ada.write("@hir").await;
        ada.see("mention-offer").await;
        ada.picture("mention-offers").await;
        // While typing, a screen reader announces how many there are and which one is selected.
        ada.until(
            "the field says that it has a list",
            "(() => { const field = document.querySelector('[data-testid=composer]'); \
             const list = document.getElementById(field.getAttribute('aria-controls')); \
             const chosen = document.getElementById(field.getAttribute('aria-activedescendant')); \
             return field.getAttribute('role') === 'combobox' && field.getAttribute('aria-expanded') === 'true' \
             && list?.getAttribute('role') === 'listbox' && list.getAttribute('aria-label') && list.contains(chosen) \
             && chosen.getAttribute('role') === 'option' && chosen.getAttribute('aria-selected') === 'true' \
             && chosen.textContent.includes('@hiroshi') \
             && document.querySelector('[data-testid=mention-status]').textContent.startsWith('1 person'); })()",
        )
        .await;
        ada.press(ENTER).await;
        ada.has_written("@hiroshi ").await;
        ada.miss("mention-offer").await;
        ada.until(
            "it is a plain field again",
            "!document.querySelector('[data-testid=composer]').hasAttribute('aria-activedescendant') \
             && document.querySelector('[data-testid=mention-status]').textContent === ''",
        )
        .await;
        ada.leave().await;
    });
}
