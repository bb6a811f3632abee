//! Pages of history, catching up on a log, and that both agree.

use parlour_client::engine::{Part, Timeline};
use parlour_client::operations::{ListEvents, MessagesAt};
use parlour_protocol::accounts::UpdateAccount;
use parlour_protocol::messages::{EditMessage, MessagePage, SendMessage};
use parlour_protocol::problems::ErrorCode;
use system_tests::{App, Refusal, on_all_backends};

on_all_backends!(pages, authors_come_with_their_messages, catching_up, page_and_events_equal_a_fresh_page);

fn seqs(page: &MessagePage) -> Vec<i64> {
    page.items.iter().map(|message| message.seq).collect()
}

async fn pages(app: App) {
    let ada = app.person("ada").await;
    let room = ada.create_room("tea").await;
    let list = |at: MessagesAt, limit: i64| {
        let api = ada.api.clone();
        async move { api.list_messages(room, &at.limit(limit)).await.unwrap() }
    };
    let empty = list(MessagesAt::Newest, 10).await;
    assert_eq!((seqs(&empty), empty.older, empty.newer, empty.head), (vec![], false, false, 1));

    // Positions 2 to 11 are messages, 12 and 13 are changes of them, 14 is a message.
    for number in 2..=11 {
        ada.send(room, &format!("message {number}")).await;
    }
    ada.api.edit_message(room, 5, &EditMessage { body: "edited".into() }).await.unwrap();
    ada.api.add_reaction(room, 6, "👍").await.unwrap();
    ada.send(room, "message 14").await;

    let newest = list(MessagesAt::Newest, 4).await;
    assert_eq!(
        (seqs(&newest), newest.older, newest.newer, newest.head),
        (vec![9, 10, 11, 14], true, false, 14)
    );
    let before = list(MessagesAt::Before(9), 4).await;
    assert_eq!((seqs(&before), before.older, before.newer), (vec![5, 6, 7, 8], true, true));
    assert_eq!(before.items[0].body.as_deref(), Some("edited"));
    assert_eq!(before.items[1].reactions[0].users, [ada.id]);
    let oldest = list(MessagesAt::Before(5), 4).await;
    assert_eq!((seqs(&oldest), oldest.older, oldest.newer), (vec![2, 3, 4], false, true));
    let after = list(MessagesAt::After(8), 4).await;
    assert_eq!((seqs(&after), after.older, after.newer), (vec![9, 10, 11, 14], true, false));
    let after = list(MessagesAt::After(5), 4).await;
    assert_eq!((seqs(&after), after.older, after.newer), (vec![6, 7, 8, 9], true, true));
    let around = list(MessagesAt::Around(7), 5).await;
    assert_eq!((seqs(&around), around.older, around.newer), (vec![5, 6, 7, 8, 9], true, true));
    let around = list(MessagesAt::Around(14), 4).await;
    assert_eq!((seqs(&around), around.older, around.newer), (vec![10, 11, 14], true, false));
    assert_eq!(seqs(&list(MessagesAt::Newest, 100).await).len(), 11);

    for query in ["limit=0", "limit=101", "before=x", "before=5&after=3", "around=5&before=7", "page=2"] {
        let reply = ada.get(&format!("/api/v1/conversations/{room}/messages?{query}")).await;
        assert!(reply.status.is_client_error(), "{query}: {} {}", reply.status, reply.text);
    }
}

async fn authors_come_with_their_messages(app: App) {
    let (ada, bob, cy) = (app.person("ada").await, app.person("bob").await, app.person("cyril").await);
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    cy.join(room).await;
    cy.send(room, "not on the page").await;
    let asked = bob.send(room, "shall we?").await;
    let reply = SendMessage { body: "yes".into(), reply_to: Some(asked) };
    ada.api.send_message(room, "the-reply", &reply).await.unwrap();
    let path = format!("/api/v1/conversations/{room}/messages?limit=1");
    let page = async |query: &str| {
        let reply = ada.get(&format!("{path}{query}")).await;
        serde_json::from_str::<MessagePage>(&reply.text)
            .unwrap_or_else(|error| panic!("{error}: {}", reply.text))
    };
    let names = |page: MessagePage| {
        let mut names: Vec<_> = page.authors.into_iter().map(|user| (user.id, user.display_name)).collect();
        names.sort_by_key(|(id, _)| *id != ada.id);
        names
    };
    assert_eq!(names(page("").await), []);
    assert_eq!(names(page("&authors=false").await), []);
    let (own, other) = ((ada.id, "ada".to_owned()), (bob.id, "bob".to_owned()));
    assert_eq!(names(page("&authors=true").await), [own.clone(), other], "the author and who is answered");
    // A cached page shows people as they are now.
    let update = UpdateAccount { display_name: Some("Bob Stone".into()), ..UpdateAccount::default() };
    bob.api.update_account(&update).await.unwrap();
    assert_eq!(names(page("&authors=true").await), [own, (bob.id, "Bob Stone".to_owned())]);
    assert!(ada.get(&format!("{path}&authors=perhaps")).await.status.is_client_error());
}

async fn catching_up(app: App) {
    let ada = app.person("ada").await;
    let room = ada.create_room("tea").await;
    for number in 0..9 {
        ada.send(room, &format!("message {number}")).await;
    }
    let mut seen = Vec::new();
    let mut after = 0;
    loop {
        let page = ada
            .elsewhere()
            .api
            .list_events(room, &ListEvents { after: Some(after), limit: Some(4) })
            .await
            .unwrap();
        assert_eq!(page.head, 10);
        assert!(page.items.len() <= 4);
        seen.extend(page.items.iter().map(|event| event.seq));
        after = page.next_after;
        if after >= page.head {
            break;
        }
    }
    assert_eq!(seen, (1..=10).collect::<Vec<_>>());
    let beyond = ada.api.list_events(room, &ListEvents { after: Some(10), limit: Some(200) }).await.unwrap();
    assert_eq!((beyond.items, beyond.head, beyond.next_after), (vec![], 10, 10));
    for query in ["after=-1", "after=x", "after=0&limit=0", "after=0&limit=201"] {
        let reply = ada.get(&format!("/api/v1/conversations/{room}/events?{query}")).await;
        assert!(reply.status.is_client_error(), "{query}: {} {}", reply.status, reply.text);
    }
    ada.api
        .list_events(
            parlour_protocol::ids::ConversationId(1),
            &ListEvents { after: Some(0), limit: Some(10) },
        )
        .await
        .refused(ErrorCode::NotFound);
}

/// Whatever happens after a page was read: applying the events gives the same as reading the page again.
async fn page_and_events_equal_a_fresh_page(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    let mut messages: Vec<(i64, bool)> = Vec::new();
    let mut random = fastrand::Rng::with_seed(1);
    let mut chance = move |below: usize| random.usize(..below);
    let eve = app.person("eve").await;
    eve.join(room).await;
    let hers = eve.send(room, "words of eve").await;
    eve.api.edit_message(room, hers, &EditMessage { body: "other words of eve".into() }).await.unwrap();
    let mut snapshots = Vec::new();
    for step in 0..60 {
        app.advance(1000);
        if let (30, Some((seq, _))) = (step, messages.first()) {
            eve.api.add_reaction(room, *seq, "🎉").await.unwrap();
            bob.api.add_reaction(room, hers, "🎉").await.unwrap();
        }
        if step % 12 == 0 {
            let page = ada.api.list_messages(room, &MessagesAt::Newest.limit(100)).await.unwrap();
            snapshots.push(page);
        }
        let by_ada = chance(2) == 0;
        let who = if by_ada { &ada } else { &bob };
        let emoji = ["👍", "🎉", "❤️"][chance(3)];
        let own: Vec<i64> = messages.iter().filter(|(_, ada)| *ada == by_ada).map(|(seq, _)| *seq).collect();
        let any = (!messages.is_empty()).then(|| messages[chance(messages.len())].0);
        match (chance(6), any) {
            (0 | 1, _) | (_, None) => {
                messages.push((who.send(room, &format!("message {step}")).await, by_ada))
            }
            (2, Some(_)) if !own.is_empty() => {
                let seq = own[chance(own.len())];
                who.api.edit_message(room, seq, &EditMessage { body: format!("edit {step}") }).await.unwrap();
            }
            (3, Some(seq)) if chance(3) == 0 => {
                ada.api.delete_message(room, seq).await.unwrap();
                messages.retain(|(one, _)| *one != seq);
            }
            (5, Some(seq)) => drop(who.api.delete_reaction(room, seq, emoji).await.unwrap()),
            (_, Some(seq)) => drop(who.api.add_reaction(room, seq, emoji).await.unwrap()),
        }
    }
    let kept = bob.api.list_messages(room, &MessagesAt::Newest.limit(100)).await.unwrap();
    let password = serde_json::json!({ "password": "correct horse battery" });
    eve.call(reqwest::Method::DELETE, "/api/v1/account", Some(password)).await.expect(200);
    let fresh = bob.api.list_messages(room, &MessagesAt::Newest.limit(100)).await.unwrap();
    assert_ne!(fresh, kept);
    assert!(!serde_json::to_string(&fresh).unwrap().contains("words of eve"));
    for page in snapshots {
        let mut timeline = Timeline::default();
        let mut after = page.head;
        timeline.add_page(page, Part::Newest);
        loop {
            let events =
                bob.api.list_events(room, &ListEvents { after: Some(after), limit: Some(7) }).await.unwrap();
            events.items.iter().for_each(|event| {
                timeline.apply(event);
            });
            after = events.next_after;
            if after >= events.head {
                break;
            }
        }
        assert_eq!(timeline.iter().cloned().collect::<Vec<_>>(), fresh.items);
    }
}
