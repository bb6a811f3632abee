//! What a conversation says that its reader can do, and that the server then allows exactly that.

use std::fmt::Debug;

use parlour_client::native::ApiError;
use parlour_client::operations::calls;
use parlour_protocol::events::{Change, UserChange};
use parlour_protocol::ids::ConversationId;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::rights::Permission::{self, DeleteOthers, DeleteRoom, EditRoom, React, Read, Write};
use parlour_protocol::rooms::{MemberRole, UpdateRoom};
use parlour_storage::members;
use serde_json::json;
use system_tests::{App, Person, Refusal, on_all_backends};

on_all_backends!(by_role, of_administrators, in_direct_chats, of_an_heir);

/// What a person can do in a conversation: the same in the list and by itself.
async fn can(person: &Person, id: ConversationId) -> Vec<Permission> {
    let shown = person.api.show_conversation(id).await.unwrap();
    assert_eq!(shown.writable, shown.can.contains(&Write));
    let listed = person.api.every(calls::list_conversations).await.unwrap().items;
    assert_eq!(listed.into_iter().find(|one| one.id == id), Some(shown.clone()));
    shown.can
}

/// A request that must be allowed, or else refused.
fn expect<T: Debug>(result: Result<T, ApiError>, allowed: bool) {
    if allowed {
        result.unwrap();
    } else {
        result.refused(ErrorCode::Forbidden);
    }
}

fn renamed(name: &str) -> UpdateRoom {
    UpdateRoom { name: Some(name.into()), ..UpdateRoom::default() }
}

async fn by_role(app: App) {
    let (ada, bob, carol) = (app.person("ada").await, app.person("bob").await, app.person("carol").await);
    let room = ada.create_room("tea").await;
    assert_eq!(bob.join(room).await.can, [Read, Write, React]);
    carol.join(room).await;
    members::update_role(&mut app.database().connect(), room, carol.id, MemberRole::Moderator).unwrap();

    for (person, expected) in [
        (&bob, &[Read, Write, React][..]),
        (&carol, &[Read, Write, React, DeleteOthers][..]),
        (&ada, &[Read, Write, React, DeleteOthers, EditRoom, DeleteRoom][..]),
    ] {
        assert_eq!(can(person, room).await, expected);
        let may = |permission| expected.contains(&permission);
        let mine = bob.send(room, "hi").await;
        expect(person.api.delete_message(room, mine).await, may(DeleteOthers) || person.id == bob.id);
        let others = ada.send(room, "hello").await;
        person.api.add_reaction(room, others, "👍").await.unwrap();
        expect(person.api.delete_message(room, others).await, may(DeleteOthers));
        expect(person.api.update_room(room, &renamed("coffee")).await, may(EditRoom));
        expect(person.api.delete_room(room).await, may(DeleteRoom));
    }
}

async fn of_administrators(app: App) {
    let (ada, root) = (app.person("ada").await, app.admin("root").await);
    let room = ada.create_room("tea").await;
    assert_eq!(root.join(room).await.can, [Read, Write, React, DeleteOthers, DeleteRoom]);
    assert_eq!(can(&root, room).await, [Read, Write, React, DeleteOthers, DeleteRoom]);

    // With a token, an administrator is like everybody.
    let request = json!({ "name": "all", "scopes": ["write"] });
    let program = root.with_token(&root.create_token("/api/v1/account/tokens", request).await.secret);
    assert_eq!(can(&program, room).await, [Read, Write, React]);
    let seq = ada.send(room, "hi").await;
    program.api.delete_message(room, seq).await.refused(ErrorCode::Forbidden);
    program.api.delete_room(room).await.refused(ErrorCode::Forbidden);

    root.api.delete_message(room, seq).await.unwrap();
    root.api.update_room(room, &renamed("coffee")).await.refused(ErrorCode::Forbidden);
    root.befriend(&ada).await;
    let direct = root.direct(&ada).await;
    assert_eq!(can(&root, direct).await, [Read, Write, React]);
    let seq = ada.send(direct, "hi").await;
    root.api.delete_message(direct, seq).await.refused(ErrorCode::Forbidden);
    root.api.delete_room(room).await.unwrap();
}

async fn in_direct_chats(app: App) {
    let (ada, bob) = app.friends("ada", "bob").await;
    let direct = ada.direct(&bob).await;
    let mut socket = ada.socket().await;
    assert_eq!(can(&ada, direct).await, [Read, Write, React]);
    let mut known = ada.api.show_conversation(direct).await.unwrap();
    bob.api.delete_friend(ada.id).await.unwrap();
    bob.befriend(&ada).await;
    // The events lead to the same as reading again.
    for (seq, expected) in [(1, &[Read][..]), (2, &[Read, Write, React][..])] {
        let event = socket.expect_event(direct, seq).await;
        assert!(matches!(event.change, Change::DirectChanged { .. }), "{event:?}");
        known.apply_rights(&event.change);
        assert_eq!((known.can.as_slice(), known.writable), (expected, expected.contains(&Write)));
    }
    assert_eq!(can(&ada, direct).await, known.can);
    bob.api.delete_friend(ada.id).await.unwrap();
    for person in [&ada, &bob] {
        assert_eq!(can(person, direct).await, [Read]);
    }
}

/// Who becomes owner is told.
async fn of_an_heir(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    let mut socket = bob.socket().await;
    ada.api.leave_room(room).await.unwrap();
    socket.expect_user(UserChange::RightsChanged { conversation: room }).await;
    assert_eq!(can(&bob, room).await, [Read, Write, React, DeleteOthers, EditRoom, DeleteRoom]);
    bob.api.update_room(room, &renamed("coffee")).await.unwrap();
}
