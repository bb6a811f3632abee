//! What browsers and proxies are told and trusted with: headers on every response, origins, cookies, addresses, limits.

use std::io::{Read, Write};
use std::net::TcpStream;

use parlour_protocol::problems::ErrorCode;
use parlour_protocol::socket::{ClientFrame, Start};
use parlour_server::Config;
use reqwest::{Method, header};
use serde_json::{Value, json};
use system_tests::{App, Reply, on_all_backends};

use crate::operations;

on_all_backends!(
    headers_of_every_answer,
    headers_of_every_answer_over_https with super::https,
    cookies,
    cookies_over_https with super::https,
    origins,
    origins_of_a_public_address with super::https,
    pages_of_other_origins,
    named_pages_of_other_origins with super::https,
    unknown_fields,
    sizes,
    what_errors_tell,
    addresses_without_a_proxy,
    addresses_behind_a_proxy with |config| config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()],
);

const OWN: &str = "https://chat.example";
const ALLOWED: &str = "https://other.example";
const HANDSHAKE: &str = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
    sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const PROTOCOL: &str = "sec-websocket-protocol: parlour.v1\r\n";

fn https(config: &mut Config) {
    config.public_url = Some(OWN.into());
    config.allowed_origins = vec![ALLOWED.into()];
}

/// Sends a raw request and returns the response, up to the end of the first one.
fn raw(app: &App, request: &str) -> String {
    let mut stream = TcpStream::connect(app.address(0).strip_prefix("http://").unwrap()).unwrap();
    stream.set_read_timeout(Some(system_tests::DEADLINE)).unwrap();
    // It may be refused before all of it was read.
    let _ = stream.write_all(request.as_bytes());
    let (mut answer, mut buffer) = (Vec::new(), [0; 16 * 1024]);
    loop {
        let text = String::from_utf8_lossy(&answer);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            if head.starts_with("HTTP/1.1 101") || body.len() >= length.unwrap_or(0) {
                return text.into_owned();
            }
        }
        match stream.read(&mut buffer) {
            Ok(count) if count > 0 => answer.extend_from_slice(&buffer[..count]),
            _ => return String::from_utf8_lossy(&answer).into_owned(),
        }
    }
}

fn get(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: chat.example\r\n{headers}\r\n")
}

/// Demands the security headers.
fn careful(what: &str, answer: &str, secure: bool) {
    let head = answer.split("\r\n\r\n").next().unwrap().to_lowercase();
    let value = |name: &str| {
        let lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(known, _)| *known == name).map(|(_, value)| value).collect::<Vec<_>>().join(", ")
    };
    let policy = value("content-security-policy");
    for part in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"] {
        assert!(policy.contains(part), "{what} has no {part}: {answer}");
    }
    assert!(!policy.contains("'unsafe-eval'") && !policy.contains("script-src *"), "{what}: {policy}");
    assert_eq!(value("x-content-type-options"), "nosniff", "{what}: {answer}");
    assert_eq!(value("referrer-policy"), "no-referrer", "{what}: {answer}");
    assert_eq!(value("cross-origin-opener-policy"), "same-origin", "{what}: {answer}");
    assert_eq!(value("x-request-id").len(), 16, "{what}: {answer}");
    assert_eq!(value("access-control-allow-credentials"), "", "{what}: {answer}");
    let transport = value("strict-transport-security");
    let seconds = transport.split(';').next().and_then(|age| age.strip_prefix("max-age=")?.parse().ok());
    assert_eq!(seconds.is_some_and(|seconds: u64| seconds >= 31_536_000), secure, "{what}: {answer}");
}

async fn every_answer(app: App, secure: bool) {
    let long = format!("/api/v1/rooms?search={}", "x".repeat(3000));
    for (path, status) in [
        ("/", 200),
        ("/c/123", 200),
        ("/nothing.js", 404),
        ("/api/v1/server", 200),
        ("/api/v1/account", 401),
        ("/api/v1/nothing", 404),
        ("/api/v1/accounts", 405),
        ("/api/v1/avatars/5/64", 404),
        (long.as_str(), 400),
        ("/api/v1/socket", 400),
        ("/health/live", 200),
        ("/health/ready", 200),
        ("/metrics", 404),
        ("/api/openapi.json", 200),
        ("/.well-known/jwks.json", 200),
    ] {
        let answer = raw(&app, &get(path, ""));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {answer}");
        careful(path, &answer, secure);
    }
    for (path, headers, status) in [
        ("/api/v1/socket", HANDSHAKE.to_owned(), 400),
        ("/api/v1/socket", format!("{HANDSHAKE}{PROTOCOL}authorization: Bearer x\r\n"), 401),
        ("/api/v1/other", format!("{HANDSHAKE}{PROTOCOL}"), 404),
    ] {
        let answer = raw(&app, &get(path, &headers));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {answer}");
        careful(&format!("the handshake with {headers}"), &answer, secure);
    }
}

async fn headers_of_every_answer(app: App) {
    every_answer(app, false).await;
}

async fn headers_of_every_answer_over_https(app: App) {
    every_answer(app, true).await;
}

async fn log_in(app: &App, origin: Option<&str>) -> Reply {
    let api = app.stranger(0);
    let body = json!({"handle": "ada", "password": "correct horse battery", "refresh": "cookie"});
    let mut request = api.request(Method::POST, api.base().join("/api/v1/sessions").unwrap()).json(&body);
    if let Some(origin) = origin {
        request = request.header(header::ORIGIN, origin);
    }
    Reply::from_response("POST sessions".into(), request.send().await.unwrap()).await
}

async fn refresh(app: &App, cookie: &str, origin: Option<&str>) -> Reply {
    let api = app.stranger(0);
    let url = api.base().join("/api/v1/sessions/refresh").unwrap();
    let mut request = api.request(Method::POST, url).json(&json!({})).header(header::COOKIE, cookie);
    if let Some(origin) = origin {
        request = request.header(header::ORIGIN, origin);
    }
    Reply::from_response("POST refresh".into(), request.send().await.unwrap()).await
}

async fn the_cookie(app: App, name: &str, secure: bool) {
    app.person("ada").await;
    let signed_in = log_in(&app, None).await;
    assert_eq!(signed_in.expect(201)["refresh_token"], Value::Null, "pages never see the token");
    let flags = |cookie: &str| {
        let parts: Vec<String> = cookie.split("; ").map(str::to_lowercase).collect();
        assert!(parts[0].starts_with(&format!("{}=", name.to_lowercase())), "{cookie}");
        for flag in ["httponly", "samesite=strict", "path=/"] {
            assert!(parts.iter().any(|part| part == flag), "{flag}: {cookie}");
        }
        assert_eq!(parts.iter().any(|part| part == "secure"), secure, "{cookie}");
        assert!(!cookie.to_lowercase().contains("domain"), "{cookie}");
    };
    flags(signed_in.header("set-cookie"));
    let cookie = signed_in.header("set-cookie").split(';').next().unwrap().to_owned();

    // A page of another origin gains nothing from it, and uses nothing up.
    refresh(&app, &cookie, Some("https://evil.example")).await.refused(ErrorCode::Forbidden);
    refresh(&app, &cookie, Some("null")).await.refused(ErrorCode::Forbidden);
    let refreshed = refresh(&app, &cookie, None).await;
    refreshed.expect(200);
    flags(refreshed.header("set-cookie"));

    // A worthless cookie is removed, and the response is a complete problem document.
    let refused = refresh(&app, &format!("{name}=5.nonsense"), None).await;
    let problem = refused.refused(ErrorCode::Unauthenticated);
    assert_eq!(problem.request_id, refused.header("x-request-id"));
    flags(refused.header("set-cookie"));
    assert!(refused.header("set-cookie").to_lowercase().contains("max-age=0"));

    // By itself it opens nothing: no operation, and no socket.
    let cookie = refreshed.header("set-cookie").split(';').next().unwrap().to_owned();
    let token = cookie.split_once('=').unwrap().1;
    for headers in [format!("cookie: {cookie}\r\n"), format!("authorization: Bearer {token}\r\n")] {
        let answer = raw(&app, &get("/api/v1/account", &headers));
        assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    }
    let answer = raw(&app, &get("/api/v1/socket", &format!("{HANDSHAKE}{PROTOCOL}cookie: {cookie}\r\n")));
    assert!(answer.starts_with("HTTP/1.1 101 "), "the cookie is of no interest: {answer}");
    let mut socket = app.socket(0).await;
    let start = Start { token: Some(token.to_owned()), ..Start::default() };
    socket.post(|id| ClientFrame::Start(Start { id, ..start })).await;
    socket.expect_close(4501).await;
}

async fn cookies(app: App) {
    the_cookie(app, "parlour_refresh", false).await;
}

async fn cookies_over_https(app: App) {
    the_cookie(app, "__Host-parlour_refresh", true).await;
}

/// A refresh with a made-up cookie: 401 if the cookie is read, 403 if the page may not send it.
fn refresh_from(app: &App, host: &str, origin: &str) -> String {
    let headers = "cookie: parlour_refresh=5.x; __Host-parlour_refresh=5.x\r\ncontent-type: application/json\r\ncontent-length: 2";
    raw(app, &format!("POST /api/v1/sessions/refresh HTTP/1.1\r\nhost: {host}\r\norigin: {origin}\r\n{headers}\r\n\r\n{{}}"))
        [9..12]
        .to_owned()
}

async fn origins(app: App) {
    app.person("ada").await;
    let host = "chat.example:8080";
    for origin in ["http://chat.example:8080", "https://chat.example:8080"] {
        assert_eq!(refresh_from(&app, host, origin), "401", "{origin}");
    }
    for origin in [
        "null",
        "",
        "https://evil.example",
        "http://chat.example",
        "http://chat.example:8080.evil.example",
        "http://chat.example:8080/",
        "http://evil.example/chat.example:8080",
        "http://chat.example:8080@evil.example",
        "file://chat.example:8080",
        "HTTP://CHAT.EXAMPLE:80",
    ] {
        assert_eq!(refresh_from(&app, host, origin), "403", "{origin}");
    }
    log_in(&app, Some("https://evil.example")).await.refused(ErrorCode::Forbidden);
}

async fn origins_of_a_public_address(app: App) {
    app.person("ada").await;
    for origin in [OWN, ALLOWED] {
        assert_eq!(refresh_from(&app, "chat.example", origin), "401", "{origin}");
        log_in(&app, Some(origin)).await.expect(201);
    }
    // The host that the client claims does not count here.
    for (host, origin) in [
        ("evil.example", "https://evil.example"),
        ("chat.example", "http://chat.example"),
        ("chat.example", "https://chat.example.evil.example"),
        ("chat.example", "https://sub.chat.example"),
        ("chat.example", "null"),
    ] {
        assert_eq!(refresh_from(&app, host, origin), "403", "{origin}");
        log_in(&app, Some(origin)).await.refused(ErrorCode::Forbidden);
    }
}

/// The value of a header in a raw response.
fn value<'a>(answer: &'a str, name: &str) -> &'a str {
    let head = answer.split("\r\n\r\n").next().unwrap_or_default();
    let of = |line: &'a str| line.split_once(": ").filter(|(known, _)| known.eq_ignore_ascii_case(name));
    head.lines().find_map(of).map_or("", |(_, value)| value)
}

fn preflight(path: &str, origin: &str) -> String {
    format!(
        "OPTIONS {path} HTTP/1.1\r\nhost: chat.example\r\norigin: {origin}\r\naccess-control-request-method: PUT\r\n\
         access-control-request-headers: authorization,content-type\r\n\r\n"
    )
}

/// A page of any origin is a client like any other, as long as no cookie is involved.
async fn pages_of_other_origins(app: App) {
    let ada = app.person("ada").await;
    let token = ada.api.access_token().unwrap();
    for origin in ["https://evil.example", "capacitor://localhost", "null"] {
        // It is told which methods and headers are allowed, for how long, and that cookies are not.
        let asked = raw(&app, &preflight("/api/v1/rooms/5", origin));
        assert!(asked.starts_with("HTTP/1.1 204 "), "{asked}");
        assert_eq!(value(&asked, "access-control-allow-origin"), "*");
        assert_eq!(value(&asked, "access-control-allow-credentials"), "");
        assert_eq!(value(&asked, "access-control-max-age"), "7200");
        assert_eq!(value(&asked, "access-control-allow-methods"), "GET, HEAD, PATCH, DELETE, OPTIONS");
        let headers = value(&asked, "access-control-allow-headers");
        assert!(headers.contains("authorization") && headers.contains("content-type"), "{headers}");
        assert_eq!(value(&asked, "set-cookie"), "");
        careful("a preflight", &asked, false);

        // The actual request gets a normal response, with the headers that a page needs.
        let bearer = format!("origin: {origin}\r\nauthorization: Bearer {token}\r\n");
        for (path, status) in
            [("/api/v1/account", "200"), ("/api/v1/users/5", "404"), ("/api/openapi.json", "200")]
        {
            let answer = raw(&app, &get(path, &bearer));
            assert_eq!(&answer[9..12], status, "{answer}");
            assert_eq!(value(&answer, "access-control-allow-origin"), "*", "{answer}");
            assert_eq!(value(&answer, "access-control-allow-credentials"), "");
            let exposed = value(&answer, "access-control-expose-headers");
            assert!(exposed.contains("retry-after") && exposed.contains("x-request-id"), "{exposed}");
        }
        let refused = raw(&app, &get("/api/v1/account", &format!("origin: {origin}\r\n")));
        assert_eq!((&refused[9..12], value(&refused, "access-control-allow-origin")), ("401", "*"));
        assert_eq!(
            &raw(&app, &get("/api/v1/socket", &format!("{HANDSHAKE}{PROTOCOL}{bearer}")))[9..12],
            "101"
        );

        // Logging in and refreshing, with the tokens in the body; no cookie comes with it.
        let api = app.stranger(0);
        let body = json!({"handle": "ada", "password": "correct horse battery", "refresh": "body"});
        let url = api.base().join("/api/v1/sessions").unwrap();
        let request = api.request(Method::POST, url.clone()).header(header::ORIGIN, origin).json(&body);
        let signed_in = Reply::from_response("POST sessions".into(), request.send().await.unwrap()).await;
        assert_eq!(signed_in.header("set-cookie"), "");
        let refresh_token = signed_in.expect(201)["refresh_token"].clone();
        let renew = api.base().join("/api/v1/sessions/refresh").unwrap();
        let request = api.request(Method::POST, renew).header(header::ORIGIN, origin);
        let request = request.json(&json!({"refresh_token": refresh_token}));
        let renewed = Reply::from_response("POST refresh".into(), request.send().await.unwrap()).await;
        assert_eq!(renewed.header("set-cookie"), "");
        let access = renewed.expect(200)["access_token"].as_str().unwrap().to_owned();

        // With a cookie it is refused, whichever way the tokens are to travel.
        let request = api.request(Method::POST, url).header(header::ORIGIN, origin).json(&body);
        let request = request.header(header::COOKIE, "parlour_devices=x");
        let refused = Reply::from_response("POST sessions".into(), request.send().await.unwrap()).await;
        refused.refused(ErrorCode::Forbidden);
        assert_eq!(refused.header("set-cookie"), "");

        let current = api.base().join("/api/v1/sessions/current").unwrap();
        let request = api.request(Method::DELETE, current).header(header::ORIGIN, origin).bearer_auth(access);
        let ended = Reply::from_response("DELETE current".into(), request.send().await.unwrap()).await;
        assert_eq!((ended.status.as_u16(), ended.header("set-cookie")), (204, ""));
    }
    // Pictures may be embedded anywhere; the client's own files and other responses may not.
    for (path, embedding) in
        [("/api/v1/avatars/5/64", "cross-origin"), ("/", "same-origin"), ("/api/v1/server", "same-origin")]
    {
        assert_eq!(value(&raw(&app, &get(path, "")), "cross-origin-resource-policy"), embedding, "{path}");
    }
    assert_eq!(
        value(&raw(&app, &get("/", "origin: https://evil.example\r\n")), "access-control-allow-origin"),
        ""
    );
    // A path that does not exist has no methods; only OPTIONS lists them.
    assert_eq!(&raw(&app, &preflight("/api/v1/nothing", "https://evil.example"))[9..12], "404");
    let listed = raw(&app, "OPTIONS /api/v1/rooms HTTP/1.1\r\nhost: chat.example\r\n\r\n");
    assert_eq!((&listed[9..12], value(&listed, "allow")), ("204", "GET, HEAD, POST, OPTIONS"));
    assert_eq!(value(&listed, "access-control-allow-methods"), "");
}

/// Pages that the operator has listed may also keep their session in the cookie.
async fn named_pages_of_other_origins(app: App) {
    for (origin, allowed, credentials) in
        [(ALLOWED, ALLOWED, "true"), ("https://other.example.evil.example", "*", ""), ("null", "*", "")]
    {
        let asked = raw(&app, &preflight("/api/v1/account", origin));
        let answer = raw(&app, &get("/api/v1/server", &format!("origin: {origin}\r\n")));
        for answer in [asked, answer] {
            assert_eq!(value(&answer, "access-control-allow-origin"), allowed, "{answer}");
            assert_eq!(value(&answer, "access-control-allow-credentials"), credentials, "{answer}");
            assert_eq!(value(&answer, "vary") == "origin", credentials == "true", "{answer}");
        }
    }
}

/// A valid body with one more field is refused, whatever the field; and so is a query with one more parameter.
async fn unknown_fields(app: App) {
    let root = app.admin("root").await;
    let room = root.create_room("tea").await;
    let seq = root.send(room, "hi").await;
    let before = root.get("/api/v1/account").await.expect(200);
    let mut tried = 0;
    for operation in operations::all(&app) {
        let path = operation.path(|name| match name {
            "conversation" | "room" => room.to_string(),
            "cid" => "a-client-id".to_owned(),
            "message" if operation.id == "put_message" => "a-client-id".to_owned(),
            "message" => seq.to_string(),
            _ => "5".to_owned(),
        });
        if let Some(body) = &operation.body {
            // The same values as a list have no names that could be unknown.
            let values: Vec<Value> = body.as_object().unwrap().values().cloned().collect();
            for list in [json!(values), json!([null, null]), json!([])] {
                let reply = root.call(operation.method.clone(), &path, Some(list)).await;
                assert_eq!(reply.refused(ErrorCode::Malformed).status, 400, "{} with a list", operation.id);
                tried += 1;
            }
            for field in ["is_admin", "id", "role", "user_id", "__proto__", "created_at"] {
                let mut body = body.clone();
                body[field] = json!("1");
                let reply = root.call(operation.method.clone(), &path, Some(body)).await;
                assert_eq!(reply.refused(ErrorCode::Malformed).status, 400, "{} with {field}", operation.id);
                tried += 1;
            }
        }
        let described =
            app.contract().operations().find(|(.., one)| one["operationId"] == operation.id.as_str());
        let parameters = described.unwrap().2["parameters"].as_array().cloned().unwrap_or_default();
        if parameters.iter().any(|parameter| parameter["in"] == "query") {
            let mark = if path.contains('?') { '&' } else { '?' };
            let reply = root.call(operation.method.clone(), &format!("{path}{mark}offset=5"), None).await;
            reply.refused(ErrorCode::Malformed);
            tried += 1;
        }
    }
    println!("unknown fields: {tried} requests");
    assert!(tried >= 140, "{tried}");
    assert_eq!(root.get("/api/v1/account").await.expect(200), before);
    assert_eq!(root.api.show_conversation(room).await.unwrap().head, seq);
}

async fn sizes(app: App) {
    let ada = app.person("ada").await;
    for operation in operations::all(&app).iter().filter(|operation| operation.body.is_some()) {
        let path = operation.path(|_| "5".to_owned());
        let url = ada.api.base().join(&path).unwrap();
        let body = format!("{{\"x\":\"{}\"}}", "x".repeat(64 * 1024));
        let request = ada.api.request(operation.method.clone(), url);
        let request = request.header(header::CONTENT_TYPE, "application/json").body(body);
        let reply = Reply::from_response(operation.id.clone(), request.send().await.unwrap()).await;
        reply.refused(ErrorCode::TooLarge);
    }
    let token = ada.api.access_token().unwrap();
    for (what, size, status) in [("many headers", 6 * 1024, "200"), ("too many headers", 9 * 1024, "413")] {
        let mut headers = format!("authorization: Bearer {token}\r\n");
        for number in 0.. {
            if headers.len() >= size {
                break;
            }
            headers.push_str(&format!("x-filling-{number}: {}\r\n", "x".repeat(200)));
        }
        let answer = raw(&app, &get("/api/v1/account", &headers));
        assert_eq!(&answer[9..12], status, "{what}: {answer}");
        let answer = raw(&app, &get("/api/v1/socket", &format!("{HANDSHAKE}{PROTOCOL}{headers}")));
        assert_eq!(&answer[9..12] == "101", status == "200", "{what}: {answer}");
    }
    for (size, status) in [(1900, "200"), (2100, "400"), (20_000, "431")] {
        let answer = raw(&app, &get(&format!("/c/{}", "x".repeat(size)), ""));
        assert_eq!(&answer[9..12], status, "a path of {size} bytes: {answer}");
    }
    // Tokens in URLs are ignored.
    for name in ["access_token", "token", "authorization"] {
        let answer = raw(&app, &get(&format!("/api/v1/account?{name}={token}"), ""));
        assert_eq!(&answer[9..12], "401");
        let path = format!("/api/v1/socket?{name}={token}");
        assert!(!raw(&app, &get(&path, "")).contains(&token), "no answer repeats it");
    }
}

async fn what_errors_tell(app: App) {
    let ada = app.person("ada").await;
    let mut tried = 0;
    for operation in operations::all(&app) {
        for id in ["5", "x", "%00", "'; DROP TABLE users; --", "../../etc/passwd", "9223372036854775808"] {
            if !operation.has_id() && operation.body.is_none() {
                continue;
            }
            let path = operation.path(|_| id.to_owned());
            let reply = ada.call(operation.method.clone(), &path, Some(json!({"x": id}))).await;
            if !reply.status.is_client_error() {
                continue;
            }
            assert_eq!(reply.json()["request_id"], reply.header("x-request-id"), "{}", reply.text);
            for telling in ["panicked", "SELECT", "diesel", "postgres", "sqlite", "src/", ".rs", "actix"] {
                assert!(!reply.text.contains(telling), "{}: {}", operation.id, reply.text);
            }
            tried += 1;
        }
    }
    assert!(tried >= 100, "{tried}");
}

/// Logs somebody in through a supposed chain of proxies; returns the recorded address.
async fn noted_address(app: &App, forwarded: &[&str]) -> String {
    let root = app.admin("root").await;
    let api = app.stranger(0);
    let body = json!({"handle": "root", "password": "correct horse battery"});
    let mut request = api.request(Method::POST, api.base().join("/api/v1/sessions").unwrap()).json(&body);
    for value in forwarded {
        request = request.header("x-forwarded-for", *value);
    }
    request = request.header("x-real-ip", "6.6.6.6").header("forwarded", "for=6.6.6.6");
    Reply::from_response("POST sessions".into(), request.send().await.unwrap()).await.expect(201);
    let page = root.get("/api/v1/admin/audit?kind=logged_in").await.expect(200);
    page["items"][0]["address"].as_str().unwrap().to_owned()
}

async fn addresses_without_a_proxy(app: App) {
    assert_eq!(noted_address(&app, &["6.6.6.6", "7.7.7.7"]).await, "127.0.0.1");
}

async fn addresses_behind_a_proxy(app: App) {
    // The client's own claims come first; the last entry is what the proxy saw.
    assert_eq!(noted_address(&app, &["6.6.6.6, 127.0.0.1", "nonsense, 5.5.5.5, 127.0.0.1"]).await, "5.5.5.5");
}
