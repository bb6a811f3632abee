//! The cost of operations in statements, and that what is cached to save some is never stale.
//!
//! The server also runs queries by itself now and then (sweeps, revocations), so each cost is the minimum of several
//! tries.

use parlour_client::operations::MessagesAt;
use parlour_protocol::messages::EditMessage;
use std::ops::RangeInclusive;

use futures_util::future::join_all;
use system_tests::{App, on_all_backends};

on_all_backends!(hot_paths, asking_together, kept_pages);

const TRIES: usize = 8;

/// The minimum cost of something on the first node.
async fn cost<T>(app: &App, mut what: impl AsyncFnMut() -> T) -> u64 {
    let mut least = u64::MAX;
    for _ in 0..TRIES {
        let before = app.statements(0);
        what().await;
        least = least.min(app.statements(0) - before);
    }
    least
}

async fn hot_paths(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    ada.befriend(&bob).await;
    let direct = ada.direct(&bob).await;
    for number in 0..20 {
        ada.send(room, &format!("message {number}")).await;
    }
    // Both are always on the first node here, whichever they registered on.
    let (ada, bob) = (ada.at_node(0), bob.at_node(0));
    let expect = |what: &str, cost: u64, budget: RangeInclusive<u64>| {
        assert!(budget.contains(&cost), "{what} cost {cost} statements, not {budget:?}");
    };

    // Heads, rights, rows. SQLite has no arrays, but needs the same three for one message. The author's read marker is
    // stored later, together with those of others.
    expect("a message", cost(&app, async || ada.send(room, "hi").await).await, 3..=3);
    expect("a direct message", cost(&app, async || ada.send(direct, "hi").await).await, 4..=4);
    // Rights, and the rows.
    let mut before = 20;
    let page = async || {
        before -= 1;
        ada.api.list_messages(room, &MessagesAt::Before(before).limit(5)).await.unwrap()
    };
    expect("a page of history", cost(&app, page).await, 2..=2);
    let page = async || ada.api.list_messages(room, &MessagesAt::Newest.limit(5)).await.unwrap();
    expect("a page of history that was read before", cost(&app, page).await, 1..=1);
    // The standing, and the heads of conversations that nobody on this node followed before: here somebody does.
    let others = bob.socket().await;
    expect("connecting", cost(&app, async || ada.socket().await).await, 1..=2);
    others.close().await;
}

/// Many clients that want the same at the same time share the queries.
async fn asking_together(app: App) {
    let ada = app.person("ada").await.at_node(0);
    let room = ada.create_room("tea").await;
    for number in 0..20 {
        ada.send(room, &format!("message {number}")).await;
    }
    let mut before = 21;
    let everybody = async || {
        before -= 1;
        let page =
            || async { ada.api.list_messages(room, &MessagesAt::Before(before).limit(5)).await.unwrap() };
        join_all((0..100).map(|_| page())).await
    };
    let cost = cost(&app, everybody).await;
    // At least one query for rights and one for the page.
    assert!((2..=50).contains(&cost), "100 readers of one page cost {cost} statements");
}

async fn kept_pages(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    for number in 0..12 {
        ada.send(room, &format!("message {number}")).await;
    }
    let readers = [ada.clone(), bob.clone(), bob.elsewhere()];
    let places = [MessagesAt::Newest, MessagesAt::Before(9), MessagesAt::After(4), MessagesAt::Around(8)];
    let everything = async || {
        let mut all = Vec::new();
        for reader in &readers {
            for place in places {
                let page = reader.api.list_messages(room, &place.limit(6)).await.unwrap();
                assert_eq!(page, reader.api.list_messages(room, &place.limit(6)).await.unwrap());
                all.push(page);
            }
        }
        let (first, rest) = all.split_at(places.len());
        assert!(rest.chunks(places.len()).all(|others| others == first), "all readers see the same");
        first.to_vec()
    };
    let mut seen = everything().await;
    for step in 0..6 {
        match step {
            0 => drop(ada.api.edit_message(room, 7, &EditMessage { body: "edited".into() }).await.unwrap()),
            1 => drop(bob.api.add_reaction(room, 8, "👍").await.unwrap()),
            2 => drop(ada.send(room, "new").await),
            3 => drop(bob.api.delete_reaction(room, 8, "👍").await.unwrap()),
            4 => drop(ada.api.delete_message(room, 7).await.unwrap()),
            _ => {
                ada.api.edit_message(room, 8, &EditMessage { body: "edited too".into() }).await.unwrap();
            }
        }
        let now = everything().await;
        // Each change shows in each place, but a new message only in the newest page and in every head.
        for (place, (then, now)) in places.iter().zip(seen.iter().zip(&now)) {
            assert_eq!(now.head, then.head + 1, "{place:?}");
            let same = now.items == then.items;
            let touched = step != 2 && !matches!(place, MessagesAt::Newest);
            assert!(!touched || !same, "step {step} does not show at {place:?}");
        }
        seen = now;
    }
    // Anyone who has left can read nothing more, cached or not.
    bob.api.leave_room(room).await.unwrap();
    for place in places {
        assert!(bob.api.list_messages(room, &place.limit(6)).await.is_err());
        assert!(bob.elsewhere().api.list_messages(room, &place.limit(6)).await.is_err());
    }
}
