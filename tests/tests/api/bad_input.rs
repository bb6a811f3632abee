//! What is no proper request is refused as a problem document, whatever it is and wherever it goes.

use parlour_protocol::problems::ErrorCode;
use reqwest::{Method, header};
use serde_json::json;
use system_tests::{App, Reply, on_all_backends};

on_all_backends!(bodies, paths_and_methods, every_operation_wants_to_know_who_asks, headers, operations);

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
    assert!(ada.api.list_rooms("", None, 10).await.unwrap().items.is_empty());
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

/// The published description says which operations need nobody; all others refuse strangers, before anything else.
async fn every_operation_wants_to_know_who_asks(app: App) {
    let mut open = Vec::new();
    let mut tried = 0;
    for (method, path, operation) in app.contract().operations() {
        if operation["security"].is_null() {
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
        "create_account",
        "create_session",
        "open_socket",
        "refresh_session",
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

    // A page of another origin gets nothing out of a browser.
    let url = ada.api.base().join("/api/v1/socket").unwrap();
    let upgrade = ada
        .api
        .request(Method::GET, url)
        .header("origin", "https://evil.example")
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("sec-websocket-protocol", "parlour.v1");
    let reply = Reply::from_response("GET socket".into(), upgrade.send().await.unwrap()).await;
    reply.refused(ErrorCode::Forbidden);
}

async fn operations(app: App) {
    for node in 0..app.nodes() {
        let api = app.stranger(node);
        for path in ["/health/live", "/health/ready"] {
            let response = api.request(Method::GET, api.base().join(path).unwrap()).send().await.unwrap();
            assert_eq!(response.status(), 200, "{path}");
        }
    }
    let metrics = app.call(Method::GET, "/metrics", None).await;
    assert_eq!(metrics.status, 200);
    assert!(metrics.text.contains("# TYPE "), "{}", metrics.text);
    let info = app.stranger(0).server().await.unwrap();
    assert!(info.registration_open && !info.epoch.is_empty() && !info.version.is_empty());
    assert_eq!(info.epoch, app.stranger(1).server().await.unwrap().epoch, "all nodes tell one history");
}
