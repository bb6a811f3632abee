//! Friendship: requested, accepted or declined, ended.

use parlour_client::operations::calls;
use parlour_protocol::friends::CreateFriendRequest;
use parlour_protocol::ids::UserId;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::users::Relation;
use system_tests::{App, Person, Refusal, on_all_backends};

on_all_backends!(asking_and_accepting, crossing_requests, declining_and_cancelling, unfriending);

async fn open_requests(person: &Person) -> (Vec<UserId>, Vec<UserId>) {
    let requests = person.api.list_friend_requests().await.unwrap();
    let ids =
        |list: Vec<parlour_protocol::friends::FriendRequest>| list.iter().map(|one| one.user.id).collect();
    (ids(requests.incoming), ids(requests.outgoing))
}

async fn asking_and_accepting(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    assert_eq!(
        ada.api
            .create_friend_request(&CreateFriendRequest { to: "me_not".into() })
            .await
            .refused(ErrorCode::NotFound)
            .violations,
        []
    );
    let oneself = ada
        .api
        .create_friend_request(&CreateFriendRequest { to: "@ADA".into() })
        .await
        .refused(ErrorCode::Invalid);
    assert_eq!(oneself.violations[0].field, "to");

    for _ in 0..2 {
        let relationship =
            ada.api.create_friend_request(&CreateFriendRequest { to: "@Bob".into() }).await.unwrap();
        assert_eq!((relationship.user.id, relationship.relation), (bob.id, Relation::Outgoing));
    }
    assert_eq!(open_requests(&ada).await, (vec![], vec![bob.id]));
    assert_eq!(open_requests(&bob).await, (vec![ada.id], vec![]));

    ada.api.accept_friend_request(bob.id).await.refused(ErrorCode::Conflict);
    bob.api.accept_friend_request(UserId(1)).await.refused(ErrorCode::NotFound);
    bob.api.accept_friend_request(bob.id).await.refused(ErrorCode::NotFound);
    for _ in 0..2 {
        assert_eq!(bob.api.accept_friend_request(ada.id).await.unwrap().relation, Relation::Friend);
    }
    for (one, other) in [(&ada, &bob), (&bob, &ada)] {
        assert_eq!(open_requests(one).await, (vec![], vec![]));
        let friends = one.api.every(calls::list_friends).await.unwrap().items;
        assert_eq!(friends.iter().map(|friend| friend.user.id).collect::<Vec<_>>(), [other.id]);
        assert_eq!((friends[0].direct, friends[0].online), (None, false));
    }
    assert_eq!(
        ada.api.create_friend_request(&CreateFriendRequest { to: "bob".into() }).await.unwrap().relation,
        Relation::Friend
    );
    let direct = ada.direct(&bob).await;
    assert_eq!(bob.api.every(calls::list_friends).await.unwrap().items[0].direct, Some(direct));
}

async fn crossing_requests(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let (to_bob, to_ada) =
        (CreateFriendRequest { to: "bob".into() }, CreateFriendRequest { to: "ada".into() });
    let (one, other) =
        tokio::join!(ada.api.create_friend_request(&to_bob), bob.api.create_friend_request(&to_ada));
    let mut relations = [one.unwrap().relation, other.unwrap().relation];
    relations.sort_by_key(|relation| *relation == Relation::Friend);
    assert_eq!(relations, [Relation::Outgoing, Relation::Friend]);
    assert_eq!(ada.api.every(calls::list_friends).await.unwrap().items.len(), 1);
    assert_eq!(open_requests(&bob).await, (vec![], vec![]));
}

async fn declining_and_cancelling(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    for _ in 0..2 {
        let (who, whom) = (&ada, &bob);
        ada.api.create_friend_request(&CreateFriendRequest { to: "bob".into() }).await.unwrap();
        who.api.delete_friend_request(whom.id).await.unwrap();
        who.api.delete_friend_request(whom.id).await.refused(ErrorCode::NotFound);
        bob.api.accept_friend_request(ada.id).await.refused(ErrorCode::NotFound);
        assert_eq!(open_requests(&ada).await, (vec![], vec![]));
        assert_eq!(open_requests(&bob).await, (vec![], vec![]));
    }

    // To the sender, a declined request still looks open.
    ada.api.create_friend_request(&CreateFriendRequest { to: "bob".into() }).await.unwrap();
    bob.api.delete_friend_request(ada.id).await.unwrap();
    bob.api.delete_friend_request(ada.id).await.refused(ErrorCode::NotFound);
    bob.api.accept_friend_request(ada.id).await.refused(ErrorCode::NotFound);
    assert_eq!(open_requests(&ada).await, (vec![], vec![bob.id]));
    assert_eq!(open_requests(&bob).await, (vec![], vec![]));
    // The person who declined may still send a request: the other one had wanted it.
    assert_eq!(
        bob.api.create_friend_request(&CreateFriendRequest { to: "ada".into() }).await.unwrap().relation,
        Relation::Friend
    );
    ada.api.delete_friend_request(bob.id).await.refused(ErrorCode::NotFound);
    assert_eq!(
        ada.api.every(calls::list_friends).await.unwrap().items.len(),
        1,
        "a friendship is no request"
    );
}

async fn unfriending(app: App) {
    let (ada, bob) = app.friends("ada", "bob").await;
    ada.api.delete_friend(bob.id).await.unwrap();
    ada.api.delete_friend(bob.id).await.refused(ErrorCode::NotFound);
    for person in [&ada, &bob] {
        assert!(person.api.every(calls::list_friends).await.unwrap().items.is_empty());
    }
    bob.befriend(&ada).await;
    assert_eq!(ada.api.every(calls::list_friends).await.unwrap().items.len(), 1);
    bob.api.create_friend_request(&CreateFriendRequest { to: ada.handle.clone() }).await.unwrap();
    ada.api.delete_friend_request(bob.id).await.refused(ErrorCode::NotFound);
}
