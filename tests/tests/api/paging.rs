//! One way to page: every list takes `after` and `limit` and returns `items` and `next`, which is the next `after`.

use std::collections::BTreeSet;

use diesel::prelude::*;
use parlour_storage::schema::jobs;
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::{App, Person, on_all_backends};

on_all_backends!(every_list_pages_alike, lists_go_on_where_something_ended, history_pages_both_ways,);

/// Reads a list in pages of `limit`, and returns its items.
async fn read(person: &Person, path: &str, limit: usize) -> Vec<Value> {
    let (mut items, mut after) = (Vec::new(), String::new());
    for _ in 0..50 {
        let page = person.get(&format!("{path}?limit={limit}{after}")).await.expect(200);
        let new = page["items"].as_array().unwrap();
        assert!(new.len() <= limit && (!new.is_empty() || items.is_empty()), "{path}: {page}");
        items.extend(new.iter().cloned());
        match &page["next"] {
            Value::Null => return items,
            Value::String(next) => after = format!("&after={next}"),
            next => after = format!("&after={next}"),
        }
    }
    panic!("{path} does not end");
}

async fn make_token(person: &Person, path: &str, name: &str) -> String {
    let made = person.create_token(path, json!({"name": name, "scopes": ["read"]})).await;
    made.token.id.to_string()
}

async fn every_list_pages_alike(app: App) {
    let (ada, bob) = (app.admin("ada").await, app.person("bob").await);
    ada.befriend(&bob).await;
    let bot = ada.create_bot("weather").await;
    let of_bot = format!("/api/v1/bots/{}/tokens", bot.id);
    let room = ada.create_room("tea").await;
    for number in 0..4 {
        make_token(&ada, "/api/v1/account/tokens", &format!("mine {number}")).await;
        make_token(&ada, &of_bot, &format!("its {number}")).await;
        ada.other_device().await;
        if number > 0 {
            ada.create_bot(&format!("bot_{number}")).await;
        }
        let other = app.person(&format!("friend_{number}")).await;
        ada.befriend(&other).await;
        other.join(room).await;
        other.send(room, &format!("@ada look {number}")).await;
        ada.create_room(&format!("room {number}")).await;
        ada.call(Method::POST, "/api/v1/invites", Some(json!({"uses": 1}))).await.expect(201);
    }
    for number in 0..3 {
        let other = app.person(&format!("blocked_{number}")).await;
        ada.call(Method::PUT, &format!("/api/v1/blocks/{}", other.id), None).await.expect(200);
    }
    for number in 0..5 {
        let row = (jobs::kind.eq("mail"), jobs::data.eq("{}"), jobs::run_at.eq(1), jobs::tries.eq(number));
        let failed = (jobs::failed_at.eq(app.now().0 + number / 2), jobs::last_error.eq("a test"));
        diesel::insert_into(jobs::table)
            .values((row, failed))
            .execute(&mut app.database().connect())
            .unwrap();
    }
    let tested = [
        ("list_tokens", "/api/v1/account/tokens".to_owned(), 4),
        ("list_bot_tokens", of_bot, 5),
        ("list_bots", "/api/v1/bots".to_owned(), 4),
        ("list_sessions", "/api/v1/sessions".to_owned(), 5),
        ("list_passkeys", "/api/v1/account/passkeys".to_owned(), 0),
        ("list_identities", "/api/v1/account/identities".to_owned(), 0),
        ("list_conversations", "/api/v1/conversations".to_owned(), 5),
        ("list_rooms", "/api/v1/rooms".to_owned(), 5),
        ("list_members", format!("/api/v1/rooms/{room}/members"), 5),
        ("list_friends", "/api/v1/friends".to_owned(), 5),
        ("list_blocks", "/api/v1/blocks".to_owned(), 3),
        ("list_invites", "/api/v1/invites".to_owned(), 4),
        ("list_notifications", "/api/v1/notifications".to_owned(), 9),
        ("list_admin_users", "/api/v1/admin/users".to_owned(), 13),
        ("list_approvals", "/api/v1/admin/approvals".to_owned(), 0),
        ("list_audit_log", "/api/v1/admin/audit".to_owned(), 30),
        ("list_failed_jobs", "/api/v1/admin/jobs".to_owned(), 5),
        ("list_events", format!("/api/v1/conversations/{room}/events"), 9),
    ];
    for (id, path, count) in &tested {
        let whole = read(&ada, path, 50).await;
        assert!(whole.len() >= *count && (*count == 0) == whole.is_empty(), "{id}: {}", whole.len());
        for limit in [1, 2, 3] {
            if whole.len() / limit < 40 {
                assert_eq!(read(&ada, path, limit).await, whole, "{id} in pages of {limit}");
            }
        }
    }
    // The description contains no other kind of list; history has two directions and a test of its own. Looking people
    // up by their ids is not a list.
    let tested: BTreeSet<&str> = tested.iter().map(|(id, ..)| *id).collect();
    for (_, path, operation) in app.contract().operations() {
        let id = operation["operationId"].as_str().unwrap();
        let schema = &operation["responses"]["200"]["content"]["application/json"]["schema"];
        let schema = schema["$ref"].as_str().map_or(schema, |reference| {
            app.contract().document.pointer(reference.trim_start_matches('#')).unwrap()
        });
        if schema["properties"]["items"].is_null() || id == "list_users" {
            continue;
        }
        let takes = |name: &str| {
            operation["parameters"].as_array().into_iter().flatten().any(|one| one["name"] == name)
        };
        assert!(takes("after") && takes("limit") && !schema["properties"]["next"].is_null(), "{id}");
        assert!(tested.contains(id) || id == "list_messages", "{id} at {path} is not tested");
    }
}

async fn lists_go_on_where_something_ended(app: App) {
    let ada = app.person("ada").await;
    let tokens = "/api/v1/account/tokens";
    let mut all = Vec::new();
    for number in 0..6 {
        all.push(make_token(&ada, tokens, &number.to_string()).await);
    }
    let listed = read(&ada, tokens, 50).await;
    let names = |items: &[Value]| -> Vec<String> {
        items.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
    };
    for ended in [0, 1, 2] {
        let page = ada.get(&format!("{tokens}?limit=2")).await.expect(200);
        let last = page["items"][1]["id"].as_str().unwrap();
        let gone = if ended == 2 { last } else { page["items"][ended]["id"].as_str().unwrap() };
        ada.call(Method::DELETE, &format!("{tokens}/{gone}"), None).await.expect(204);
        let rest = ada.get(&format!("{tokens}?after={}", page["next"].as_str().unwrap())).await.expect(200);
        let seen = [page["items"].as_array().unwrap().clone(), rest["items"].as_array().unwrap().clone()];
        let seen = names(&seen.concat());
        let still = names(&listed).split_off(ended);
        for name in &still {
            let left_out =
                !seen.contains(name) && read(&ada, tokens, 50).await.iter().any(|one| one["name"] == *name);
            assert!(!left_out, "{name} is left out of {seen:?}");
        }
    }
    for wrong in ["x", "1", "1.x", "-1.5", "99999999999999999999.1"] {
        let status = ada.get(&format!("{tokens}?after={wrong}")).await.status.as_u16();
        assert!(matches!(status, 200 | 400), "{wrong}: {status}");
    }
}

async fn history_pages_both_ways(app: App) {
    let ada = app.person("ada").await;
    let room = ada.create_room("tea").await;
    for number in 0..7 {
        ada.send(room, &number.to_string()).await;
    }
    let path = format!("/api/v1/conversations/{room}/messages");
    let bodies = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap().iter();
        items.map(|item| item["body"].as_str().unwrap().to_owned()).collect()
    };
    let (mut back, mut page) = (Vec::new(), ada.get(&format!("{path}?limit=3")).await.expect(200));
    assert!(page["next"].is_null(), "nothing is newer: {page}");
    loop {
        back.splice(0..0, bodies(&page));
        assert_eq!(page["previous"].is_null(), page["older"] == false, "{page}");
        let Some(previous) = page["previous"].as_i64() else { break };
        page = ada.get(&format!("{path}?limit=3&before={previous}")).await.expect(200);
    }
    let (mut forth, mut page) = (Vec::new(), ada.get(&format!("{path}?limit=3&after=0")).await.expect(200));
    loop {
        forth.extend(bodies(&page));
        assert_eq!(page["next"].is_null(), page["newer"] == false, "{page}");
        let Some(next) = page["next"].as_i64() else { break };
        page = ada.get(&format!("{path}?limit=3&after={next}")).await.expect(200);
    }
    assert_eq!(back, ["0", "1", "2", "3", "4", "5", "6"]);
    assert_eq!(forth, back);
}
