//! Logging in with an OpenID Connect provider: whom it lets in, which of its claims count, and who may add or remove
//! it.

use parlour_protocol::accounts::Registration;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::time::{MINUTE, SECOND};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use system_tests::provider::{Manner, Provider};
use system_tests::{App, Person, Reply, on_all_backends};

on_all_backends!(
    a_stranger_registers_and_comes_back with super::guild,
    only_the_providers_good_word_counts with super::guild,
    a_log_in_belongs_to_who_began_it with super::guild,
    an_account_is_added_and_removed with super::guild,
    an_account_without_a_password with super::guild,
    suspended_and_second_factor with super::guild,
    by_invite_only with |config| { super::guild(config); config.registration = super::Registration::Invite; },
    after_approval with |config| { super::guild(config); config.registration = super::Registration::Approval; },
    nowhere_to_go with |config| {
        super::guild(config);
        // Nobody listens there.
        config.provider.as_mut().unwrap().issuer = "http://127.0.0.1:9".into();
    },
    no_provider,
);

const BEGIN: &str = "/api/v1/sessions/provider/begin";
const COMPLETE: &str = "/api/v1/sessions/provider";
const REGISTER: &str = "/api/v1/accounts/provider";
const OWN: &str = "/api/v1/account/identities";

fn guild(config: &mut parlour_server::Config) {
    Provider::shared().configure(config);
}

/// A log-in in progress: the page, and what binds it to the browser.
struct Begun {
    page: String,
    binding: String,
}

async fn begin(app: &App) -> Begun {
    let begun = app.call(Method::POST, BEGIN, Some(json!({}))).await.expect(200);
    let text = |name: &str| begun[name].as_str().unwrap().to_owned();
    Begun { page: text("authorization_url"), binding: text("binding") }
}

/// The provider's claims about somebody, at the time that the servers believe it is.
fn claims(app: &App, subject: &str) -> Value {
    json!({"sub": subject, "preferred_username": format!("{subject}.of@the.guild"), "name": "One of Us",
           "now": app.now().0 / SECOND})
}

async fn complete(app: &App, node: usize, begun: &Begun, (state, code): (String, String)) -> Reply {
    let body = json!({"state": state, "code": code, "binding": begun.binding});
    app.call_at(node, Method::POST, COMPLETE, Some(body)).await
}

async fn log_in(app: &App, subject: &str, manner: Manner) -> Reply {
    let begun = begin(app).await;
    let back = Provider::shared().consent(&begun.page, claims(app, subject), manner);
    // On a different node than the one that began.
    complete(app, 1, &begun, back).await
}

async fn register(app: &App, subject: &str, handle: &str, invite: Option<&str>) -> Reply {
    let unknown = log_in(app, subject, Manner::Good).await.expect(202);
    let body = json!({"challenge": unknown["challenge"], "handle": handle, "invite": invite});
    app.call(Method::POST, REGISTER, Some(body)).await
}

fn bearer(app: &App, answer: &Value) -> Person {
    let signed_in: parlour_protocol::sessions::SignedIn = serde_json::from_value(answer.clone()).unwrap();
    let api = app.stranger(0);
    api.set_tokens(Some(signed_in.access_token.clone()), None);
    let handle = signed_in.account.handle.clone();
    app.somebody(&handle, signed_in, api)
}

async fn a_stranger_registers_and_comes_back(app: App) {
    let server = app.call(Method::GET, "/api/v1/server", None).await.expect(200);
    assert_eq!(server["provider"], "Guild");
    let unknown = log_in(&app, "u-1", Manner::Good).await.expect(202);
    assert_eq!((&unknown["handle"], &unknown["display_name"]), (&json!("u_1_of"), &json!("One of Us")));
    app.person("taken").await;
    let mut body = json!({"challenge": unknown["challenge"], "handle": "Taken", "display_name": "Ada"});
    app.call(Method::POST, REGISTER, Some(body.clone())).await.refused(ErrorCode::Taken);
    body["handle"] = "!".into();
    app.call(Method::POST, REGISTER, Some(body.clone())).await.refused(ErrorCode::Invalid);
    body["handle"] = "ada".into();
    let answer = app.call(Method::POST, REGISTER, Some(body.clone())).await.expect(201);
    assert_eq!(
        (&answer["account"]["handle"], &answer["account"]["has_password"]),
        (&json!("ada"), &json!(false))
    );
    // The challenge created one account; it creates no second one.
    body["handle"] = "ada2".into();
    app.call(Method::POST, REGISTER, Some(body)).await.refused(ErrorCode::Conflict);
    let again = log_in(&app, "u-1", Manner::Good).await.expect(201);
    assert_eq!(again["account"]["id"], answer["account"]["id"]);
    let ada = bearer(&app, &again);
    let own = ada.call(Method::GET, OWN, None).await.expect(200);
    assert_eq!(own["items"][0]["last_used_at"], json!(app.now()));
    let log = app.admin("root").await.call(Method::GET, "/api/v1/admin/audit", None).await.expect(200);
    let kinds: Vec<&str> =
        log["items"].as_array().unwrap().iter().filter_map(|line| line["kind"].as_str()).collect();
    assert!(kinds.contains(&"identity_added") && kinds.contains(&"logged_in"), "{kinds:?}");
}

async fn only_the_providers_good_word_counts(app: App) {
    for manner in [
        Manner::StrangeKey,
        Manner::SharedSecret,
        Manner::Unsigned,
        Manner::OtherAudience,
        Manner::OtherNonce,
        Manner::OtherIssuer,
        Manner::Expired,
        Manner::NoToken,
        Manner::Endless,
        Manner::Nonsense,
    ] {
        let reply = log_in(&app, "u-2", manner).await;
        assert_eq!(reply.status, StatusCode::BAD_GATEWAY, "{manner:?}: {}", reply.text);
        reply.refused(ErrorCode::ProviderFailed);
    }
    for subject in ["", &"x".repeat(256), "nul\u{0}"] {
        log_in(&app, subject, Manner::Good).await.refused(ErrorCode::ProviderFailed);
    }
    log_in(&app, "u-2", Manner::Good).await.expect(202);
}

async fn a_log_in_belongs_to_who_began_it(app: App) {
    let provider = Provider::shared();
    let begun = begin(&app).await;
    let consent = || provider.consent(&begun.page, claims(&app, "u-3"), Manner::Good);
    // Another browser, no binding, and a made-up one.
    let other = begin(&app).await;
    for binding in [Some(other.binding.as_str()), None, Some(""), Some("x"), Some(&"A".repeat(54)), Some("é")]
    {
        let (state, code) = consent();
        let body = json!({"state": state, "code": code, "binding": binding});
        app.call(Method::POST, COMPLETE, Some(body)).await.refused(ErrorCode::Unauthenticated);
    }
    let (_, code) = consent();
    complete(&app, 0, &begun, ("another state".into(), code)).await.refused(ErrorCode::Unauthenticated);
    // A code works once, and never for another log-in.
    let back = consent();
    complete(&app, 0, &begun, back.clone()).await.expect(202);
    complete(&app, 0, &begun, back).await.refused(ErrorCode::Unauthenticated);
    let (_, stolen) = provider.consent(&other.page, claims(&app, "victim"), Manner::Good);
    let (state, _) = consent();
    complete(&app, 0, &begun, (state, stolen)).await.refused(ErrorCode::Unauthenticated);
    complete(&app, 0, &begun, (consent().0, "made up".into())).await.refused(ErrorCode::Unauthenticated);
    let back = consent();
    app.advance(10 * MINUTE);
    complete(&app, 0, &begun, back).await.refused(ErrorCode::Unauthenticated);
    // The registration challenge expires, too, and cannot be forged.
    let unknown = log_in(&app, "u-3", Manner::Good).await.expect(202);
    let challenge = unknown["challenge"].as_str().unwrap();
    let (head, tail) = challenge.split_at(20);
    let flipped = format!("{head}{}{}", if tail.starts_with('A') { 'B' } else { 'A' }, &tail[1..]);
    for bad in ["", "x", &flipped, &format!("{challenge}AAAA"), &"A".repeat(1024)] {
        let body = json!({"challenge": bad, "handle": "mallory"});
        app.call(Method::POST, REGISTER, Some(body)).await.refused(ErrorCode::Unauthenticated);
    }
    app.advance(30 * MINUTE);
    let body = json!({"challenge": challenge, "handle": "ada"});
    app.call(Method::POST, REGISTER, Some(body)).await.refused(ErrorCode::Unauthenticated);
}

/// Begins to add an identity, with the password.
async fn begin_to_add(who: &Person, password: &str) -> Reply {
    who.call(Method::POST, &format!("{OWN}/begin"), Some(json!({"password": password}))).await
}

async fn add(app: &App, who: &Person, subject: &str) -> Reply {
    let begun = begin_to_add(who, "correct horse battery").await.expect(200);
    let page = begun["authorization_url"].as_str().unwrap();
    let (state, code) = Provider::shared().consent(page, claims(app, subject), Manner::Good);
    let body = json!({"state": state, "code": code, "binding": begun["binding"]});
    who.call(Method::POST, OWN, Some(body)).await
}

async fn an_account_is_added_and_removed(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    begin_to_add(&ada, "wrong horse battery").await.refused(ErrorCode::BadCredentials);
    let added = add(&app, &ada, "u-4").await.expect(201);
    assert_eq!(add(&app, &ada, "u-4").await.expect(201), added, "the same again");
    add(&app, &bob, "u-4").await.refused(ErrorCode::Conflict);
    let session = log_in(&app, "u-4", Manner::Good).await.expect(201);
    assert_eq!(session["account"]["handle"], "ada");
    // Nobody else can complete what one person began; neither as a log-in nor in another session.
    let begun = begin_to_add(&bob, "correct horse battery").await.expect(200);
    let page = begun["authorization_url"].as_str().unwrap();
    let consent = || {
        let (state, code) = Provider::shared().consent(page, claims(&app, "u-5"), Manner::Good);
        Some(json!({"state": state, "code": code, "binding": begun["binding"]}))
    };
    ada.call(Method::POST, OWN, consent()).await.refused(ErrorCode::Unauthenticated);
    app.call(Method::POST, COMPLETE, consent()).await.refused(ErrorCode::Unauthenticated);
    bob.call(Method::POST, OWN, consent()).await.expect(201);
    for number in 6..10 {
        add(&app, &ada, &format!("more-{number}")).await.expect(201);
    }
    add(&app, &ada, "one too many").await.refused(ErrorCode::LimitReached);

    let path = format!("{OWN}/{}", added["id"].as_str().unwrap());
    let right = || Some(json!({"password": "correct horse battery"}));
    ada.call(Method::DELETE, &path, Some(json!({"password": "wrong horse battery"})))
        .await
        .refused(ErrorCode::BadCredentials);
    bob.call(Method::DELETE, &path, right()).await.refused(ErrorCode::NotFound);
    ada.call(Method::DELETE, &path, right()).await.expect(204);
    ada.call(Method::DELETE, &path, right()).await.refused(ErrorCode::NotFound);
    log_in(&app, "u-4", Manner::Good).await.expect(202);
}

async fn an_account_without_a_password(app: App) {
    let answer = register(&app, "u-6", "ada", None).await.expect(201);
    let ada = bearer(&app, &answer);
    // No password opens it, not even an empty one.
    for password in ["", "correct horse battery"] {
        let body = json!({"handle": "ada", "password": password});
        app.call(Method::POST, "/api/v1/sessions", Some(body)).await.refused(ErrorCode::BadCredentials);
    }
    let own = ada.call(Method::GET, OWN, None).await.expect(200);
    let path = format!("{OWN}/{}", own["items"][0]["id"].as_str().unwrap());
    let none = || Some(json!({"password": ""}));
    ada.call(Method::DELETE, &path, none()).await.refused(ErrorCode::Conflict);
    // What normally requires the password requires a recent log-in.
    app.advance(10 * MINUTE);
    let ada = bearer(&app, &log_in(&app, "u-6", Manner::Good).await.expect(201));
    let change = || Some(json!({"current": "", "new": "a much better one"}));
    app.advance(9 * MINUTE);
    let fresh = bearer(&app, &log_in(&app, "u-6", Manner::Good).await.expect(201));
    app.advance(MINUTE);
    ada.call(Method::PUT, "/api/v1/account/password", change()).await.refused(ErrorCode::LogInAgain);
    fresh.call(Method::PUT, "/api/v1/account/password", change()).await.expect(204);
    let account = fresh.call(Method::GET, "/api/v1/account", None).await.expect(200);
    assert_eq!(account["has_password"], true);
    fresh.call(Method::DELETE, &path, none()).await.refused(ErrorCode::BadCredentials);
    fresh.call(Method::DELETE, &path, Some(json!({"password": "a much better one"}))).await.expect(204);
    // Deletion removes the rest.
    add_with(&app, &fresh, "u-6b").await;
    fresh
        .call(Method::DELETE, "/api/v1/account", Some(json!({"password": "a much better one"})))
        .await
        .expect(200);
    log_in(&app, "u-6b", Manner::Good).await.expect(202);
}

async fn add_with(app: &App, who: &Person, subject: &str) {
    let begun = begin_to_add(who, "a much better one").await.expect(200);
    let page = begun["authorization_url"].as_str().unwrap();
    let (state, code) = Provider::shared().consent(page, claims(app, subject), Manner::Good);
    let body = json!({"state": state, "code": code, "binding": begun["binding"]});
    who.call(Method::POST, OWN, Some(body)).await.expect(201);
}

async fn suspended_and_second_factor(app: App) {
    let root = app.admin("root").await;
    let ada = app.person("ada").await;
    add(&app, &ada, "u-7").await.expect(201);
    let factor = "/api/v1/account/second-factor";
    let begun =
        ada.call(Method::POST, factor, Some(json!({"password": "correct horse battery"}))).await.expect(201);
    let secret = data_encoding::BASE32_NOPAD.decode(begun["secret"].as_str().unwrap().as_bytes()).unwrap();
    let code = |off: i64| {
        use parlour_chat::identity::totp;
        totp::code(&secret, totp::step(app.now()) + off)
    };
    ada.call(Method::POST, &format!("{factor}/confirm"), Some(json!({"code": code(0)}))).await.expect(200);
    let asked = log_in(&app, "u-7", Manner::Good).await.refused(ErrorCode::SecondFactorRequired);
    let body = json!({"challenge": asked.challenge, "code": code(1)});
    app.call(Method::POST, "/api/v1/sessions/second-factor", Some(body)).await.expect(201);
    root.api.suspend_user(ada.id).await.unwrap();
    log_in(&app, "u-7", Manner::Good).await.refused(ErrorCode::BadCredentials);
}

async fn by_invite_only(app: App) {
    let mut conn = app.database().connect();
    register(&app, "u-8", "ada", None).await.refused(ErrorCode::InviteNeeded);
    register(&app, "u-8", "ada", Some("made-up-code")).await.refused(ErrorCode::InviteNeeded);
    assert!(parlour_storage::users::find_by_handle(&mut conn, "ada").unwrap().is_none());
}

async fn after_approval(app: App) {
    let waiting = register(&app, "u-9", "ada", None).await.expect(202);
    assert_eq!(waiting["handle"], "ada");
    log_in(&app, "u-9", Manner::Good).await.refused(ErrorCode::ApprovalPending);
}

async fn nowhere_to_go(app: App) {
    app.call(Method::POST, BEGIN, Some(json!({}))).await.refused(ErrorCode::ProviderFailed);
}

async fn no_provider(app: App) {
    let ada = app.person("ada").await;
    let server = app.call(Method::GET, "/api/v1/server", None).await.expect(200);
    assert!(server.get("provider").is_none());
    app.call(Method::POST, BEGIN, Some(json!({}))).await.refused(ErrorCode::ProviderOff);
    let body = json!({"state": "x", "code": "x", "binding": "x"});
    app.call(Method::POST, COMPLETE, Some(body)).await.refused(ErrorCode::ProviderOff);
    begin_to_add(&ada, "correct horse battery").await.refused(ErrorCode::ProviderOff);
}

#[test]
fn a_new_key_of_the_provider_is_asked_for() {
    let provider = Provider::start();
    system_tests::run(
        system_tests::Backend::SqliteLocal,
        |config| provider.configure(config),
        |app| {
            let provider = provider.clone();
            async move {
                // Not immediately after the last fetch: made-up keys must not make the server fetch all the time.
                for (manner, code) in [
                    (Manner::Good, 202),
                    (Manner::NewKey, 502),
                    (Manner::Good, 202),
                    (Manner::StrangeKey, 502),
                ] {
                    let begun = begin(&app).await;
                    let back = provider.consent(&begun.page, claims(&app, "u"), manner);
                    assert_eq!(complete(&app, 0, &begun, back).await.status, code, "{manner:?}");
                }
                app.advance(MINUTE);
                let begun = begin(&app).await;
                let back = provider.consent(&begun.page, claims(&app, "u"), Manner::NewKey);
                complete(&app, 0, &begun, back).await.expect(202);
            }
        },
    );
}
