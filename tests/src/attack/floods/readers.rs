//! Clients that request much and read none of it.

use std::rc::Rc;
use std::time::Duration;

use futures_util::future::{LocalBoxFuture, join_all};
use serde_json::json;
use tokio::io::AsyncWriteExt;

use super::super::http::{Request, read_answer};
use super::super::people::{PASSWORD, Person};
use super::super::scene::Scene;
use crate::wire::client_frame;

/// What the kernel buffers for a connection that nobody reads from.
const WINDOW: u32 = 4096;
/// A connection is abandoned and opened again after this long: the kernel ends those that take nothing after 30 s.
const STAY: Duration = Duration::from_secs(20);
/// Time for filling a person's list of rooms, at whatever rate is allowed.
const FILLING: Duration = Duration::from_secs(6);

/// A room with 200 messages of the largest size, written by twenty people, and one of its members.
async fn large_room(scene: &Scene) -> (Person, String) {
    let people = scene.accounts(20).await;
    let to = scene.to(0);
    let room = people[0].create_room(to, "large").await;
    for person in &people[1..] {
        person.join(to, &room).await;
    }
    let body = "🦀".repeat(4000);
    let writing = people.iter().map(|person| {
        let (room, body) = (&room, &body);
        async move {
            for number in 0..10 {
                let sent = person.send(to, room, &format!("large-{}-{number}", person.id), body).await;
                let sent = sent.expect("an answer to a large message");
                assert!(sent.is_ok(), "a large message: {} {}", sent.status, sent.text());
            }
        }
    });
    join_all(writing).await;
    (people.into_iter().next().expect("twenty people"), room)
}

/// Sends requests and does not read the responses.
async fn ask_and_leave(scene: Rc<Scene>, number: usize, requests: &[u8]) {
    let Some(mut stream) = scene.connect(number, Some(WINDOW)).await else { return };
    if stream.write_all(requests).await.is_ok() {
        scene.count("asked", 1);
        tokio::time::sleep(STAY).await;
    }
}

/// A three-megabyte page of the log, on 300 connections of one account.
pub fn events(scene: Rc<Scene>) -> LocalBoxFuture<'static, ()> {
    Box::pin(async move {
        let (person, room) = large_room(&scene).await;
        let path = format!("/api/v1/conversations/{room}/events?after=0&limit=200");
        let request: Rc<[u8]> = Request::new("GET", &path).by(&person.token).bytes(true).into();
        scene
            .keep(300, move |scene, number| {
                let request = request.clone();
                async move { ask_and_leave(scene, number, &request).await }
            })
            .await;
    })
}

/// Everything that can be requested, on 300 connections.
pub fn mixed(scene: Rc<Scene>) -> LocalBoxFuture<'static, ()> {
    Box::pin(async move {
        let (person, room) = large_room(&scene).await;
        let home = String::from_utf8_lossy(
            &super::super::http::ask(scene.to(0), scene.source(0), &Request::new("GET", "/"))
                .await
                .expect("the page of the client")
                .body,
        )
        .into_owned();
        // The largest of the client's files, if it is built in.
        let wasm = home.split('"').find(|part| part.ends_with(".wasm")).unwrap_or("/").to_owned();
        let messages = format!("/api/v1/conversations/{room}/messages?limit=100");
        let events = format!("/api/v1/conversations/{room}/events?limit=200");
        let members = format!("/api/v1/rooms/{room}/members?limit=100");
        let get = |path: &str| Request::new("GET", path).by(&person.token).bytes(true);
        let export = Request::new("POST", "/api/v1/account/export").by(&person.token);
        let requests: Rc<[Vec<u8>]> = Rc::new([
            get(&messages),
            get(&events),
            get(&members),
            get("/api/v1/conversations"),
            get("/api/v1/rooms?limit=100"),
            get("/api/v1/notifications"),
            get("/api/openapi.json"),
            get(&wasm),
            export.with(json!({"password": PASSWORD})).bytes(true),
        ]);
        scene
            .keep(300, move |scene, number| {
                let requests = requests.clone();
                async move { ask_and_leave(scene, number, &requests[number % requests.len()]).await }
            })
            .await;
    })
}

/// Fifty requests for the same page on each of 60 connections.
pub fn pipelined(scene: Rc<Scene>) -> LocalBoxFuture<'static, ()> {
    Box::pin(async move {
        let (person, room) = large_room(&scene).await;
        let path = format!("/api/v1/conversations/{room}/events?after=0&limit=200");
        let requests: Rc<[u8]> = Request::new("GET", &path).by(&person.token).bytes(true).repeat(50).into();
        scene
            .keep(60, move |scene, number| {
                let requests = requests.clone();
                async move { ask_and_leave(scene, number, &requests).await }
            })
            .await;
    })
}

/// Sixty pages of the log on each of ten sockets of each of two accounts.
pub fn sync(scene: Rc<Scene>) -> LocalBoxFuture<'static, ()> {
    Box::pin(async move {
        let (person, room) = large_room(&scene).await;
        let other = scene.accounts(1).await.remove(0);
        other.join(scene.to(0), &room).await;
        let (people, room): (Rc<[Person]>, Rc<str>) = (Rc::new([person, other]), room.into());
        scene
            .keep(20, move |scene, number| {
                let (people, room) = (people.clone(), room.clone());
                async move {
                    let person = &people[number % people.len()];
                    let Some(mut stream) = scene.started(number, person, Some(WINDOW)).await else { return };
                    for id in 1..=60 {
                        let command = format!(
                            "{{\"op\":\"sync\",\"id\":{id},\"conversation\":\"{room}\",\"after\":0,\"limit\":200}}"
                        );
                        if stream.write_all(&client_frame(&command)).await.is_err() {
                            return;
                        }
                        scene.count("asked", 1);
                    }
                    tokio::time::sleep(STAY).await;
                }
            })
            .await;
    })
}

/// The conversation list of somebody who is in as many rooms as could be made, on 32 connections that do read.
pub fn conversations(scene: Rc<Scene>) -> LocalBoxFuture<'static, ()> {
    Box::pin(async move {
        let makers = scene.accounts(25).await;
        let person = scene.accounts(1).await.remove(0);
        let to = scene.to(0);
        let deadline = tokio::time::Instant::now() + FILLING;
        let making = makers.iter().map(|maker| {
            let person = &person;
            async move {
                for number in 0..40 {
                    if tokio::time::Instant::now() > deadline {
                        return;
                    }
                    let name =
                        json!({"name": format!("{} {number}", maker.handle), "topic": "t".repeat(200)});
                    let Ok(made) = maker.ask(to, "POST", "/api/v1/rooms", Some(name)).await else { return };
                    let Some(room) = made.json()["id"].as_str().map(str::to_owned) else { return };
                    let body = "🦀".repeat(4000);
                    let _ = maker.send(to, &room, "the-last-message", &body).await;
                    let _ = person.ask(to, "PUT", &format!("/api/v1/rooms/{room}/membership"), None).await;
                }
            }
        });
        join_all(making).await;
        let request: Rc<[u8]> =
            Request::new("GET", "/api/v1/conversations").by(&person.token).bytes(true).into();
        scene
            .keep(32, move |scene, number| {
                let request = request.clone();
                async move {
                    let Some(mut stream) = scene.connect(number, None).await else { return };
                    let mut buffer = Vec::new();
                    while stream.write_all(&request).await.is_ok() {
                        let Ok(answer) = read_answer(&mut stream, &mut buffer).await else { return };
                        scene.count(if answer.is_ok() { "read" } else { "refused" }, 1);
                        scene.count("bytes", answer.body.len() as u64);
                    }
                }
            })
            .await;
    })
}
