//! Reading: the place under the eye, quotes, counters, attention, and text that stays within its bounds.

use std::time::Duration;

use parlour_client::native::fresh_cid;
use parlour_protocol::ids::{ConversationId, Seq};
use parlour_protocol::messages::{EditMessage, SendMessage};
use system_tests::Person as Other;

use crate::person::{Device, Person};
use crate::{another_device, numbered, room_of_bob, story_twice, story_twice_with};

const TIMELINE: &str = "document.querySelector('[data-testid=timeline]')";

async fn answer(author: &Other, room: ConversationId, to: Seq, body: &str) -> Seq {
    let message = SendMessage { body: body.to_owned(), reply_to: Some(to) };
    author.api.send_message(room, &fresh_cid(), &message).await.unwrap().seq
}

/// A browser in a room that already holds this many lines, and the position of each.
async fn in_a_long_room(app: &system_tests::App, lines: usize) -> (Person, Other, ConversationId, Vec<Seq>) {
    let (bob, room, seqs) = room_of_bob(app, "long", numbered(lines)).await;
    let ada = Person::in_room(&app.address(0), Device::Desktop, room).await;
    ada.read(&format!("line {}", lines - 1)).await;
    (ada, bob, room, seqs)
}

/// How far a row's top is below the top of the view, as a JavaScript expression.
fn offset(seq: Seq) -> String {
    format!(
        "(document.querySelector('[data-seq=\"{seq}\"]').getBoundingClientRect().top \
         - {TIMELINE}.getBoundingClientRect().top)"
    )
}

#[test]
fn the_row_under_the_eye_stays_when_something_above_it_changes() {
    story_twice_with(
        |config| config.sends_per_second = 1_000,
        |app| async move {
            let (ada, bob, room, seqs) = in_a_long_room(&app, 120).await;
            let at = seqs[60];
            // All of them are loaded, and row 60 is at the top.
            ada.until(
                "row 50 is loaded",
                &format!(
                    "(() => {{ if (document.querySelector('[data-seq=\"{}\"]')) return true; \
                     {TIMELINE}.scrollTop = 0; return false; }})()",
                    seqs[50]
                ),
            )
            .await;
            ada.until(
                "row 60 is at the top",
                &format!(
                    "(() => {{ const off = {}; if (Math.abs(off) < 2) return true; \
                     {TIMELINE}.scrollTop += off; return false; }})()",
                    offset(at)
                ),
            )
            .await;
            let before = ada.evaluate(&format!("return {};", offset(at))).await.as_f64().unwrap();
            bob.api.add_reaction(room, seqs[55], "👍").await.unwrap();
            let long: Vec<String> = (0..10).map(|line| format!("longer {line}")).collect();
            bob.api.edit_message(room, seqs[54], &EditMessage { body: long.join("\n") }).await.unwrap();
            ada.until("the change is drawn", "document.body.textContent.includes('longer 9')").await;
            ada.until("the reaction is drawn", "document.querySelector('[data-testid=reaction]')").await;
            let stays = format!("Math.abs({} - {before}) <= 2", offset(at));
            ada.until("row 60 has stayed", &stays).await;
            // Deleting reduces the height; a narrower window changes the height of every row.
            bob.api.delete_message(room, seqs[54]).await.unwrap();
            ada.until("it is deleted", "document.querySelector('[data-testid=message-deleted]')").await;
            ada.until("row 60 has stayed", &stays).await;
            ada.click("toggle-members").await;
            ada.see("members").await;
            ada.until("row 60 has stayed", &stays).await;
            ada.write("one").await;
            for _ in 0..5 {
                ada.press("\u{E008}\u{E007}").await;
            }
            ada.until("row 60 has stayed", &stays).await;
            ada.leave().await;
        },
    );
}

#[test]
fn the_end_stays_in_view_while_one_writes_many_lines() {
    story_twice_with(
        |config| config.sends_per_second = 1_000,
        |app| async move {
            let (ada, bob, room, _) = in_a_long_room(&app, 60).await;
            for _ in 0..9 {
                ada.press("x\u{E008}\u{E007}\u{E008}").await;
            }
            bob.send(room, "seen at once").await;
            ada.read("seen at once").await;
            let below =
                format!("{TIMELINE}.scrollHeight - {TIMELINE}.scrollTop - {TIMELINE}.clientHeight < 2");
            ada.until("the end is in view", &below).await;
            ada.miss("new-messages-pill").await;
            ada.leave().await;
        },
    );
}

#[test]
fn a_quote_is_followed_again_and_appears_when_its_message_is_known() {
    story_twice_with(
        |config| config.sends_per_second = 1_000,
        |app| async move {
            let (ada, bob, room, seqs) = in_a_long_room(&app, 90).await;
            answer(&bob, room, seqs[2], "as I said").await;
            ada.read("as I said").await;
            // The quoted message is far above what is loaded, and is shown all the same.
            ada.until(
                "the quote is shown",
                "document.querySelector('[data-testid=quote]')?.textContent.includes('line 2')",
            )
            .await;
            bob.api.edit_message(room, seqs[2], &EditMessage { body: "line two".into() }).await.unwrap();
            ada.until(
                "it follows",
                "document.querySelector('[data-testid=quote]')?.textContent.includes('line two')",
            )
            .await;
            let shown = format!("Math.abs({}) < 600", offset(seqs[2]));
            let there = format!("document.querySelector('[data-seq=\"{}\"]') && {shown}", seqs[2]);
            ada.click("quote").await;
            ada.until("it jumps", &there).await;
            // Down to the answer, and the same quote again: the address stays the same.
            for _ in 0..2 {
                let place = ada.path().await;
                ada.until(
                    "the answer is in view",
                    &format!(
                        "(() => {{ const quote = document.querySelector('[data-testid=quote]'); \
                         if (!quote) {{ {TIMELINE}.scrollTop = {TIMELINE}.scrollHeight; return false; }} \
                         quote.scrollIntoView(); return !({there}); }})()"
                    ),
                )
                .await;
                ada.click("quote").await;
                ada.until("it jumps again", &there).await;
                assert_eq!(ada.path().await, place);
            }
            ada.leave().await;
        },
    );
}

#[test]
fn nothing_is_read_in_a_window_that_nobody_looks_at() {
    story_twice(|app| async move {
        let bob = app.person("bob").await;
        let room = bob.create_room("tea").await;
        let ada = Person::in_room(&app.address(0), Device::Desktop, room).await;
        bob.send(room, "first").await;
        ada.read("first").await;
        ada.miss("unread-count").await;
        // Visible, but another window has the focus.
        ada.evaluate("document.hasFocus = () => false; window.dispatchEvent(new Event('blur'));").await;
        bob.send(room, "second").await;
        ada.read("second").await;
        ada.see("unread-count").await;
        ada.see("unread-divider").await;
        // Longer than it takes to mark visible messages as read.
        ada.evaluate("window.waited = false; setTimeout(() => window.waited = true, 600);").await;
        ada.until("a while", "window.waited").await;
        ada.see("unread-count").await;
        ada.evaluate("delete document.hasFocus; window.dispatchEvent(new Event('focus'));").await;
        ada.miss("unread-count").await;
        ada.leave().await;
    });
}

#[test]
fn what_is_deleted_unread_is_counted_no_more_anywhere() {
    story_twice(|app| async move {
        let ada = Person::register(&app.address(0), Device::Desktop, "ada", "Ada").await;
        let (bob, me) = (app.person("bob").await, another_device(&app, "ada").await);
        bob.befriend(&me).await;
        let direct = bob.direct(&me).await;
        ada.go("/friends").await;
        let first = bob.send(direct, "psst").await;
        let second = bob.send(direct, "are you there?").await;
        ada.until("two are unread", "document.title.startsWith('(2)')").await;
        bob.api.delete_message(direct, first).await.unwrap();
        ada.until("one is unread", "document.title.startsWith('(1)')").await;
        bob.api.delete_message(direct, second).await.unwrap();
        ada.miss("unread-count").await;
        ada.until("the title says nothing", "!document.title.startsWith('(')").await;
        ada.reload().await;
        ada.see("conversation-link").await;
        ada.miss("unread-count").await;
        ada.until("the title says nothing", "!document.title.startsWith('(')").await;
        // Counted by the server before the page was loaded, and deleted afterwards.
        let third = bob.send(direct, "again").await;
        ada.until("one is unread", "document.title.startsWith('(1)')").await;
        ada.reload().await;
        ada.until("one is unread", "document.title.startsWith('(1)')").await;
        bob.api.delete_message(direct, third).await.unwrap();
        ada.until("the title says nothing", "!document.title.startsWith('(')").await;
        ada.miss("unread-count").await;
        ada.leave().await;
    });
}

#[test]
fn peoples_text_stays_within_its_bounds() {
    story_twice(|app| async move {
        let bob = app.person("bob").await;
        let room = bob.create_room("tea").await;
        let turned = bob.send(room, "abc").await;
        bob.api
            .edit_message(room, turned, &EditMessage { body: "abc\u{5d0}\u{200F}def".into() })
            .await
            .unwrap();
        let piled = bob.send(room, &format!("Z{}", "\u{0300}\u{0316}".repeat(60))).await;
        let ada = Person::register(&app.address(0), Device::Phone, "ada", "Ada").await;
        ada.evaluate("localStorage.setItem('parlour.theme', 'dark');").await;
        ada.join(room).await;
        ada.until("both are there", "document.querySelectorAll('[data-testid=message]').length === 2").await;
        ada.picture("bounds").await;
        // "(edited)" stands after the text, whatever the direction of the text.
        ada.until(
            "the mark is after the text",
            "document.querySelector('.edited').getBoundingClientRect().left \
             >= document.querySelector('.said').getBoundingClientRect().right - 1",
        )
        .await;
        // Stacked combining marks are clipped at the row.
        let clipped = ada
            .evaluate(&format!(
                "return getComputedStyle(document.querySelector('[data-seq=\"{piled}\"] .body')).overflowY;"
            ))
            .await;
        assert_eq!(clipped, "clip");
        ada.leave().await;
    });
}

#[test]
fn the_page_goes_on_to_work_when_the_browser_has_translated_it() {
    story_twice(|app| async move {
        let bob = app.person("bob").await;
        let room = bob.create_room("tea").await;
        let first = bob.send(room, "guten Morgen").await;
        let ada = Person::in_room(&app.address(0), Device::Desktop, room).await;
        ada.read("guten Morgen").await;
        // What translators do: every translatable text is moved into <font> elements.
        ada.evaluate(
            "window.translate = () => { const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT); \
             const texts = []; while (walker.nextNode()) texts.push(walker.currentNode); \
             for (const text of texts) { const above = text.parentElement; \
             if (!text.data.trim() || !above.translate || above.closest('textarea, script, font')) continue; \
             const outer = document.createElement('font'), inner = document.createElement('font'); \
             inner.textContent = text.data.toUpperCase(); outer.append(inner); text.replaceWith(outer); } }; \
             window.translate(); new MutationObserver(window.translate).observe(document.body, \
             { childList: true, subtree: true, characterData: true });",
        )
        .await;
        ada.read("GUTEN MORGEN").await;
        bob.api.edit_message(room, first, &EditMessage { body: "guten Abend".into() }).await.unwrap();
        ada.read("GUTEN ABEND (edited)").await;
        bob.send(room, "wie geht es?").await;
        ada.read("WIE GEHT ES?").await;
        ada.say("gut").await;
        ada.read("GUT").await;
        bob.api.delete_message(room, first).await.unwrap();
        ada.see("message-deleted").await;
        assert_eq!(ada.messages().await, ["WIE GEHT ES?", "GUT"]);
        ada.click_css("a[href='/friends']").await;
        ada.see("add-friend-form").await;
        ada.click("conversation-link").await;
        ada.read("GUT").await;
        ada.leave().await;
    });
}

#[test]
fn nobody_is_called_away_whose_presence_one_may_not_know() {
    story_twice(|app| async move {
        let bob = app.person("bob").await;
        let room = bob.create_room("tea").await;
        let ada = Person::in_room(&app.address(0), Device::Desktop, room).await;
        ada.click("toggle-members").await;
        ada.until(
            "the groups are told apart",
            "(() => { const heads = [...document.querySelectorAll('.member-group h3')].map(e => e.textContent); \
             return heads.length === 2 && heads[0].startsWith('Online') && heads[1].startsWith('Members'); })()",
        )
        .await;
        ada.picture("members").await;
        ada.leave().await;
    });
}

#[test]
fn the_room_that_one_looks_at_is_never_unread_however_fast_it_goes() {
    story_twice_with(
        |config| config.sends_per_second = 1_000,
        |app| async move {
            let (ada, bob, room, _) = in_a_long_room(&app, 3).await;
            let me = another_device(&app, "ada").await;
            // Looks at every frame that the browser draws.
            ada.evaluate(
                "window.unread = []; const look = () => { \
                 for (const one of document.querySelectorAll('[data-testid=unread-count]')) unread.push(one.textContent); \
                 if (/^\\(/.test(document.title)) unread.push(document.title); \
                 requestAnimationFrame(look); }; look();",
            )
            .await;
            const EACH_SECOND: u32 = 50;
            let mut ticks = tokio::time::interval(Duration::from_secs(1) / EACH_SECOND);
            for number in 1..=5 * EACH_SECOND {
                ticks.tick().await;
                bob.send(room, &format!("fast {number}")).await;
                if number % EACH_SECOND == 0 {
                    // Her other devices are at most a second behind, plus one for a busy machine.
                    let unread = me.api.show_conversation(room).await.unwrap().unread;
                    assert!(unread < 2 * i64::from(EACH_SECOND), "{unread} unread after {number} messages");
                }
            }
            ada.read(&format!("fast {}", 5 * EACH_SECOND)).await;
            system_tests::eventually("all of it is read everywhere", async || {
                me.api.show_conversation(room).await.unwrap().unread == 0
            })
            .await;
            assert_eq!(ada.evaluate("return window.unread.join();").await, "");
            ada.leave().await;
        },
    );
}
