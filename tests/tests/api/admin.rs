//! What administrators can do, and that nobody else can.

use parlour_client::operations::ListNamed;
use parlour_protocol::accounts::ServerRole;
use parlour_protocol::friends::CreateFriendRequest;
use parlour_protocol::ids::UserId;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::sessions::CreateSession;
use system_tests::{App, Refusal, eventually, on_all_backends};

on_all_backends!(listing_people, suspending, statistics);

async fn listing_people(app: App) {
    let root = app.admin("root").await;
    for handle in ["carol", "Bob", "ada"] {
        app.person(handle).await;
    }
    let mut handles = Vec::new();
    let mut after = None;
    loop {
        let page = root
            .api
            .list_admin_users(&ListNamed { search: None, after: after.clone(), limit: Some(3) })
            .await
            .unwrap();
        handles.extend(page.items.into_iter().map(|one| one.user.handle));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(handles, ["ada", "Bob", "carol", "root"]);
    let found = root
        .api
        .list_admin_users(&ListNamed { search: Some("BO".into()), after: None, limit: Some(10) })
        .await
        .unwrap()
        .items;
    assert_eq!(found.iter().map(|one| one.user.handle.as_str()).collect::<Vec<_>>(), ["Bob"]);
    let roots = root
        .api
        .list_admin_users(&ListNamed { search: Some("root".into()), after: None, limit: Some(10) })
        .await
        .unwrap()
        .items;
    assert_eq!(
        (roots[0].role, root.api.show_account().await.unwrap().role),
        (ServerRole::Admin, ServerRole::Admin)
    );
}

async fn suspending(app: App) {
    let root = app.admin("root").await;
    let bob = app.person("bob").await;
    let ada = app.person("ada").await;
    let log_in = || async {
        let session = CreateSession {
            handle: "bob".into(),
            password: "correct horse battery".into(),
            device: None,
            refresh: Default::default(),
            device_token: None,
        };
        app.stranger(1).create_session(&session).await
    };
    root.api.suspend_user(root.id).await.refused(ErrorCode::Conflict);
    root.api.suspend_user(UserId(1)).await.refused(ErrorCode::NotFound);
    ada.api.suspend_user(bob.id).await.refused(ErrorCode::NotFound);

    for _ in 0..2 {
        assert!(root.api.suspend_user(bob.id).await.unwrap().suspended_at.is_some());
    }
    eventually("bob's token is refused", || async { bob.api.show_account().await.is_err() }).await;
    bob.api.refresh().await.refused(ErrorCode::Unauthenticated);
    log_in().await.refused(ErrorCode::BadCredentials);
    ada.api.show_user("bob").await.refused(ErrorCode::NotFound);
    ada.api
        .create_friend_request(&CreateFriendRequest { to: "bob".into() })
        .await
        .refused(ErrorCode::NotFound);

    for _ in 0..2 {
        assert_eq!(root.api.reinstate_user(bob.id).await.unwrap().suspended_at, None);
    }
    log_in().await.unwrap();
    ada.api.show_user("bob").await.unwrap();
}

async fn statistics(app: App) {
    let root = app.admin("root").await;
    let ada = app.person("ada").await;
    root.befriend(&ada).await;
    root.direct(&ada).await;
    let room = ada.create_room("tea").await;
    ada.send(room, "hi").await;
    let _socket = root.socket().await;
    let seen = root.api.show_statistics().await.unwrap();
    assert_eq!((seen.users, seen.rooms, seen.directs, seen.events), (2, 1, 1, 2));
    assert_eq!((seen.online, seen.sockets), (1, 1));
    // Others get the same response as for a path that does not exist.
    ada.api.show_statistics().await.refused(ErrorCode::NotFound);
    ada.api
        .list_admin_users(&ListNamed { search: None, after: None, limit: Some(10) })
        .await
        .refused(ErrorCode::NotFound);
    app.stranger(0).show_statistics().await.refused(ErrorCode::Unauthenticated);
}
