//! Settings for what others may know and do, and the limits on requests.

use parlour_client::operations::{ListMembers, calls};
use parlour_protocol::events::{Ephemeral, UserChange};
use parlour_protocol::friends::CreateFriendRequest;
use parlour_protocol::privacy::{FindableBy, PresenceTo, Privacy, RequestsFrom, UpdatePrivacy};
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::time::{DAY, SECOND};
use parlour_protocol::users::Relation;
use reqwest::Method;
use serde_json::json;
use system_tests::{App, Person, Refusal, eventually, on_all_backends};

on_all_backends!(
    reading_and_changing,
    hidden_handles_do_not_exist,
    unwanted_requests_do_not_arrive,
    declined_requests_cool_down,
    twenty_requests_a_day,
    thirty_searches_a_minute,
    invisible_people,
);

const PRIVACY: &str = "/api/v1/account/privacy";

async fn set(person: &Person, update: UpdatePrivacy) -> Privacy {
    let body = serde_json::to_value(update).unwrap();
    let reply = person.call(Method::PATCH, PRIVACY, Some(body)).await.expect(200);
    serde_json::from_value(reply).unwrap()
}

async fn reading_and_changing(app: App) {
    let ada = app.person("ada").await;
    let mut socket = ada.socket().await;
    let read = || async { serde_json::from_value::<Privacy>(ada.get(PRIVACY).await.expect(200)).unwrap() };
    assert_eq!(read().await, Privacy::default());
    let update = UpdatePrivacy { requests_from: Some(RequestsFrom::CommonRoom), ..UpdatePrivacy::default() };
    let changed = set(&ada.elsewhere(), update).await;
    assert_eq!(changed, Privacy { requests_from: RequestsFrom::CommonRoom, ..Privacy::default() });
    socket.expect_user(UserChange::AccountChanged {}).await;
    assert_eq!(read().await, changed);
    assert_eq!(set(&ada, UpdatePrivacy::default()).await, changed);
    socket.expect_nothing().await;
    for body in [json!({"findable_by": "friends"}), json!({"findable": "nobody"}), json!({"presence_to": 1})]
    {
        ada.call(Method::PATCH, PRIVACY, Some(body)).await.refused(ErrorCode::Malformed);
    }
}

async fn hidden_handles_do_not_exist(app: App) {
    let (ada, bob, carl) = (app.person("ada").await, app.person("bob").await, app.person("carl").await);
    carl.befriend(&ada).await;
    ada.api.create_friend_request(&CreateFriendRequest { to: "bob".into() }).await.unwrap();
    bob.api.delete_friend_request(ada.id).await.unwrap();
    ada.api.delete_friend_request(bob.id).await.unwrap();
    set(&ada, UpdatePrivacy { findable_by: Some(FindableBy::Nobody), ..UpdatePrivacy::default() }).await;
    let dora = app.person("dora").await;
    ada.call(Method::PUT, &format!("/api/v1/blocks/{}", dora.id), None).await.expect(200);

    // Hidden, hidden and blocking, and unknown: the same response.
    let look = |who: Person, handle: &'static str| async move {
        let mut problem = who.get(&format!("/api/v1/users/{handle}")).await.refused(ErrorCode::NotFound);
        problem.request_id.clear();
        problem
    };
    let nobody = look(bob.clone(), "nobody").await;
    assert_eq!(look(bob.clone(), "ada").await, nobody);
    assert_eq!(look(dora.clone(), "@Ada").await, nobody);
    let ask = |who: Person, handle: &'static str| async move {
        let mut problem = who
            .api
            .create_friend_request(&CreateFriendRequest { to: handle.to_string() })
            .await
            .refused(ErrorCode::NotFound);
        problem.request_id.clear();
        problem
    };
    assert_eq!(ask(bob.clone(), "ada").await, ask(dora.clone(), "nobody").await);
    assert_eq!(ask(dora.clone(), "ada").await, ask(bob.clone(), "nobody").await);

    // Friends and the person still find it, and anyone who met ada in a room knows the id.
    assert_eq!(carl.api.show_user("ada").await.unwrap().relation, Relation::Friend);
    assert_eq!(ada.api.show_user("ada").await.unwrap().relation, Relation::Myself);
    for person in [&bob, &dora] {
        assert_eq!(person.api.show_user(&ada.id.to_string()).await.unwrap().relation, Relation::None);
    }
    // A person who gets a request from ada may look at her profile.
    ada.api.create_friend_request(&CreateFriendRequest { to: "bob".into() }).await.unwrap();
    bob.api.create_friend_request(&CreateFriendRequest { to: ada.id.to_string() }).await.unwrap();
    assert_eq!(bob.api.show_user("ada").await.unwrap().relation, Relation::Friend);
}

async fn unwanted_requests_do_not_arrive(app: App) {
    let (ada, bob, carl) = (app.person("ada").await, app.person("bob").await, app.person("carl").await);
    let incoming = || async {
        let requests = ada.api.list_friend_requests().await.unwrap().incoming;
        requests.into_iter().map(|one| one.user.handle).collect::<Vec<_>>()
    };
    set(&ada, UpdatePrivacy { requests_from: Some(RequestsFrom::CommonRoom), ..UpdatePrivacy::default() })
        .await;
    let room = ada.create_room("tea").await;
    carl.join(room).await;
    for person in [&bob, &carl] {
        assert_eq!(
            person
                .api
                .create_friend_request(&CreateFriendRequest { to: "ada".into() })
                .await
                .unwrap()
                .relation,
            Relation::Outgoing
        );
        assert_eq!(person.api.list_friend_requests().await.unwrap().outgoing.len(), 1);
    }
    assert_eq!(incoming().await, ["carl"]);
    ada.api.accept_friend_request(bob.id).await.refused(ErrorCode::NotFound);
    // A new request, without the reason for hiding it, arrives.
    bob.join(room).await;
    bob.api.create_friend_request(&CreateFriendRequest { to: "ada".into() }).await.unwrap();
    assert_eq!(incoming().await.len(), 2);

    set(&ada, UpdatePrivacy { requests_from: Some(RequestsFrom::Nobody), ..UpdatePrivacy::default() }).await;
    let dora = app.person("dora").await;
    dora.join(room).await;
    assert_eq!(
        dora.api.create_friend_request(&CreateFriendRequest { to: "ada".into() }).await.unwrap().relation,
        Relation::Outgoing
    );
    assert_eq!(incoming().await.len(), 2, "what had arrived stays");
    assert_eq!(
        ada.api.create_friend_request(&CreateFriendRequest { to: "dora".into() }).await.unwrap().relation,
        Relation::Friend
    );
}

async fn declined_requests_cool_down(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let mut socket = bob.socket().await;
    let ask = || async {
        ada.api.create_friend_request(&CreateFriendRequest { to: "bob".into() }).await.unwrap().relation
    };
    ask().await;
    socket.expect_user(UserChange::FriendRequested { user: ada.id }).await;
    bob.api.delete_friend_request(ada.id).await.unwrap();
    socket.expect_user(UserChange::FriendRemoved { user: ada.id }).await;
    // Neither a repeated request nor a cancelled and renewed one arrives.
    assert_eq!(ask().await, Relation::Outgoing);
    ada.api.delete_friend_request(bob.id).await.unwrap();
    assert_eq!(ask().await, Relation::Outgoing);
    app.advance(7 * DAY - 1);
    ada.api.refresh().await.unwrap();
    assert_eq!(ask().await, Relation::Outgoing);
    socket.expect_nothing().await;

    app.advance(1);
    assert_eq!(ask().await, Relation::Outgoing);
    socket.expect_user(UserChange::FriendRequested { user: ada.id }).await;
    bob.api.refresh().await.unwrap();
    bob.api.accept_friend_request(ada.id).await.unwrap();
}

async fn twenty_requests_a_day(app: App) {
    let ada = app.person("ada").await;
    let mut others = Vec::new();
    for number in 0..21 {
        others.push(app.person(&format!("person_{number}")).await);
    }
    let first = &others[0];
    for other in &others[..19] {
        ada.api.create_friend_request(&CreateFriendRequest { to: other.handle.clone() }).await.unwrap();
    }
    // Cancelling and requesting again counts; repeating a request does not.
    ada.api.create_friend_request(&CreateFriendRequest { to: first.handle.clone() }).await.unwrap();
    ada.api.delete_friend_request(first.id).await.unwrap();
    ada.api.create_friend_request(&CreateFriendRequest { to: first.handle.clone() }).await.unwrap();
    let refused =
        ada.elsewhere().api.create_friend_request(&CreateFriendRequest { to: "person_20".into() }).await;
    let problem = refused.refused(ErrorCode::RateLimited);
    assert_eq!(problem.retry_after_ms, Some(24 * 3600 * 1000));
    // Accepting does not count as requesting.
    others[20].api.create_friend_request(&CreateFriendRequest { to: "ada".into() }).await.unwrap();
    assert_eq!(
        ada.api
            .create_friend_request(&CreateFriendRequest { to: "person_20".into() })
            .await
            .unwrap()
            .relation,
        Relation::Friend
    );

    app.advance(DAY + SECOND);
    ada.api.refresh().await.unwrap();
    ada.api.create_friend_request(&CreateFriendRequest { to: "person_19".into() }).await.unwrap();
}

async fn thirty_searches_a_minute(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    // A little is refilled while the test sends requests.
    let mut refused = None;
    for _ in 0..60 {
        if let Err(error) = ada.api.show_user("nobody_at_all").await
            && error.code() == Some(ErrorCode::RateLimited)
        {
            refused = Some(error);
            break;
        }
    }
    assert!(refused.is_some(), "searching has an end");
    ada.api.show_user(&bob.id.to_string()).await.unwrap();
    bob.api.show_user("ada").await.unwrap();
}

async fn invisible_people(app: App) {
    let (ada, bob) = app.friends("ada", "bob").await;
    let direct = ada.direct(&bob).await;
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    let mut hers = ada.socket().await;
    let his = bob.socket().await;
    let presence = |online| Ephemeral::Presence { user: bob.id, online };
    assert_eq!(hers.ephemeral().await, presence(true));
    let seen = || async {
        let mut seen = vec![
            ada.api.show_user("bob").await.unwrap().online,
            Some(ada.api.every(calls::list_friends).await.unwrap().items[0].online),
            ada.api.show_conversation(direct).await.unwrap().online,
        ];
        let members = ada
            .api
            .list_members(room, &ListMembers { prefix: None, after: None, limit: Some(10) })
            .await
            .unwrap()
            .items;
        seen.extend(members.iter().filter(|one| one.user.id == bob.id).map(|one| Some(one.online)));
        seen
    };
    eventually("all nodes know bob", || async { seen().await == [Some(true); 4] }).await;

    set(&bob, UpdatePrivacy { presence_to: Some(PresenceTo::Nobody), ..UpdatePrivacy::default() }).await;
    assert_eq!(hers.ephemeral().await, presence(false), "it looks like going");
    assert_eq!(seen().await, [Some(false); 4]);
    // Connecting and disconnecting are not told either.
    his.close().await;
    let his = bob.socket().await;
    let marker = bob.send(direct, "I am not here").await;
    hers.expect_event(direct, marker).await;
    hers.expect_nothing().await;
    assert_eq!(seen().await, [Some(false); 4]);
    assert_eq!(bob.api.show_user("ada").await.unwrap().online, Some(true), "the invisible one sees others");

    set(&bob, UpdatePrivacy { presence_to: Some(PresenceTo::Friends), ..UpdatePrivacy::default() }).await;
    assert_eq!(hers.ephemeral().await, presence(true));
    drop(his);
}
