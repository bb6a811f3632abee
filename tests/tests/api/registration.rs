//! Who may register: everyone, those invited, those whom an administrator lets in, or nobody.

use parlour_protocol::accounts::{CreateAccount, Registration};
use parlour_protocol::invites::CreatedInvite;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::sessions::{CreateSession, SignedIn};
use parlour_protocol::time::DAY;
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::{App, Person, Refusal, on_all_backends};

on_all_backends!(
    invites_let_people_in with |config| config.registration = parlour_protocol::accounts::Registration::Invite,
    an_invite_is_used_once_in_a_race with |config| config.registration = parlour_protocol::accounts::Registration::Invite,
    members_may_invite with |config| config.member_invites = true,
    approval with |config| config.registration = parlour_protocol::accounts::Registration::Approval,
);

const ACCOUNTS: &str = "/api/v1/accounts";
const INVITES: &str = "/api/v1/invites";
const APPROVALS: &str = "/api/v1/admin/approvals";

fn account(handle: &str, invite: Option<&str>) -> CreateAccount {
    CreateAccount {
        handle: handle.to_owned(),
        display_name: None,
        password: "correct horse battery".into(),
        device: None,
        invite: invite.map(str::to_owned),
        refresh: Default::default(),
    }
}

/// An administrator on a server where nobody can register: created by the command line's own verb.
async fn root(app: &App) -> Person {
    let mut conn = app.database().connect();
    let (id, now) = (parlour_protocol::ids::UserId(4711), parlour_protocol::time::Timestamp(1));
    let cheap = parlour_chat::identity::passwords::Argon2Cost { memory_kib: 8, passes: 1 };
    let hash = parlour_chat::identity::passwords::hash(
        cheap,
        "correct horse battery",
        &[1; 16],
        &mut Default::default(),
    )
    .unwrap();
    let admission = parlour_chat::identity::accounts::Admission::Administrator;
    parlour_chat::identity::accounts::register(&mut conn, now, id, &account("root", None), &hash, admission)
        .unwrap();
    log_in(app, "root").await.map(|signed_in| app.somebody("root", signed_in.0, signed_in.1)).unwrap()
}

async fn log_in(
    app: &App,
    handle: &str,
) -> Result<(SignedIn, parlour_client::native::Api), parlour_client::native::ApiError> {
    let api = app.stranger(0);
    let session = CreateSession {
        handle: handle.into(),
        password: "correct horse battery".into(),
        device: None,
        refresh: Default::default(),
        device_token: None,
    };
    api.create_session(&session).await.map(|signed_in| (signed_in, api))
}

async fn invite(who: &Person, body: Value) -> CreatedInvite {
    serde_json::from_value(who.call(Method::POST, INVITES, Some(body)).await.expect(201)).unwrap()
}

async fn invites_let_people_in(app: App) {
    let info = app.stranger(0).show_server().await.unwrap();
    assert_eq!((info.registration, info.registration_open), (Registration::Invite, false));
    let register = |handle: &'static str, code: Option<String>| {
        let api = app.stranger(1);
        async move { api.create_account(&account(handle, code.as_deref())).await }
    };
    register("ada", None).await.refused(ErrorCode::InviteNeeded);
    register("ada", Some("x".repeat(22))).await.refused(ErrorCode::InviteNeeded);
    register("ada", Some("x".repeat(65))).await.refused(ErrorCode::Invalid);

    let root = root(&app).await;
    for body in [json!({"uses": 0}), json!({"uses": 1001}), json!({"days": 0}), json!({"days": 366})] {
        root.call(Method::POST, INVITES, Some(body)).await.refused(ErrorCode::Invalid);
    }
    let once = invite(&root, json!({})).await;
    assert!(once.code.len() >= 22, "128 bits");
    let ada = register("ada", Some(once.code.clone())).await.unwrap().signed_in().unwrap();
    register("bob", Some(once.code)).await.refused(ErrorCode::InviteNeeded);

    // A registration that fails does not use up an invite.
    let twice = invite(&root, json!({"uses": 2, "days": 1})).await;
    register("ADA", Some(twice.code.clone())).await.refused(ErrorCode::Taken);
    register("bob", Some(twice.code.clone())).await.unwrap();
    let listed = root.get(INVITES).await.expect(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
    assert_eq!((&listed["items"][0]["used"], &listed["items"][0]["uses"]), (&json!(1), &json!(2)));
    assert!(!listed.to_string().contains(&twice.code), "a code is told once");
    app.advance(DAY);
    register("carl", Some(twice.code)).await.refused(ErrorCode::InviteNeeded);
    root.api.refresh().await.unwrap();
    assert_eq!(root.get(INVITES).await.expect(200)["items"], json!([]));

    let ended = invite(&root, json!({"uses": 5})).await;
    let path = format!("{INVITES}/{}", ended.invite.id);
    root.call(Method::DELETE, &path, None).await.expect(204);
    root.call(Method::DELETE, &path, None).await.refused(ErrorCode::NotFound);
    register("carl", Some(ended.code)).await.refused(ErrorCode::InviteNeeded);

    // Members cannot invite anyone, unless the settings allow it.
    let member = app.stranger(0);
    member.set_tokens(Some(ada.access_token.clone()), ada.refresh_token.clone());
    member.refresh().await.unwrap();
    let member = app.somebody("ada", ada, member);
    member.call(Method::POST, INVITES, Some(json!({}))).await.refused(ErrorCode::Forbidden);
    member.get(INVITES).await.refused(ErrorCode::Forbidden);
    app.call(Method::POST, INVITES, Some(json!({}))).await.refused(ErrorCode::Unauthenticated);
}

async fn an_invite_is_used_once_in_a_race(app: App) {
    let root = root(&app).await;
    let code = invite(&root, json!({"uses": 2})).await.code;
    let tries = (0..6).map(|number| {
        let (api, account) = (app.stranger(number), account(&format!("racer_{number}"), Some(&code)));
        async move { api.create_account(&account).await.is_ok() }
    });
    let let_in = futures_util::future::join_all(tries).await;
    assert_eq!(let_in.iter().filter(|one| **one).count(), 2, "{let_in:?}");
}

async fn members_may_invite(app: App) {
    assert!(app.stranger(0).show_server().await.unwrap().member_invites);
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let root = app.admin("root").await;
    let mut last = None;
    for _ in 0..20 {
        last = Some(invite(&ada, json!({})).await);
    }
    ada.call(Method::POST, INVITES, Some(json!({}))).await.refused(ErrorCode::LimitReached);
    assert_eq!(bob.get(INVITES).await.expect(200)["items"], json!([]), "others' invites are not listed");
    let path = format!("{INVITES}/{}", last.unwrap().invite.id);
    bob.call(Method::DELETE, &path, None).await.refused(ErrorCode::NotFound);
    // Administrators see all, in pages.
    let first = root.get(&format!("{INVITES}?limit=15")).await.expect(200);
    let next = first["next"].as_str().unwrap();
    let second = root.get(&format!("{INVITES}?limit=15&after={next}")).await.expect(200);
    assert_eq!(second["items"].as_array().unwrap().len(), 5);
    root.call(Method::DELETE, &path, None).await.expect(204);
    invite(&ada, json!({})).await;
}

async fn approval(app: App) {
    let root = root(&app).await;
    let info = app.stranger(0).show_server().await.unwrap();
    assert_eq!((info.registration, info.registration_open), (Registration::Approval, true));
    for handle in ["ada", "bob"] {
        let body = json!({"handle": handle, "password": "correct horse battery"});
        let pending = app.call(Method::POST, ACCOUNTS, Some(body)).await.expect(202);
        assert_eq!(pending["handle"], handle);
        assert!(pending.get("access_token").is_none());
        app.advance(1);
    }
    log_in(&app, "ada").await.map(drop).refused(ErrorCode::ApprovalPending);
    let wrong = json!({"handle": "ada", "password": "wrong horse battery"});
    app.call(Method::POST, "/api/v1/sessions", Some(wrong)).await.refused(ErrorCode::BadCredentials);
    root.api.show_user("ada").await.refused(ErrorCode::NotFound);
    let again = json!({"handle": "ADA", "password": "correct horse battery"});
    app.call(Method::POST, ACCOUNTS, Some(again.clone())).await.refused(ErrorCode::Taken);

    let waiting = root.get(APPROVALS).await.expect(200);
    let handles: Vec<&str> = waiting["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["user"]["handle"].as_str().unwrap())
        .collect();
    assert_eq!(handles, ["ada", "bob"], "longest first");
    let id = |index: usize| waiting["items"][index]["user"]["id"].as_str().unwrap().to_owned();
    let (ada, bob) = (format!("{APPROVALS}/{}", id(0)), format!("{APPROVALS}/{}", id(1)));
    for _ in 0..2 {
        let let_in = root.call(Method::PUT, &ada, None).await.expect(200);
        assert!(let_in.get("pending_since").is_none());
    }
    let (signed_in, api) = log_in(&app, "ada").await.unwrap();
    let member = app.somebody("ada", signed_in, api);
    root.api.show_user("ada").await.unwrap();
    // Somebody who is in cannot be rejected, and members decide nothing.
    root.call(Method::DELETE, &ada, None).await.refused(ErrorCode::NotFound);
    for (method, path) in [(Method::GET, APPROVALS), (Method::PUT, &bob), (Method::DELETE, &bob)] {
        member.call(method, path, None).await.refused(ErrorCode::NotFound);
    }
    root.call(Method::DELETE, &bob, None).await.expect(204);
    root.call(Method::DELETE, &bob, None).await.refused(ErrorCode::NotFound);
    log_in(&app, "bob").await.map(drop).refused(ErrorCode::BadCredentials);
    assert_eq!(root.get(APPROVALS).await.expect(200)["items"], json!([]));

    // An invite makes approval unnecessary.
    let code = invite(&root, json!({})).await.code;
    app.stranger(0).create_account(&account("bob", Some(&code))).await.unwrap();
    app.stranger(0).create_account(&account("carl", Some(&code))).await.refused(ErrorCode::InviteNeeded);
}
