//! Personal access tokens: creating, using, limiting and revoking them.

use parlour_client::native::fresh_cid;
use parlour_client::operations::{ListConversations, ListMembers, ListUsers, MessagesAt, calls};
use parlour_protocol::api_tokens::{Token, TokenScope};
use parlour_protocol::conversations::MarkRead;
use parlour_protocol::ids::ConversationId;
use parlour_protocol::messages::EditMessage;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::time::{DAY, MINUTE, SECOND};
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::{App, Person, Refusal, eventually, on_all_backends};

on_all_backends!(
    a_token_is_made_shown_once_and_revoked,
    its_use_is_noted_now_and_then,
    a_token_reads_or_writes,
    a_limited_token_knows_its_conversations_only,
    tokens_of_others_and_made_up_ones,
    tokens_end_with_their_time_and_their_account,
    an_administrators_token_has_no_rights_over_others_rooms,
    fifty_and_no_more,
    tokens_are_noted_and_exported,
    guessing_is_bounded with |config| config.auth_per_minute = 1,
);

const TOKENS: &str = "/api/v1/account/tokens";
const PASSWORD: &str = "correct horse battery";

async fn list(person: &Person) -> Vec<Token> {
    let page = person.get(TOKENS).await.expect(200);
    serde_json::from_value(page["items"].clone()).unwrap()
}

/// A program with a new token, and the token's path.
async fn program(person: &Person, request: Value) -> (Person, String) {
    let made = person.create_token(TOKENS, request).await;
    (person.with_token(&made.secret), format!("{TOKENS}/{}", made.token.id))
}

fn named(scope: &str) -> Value {
    json!({"name": "weather report", "scopes": [scope]})
}

async fn is_refused(program: &Person) {
    program.api.show_account().await.refused(ErrorCode::Unauthenticated);
    program.elsewhere().api.show_account().await.refused(ErrorCode::Unauthenticated);
}

async fn a_token_is_made_shown_once_and_revoked(app: App) {
    let ada = app.person("ada").await;
    let room = ada.create_room("tea").await;
    let request = |change: Value| {
        let mut request = json!({"name": "weather report", "scopes": ["write"], "password": PASSWORD});
        request.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        Some(request)
    };
    ada.call(Method::POST, TOKENS, request(json!({"password": "wrong horse"})))
        .await
        .refused(ErrorCode::BadCredentials);
    let many: Vec<ConversationId> = (1..=101).map(ConversationId).collect();
    for wrong in [
        json!({"name": ""}),
        json!({"name": "x".repeat(41)}),
        json!({"scopes": []}),
        json!({"conversations": []}),
        json!({"conversations": many}),
        json!({"days": 0}),
        json!({"days": 3651}),
    ] {
        ada.call(Method::POST, TOKENS, request(wrong)).await.refused(ErrorCode::Invalid);
    }
    for wrong in [json!({"scopes": ["admin"]}), json!({"scope": "write"}), json!({"conversations": ["x"]})] {
        ada.call(Method::POST, TOKENS, request(wrong)).await.refused(ErrorCode::Malformed);
    }
    app.call(Method::POST, TOKENS, request(json!({}))).await.refused(ErrorCode::Unauthenticated);
    assert!(list(&ada).await.is_empty());

    let made =
        ada.create_token(TOKENS, json!({"name": "weather report", "scopes": ["write"], "days": 30})).await;
    assert!(made.secret.starts_with(&format!("plt_{}_", made.token.id)), "{}", made.secret);
    assert_eq!(made.secret.rsplit_once('_').map(|_| made.secret.len() > 60), Some(true));
    assert_eq!(made.token.scopes, [TokenScope::Read, TokenScope::Write]);
    assert_eq!(made.token.expires_at.map(|at| at.0), Some(app.now().0 + 30 * DAY));
    assert_eq!((made.token.last_used_at, &made.token.conversations), (None, &None));
    let listed = ada.get(TOKENS).await;
    assert_eq!(list(&ada).await, std::slice::from_ref(&made.token));
    assert!(!listed.text.contains("plt_") && !listed.text.contains("secret"));

    // It is not a log-in: it is not listed among them, and ending log-ins one by one does not end it.
    assert_eq!(ada.api.every(calls::list_sessions).await.unwrap().items.len(), 1);
    let as_session = format!("/api/v1/sessions/{}", made.token.id);
    ada.call(Method::DELETE, &as_session, None).await.refused(ErrorCode::NotFound);
    let program = ada.with_token(&made.secret);
    assert_eq!(program.api.show_account().await.unwrap().id, ada.id);
    let seq = program.elsewhere().send(room, "rain").await;
    assert_eq!(
        program.api.list_messages(room, &MessagesAt::Newest.limit(50)).await.unwrap().items[0].seq,
        seq
    );

    let own = format!("{TOKENS}/{}", made.token.id);
    ada.call(Method::DELETE, &own, None).await.expect(204);
    program.api.show_account().await.refused(ErrorCode::Unauthenticated);
    eventually("every node refuses it", || async { program.elsewhere().api.show_account().await.is_err() })
        .await;
    is_refused(&program).await;
    assert!(list(&ada).await.is_empty());
    ada.call(Method::DELETE, &own, None).await.refused(ErrorCode::NotFound);
}

async fn its_use_is_noted_now_and_then(app: App) {
    let ada = app.person("ada").await;
    let (program, _) = program(&ada, named("read")).await;
    let ada = &ada;
    let noted = |at| move || async move { list(ada).await[0].last_used_at == Some(at) };
    let first = app.now();
    program.api.show_account().await.unwrap();
    eventually("the first use is noted", noted(first)).await;
    app.advance(40 * SECOND);
    program.api.show_account().await.unwrap();
    app.advance(10 * SECOND);
    program.elsewhere().api.show_account().await.unwrap();
    assert!(noted(first)().await, "within the minute nothing is written");
    app.advance(MINUTE);
    let later = app.now();
    program.api.show_account().await.unwrap();
    eventually("a later use is noted", noted(later)).await;
}

async fn a_token_reads_or_writes(app: App) {
    let (ada, bob) = app.friends("ada", "bob").await;
    let room = ada.create_room("tea").await;
    let (reader, _) = program(&ada, named("read")).await;
    let (writer, _) = program(&ada, named("write")).await;
    for program in [&reader, &writer] {
        program.api.every(calls::list_conversations).await.unwrap();
        program.api.show_conversation(room).await.unwrap();
        program.api.every(calls::list_friends).await.unwrap();
        program.api.show_user("bob").await.unwrap();
        program.get("/api/v1/notifications").await.expect(200);
    }
    let path = format!("/api/v1/conversations/{room}/messages/{}", fresh_cid());
    let denied = reader.call(Method::PUT, &path, Some(json!({"body": "rain"}))).await;
    denied.refused(ErrorCode::InsufficientScope);
    assert_eq!(denied.header("www-authenticate"), "Bearer error=\"insufficient_scope\"");
    reader.api.mark_read(room, &MarkRead { seq: 1 }).await.refused(ErrorCode::InsufficientScope);
    reader.api.open_direct(bob.id).await.refused(ErrorCode::InsufficientScope);
    let seq = writer.send(room, "rain").await;
    writer.api.edit_message(room, seq, &EditMessage { body: "snow".into() }).await.unwrap();
    writer.api.add_reaction(room, seq, "👍").await.unwrap();
    writer.api.delete_message(room, seq).await.unwrap();
    writer.create_room("coffee").await;
    writer.api.open_direct(bob.id).await.unwrap();
    // No token may manage the account.
    for (method, path, body) in [
        (Method::PATCH, "/api/v1/account", json!({"bio": "mine"})),
        (Method::GET, "/api/v1/sessions", Value::Null),
        (Method::DELETE, "/api/v1/sessions/current", Value::Null),
        (Method::GET, TOKENS, Value::Null),
        (Method::POST, TOKENS, json!({"name": "x", "scopes": ["write"], "password": PASSWORD})),
        (Method::POST, "/api/v1/bots", json!({"handle": "robot"})),
        (Method::POST, "/api/v1/account/export", json!({"password": PASSWORD})),
        (Method::DELETE, "/api/v1/account", json!({"password": PASSWORD})),
    ] {
        let body = Some(body).filter(|body| !body.is_null());
        writer.call(method, path, body).await.refused(ErrorCode::InsufficientScope);
    }
}

async fn a_limited_token_knows_its_conversations_only(app: App) {
    let (ada, bob) = app.friends("ada", "bob").await;
    let (tea, coffee) = (ada.create_room("tea").await, ada.create_room("coffee").await);
    let direct = ada.direct(&bob).await;
    ada.send(coffee, "black").await;
    let limited = json!({"name": "tea", "scopes": ["write"], "conversations": [tea, direct]});
    let (program, _) = program(&ada, limited).await;
    assert_eq!(list(&ada).await[0].conversations.as_ref().map(Vec::len), Some(2));

    let listed: Vec<ConversationId> =
        program.api.every(calls::list_conversations).await.unwrap().items.iter().map(|one| one.id).collect();
    assert_eq!(listed.len(), 2);
    assert!(listed.contains(&tea) && listed.contains(&direct), "{listed:?}");
    let some = ListConversations::of(&[coffee, tea]);
    let some = program.api.list_conversations(&some).await.unwrap().items;
    assert_eq!(some.iter().map(|one| one.id).collect::<Vec<_>>(), [tea], "asking for others changes nothing");
    let first = program.get("/api/v1/conversations?limit=1").await.expect(200);
    let next = first["next"].as_str().expect("a second page");
    let second = program.get(&format!("/api/v1/conversations?limit=1&after={next}")).await.expect(200);
    assert_ne!(first["items"][0]["id"], second["items"][0]["id"]);
    assert_eq!((second["items"].as_array().unwrap().len(), second.get("next")), (1, None));

    let seq = program.send(tea, "green").await;
    program.send(direct, "hi").await;
    program.api.show_room(tea).await.unwrap();
    program.api.list_members(tea, &ListMembers { prefix: None, after: None, limit: Some(50) }).await.unwrap();
    program.api.show_account().await.unwrap();
    program.api.list_users(&ListUsers::of(&[bob.id])).await.unwrap();
    program.api.add_reaction(tea, seq, "👍").await.unwrap();
    // Conversations that it does not cover are refused alike, whether they exist or not.
    for elsewhere in [coffee, ConversationId(7)] {
        let path = format!("/api/v1/conversations/{elsewhere}");
        program.api.show_conversation(elsewhere).await.refused(ErrorCode::InsufficientScope);
        program.get(&format!("{path}/messages")).await.refused(ErrorCode::InsufficientScope);
        program.get(&format!("{path}/events")).await.refused(ErrorCode::InsufficientScope);
        let message = Some(json!({"body": "white"}));
        let send = format!("{path}/messages/{}", fresh_cid());
        program.call(Method::PUT, &send, message).await.refused(ErrorCode::InsufficientScope);
        program.api.join_room(elsewhere).await.refused(ErrorCode::InsufficientScope);
        program.api.show_room(elsewhere).await.refused(ErrorCode::InsufficientScope);
    }
    for path in ["rooms", "friends", "notifications", "users/bob", "blocks", "friend-requests"] {
        program.get(&format!("/api/v1/{path}")).await.refused(ErrorCode::InsufficientScope);
    }
    program.api.open_direct(bob.id).await.refused(ErrorCode::InsufficientScope);
    let room = Some(json!({"name": "cocoa"}));
    program.call(Method::POST, "/api/v1/rooms", room).await.refused(ErrorCode::InsufficientScope);

    // The limit says where the token may be used, not that its person is a member.
    program.api.leave_room(tea).await.unwrap();
    program.api.show_conversation(tea).await.refused(ErrorCode::NotMember);
    program.join(tea).await;
}

async fn tokens_of_others_and_made_up_ones(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let (hers, his) =
        (ada.create_token(TOKENS, named("write")).await, bob.create_token(TOKENS, named("write")).await);
    bob.call(Method::DELETE, &format!("{TOKENS}/{}", hers.token.id), None).await.refused(ErrorCode::NotFound);
    let session = format!("{TOKENS}/{}", bob.session);
    bob.call(Method::DELETE, &session, None).await.refused(ErrorCode::NotFound);
    let secret = |text: &str| text.splitn(3, '_').nth(2).unwrap().to_owned();
    let (own, others) = (secret(&hers.secret), secret(&his.secret));
    let id = hers.token.id;
    let mut turned = own.clone().into_bytes();
    turned[0] = if turned[0] == b'A' { b'B' } else { b'A' };
    let turned = String::from_utf8(turned).unwrap();
    for forged in [
        format!("plt_{id}_{others}"),
        format!("plt_{id}_{turned}"),
        format!("plt_{}_{own}", bob.session),
        format!("plt_{}_{own}", ada.session),
        format!("plt_{id}_{}", "A".repeat(43)),
        format!("plt_0{id}_{own}"),
        format!("plt_{id}_{own}A"),
        format!("plt_{id}.{own}"),
        format!("{id}.{own}"),
        "plt_1_".to_owned(),
        "plt_".to_owned(),
        format!("plt_{}", "9".repeat(2000)),
    ] {
        ada.with_token(&forged).api.show_account().await.refused(ErrorCode::Unauthenticated);
    }
    // A token can never be traded for a log-in, in whichever form it is hashed.
    for text in [format!("{id}.{own}"), hers.secret.clone()] {
        let body = Some(json!({ "refresh_token": text }));
        app.call(Method::POST, "/api/v1/sessions/refresh", body).await.refused(ErrorCode::Unauthenticated);
    }
    assert_eq!(ada.with_token(&hers.secret).api.show_account().await.unwrap().id, ada.id);
    assert_eq!(list(&bob).await.len(), 1);
}

async fn tokens_end_with_their_time_and_their_account(app: App) {
    let root = app.admin("root").await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let (eve, fay) = (app.person("eve").await, app.person("fay").await);
    let (a_day, _) = program(&ada, json!({"name": "a day", "scopes": ["read"], "days": 1})).await;
    let (until, _) = program(&ada, named("read")).await;
    let (of_bob, _) = program(&bob, named("read")).await;
    let (of_eve, _) = program(&eve, named("read")).await;
    let (of_fay, _) = program(&fay, named("read")).await;
    for program in [&a_day, &until, &of_bob, &of_eve, &of_fay] {
        program.api.show_account().await.unwrap();
        program.elsewhere().api.show_account().await.unwrap();
    }
    // At once on the node that ends them; the other one is notified.
    root.api.suspend_user(bob.id).await.unwrap();
    let change = Some(json!({"current": PASSWORD, "new": "correct horse stable"}));
    eve.call(Method::PUT, "/api/v1/account/password", change).await.expect(204);
    fay.call(Method::DELETE, "/api/v1/account", Some(json!({"password": PASSWORD}))).await.expect(200);
    for program in [&of_bob, &of_eve, &of_fay] {
        eventually("it has ended everywhere", || async {
            program.api.show_account().await.is_err() && program.elsewhere().api.show_account().await.is_err()
        })
        .await;
        is_refused(program).await;
    }
    root.api.reinstate_user(bob.id).await.unwrap();
    is_refused(&of_bob).await;
    app.advance(DAY - 1);
    ada.api.refresh().await.unwrap();
    a_day.api.show_account().await.unwrap();
    app.advance(1);
    is_refused(&a_day).await;
    until.api.show_account().await.unwrap();
    assert_eq!(list(&ada).await.len(), 1);
    // A token stays valid where a log-in that is not refreshed ends.
    app.advance(400 * DAY);
    until.elsewhere().api.show_account().await.unwrap();
}

async fn an_administrators_token_has_no_rights_over_others_rooms(app: App) {
    let (root, ada) = (app.admin("root").await, app.person("ada").await);
    let room = ada.create_room("tea").await;
    let seq = ada.send(room, "mine").await;
    let (program, _) = program(&root, named("write")).await;
    program.api.delete_message(room, seq).await.refused(ErrorCode::NotMember);
    program.api.delete_room(room).await.refused(ErrorCode::NotMember);
    program.join(room).await;
    program.api.delete_message(room, seq).await.refused(ErrorCode::Forbidden);
    program.api.delete_room(room).await.refused(ErrorCode::Forbidden);
    program.get("/api/v1/admin/users").await.refused(ErrorCode::InsufficientScope);
    root.api.delete_message(room, seq).await.unwrap();
}

async fn fifty_and_no_more(app: App) {
    let ada = app.person("ada").await;
    let mut last = String::new();
    for _ in 0..50 {
        last = program(&ada, named("read")).await.1;
    }
    let one_more = || Some(json!({"name": "x", "scopes": ["read"], "password": PASSWORD}));
    ada.call(Method::POST, TOKENS, one_more()).await.refused(ErrorCode::LimitReached);
    ada.call(Method::DELETE, &last, None).await.expect(204);
    ada.call(Method::POST, TOKENS, one_more()).await.expect(201);
    assert_eq!(list(&ada).await.len(), 50);
}

async fn tokens_are_noted_and_exported(app: App) {
    let (root, ada) = (app.admin("root").await, app.person("ada").await);
    let made = ada.create_token(TOKENS, named("read")).await;
    let (_, revoked) = program(&ada, named("write")).await;
    ada.call(Method::DELETE, &revoked, None).await.expect(204);
    let audit = root.get("/api/v1/admin/audit?limit=100").await;
    let lines = audit.expect(200);
    let of = |kind: &str| {
        let items = lines["items"].as_array().unwrap().iter();
        items.filter(|line| line["kind"] == kind && line["actor"] == ada.id.to_string()).count()
    };
    assert_eq!((of("token_created"), of("token_revoked")), (2, 1));
    let secret = made.secret.splitn(3, '_').nth(2).unwrap();
    assert!(!audit.text.contains(secret) && !audit.text.contains("weather"));
    let export = ada.call(Method::POST, "/api/v1/account/export", Some(json!({"password": PASSWORD}))).await;
    assert_eq!(export.status, 200);
    let tokens: Value = export
        .text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .find(|line| line["kind"] == "tokens")
        .unwrap();
    assert_eq!(tokens["data"].as_array().unwrap().len(), 1);
    assert_eq!(tokens["data"][0]["name"], "weather report");
    assert!(!export.text.contains(secret));
}

async fn guessing_is_bounded(app: App) {
    let ada = app.person("ada").await;
    let made = ada.create_token(TOKENS, named("read")).await;
    let program = ada.with_token(&made.secret);
    let mut refused = 0;
    for number in 1..=30 {
        let guess = format!("plt_{number}_{}", "A".repeat(43));
        let reply = ada.with_token(&guess).get("/api/v1/account").await;
        refused += usize::from(reply.status == 429);
    }
    assert!(refused > 5, "{refused}");
    // A valid token still works.
    ada.api.show_account().await.unwrap();
    app.advance(MINUTE);
    program.api.show_account().await.unwrap();
    for number in 1..=30 {
        let guess = format!("plt_{number}_{}", "A".repeat(43));
        ada.with_token(&guess).get("/api/v1/account").await;
    }
    program.api.show_account().await.unwrap();
}
