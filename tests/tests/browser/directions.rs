//! People write in both directions, and with characters that change the direction of what follows: what stands beside
//! their text keeps its place and its direction.

use parlour_protocol::accounts::UpdateAccount;
use parlour_protocol::messages::{EditMessage, SendMessage};
use parlour_protocol::socket::ClientFrame;
use parlour_protocol::time::SECOND;
use serde_json::Value;

use crate::person::{Device, Person};
use crate::story_twice;

/// Defines `runs(element)`: whether its glyphs stand from left to right in the order of the text, and `box(element)`.
pub(crate) const GLYPHS: &str = "
    const glyph = (node, at) => { const range = document.createRange(); range.setStart(node, at);
        range.setEnd(node, at + 1); return range.getBoundingClientRect(); };
    const texts = element => { const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT), found = [];
        while (walker.nextNode()) if (walker.currentNode.data.trim()) found.push(walker.currentNode); return found; };
    const runs = element => { const node = texts(element)[0], end = node.data.trimEnd().length - 1;
        return glyph(node, 0).left < glyph(node, end).left; };
    const box = element => element.getBoundingClientRect();
    const row = mark => [...document.querySelectorAll('[data-testid=message]')]
        .find(one => one.querySelector('.said')?.textContent.startsWith(mark));
";

/// What holds for a row, `it`, whatever its text contains.
const NEIGHBOURS: [(&str, &str); 4] = [
    ("(edited) reads from left to right", "runs(it.querySelector('.edited'))"),
    (
        "(edited) stands behind the text",
        "box(it.querySelector('.edited')).left >= box(it.querySelector('.said')).right - 1",
    ),
    ("the time reads from left to right", "runs(it.querySelector('time'))"),
    (
        "the count of a reaction stands behind its emoji",
        "(([emoji, count]) => box(emoji).right <= box(count).left + 1)\
         (it.querySelector('[data-testid=reaction]').children)",
    ),
];

/// What must hold in a page, as JavaScript.
pub(crate) async fn demand(person: &Person, what: &str, script: &str) {
    let found = person.evaluate(&format!("{GLYPHS} {script}")).await;
    assert_eq!(found, Value::Bool(true), "{what}");
}

#[test]
fn text_that_turns_the_direction_leaves_its_neighbours_alone() {
    story_twice(|app| async move {
        let bob = app.person("bob").await;
        let room = bob.create_room("tea").await;
        let ada = Person::in_room(&app.address(0), Device::Desktop, room).await;
        // Overrides, embeddings and isolates that are never closed, and text of the other direction.
        let turning = [
            "one\u{202E}def",
            "two\u{202B}def",
            "six\u{2067}def",
            "ten\u{200F}def",
            "nil \u{5E9}\u{5DC}\u{5D5}\u{5DD}",
        ];
        for text in turning {
            let seq = bob.send(room, "first").await;
            bob.api.edit_message(room, seq, &EditMessage { body: text.to_string() }).await.unwrap();
            bob.api.add_reaction(room, seq, "👍").await.unwrap();
        }
        let answered = bob.send(room, "end\u{202E}def").await;
        let reply = SendMessage { body: "an answer".into(), reply_to: Some(answered) };
        bob.api.send_message(room, "the-reply", &reply).await.unwrap();
        ada.until("the last", "document.querySelector('[data-testid=quote]')?.textContent.includes('end')")
            .await;
        for text in turning {
            let mark = &text[..3];
            ada.until(
                &format!("{mark} is shown as edited"),
                &format!(
                    "[...document.querySelectorAll('[data-testid=message]')].some(one => \
                     one.querySelector('.said')?.textContent.startsWith('{mark}') && one.querySelector('.edited') \
                     && one.querySelector('[data-testid=reaction]'))"
                ),
            )
            .await;
            for (what, holds) in NEIGHBOURS {
                let of_row = format!("const it = row('{mark}'); return {holds};");
                demand(&ada, &format!("{mark}: {what}"), &of_row).await;
            }
        }
        demand(
            &ada,
            "the name in a quote reads from left to right",
            "return texts(document.querySelector('[data-testid=quote]')).filter(one => one.data.includes('bob')) \
             .every(one => glyph(one, 0).left < glyph(one, 2).left);",
        )
        .await;
        ada.leave().await;
    });
}

#[test]
fn a_name_of_the_other_direction_leaves_the_words_around_it_alone() {
    story_twice(|app| async move {
        let (bob, cleo) = (app.person("bob").await, app.person("cleo").await);
        let room = bob.create_room("tea").await;
        cleo.join(room).await;
        bob.send(room, "welcome").await;
        let ada = Person::in_room(&app.address(0), Device::Desktop, room).await;
        ada.read("welcome").await;
        for name in
            ["Ada\u{200F}", "\u{5D0}\u{5D3}\u{5D4}", "\u{639}\u{644}\u{6CC}\u{200C}\u{631}\u{636}\u{627} 7"]
        {
            let update = UpdateAccount { display_name: Some(name.into()), ..UpdateAccount::default() };
            bob.api.update_account(&update).await.unwrap();
            ada.reload().await;
            ada.read("welcome").await;
            let mut socket = bob.socket_on(&[room]).await;
            // Typing is sent to those who are connected, and at most once in a few seconds.
            app.advance(10 * SECOND);
            let now = format!("now {}", cleo.send(room, "soon").await);
            cleo.send(room, &now).await;
            ada.read(&now).await;
            socket.post(|_| ClientFrame::Typing { conversation: room }).await;
            ada.until(
                "somebody types",
                "document.querySelector('[data-testid=typing]')?.textContent.includes('typing')",
            )
            .await;
            demand(
                &ada,
                &format!("{name}: the words stand behind the name"),
                "const all = texts(document.querySelector('[data-testid=typing]')); \
                 const node = all.find(one => one.data.includes('is typing')); const at = node.data.indexOf('is typing'); \
                 const first = glyph(all[0], 0); \
                 return glyph(node, at).left < glyph(node, at + 8).left && first.left <= glyph(node, at).left;",
            )
            .await;
            demand(
                &ada,
                &format!("{name}: the time stands behind the name"),
                "const head = document.querySelector('.message-head'); \
                 return box(head.querySelector('bdi')).right <= box(head.querySelector('time')).left + 1;",
            )
            .await;
        }
        ada.leave().await;
    });
}
