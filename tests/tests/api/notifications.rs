//! Notifications: friend requests, answers and mentions.

use parlour_client::operations::ListNotifications;
use parlour_protocol::conversations::MarkRead;
use parlour_protocol::friends::CreateFriendRequest;
use parlour_protocol::notifications::{NotificationKind, Notifications, ReadNotifications};
use parlour_protocol::time::SECOND;
use system_tests::{App, on_all_backends};

on_all_backends!(
    requests_and_answers,
    mentions,
    mentions_stand_between_words_and_not_in_code_or_addresses,
    pages_and_the_marker,
);

fn kinds(list: &Notifications) -> Vec<(NotificationKind, &str, bool)> {
    list.items.iter().map(|one| (one.kind, one.actor.handle.as_str(), one.read)).collect()
}

async fn requests_and_answers(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    ada.api.create_friend_request(&CreateFriendRequest { to: "bob".into() }).await.unwrap();
    let list = bob
        .api
        .list_notifications(&ListNotifications { limit: Some(10), ..Default::default() })
        .await
        .unwrap();
    assert_eq!((kinds(&list), list.unread), (vec![(NotificationKind::FriendRequested, "ada", false)], 1));
    bob.api.accept_friend_request(ada.id).await.unwrap();
    let list = ada
        .api
        .list_notifications(&ListNotifications { limit: Some(10), ..Default::default() })
        .await
        .unwrap();
    assert_eq!(kinds(&list), [(NotificationKind::FriendAccepted, "bob", false)]);
    assert_eq!(
        bob.api
            .list_notifications(&ListNotifications { limit: Some(10), ..Default::default() })
            .await
            .unwrap()
            .items
            .len(),
        1,
        "one's own acts are no news"
    );
}

async fn mentions(app: App) {
    let (ada, bob, carol) = (app.person("ada").await, app.person("bob").await, app.person("carol").await);
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    let seq = ada.send(room, "@Bob and @bob, tell @carol and @ada and @nobody").await;
    let list = bob
        .api
        .list_notifications(&ListNotifications { limit: Some(10), ..Default::default() })
        .await
        .unwrap();
    assert_eq!(kinds(&list), [(NotificationKind::Mentioned, "ada", false)], "once, whatever the case");
    let one = &list.items[0];
    assert_eq!((one.conversation, one.room.as_deref(), one.message), (Some(room), Some("tea"), Some(seq)));
    assert_eq!(bob.api.show_conversation(room).await.unwrap().mentions, 1);
    for person in [&ada, &carol] {
        let list = person
            .api
            .list_notifications(&ListNotifications { limit: Some(10), ..Default::default() })
            .await
            .unwrap();
        assert!(list.items.is_empty(), "neither oneself nor who is not there");
    }
    bob.api.mark_read(room, &MarkRead { seq }).await.unwrap();
    assert_eq!(bob.api.show_conversation(room).await.unwrap().mentions, 0);
}

async fn mentions_stand_between_words_and_not_in_code_or_addresses(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    for quiet in [
        "`npm i @bob/tool`",
        "```\n@bob\n```",
        "https://video.example/@bob/42",
        "first.last_@bob.example",
        "me@bob.example",
    ] {
        ada.send(room, quiet).await;
    }
    assert_eq!(
        bob.api
            .list_notifications(&ListNotifications { limit: Some(10), ..Default::default() })
            .await
            .unwrap()
            .unread,
        0
    );
    assert_eq!(bob.api.show_conversation(room).await.unwrap().mentions, 0);
    for (count, loud) in (1..).zip(["请@bob看一下", "ありがとう@bobさん", "(@bob)"]) {
        app.advance(11 * SECOND);
        ada.send(room, loud).await;
        assert_eq!(
            bob.api
                .list_notifications(&ListNotifications { limit: Some(10), ..Default::default() })
                .await
                .unwrap()
                .unread,
            count,
            "{loud}"
        );
    }
    assert_eq!(bob.api.show_conversation(room).await.unwrap().mentions, 3);
}

async fn pages_and_the_marker(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    for number in 0..5 {
        ada.send(room, &format!("@bob {number}")).await;
        // Mentions of one person by another in quick succession are one notification.
        ada.send(room, &format!("@bob {number}!")).await;
        app.advance(10 * SECOND);
    }
    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let page = bob
            .api
            .list_notifications(&ListNotifications { before, after: None, limit: Some(2) })
            .await
            .unwrap();
        assert_eq!(page.unread, 5);
        seen.extend(page.items.iter().map(|one| one.seq));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 5);
    assert!(seen.is_sorted_by(|one, next| one > next), "newest first: {seen:?}");

    bob.api.read_notifications(&ReadNotifications { up_to: seen[2] }).await.unwrap();
    bob.elsewhere().api.read_notifications(&ReadNotifications { up_to: seen[4] }).await.unwrap();
    let list = bob
        .api
        .list_notifications(&ListNotifications { limit: Some(10), ..Default::default() })
        .await
        .unwrap();
    assert_eq!(list.unread, 2, "the marker never moves back");
    assert_eq!(list.items.iter().map(|one| one.read).collect::<Vec<_>>(), [false, false, true, true, true]);

    // A position beyond the newest one marks everything that exists, and nothing that is still to come.
    bob.api.read_notifications(&ReadNotifications { up_to: i64::MAX }).await.unwrap();
    ada.send(room, "@bob news").await;
    assert_eq!(
        bob.api
            .list_notifications(&ListNotifications { limit: Some(10), ..Default::default() })
            .await
            .unwrap()
            .unread,
        1
    );
}
