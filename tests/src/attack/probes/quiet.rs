//! What leaks without being said: counts that reveal who is there, orderings that reveal what was refused.

use std::time::Duration;

use serde_json::json;
use tokio::io::AsyncWriteExt;

use super::super::catalogue::Findings;
use super::super::http;
use super::super::people::{Person, address};
use super::super::run::Settings;
use super::super::scene::{read_head, read_until};
use super::super::stage::Stage;
use super::block_on;
use crate::Backend;
use crate::wire::{client_frame, upgrade};

async fn people(stage: &Stage, handles: &[&str]) -> Vec<Person> {
    let mut people = Vec::new();
    for (number, handle) in handles.iter().enumerate() {
        people.push(Person::register(stage.address(), address(2, number), handle).await.expect("registers"));
    }
    people
}

/// Somebody who is invisible and hidden, blocks the observer, and is alone in a room.
pub fn presence(backend: Backend, _: Settings) -> Findings {
    let stage = Stage::start(backend, &[]);
    let mut findings = Findings::default();
    block_on(async {
        let people = people(&stage, &["alice", "mallory"]).await;
        let (alice, mallory, to) = (&people[0], &people[1], stage.address());
        let settings = json!({"presence_to": "nobody", "findable_by": "nobody"});
        alice.must(to, "PATCH", "/api/v1/account/privacy", Some(settings)).await;
        alice.must(to, "PUT", &format!("/api/v1/blocks/{}", mallory.id), None).await;
        let room = alice.create_room(to, "alone").await;
        // As the observer sees it: without being a member, and in the list of rooms.
        let seen = async || {
            let shown = mallory.must(to, "GET", &format!("/api/v1/rooms/{room}"), None).await;
            let listed = mallory.must(to, "GET", "/api/v1/rooms", None).await;
            format!("{} {}", shown["online_count"], listed["items"][0]["online_count"])
        };
        let away = seen().await;
        let mut stream = http::connect(to, alice.from, None).await.expect("connects");
        stream.write_all(upgrade("localhost", "/api/v1/socket").as_bytes()).await.expect("asks");
        assert!(read_head(&mut stream).await, "a handshake");
        let start = format!("{{\"op\":\"start\",\"id\":1,\"token\":\"{}\"}}", alice.token);
        stream.write_all(&client_frame(&start)).await.expect("starts");
        assert!(read_until(&mut stream, b"\"type\":\"ok\"").await, "started");
        let mut here = away.clone();
        for _ in 0..10 {
            here = seen().await;
            if here != away {
                break;
            }
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
        findings.value("away", away.clone());
        findings.value("here", here.clone());
        findings.demand(away == here, format!("the counts told that she came: {away}, then {here}"));
    });
    findings
}

/// Messages that are refused: from outside a room, and from somebody who is blocked.
pub fn order(backend: Backend, _: Settings) -> Findings {
    let stage = Stage::start(backend, &[]);
    let mut findings = Findings::default();
    block_on(async {
        let people = people(&stage, &["alice", "bob", "mallory"]).await;
        let (alice, bob, mallory, to) = (&people[0], &people[1], &people[2], stage.address());
        let (older, newer) = (alice.create_room(to, "older").await, alice.create_room(to, "newer").await);
        for (who, cid) in [(&older, "message-1"), (&newer, "message-2")] {
            assert!(alice.send(to, who, cid, "hi").await.expect("an answer").is_ok());
        }
        let rooms = async || {
            let list = mallory.must(to, "GET", "/api/v1/rooms", None).await;
            let items = list["items"].as_array().cloned().unwrap_or_default();
            items
                .iter()
                .map(|room| format!("{} {}", room["id"], room["last_activity_at"]))
                .collect::<Vec<_>>()
        };
        let before = rooms().await;
        let refused = mallory.send(to, &older, "message-3", "let me in").await.expect("an answer");
        findings.demand(refused.status == 403, format!("a stranger's message: {}", refused.status));
        let after = rooms().await;
        findings
            .demand(before == after, format!("a refused message moved a room: {before:?}, then {after:?}"));

        for friend in [alice, mallory] {
            bob.must(to, "POST", "/api/v1/friend-requests", Some(json!({"to": friend.handle}))).await;
            friend.must(to, "POST", &format!("/api/v1/friend-requests/{}/accept", bob.id), None).await;
        }
        let mut chats = Vec::new();
        for (number, friend) in [mallory, alice].into_iter().enumerate() {
            let chat = friend.must(to, "PUT", &format!("/api/v1/directs/{}", bob.id), None).await;
            let chat = chat["id"].as_str().expect("an id").to_owned();
            assert!(
                friend.send(to, &chat, &format!("message-{number}x"), "hi").await.expect("an answer").is_ok()
            );
            chats.push(chat);
        }
        bob.must(to, "PUT", &format!("/api/v1/blocks/{}", mallory.id), None).await;
        let list = async || {
            let list = bob.must(to, "GET", "/api/v1/conversations", None).await;
            let items = list["items"].as_array().cloned().unwrap_or_default();
            items.iter().map(|one| format!("{} {}", one["id"], one["last_activity_at"])).collect::<Vec<_>>()
        };
        let before = list().await;
        let refused = mallory.send(to, &chats[0], "message-9x", "hear me").await.expect("an answer");
        findings.demand(refused.status == 403, format!("a blocked person's message: {}", refused.status));
        let after = list().await;
        findings
            .demand(before == after, format!("a refused message moved a chat: {before:?}, then {after:?}"));
    });
    findings
}
