//! The timeline tells the truth: gaps are gaps, the end is the end, what was seen is read.

use parlour_protocol::messages::SendMessage;

use crate::gate::Gate;
use crate::person::{Device, Person};
use crate::{another_device, numbered, room_of_bob, story_twice, story_twice_with};

const TIMELINE: &str = "document.querySelector('[data-testid=timeline]')";
const BELOW: &str = "(document.querySelector('[data-testid=timeline]').scrollHeight \
     - document.querySelector('[data-testid=timeline]').scrollTop \
     - document.querySelector('[data-testid=timeline]').clientHeight)";

fn fast(config: &mut parlour_server::Config) {
    config.sends_per_second = 10_000;
}

/// The numbers of all lines that are drawn, as JavaScript.
const LINES: &str = "[...document.querySelectorAll('[data-testid=message-body]')] \
     .map(one => one.textContent.trim()).filter(text => text.startsWith('line ')).map(text => Number(text.slice(5)))";

#[test]
fn a_room_that_could_not_be_loaded_is_whole_when_the_line_is_back() {
    story_twice(|app| async move {
        let gate = Gate::before(&app.address(0)).await;
        let bob = app.person("bob").await;
        let (quiet, tea) = (bob.create_room("quiet").await, bob.create_room("tea").await);
        bob.send(quiet, "old").await;
        let ada = Person::in_room(&gate.address(), Device::Desktop, quiet).await;
        ada.join(tea).await;
        ada.reload().await;
        ada.see("composer").await;
        gate.cut();
        ada.see("connection-banner").await;
        ada.click_css(&format!("[data-testid=conversation-link][data-conversation-id='{quiet}']")).await;
        ada.until("it cannot be loaded", "document.querySelector('.timeline [role=alert]')").await;
        ada.until(
            "nothing else is drawn",
            "!document.querySelector('.timeline-rows .beginning, .timeline-rows .message')",
        )
        .await;
        bob.send(quiet, "new").await;
        gate.mend();
        ada.evaluate("window.dispatchEvent(new Event('online'));").await;
        ada.read("new").await;
        assert_eq!(ada.messages().await, ["old", "new"]);
        ada.until("and this is its beginning", "document.querySelector('.beginning')").await;
        ada.leave().await;
    });
}

#[test]
fn latest_goes_to_the_end_and_what_is_between_is_a_gap_that_loads_by_itself() {
    story_twice_with(fast, |app| async move {
        let (bob, room, seqs) = room_of_bob(&app, "long", numbered(200)).await;
        let ada = Person::in_room(&app.address(0), Device::Desktop, room).await;
        ada.read("line 199").await;
        ada.go(&format!("/c/{room}/{}", seqs[10])).await;
        ada.read("line 10").await;
        ada.click("new-messages-pill").await;
        ada.read("line 199").await;
        ada.until("the end is in view", &format!("{BELOW} < 2")).await;
        ada.miss("unread-divider").await;
        ada.see("gap").await;
        ada.picture("gap").await;
        let held = "(() => { const rows = [...document.querySelectorAll('.timeline .message, .timeline .gap')]; \
             let last = null; for (const row of rows) { if (row.matches('.gap')) { last = null; continue; } \
             const line = Number(row.querySelector('.body').textContent.trim().slice(5)); \
             if (last !== null && line !== last + 1) return false; last = line; } return true; })()";
        ada.until("every gap is marked", held).await;
        // Up into the gap, page by page.
        ada.until(
            "the gap is closed",
            "(() => { const gap = document.querySelector('.gap'); gap?.scrollIntoView({ block: 'end' }); return !gap; })()",
        )
        .await;
        ada.until("nothing is missing", held).await;
        ada.until(
            "the beginning is loaded",
            &format!("(() => {{ {TIMELINE}.scrollTop = 0; return document.querySelector('.beginning') && {LINES}[0] === 0; }})()"),
        )
        .await;
        bob.send(room, "news").await;
        ada.click("new-messages-pill").await;
        ada.read("news").await;
        ada.until("the end is in view", &format!("{BELOW} < 2")).await;
        ada.leave().await;
    });
}

#[test]
fn with_many_unread_one_click_goes_to_the_end() {
    story_twice_with(fast, |app| async move {
        let (bob, room, _) = room_of_bob(&app, "busy", numbered(3)).await;
        let ada = Person::in_room(&app.address(0), Device::Desktop, room).await;
        ada.read("line 2").await;
        ada.go("/rooms").await;
        ada.see("room-card").await;
        for line in 3..133 {
            bob.send(room, &format!("line {line}")).await;
        }
        ada.see("unread-count").await;
        ada.click("conversation-link").await;
        ada.see("unread-divider").await;
        ada.until(
            "the mark is before the first unread one",
            "document.querySelector('.unread-line').nextElementSibling?.querySelector('.body').textContent.trim() === 'line 3'",
        )
        .await;
        ada.click("new-messages-pill").await;
        ada.read("line 132").await;
        ada.until("the end is in view", &format!("{BELOW} < 2")).await;
        ada.miss("new-messages-pill").await;
        ada.miss("unread-count").await;
        ada.leave().await;
    });
}

#[test]
fn a_reader_further_up_in_a_busy_room_stays_where_they_are_and_rows_stay_few() {
    story_twice_with(fast, |app| async move {
        let (bob, room, seqs) = room_of_bob(&app, "busy", numbered(120)).await;
        let ada = Person::in_room(&app.address(0), Device::Desktop, room).await;
        ada.read("line 119").await;
        let row = format!("document.querySelector('[data-seq=\"{}\"]')", seqs[60]);
        ada.until(
            "line 60 is in view",
            &format!(
                "(() => {{ const row = {row}; if (!row) {{ {TIMELINE}.scrollTop = 0; return false; }} \
                 const off = row.getBoundingClientRect().top - {TIMELINE}.getBoundingClientRect().top; \
                 if (Math.abs(off - 40) < 2) return true; {TIMELINE}.scrollTop += off - 40; return false; }})()"
            ),
        )
        .await;
        let at = ada.evaluate(&format!("return {row}.getBoundingClientRect().top;")).await.as_f64().unwrap();
        let mut last = 0;
        for line in 120..520 {
            last = bob.send(room, &format!("line {line}")).await;
        }
        ada.until(
            "they are counted",
            "document.querySelector('[data-testid=new-messages-pill]').textContent.includes('400 new')",
        )
        .await;
        let count = ada.evaluate("return document.querySelectorAll('.timeline .message').length;").await;
        assert!(count.as_i64().unwrap() <= 300, "{count} rows");
        let now = ada.evaluate(&format!("return {row}.getBoundingClientRect().top;")).await.as_f64().unwrap();
        assert!((now - at).abs() <= 2.0, "moved from {at} to {now}");
        ada.click("new-messages-pill").await;
        ada.until("the last one is there", &format!("document.querySelector('[data-seq=\"{last}\"]')")).await;
        ada.until("the end is in view", &format!("{BELOW} < 2")).await;
        ada.leave().await;
    });
}

#[test]
fn the_end_is_followed_whatever_the_draft_does() {
    story_twice_with(fast, |app| async move {
        let (bob, room, _) = room_of_bob(&app, "long", numbered(60)).await;
        let ada = Person::in_room(&app.address(0), Device::Desktop, room).await;
        ada.read("line 59").await;
        let end = format!("{BELOW} < 2 && !document.querySelector('[data-testid=new-messages-pill]')");
        // Pasted: all at once.
        ada.evaluate(
            "const area = document.querySelector('#composer'); area.focus(); \
             document.execCommand('insertText', false, Array(30).fill('pasted').join('\\n'));",
        )
        .await;
        ada.until("the end is in view", &end).await;
        bob.send(room, "seen at once").await;
        ada.read("seen at once").await;
        ada.until("the end is in view", &end).await;
        ada.miss("unread-count").await;
        ada.picture("long-draft").await;
        ada.evaluate("document.execCommand('selectAll'); document.execCommand('delete');").await;
        ada.has_written("").await;
        ada.until("the end is in view", &end).await;
        bob.send(room, "and this").await;
        ada.read("and this").await;
        ada.until("the end is in view", &end).await;
        ada.leave().await;
    });
}

#[test]
fn what_is_looked_at_is_read_at_once_and_known_to_the_server_when_one_leaves() {
    story_twice_with(fast, |app| async move {
        let (bob, room, _) = room_of_bob(&app, "busy", numbered(3)).await;
        let ada = Person::in_room(&app.address(0), Device::Desktop, room).await;
        let me = another_device(&app, "ada").await;
        ada.read("line 2").await;
        ada.miss("unread-count").await;
        ada.evaluate(
            "window.badges = 0; new MutationObserver(() => { if (document.querySelector('[data-testid=unread-count]')) \
             window.badges += 1; }).observe(document.body, { childList: true, subtree: true, characterData: true });",
        )
        .await;
        for line in 3..103 {
            bob.send(room, &format!("line {line}")).await;
        }
        ada.read("line 102").await;
        assert_eq!(ada.evaluate("return window.badges;").await, 0, "the room that is read shows a counter");
        // Left at the same moment, for another page and for another site.
        ada.click_css("a[href='/friends']").await;
        system_tests::eventually("all is read", async || {
            me.api.show_conversation(room).await.unwrap().unread == 0
        })
        .await;
        ada.click("conversation-link").await;
        ada.read("line 102").await;
        bob.send(room, "one more").await;
        ada.read("one more").await;
        bob.send(room, "the last").await;
        ada.read("the last").await;
        ada.go_away().await;
        system_tests::eventually("all is read", async || {
            me.api.show_conversation(room).await.unwrap().unread == 0
        })
        .await;
        ada.leave().await;
    });
}

#[test]
fn a_direct_chat_that_was_answered_is_read_after_a_reload() {
    story_twice(|app| async move {
        let ada = Person::register(&app.address(0), Device::Desktop, "ada", "Ada").await;
        let (bob, me) = (app.person("bob").await, another_device(&app, "ada").await);
        bob.befriend(&me).await;
        let direct = bob.direct(&me).await;
        bob.send(direct, "are you there?").await;
        // Another device answers and never reports what it has read.
        ada.go("/friends").await;
        ada.see("unread-count").await;
        me.send(direct, "yes").await;
        ada.miss("unread-count").await;
        ada.reload().await;
        ada.see("conversation-link").await;
        ada.miss("unread-count").await;
        ada.leave().await;
    });
}

#[test]
fn back_from_a_quoted_message_returns_to_where_one_was() {
    story_twice_with(fast, |app| async move {
        let (bob, room, seqs) = room_of_bob(&app, "long", numbered(150)).await;
        let ada = Person::in_room(&app.address(0), Device::Desktop, room).await;
        let message = SendMessage { body: "as I said".into(), reply_to: Some(seqs[3]) };
        let cid = parlour_client::native::fresh_cid();
        bob.api.send_message(room, &cid, &message).await.unwrap();
        for line in 150..170 {
            bob.send(room, &format!("line {line}")).await;
        }
        ada.read("line 169").await;
        let quote = "document.querySelector('[data-testid=quote]')";
        ada.until("it shows what it answers", &format!("{quote}.textContent.includes('line 3')")).await;
        ada.evaluate(&format!("{quote}.scrollIntoView({{ block: 'center' }});")).await;
        ada.until(
            "the reader is not at the end",
            "document.querySelector('[data-testid=new-messages-pill]')",
        )
        .await;
        let top = format!("{quote}?.getBoundingClientRect().top");
        let before = ada.evaluate(&format!("return {top};")).await.as_f64().unwrap();
        ada.click("quote").await;
        ada.until("it jumps", &format!("document.querySelector('[data-seq=\"{}\"]')", seqs[3])).await;
        ada.back().await;
        ada.until("it is where it was", &format!("Math.abs({top} - {before}) <= 2")).await;
        ada.leave().await;
    });
}

#[test]
fn a_reply_says_to_what_and_waits_in_its_room() {
    story_twice(|app| async move {
        let (bob, room, _) = room_of_bob(&app, "tea", numbered(3)).await;
        let other = bob.create_room("coffee").await;
        let ada = Person::in_room(&app.address(0), Device::Desktop, room).await;
        ada.read("line 1").await;
        ada.click_css("[data-testid=message]:has(.body)").await;
        ada.click("reply").await;
        let about = "document.querySelector('[data-testid=replying-to]')?.textContent === 'line 0'";
        ada.until("it says to what", about).await;
        ada.join(other).await;
        ada.see("composer").await;
        ada.miss("replying-to").await;
        ada.click_css(&format!("[data-testid=conversation-link][data-conversation-id='{room}']")).await;
        ada.until("it says to what", about).await;
        ada.leave().await;
    });
}

#[test]
fn a_room_that_was_open_before_is_there_at_once() {
    story_twice(|app| async move {
        let gate = Gate::before(&app.address(0)).await;
        let (bob, room, _) = room_of_bob(&app, "tea", numbered(5)).await;
        let other = bob.create_room("coffee").await;
        let ada = Person::in_room(&gate.address(), Device::Desktop, room).await;
        ada.read("line 4").await;
        ada.join(other).await;
        ada.see("composer").await;
        let link = |id| format!("[data-testid=conversation-link][data-conversation-id='{id}']");
        ada.click_css(&link(room)).await;
        ada.read("line 4").await;
        ada.click_css(&link(other)).await;
        ada.until(
            "the other one is open",
            &format!("document.querySelector('[data-testid=chat]').dataset.conversationId === '{other}'"),
        )
        .await;
        bob.send(room, "line 5").await;
        gate.cut();
        ada.see("connection-banner").await;
        ada.click_css(&link(room)).await;
        ada.read("line 4").await;
        gate.mend();
        ada.evaluate("window.dispatchEvent(new Event('online'));").await;
        ada.read("line 5").await;
        ada.until("in order", &format!("JSON.stringify({LINES}) === '[0,1,2,3,4,5]'")).await;
        ada.leave().await;
    });
}

#[test]
fn what_is_gone_says_so() {
    story_twice(|app| async move {
        let (bob, room, seqs) = room_of_bob(&app, "tea", numbered(3)).await;
        let ada = Person::in_room(&app.address(0), Device::Desktop, room).await;
        ada.read("line 2").await;
        ada.go(&format!("/c/{room}/{}", seqs[2] + 40)).await;
        ada.until(
            "it says so",
            "document.querySelector('[data-testid=toast]')?.textContent.includes('no longer here')",
        )
        .await;
        bob.api.delete_room(room).await.unwrap();
        ada.see("room-gone").await;
        ada.picture("room-gone").await;
        ada.leave().await;
    });
}
