//! What a page requests from the server while nobody does anything in it.

use parlour_protocol::friends::CreateFriendRequest;

use crate::person::{Device, Person};
use crate::{another_device, story};

/// API requests since the count began.
const ASKED: &str = "return performance.getEntriesByType('resource').map(one => one.name).filter(one => one.includes('/api/v1/'));";

/// How many unread messages the sidebar counts in all rooms, smallest first.
const UNREAD: &str = "[...document.querySelectorAll('[data-testid=unread-count] bdi')].map(one => parseInt(one.textContent)).sort((a, b) => a - b)";

const ROOMS: usize = 30;
const ROUNDS: usize = 4;

#[test]
fn a_tab_in_many_lively_rooms_asks_for_next_to_nothing() {
    story(|app| async move {
        let (bob, cy, eve) = (app.person("bob").await, app.person("cyril").await, app.person("eve").await);
        let ada = Person::register(&app.address(0), Device::Desktop, "ada", "Ada").await;
        let elsewhere = another_device(&app, "ada").await;
        elsewhere.befriend(&cy).await;
        let mut rooms = Vec::new();
        for number in 0..ROOMS {
            // No single person may create that many in a day.
            let owner = [&bob, &cy][number % 2];
            let room = owner.create_room(&format!("room {number:02}")).await;
            elsewhere.join(room).await;
            rooms.push((room, owner));
        }
        let (open, _) = rooms[0];
        cy.join(open).await;
        ada.go(&format!("/c/{open}")).await;
        ada.click("toggle-members").await;
        ada.until("the members are there", "document.querySelectorAll('[data-testid=member]').length === 3")
            .await;
        ada.until(
            "nothing is asked for any more",
            "performance.getEntriesByType('resource').every(one => performance.now() - one.responseEnd > 1500)",
        )
        .await;
        ada.evaluate("performance.clearResourceTimings(); performance.setResourceTimingBufferSize(5000);")
            .await;

        // Messages in all rooms except the open one; the last message of one room is deleted.
        for round in 0..ROUNDS {
            for (number, (room, owner)) in rooms.iter().enumerate().skip(1) {
                let seq = owner.send(*room, &format!("round {round}")).await;
                if number == 1 && round == ROUNDS - 1 {
                    owner.api.delete_message(*room, seq).await.unwrap();
                }
            }
        }
        // A friend connects, disconnects and reconnects; a stranger joins the room and leaves, and becomes a friend.
        let online = "document.querySelectorAll('[data-testid=member] .presence.here').length";
        let socket = cy.socket().await;
        ada.until("a friend is here", &format!("{online} === 2")).await;
        socket.close().await;
        ada.until("the friend is away", &format!("{online} === 1")).await;
        let _again = cy.socket().await;
        ada.until("the friend is here again", &format!("{online} === 2")).await;
        eve.join(open).await;
        ada.until("somebody has come", "document.querySelectorAll('[data-testid=member]').length === 4")
            .await;
        let _hers = eve.socket().await;
        eve.api.create_friend_request(&CreateFriendRequest { to: "ada".into() }).await.unwrap();
        ada.see("notifications-badge").await;
        elsewhere.api.accept_friend_request(eve.id).await.unwrap();
        ada.until("the new friend is here", &format!("{online} === 3")).await;
        eve.api.leave_room(open).await.unwrap();
        ada.until("somebody has gone", "document.querySelectorAll('[data-testid=member]').length === 3")
            .await;
        // Every room was announced, and every counter is right.
        let least = ROUNDS - 1;
        ada.until(
            "all is counted",
            &format!(
                "{UNREAD}[0] === {least} && {UNREAD}.filter(one => one === {ROUNDS}).length === {}",
                ROOMS - 2
            ),
        )
        .await;

        let asked: Vec<String> = serde_json::from_value(ada.evaluate(ASKED).await).unwrap();
        println!("{} requests: {asked:?}", asked.len());
        assert!(asked.len() <= 2, "{asked:?}");

        ada.leave().await;
    });
}
