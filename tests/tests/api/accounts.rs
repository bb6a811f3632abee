//! Registration, and one's own account.

use parlour_protocol::accounts::{ChangePassword, ServerRole, UpdateAccount};
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::sessions::CreateSession;
use parlour_protocol::time::DAY;
use reqwest::Method;
use serde_json::json;
use system_tests::{App, Refusal, on_all_backends};

on_all_backends!(
    registering,
    registering_for_a_cookie,
    closed_registration with |config| config.registration = parlour_protocol::accounts::Registration::Closed,
    changing_the_profile,
    handles_stay_for_a_week,
    changing_the_password,
);

const ACCOUNTS: &str = "/api/v1/accounts";

async fn registering(app: App) {
    let body = json!({"handle": "Ada_L", "display_name": " Ada Lovelace ", "password": "correct horse", "device": "Difference engine"});
    let signed_in = app.call(Method::POST, ACCOUNTS, Some(body)).await.expect(201);
    assert_eq!(signed_in["account"]["handle"], "Ada_L");
    assert_eq!(signed_in["account"]["display_name"], "Ada Lovelace");
    assert_eq!(signed_in["account"]["role"], "member");
    assert_eq!(signed_in["account"]["created_at"], "2026-01-01T00:00:00.000000Z");
    assert_eq!(signed_in["expires_in"], 600);
    assert!(signed_in["refresh_token"].as_str().is_some_and(|token| token.len() >= 32));

    let taken = json!({"handle": "ADA_l", "password": "correct horse"});
    app.call(Method::POST, ACCOUNTS, Some(taken)).await.refused(ErrorCode::Taken);

    for (field, body) in [
        ("handle", json!({"handle": "1ab", "password": "correct horse"})),
        ("handle", json!({"handle": "a".repeat(25), "password": "correct horse"})),
        ("password", json!({"handle": "bob", "password": "1234567"})),
        ("password", json!({"handle": "bob", "password": "x".repeat(257)})),
        ("display_name", json!({"handle": "bob", "password": "correct horse", "display_name": "a\u{202E}b"})),
        ("device", json!({"handle": "bob", "password": "correct horse", "device": "d".repeat(81)})),
    ] {
        let problem = app.call(Method::POST, ACCOUNTS, Some(body)).await.refused(ErrorCode::Invalid);
        assert_eq!(problem.violations.iter().map(|one| one.field.as_str()).collect::<Vec<_>>(), [field]);
    }
    for body in [
        json!({"handle": "bob"}),
        json!({"handle": "bob", "password": "correct horse", "role": "admin"}),
        json!({"handle": 7, "password": "correct horse"}),
        json!(["bob", "correct horse"]),
    ] {
        app.call(Method::POST, ACCOUNTS, Some(body)).await.refused(ErrorCode::Malformed);
    }
    // None of these has left anything behind.
    app.person("bob").await;
}

async fn registering_for_a_cookie(app: App) {
    let body = json!({"handle": "ada", "password": "correct horse", "refresh": "cookie"});
    let reply = app.call(Method::POST, ACCOUNTS, Some(body)).await;
    assert!(reply.expect(201).get("refresh_token").is_none());
    let cookie = reply.header("set-cookie").to_owned();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let refresh = |cookie: String| {
        let api = app.stranger(1);
        let request = api.request(Method::POST, api.base().join("/api/v1/sessions/refresh").unwrap());
        async move { request.header("cookie", cookie).json(&json!({})).send().await.unwrap() }
    };
    let pair = cookie.split(';').next().unwrap().to_owned();
    let refreshed = refresh(pair.clone()).await;
    assert_eq!(refreshed.status(), 200);
    let next = refreshed.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert_ne!(next.split(';').next().unwrap(), pair, "the token in the cookie is used up");
    assert!(refreshed.json::<serde_json::Value>().await.unwrap().get("refresh_token").is_none());
    assert_eq!(refresh("other=1".to_owned()).await.status(), 401);

    // A page of another origin cannot make a browser spend the cookie.
    let api = app.stranger(1);
    let foreign = api.request(Method::POST, api.base().join("/api/v1/sessions/refresh").unwrap());
    let foreign =
        foreign.header("cookie", next.split(';').next().unwrap()).header("origin", "https://evil.example");
    assert_eq!(foreign.json(&json!({})).send().await.unwrap().status(), 403);
}

async fn closed_registration(app: App) {
    assert!(!app.stranger(0).show_server().await.unwrap().registration_open);
    let body = json!({"handle": "ada", "password": "correct horse"});
    app.call(Method::POST, ACCOUNTS, Some(body)).await.refused(ErrorCode::RegistrationClosed);
}

async fn changing_the_profile(app: App) {
    let ada = app.person("ada").await;
    app.person("bob").await;
    let account = ada.api.show_account().await.unwrap();
    assert_eq!((account.handle.as_str(), account.role), ("ada", ServerRole::Member));
    assert_eq!(ada.api.update_account(&UpdateAccount::default()).await.unwrap(), account);

    let update = UpdateAccount {
        display_name: Some(" Countess ".into()),
        bio: Some("Poetical science.\nSince 1843.".into()),
        ..UpdateAccount::default()
    };
    let changed = ada.elsewhere().api.update_account(&update).await.unwrap();
    assert_eq!(
        (changed.display_name.as_str(), changed.bio.as_str()),
        ("Countess", "Poetical science.\nSince 1843.")
    );
    assert_eq!(ada.api.show_account().await.unwrap(), changed);

    let refused = |update: UpdateAccount| {
        let api = ada.api.clone();
        async move { api.update_account(&update).await }
    };
    for (field, update) in [
        ("handle", UpdateAccount { handle: Some("a b".into()), ..UpdateAccount::default() }),
        ("display_name", UpdateAccount { display_name: Some("  ".into()), ..UpdateAccount::default() }),
        ("bio", UpdateAccount { bio: Some("x".repeat(301)), ..UpdateAccount::default() }),
    ] {
        assert_eq!(refused(update).await.refused(ErrorCode::Invalid).violations[0].field, field);
    }
    let taken = UpdateAccount { handle: Some("BOB".into()), ..UpdateAccount::default() };
    refused(taken).await.refused(ErrorCode::Taken);
    assert_eq!(ada.api.show_account().await.unwrap(), changed);
}

async fn handles_stay_for_a_week(app: App) {
    let ada = app.person("ada").await;
    let rename = |handle: &str| {
        let (api, update) =
            (ada.api.clone(), UpdateAccount { handle: Some(handle.into()), ..UpdateAccount::default() });
        async move { api.update_account(&update).await }
    };
    assert_eq!(rename("Ada").await.unwrap().handle, "Ada", "another case is the same handle");
    app.advance(1);
    assert_eq!(rename("countess").await.unwrap().handle, "countess");
    rename("enchantress").await.refused(ErrorCode::Conflict);
    assert_eq!(rename("Countess").await.unwrap().handle, "Countess");

    ada.api.show_user("ada").await.refused(ErrorCode::NotFound);
    assert_eq!(ada.api.show_user("countess").await.unwrap().user.id, ada.id);
    assert_ne!(app.person("ada").await.id, ada.id, "the old handle is free");

    app.advance(7 * DAY);
    ada.api.refresh().await.unwrap();
    assert_eq!(rename("enchantress").await.unwrap().handle, "enchantress");
}

async fn changing_the_password(app: App) {
    let ada = app.person("ada").await;
    let phone = ada.other_device().await;
    let change = |current: &str, new: &str| {
        let (api, change) = (ada.api.clone(), ChangePassword { current: current.into(), new: new.into() });
        async move { api.change_password(&change).await }
    };
    let refused = change("wrong horse", "another horse").await.refused(ErrorCode::BadCredentials);
    assert_eq!(
        refused.status, 403,
        "the session is good, and clients that refresh it on 401 would go on for ever"
    );
    assert_eq!(
        change("correct horse battery", "short").await.refused(ErrorCode::Invalid).violations[0].field,
        "new"
    );
    phone.api.show_account().await.unwrap();

    change("correct horse battery", "another horse").await.unwrap();
    ada.api.show_account().await.unwrap();
    ada.api.refresh().await.unwrap();
    phone.api.refresh().await.refused(ErrorCode::Unauthenticated);
    let log_in = |password: &str| {
        let session = CreateSession {
            handle: "ada".into(),
            password: password.into(),
            device: None,
            refresh: Default::default(),
            device_token: None,
        };
        let api = app.stranger(1);
        async move { api.create_session(&session).await }
    };
    log_in("correct horse battery").await.refused(ErrorCode::BadCredentials);
    log_in("another horse").await.unwrap();
}
