//! What one person owns, tried by another: refused exactly as if it did not exist.

use parlour_client::operations::calls;
use parlour_protocol::friends::CreateFriendRequest;
use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::Value;
use system_tests::{App, Person, on_all_backends};

use crate::operations;
use crate::scene::{Role, Scene};

on_all_backends!(replay with crate::scene::furnished);

/// An id that does not exist.
const NOBODYS: &str = "4611686018427387904";

/// Operations that everyone may use on everyone else: that a person exists is no secret.
const ABOUT_PEOPLE: [&str; 4] = ["create_block", "show_user", "list_users", "open_direct"];

async fn answer(person: &Person, method: &Method, path: &str, body: &Option<Value>) -> (u16, Value) {
    let reply = person.call(method.clone(), path, body.clone()).await;
    let mut said = if reply.text.is_empty() { Value::Null } else { reply.json() };
    if let Some(fields) = said.as_object_mut() {
        fields.remove("request_id");
    }
    (reply.status.as_u16(), said)
}

async fn replay(app: App) {
    let scene = Scene::set(&app, 0).await;
    let direct = scene.direct(Role::Friend);
    let seq = scene.message(direct).await;
    let asker = app.person("asker").await;
    asker.api.create_friend_request(&CreateFriendRequest { to: scene.owner().handle.clone() }).await.unwrap();
    let owned = [
        ("a direct chat", direct.to_string()),
        ("a session", scene.owner().session.to_string()),
        ("an invite", scene.invite().to_owned()),
        ("an account with the provider", scene.identity.clone()),
        ("a passkey", scene.passkey().to_owned()),
        ("a token", scene.token.clone()),
        ("a bot", scene.bot.0.clone()),
        ("a token of a bot", scene.bot.1.clone()),
        ("the one whose request waits", asker.id.to_string()),
        ("the owner", scene.owner().id.to_string()),
        ("a friend", scene.person(Role::Friend).unwrap().id.to_string()),
        ("one who is blocked", scene.person(Role::Blocked).unwrap().id.to_string()),
    ];
    let operations = operations::all(&app);
    let mut covered = BTreeSet::new();
    let mut tried = 0;
    let mut faults = Vec::new();
    for role in [Role::Stranger, Role::ExMember, Role::Admin] {
        let other = scene.person(role).unwrap();
        for operation in operations.iter().filter(|operation| operation.has_id()) {
            let for_admins =
                operation.template.starts_with("/api/v1/admin/") || operation.id == "delete_invite";
            let about_people = ABOUT_PEOPLE.contains(&operation.id.as_str());
            if about_people || operation.id == "show_avatar" || (role == Role::Admin && for_admins) {
                continue;
            }
            covered.insert(operation.id.clone());
            for (what, id) in &owned {
                let path = |id: &str| {
                    operation.path(|name| match name {
                        "cid" => "a-client-id".to_owned(),
                        "message" if operation.id == "put_message" => "a-client-id".to_owned(),
                        "message" => seq.to_string(),
                        "emoji" => "%F0%9F%91%8D".to_owned(),
                        _ => id.to_owned(),
                    })
                };
                let theirs = answer(other, &operation.method, &path(id), &operation.body).await;
                let nobodys = answer(other, &operation.method, &path(NOBODYS), &operation.body).await;
                tried += 1;
                if theirs != nobodys || theirs.0 < 400 && operation.method == Method::GET {
                    faults.push(format!(
                        "{} as {role:?} on {what}: {theirs:?}, of nobody: {nobodys:?}",
                        operation.id
                    ));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(covered.len() >= 25, "{covered:?}");
    println!("replay by others: {tried} tries on {} operations", covered.len());
    // And none of it had an effect.
    let owner = scene.owner();
    owner.api.show_account().await.unwrap();
    assert_eq!(owner.api.every(calls::list_sessions).await.unwrap().items.len(), 1);
    assert_eq!(owner.api.every(calls::list_friends).await.unwrap().items.len(), 1);
    assert_eq!(owner.api.list_friend_requests().await.unwrap().incoming.len(), 1);
    assert_eq!(owner.api.show_conversation(direct).await.unwrap().head, seq);
}
