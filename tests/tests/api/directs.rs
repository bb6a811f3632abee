//! Direct chats: between friends, and nobody else's business.

use parlour_client::native::MessagesAt;
use parlour_protocol::conversations::ConversationKind;
use parlour_protocol::ids::UserId;
use parlour_protocol::messages::SendMessage;
use parlour_protocol::problems::ErrorCode;
use reqwest::Method;
use serde_json::json;
use system_tests::{App, Refusal, on_all_backends};

on_all_backends!(opening, nobody_else_sees_it, friendship_decides_who_writes, both_open_at_once);

async fn opening(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    ada.api.open_direct(bob.id).await.refused(ErrorCode::NotFriends);
    ada.api.open_direct(UserId(1)).await.refused(ErrorCode::NotFound);
    ada.api.open_direct(ada.id).await.refused(ErrorCode::NotFriends);
    ada.api.create_friend_request("bob").await.unwrap();
    ada.api.open_direct(bob.id).await.refused(ErrorCode::NotFriends);
    bob.api.accept_friend_request(ada.id).await.unwrap();

    let direct = ada.api.open_direct(bob.id).await.unwrap();
    assert_eq!(
        (direct.kind, direct.writable, direct.head, direct.member_count),
        (ConversationKind::Direct, true, 0, 2)
    );
    assert_eq!((direct.name.clone(), direct.role), (None, None));
    assert_eq!(direct.peer.as_ref().map(|peer| peer.id), Some(bob.id));
    assert_eq!(ada.api.open_direct(bob.id).await.unwrap(), direct);
    let other_side = bob.api.open_direct(ada.id).await.unwrap();
    assert_eq!((other_side.id, other_side.peer.map(|peer| peer.id)), (direct.id, Some(ada.id)));

    ada.send(direct.id, "hi").await;
    let listed = &bob.api.list_conversations().await.unwrap().items[0];
    assert_eq!((listed.unread, listed.read_seq, listed.head), (1, 0, 1));
    assert_eq!(listed.last_message.as_ref().and_then(|message| message.body.as_deref()), Some("hi"));
    assert_eq!(
        ada.api.list_conversations().await.unwrap().items[0].unread,
        0,
        "one's own messages are not unread"
    );
}

async fn nobody_else_sees_it(app: App) {
    let (ada, bob) = app.friends("ada", "bob").await;
    let eve = app.person("eve").await;
    ada.befriend(&eve).await;
    let direct = ada.direct(&bob).await;
    let seq = ada.send(direct, "a secret").await;
    eve.api.conversation(direct).await.refused(ErrorCode::NotFound);
    eve.api.list_messages(direct, MessagesAt::Newest, 10).await.refused(ErrorCode::NotFound);
    eve.api.list_messages(direct, MessagesAt::Around(seq), 10).await.refused(ErrorCode::NotFound);
    eve.api.list_events(direct, 0, 10).await.refused(ErrorCode::NotFound);
    eve.api.mark_read(direct, 1).await.refused(ErrorCode::NotFound);
    eve.api.edit_message(direct, seq, "ha").await.refused(ErrorCode::NotFound);
    eve.api.delete_message(direct, seq).await.refused(ErrorCode::NotFound);
    eve.api.react(direct, seq, "👍", true).await.refused(ErrorCode::NotFound);
    let message = SendMessage { body: "hi".into(), reply_to: None };
    eve.api.send_message(direct, "client-id-1", &message).await.refused(ErrorCode::NotFound);
    // It is no room either, for nobody.
    for person in [&ada, &eve] {
        person.api.room(direct).await.refused(ErrorCode::NotFound);
        person.api.join_room(direct).await.refused(ErrorCode::NotFound);
        person.api.leave_room(direct).await.refused(ErrorCode::NotFound);
        person.api.delete_room(direct).await.refused(ErrorCode::NotFound);
        person.api.list_members(direct, None, 10).await.refused(ErrorCode::NotFound);
        let update = Some(json!({"name": "mine"}));
        person
            .call(Method::PATCH, &format!("/api/v1/rooms/{direct}"), update)
            .await
            .refused(ErrorCode::NotFound);
    }
    assert!(eve.api.list_rooms("", None, 10).await.unwrap().items.is_empty());
    assert_eq!(ada.api.list_events(direct, 0, 10).await.unwrap().head, 1);
}

async fn friendship_decides_who_writes(app: App) {
    let (ada, bob) = app.friends("ada", "bob").await;
    let direct = ada.direct(&bob).await;
    let seq = ada.send(direct, "hi").await;
    bob.api.delete_friend(ada.id).await.unwrap();
    for person in [&ada, &bob] {
        assert!(!person.api.conversation(direct).await.unwrap().writable);
        let message = SendMessage { body: "still there?".into(), reply_to: None };
        person.api.send_message(direct, "client-id-1", &message).await.refused(ErrorCode::NotFriends);
        person.api.react(direct, seq, "👍", true).await.refused(ErrorCode::NotFriends);
        let page = person.api.list_messages(direct, MessagesAt::Newest, 10).await.unwrap();
        assert_eq!(page.items[0].body.as_deref(), Some("hi"), "history stays readable");
        assert_eq!(
            person.api.open_direct(if person.id == ada.id { bob.id } else { ada.id }).await.unwrap().id,
            direct
        );
        person.api.mark_read(direct, 1).await.unwrap();
    }
    ada.api.edit_message(direct, seq, "hello").await.refused(ErrorCode::NotFriends);
    ada.api.delete_message(direct, seq).await.unwrap();
    bob.befriend(&ada).await;
    assert!(ada.api.conversation(direct).await.unwrap().writable);
    ada.send(direct, "there you are").await;
}

async fn both_open_at_once(app: App) {
    let (ada, bob) = app.friends("ada", "bob").await;
    let (one, other) = tokio::join!(ada.api.open_direct(bob.id), bob.api.open_direct(ada.id));
    assert_eq!(one.unwrap().id, other.unwrap().id);
    assert_eq!(ada.api.list_conversations().await.unwrap().items.len(), 1);
}
