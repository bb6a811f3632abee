//! Methods: HEAD wherever GET is, and the allowed methods where one is not.

use parlour_protocol::problems::ErrorCode;
use reqwest::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use system_tests::{App, Refusal, on_all_backends};

on_all_backends!(
    head_is_get_without_the_body,
    a_wrong_method_is_told_the_right_ones,
    a_post_stands_for_a_method_whose_body_would_be_dropped,
    what_was_made_has_a_location,
);

async fn head_is_get_without_the_body(app: App) {
    let ada = app.person("ada").await;
    let room = ada.create_room("tea").await;
    ada.send(room, "hi").await;
    let (client, address) = (Client::new(), app.address(0));
    let token = ada.at_node(0).api.access_token().unwrap();
    let ask = |method: Method, path: &str| {
        client.request(method, format!("{address}{path}")).bearer_auth(&token).send()
    };
    let own = [
        "/api/v1/server".to_owned(),
        "/api/v1/account".to_owned(),
        "/api/v1/rooms?limit=5".to_owned(),
        format!("/api/v1/rooms/{room}/members"),
        format!("/api/v1/conversations/{room}/messages"),
        "/api/v1/conversations/1".to_owned(),
        "/api/v1/nothing".to_owned(),
        "/api/v1/sessions/refresh".to_owned(),
        "/api/openapi.json".to_owned(),
        "/api/docs/".to_owned(),
        "/health/live".to_owned(),
        "/health/ready".to_owned(),
        "/metrics".to_owned(),
        "/".to_owned(),
        "/rooms".to_owned(),
        "/assets/nothing.js".to_owned(),
    ];
    for path in &own {
        let (get, head) = (ask(Method::GET, path).await.unwrap(), ask(Method::HEAD, path).await.unwrap());
        assert_eq!(head.status(), get.status(), "{path}");
        for name in [CONTENT_TYPE, ALLOW] {
            assert_eq!(head.headers().get(&name), get.headers().get(&name), "{path}");
        }
        let names = |response: &reqwest::Response| {
            let mut names: Vec<String> = response.headers().keys().map(|name| name.to_string()).collect();
            names.sort_unstable();
            names
        };
        assert_eq!(names(&head), names(&get), "{path}");
        // Problems contain the request id, and numbers change: their length may differ, too.
        if get.status() == 200 && path != "/metrics" && !path.starts_with("/health") {
            assert_eq!(head.headers().get(CONTENT_LENGTH), get.headers().get(CONTENT_LENGTH), "{path}");
        }
        assert!(head.bytes().await.unwrap().is_empty(), "{path}");
    }
    // The connection can be reused: no part of a body is left on it.
    assert_eq!(ask(Method::GET, "/api/v1/account").await.unwrap().status(), 200);
}

async fn a_wrong_method_is_told_the_right_ones(app: App) {
    let (client, address) = (Client::new(), app.address(0));
    for (method, path, allowed) in [
        (Method::DELETE, "/api/v1/rooms", "GET, HEAD, POST, OPTIONS"),
        (Method::GET, "/api/v1/sessions/refresh", "POST, OPTIONS"),
        (Method::HEAD, "/api/v1/sessions/refresh", "POST, OPTIONS"),
        (Method::POST, "/api/v1/rooms/1/members", "GET, HEAD, OPTIONS"),
        (Method::PATCH, "/api/v1/conversations/1/messages/2", "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"),
        (Method::TRACE, "/api/v1/server", "GET, HEAD, OPTIONS"),
        (Method::POST, "/api/docs/", "GET, HEAD"),
        (Method::PUT, "/api/v1/notifications", "GET, HEAD, OPTIONS"),
        (Method::POST, "/health/live", "GET, HEAD, OPTIONS"),
    ] {
        let response = client.request(method.clone(), format!("{address}{path}")).send().await.unwrap();
        if response.status() == 405 {
            assert_eq!(response.headers()[ALLOW], allowed, "{method} {path}");
        } else {
            assert!(
                allowed.contains(method.as_str()) || path == "/api/docs/",
                "{method} {path}: {}",
                response.status()
            );
        }
    }
}

async fn a_post_stands_for_a_method_whose_body_would_be_dropped(app: App) {
    let ada = app.person("ada").await;
    let room = ada.create_room("tea").await;
    let (client, address) = (Client::new(), app.address(0));
    let token = ada.at_node(0).api.access_token().unwrap();
    let ask = async |method: Method, path: &str, stands_for: &str, body: Value| {
        let request = client.request(method, format!("{address}{path}")).bearer_auth(&token).json(&body);
        request.header("x-http-method-override", stands_for).send().await.unwrap().status().as_u16()
    };
    // Only POST may stand for another method, and only for one that changes something.
    for (method, stands_for) in [
        (Method::GET, "DELETE"),
        (Method::PATCH, "DELETE"),
        (Method::POST, "GET"),
        (Method::POST, "delete"),
        (Method::POST, "TRACE"),
        (Method::POST, ""),
    ] {
        ask(method.clone(), "/api/v1/account", stands_for, json!({"password": "correct horse battery"}))
            .await;
        assert_eq!(ada.api.show_account().await.unwrap().handle, "ada", "{method} {stands_for}");
    }
    let path = format!("/api/v1/rooms/{room}");
    assert_eq!(ask(Method::POST, &path, "PATCH", json!({"topic": "All about tea"})).await, 200);
    assert_eq!(ada.api.show_room(room).await.unwrap().topic, "All about tea");
    let account = "/api/v1/account";
    assert_eq!(ask(Method::POST, account, "DELETE", json!({"password": "wrong horse"})).await, 403);
    assert_eq!(ask(Method::POST, account, "DELETE", json!({"password": "correct horse battery"})).await, 200);
    ada.api.show_account().await.refused(ErrorCode::Unauthenticated);
}

async fn what_was_made_has_a_location(app: App) {
    let ada = app.person("ada").await;
    let room = ada.create_room("tea").await;
    let send = format!("/api/v1/conversations/{room}/messages/by-cid/0f3c5a7e9b1d2f4a");
    let message = json!({"body": "hi"});
    for (method, path, body) in [
        (Method::POST, "/api/v1/rooms", json!({"name": "coffee"})),
        (Method::POST, "/api/v1/bots", json!({"handle": "weather"})),
        (Method::PUT, &send, message.clone()),
    ] {
        let made = ada.call(method, path, Some(body)).await;
        made.expect(201);
        let there = ada.get(made.header("location")).await;
        assert!(there.status.is_success(), "{path}: {}", there.text);
    }
    let again = ada.call(Method::PUT, &send, Some(message)).await;
    again.expect(200);
    assert_eq!(again.header("location"), "", "nothing was made");
}
