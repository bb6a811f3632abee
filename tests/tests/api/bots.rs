//! Bots: who creates them, how they are shown, and how they end.

use parlour_client::native::fresh_cid;
use parlour_client::operations::{ListMembers, ListNamed, ListUsers, MessagesAt, calls};
use parlour_protocol::bots::Bot;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::time::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::{App, Person, Refusal, eventually, on_all_backends};

on_all_backends!(
    a_bot_is_made_and_shows_as_one,
    nobody_logs_in_to_a_bot,
    bots_are_their_owners_alone,
    five_and_no_more,
    a_bot_stops_with_its_owner,
    a_deleted_bot_is_gone,
    bots_go_with_their_owner,
    a_bot_has_limits_of_its_own with |config| config.sends_per_second = 1,
);

const BOTS: &str = "/api/v1/bots";
const PASSWORD: &str = "correct horse battery";

async fn list(person: &Person) -> Vec<Bot> {
    let page = person.get(BOTS).await.expect(200);
    serde_json::from_value(page["items"].clone()).unwrap()
}

fn password() -> Option<Value> {
    Some(json!({ "password": PASSWORD }))
}

async fn a_bot_is_made_and_shows_as_one(app: App) {
    let (root, ada, bob) = (app.admin("root").await, app.person("ada").await, app.person("bob").await);
    let make = |body: Value| ada.call(Method::POST, BOTS, Some(body));
    make(json!({"handle": "1st"})).await.refused(ErrorCode::Invalid);
    make(json!({"handle": "weather", "display_name": " "})).await.refused(ErrorCode::Invalid);
    make(json!({"handle": "Bob"})).await.refused(ErrorCode::Taken);
    make(json!({"handle": "weather", "password": PASSWORD})).await.refused(ErrorCode::Malformed);
    app.call(Method::POST, BOTS, Some(json!({"handle": "weather"})))
        .await
        .refused(ErrorCode::Unauthenticated);
    let made = make(json!({"handle": "Named", "display_name": "A name"})).await.expect(201);
    assert_eq!((&made["user"]["display_name"], &made["user"]["bot"]), (&json!("A name"), &json!(true)));
    assert_eq!(made["owner"], json!(ada.id));

    let bot = ada.create_bot("weather").await;
    let mut bots = list(&ada).await;
    // The clock stands still: both have the same age.
    bots.sort_by_key(|bot| bot.user.handle.clone());
    assert_eq!(bots.iter().map(|bot| bot.user.handle.as_str()).collect::<Vec<_>>(), ["Named", "weather"]);
    assert_eq!((bots[1].user.id, bots[1].owner), (bot.id, ada.id));
    assert!(list(&bob).await.is_empty());

    let room = bob.create_room("tea").await;
    bot.join(room).await;
    bot.send(room, "rain").await;
    assert_eq!(bot.api.show_account().await.unwrap().id, bot.id);
    let members = bob
        .api
        .list_members(room, &ListMembers { prefix: None, after: None, limit: Some(50) })
        .await
        .unwrap()
        .items;
    assert_eq!(members.len(), 2);
    assert!(members.iter().all(|member| member.user.bot == (member.user.id == bot.id)), "{members:?}");
    let page = bob.get(&format!("/api/v1/conversations/{room}/messages?authors=true")).await.expect(200);
    assert_eq!((&page["authors"][0]["id"], &page["authors"][0]["bot"]), (&json!(bot.id), &json!(true)));
    assert!(bob.api.list_users(&ListUsers::of(&[bot.id])).await.unwrap().items[0].bot);
    bob.befriend(&bot).await;
    assert!(bob.api.every(calls::list_friends).await.unwrap().items[0].user.bot);
    let direct = bob.direct(&bot).await;
    assert!(bob.api.show_conversation(direct).await.unwrap().peer.unwrap().bot);

    // Only the owner and administrators see whose bot it is.
    for (who, owner) in [(&ada, Some(ada.id)), (&root, Some(ada.id)), (&bob, None), (&bot, None)] {
        let profile = who.api.show_user("weather").await.unwrap();
        assert_eq!((profile.user.bot, profile.owner), (true, owner), "{}", who.handle);
    }
    assert_eq!(ada.api.show_user("bob").await.unwrap().owner, None);
    let listed = root
        .api
        .list_admin_users(&ListNamed { search: Some("weather".into()), after: None, limit: Some(50) })
        .await
        .unwrap();
    assert_eq!(listed.items[0].owner, Some(ada.id));
    let audit = root.get("/api/v1/admin/audit?kind=bot_created").await.expect(200);
    let line = &audit["items"][0];
    assert_eq!((&line["actor"], &line["subject"]), (&json!(ada.id), &json!(bot.id)));
    let export = ada.call(Method::POST, "/api/v1/account/export", password()).await;
    assert!(export.text.contains("\"kind\":\"bots\"") && export.text.contains("weather"));
}

async fn nobody_logs_in_to_a_bot(app: App) {
    let (root, ada) = (app.admin("root").await, app.person("ada").await);
    let bot = ada.create_bot("weather").await;
    for (guess, code) in [("", ErrorCode::BadCredentials), (PASSWORD, ErrorCode::BadCredentials)] {
        let log_in = Some(json!({"handle": "weather", "password": guess}));
        app.call(Method::POST, "/api/v1/sessions", log_in).await.refused(code);
    }
    let reset = format!("/api/v1/admin/users/{}/password-reset", bot.id);
    root.call(Method::POST, &reset, None).await.refused(ErrorCode::Conflict);
    let promoted =
        parlour_chat::admin::promote(&mut app.database().connect(), Timestamp(app.now().0), "weather");
    assert!(promoted.is_err());
    // Nor can it manage itself, or create others.
    let scope = ErrorCode::InsufficientScope;
    bot.call(Method::PATCH, "/api/v1/account", Some(json!({"bio": "mine"}))).await.refused(scope);
    bot.call(Method::DELETE, "/api/v1/account", Some(json!({"password": ""}))).await.refused(scope);
    bot.call(Method::POST, BOTS, Some(json!({"handle": "second"}))).await.refused(scope);
    let token = Some(json!({"name": "x", "scopes": ["read"], "password": ""}));
    bot.call(Method::POST, "/api/v1/account/tokens", token).await.refused(scope);
}

async fn bots_are_their_owners_alone(app: App) {
    let (root, ada, bob) = (app.admin("root").await, app.person("ada").await, app.person("bob").await);
    let bot = ada.create_bot("weather").await;
    let his = bob.create_bot("robot").await;
    let (own, tokens) = (format!("{BOTS}/{}", bot.id), format!("{BOTS}/{}/tokens", bot.id));
    let request = |secret: &str| Some(json!({"name": "x", "scopes": ["read"], "password": secret}));
    let listed = ada.get(&tokens).await.expect(200);
    let token = listed["items"][0]["id"].as_str().unwrap().to_owned();
    for other in [&bob, &root] {
        other.get(&tokens).await.refused(ErrorCode::NotFound);
        other.call(Method::POST, &tokens, request(PASSWORD)).await.refused(ErrorCode::NotFound);
        other.call(Method::DELETE, &format!("{tokens}/{token}"), None).await.refused(ErrorCode::NotFound);
        other.call(Method::DELETE, &own, password()).await.refused(ErrorCode::NotFound);
    }
    // Not through one's own bot or account either.
    let crossed = format!("{BOTS}/{}/tokens/{token}", his.id);
    bob.call(Method::DELETE, &crossed, None).await.refused(ErrorCode::NotFound);
    let as_own = format!("/api/v1/account/tokens/{token}");
    ada.call(Method::DELETE, &as_own, None).await.refused(ErrorCode::NotFound);
    // A person is not a bot.
    let of_person = format!("{BOTS}/{}", bob.id);
    ada.call(Method::DELETE, &of_person, password()).await.refused(ErrorCode::NotFound);
    bob.call(Method::DELETE, &of_person, password()).await.refused(ErrorCode::NotFound);
    ada.call(Method::POST, &tokens, request("wrong horse")).await.refused(ErrorCode::BadCredentials);
    bot.api.show_account().await.unwrap();
    ada.call(Method::DELETE, &format!("{tokens}/{token}"), None).await.expect(204);
    bot.api.show_account().await.refused(ErrorCode::Unauthenticated);
    assert_eq!(ada.get(&tokens).await.expect(200)["items"], json!([]));
}

async fn five_and_no_more(app: App) {
    let ada = app.person("ada").await;
    for number in 0..5 {
        ada.create_bot(&format!("bot_{number}")).await;
    }
    let sixth = || Some(json!({"handle": "bot_5"}));
    ada.call(Method::POST, BOTS, sixth()).await.refused(ErrorCode::LimitReached);
    let first = list(&ada).await[0].user.id;
    ada.call(Method::DELETE, &format!("{BOTS}/{first}"), password()).await.expect(200);
    ada.call(Method::POST, BOTS, sixth()).await.expect(201);
    assert_eq!(list(&ada).await.len(), 5);
}

async fn a_bot_stops_with_its_owner(app: App) {
    let (root, ada) = (app.admin("root").await, app.person("ada").await);
    let bot = ada.create_bot("weather").await;
    let mut socket = bot.elsewhere().socket().await;
    root.api.suspend_user(ada.id).await.unwrap();
    socket.expect_close(4502).await;
    eventually("the bot has stopped everywhere", || async {
        bot.api.show_account().await.is_err() && bot.elsewhere().api.show_account().await.is_err()
    })
    .await;
    bot.api.show_account().await.refused(ErrorCode::Unauthenticated);
    root.api.reinstate_user(ada.id).await.unwrap();
    bot.api.show_account().await.refused(ErrorCode::Unauthenticated);
    // Its owner makes a new token for it.
    let ada = ada.other_device().await;
    let tokens = format!("{BOTS}/{}/tokens", bot.id);
    let token = ada.create_token(&tokens, json!({"name": "again", "scopes": ["read"]})).await;
    bot.with_token(&token.secret).api.show_account().await.unwrap();
    // A bot is suspended like anyone, without its owner.
    root.api.suspend_user(bot.id).await.unwrap();
    eventually("the bot is suspended everywhere", || async {
        bot.with_token(&token.secret).api.show_account().await.is_err()
    })
    .await;
    ada.api.show_account().await.unwrap();
}

async fn a_deleted_bot_is_gone(app: App) {
    let (root, ada) = (app.admin("root").await, app.person("ada").await);
    let room = ada.create_room("tea").await;
    let bot = ada.create_bot("weather").await;
    bot.join(room).await;
    let seq = bot.send(room, "rain").await;
    let own = format!("{BOTS}/{}", bot.id);
    let wrong = Some(json!({"password": "wrong horse"}));
    ada.call(Method::DELETE, &own, wrong).await.refused(ErrorCode::BadCredentials);
    let receipt = ada.call(Method::DELETE, &own, password()).await.expect(200);
    assert_eq!((&receipt["account"], &receipt["erased"]["messages"]), (&json!(bot.id), &json!(1)));
    eventually("it is refused everywhere", || async {
        bot.api.show_account().await.is_err() && bot.elsewhere().api.show_account().await.is_err()
    })
    .await;
    assert!(list(&ada).await.is_empty());
    ada.call(Method::DELETE, &own, password()).await.refused(ErrorCode::NotFound);
    let page = ada.api.list_messages(room, &MessagesAt::Newest.limit(50)).await.unwrap();
    let message = page.items.iter().find(|message| message.seq == seq).unwrap();
    assert_eq!((&message.body, message.author), (&None, bot.id));
    assert_eq!(
        ada.api.list_users(&ListUsers::of(&[bot.id])).await.unwrap().items[0].display_name,
        "Deleted user"
    );
    app.person("weather").await;
    let audit = root.get("/api/v1/admin/audit?kind=bot_deleted").await.expect(200);
    assert_eq!(audit["items"][0]["subject"], json!(bot.id));
}

async fn bots_go_with_their_owner(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = bob.create_room("tea").await;
    let bot = ada.create_bot("weather").await;
    bot.join(room).await;
    bot.send(room, "rain").await;
    ada.join(room).await;
    ada.send(room, "fine").await;
    let receipt = ada.call(Method::DELETE, "/api/v1/account", password()).await.expect(200);
    assert_eq!((&receipt["erased"]["bots"], &receipt["erased"]["messages"]), (&json!(1), &json!(2)));
    eventually("it is refused everywhere", || async {
        bot.api.show_account().await.is_err() && bot.elsewhere().api.show_account().await.is_err()
    })
    .await;
    let events = bob.get(&format!("/api/v1/conversations/{room}/events")).await;
    assert!(!events.text.contains("rain") && !events.text.contains("fine"));
    assert_eq!(
        bob.api
            .list_members(room, &ListMembers { prefix: None, after: None, limit: Some(50) })
            .await
            .unwrap()
            .items
            .len(),
        1
    );
    app.person("weather").await;
}

async fn a_bot_has_limits_of_its_own(app: App) {
    let ada = app.person("ada").await;
    let room = ada.create_room("tea").await;
    let bot = ada.create_bot("weather").await;
    bot.join(room).await;
    bot.send(room, "rain").await;
    bot.send(room, "snow").await;
    let path = format!("/api/v1/conversations/{room}/messages/{}", fresh_cid());
    bot.call(Method::PUT, &path, Some(json!({"body": "hail"}))).await.refused(ErrorCode::RateLimited);
    ada.send(room, "fine").await;
}
