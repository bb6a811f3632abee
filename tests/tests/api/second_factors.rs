//! The second factor: when it is asked for, that every code works once, and how to get rid of it.

use data_encoding::BASE32_NOPAD;
use parlour_chat::identity::totp;
use parlour_client::operations::calls;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::time::{MINUTE, SECOND};
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::{App, Person, Refusal, Reply, eventually, on_all_backends};

on_all_backends!(
    turning_it_on,
    logging_in_takes_both,
    no_code_works_twice,
    recovery_codes,
    challenges_end,
    guessing_codes_slows_down,
    turning_it_off,
    administrators_remove_it,
);

const FACTOR: &str = "/api/v1/account/second-factor";
const SECOND_STEP: &str = "/api/v1/sessions/second-factor";
const PASSWORD: &str = "correct horse battery";

/// Somebody's authenticator app.
struct Authenticator(Vec<u8>);

impl Authenticator {
    async fn begin(who: &Person) -> Self {
        let made = who.call(Method::POST, FACTOR, Some(json!({ "password": PASSWORD }))).await.expect(201);
        let secret = made["secret"].as_str().unwrap();
        assert!(made["uri"].as_str().unwrap().contains(&format!("secret={secret}&issuer=Parlour")));
        Self(BASE32_NOPAD.decode(secret.as_bytes()).unwrap())
    }

    /// Turns it on, and returns the recovery codes, too.
    async fn of(app: &App, who: &Person) -> (Self, Vec<String>) {
        let it = Self::begin(who).await;
        let body = json!({ "code": it.code(app, 0) });
        let answer = who.call(Method::POST, &format!("{FACTOR}/confirm"), Some(body)).await.expect(200);
        let codes = answer["codes"].as_array().unwrap();
        let codes = codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect();
        // The code of this step is used up.
        app.advance(totp::STEP);
        (it, codes)
    }

    /// The code of a step before or after the current one.
    fn code(&self, app: &App, off: i64) -> String {
        totp::code(&self.0, totp::step(app.now()) + off)
    }

    /// A code that is not valid at any nearby time.
    fn wrong(&self, app: &App) -> String {
        let near: Vec<String> = (-2..=2).map(|off| self.code(app, off)).collect();
        let mut numbers = (0..10).map(|number| format!("00000{number}"));
        numbers.find(|number| !near.contains(number)).unwrap()
    }
}

/// The first step of a log-in, with the right password.
async fn challenge(app: &App, who: &Person) -> String {
    let body = json!({"handle": who.handle, "password": PASSWORD});
    let reply = app.call(Method::POST, "/api/v1/sessions", Some(body)).await;
    let problem = reply.refused(ErrorCode::SecondFactorRequired);
    assert!(reply.headers.get("set-cookie").is_none());
    problem.challenge.expect("a challenge")
}

async fn complete(app: &App, challenge: &str, code: &str) -> Reply {
    app.call(Method::POST, SECOND_STEP, Some(json!({"challenge": challenge, "code": code}))).await
}

async fn kinds(root: &Person) -> Vec<String> {
    let page = root.get("/api/v1/admin/audit?limit=100").await.expect(200);
    let kind = |one: &Value| one["kind"].as_str().unwrap().to_owned();
    page["items"].as_array().unwrap().iter().map(kind).collect()
}

async fn turning_it_on(app: App) {
    let ada = app.person("ada").await;
    assert_eq!(ada.get(FACTOR).await.expect(200), json!({ "recovery_codes": 0 }));
    let wrong = json!({ "password": "wrong horse battery" });
    ada.call(Method::POST, FACTOR, Some(wrong)).await.refused(ErrorCode::BadCredentials);
    let confirm = format!("{FACTOR}/confirm");
    let nothing = json!({ "code": "123456" });
    ada.call(Method::POST, &confirm, Some(nothing)).await.refused(ErrorCode::Conflict);

    // Until a code has been confirmed, the password is enough; beginning again creates another secret.
    let forgotten = Authenticator::begin(&ada).await;
    ada.other_device().await;
    let real = Authenticator::begin(&ada).await;
    assert_ne!(forgotten.0, real.0);
    for wrong in [forgotten.code(&app, 0), real.wrong(&app), real.code(&app, -2)] {
        let body = json!({ "code": wrong });
        ada.call(Method::POST, &confirm, Some(body)).await.refused(ErrorCode::BadCredentials);
    }
    let spaced = real.code(&app, 0);
    let body = json!({ "code": format!("{} {}", &spaced[..3], &spaced[3..]) });
    let codes = ada.call(Method::POST, &confirm, Some(body)).await.expect(200);
    assert_eq!(codes["codes"].as_array().unwrap().len(), 10);
    let shown = ada.get(FACTOR).await.expect(200);
    assert_eq!(shown["recovery_codes"], 10);
    assert!(shown["since"].is_string() && shown.get("secret").is_none());
    let again = json!({ "password": PASSWORD });
    ada.call(Method::POST, FACTOR, Some(again)).await.refused(ErrorCode::Conflict);
    app.call(Method::GET, FACTOR, None).await.refused(ErrorCode::Unauthenticated);
}

async fn logging_in_takes_both(app: App) {
    let (root, ada) = (app.admin("root").await, app.person("ada").await);
    let (authenticator, _) = Authenticator::of(&app, &ada).await;
    let wrong = json!({"handle": "ada", "password": "wrong horse battery"});
    let problem =
        app.call(Method::POST, "/api/v1/sessions", Some(wrong)).await.refused(ErrorCode::BadCredentials);
    assert_eq!(problem.challenge, None, "nobody learns of it without the password");
    let sessions = ada.api.every(calls::list_sessions).await.unwrap().items.len();
    let step = challenge(&app, &ada).await;
    assert_eq!(ada.api.every(calls::list_sessions).await.unwrap().items.len(), sessions);

    // A challenge is not a token of any kind.
    let thief = app.stranger(0);
    thief.set_tokens(Some(step.clone()), Some(step.clone()));
    assert!(thief.show_account().await.is_err() && thief.refresh().await.is_err());
    complete(&app, &step, &authenticator.wrong(&app)).await.refused(ErrorCode::BadCredentials);
    complete(&app, &step, "").await.refused(ErrorCode::BadCredentials);
    let signed_in = complete(&app, &step, &authenticator.code(&app, 0)).await.expect(201);
    assert_eq!(signed_in["account"]["id"], json!(ada.id.to_string()));
    let api = app.stranger(1);
    let text = |field: &str| signed_in[field].as_str().map(str::to_owned);
    api.set_tokens(text("access_token"), text("refresh_token"));
    api.refresh().await.unwrap();

    eventually("the wrong codes are noted", || async {
        kinds(&root).await.iter().filter(|kind| *kind == "second_factor_failed").count() == 2
    })
    .await;
    let noted = kinds(&root).await;
    assert!(noted.contains(&"second_factor_added".to_owned()) && noted.contains(&"logged_in".to_owned()));
}

async fn no_code_works_twice(app: App) {
    let ada = app.person("ada").await;
    let (authenticator, _) = Authenticator::of(&app, &ada).await;
    let step = challenge(&app, &ada).await;
    let code = authenticator.code(&app, 0);
    // Tried at the same time, on all nodes: one is let in.
    let tries = (0..4).map(|number| {
        let (api, body) = (app.stranger(number), json!({"challenge": step, "code": code}));
        async move {
            let url = api.base().join(SECOND_STEP).unwrap();
            api.request(Method::POST, url).json(&body).send().await.unwrap().status().as_u16()
        }
    });
    let mut answers = futures_util::future::join_all(tries).await;
    answers.sort_unstable();
    assert_eq!(answers, [201, 401, 401, 401]);
    complete(&app, &step, &code).await.refused(ErrorCode::BadCredentials);
    // Nor do older ones; clocks may be one step off, not two. The right code comes first: whichever of the tries above
    // was let in, the others may all count as wrong, and one more would be the one that slows down.
    complete(&app, &step, &authenticator.code(&app, 1)).await.expect(201);
    complete(&app, &step, &authenticator.code(&app, -1)).await.refused(ErrorCode::BadCredentials);
    app.advance(2 * totp::STEP);
    complete(&app, &step, &authenticator.code(&app, 2)).await.refused(ErrorCode::BadCredentials);
    complete(&app, &step, &authenticator.code(&app, 0)).await.expect(201);
}

async fn recovery_codes(app: App) {
    let (root, ada) = (app.admin("root").await, app.person("ada").await);
    let bob = app.person("bob").await;
    let (authenticator, codes) = Authenticator::of(&app, &ada).await;
    let (_, others) = Authenticator::of(&app, &bob).await;
    let step = challenge(&app, &ada).await;
    complete(&app, &step, &others[0]).await.refused(ErrorCode::BadCredentials);
    complete(&app, &step, &codes[0]).await.expect(201);
    complete(&app, &step, &codes[0]).await.refused(ErrorCode::BadCredentials);
    // In any notation.
    let sloppy = format!(" {} ", codes[1].replace('-', "").to_uppercase());
    complete(&app, &step, &sloppy).await.expect(201);
    assert_eq!(ada.get(FACTOR).await.expect(200)["recovery_codes"], 8);
    assert_eq!(kinds(&root).await.iter().filter(|kind| *kind == "recovery_code_used").count(), 2);

    let renew = format!("{FACTOR}/recovery-codes");
    let body = json!({"password": PASSWORD, "code": authenticator.code(&app, 0)});
    let fresh = ada.call(Method::POST, &renew, Some(body.clone())).await.expect(200);
    ada.call(Method::POST, &renew, Some(body)).await.refused(ErrorCode::BadCredentials);
    complete(&app, &step, &codes[2]).await.refused(ErrorCode::BadCredentials);
    complete(&app, &step, fresh["codes"][9].as_str().unwrap()).await.expect(201);
    // Only hashes are stored.
    let mut conn = app.database().connect();
    let hash = parlour_chat::identity::second_factors::code_hash(fresh["codes"][0].as_str().unwrap());
    assert!(parlour_storage::second_factors::take_code(&mut conn, ada.id, &hash).unwrap());
}

async fn challenges_end(app: App) {
    let ada = app.person("ada").await;
    let (authenticator, _) = Authenticator::of(&app, &ada).await;
    let step = challenge(&app, &ada).await;
    app.advance(5 * MINUTE + SECOND);
    complete(&app, &step, &authenticator.code(&app, 0)).await.refused(ErrorCode::Unauthenticated);

    let step = challenge(&app, &ada).await;
    let last = if step.ends_with('A') { "Q" } else { "A" };
    let forged = format!("{}{last}", &step[..step.len() - 1]);
    let long = "A".repeat(5000);
    for bad in ["", "x", "é", &forged, &step[1..], &format!("{step}A"), &long] {
        complete(&app, bad, &authenticator.code(&app, 0)).await.refused(ErrorCode::Unauthenticated);
    }
    // A new password discards what was created for the old one.
    let change = json!({"current": PASSWORD, "new": "a much better one"});
    ada.call(Method::PUT, "/api/v1/account/password", Some(change)).await.expect(204);
    complete(&app, &step, &authenticator.code(&app, 0)).await.refused(ErrorCode::Unauthenticated);
}

async fn guessing_codes_slows_down(app: App) {
    let ada = app.person("ada").await;
    let (authenticator, _) = Authenticator::of(&app, &ada).await;
    // Repeating the password does not reset the count.
    for _ in 0..5 {
        let step = challenge(&app, &ada).await;
        complete(&app, &step, &authenticator.wrong(&app)).await.refused(ErrorCode::BadCredentials);
    }
    let step = challenge(&app, &ada).await;
    for node in 0..app.nodes() {
        let api = app.stranger(node);
        let body = json!({"challenge": step, "code": authenticator.code(&app, 0)});
        let url = api.base().join(SECOND_STEP).unwrap();
        assert_eq!(api.request(Method::POST, url).json(&body).send().await.unwrap().status(), 429);
    }
    app.advance(SECOND);
    complete(&app, &step, &authenticator.code(&app, 0)).await.expect(201);
}

async fn turning_it_off(app: App) {
    let ada = app.person("ada").await;
    let (authenticator, codes) = Authenticator::of(&app, &ada).await;
    let body = |password: &str, code: &str| Some(json!({"password": password, "code": code}));
    let good = authenticator.code(&app, 0);
    for (password, code) in [("wrong horse battery", good.as_str()), (PASSWORD, &authenticator.wrong(&app))] {
        ada.call(Method::DELETE, FACTOR, body(password, code)).await.refused(ErrorCode::BadCredentials);
    }
    let step = challenge(&app, &ada).await;
    ada.call(Method::DELETE, FACTOR, body(PASSWORD, &good)).await.expect(204);
    ada.call(Method::DELETE, FACTOR, body(PASSWORD, &codes[0])).await.refused(ErrorCode::Conflict);
    complete(&app, &step, &codes[0]).await.refused(ErrorCode::Conflict);
    ada.other_device().await;
    assert_eq!(ada.get(FACTOR).await.expect(200), json!({ "recovery_codes": 0 }));
}

async fn administrators_remove_it(app: App) {
    let (root, ada) = (app.admin("root").await, app.person("ada").await);
    let path = format!("/api/v1/admin/users/{}/second-factor", ada.id);
    root.call(Method::DELETE, &path, None).await.refused(ErrorCode::NotFound);
    Authenticator::of(&app, &ada).await;
    ada.call(Method::DELETE, &path, None).await.refused(ErrorCode::NotFound);

    // A link for a new password does not remove it.
    let reset = format!("/api/v1/admin/users/{}/password-reset", ada.id);
    let link = root.call(Method::POST, &reset, None).await.expect(201)["link"].as_str().unwrap().to_owned();
    let body = json!({"token": link.split_once('#').unwrap().1, "password": PASSWORD});
    app.call(Method::POST, "/api/v1/password-resets", Some(body)).await.expect(204);
    challenge(&app, &ada).await;

    root.call(Method::DELETE, &path, None).await.expect(204);
    ada.api.refresh().await.refused(ErrorCode::Unauthenticated);
    let ada = ada.other_device().await;
    let (authenticator, _) = Authenticator::of(&app, &ada).await;
    let step = challenge(&app, &ada).await;
    complete(&app, &step, &authenticator.code(&app, 0)).await.expect(201);
    root.call(Method::DELETE, &path, None).await.expect(204);
    ada.api.refresh().await.refused(ErrorCode::Unauthenticated);
    assert!(kinds(&root).await.contains(&"second_factor_removed".to_owned()));

    // No trace of it stays with a deleted account.
    let ada = ada.other_device().await;
    Authenticator::of(&app, &ada).await;
    let password = json!({ "password": PASSWORD });
    ada.call(Method::DELETE, "/api/v1/account", Some(password)).await;
    let mut conn = app.database().connect();
    assert!(parlour_storage::second_factors::find(&mut conn, ada.id).unwrap().is_none());
    assert_eq!(parlour_storage::second_factors::count_codes(&mut conn, ada.id).unwrap(), 0);
}
