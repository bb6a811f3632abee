//! Small things that everyone sees: badges, names of days, counters, and actions that stay within reach.

use parlour_protocol::time::DAY;
use serde_json::json;

use crate::directions::{self, GLYPHS};
use crate::person::{Device, Person};
use crate::{numbered, room_of_bob, story};

/// Defines, in addition to [`GLYPHS`], `apart(a, b)`: whether two boxes do not overlap, `widest(element)`: how wide its
/// text is, and `view()`: the box of the timeline.
const BOXES: &str = "
    const apart = (a, b) => a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top;
    const widest = element => { const range = document.createRange(); range.selectNodeContents(element);
        return range.getBoundingClientRect().width; };
    const view = () => box(document.querySelector('[data-testid=timeline]'));
";

async fn demand(person: &Person, what: &str, script: &str) {
    directions::demand(person, what, &format!("{BOXES} {script}")).await;
}

/// Moves the mouse over the middle of the visible part of an element.
async fn hover(person: &Person, css: &str) {
    let found = person
        .evaluate(&format!(
            "{GLYPHS} {BOXES} const one = box(document.querySelector({css:?})), all = view(); \
             return [(one.left + one.right) / 2, (Math.max(one.top, all.top) + Math.min(one.bottom, all.bottom)) / 2];"
        ))
        .await;
    person
        .tell_browser(
            "Input.dispatchMouseEvent",
            json!({ "type": "mouseMoved", "x": found[0], "y": found[1] }),
        )
        .await;
}

#[test]
fn the_name_of_a_day_covers_nothing_but_its_own_width() {
    story(|app| async move {
        let (_, room, _) = room_of_bob(&app, "tea", numbered(12)).await;
        for day in 1..4 {
            app.advance(DAY);
            // Tokens do not last for a day.
            let author = app.person(&format!("author{day}")).await;
            author.join(room).await;
            for line in 0..12 {
                author.send(room, &format!("day {day} line {line}")).await;
            }
        }
        let ada = Person::in_room(&app.address(0), Device::Desktop, room).await;
        ada.read("day 3 line 11").await;
        ada.until("several days are there", "document.querySelectorAll('.day span').length >= 3").await;
        let places = "return [...document.querySelectorAll('.day span')].every(one => \
             box(one).width <= widest(one) + 32)";
        demand(&ada, "each is as wide as its words", places).await;
        for top in [0.0, 0.2, 0.4, 0.6, 0.8] {
            let scroll = format!(
                "const it = document.querySelector('[data-testid=timeline]'); it.scrollTop = it.scrollHeight * {top};"
            );
            ada.evaluate(&scroll).await;
            let alone = "const all = [...document.querySelectorAll('.day span')].map(box); \
                 return all.every((one, at) => all.slice(at + 1).every(other => apart(one, other)));";
            demand(&ada, &format!("none lies on another one, scrolled to {top}"), alone).await;
        }
        ada.leave().await;
    });
}

#[test]
fn one_is_online_for_oneself_as_soon_as_the_page_is_there() {
    story(|app| async move {
        let ada = Person::register(&app.address(0), Device::Desktop, "ada", "Ada").await;
        for _ in 0..3 {
            ada.go("/u/ada").await;
            ada.see("profile").await;
            ada.until(
                "online",
                "document.querySelector('[data-testid=profile]').textContent.includes('online')",
            )
            .await;
        }
        ada.leave().await;
    });
}

#[test]
fn a_draft_that_is_too_long_is_shown_in_whole_lines_beside_its_counter() {
    story(|app| async move {
        let (_, room, _) = room_of_bob(&app, "tea", numbered(3)).await;
        for (device, handle) in [(Device::Desktop, "ada"), (Device::Phone, "cyril")] {
            let person = Person::register(&app.address(0), device, handle, handle).await;
            person.join(room).await;
            let long = "word ".repeat(900);
            person
                .evaluate(&format!(
                    "const it = document.querySelector('#composer'); it.value = {long:?}; \
                     it.dispatchEvent(new Event('input', {{ bubbles: true }}));"
                ))
                .await;
            person.see("counter").await;
            person
                .until(
                    "the draft is as high as it gets",
                    "document.querySelector('#composer').clientHeight > 60",
                )
                .await;
            let whole = "const it = document.querySelector('#composer'), style = getComputedStyle(it); \
                 const lines = (it.clientHeight - parseFloat(style.paddingTop) - parseFloat(style.paddingBottom)) \
                 / parseFloat(style.lineHeight); return Math.abs(lines - Math.round(lines)) < 0.06;";
            demand(&person, "no line is cut", whole).await;
            let beside = "const counter = box(document.querySelector('[data-testid=counter]')); \
                 return apart(counter, box(document.querySelector('#composer'))) && counter.top >= view().bottom - 1 \
                 && counter.bottom <= innerHeight;";
            demand(&person, "the counter lies on nothing", beside).await;
            person.leave().await;
        }
    });
}

#[test]
fn badges_and_handles_keep_their_order_in_text_from_right_to_left() {
    story(|app| async move {
        let (bob, room, _) = room_of_bob(&app, "tea", ["welcome"]).await;
        let ada = Person::in_room(&app.address(0), Device::Desktop, room).await;
        ada.read("welcome").await;
        ada.go("/").await;
        ada.evaluate("document.documentElement.dir = 'rtl';").await;
        for line in numbered(120) {
            bob.send(room, &line).await;
        }
        ada.until(
            "the badge is full",
            "document.querySelector('[data-testid=unread-count]')?.textContent.includes('99+')",
        )
        .await;
        ada.see("catch-up-line").await;
        let order = "
            const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
            while (walker.nextNode()) for (const match of walker.currentNode.data.matchAll(/99\\+|@\\w+/g)) {
                const node = walker.currentNode, first = glyph(node, match.index);
                const last = glyph(node, match.index + match[0].length - 1);
                if (node.parentElement.checkVisibility() && first.width > 1)
                    found.push([first.left < last.left, node.parentElement.outerHTML]);
            }
            return [found.length, found.filter(([right]) => !right).map(([, html]) => html)];";
        for (page, least) in [("/", 2), ("/u/bob", 2), ("/friends/add", 1)] {
            if page != "/" {
                ada.go(page).await;
                ada.see("sidebar").await;
                ada.evaluate("document.documentElement.dir = 'rtl';").await;
                ada.see("unread-count").await;
            }
            let found = ada.evaluate(&format!("{GLYPHS} {order}")).await;
            assert_eq!(found[1], json!([]), "{page}");
            assert!(found[0].as_u64().unwrap() >= least, "{page}: {found}");
        }
        ada.leave().await;
    });
}

#[test]
fn sessions_are_told_apart_and_all_others_end_at_once() {
    story(|app| async move {
        let ada = Person::register(&app.address(0), Device::Desktop, "ada", "Ada").await;
        for _ in 0..2 {
            app.advance(DAY);
            let other = Person::arrive(&app.address(0), Device::Desktop).await;
            other.log_in("ada").await;
            other.see("sidebar").await;
            other.leave().await;
        }
        ada.go("/settings/security").await;
        ada.until("three sessions", "document.querySelectorAll('[data-testid=session]').length === 3").await;
        let apart = "const all = [...document.querySelectorAll('[data-testid=session]')].map(one => one.textContent); \
             return new Set(all).size === 3;";
        demand(&ada, "no two sessions read the same", apart).await;
        ada.click("end-other-sessions").await;
        ada.click("confirm").await;
        ada.until("only this one is left", "document.querySelectorAll('[data-testid=session]').length === 1")
            .await;
        ada.miss("end-other-sessions").await;
        ada.leave().await;
    });
}

#[test]
fn the_actions_of_a_row_that_is_partly_out_of_view_can_be_reached() {
    story(|app| async move {
        let (bob, room, _) = room_of_bob(&app, "tea", numbered(40)).await;
        let ada = Person::in_room(&app.address(0), Device::Desktop, room).await;
        ada.read("line 39").await;
        let tall = bob.send(room, &numbered(120).collect::<Vec<_>>().join("\n")).await;
        let after = numbered(40).map(|line| format!("after {line}"));
        for line in after {
            bob.send(room, &line).await;
        }
        ada.read("after line 39").await;
        let row = format!("[data-seq=\"{tall}\"]");
        ada.until("it is drawn", &format!("document.querySelector({row:?})")).await;
        // Its first line out of view, its middle, its last lines.
        for hidden in [8.0, 600.0, 1800.0] {
            ada.evaluate(&format!(
                "{GLYPHS} {BOXES} document.querySelector('[data-testid=timeline]').scrollTop += \
                 box(document.querySelector({row:?})).top - view().top + {hidden};"
            ))
            .await;
            hover(&ada, &row).await;
            ada.until(
                &format!("its actions are in view, {hidden} px of it are not"),
                &format!(
                    "(() => {{ {GLYPHS} {BOXES} const it = document.querySelector('{row} .actions'); if (!it) return false; \
                     const place = box(it), all = view(); const top = document.elementFromPoint( \
                     (place.left + place.right) / 2, (place.top + place.bottom) / 2); \
                     return place.top >= all.top && place.bottom <= all.bottom && it.contains(top); }})()"
                ),
            )
            .await;
        }
        ada.leave().await;
    });
}
