//! Direct chats: between friends, and nobody else's business.

use parlour_client::operations::{ListEvents, ListMembers, ListNamed, MessagesAt, calls};
use parlour_protocol::conversations::{ConversationKind, MarkRead};
use parlour_protocol::friends::CreateFriendRequest;
use parlour_protocol::ids::UserId;
use parlour_protocol::messages::{EditMessage, SendMessage};
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
    ada.api.create_friend_request(&CreateFriendRequest { to: "bob".into() }).await.unwrap();
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
    let listed = &bob.api.every(calls::list_conversations).await.unwrap().items[0];
    assert_eq!((listed.unread, listed.read_seq, listed.head), (1, 0, 1));
    assert_eq!(listed.last_message.as_ref().and_then(|message| message.body.as_deref()), Some("hi"));
    assert_eq!(
        ada.api.every(calls::list_conversations).await.unwrap().items[0].unread,
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
    eve.api.show_conversation(direct).await.refused(ErrorCode::NotFound);
    eve.api.list_messages(direct, &MessagesAt::Newest.limit(10)).await.refused(ErrorCode::NotFound);
    eve.api.list_messages(direct, &MessagesAt::Around(seq).limit(10)).await.refused(ErrorCode::NotFound);
    eve.api
        .list_events(direct, &ListEvents { after: Some(0), limit: Some(10) })
        .await
        .refused(ErrorCode::NotFound);
    eve.api.mark_read(direct, &MarkRead { seq: 1 }).await.refused(ErrorCode::NotFound);
    eve.api.edit_message(direct, seq, &EditMessage { body: "ha".into() }).await.refused(ErrorCode::NotFound);
    eve.api.delete_message(direct, seq).await.refused(ErrorCode::NotFound);
    eve.api.add_reaction(direct, seq, "👍").await.refused(ErrorCode::NotFound);
    let message = SendMessage { body: "hi".into(), reply_to: None };
    eve.api.send_message(direct, "client-id-1", &message).await.refused(ErrorCode::NotFound);
    // Nobody can use it as a room either.
    for person in [&ada, &eve] {
        person.api.show_room(direct).await.refused(ErrorCode::NotFound);
        person.api.join_room(direct).await.refused(ErrorCode::NotFound);
        person.api.leave_room(direct).await.refused(ErrorCode::NotFound);
        person.api.delete_room(direct).await.refused(ErrorCode::NotFound);
        person
            .api
            .list_members(direct, &ListMembers { prefix: None, after: None, limit: Some(10) })
            .await
            .refused(ErrorCode::NotFound);
        let update = Some(json!({"name": "mine"}));
        person
            .call(Method::PATCH, &format!("/api/v1/rooms/{direct}"), update)
            .await
            .refused(ErrorCode::NotFound);
    }
    assert!(
        eve.api
            .list_rooms(&ListNamed { search: None, after: None, limit: Some(10) })
            .await
            .unwrap()
            .items
            .is_empty()
    );
    assert_eq!(
        ada.api.list_events(direct, &ListEvents { after: Some(0), limit: Some(10) }).await.unwrap().head,
        1
    );
}

async fn friendship_decides_who_writes(app: App) {
    let (ada, bob) = app.friends("ada", "bob").await;
    let direct = ada.direct(&bob).await;
    let seq = ada.send(direct, "hi").await;
    bob.api.delete_friend(ada.id).await.unwrap();
    for person in [&ada, &bob] {
        assert!(!person.api.show_conversation(direct).await.unwrap().writable);
        let message = SendMessage { body: "still there?".into(), reply_to: None };
        person.api.send_message(direct, "client-id-1", &message).await.refused(ErrorCode::NotFriends);
        person.api.add_reaction(direct, seq, "👍").await.refused(ErrorCode::NotFriends);
        let page = person.api.list_messages(direct, &MessagesAt::Newest.limit(10)).await.unwrap();
        assert_eq!(page.items[0].body.as_deref(), Some("hi"), "history stays readable");
        assert_eq!(
            person.api.open_direct(if person.id == ada.id { bob.id } else { ada.id }).await.unwrap().id,
            direct
        );
        person.api.mark_read(direct, &MarkRead { seq: 1 }).await.unwrap();
    }
    ada.api
        .edit_message(direct, seq, &EditMessage { body: "hello".into() })
        .await
        .refused(ErrorCode::NotFriends);
    ada.api.delete_message(direct, seq).await.unwrap();
    bob.befriend(&ada).await;
    assert!(ada.api.show_conversation(direct).await.unwrap().writable);
    ada.send(direct, "there you are").await;
}

async fn both_open_at_once(app: App) {
    let (ada, bob) = app.friends("ada", "bob").await;
    let (one, other) = tokio::join!(ada.api.open_direct(bob.id), bob.api.open_direct(ada.id));
    assert_eq!(one.unwrap().id, other.unwrap().id);
    assert_eq!(ada.api.every(calls::list_conversations).await.unwrap().items.len(), 1);
}
