//! `Idempotency-Key`: a request that creates something creates it once, whatever happens to the response.

use diesel::prelude::*;
use parlour_client::native::Api;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::time::DAY;
use parlour_storage::schema::idempotency_keys;
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::{App, Person, Reply, on_all_backends};

on_all_backends!(
    everything_is_made_once with |config| {
        config.member_invites = true;
        config.registration = parlour_protocol::accounts::Registration::Open;
    },
    the_same_request_at_the_same_moment,
    an_account_is_registered_once,
    a_log_in_opens_one_session,
    what_was_used_since_is_not_handed_out_again,
    another_request_with_the_key_is_refused,
    keys_belong_to_one_person,
    bad_keys,
    refusals_are_not_remembered,
    repeating_costs_no_room,
    keys_are_erased_with_the_account,
    keys_are_forgotten_after_a_day,
);

const KEY: &str = "9b2e7f64-0c1d-4a0e-8f53-6d7c1b2a3e4f";
const PASSWORD: &str = "correct horse battery";

async fn post_with(app: &App, api: &Api, path: &str, body: &Value, keys: &[&str]) -> Reply {
    let mut request = api.request(Method::POST, api.base().join(path).unwrap()).json(body);
    for key in keys {
        request = request.header("idempotency-key", *key);
    }
    let reply = Reply::from_response(format!("POST {path}"), request.send().await.unwrap()).await;
    app.contract().check(&Method::POST, path, &reply);
    reply
}

async fn post(app: &App, person: &Person, path: &str, body: &Value, key: &str) -> Reply {
    post_with(app, &person.api, path, body, &[key]).await
}

/// A response without the parts that depend on the time of the response.
fn lasting(reply: &Reply) -> Value {
    let mut value = reply.json();
    for fleeting in ["access_token", "expires_in", "device_token"] {
        value.as_object_mut().unwrap().remove(fleeting);
    }
    value
}

async fn count(person: &Person, path: &str) -> usize {
    person.get(path).await.expect(200)["items"].as_array().unwrap().len()
}

async fn everything_is_made_once(app: App) {
    let (ada, bob) = (app.admin("ada").await, app.person("bob").await);
    let bot = ada.create_bot("weather").await;
    let of_bot = format!("/api/v1/bots/{}/tokens", bot.id);
    let reset = format!("/api/v1/admin/users/{}/password-reset", bob.id);
    let token = json!({"name": "all", "scopes": ["read"], "password": PASSWORD});
    let all = [
        ("/api/v1/rooms", json!({"name": "tea"}), Some("/api/v1/rooms")),
        ("/api/v1/invites", json!({"uses": 2}), Some("/api/v1/invites")),
        ("/api/v1/account/tokens", token.clone(), Some("/api/v1/account/tokens")),
        ("/api/v1/bots", json!({"handle": "news"}), Some("/api/v1/bots")),
        (&of_bot, token, Some(&of_bot)),
        ("/api/v1/friend-requests", json!({"to": "@bob"}), None),
        (&reset, json!({}), None),
    ];
    for (path, body, list) in all {
        let before = match list {
            Some(list) => count(&ada, list).await,
            None => 0,
        };
        let first = post(&app, &ada, path, &body, KEY).await;
        assert!(first.status.is_success(), "{path}: {}", first.text);
        // The standard writes the key in quotes.
        let quoted = format!("\"{KEY}\"");
        for (again, key) in [(&ada, KEY), (&ada.elsewhere(), &quoted)] {
            let repeated = post(&app, again, path, &body, key).await;
            assert_eq!(repeated.status, first.status, "{path}: {}", repeated.text);
            assert_eq!(repeated.json(), first.json(), "{path}");
        }
        if let Some(list) = list {
            assert_eq!(count(&ada, list).await, before + 1, "{path}");
            let other = post(&app, &ada, path, &body, "another key for it").await;
            assert!(other.text != first.text, "{path}: another key asks for another one");
        }
    }
    // Secrets in a repeated response are valid.
    let reset = post(&app, &ada, &reset, &json!({}), KEY).await.json();
    assert!(reset["link"].as_str().unwrap().contains("/reset#"));
}

async fn the_same_request_at_the_same_moment(app: App) {
    let ada = app.person("ada").await;
    let elsewhere = ada.elsewhere();
    let body = json!({"name": "tea"});
    let replies = futures_util::future::join_all((0..8).map(|number| {
        let from = if number % 2 == 0 { &ada } else { &elsewhere };
        post(&app, from, "/api/v1/rooms", &body, KEY)
    }))
    .await;
    for reply in &replies {
        assert_eq!(reply.expect(201)["id"], replies[0].json()["id"]);
    }
    assert_eq!(count(&ada, "/api/v1/conversations").await, 1);
}

async fn an_account_is_registered_once(app: App) {
    let api = app.stranger(0);
    let body = json!({"handle": "ada", "display_name": "Ada", "password": PASSWORD});
    let first = post_with(&app, &api, "/api/v1/accounts", &body, &[KEY]).await;
    first.expect(201);
    let again = post_with(&app, &app.stranger(app.nodes() - 1), "/api/v1/accounts", &body, &[KEY]).await;
    again.expect(201);
    assert_eq!(lasting(&again), lasting(&first));
    // The order of the fields does not matter.
    let turned: Value = json!({"password": PASSWORD, "handle": "ada", "display_name": "Ada"});
    post_with(&app, &api, "/api/v1/accounts", &turned, &[KEY]).await.expect(201);
    let wrong = json!({"handle": "ada", "display_name": "Ada", "password": "wrong horse battery"});
    post_with(&app, &api, "/api/v1/accounts", &wrong, &[KEY]).await.refused(ErrorCode::Taken);
    let me = app.stranger(0);
    me.set_tokens(Some(again.json()["access_token"].as_str().unwrap().to_owned()), None);
    assert_eq!(me.show_account().await.unwrap().handle, "ada");
    // A stranger who happens to use the same key creates an account of their own.
    let other = json!({"handle": "bob", "display_name": "Bob", "password": PASSWORD});
    let bob = post_with(&app, &api, "/api/v1/accounts", &other, &[KEY]).await.expect(201);
    assert!(bob["account"]["id"] != first.json()["account"]["id"]);
}

async fn a_log_in_opens_one_session(app: App) {
    let ada = app.person("ada").await;
    let body = json!({"handle": "ada", "password": PASSWORD, "device": "phone"});
    let first = post_with(&app, &app.stranger(0), "/api/v1/sessions", &body, &[KEY]).await;
    first.expect(201);
    let again = post_with(&app, &app.stranger(app.nodes() - 1), "/api/v1/sessions", &body, &[KEY]).await;
    again.expect(201);
    assert_eq!(again.json()["refresh_token"], first.json()["refresh_token"]);
    assert_eq!(count(&ada, "/api/v1/sessions").await, 2, "the one that registered, and this");
    let wrong = json!({"handle": "ada", "password": "wrong horse battery", "device": "phone"});
    post_with(&app, &app.stranger(0), "/api/v1/sessions", &wrong, &[KEY])
        .await
        .refused(ErrorCode::BadCredentials);
}

async fn what_was_used_since_is_not_handed_out_again(app: App) {
    app.person("ada").await;
    let log_in = json!({"handle": "ada", "password": PASSWORD});
    let register = json!({"handle": "bob", "display_name": "Bob", "password": PASSWORD});
    for (path, body) in [("/api/v1/sessions", log_in), ("/api/v1/accounts", register)] {
        for (way, key) in [("refreshed", "the first of the keys"), ("ended", "the second of the keys")] {
            let mut body = body.clone();
            body["device"] = json!(way);
            if path == "/api/v1/accounts" {
                body["handle"] = json!(format!("bob_{way}"));
            }
            let api = app.stranger(0);
            let first = post_with(&app, &api, path, &body, &[key]).await.expect(201);
            let token = |name: &str| Some(first[name].as_str().unwrap().to_owned());
            api.set_tokens(token("access_token"), token("refresh_token"));
            match way {
                "refreshed" => drop(api.refresh().await.unwrap()),
                _ => api.delete_current_session().await.unwrap(),
            }
            post_with(&app, &app.stranger(0), path, &body, &[key]).await.refused(ErrorCode::Conflict);
        }
    }
}

async fn another_request_with_the_key_is_refused(app: App) {
    let ada = app.person("ada").await;
    post(&app, &ada, "/api/v1/rooms", &json!({"name": "tea"}), KEY).await.expect(201);
    post(&app, &ada, "/api/v1/rooms", &json!({"name": "coffee"}), KEY)
        .await
        .refused(ErrorCode::IdempotencyKeyReused);
    assert_eq!(count(&ada, "/api/v1/rooms").await, 1);
    // Each operation has its own keys.
    post(&app, &ada, "/api/v1/bots", &json!({"handle": "weather"}), KEY).await.expect(201);
}

async fn keys_belong_to_one_person(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let body = json!({"name": "backup", "scopes": ["read"], "password": PASSWORD});
    let ours = post(&app, &ada, "/api/v1/account/tokens", &body, KEY).await.expect(201);
    let theirs = post(&app, &bob, "/api/v1/account/tokens", &body, KEY).await.expect(201);
    assert!(ours["secret"] != theirs["secret"] && ours["token"]["id"] != theirs["token"]["id"]);
    assert_eq!(count(&bob, "/api/v1/account/tokens").await, 1);
}

async fn bad_keys(app: App) {
    let ada = app.person("ada").await;
    let body = json!({"name": "tea"});
    let long = "k".repeat(256);
    for keys in [&[""][..], &["short"], &["\"short but quoted\""[..8].as_ref()], &[&long], &[KEY, KEY]] {
        post_with(&app, &ada.api, "/api/v1/rooms", &body, keys).await.refused(ErrorCode::Malformed);
    }
    let url = ada.api.base().join("/api/v1/rooms").unwrap();
    let bytes = reqwest::header::HeaderValue::from_bytes(b"not a text \xff\xfe\xfd").unwrap();
    let request = ada.api.request(Method::POST, url).json(&body).header("idempotency-key", bytes);
    Reply::from_response("bytes".into(), request.send().await.unwrap()).await.refused(ErrorCode::Malformed);
    assert_eq!(count(&ada, "/api/v1/rooms").await, 0);
    // A request that creates nothing ignores the key.
    let url = ada.api.base().join("/api/v1/account").unwrap();
    let request = ada.api.request(Method::GET, url).header("idempotency-key", "x");
    Reply::from_response("a read".into(), request.send().await.unwrap()).await.expect(200);
}

async fn refusals_are_not_remembered(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = bob.create_room("tea").await;
    let body = json!({"name": "tea"});
    post(&app, &ada, "/api/v1/rooms", &body, KEY).await.refused(ErrorCode::Taken);
    bob.call(Method::DELETE, &format!("/api/v1/rooms/{room}"), None).await.expect(204);
    post(&app, &ada, "/api/v1/rooms", &body, KEY).await.expect(201);
}

async fn repeating_costs_no_room(app: App) {
    let ada = app.person("ada").await;
    for _ in 0..30 {
        post(&app, &ada, "/api/v1/rooms", &json!({"name": "tea"}), KEY).await.expect(201);
    }
    post(&app, &ada, "/api/v1/rooms", &json!({"name": "coffee"}), "another key for it").await.expect(201);
}

fn kept(app: &App) -> Vec<String> {
    idempotency_keys::table.select(idempotency_keys::result).load(&mut app.database().connect()).unwrap()
}

async fn keys_are_erased_with_the_account(app: App) {
    let ada = app.person("ada").await;
    let bot = ada.create_bot("weather").await;
    post(&app, &ada, "/api/v1/rooms", &json!({"name": "tea"}), KEY).await.expect(201);
    post(&app, &bot, "/api/v1/rooms", &json!({"name": "rain"}), KEY).await.expect(201);
    // What is stored with a key reveals no secret.
    let token = json!({"name": "all", "scopes": ["read"], "password": PASSWORD});
    let made = post(&app, &ada, "/api/v1/account/tokens", &token, KEY).await.expect(201);
    let secret = made["secret"].as_str().unwrap().rsplit('_').next().unwrap().to_owned();
    assert!(kept(&app).len() == 3 && kept(&app).iter().all(|row| !row.contains(&secret)));
    ada.call(Method::DELETE, "/api/v1/account", Some(json!({"password": PASSWORD}))).await.expect(200);
    assert_eq!(kept(&app), Vec::<String>::new());
}

async fn keys_are_forgotten_after_a_day(app: App) {
    let ada = app.person("ada").await;
    let (key, body) = (KEY, json!({"to": "@bob"}));
    let bob = app.person("bob").await;
    post(&app, &ada, "/api/v1/friend-requests", &body, key).await.expect(200);
    bob.api.accept_friend_request(ada.id).await.unwrap();
    bob.api.delete_friend(ada.id).await.unwrap();
    let relation = |reply: &Reply| reply.expect(200)["relation"].clone();
    app.advance(DAY - 1);
    let bob = bob.other_device().await;
    let ada = ada.other_device().await;
    let again = post(&app, &ada, "/api/v1/friend-requests", &body, key).await;
    assert_eq!(relation(&again), "outgoing");
    assert!(bob.api.list_friend_requests().await.unwrap().incoming.is_empty(), "nothing was asked again");
    app.advance(2);
    post(&app, &ada, "/api/v1/friend-requests", &body, key).await.expect(200);
    assert_eq!(bob.api.list_friend_requests().await.unwrap().incoming.len(), 1);
}
