//! The audit log: what is recorded, who may read it, and what it never contains.

use parlour_protocol::problems::ErrorCode;
use parlour_protocol::time::DAY;
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::{App, Person, eventually, on_all_backends};

on_all_backends!(what_is_noted, only_administrators_read_it, denied_requests_are_bounded);

const AUDIT: &str = "/api/v1/admin/audit";

async fn kinds(root: &Person) -> Vec<String> {
    let page = root.get(&format!("{AUDIT}?limit=100")).await.expect(200);
    let kind = |one: &Value| one["kind"].as_str().unwrap().to_owned();
    page["items"].as_array().unwrap().iter().rev().map(kind).collect()
}

async fn what_is_noted(app: App) {
    let root = app.admin("root").await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let wrong = json!({"handle": "ada", "password": "secret-marker-1"});
    app.call(Method::POST, "/api/v1/sessions", Some(wrong)).await.refused(ErrorCode::BadCredentials);
    let nobody = json!({"handle": "marker_nobody", "password": "secret-marker-2"});
    app.call(Method::POST, "/api/v1/sessions", Some(nobody)).await.refused(ErrorCode::BadCredentials);
    // These two are written in transactions of their own.
    eventually("both are noted", || async {
        kinds(&root).await.iter().filter(|kind| *kind == "log_in_failed").count() == 2
    })
    .await;

    let second = ada.other_device().await;
    let first_token = second.api.refresh_token().unwrap();
    second.api.refresh().await.unwrap();
    second.api.refresh().await.unwrap();
    app.advance(60_000_000);
    let reuse = json!({ "refresh_token": first_token });
    app.call(Method::POST, "/api/v1/sessions/refresh", Some(reuse)).await.refused(ErrorCode::Unauthenticated);
    let third = ada.other_device().await;
    third.api.delete_current_session().await.unwrap();
    let change = json!({"current": "correct horse battery", "new": "secret-marker-3"});
    ada.call(Method::PUT, "/api/v1/account/password", Some(change)).await.expect(204);

    let block = format!("/api/v1/blocks/{}", bob.id);
    ada.call(Method::PUT, &block, None).await.expect(200);
    ada.call(Method::PUT, &block, None).await.expect(200);
    ada.call(Method::DELETE, &block, None).await.expect(204);
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    let seq = bob.send(room, "secret-marker-4").await;
    ada.api.delete_message(room, seq).await.unwrap();
    let own = ada.send(room, "mine").await;
    ada.api.delete_message(room, own).await.unwrap();
    root.api.delete_room(room).await.unwrap();
    root.api.suspend_user(bob.id).await.unwrap();
    root.api.suspend_user(bob.id).await.unwrap();
    root.api.reinstate_user(bob.id).await.unwrap();

    let seen = kinds(&root).await;
    let seen: Vec<&str> = seen.iter().map(String::as_str).collect();
    assert_eq!(
        seen,
        [
            "registered",
            "promoted",
            "registered",
            "registered",
            "log_in_failed",
            "log_in_failed",
            "logged_in",
            "refresh_reused",
            "logged_in",
            "session_ended",
            "password_changed",
            "blocked",
            "unblocked",
            "message_removed",
            "room_deleted",
            "suspended",
            "reinstated",
        ]
    );
    let page = root.get(&format!("{AUDIT}?limit=100")).await.expect(200);
    assert!(!page.to_string().contains("marker"), "neither bodies nor passwords nor handles: {page}");
    let of = |kind: &str| {
        page["items"].as_array().unwrap().iter().find(|one| one["kind"] == kind).unwrap().clone()
    };
    let (ada_id, bob_id) = (ada.id.to_string(), bob.id.to_string());
    assert_eq!(of("blocked").get("subject"), None, "whom somebody blocks is nobody else's business");
    assert_eq!(
        (&of("suspended")["actor"], &of("suspended")["subject"]),
        (&json!(root.id.to_string()), &json!(bob_id))
    );
    assert_eq!(
        (&of("message_removed")["actor"], &of("message_removed")["subject"]),
        (&json!(ada_id), &json!(bob_id))
    );
    assert_eq!(of("logged_in")["address"], "127.0.0.1");
}

async fn only_administrators_read_it(app: App) {
    let (root, ada) = (app.admin("root").await, app.person("ada").await);
    ada.get(AUDIT).await.refused(ErrorCode::NotFound);
    app.call(Method::GET, AUDIT, None).await.refused(ErrorCode::Unauthenticated);
    eventually("the denial is noted", || async { kinds(&root).await.contains(&"denied".to_owned()) }).await;
    let denied = root.get(&format!("{AUDIT}?kind=denied")).await.expect(200);
    let denied = &denied["items"][0];
    assert_eq!(
        (&denied["actor"], &denied["operation"]),
        (&json!(ada.id.to_string()), &json!("GET /api/v1/admin/audit"))
    );

    // In pages, without holes or repetitions.
    let mut ids = Vec::new();
    let mut path = format!("{AUDIT}?limit=1");
    loop {
        let page = root.get(&path).await.expect(200);
        ids.extend(
            page["items"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => path = format!("{AUDIT}?limit=1&after={next}"),
            None => break,
        }
    }
    let whole = root.get(AUDIT).await.expect(200);
    let whole: Vec<&str> =
        whole["items"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(ids, whole);
    for bad in ["?after=x", "?kind=nonsense_kind&limit=0", "?limit=101"] {
        root.get(&format!("{AUDIT}{bad}")).await.refused(ErrorCode::Malformed);
    }

    let mut conn = app.database().connect();
    let (before, after) = (1_767_225_600_000_000, 1_767_225_600_000_000 + DAY);
    assert_eq!(parlour_storage::audit_log::delete_before(&mut conn, before).unwrap(), 0);
    assert!(parlour_storage::audit_log::delete_before(&mut conn, after).unwrap() >= ids.len());
}

async fn denied_requests_are_bounded(app: App) {
    let (root, ada) = (app.admin("root").await, app.person("ada").await);
    for _ in 0..30 {
        ada.get("/api/v1/admin/users").await.refused(ErrorCode::NotFound);
    }
    eventually("some are noted", || async { kinds(&root).await.contains(&"denied".to_owned()) }).await;
    // A resource that an administrator does not find is not a denial.
    root.call(Method::DELETE, "/api/v1/admin/approvals/1", None).await.refused(ErrorCode::NotFound);
    let page = root.get(&format!("{AUDIT}?kind=denied")).await.expect(200);
    let lines = page["items"].as_array().unwrap();
    assert!(lines.len() <= 10, "{}", lines.len());
    assert!(lines.iter().all(|line| line["actor"] == ada.id.to_string()));
}
