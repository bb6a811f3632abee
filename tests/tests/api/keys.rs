//! The keys of access tokens: two at once, rotated without anyone noticing, or at once with the end of every session.

use parlour_protocol::problems::ErrorCode;
use parlour_protocol::sessions::CreateSession;
use parlour_protocol::socket::CloseCode;
use parlour_protocol::time::DAY;
use parlour_server::Config;
use parlour_server::config::Secret;
use reqwest::Method;
use system_tests::{App, Person, Refusal, eventually, on_all_backends};

on_all_backends!(a_new_key_without_logging_out, an_emergency_ends_all_sessions);

/// The command, as another process would run it.
fn rotate(app: &App, at_once: bool) -> Result<String, String> {
    let config = Config {
        data_dir: app.database().folder.path().to_owned(),
        database_url: app.database().url.clone().map(Secret),
        unsafe_database: true,
        ..Config::default()
    };
    std::thread::spawn(move || parlour_server::rotate_keys(config, at_once)).join().unwrap()
}

async fn keys(app: &App, node: usize) -> Vec<String> {
    let api = app.stranger(node);
    let url = api.base().join("/.well-known/jwks.json").unwrap();
    let keys: serde_json::Value = api.request(Method::GET, url).send().await.unwrap().json().await.unwrap();
    keys["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

async fn log_in(app: &App) -> Person {
    let api = app.stranger(0);
    let session = CreateSession {
        handle: "ada".into(),
        password: "correct horse battery".into(),
        device: None,
        refresh: Default::default(),
        device_token: None,
    };
    let signed_in = api.create_session(&session).await.unwrap();
    app.somebody("ada", signed_in, api)
}

fn header(person: &Person) -> String {
    person.api.access_token().unwrap().split('.').next().unwrap().to_owned()
}

async fn a_new_key_without_logging_out(app: App) {
    let ada = app.person("ada").await;
    let before = keys(&app, 0).await;
    assert_eq!(before.len(), 1);
    rotate(&app, false).unwrap();
    for node in 0..app.nodes() {
        eventually("the node has noticed", || async { keys(&app, node).await.len() == 2 }).await;
        assert_eq!(keys(&app, node).await[0], before[0], "the old key stays valid");
    }
    ada.api.show_account().await.unwrap();
    ada.elsewhere().api.refresh().await.unwrap();
    let old = header(&ada);
    assert_eq!(header(&log_in(&app).await), old, "the new key signs when all have had time to notice it");
    assert!(rotate(&app, false).unwrap_err().contains("--now"), "not twice in ten minutes");

    // The command uses the machine's clock; the servers of a test use their own, which is behind.
    app.advance(3650 * DAY);
    let fresh = log_in(&app).await;
    assert_ne!(header(&fresh), old);
    fresh.elsewhere().api.show_account().await.unwrap();
}

async fn an_emergency_ends_all_sessions(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let (mut hers, mut his) = (ada.socket().await, bob.socket().await);
    let request = serde_json::json!({"name": "weather report", "scopes": ["read"]});
    let program = ada.with_token(&ada.create_token("/api/v1/account/tokens", request).await.secret);
    program.api.show_account().await.unwrap();
    let before = keys(&app, 0).await;
    // Two log-ins, and the token.
    assert!(rotate(&app, true).unwrap().contains("3 sessions"));
    for socket in [&mut hers, &mut his] {
        socket.expect_close(CloseCode::SessionRevoked as u16).await;
    }
    for person in [&ada, &bob, &ada.elsewhere(), &bob.elsewhere(), &program, &program.elsewhere()] {
        eventually("the token is refused", || async { person.api.show_account().await.is_err() }).await;
        person.api.refresh().await.refused(ErrorCode::Unauthenticated);
    }
    eventually("the new key is the only one", || async {
        let after = keys(&app, 1).await;
        after.len() == 1 && after != before
    })
    .await;
    let again = log_in(&app).await;
    again.elsewhere().api.show_account().await.unwrap();
    again.api.refresh().await.unwrap();
    let _socket = again.socket().await;
}
