//! Passkeys: adding and removing them, logging in with one alone or as the second step, and what is refused.

use data_encoding::BASE32_NOPAD;
use parlour_chat::identity::{passkeys, totp};
use parlour_client::operations::calls;
use parlour_protocol::problems::{ErrorCode, Problem};
use parlour_protocol::second_factors::FactorMethod;
use parlour_protocol::time::SECOND;
use parlour_server::Config;
use parlour_storage::passkeys::CeremonyRow;
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::{App, Authenticator, Backend, Person, Refusal, Reply, on_all_backends, run};

on_all_backends!(
    adding_naming_and_removing,
    logging_in_without_a_password,
    no_answer_works_twice,
    the_second_step,
    what_is_refused_at_a_log_in,
    what_is_refused_when_adding,
    copies_are_noticed,
    limits,
    guessing_slows_down,
    people_who_may_not_log_in,
    what_goes_with_the_account,
);

const OWN: &str = "/api/v1/account/passkeys";
const LOG_IN: &str = "/api/v1/sessions/passkey";
const STEP: &str = "/api/v1/sessions/second-factor/passkey";
const FACTOR: &str = "/api/v1/account/second-factor";
const PASSWORD: &str = "correct horse battery";

fn password() -> Option<Value> {
    Some(json!({ "password": PASSWORD }))
}

/// A ceremony's name and options.
type Begun = (String, Value);

fn begun(reply: &Reply) -> Begun {
    let body = reply.expect(201);
    (body["ceremony"].as_str().unwrap().to_owned(), body["options"].clone())
}

async fn begin(who: &Person) -> Begun {
    begun(&who.call(Method::POST, &format!("{OWN}/begin"), password()).await)
}

async fn finish(who: &Person, ceremony: &str, credential: &Value, name: &str) -> Reply {
    let body = json!({ "ceremony": ceremony, "credential": credential, "name": name });
    who.call(Method::POST, OWN, Some(body)).await
}

async fn add(who: &Person, authenticator: &mut Authenticator, name: &str) -> String {
    let (ceremony, options) = begin(who).await;
    let made = finish(who, &ceremony, &authenticator.make(&options), name).await.expect(201);
    made["id"].as_str().unwrap().to_owned()
}

/// Registers somebody with a passkey.
async fn with_passkey(app: &App, handle: &str) -> (Person, Authenticator) {
    let who = app.person(handle).await;
    let mut authenticator = Authenticator::default();
    add(&who, &mut authenticator, "phone").await;
    (who, authenticator)
}

async fn begin_log_in(app: &App) -> Begun {
    begun(&app.call(Method::POST, &format!("{LOG_IN}/begin"), None).await)
}

async fn log_in(app: &App, ceremony: &str, credential: &Value) -> Reply {
    app.call(Method::POST, LOG_IN, Some(json!({ "ceremony": ceremony, "credential": credential }))).await
}

/// A complete log-in with only a passkey.
async fn try_in(app: &App, authenticator: &mut Authenticator) -> Reply {
    let (ceremony, options) = begin_log_in(app).await;
    log_in(app, &ceremony, &authenticator.answer(&options)).await
}

/// Turns the second factor on; returns its secret.
async fn turn_on(app: &App, who: &Person) -> Vec<u8> {
    let made = who.call(Method::POST, FACTOR, password()).await.expect(201);
    let secret = BASE32_NOPAD.decode(made["secret"].as_str().unwrap().as_bytes()).unwrap();
    let code = json!({ "code": totp::code(&secret, totp::step(app.now())) });
    who.call(Method::POST, &format!("{FACTOR}/confirm"), Some(code)).await.expect(200);
    app.advance(totp::STEP);
    secret
}

/// The first step of a log-in, with the right password.
async fn challenge(app: &App, who: &Person) -> Problem {
    let body = json!({ "handle": who.handle, "password": PASSWORD });
    app.call(Method::POST, "/api/v1/sessions", Some(body)).await.refused(ErrorCode::SecondFactorRequired)
}

async fn begin_step(app: &App, challenge: &str) -> Begun {
    begun(&app.call(Method::POST, &format!("{STEP}/begin"), Some(json!({ "challenge": challenge }))).await)
}

async fn step(app: &App, challenge: &str, ceremony: &str, credential: &Value) -> Reply {
    let body = json!({ "challenge": challenge, "ceremony": ceremony, "credential": credential });
    app.call(Method::POST, STEP, Some(body)).await
}

async fn noted(root: &Person, kind: &str) -> usize {
    let page = root.get("/api/v1/admin/audit?limit=100").await.expect(200);
    page["items"].as_array().unwrap().iter().filter(|one| one["kind"] == kind).count()
}

async fn adding_naming_and_removing(app: App) {
    let (root, ada) = (app.admin("root").await, app.person("ada").await);
    assert_eq!(ada.get(OWN).await.expect(200), json!({ "items": [] }));
    let start = format!("{OWN}/begin");
    let wrong = json!({ "password": "wrong horse battery" });
    ada.call(Method::POST, &start, Some(wrong.clone())).await.refused(ErrorCode::BadCredentials);
    app.call(Method::POST, &start, password()).await.refused(ErrorCode::Unauthenticated);
    app.call(Method::GET, OWN, None).await.refused(ErrorCode::Unauthenticated);

    let mut phone = Authenticator::default();
    let (ceremony, options) = begin(&ada).await;
    assert_eq!(options["rp"], json!({ "id": "localhost", "name": "Parlour" }));
    assert_eq!((&options["user"]["name"], &options["attestation"]), (&json!("ada"), &json!("none")));
    let wanted = &options["authenticatorSelection"];
    assert_eq!(
        (&wanted["residentKey"], &wanted["userVerification"]),
        (&json!("required"), &json!("required"))
    );
    assert!(!options["user"]["id"].as_str().unwrap().contains(&ada.id.to_string()));
    let credential = phone.make(&options);
    for bad in ["", " ", &"x".repeat(41), "two\nlines"] {
        finish(&ada, &ceremony, &credential, bad).await.refused(ErrorCode::Invalid);
    }
    let made = finish(&ada, &ceremony, &credential, " My phone ").await.expect(201);
    assert_eq!(made["name"], "My phone");
    assert!(made.get("last_used_at").is_none());
    finish(&ada, &ceremony, &credential, "again").await.refused(ErrorCode::Gone);

    app.advance(SECOND);
    // The second passkey is on another authenticator: known ones are listed, so that one device does not create two.
    let (second, options) = begin(&ada).await;
    assert_eq!(options["excludeCredentials"][0]["id"], credential["id"]);
    finish(&ada, &second, &Authenticator::default().make(&options), "Key").await.expect(201);
    let listed = ada.elsewhere().get(OWN).await.expect(200);
    let names: Vec<&Value> = listed["items"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["My phone", "Key"]);
    assert_eq!(listed["items"][0].as_object().unwrap().len(), 3, "no key material: {listed}");

    let (bob, path) = (app.person("bob").await, format!("{OWN}/{}", made["id"].as_str().unwrap()));
    let name = Some(json!({ "name": "Old phone" }));
    bob.call(Method::PATCH, &path, name.clone()).await.refused(ErrorCode::NotFound);
    bob.call(Method::DELETE, &path, password()).await.refused(ErrorCode::NotFound);
    ada.call(Method::PATCH, &path, Some(json!({ "name": "" }))).await.refused(ErrorCode::Invalid);
    assert_eq!(ada.call(Method::PATCH, &path, name).await.expect(200)["name"], "Old phone");
    ada.call(Method::DELETE, &path, Some(wrong)).await.refused(ErrorCode::BadCredentials);
    try_in(&app, &mut phone).await.expect(201);
    ada.call(Method::DELETE, &path, password()).await.expect(204);
    ada.call(Method::DELETE, &path, password()).await.refused(ErrorCode::NotFound);
    try_in(&app, &mut phone).await.refused(ErrorCode::BadCredentials);
    ada.api.show_account().await.expect("sessions stay");
    assert_eq!((noted(&root, "passkey_added").await, noted(&root, "passkey_removed").await), (2, 1));
}

async fn logging_in_without_a_password(app: App) {
    let root = app.admin("root").await;
    let (ada, mut phone) = with_passkey(&app, "ada").await;
    let (ceremony, options) = begin_log_in(&app).await;
    assert_eq!(
        (&options["allowCredentials"], &options["userVerification"]),
        (&json!([]), &json!("required"))
    );
    assert_eq!(options["rpId"], "localhost");
    let credential = phone.answer(&options);
    // Another node completes it, if there is one.
    let api = app.stranger(1);
    let body = json!({ "ceremony": ceremony, "credential": credential, "device": "Ada's phone" });
    let url = api.base().join(LOG_IN).unwrap();
    let reply = api.request(Method::POST, url).json(&body).send().await.unwrap();
    let signed_in: Value = reply.error_for_status().unwrap().json().await.unwrap();
    assert_eq!(signed_in["account"]["id"], json!(ada.id.to_string()));
    let text = |field: &str| signed_in[field].as_str().map(str::to_owned);
    api.set_tokens(text("access_token"), text("refresh_token"));
    api.refresh().await.unwrap();
    let sessions = ada.api.every(calls::list_sessions).await.unwrap().items;
    assert!(sessions.iter().any(|one| one.device == "Ada's phone"));
    assert!(ada.get(OWN).await.expect(200)["items"][0]["last_used_at"].is_string());
    assert_eq!(noted(&root, "logged_in_by_passkey").await, 1);

    // A cookie, if requested.
    let (ceremony, options) = begin_log_in(&app).await;
    let body = json!({ "ceremony": ceremony, "credential": phone.answer(&options), "refresh": "cookie" });
    let reply = app.call(Method::POST, LOG_IN, Some(body)).await;
    assert!(reply.expect(201).get("refresh_token").is_none() && !reply.header("set-cookie").is_empty());

    // It counts as two factors, and does not replace the password.
    turn_on(&app, &ada).await;
    try_in(&app, &mut phone).await.expect(201);
    let (_bob, mut others) = with_passkey(&app, "bob").await;
    let answer = try_in(&app, &mut others).await.expect(201);
    assert_eq!(answer["account"]["handle"], "bob");
    // Passkeys without a counter, such as synchronized ones, may be used any number of times.
    let carol = app.person("carol").await;
    let mut cloud = Authenticator::default().with(|it| it.counter = None);
    add(&carol, &mut cloud, "cloud").await;
    carol.other_device().await;
    for _ in 0..2 {
        try_in(&app, &mut cloud).await.expect(201);
    }
}

async fn no_answer_works_twice(app: App) {
    let (_ada, mut phone) = with_passkey(&app, "ada").await;
    let (ceremony, options) = begin_log_in(&app).await;
    let credential = phone.answer(&options);
    // Tried at the same time, on all nodes: one is let in.
    let tries = (0..3).map(|node| {
        let (api, body) = (app.stranger(node), json!({ "ceremony": ceremony, "credential": credential }));
        async move {
            let url = api.base().join(LOG_IN).unwrap();
            api.request(Method::POST, url).json(&body).send().await.unwrap().status().as_u16()
        }
    });
    let mut answers = futures_util::future::join_all(tries).await;
    answers.sort_unstable();
    assert_eq!(answers, [201, 410, 410]);
    log_in(&app, &ceremony, &credential).await.refused(ErrorCode::Gone);
    try_in(&app, &mut phone).await.expect(201);
    // The same response to another challenge.
    let (fresh, options) = begin_log_in(&app).await;
    log_in(&app, &fresh, &credential).await.refused(ErrorCode::BadCredentials);
    // A refused attempt also uses up the ceremony.
    log_in(&app, &fresh, &phone.answer(&options)).await.refused(ErrorCode::Gone);
    try_in(&app, &mut phone).await.expect(201);
}

async fn the_second_step(app: App) {
    let (root, bob) = (app.admin("root").await, app.person("bob").await);
    let (ada, mut phone) = with_passkey(&app, "ada").await;
    let mut others = Authenticator::default();
    add(&bob, &mut others, "key").await;
    ada.other_device().await;
    let secret = turn_on(&app, &ada).await;

    let asked = challenge(&app, &ada).await;
    assert_eq!(asked.methods, [FactorMethod::Code, FactorMethod::Passkey]);
    let asked = asked.challenge.unwrap();
    let (ceremony, options) = begin_step(&app, &asked).await;
    assert_eq!(options["allowCredentials"].as_array().unwrap().len(), 1);
    assert_eq!(options["userVerification"], "required");
    let answer = phone.answer(&options);
    // A ceremony of one kind cannot be used for another.
    log_in(&app, &ceremony, &answer).await.refused(ErrorCode::Gone);
    step(&app, &asked, &ceremony, &answer).await.refused(ErrorCode::Gone);
    let (ceremony, options) = begin_step(&app, &asked).await;
    let answer = phone.answer(&options);
    let signed_in = step(&app, &asked, &ceremony, &answer).await.expect(201);
    assert_eq!(signed_in["account"]["handle"], "ada");
    step(&app, &asked, &ceremony, &answer).await.refused(ErrorCode::Gone);

    // Codes still work; somebody else's passkey never does, nor one without the right challenge.
    let code = json!({ "challenge": asked, "code": totp::code(&secret, totp::step(app.now())) });
    app.call(Method::POST, "/api/v1/sessions/second-factor", Some(code)).await.expect(201);
    let (ceremony, mut options) = begin_step(&app, &asked).await;
    options["allowCredentials"] = json!([]);
    step(&app, &asked, &ceremony, &others.answer(&options)).await.refused(ErrorCode::BadCredentials);
    let (ceremony, options) = begin_step(&app, &asked).await;
    let mut blind = phone.with(|it| it.verifies = false);
    step(&app, &asked, &ceremony, &blind.answer(&options)).await.refused(ErrorCode::BadCredentials);
    for bad in ["", "x", &asked[1..]] {
        let body = json!({ "challenge": bad });
        app.call(Method::POST, &format!("{STEP}/begin"), Some(body))
            .await
            .refused(ErrorCode::Unauthenticated);
        step(&app, bad, &ceremony, &json!({})).await.refused(ErrorCode::Unauthenticated);
    }
    assert_eq!(noted(&root, "passkey_refused").await, 2);
    phone.counter = phone.counter.map(|counter| counter + 10);
    let (ceremony, options) = begin_step(&app, &asked).await;
    app.advance(passkeys::LIFETIME);
    step(&app, &asked, &ceremony, &phone.answer(&options)).await.refused(ErrorCode::Unauthenticated);

    // Without a passkey this method is not offered.
    turn_on(&app, &root).await;
    let asked = challenge(&app, &root).await;
    assert_eq!(asked.methods, [FactorMethod::Code]);
    let body = json!({ "challenge": asked.challenge.unwrap() });
    app.call(Method::POST, &format!("{STEP}/begin"), Some(body)).await.refused(ErrorCode::Conflict);
}

async fn what_is_refused_at_a_log_in(app: App) {
    let root = app.admin("root").await;
    let (_ada, phone) = with_passkey(&app, "ada").await;
    let (_bob, others) = with_passkey(&app, "bob").await;
    let mut unknown = Authenticator::default();
    let (_, options) = begin(&root).await;
    unknown.make(&options);
    let bad = [
        ("another page", phone.with(|it| it.origin = "https://localhost.example".to_owned())),
        ("no TLS and no localhost", phone.with(|it| it.origin = "http://127.0.0.1:8080".to_owned())),
        ("another name", phone.with(|it| it.rp_id = Some("localhost.example".to_owned()))),
        ("nobody looked", phone.with(|it| it.verifies = false)),
        ("a passkey that nobody has", unknown),
    ];
    let mut said = None;
    for (what, mut authenticator) in bad {
        let problem = try_in(&app, &mut authenticator).await.refused(ErrorCode::BadCredentials);
        assert_eq!(said.get_or_insert(problem.detail.clone()), &problem.detail, "{what}");
    }
    let mut named = others.with(|it| it.user = Some(vec![7; 16]));
    try_in(&app, &mut named).await.refused(ErrorCode::BadCredentials);
    let mut forged = begin_log_in(&app).await;
    let mut answer = others.clone().answer(&forged.1);
    answer["response"]["signature"] = json!("MEUCIQDx");
    log_in(&app, &forged.0, &answer).await.refused(ErrorCode::BadCredentials);
    assert_eq!(noted(&root, "passkey_refused").await, 7);

    // Too late; it works up to a second before.
    forged = begin_log_in(&app).await;
    app.advance(passkeys::LIFETIME);
    log_in(&app, &forged.0, &others.clone().answer(&forged.1)).await.refused(ErrorCode::Gone);
    forged = begin_log_in(&app).await;
    app.advance(passkeys::LIFETIME - SECOND);
    log_in(&app, &forged.0, &others.clone().answer(&forged.1)).await.expect(201);

    // Invalid ceremonies and invalid credentials.
    let (ceremony, options) = begin_log_in(&app).await;
    let good = others.clone().answer(&options);
    for none in ["", "x", "é", &ceremony[1..], &"A".repeat(5000)] {
        log_in(&app, none, &good).await.refused(ErrorCode::Gone);
        app.advance(SECOND);
    }
    let mut deep = json!(1);
    for _ in 0..20 {
        deep = json!([deep]);
    }
    for strange in [json!(null), json!([]), json!({}), json!("text"), json!({ "id": deep.clone() }), deep] {
        log_in(&app, &ceremony, &strange).await.refused(ErrorCode::Malformed);
    }
    let mut large = good.clone();
    large["more"] = json!("x".repeat(17_000));
    log_in(&app, &ceremony, &large).await.refused(ErrorCode::TooLarge);
}

async fn what_is_refused_when_adding(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let any = Authenticator::default();
    for mut bad in [
        any.with(|it| it.origin = "https://evil.example".to_owned()),
        any.with(|it| it.rp_id = Some("evil.example".to_owned())),
        any.with(|it| it.verifies = false),
    ] {
        let (ceremony, options) = begin(&ada).await;
        let credential = bad.make(&options);
        let problem = finish(&ada, &ceremony, &credential, "x").await.refused(ErrorCode::Invalid);
        assert_eq!(problem.violations[0].field, "credential");
        finish(&ada, &ceremony, &credential, "x").await.refused(ErrorCode::Gone);
    }
    // Somebody else's ceremony, somebody else's passkey, an earlier challenge, an expired one.
    let (ceremony, options) = begin(&ada).await;
    let mut phone = Authenticator::default();
    let credential = phone.make(&options);
    finish(&bob, &ceremony, &credential, "x").await.refused(ErrorCode::Gone);
    let (ceremony, fresh) = begin(&ada).await;
    finish(&ada, &ceremony, &credential, "x").await.refused(ErrorCode::Invalid);
    let (ceremony, _) = begin(&ada).await;
    app.advance(passkeys::LIFETIME);
    finish(&ada, &ceremony, &phone.make(&fresh), "x").await.refused(ErrorCode::Gone);
    finish(&ada, "none", &json!({}), "x").await.refused(ErrorCode::Malformed);
    assert_eq!(ada.get(OWN).await.expect(200), json!({ "items": [] }));
    assert_eq!(bob.get(OWN).await.expect(200), json!({ "items": [] }));
}

async fn copies_are_noticed(app: App) {
    let root = app.admin("root").await;
    let (_ada, mut phone) = with_passkey(&app, "ada").await;
    let mut copy = phone.clone();
    try_in(&app, &mut phone).await.expect(201);
    try_in(&app, &mut copy).await.refused(ErrorCode::BadCredentials);
    assert_eq!(noted(&root, "passkey_copied").await, 1);
    try_in(&app, &mut phone).await.expect(201);
    assert_eq!(noted(&root, "passkey_refused").await, 0);
}

async fn limits(app: App) {
    let ada = app.person("ada").await;
    let mut authenticator = Authenticator::default();
    let first = begin(&ada).await;
    for _ in 0..5 {
        app.advance(SECOND);
        begin(&ada).await;
    }
    let made = authenticator.make(&first.1);
    finish(&ada, &first.0, &made, "x").await.refused(ErrorCode::Gone);
    // Of ceremonies before authentication, the newest ones stay, too.
    let mut conn = app.database().connect();
    for number in 0..5 {
        let row = CeremonyRow {
            id: vec![number],
            user_id: None,
            kind: 2,
            state: String::new(),
            expires_at: i64::MAX - 100 + i64::from(number),
        };
        parlour_storage::passkeys::begin(&mut conn, &row, 3).unwrap();
    }
    for (number, stays) in [false, false, true, true, true].into_iter().enumerate() {
        let id = [u8::try_from(number).unwrap()];
        let found = parlour_storage::passkeys::take_ceremony(&mut conn, &id, 2, app.now().0).unwrap();
        assert_eq!(found.is_some(), stays, "{number}");
    }
    drop(conn);
    app.advance(SECOND);
    let begun = [begin(&ada).await, begin(&ada).await];
    for number in 0..9 {
        app.advance(SECOND);
        let (ceremony, options) = begin(&ada).await;
        finish(&ada, &ceremony, &authenticator.make(&options), &format!("key {number}")).await.expect(201);
    }
    // Two at the same moment, with room for one.
    let made = begun.each_ref().map(|(_, options)| authenticator.make(options));
    let both = (0..2).map(|at| finish(&ada, &begun[at].0, &made[at], "last"));
    let mut statuses: Vec<u16> =
        futures_util::future::join_all(both).await.iter().map(|reply| reply.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    let start = format!("{OWN}/begin");
    ada.call(Method::POST, &start, password()).await.refused(ErrorCode::LimitReached);
    assert_eq!(ada.get(OWN).await.expect(200)["items"].as_array().unwrap().len(), 10);
}

async fn guessing_slows_down(app: App) {
    let (_ada, phone) = with_passkey(&app, "ada").await;
    for _ in 0..5 {
        let reply = try_in(&app, &mut phone.with(|it| it.verifies = false)).await;
        reply.refused(ErrorCode::BadCredentials);
    }
    try_in(&app, &mut phone.clone()).await.refused(ErrorCode::RateLimited);
    app.advance(SECOND);
    try_in(&app, &mut phone.clone()).await.expect(201);
}

async fn people_who_may_not_log_in(app: App) {
    let root = app.admin("root").await;
    let (ada, mut phone) = with_passkey(&app, "ada").await;
    root.api.suspend_user(ada.id).await.unwrap();
    let suspended = try_in(&app, &mut phone).await.refused(ErrorCode::BadCredentials);
    root.api.reinstate_user(ada.id).await.unwrap();
    try_in(&app, &mut phone).await.expect(201);
    let ada = ada.other_device().await;
    ada.call(Method::DELETE, "/api/v1/account", password()).await.expect(200);
    let deleted = try_in(&app, &mut phone).await.refused(ErrorCode::BadCredentials);
    assert_eq!(suspended.detail, deleted.detail);
    let mut conn = app.database().connect();
    assert_eq!(parlour_storage::passkeys::count(&mut conn, ada.id).unwrap(), 0);
}

async fn what_goes_with_the_account(app: App) {
    let root = app.admin("root").await;
    let (ada, mut phone) = with_passkey(&app, "ada").await;
    let export = ada.call(Method::POST, "/api/v1/account/export", password()).await;
    let lines: Vec<Value> = export.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let line = lines.iter().find(|line| line["kind"] == "passkeys").expect("passkeys");
    assert_eq!((&line["data"][0]["name"], line["data"][0].as_object().unwrap().len()), (&json!("phone"), 3));

    // A link for a new password removes no passkey: a passkey proves more than the link does.
    let reset = format!("/api/v1/admin/users/{}/password-reset", ada.id);
    let link = root.call(Method::POST, &reset, None).await.expect(201)["link"].as_str().unwrap().to_owned();
    let body = json!({ "token": link.split_once('#').unwrap().1, "password": PASSWORD });
    app.call(Method::POST, "/api/v1/password-resets", Some(body)).await.expect(204);
    try_in(&app, &mut phone).await.expect(201);

    // An administrator removes both: the lost device held both.
    let ada = ada.other_device().await;
    let users = "/api/v1/admin/users?search=a";
    let listed =
        |page: Value| page["items"].as_array().unwrap().iter().any(|one| one["second_factor"] == true);
    assert!(listed(root.get(users).await.expect(200)));
    turn_on(&app, &ada).await;
    let path = format!("/api/v1/admin/users/{}/second-factor", ada.id);
    root.call(Method::DELETE, &path, None).await.expect(204);
    assert!(!listed(root.get(users).await.expect(200)));
    try_in(&app, &mut phone).await.refused(ErrorCode::BadCredentials);
    ada.api.refresh().await.refused(ErrorCode::Unauthenticated);
    let ada = ada.other_device().await;
    assert_eq!(ada.get(OWN).await.expect(200), json!({ "items": [] }));
    root.call(Method::DELETE, &path, None).await.refused(ErrorCode::NotFound);
    assert_eq!((noted(&root, "passkey_removed").await, noted(&root, "second_factor_removed").await), (1, 1));
    // Passkeys alone, too.
    add(&ada, &mut phone, "phone").await;
    root.call(Method::DELETE, &path, None).await.expect(204);
    assert_eq!((noted(&root, "passkey_removed").await, noted(&root, "second_factor_removed").await), (2, 1));
}

/// What the server tells clients that use this host name.
async fn told(app: &App, host: &str) -> bool {
    let url = app.stranger(0).base().join("/api/v1/server").unwrap();
    let request = app.stranger(0).request(Method::GET, url).header("host", host);
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    answer["passkeys"].as_bool().unwrap()
}

#[test]
fn they_are_offered_by_name_only() {
    run(
        Backend::SqliteLocal,
        |_| {},
        |app| async move {
            assert!(told(&app, "localhost:8080").await && told(&app, "localhost").await);
            assert!(!told(&app, "127.0.0.1:8080").await && !told(&app, "[::1]:8080").await);
            assert!(!told(&app, "chat.example.com").await);
        },
    );
    let by_address = |config: &mut Config| config.public_url = Some("https://192.0.2.1".to_owned());
    run(Backend::SqliteLocal, by_address, |app| async move {
        assert!(!told(&app, "192.0.2.1").await && !told(&app, "localhost").await);
        let ada = app.person("ada").await;
        ada.call(Method::POST, &format!("{OWN}/begin"), password()).await.refused(ErrorCode::Conflict);
        app.call(Method::POST, &format!("{LOG_IN}/begin"), None).await.refused(ErrorCode::Conflict);
        // Older passkeys can still be removed, and do not count.
        assert_eq!(ada.get(OWN).await.expect(200), json!({ "items": [] }));
    });
    let by_name = |config: &mut Config| {
        config.public_url = Some("https://chat.example.com".to_owned());
        config.allowed_origins =
            vec!["https://app.chat.example.com".to_owned(), "https://example.com".to_owned()];
    };
    run(Backend::SqliteLocal, by_name, |app| async move {
        assert!(told(&app, "10.0.0.1:8080").await, "a proxy may ask by another name");
        let ada = app.person("ada").await;
        for (origin, good) in [
            ("https://chat.example.com", true),
            ("https://app.chat.example.com", true),
            ("https://example.com", false),
            ("https://other.chat.example.com", false),
            ("https://chat.example.com:444", false),
            ("http://chat.example.com", false),
        ] {
            let mut phone = Authenticator::default().with(|it| it.origin = origin.to_owned());
            let (ceremony, options) = begin(&ada).await;
            assert_eq!(options["rp"]["id"], "chat.example.com");
            let reply = finish(&ada, &ceremony, &phone.make(&options), "x").await;
            assert_eq!(reply.status.is_success(), good, "{origin}: {}", reply.text);
        }
    });
}
