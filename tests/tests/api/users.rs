//! Finding people and looking at them.

use parlour_client::operations::ListUsers;
use parlour_protocol::friends::CreateFriendRequest;
use parlour_protocol::ids::UserId;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::users::Relation;
use system_tests::{App, Refusal, on_all_backends};

on_all_backends!(finding_people, relations, several_people);

async fn finding_people(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    for who in ["bob", "@bob", "BOB", &bob.id.to_string()] {
        let profile = ada.api.show_user(who).await.unwrap();
        assert_eq!((profile.user.id, profile.relation, profile.online), (bob.id, Relation::None, None));
    }
    assert_eq!(ada.api.show_user("ada").await.unwrap().relation, Relation::Myself);
    // Only exact handles find anyone.
    let numeric = format!("@{}", bob.id);
    for who in ["bo", "bobby", "b%", "1", "@", "a/b", numeric.as_str()] {
        ada.api.show_user(who).await.refused(ErrorCode::NotFound);
    }
    app.stranger(0).show_user("bob").await.refused(ErrorCode::Unauthenticated);
}

async fn relations(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    ada.api.create_friend_request(&CreateFriendRequest { to: "bob".into() }).await.unwrap();
    assert_eq!(ada.api.show_user("bob").await.unwrap().relation, Relation::Outgoing);
    assert_eq!(bob.api.show_user("ada").await.unwrap().relation, Relation::Incoming);
    bob.api.accept_friend_request(ada.id).await.unwrap();
    let profile = ada.api.show_user("bob").await.unwrap();
    assert_eq!((profile.relation, profile.direct, profile.online), (Relation::Friend, None, Some(false)));
    let direct = ada.direct(&bob).await;
    assert_eq!(bob.api.show_user("ada").await.unwrap().direct, Some(direct));
    bob.api.delete_friend(ada.id).await.unwrap();
    let profile = ada.api.show_user("bob").await.unwrap();
    assert_eq!((profile.relation, profile.direct, profile.online), (Relation::None, Some(direct), None));
}

async fn several_people(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let page = ada.api.list_users(&ListUsers::of(&[bob.id, ada.id, bob.id, UserId(1)])).await.unwrap();
    let mut ids: Vec<UserId> = page.items.iter().map(|user| user.id).collect();
    ids.sort();
    let mut expected = [ada.id, bob.id];
    expected.sort();
    assert_eq!(ids, expected, "each once; unknown ones are left out");
    for query in ["", "?ids=a", "?ids=1,,2", "?ids=-1"] {
        ada.get(&format!("/api/v1/users{query}")).await.refused(ErrorCode::Malformed);
    }
    let many: Vec<UserId> = (1..=101).map(UserId).collect();
    assert!(ada.api.list_users(&ListUsers::of(&many)).await.is_err(), "at most a page");
}
