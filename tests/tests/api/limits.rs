//! What one person or one network can do to others: as little as `docs/budgets.md` says.

use parlour_client::operations::MessagesAt;
use parlour_protocol::conversations::MarkRead;
use parlour_protocol::events::Ephemeral;
use parlour_protocol::friends::CreateFriendRequest;
use parlour_protocol::ids::Seq;
use parlour_protocol::messages::EditMessage;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::rooms::CreateRoom;
use parlour_protocol::socket::{ClientFrame, CloseCode};
use parlour_protocol::time::{DAY, SECOND};
use reqwest::Method;
use serde_json::json;
use system_tests::{App, Backend, Refusal, on_all_backends};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

on_all_backends!(
    everything_that_changes_shares_one_budget with |config| {
        config.sends_per_second = 1;
        config.changes_per_second = 2;
    },
    everything_that_reads_shares_one_budget with |config| {
        config.sends_per_second = 1;
        config.reads_per_second = 2;
    },
    edits_and_reactions_count_as_messages with |config| config.sends_per_second = 1,
    rooms_are_few,
    a_refused_message_moves_nothing,
    numbers_tell_nothing_about_presence,
    handles_are_not_tried_out,
    strangers_fill_no_list,
    typing_is_one_clock_for_each_person,
    long_pages_are_cut,
    lists_come_in_pages,
    a_made_up_token_ends_no_session,
    sockets_end_with_their_sessions,
    deleted_text_leaves_the_files,
    what_the_dispatcher_says_is_like_every_answer,
    bodies_of_strangers_are_small,
);

const TOO_FAST: ErrorCode = ErrorCode::RateLimited;

async fn everything_that_changes_shares_one_budget(app: App) {
    let (ada, bob) = (app.person("ada").await.at_node(0), app.person("bob").await.at_node(0));
    let room = ada.create_room("tea").await;
    // Six at once, two a second; one is used up.
    for topic in ["a", "b", "c"] {
        ada.call(Method::PATCH, &format!("/api/v1/rooms/{room}"), Some(json!({"topic": topic})))
            .await
            .expect(200);
    }
    ada.api.mark_read(room, &MarkRead { seq: 1 }).await.unwrap();
    let mut socket = ada.socket_on(&[room]).await;
    socket.command(|id| ClientFrame::Delete { id, conversation: room, seq: 1 }).await.unwrap_err();
    let refused =
        socket.command(|id| ClientFrame::Delete { id, conversation: room, seq: 1 }).await.unwrap_err();
    assert_eq!((refused.code, refused.retry), (TOO_FAST, true));
    assert!(refused.retry_after_ms.is_some_and(|wait| wait <= 500));
    ada.call(Method::PATCH, "/api/v1/account/privacy", Some(json!({}))).await.refused(TOO_FAST);
    ada.call(Method::PUT, &format!("/api/v1/rooms/{room}/membership"), None).await.refused(TOO_FAST);
    let read = ada.get("/api/v1/account").await;
    assert!(read.header("ratelimit").starts_with("\"reads\";r="), "{}", read.header("ratelimit"));
    // Other people, and reading, have budgets of their own.
    bob.join(room).await;
    ada.api.show_account().await.unwrap();
    app.advance(SECOND);
    ada.call(Method::PATCH, "/api/v1/account/privacy", Some(json!({}))).await.expect(200);
}

async fn everything_that_reads_shares_one_budget(app: App) {
    let ada = app.person("ada").await.at_node(0);
    let room = ada.create_room("tea").await;
    let mut socket = ada.socket_on(&[room]).await;
    for _ in 0..2 {
        ada.api.show_account().await.unwrap();
        let sync = |id| ClientFrame::Sync { id, conversation: room, after: 0, limit: None };
        socket.command(sync).await.unwrap();
    }
    let refused = ada.get("/api/v1/conversations").await;
    refused.refused(TOO_FAST);
    assert!(refused.header("ratelimit").starts_with("\"reads\";r=0;t="), "{}", refused.header("ratelimit"));
    assert!(refused.header("ratelimit-policy").starts_with("\"reads\";q="));
    assert!(!refused.header("retry-after").is_empty());
    let refused =
        socket.command(|id| ClientFrame::Sync { id, conversation: room, after: 0, limit: None }).await;
    assert_eq!(refused.unwrap_err().code, TOO_FAST);
    ada.send(room, "writing goes on").await;
}

async fn edits_and_reactions_count_as_messages(app: App) {
    let ada = app.person("ada").await.at_node(0);
    let room = ada.create_room("tea").await;
    let seq = ada.send(room, "hi").await;
    ada.api.edit_message(room, seq, &EditMessage { body: "ho".into() }).await.unwrap();
    ada.api.edit_message(room, seq, &EditMessage { body: "hu".into() }).await.refused(TOO_FAST);
    ada.api.add_reaction(room, seq, "👍").await.refused(TOO_FAST);
    let mut socket = ada.socket_on(&[room]).await;
    let edit = |id| ClientFrame::Edit { id, conversation: room, seq, body: "hu".into() };
    assert_eq!(socket.command(edit).await.unwrap_err().code, TOO_FAST);
    app.advance(2 * SECOND);
    ada.api.add_reaction(room, seq, "👍").await.unwrap();
    socket.command(edit).await.unwrap();
    assert_eq!(socket.send(room, "one-more-id", "hi").await.unwrap_err().code, TOO_FAST);
}

async fn rooms_are_few(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let create = async |number: u32| {
        let room = CreateRoom { name: format!("room {number}"), topic: String::new() };
        ada.api.create_room(&room).await
    };
    for number in 0..20 {
        create(number).await.unwrap();
    }
    create(20).await.refused(TOO_FAST);
    // A room without members is in no list, and its name is free.
    let listed = bob.get("/api/v1/rooms?search=room%207").await.expect(200);
    let room = listed["items"][0]["id"].as_str().unwrap().to_owned();
    ada.call(Method::DELETE, &format!("/api/v1/rooms/{room}/membership"), None).await.expect(204);
    assert_eq!(bob.get("/api/v1/rooms?search=room%207").await.expect(200)["items"], json!([]));
    bob.create_room("room 7").await;
    for number in 20..51 {
        app.advance(DAY);
        ada.api.refresh().await.unwrap();
        create(number).await.unwrap();
    }
    app.advance(DAY);
    ada.api.refresh().await.unwrap();
    create(51).await.refused(ErrorCode::LimitReached);
}

async fn a_refused_message_moves_nothing(app: App) {
    let (ada, mallory) = (app.person("ada").await, app.person("mallory").await);
    let (first, second) = (ada.create_room("first").await, ada.create_room("second").await);
    ada.befriend(&mallory).await;
    let direct = ada.direct(&mallory).await;
    app.advance(3600 * SECOND);
    for person in [&ada, &mallory] {
        person.api.refresh().await.unwrap();
    }
    ada.send(second, "hi").await;
    ada.call(Method::PUT, &format!("/api/v1/blocks/{}", mallory.id), None).await.expect(200);
    let order = async || {
        let rooms = ada.get("/api/v1/rooms").await.expect(200)["items"].clone();
        let conversations = ada.get("/api/v1/conversations").await.expect(200)["items"].clone();
        (rooms, conversations)
    };
    let before = order().await;
    app.advance(600 * SECOND);
    for conversation in [first, direct] {
        let path = format!("/api/v1/conversations/{conversation}/messages/{}", "an-id-of-a-message");
        let refused = mallory.call(Method::PUT, &path, Some(json!({"body": "hi"}))).await;
        assert_eq!(refused.status, 403);
    }
    assert_eq!(order().await, before);
}

async fn numbers_tell_nothing_about_presence(app: App) {
    let (ada, mallory) = (app.person("ada").await, app.person("mallory").await);
    let (bob, room) = (app.person("bob").await, ada.create_room("tea").await);
    ada.befriend(&bob).await;
    for person in [&bob, &mallory] {
        person.join(room).await;
    }
    let seen_by = async |person: &system_tests::Person| {
        let one = person.get(&format!("/api/v1/rooms/{room}")).await.expect(200)["online_count"].clone();
        let listed = person.get("/api/v1/rooms").await.expect(200)["items"][0]["online_count"].clone();
        assert_eq!(one, listed);
        one.as_i64().unwrap()
    };
    let (before_friend, before_stranger) = (seen_by(&bob).await, seen_by(&mallory).await);
    let _socket = ada.socket().await;
    assert_eq!(seen_by(&mallory).await, before_stranger, "a stranger learns nothing");
    assert_eq!(seen_by(&bob).await, before_friend + 1, "a friend may see it");
    ada.call(Method::PATCH, "/api/v1/account/privacy", Some(json!({"presence_to": "nobody"})))
        .await
        .expect(200);
    assert_eq!(seen_by(&bob).await, before_friend, "nobody may see it");
}

async fn handles_are_not_tried_out(app: App) {
    let ada = app.person("ada").await;
    for number in 0..21 {
        app.person(&format!("person_{number}")).await;
    }
    for number in 0..20 {
        ada.api.create_friend_request(&CreateFriendRequest { to: format!("person_{number}") }).await.unwrap();
    }
    // When the day's budget is used up, the response is the same, whether the person exists or not.
    for handle in ["person_20", "nobody_here"] {
        ada.api
            .create_friend_request(&CreateFriendRequest { to: handle.to_string() })
            .await
            .refused(TOO_FAST);
    }
    let rename = async |handle: &str| {
        ada.call(Method::PATCH, "/api/v1/account", Some(json!({"handle": handle}))).await
    };
    for _ in 0..5 {
        rename("person_1").await.refused(ErrorCode::Taken);
    }
    rename("person_1").await.refused(TOO_FAST);
    rename("nobody_here").await.refused(TOO_FAST);
    // Looking up and requesting share one budget.
    let bob = app.person("bob").await.at_node(0);
    for number in 0..30 {
        if number % 2 == 0 {
            bob.api
                .create_friend_request(&CreateFriendRequest { to: "nobody_here".into() })
                .await
                .refused(ErrorCode::NotFound);
        } else {
            bob.api.show_user("nobody_here").await.refused(ErrorCode::NotFound);
        }
    }
    bob.api.show_user("ada").await.refused(TOO_FAST);
    bob.api.create_friend_request(&CreateFriendRequest { to: "ada".into() }).await.refused(TOO_FAST);
}

async fn strangers_fill_no_list(app: App) {
    let ada = app.person("ada").await;
    let mut others = Vec::new();
    for number in 0..202 {
        let other = app.person(&format!("stranger_{number}")).await;
        other.api.create_friend_request(&CreateFriendRequest { to: "ada".into() }).await.unwrap();
        others.push(other);
        app.advance(1000);
    }
    let requests = ada.get("/api/v1/friend-requests").await.expect(200);
    assert_eq!(requests["incoming"].as_array().unwrap().len(), 200);
    assert!(!requests["incoming"].to_string().contains("\"stranger_0\""), "the oldest gave way");
    // To the senders, all of the requests still look open.
    assert_eq!(
        others[0].get("/api/v1/friend-requests").await.expect(200)["outgoing"][0]["user"]["handle"],
        "ada"
    );
    // She can still send requests, and be friends with anyone.
    ada.api.create_friend_request(&CreateFriendRequest { to: "stranger_1".into() }).await.unwrap();
    others[2].api.create_friend_request(&CreateFriendRequest { to: "stranger_3".into() }).await.unwrap();
    ada.api.accept_friend_request(others[201].id).await.unwrap();
    ada.call(Method::DELETE, "/api/v1/friend-requests", None).await.expect(204);
    assert_eq!(ada.get("/api/v1/friend-requests").await.expect(200)["incoming"], json!([]));
}

async fn typing_is_one_clock_for_each_person(app: App) {
    let (ada, bob) = (app.person("ada").await.at_node(0), app.person("bob").await.at_node(0));
    let rooms = [ada.create_room("tea").await, ada.create_room("milk").await, ada.create_room("beer").await];
    for room in rooms {
        bob.join(room).await;
    }
    let mut watching = bob.socket_on(&rooms).await;
    let mut sockets = [ada.socket_on(&rooms).await, ada.socket_on(&rooms).await];
    for _ in 0..10 {
        for socket in &mut sockets {
            for conversation in rooms {
                socket.post(|_| ClientFrame::Typing { conversation }).await;
            }
        }
    }
    for socket in &mut sockets {
        socket.command(|id| ClientFrame::Ping { id }).await.unwrap();
    }
    // A message arrives after everything that was passed on before it.
    let seq = ada.send(rooms[0], "done").await;
    watching.expect_event(rooms[0], seq).await;
    let mut seen = 0;
    while let Some(ephemeral) = watching.take_ephemeral() {
        seen += usize::from(matches!(ephemeral, Ephemeral::Typing { .. }));
    }
    assert!((1..=3).contains(&seen), "{seen}");
}

async fn long_pages_are_cut(app: App) {
    let ada = app.person("ada").await.at_node(0);
    let room = ada.create_room("tea").await;
    let mut sent = Vec::new();
    for number in 0..60 {
        sent.push(ada.send(room, &format!("{number:04}{}", "🦜".repeat(3996))).await);
    }
    let size = async |path: &str| ada.get(path).await.text.len();
    let path = format!("/api/v1/conversations/{room}");
    for query in [
        "messages?limit=100",
        "messages?after=0&limit=100",
        "messages?around=30&limit=100",
        "events?limit=200",
    ] {
        let bytes = size(&format!("{path}/{query}")).await;
        assert!((100_000..600_000).contains(&bytes), "{query}: {bytes}");
    }
    // Nothing is out of reach.
    let (mut back, mut at) = (Vec::new(), MessagesAt::Newest);
    loop {
        let page = ada.api.list_messages(room, &at.limit(100)).await.unwrap();
        assert!(!page.items.is_empty());
        back.splice(0..0, page.items.iter().map(|message| message.seq));
        at = MessagesAt::Before(back[0]);
        if !page.older {
            break;
        }
    }
    assert_eq!(back, sent);
    let (mut forth, mut after): (Vec<Seq>, Seq) = (Vec::new(), 0);
    loop {
        let page = ada.api.list_messages(room, &MessagesAt::After(after).limit(100)).await.unwrap();
        forth.extend(page.items.iter().map(|message| message.seq));
        after = *forth.last().unwrap();
        if !page.newer {
            break;
        }
    }
    assert_eq!(forth, sent);
    // Also for a socket that connects after all of it.
    let mut socket = app.socket(0).await;
    let mut start = ada.start();
    start.cursors.insert(room, 1);
    let ok = socket.start(start).await.unwrap();
    let state = ok.conversations.unwrap()[&room];
    assert_eq!(format!("{:?}", state.state), "Gap", "too much to be replayed");
    let mut cursor = 1;
    while cursor < *sent.last().unwrap() {
        let sync = |id| ClientFrame::Sync { id, conversation: room, after: cursor, limit: Some(200) };
        let events = socket.command(sync).await.unwrap().events.unwrap();
        assert_eq!(events[0].seq, cursor + 1);
        cursor = events.last().unwrap().seq;
    }
}

async fn lists_come_in_pages(app: App) {
    let ada = app.person("ada").await;
    let mut rooms = Vec::new();
    for name in ["tea", "milk", "beer", "wine", "rum"] {
        rooms.push(ada.create_room(name).await.to_string());
        app.advance(SECOND);
    }
    for list in ["conversations", "friends", "blocks"] {
        ada.get(&format!("/api/v1/{list}?limit=0")).await.refused(ErrorCode::Malformed);
        ada.get(&format!("/api/v1/{list}?limit=201")).await.refused(ErrorCode::Malformed);
        ada.get(&format!("/api/v1/{list}?after=nonsense")).await.refused(ErrorCode::Malformed);
    }
    let ids_of = |value: &serde_json::Value, path: &str| -> Vec<String> {
        let items = value["items"].as_array().unwrap();
        items.iter().map(|item| item.pointer(path).unwrap().as_str().unwrap().to_owned()).collect()
    };
    let every = async |list: &str, path: &str| {
        let (mut all, mut next) = (Vec::new(), String::new());
        loop {
            let page = ada.get(&format!("/api/v1/{list}?limit=2{next}")).await.expect(200);
            let ids = ids_of(&page, path);
            assert!(ids.len() <= 2);
            all.extend(ids);
            match page["next"].as_str() {
                Some(after) => next = format!("&after={after}"),
                None => return all,
            }
        }
    };
    rooms.reverse();
    assert_eq!(every("conversations", "/id").await, rooms);
    for number in 0..5 {
        let other = app.person(&format!("person_{number}")).await;
        ada.befriend(&other).await;
        app.advance(SECOND);
        let blocked = app.person(&format!("blocked_{number}")).await;
        ada.call(Method::PUT, &format!("/api/v1/blocks/{}", blocked.id), None).await.expect(200);
    }
    for (list, name) in [("friends", "person"), ("blocks", "blocked")] {
        let expected: Vec<String> = (0..5).rev().map(|number| format!("{name}_{number}")).collect();
        assert_eq!(every(list, "/user/handle").await, expected);
    }
}

async fn a_made_up_token_ends_no_session(app: App) {
    let ada = app.person("ada").await;
    let genuine = ada.api.refresh_token().unwrap();
    let refresh = async |token: &str| {
        app.call(Method::POST, "/api/v1/sessions/refresh", Some(json!({"refresh_token": token}))).await
    };
    let (session, secret) = genuine.split_once('.').unwrap();
    let mut other = secret.to_owned();
    let first = if other.starts_with('A') { "B" } else { "A" };
    other.replace_range(0..1, first);
    for made_up in [format!("{session}.{other}"), format!("{session}.{}", "A".repeat(43))] {
        refresh(&made_up).await.refused(ErrorCode::Unauthenticated);
    }
    let second = refresh(&genuine).await.expect(200)["refresh_token"].as_str().unwrap().to_owned();
    app.advance(60 * SECOND);
    let third = refresh(&second).await.expect(200)["refresh_token"].as_str().unwrap().to_owned();
    // Reuse of a token that was issued once reveals theft, however old it is.
    app.advance(60 * SECOND);
    refresh(&genuine).await.refused(ErrorCode::Unauthenticated);
    refresh(&third).await.refused(ErrorCode::Unauthenticated);
}

async fn sockets_end_with_their_sessions(app: App) {
    let ada = app.person("ada").await;
    let (mut here, mut elsewhere) = (ada.socket().await, ada.elsewhere().socket().await);
    app.advance(31 * DAY);
    app.read_ended_sessions().await;
    for socket in [&mut here, &mut elsewhere] {
        socket.expect_close(CloseCode::SessionRevoked as u16).await;
    }
}

async fn deleted_text_leaves_the_files(app: App) {
    if app.backend() != Backend::SqliteLocal {
        return;
    }
    let ada = app.person("ada").await;
    let room = ada.create_room("tea").await;
    let secret = "a secret that was written by mistake";
    let seq = ada.send(room, secret).await;
    let is_there = || {
        ["", "-wal"].iter().any(|ending| {
            let bytes =
                std::fs::read(format!("{}{ending}", app.database().file().display())).unwrap_or_default();
            bytes.windows(secret.len()).any(|window| window == secret.as_bytes())
        })
    };
    assert!(is_there());
    ada.api.delete_message(room, seq).await.unwrap();
    app.settle().await;
    assert!(!is_there());
}

/// Writes a raw request and reads until the connection ends.
async fn by_hand(app: &App, request: &[u8]) -> String {
    let address = app.address(0);
    let mut stream = tokio::net::TcpStream::connect(address.trim_start_matches("http://")).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    let _ =
        tokio::time::timeout(system_tests::DEADLINE, stream.read_to_end(&mut answer)).await.expect("an end");
    String::from_utf8_lossy(&answer).into_owned()
}

async fn what_the_dispatcher_says_is_like_every_answer(app: App) {
    let long = format!("GET / HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "a".repeat(200_000));
    for (request, status) in [
        ("nonsense\r\n\r\n", "400"),
        ("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n", "400"),
        ("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", "400"),
        (long.as_str(), "431"),
    ] {
        let answer = by_hand(&app, request.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        for part in [
            "application/problem+json",
            "x-content-type-options: nosniff",
            "content-security-policy: default-src 'none'",
            "cache-control: no-store",
            "connection: close",
            "\"request_id\":\"",
        ] {
            assert!(answer.contains(part), "{part}: {answer}");
        }
    }
}

async fn bodies_of_strangers_are_small(app: App) {
    let ada = app.person("ada").await;
    let room = ada.create_room("tea").await;
    let handle = "x".repeat(30_000);
    let body = json!({"handle": handle, "password": "correct horse battery"});
    app.call(Method::POST, "/api/v1/sessions", Some(body)).await.refused(ErrorCode::TooLarge);
    // The longest message, in the least compact JSON encoding, is accepted from somebody known.
    let text = "\u{1F99C}".repeat(4000);
    let escaped: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
    let path = format!("/api/v1/conversations/{room}/messages/an-id-of-a-message");
    let url = ada.api.base().join(&path).unwrap();
    let request = ada.api.request(Method::PUT, url).header("content-type", "application/json");
    let sent = request.body(format!("{{\"body\":\"{escaped}\"}}")).send().await.unwrap();
    assert_eq!(sent.status(), 201);
}
