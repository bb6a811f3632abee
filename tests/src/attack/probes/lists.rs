//! Lists that strangers fill for somebody: requests, exports, notifications, typing.

use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::spawn_local;

use super::super::catalogue::Findings;
use super::super::http::{self, Request};
use super::super::people::{PASSWORD, Person, address};
use super::super::run::Settings;
use super::super::scene::{read_head, read_until};
use super::super::stage::Stage;
use super::block_on;
use crate::Backend;
use crate::wire::{client_frame, upgrade};

/// Preparing these takes thousands of log-ins and messages; with the default limits it would take an hour.
const QUICK: [(&str, &str); 6] = [
    ("PARLOUR_HASH_MEMORY_KIB", "8"),
    ("PARLOUR_HASH_PASSES", "1"),
    ("PARLOUR_SENDS_PER_SECOND", "10000"),
    ("PARLOUR_CHANGES_PER_SECOND", "10000"),
    ("PARLOUR_CONNECTS_PER_ADDRESS", "10000"),
    ("PARLOUR_AUTH_PER_MINUTE", "100000"),
];

async fn register(stage: &Stage, prefix: &str, count: usize) -> Vec<Person> {
    let mut people = Vec::with_capacity(count);
    while people.len() < count {
        let next = people.len()..count.min(people.len() + 16);
        let registering = next.map(|number| async move {
            let range = prefix.bytes().next().unwrap_or_default();
            let person =
                Person::register(stage.address(), address(range, number), &format!("{prefix}{number}")).await;
            person.expect("registers")
        });
        people.extend(join_all(registering).await);
    }
    people
}

async fn started(stage: &Stage, person: &Person, live: &str, window: Option<u32>) -> TcpStream {
    let mut stream = http::connect(stage.address(), person.from, window).await.expect("connects");
    stream.write_all(upgrade("localhost", "/api/v1/socket").as_bytes()).await.expect("asks");
    assert!(read_head(&mut stream).await, "a handshake");
    let start = format!("{{\"op\":\"start\",\"id\":1,\"token\":\"{}\",\"live\":[{live}]}}", person.token);
    stream.write_all(&client_frame(&start)).await.expect("starts");
    assert!(read_until(&mut stream, b"\"type\":\"ok\"").await, "started");
    stream
}

/// A thousand strangers send somebody friend requests: others still can, and so can the victim.
pub fn requests(backend: Backend, _: Settings) -> Findings {
    let stage = Stage::start(backend, &QUICK);
    let mut findings = Findings::default();
    block_on(async {
        let to = stage.address();
        let strangers = register(&stage, "stranger", 1000).await;
        let people = register(&stage, "friend", 3).await;
        let (victim, one, other) = (&people[0], &people[1], &people[2]);
        let mut accepted = 0;
        for some in strangers.chunks(16) {
            let asking = some.iter().map(|stranger| {
                stranger.ask(to, "POST", "/api/v1/friend-requests", Some(json!({"to": victim.handle})))
            });
            let answers = join_all(asking).await;
            accepted +=
                answers.iter().filter(|answer| answer.as_ref().is_ok_and(http::Answer::is_ok)).count();
        }
        findings.value("accepted", accepted);
        for (from, name) in [(victim, &one.handle), (other, &victim.handle)] {
            let body = json!({"to": name});
            let asked = from.ask(to, "POST", "/api/v1/friend-requests", Some(body)).await.expect("an answer");
            let what = format!("@{} cannot ask @{name}: {} {}", from.handle, asked.status, asked.text());
            findings.demand(asked.is_ok(), what);
        }
        let path = format!("/api/v1/friend-requests/{}/accept", victim.id);
        let friends = one.ask(to, "POST", &path, None).await.expect("an answer");
        findings.demand(friends.is_ok(), format!("a friend cannot accept: {}", friends.status));
    });
    findings
}

/// Two people read their exports slowly while a third wants an export.
pub fn exports(backend: Backend, _: Settings) -> Findings {
    let stage = Stage::start(backend, &QUICK);
    let mut findings = Findings::default();
    block_on(async {
        let to = stage.address();
        let people: Rc<[Person]> = register(&stage, "reader", 3).await.into();
        let body = "🦀".repeat(4000);
        let writing = people[..2].iter().map(|person| {
            let body = &body;
            async move {
                let room = person.create_room(to, &format!("of {}", person.handle)).await;
                let deadline = Instant::now() + Duration::from_secs(20);
                // More than the kernel buffers for a connection that nobody reads from.
                for number in 0..600 {
                    if Instant::now() > deadline {
                        return;
                    }
                    let _slower = person.send(to, &room, &format!("message-{number}"), body).await;
                }
            }
        });
        join_all(writing).await;
        let request = |person: &Person| {
            Request::new("POST", "/api/v1/account/export")
                .by(&person.token)
                .with(json!({"password": PASSWORD}))
                .bytes(false)
        };
        let slow = |person: usize| {
            let bytes = request(&people[person]);
            let from = people[person].from;
            spawn_local(async move {
                let mut stream = http::connect(to, from, Some(4096)).await.expect("connects");
                stream.write_all(&bytes).await.expect("asks");
                let mut some = [0; 1024];
                while let Ok(1..) = stream.read(&mut some).await {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            })
        };
        let slow = [slow(0), slow(1)];
        tokio::time::sleep(Duration::from_millis(500)).await;
        let third = people[2].ask(to, "POST", "/api/v1/account/export", Some(json!({"password": PASSWORD})));
        let third = tokio::time::timeout(Duration::from_secs(10), third).await;
        let status = third.map_or(0, |answer| answer.map_or(0, |answer| answer.status));
        findings.value("third", status);
        findings.demand(status == 200, format!("a third person's export beside two slow readers: {status}"));
        slow.iter().for_each(tokio::task::JoinHandle::abort);
    });
    findings
}

/// Counts the typing frames that reach somebody from one person who types in two rooms on ten sockets.
pub fn typing(backend: Backend, _: Settings) -> Findings {
    const SECONDS: u64 = 5;
    let stage = Stage::start(backend, &[]);
    let mut findings = Findings::default();
    block_on(async {
        let to = stage.address();
        let people = register(&stage, "typist", 2).await;
        let mut rooms = Vec::new();
        for name in ["one", "two"] {
            let room = people[0].create_room(to, name).await;
            people[1].join(to, &room).await;
            rooms.push(room);
        }
        let live = format!("\"{}\",\"{}\"", rooms[0], rooms[1]);
        let mut reader = started(&stage, &people[1], &live, None).await;
        let mut sockets = Vec::new();
        for _ in 0..10 {
            sockets.push(started(&stage, &people[0], &live, None).await);
        }
        let writing = sockets.into_iter().map(|mut stream| {
            let rooms = rooms.clone();
            spawn_local(async move {
                for number in 0_usize.. {
                    let typing = format!("{{\"op\":\"typing\",\"conversation\":\"{}\"}}", rooms[number % 2]);
                    if stream.write_all(&client_frame(&typing)).await.is_err() {
                        return;
                    }
                    tokio::time::sleep(Duration::from_millis(60)).await;
                }
            })
        });
        let writing: Vec<_> = writing.collect();
        let (mut seen, mut buffer) = (0, Vec::new());
        let reading = async { while let Ok(1..) = reader.read_buf(&mut buffer).await {} };
        let _the_time = tokio::time::timeout(Duration::from_secs(SECONDS), reading).await;
        writing.iter().for_each(tokio::task::JoinHandle::abort);
        let mark = b"\"typing\"";
        seen += buffer.windows(mark.len()).filter(|window| window == mark).count() as u64;
        findings.value("seen", seen);
        // One a second from each person, in however many rooms and on however many sockets.
        let most = SECONDS + 1;
        findings.demand(seen <= most, format!("{seen} times typing in {SECONDS} s, at most {most}"));
    });
    findings
}

/// Five people mention one person over and over.
pub fn mentions(backend: Backend, _: Settings) -> Findings {
    const AUTHORS: usize = 5;
    let stage = Stage::start(backend, &[]);
    let mut findings = Findings::default();
    block_on(async {
        let to = stage.address();
        let people = register(&stage, "writer", AUTHORS + 1).await;
        let room = people[0].create_room(to, "flood").await;
        for person in &people[1..] {
            person.join(to, &room).await;
        }
        let victim = &people[AUTHORS];
        let end = Instant::now() + Duration::from_secs(6);
        let writing = people[..AUTHORS].iter().map(|person| {
            let room = &room;
            async move {
                for number in 0.. {
                    if Instant::now() > end {
                        return;
                    }
                    let text = format!("@{} look", victim.handle);
                    let _too_fast =
                        person.send(to, room, &format!("mention-{}-{number}", person.id), &text).await;
                    tokio::time::sleep(Duration::from_millis(150)).await;
                }
            }
        });
        join_all(writing).await;
        let page = victim.must(to, "GET", "/api/v1/notifications?limit=100", None).await;
        let told = page["items"].as_array().map_or(0, Vec::len);
        findings.value("notifications", told);
        // Once in ten seconds from each author.
        findings.demand(
            told <= 2 * AUTHORS,
            format!("{told} notifications in six seconds from {AUTHORS} people"),
        );
    });
    findings
}
