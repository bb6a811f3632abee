//! Passwords: which are accepted, what guessing costs, and that nothing reveals whether an account exists.

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use parlour_chat::identity::passwords::{Argon2Cost, outdated};
use parlour_client::native::{Api, ApiError};
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::sessions::{CreateSession, SignedIn};
use parlour_protocol::time::SECOND;
use reqwest::Method;
use serde_json::json;
use system_tests::{App, Refusal, on_all_backends};

on_all_backends!(
    common_and_odd_passwords,
    refused_log_ins_look_alike,
    guessing_slows_down,
    guessing_slows_down_without_redis with |config| {
        if config.redis_url.is_some() {
            // Nobody listens there.
            config.redis_url = Some(parlour_server::config::Secret("redis://127.0.0.1:9".into()));
        }
    },
    one_network_has_a_limit with |config| config.auth_per_minute = 24,
    strangers_do_not_lock_anybody_out,
    a_browser_is_known_by_its_cookie,
    a_link_for_a_new_password_lets_in_while_strangers_guess,
    when_all_guess_newcomers_are_let_in with |config| config.auth_per_minute = 8,
    weak_hashes_are_renewed,
    hashes_from_before_passwords_had_a_form_work_once_and_are_renewed,
);

async fn log_in(api: &Api, handle: &str, password: &str) -> Result<SignedIn, ApiError> {
    let session = CreateSession {
        handle: handle.into(),
        password: password.into(),
        device: None,
        refresh: Default::default(),
        device_token: None,
    };
    api.create_session(&session).await
}

const RIGHT: &str = "correct horse battery";

async fn common_and_odd_passwords(app: App) {
    let register = |password: &str| {
        let body = json!({"handle": "ada", "password": password});
        let app = app.clone();
        async move { app.call(Method::POST, "/api/v1/accounts", Some(body)).await }
    };
    for bad in ["password", "PassWord", "iloveyou", "1234567", &"x".repeat(257), &"é".repeat(129)] {
        let problem = register(bad).await.refused(ErrorCode::Invalid);
        assert_eq!(problem.violations[0].field, "password", "{bad}");
    }
    // Nothing is truncated or altered: the last of 256 bytes, spaces and case all count.
    let long = format!(" {}é\t", "Ä".repeat(126));
    assert_eq!(long.len(), 256);
    register(&long).await.expect(201);
    let api = app.stranger(0);
    log_in(&api, "ada", long.trim()).await.refused(ErrorCode::BadCredentials);
    log_in(&api, "ada", &long[..255]).await.refused(ErrorCode::BadCredentials);
    log_in(&api, "ada", &long.to_lowercase()).await.refused(ErrorCode::BadCredentials);
    log_in(&api, "ada", &long).await.unwrap();
    let change = json!({"current": long, "new": "password"});
    let signed_in = log_in(&api, "ada", &long).await.unwrap();
    let ada = app.somebody("ada", signed_in, api);
    ada.call(Method::PUT, "/api/v1/account/password", Some(change)).await.refused(ErrorCode::Invalid);
}

async fn refused_log_ins_look_alike(app: App) {
    let root = app.admin("root").await;
    let suspended = app.person("bob").await;
    app.person("ada").await;
    root.api.suspend_user(suspended.id).await.unwrap();
    let mut answers = Vec::new();
    for (handle, password) in [
        ("ada", "wrong horse battery"),
        ("nobody_here", RIGHT),
        ("bob", RIGHT),
        ("bob", "wrong horse battery"),
        ("no handle\u{0} at all", RIGHT),
        ("ada", &"x".repeat(300)),
    ] {
        let body = json!({"handle": handle, "password": password});
        let mut problem =
            app.call(Method::POST, "/api/v1/sessions", Some(body)).await.refused(ErrorCode::BadCredentials);
        problem.request_id.clear();
        answers.push(problem);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
}

async fn guessing_slows_down(app: App) {
    app.person("ada").await;
    app.person("bob").await;
    // Spread over the nodes, which count together.
    for number in 0..5 {
        log_in(&app.stranger(number), "@Ada", "wrong horse battery").await.refused(ErrorCode::BadCredentials);
    }
    for node in 0..app.nodes() {
        let problem = log_in(&app.stranger(node), "ada", RIGHT).await.refused(ErrorCode::RateLimited);
        assert_eq!(problem.retry_after_ms, Some(1000));
        log_in(&app.stranger(node), "bob", RIGHT).await.unwrap();
    }
    // Nobody is locked out: after the delay the right password works, and all failures are forgotten.
    let last = app.stranger(app.nodes());
    app.advance(SECOND);
    log_in(&last, "ada", RIGHT).await.unwrap();
    for _ in 0..4 {
        log_in(&last, "ada", "wrong horse battery").await.refused(ErrorCode::BadCredentials);
    }
    log_in(&last, "ada", RIGHT).await.unwrap();
}

async fn guessing_slows_down_without_redis(app: App) {
    app.person("ada").await;
    let api = app.stranger(0);
    for _ in 0..5 {
        log_in(&api, "ada", "wrong horse battery").await.refused(ErrorCode::BadCredentials);
    }
    log_in(&api, "ada", RIGHT).await.refused(ErrorCode::RateLimited);
    app.advance(SECOND);
    log_in(&api, "ada", RIGHT).await.unwrap();
}

async fn one_network_has_a_limit(app: App) {
    app.person("ada").await;
    for number in 0..12 {
        let api = app.stranger_at(number, [127, 0, 0, 9]);
        log_in(&api, &format!("person_{number}"), RIGHT).await.refused(ErrorCode::BadCredentials);
    }
    // On every node, and also for the right password.
    let problem =
        log_in(&app.stranger_at(1, [127, 0, 0, 9]), "ada", RIGHT).await.refused(ErrorCode::RateLimited);
    assert_eq!(problem.retry_after_ms, Some(60_000));
    // Other networks have limits of their own.
    log_in(&app.stranger_at(1, [127, 0, 0, 10]), "ada", RIGHT).await.unwrap();
}

async fn strangers_do_not_lock_anybody_out(app: App) {
    let ada = app.person("ada").await;
    let phone = log_in(&app.stranger_at(0, [127, 0, 0, 2]), "ada", RIGHT).await.unwrap();
    let guess = async |number: u8| {
        let api = app.stranger_at(number.into(), [127, 1, number, 1]);
        log_in(&api, "ada", "wrong horse battery").await
    };
    for number in 0..5 {
        guess(number).await.refused(ErrorCode::BadCredentials);
    }
    guess(5).await.refused(ErrorCode::RateLimited);
    // Neither from a network from which she has logged in, nor from a known device, wherever it is now.
    for _ in 0..10 {
        log_in(&app.stranger_at(1, [127, 0, 0, 2]), "ada", RIGHT).await.unwrap();
    }
    let travelling = app.stranger_at(0, [127, 2, 2, 2]);
    log_in(&travelling, "ada", RIGHT).await.refused(ErrorCode::RateLimited);
    let session = |device_token| CreateSession {
        handle: "ada".into(),
        password: RIGHT.into(),
        device: None,
        refresh: Default::default(),
        device_token,
    };
    travelling.create_session(&session(phone.device_token.clone())).await.unwrap();
    // Somebody else's device token does not count as hers, and neither does a made-up one.
    let bob = app.person("bob").await;
    let his = log_in(&app.stranger(0), "bob", RIGHT).await.unwrap().device_token;
    for other in [his, Some("A".repeat(48)), Some("x".into())] {
        let api = app.stranger_at(0, [127, 3, 3, 3]);
        api.create_session(&session(other)).await.refused(ErrorCode::RateLimited);
    }
    // Nor in open sessions.
    let change = json!({"current": RIGHT, "new": "another horse battery"});
    ada.call(Method::PUT, "/api/v1/account/password", Some(change)).await.expect(204);
    bob.api.show_account().await.unwrap();
}

async fn a_browser_is_known_by_its_cookie(app: App) {
    let api = app.stranger_at(0, [127, 0, 0, 2]);
    let url = |path: &str| api.base().join(path).unwrap();
    let body = json!({"handle": "ada", "password": RIGHT, "refresh": "cookie"});
    let registered = api.request(Method::POST, url("/api/v1/accounts")).json(&body).send().await.unwrap();
    assert_eq!(registered.status(), 201);
    let cookies: Vec<String> = registered
        .headers()
        .get_all("set-cookie")
        .iter()
        .map(|one| one.to_str().unwrap().to_owned())
        .collect();
    let device = cookies.iter().find(|cookie| cookie.starts_with("parlour_devices=")).expect("a cookie");
    for part in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age="] {
        assert!(device.contains(part), "{device}");
    }
    let device = device.split(';').next().unwrap().to_owned();
    for number in 0..5 {
        let stranger = app.stranger_at(0, [127, 1, number, 1]);
        log_in(&stranger, "ada", "wrong horse battery").await.refused(ErrorCode::BadCredentials);
    }
    let travelling = app.stranger_at(1, [127, 2, 2, 2]);
    let try_with = async |cookie: &str| {
        let request = travelling.request(Method::POST, travelling.base().join("/api/v1/sessions").unwrap());
        request.header("cookie", cookie).json(&body).send().await.unwrap().status().as_u16()
    };
    assert_eq!(try_with("parlour_devices=nonsense").await, 429);
    assert_eq!(try_with(&device).await, 201);
}

async fn a_link_for_a_new_password_lets_in_while_strangers_guess(app: App) {
    let ada = app.person("ada").await;
    let root = app.admin("root").await;
    for number in 0..5 {
        let stranger = app.stranger_at(0, [127, 1, number, 1]);
        log_in(&stranger, "ada", "wrong horse battery").await.refused(ErrorCode::BadCredentials);
    }
    let path = format!("/api/v1/admin/users/{}/password-reset", ada.id);
    let made = root.call(Method::POST, &path, None).await.expect(201);
    let token = made["link"].as_str().unwrap().split_once('#').unwrap().1.to_owned();
    // A browser on a new network.
    let browser = app.stranger_at(0, [127, 2, 2, 2]);
    log_in(&browser, "ada", RIGHT).await.refused(ErrorCode::RateLimited);
    let post = |path: &str| browser.request(Method::POST, browser.base().join(path).unwrap());
    let new = "a much better one";
    let set =
        post("/api/v1/password-resets").json(&json!({"token": token, "password": new})).send().await.unwrap();
    assert_eq!(set.status(), 204);
    let cookie = set.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    assert!(cookie.starts_with("parlour_devices="), "and no session: {cookie}");
    let body = json!({"handle": "ada", "password": new, "refresh": "cookie"});
    let entered = post("/api/v1/sessions").header("cookie", cookie).json(&body).send().await.unwrap();
    assert_eq!(entered.status(), 201);
    log_in(&app.stranger_at(0, [127, 2, 2, 3]), "ada", new).await.refused(ErrorCode::RateLimited);
}

async fn when_all_guess_newcomers_are_let_in(app: App) {
    app.person("ada").await;
    // Four a minute from each network, and eighty from all together.
    for number in 0..21 {
        for attempt in 0..4 {
            let api = app.stranger_at(attempt, [127, 1, number, 1]);
            let handle = format!("person_{number}_{attempt}");
            let _ = log_in(&api, &handle, "wrong horse battery").await.unwrap_err();
        }
    }
    let newcomer = app.stranger_at(1, [127, 2, 2, 2]);
    log_in(&newcomer, "nobody_here", "wrong horse battery").await.refused(ErrorCode::BadCredentials);
    log_in(&newcomer, "ada", RIGHT).await.unwrap();
}

async fn hashes_from_before_passwords_had_a_form_work_once_and_are_renewed(app: App) {
    let (composed, decomposed) = ("Zo\u{EB} 12345678", "Zoe\u{308} 12345678");
    let ada = app.person("ada").await;
    let hash = || {
        let row = parlour_storage::users::find(&mut app.database().connect(), ada.id).unwrap().unwrap();
        row.password_hash
    };
    for (number, (typed, entered)) in
        [(decomposed, decomposed), (decomposed, composed), (composed, decomposed)].into_iter().enumerate()
    {
        let old = hash_as_typed(typed);
        parlour_chat::identity::accounts::rehash(&mut app.database().connect(), ada.id, &old).unwrap();
        let from = app.stranger_at(0, [127, 3, 3, number as u8 + 1]);
        log_in(&from, "ada", "Zoe 12345678").await.refused(ErrorCode::BadCredentials);
        assert_eq!(hash(), old);
        log_in(&from, "ada", entered).await.unwrap();
        let renewed = hash();
        assert_eq!(renewed != old, typed == decomposed, "{typed:?} {entered:?}");
        // A password hash in today's form is not renewed, however the password is typed.
        for again in [composed, decomposed] {
            log_in(&from, "ada", again).await.unwrap();
            assert_eq!(hash(), renewed);
        }
    }
}

/// A hash of exactly the bytes that were typed.
fn hash_as_typed(password: &str) -> String {
    let params = Params::new(8, 1, 1, Some(32)).unwrap();
    let (mut output, salt) = ([0; 32], [5; 16]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password.as_bytes(), &salt, &mut output)
        .unwrap();
    let encode = |bytes: &[u8]| STANDARD_NO_PAD.encode(bytes);
    format!("$argon2id$v=19$m=8,t=1,p=1${}${}", encode(&salt), encode(&output))
}

async fn weak_hashes_are_renewed(app: App) {
    let ada = app.person("ada").await;
    let cheap = Argon2Cost { memory_kib: 8, passes: 1 };
    let weaker = parlour_chat::identity::passwords::hash(
        Argon2Cost { memory_kib: 16, passes: 2 },
        RIGHT,
        &[3; 16],
        &mut Default::default(),
    )
    .unwrap();
    let hash = || {
        let row = parlour_storage::users::find(&mut app.database().connect(), ada.id).unwrap().unwrap();
        row.password_hash
    };
    parlour_chat::identity::accounts::rehash(&mut app.database().connect(), ada.id, &weaker).unwrap();
    assert!(outdated(cheap, &hash()));
    log_in(&app.stranger(0), "ada", "wrong horse battery").await.refused(ErrorCode::BadCredentials);
    assert_eq!(hash(), weaker, "only the right password renews it");
    log_in(&app.stranger(0), "ada", RIGHT).await.unwrap();
    assert!(!outdated(cheap, &hash()));
    ada.api.show_account().await.unwrap();
    log_in(&app.stranger(0), "ada", RIGHT).await.unwrap();
}
