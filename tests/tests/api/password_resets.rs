//! Links for setting a new password: who creates them, what they end, and that they work once.

use parlour_protocol::problems::ErrorCode;
use parlour_protocol::sessions::CreateSession;
use parlour_protocol::socket::CloseCode;
use parlour_protocol::time::{MINUTE, SECOND};
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::{App, Person, Refusal, Reply, on_all_backends};

on_all_backends!(
    a_link_sets_a_password_once,
    who_may_make_links,
    links_end,
    many_tries_are_refused with |config| config.auth_per_minute = 20,
    the_link_has_the_servers_address with |config| config.public_url = Some("https://chat.example".into()),
);

const OLD: &str = "correct horse battery";
const NEW: &str = "a much better one";

async fn link(root: &Person, who: &Person) -> String {
    let path = format!("/api/v1/admin/users/{}/password-reset", who.id);
    let made = root.call(Method::POST, &path, None).await.expect(201);
    made["link"].as_str().unwrap().to_owned()
}

async fn token(root: &Person, who: &Person) -> String {
    link(root, who).await.split_once('#').expect("in the fragment").1.to_owned()
}

async fn set(app: &App, token: &str, password: &str) -> Reply {
    let body = json!({"token": token, "password": password});
    app.call(Method::POST, "/api/v1/password-resets", Some(body)).await
}

async fn log_in(app: &App, password: &str) -> Result<(), parlour_client::native::ApiError> {
    let session = CreateSession {
        handle: "ada".into(),
        password: password.into(),
        device: None,
        refresh: Default::default(),
        device_token: None,
    };
    app.stranger(1).create_session(&session).await.map(drop)
}

async fn a_link_sets_a_password_once(app: App) {
    let (root, ada) = (app.admin("root").await, app.person("ada").await);
    let phone = ada.other_device().await;
    let mut socket = ada.socket().await;
    let token = token(&root, &ada).await;
    assert_eq!(token.len(), 43, "256 bits");
    ada.api.show_account().await.unwrap();

    // A refused password does not use up the link.
    let problem = set(&app, &token, "password").await.refused(ErrorCode::Invalid);
    assert_eq!(problem.violations[0].field, "password");
    set(&app, "another token", NEW).await.refused(ErrorCode::Gone);
    set(&app, &token, NEW).await.expect(204);
    socket.expect_close(CloseCode::SessionRevoked.code()).await;
    for device in [&ada, &phone] {
        device.api.refresh().await.refused(ErrorCode::Unauthenticated);
    }
    set(&app, &token, "yet another one").await.refused(ErrorCode::Gone);
    log_in(&app, OLD).await.refused(ErrorCode::BadCredentials);
    log_in(&app, NEW).await.unwrap();

    let log = root.get("/api/v1/admin/audit").await.expect(200);
    let line = |kind: &str| -> Value {
        log["items"].as_array().unwrap().iter().find(|one| one["kind"] == kind).unwrap().clone()
    };
    let made = line("password_reset_created");
    assert_eq!((&made["actor"], &made["subject"]), (&json!(root.id.to_string()), &json!(ada.id.to_string())));
    assert_eq!(line("password_reset")["actor"], json!(ada.id.to_string()));
    assert!(!log.to_string().contains(&token));
}

async fn who_may_make_links(app: App) {
    let (root, ada, bob) = (app.admin("root").await, app.person("ada").await, app.person("bob").await);
    let path = |who: &Person| format!("/api/v1/admin/users/{}/password-reset", who.id);
    bob.call(Method::POST, &path(&ada), None).await.refused(ErrorCode::NotFound);
    app.call(Method::POST, &path(&ada), None).await.refused(ErrorCode::Unauthenticated);
    let nobody = "/api/v1/admin/users/1/password-reset";
    root.call(Method::POST, nobody, None).await.refused(ErrorCode::NotFound);
    let before = token(&root, &ada).await;
    root.api.suspend_user(ada.id).await.unwrap();
    root.call(Method::POST, &path(&ada), None).await.refused(ErrorCode::Conflict);
    set(&app, &before, NEW).await.refused(ErrorCode::Gone);
    let of_bob = token(&root, &bob).await;
    let password = json!({ "password": OLD });
    bob.call(Method::DELETE, "/api/v1/account", Some(password)).await;
    set(&app, &of_bob, NEW).await.refused(ErrorCode::Gone);
    root.call(Method::POST, &path(&bob), None).await.refused(ErrorCode::NotFound);
    // The command line needs no rights.
    let (mut conn, now) = (app.database().connect(), parlour_protocol::time::Timestamp(1));
    let by_handle = parlour_chat::identity::password_resets::create_by_handle;
    by_handle(&mut conn, now, "ROOT", &[7; 32]).unwrap();
    assert!(by_handle(&mut conn, now, "nobody", &[8; 32]).is_err());
}

async fn links_end(app: App) {
    let (root, ada) = (app.admin("root").await, app.person("ada").await);
    let first = token(&root, &ada).await;
    let second = token(&root, &ada).await;
    set(&app, &first, NEW).await.refused(ErrorCode::Gone);
    app.advance(60 * MINUTE + SECOND);
    set(&app, &second, NEW).await.refused(ErrorCode::Gone);
    log_in(&app, OLD).await.unwrap();

    // Anyone who changes the password themselves needs no link any more, and nobody else keeps one.
    root.api.refresh().await.unwrap();
    ada.api.refresh().await.unwrap();
    let third = token(&root, &ada).await;
    let change = json!({"current": OLD, "new": NEW});
    ada.call(Method::PUT, "/api/v1/account/password", Some(change)).await.expect(204);
    set(&app, &third, "yet another one").await.refused(ErrorCode::Gone);

    // Of two concurrent uses of the same link, one succeeds.
    let fourth = token(&root, &ada).await;
    let both = futures_util::future::join(
        set(&app, &fourth, "password of one"),
        set(&app, &fourth, "password of two"),
    );
    let (one, two) = both.await;
    let mut answers = [one.status.as_u16(), two.status.as_u16()];
    answers.sort_unstable();
    assert_eq!(answers, [204, 410]);
}

async fn many_tries_are_refused(app: App) {
    let mut answers = Vec::new();
    for _ in 0..21 {
        answers.push(set(&app, "a guess", NEW).await.status.as_u16());
    }
    assert_eq!((answers[0], answers.last()), (410, Some(&429)));
}

async fn the_link_has_the_servers_address(app: App) {
    let (root, ada) = (app.admin("root").await, app.person("ada").await);
    let link = link(&root, &ada).await;
    assert!(link.starts_with("https://chat.example/reset#"), "{link}");
}
