//! Malformed requests are refused with a problem document, whatever they are and wherever they go.

use std::collections::BTreeSet;

use parlour_client::operations::ListNamed;
use parlour_protocol::problems::ErrorCode;
use reqwest::{Method, header};
use serde_json::json;
use system_tests::{App, METRICS_TOKEN, Reply, on_all_backends};

on_all_backends!(
    bodies,
    values_at_the_edge,
    paths_and_methods,
    every_operation_wants_to_know_who_asks,
    headers,
    operations
);

async fn bodies(app: App) {
    let ada = app.person("ada").await;
    let url = ada.api.base().join("/api/v1/rooms").unwrap();
    let post = |content_type: Option<&'static str>, body: Vec<u8>| {
        let mut request = ada.api.request(Method::POST, url.clone()).body(body);
        if let Some(content_type) = content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        async move { Reply::from_response("POST rooms".into(), request.send().await.unwrap()).await }
    };
    let json = Some("application/json");
    for body in [
        "",
        "{",
        "null",
        "[]",
        "7",
        "\"x\"",
        "{\"name\":null}",
        "{\"name\":\"a\",\"name\":\"b\"}",
        "{\"name\":\"tea\"} x",
    ] {
        post(json, body.into()).await.refused(ErrorCode::Malformed);
    }
    post(json, b"{\"name\":\"\xff\xfe\"}".to_vec()).await.refused(ErrorCode::Malformed);
    post(json, b"{\"name\":\"\\ud800\"}".to_vec()).await.refused(ErrorCode::Malformed);
    let deep = format!("{{\"name\":{}", "[".repeat(50_000));
    post(json, deep.into_bytes()).await.refused(ErrorCode::Malformed);
    let large = format!("{{\"name\":\"{}\"}}", "x".repeat(65 * 1024));
    post(json, large.into_bytes()).await.refused(ErrorCode::TooLarge);
    for content_type in [None, Some("text/plain"), Some("application/x-www-form-urlencoded")] {
        let reply = post(content_type, b"{\"name\":\"tea\"}".to_vec()).await;
        reply.refused(ErrorCode::UnsupportedMedia);
    }
    assert!(
        ada.api
            .list_rooms(&ListNamed { search: None, after: None, limit: Some(10) })
            .await
            .unwrap()
            .items
            .is_empty()
    );
}

/// Numbers at their limits and characters that databases dislike: a refusal or a success, never a fault.
async fn values_at_the_edge(app: App) {
    let root = app.admin("root").await;
    let room = root.create_room("tea").await;
    let seq = root.send(room, "hi").await;
    let conversation = format!("/api/v1/conversations/{room}");
    let numbers =
        ["-9223372036854775808", "-1", "0", "9223372036854775807", "9223372036854775808", "1e3", "%00"];
    let mut paths = Vec::new();
    for number in numbers {
        for name in ["before", "after", "around", "limit"] {
            paths.push((Method::GET, format!("{conversation}/messages?{name}={number}"), None));
        }
        paths.push((Method::GET, format!("{conversation}/events?after={number}"), None));
        paths.push((Method::GET, format!("/api/v1/notifications?before={number}"), None));
        paths.push((Method::GET, format!("/api/v1/users?ids={number}"), None));
        paths.push((Method::GET, format!("/api/v1/conversations?ids={number}"), None));
        paths.push((Method::GET, format!("/api/v1/rooms/{number}"), None));
        paths.push((Method::GET, format!("/api/v1/users/{number}"), None));
        paths.push((Method::PATCH, format!("{conversation}/messages/{number}"), Some(json!({"body": "x"}))));
        paths.push((Method::DELETE, format!("{conversation}/messages/{number}"), None));
        paths.push((Method::PUT, format!("{conversation}/messages/{number}/reactions/%F0%9F%91%8D"), None));
        if let Ok(number) = number.parse::<i64>() {
            paths.push((Method::PUT, format!("{conversation}/read"), Some(json!({"seq": number}))));
            paths.push((
                Method::PUT,
                format!("{conversation}/messages/client-id-1"),
                Some(json!({"body": "x", "reply_to": number})),
            ));
        }
    }
    let nul = "a\0b";
    for path in [
        "rooms?search=%00",
        "rooms?after=%00",
        "admin/users?search=%00",
        "admin/users?after=%00",
        "users/a%00b",
    ] {
        paths.push((Method::GET, format!("/api/v1/{path}"), None));
    }
    for (method, path, body) in [
        (Method::POST, "sessions", json!({"handle": nul, "password": "correct horse"})),
        (Method::POST, "sessions", json!({"handle": "root", "password": nul})),
        (Method::POST, "sessions/refresh", json!({"refresh_token": nul})),
        (Method::POST, "accounts", json!({"handle": nul, "password": "correct horse"})),
        (Method::POST, "accounts", json!({"handle": "bob", "password": "correct horse", "device": nul})),
        (Method::POST, "friend-requests", json!({"to": nul})),
        (Method::POST, "rooms", json!({"name": nul, "topic": nul})),
        (Method::PATCH, "account", json!({"bio": nul, "display_name": nul})),
    ] {
        paths.push((method, format!("/api/v1/{path}"), Some(body)));
    }
    paths.push((Method::PUT, format!("{conversation}/messages/{seq}/reactions/%00"), None));
    paths.push((Method::PUT, format!("{conversation}/messages/a%00bcdefgh"), Some(json!({"body": "x"}))));
    let mut faults = Vec::new();
    for (method, path, body) in paths {
        let reply = root.call(method.clone(), &path, body.clone()).await;
        if reply.status.is_server_error() {
            faults.push(format!("{method} {path} {body:?}: {}", reply.text));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

async fn paths_and_methods(app: App) {
    let ada = app.person("ada").await;
    for path in [
        "/api/v1/nothing",
        "/api/v1/rooms/tea",
        "/api/v1/rooms/0",
        "/api/v1/rooms/-5",
        "/api/v1/rooms/9223372036854775808",
        "/api/v1/rooms/1%2F..%2F2",
        "/api/v1/conversations/%00",
        "/api/v1/conversations/%FF",
        "/api/v2/rooms",
        "/api/v1/avatars/1/100",
    ] {
        let reply = ada.get(path).await;
        let code = reply.json()["code"].as_str().unwrap_or_default().to_owned();
        assert!(code == "not_found" || code == "malformed", "{path}: {}", reply.text);
        assert!(matches!(reply.status.as_u16(), 400 | 404), "{path}: {}", reply.status);
    }
    for (method, path) in [
        (Method::DELETE, "/api/v1/rooms"),
        (Method::POST, "/api/v1/account"),
        (Method::PUT, "/api/v1/server"),
        (Method::GET, "/api/v1/accounts"),
    ] {
        ada.call(method, path, None).await.refused(ErrorCode::MethodNotAllowed);
    }
}

/// The published description says which operations are public; all others refuse strangers, before anything else.
async fn every_operation_wants_to_know_who_asks(app: App) {
    let mut open = Vec::new();
    let mut tried = 0;
    for (method, path, operation) in app.contract().operations() {
        if operation["security"]
            .as_array()
            .is_none_or(|ways| !ways.iter().any(|way| way["bearer"].is_array()))
        {
            open.push(operation["operationId"].as_str().unwrap());
            continue;
        }
        let segments = path.split('/').map(|segment| if segment.starts_with('{') { "5" } else { segment });
        let target = segments.collect::<Vec<_>>().join("/");
        app.call(method, &target, Some(json!({"unknown": true}))).await.refused(ErrorCode::Unauthenticated);
        tried += 1;
    }
    open.sort_unstable();
    let expected = [
        "begin_passkey_session",
        "begin_passkey_step",
        "begin_provider_log_in",
        "complete_email_verification",
        "complete_passkey_step",
        "complete_password_reset",
        "complete_provider_log_in",
        "complete_session",
        "create_account",
        "create_passkey_session",
        "create_provider_account",
        "create_session",
        "refresh_session",
        "request_password_reset",
        "show_avatar",
        "show_keys",
        "show_liveness",
        "show_metrics",
        "show_readiness",
        "show_server",
    ];
    assert_eq!(open, expected);
    assert!(tried >= 35, "{tried}");
}

async fn headers(app: App) {
    let ada = app.person("ada").await;
    let reply = ada.get("/api/v1/account").await;
    assert_eq!(reply.header("cache-control"), "no-store");
    assert_eq!(reply.header("x-content-type-options"), "nosniff");
    assert!(!reply.header("x-request-id").is_empty());
    assert_eq!(reply.header("content-type"), "application/json");
}

async fn operations(app: App) {
    for node in 0..app.nodes() {
        let api = app.stranger(node);
        for path in ["/health/live", "/health/ready"] {
            let response = api.request(Method::GET, api.base().join(path).unwrap()).send().await.unwrap();
            assert_eq!(response.status(), 200, "{path}");
        }
    }
    let ada = app.person("ada").await;
    let tea = ada.create_room("tea").await;
    let mut socket = ada.socket_on(&[tea]).await;
    let seq = ada.send(tea, "hello").await;
    socket.expect_event(tea, seq).await;
    let api = app.stranger(0);
    let metrics = || api.request(Method::GET, api.base().join("/metrics").unwrap());
    let told = metrics().bearer_auth(METRICS_TOKEN).send().await.unwrap();
    assert_eq!(told.status(), 200);
    let told = told.text().await.unwrap();
    let types: Vec<&str> = told.lines().filter(|line| line.starts_with("# TYPE ")).collect();
    assert!(types.len() > 20 && types.iter().collect::<BTreeSet<_>>().len() == types.len(), "{told}");
    for times in ["commit_seconds", "fan_out_seconds"] {
        let value = |end: &str| {
            let start = format!("parlour_{times}_{end} ");
            told.lines().find_map(|line| line.strip_prefix(&start)?.parse::<f64>().ok()).expect(times)
        };
        assert!(value("count") > 0.0 && value("sum") > 0.0, "{told}");
        assert_eq!(value("bucket{le=\"+Inf\"}"), value("count"), "{told}");
    }
    // Not to this machine either: every client that comes through a proxy appears to be on it.
    for refused in [metrics(), metrics().bearer_auth("another token"), metrics().header("via", "1.1 proxy")] {
        assert_eq!(refused.send().await.unwrap().status(), 404);
    }
    let info = app.stranger(0).show_server().await.unwrap();
    assert!(info.registration_open && !info.epoch.is_empty() && !info.version.is_empty());
    assert_eq!(info.epoch, app.stranger(1).show_server().await.unwrap().epoch, "all nodes tell one history");
}
