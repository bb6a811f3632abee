//! Log-ins: tokens that expire, rotate, and reveal their theft.

use parlour_client::operations::calls;
use parlour_protocol::ids::SessionId;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::sessions::CreateSession;
use parlour_protocol::time::{DAY, MINUTE, SECOND};
use reqwest::Method;
use serde_json::json;
use system_tests::{App, Refusal, eventually, on_all_backends};

on_all_backends!(
    logging_in,
    failures_are_slowed_down,
    ending_sessions,
    access_tokens_end,
    refresh_tokens_work_once,
    sessions_end_after_a_month,
    tokens_that_are_none,
);

fn log_in(handle: &str, password: &str) -> CreateSession {
    CreateSession {
        handle: handle.into(),
        password: password.into(),
        device: None,
        refresh: Default::default(),
        device_token: None,
    }
}

const PASSWORD: &str = "correct horse battery";

async fn logging_in(app: App) {
    let ada = app.person("ada").await;
    for handle in ["ada", "ADA", "@Ada"] {
        let signed_in = app.stranger(1).create_session(&log_in(handle, PASSWORD)).await.unwrap();
        assert_eq!(signed_in.account.id, ada.id);
    }
    // Attempts reveal nothing about which handles exist.
    let wrong = app
        .stranger(0)
        .create_session(&log_in("ada", "wrong password"))
        .await
        .refused(ErrorCode::BadCredentials);
    assert_eq!(wrong.status, 401);
    let unknown =
        app.stranger(0).create_session(&log_in("nobody", PASSWORD)).await.refused(ErrorCode::BadCredentials);
    assert_eq!((wrong.detail, wrong.violations), (unknown.detail, unknown.violations));
    let long = log_in("ada", &"x".repeat(5000));
    assert!(app.stranger(0).create_session(&long).await.is_err());
}

async fn failures_are_slowed_down(app: App) {
    app.person("ada").await;
    let api = app.stranger(0);
    for _ in 0..5 {
        api.create_session(&log_in("ada", "wrong password")).await.refused(ErrorCode::BadCredentials);
    }
    let body = json!({"handle": "ada", "password": "wrong password"});
    let reply = app.call(Method::POST, "/api/v1/sessions", Some(body)).await;
    let problem = reply.refused(ErrorCode::RateLimited);
    assert!(problem.retry_after_ms.is_some_and(|wait| wait > 0));
    assert!(reply.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds > 0));
}

async fn ending_sessions(app: App) {
    let ada = app.person("ada").await;
    let bob = app.person("bob").await;
    let phone = ada.other_device().await;
    let list = ada.api.every(calls::list_sessions).await.unwrap().items;
    assert_eq!(list.len(), 2);
    let own = list.iter().find(|session| session.current).unwrap();
    assert_eq!((own.id, own.device.as_str()), (ada.session, "ada's device"));
    let other = list.iter().find(|session| !session.current).unwrap();
    assert_eq!(other.id, phone.session);

    ada.api.delete_session(SessionId(1)).await.refused(ErrorCode::NotFound);
    bob.api.delete_session(phone.session).await.refused(ErrorCode::NotFound);
    phone.api.show_account().await.unwrap();

    ada.api.delete_session(phone.session).await.unwrap();
    phone.api.show_account().await.refused(ErrorCode::Unauthenticated);
    phone.api.refresh().await.refused(ErrorCode::Unauthenticated);
    // Other nodes follow within seconds.
    eventually("the other node refuses the token", || async {
        phone.elsewhere().api.show_account().await.is_err()
    })
    .await;
    assert_eq!(ada.api.every(calls::list_sessions).await.unwrap().items.len(), 1);

    let api = ada.api.clone();
    let token = api.access_token();
    api.delete_current_session().await.unwrap();
    api.show_account().await.refused(ErrorCode::Unauthenticated);
    api.set_tokens(token, None);
    api.show_account().await.refused(ErrorCode::Unauthenticated);
}

async fn access_tokens_end(app: App) {
    let ada = app.person("ada").await;
    app.advance(10 * MINUTE - SECOND);
    ada.api.show_account().await.unwrap();
    app.advance(2 * MINUTE);
    ada.get("/api/v1/account").await.refused(ErrorCode::TokenExpired);
    ada.elsewhere().api.refresh().await.unwrap();
    ada.api.show_account().await.unwrap();
    let session = &ada.api.every(calls::list_sessions).await.unwrap().items[0];
    assert!(session.last_used_at > session.created_at);
}

async fn refresh_tokens_work_once(app: App) {
    let ada = app.person("ada").await;
    let first = ada.api.refresh_token();
    let second = ada.api.refresh().await.unwrap().refresh_token;
    assert_ne!(first, second);

    // The response was lost: the same token gets the same successor, for a short time, on any node.
    let again = ada.elsewhere().api;
    again.set_tokens(None, first.clone());
    app.advance(29 * SECOND);
    assert_eq!(again.refresh().await.unwrap().refresh_token, second);

    // After that, either this is a thief or a thief was here before: nobody keeps the session.
    app.advance(2 * SECOND);
    again.set_tokens(None, first);
    again.refresh().await.refused(ErrorCode::Unauthenticated);
    again.set_tokens(None, second);
    again.refresh().await.refused(ErrorCode::Unauthenticated);
    for nonsense in ["", "x", "1.2.3", &"y".repeat(200)] {
        again.set_tokens(None, Some(nonsense.to_owned()));
        let code = again.refresh().await.unwrap_err().code();
        assert!(matches!(code, Some(ErrorCode::Unauthenticated | ErrorCode::Malformed)), "{code:?}");
    }
}

async fn sessions_end_after_a_month(app: App) {
    let ada = app.person("ada").await;
    for _ in 0..3 {
        app.advance(29 * DAY);
        ada.api.refresh().await.unwrap();
    }
    app.advance(30 * DAY + SECOND);
    ada.api.refresh().await.refused(ErrorCode::Unauthenticated);
}

async fn tokens_that_are_none(app: App) {
    let ada = app.person("ada").await;
    let reply = app.call(Method::GET, "/api/v1/account", None).await;
    reply.refused(ErrorCode::Unauthenticated);
    assert_eq!(reply.header("www-authenticate"), "Bearer");

    let good = ada.api.access_token().unwrap();
    let (head, signature) = good.rsplit_once('.').unwrap();
    let payload = head.split('.').nth(1).unwrap();
    let flipped = if signature.starts_with('A') { "B" } else { "A" };
    for bad in [
        "x".to_owned(),
        format!("{head}."),
        format!("{head}.{flipped}{}", &signature[1..]),
        // {"alg":"none","typ":"JWT"}
        format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{payload}."),
        "a".repeat(20_000),
    ] {
        let api = app.stranger(0);
        api.set_tokens(Some(bad.clone()), None);
        let reply = api.show_account().await;
        assert!(reply.is_err(), "{bad} was let in");
    }

    let keys = app.call(Method::GET, "/.well-known/jwks.json", None).await.expect(200);
    assert_eq!(keys["keys"][0]["kty"], "OKP");
    assert_eq!(keys["keys"][0].get("d"), None, "the private key stays at home");
}
