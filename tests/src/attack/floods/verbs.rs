//! Everything that one account may do, as fast as possible.

use std::rc::Rc;

use futures_util::future::LocalBoxFuture;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use super::super::http::{Request, read_answer};
use super::super::people::Person;
use super::super::scene::Scene;
use crate::wire::client_frame;

/// What one person may change on each node: the burst, and the rate per second.
const CHANGES: (u64, u64) = (60, 20);
/// What one person may read: more than any client needs, and a bound that a server without a limit would exceed.
const READS: (u64, u64) = (200, 60);
/// Rooms that one person may create in a day.
const ROOMS: u64 = 20;
/// Handles that one person may look up during an attack.
const HANDLES: u64 = 80;

/// What a bucket lets through on all nodes during the attack, plus a quarter for requests in flight.
fn allowed(scene: &Scene, (burst, per_second): (u64, u64)) -> u64 {
    (burst + per_second * (scene.seconds + 1)) * scene.addresses.len() as u64 * 5 / 4
}

/// Sends requests in turn on kept-alive connections, and counts those that were accepted.
async fn repeat(scene: &Rc<Scene>, lanes: usize, token: &str, requests: Vec<(&str, String, Option<Value>)>) {
    let requests: Vec<Vec<u8>> = requests
        .into_iter()
        .map(|(method, path, json)| {
            Request { method, path: &path, token: Some(token), headers: "", json }.bytes(true)
        })
        .collect();
    let requests: Rc<[Vec<u8>]> = requests.into();
    scene
        .keep(lanes, move |scene, lane| {
            let requests = requests.clone();
            async move {
                let Some(mut stream) = scene.connect(lane, None).await else { return };
                let mut buffer = Vec::new();
                for request in requests.iter().cycle().skip(lane) {
                    if stream.write_all(request).await.is_err() {
                        return;
                    }
                    let Ok(answer) = read_answer(&mut stream, &mut buffer).await else { return };
                    scene.count(if answer.is_ok() { "accepted" } else { "refused" }, 1);
                    scene.count(&format!("answered_{}", answer.status), 1);
                }
            }
        })
        .await;
}

/// Somebody with a room and a message in it, somebody else, and the room's id.
async fn with_room(scene: &Scene) -> (Person, Person, String) {
    let mut people = scene.accounts(2).await;
    let (other, person) = (people.remove(1), people.remove(0));
    let room = person.create_room(scene.to(0), "verbs").await;
    let sent = person.send(scene.to(0), &room, "the-message", "hello").await.expect("an answer");
    assert!(sent.is_ok(), "{} {}", sent.status, sent.text());
    (person, other, room)
}

/// Every operation that changes something.
pub fn changes(scene: Rc<Scene>) -> LocalBoxFuture<'static, ()> {
    Box::pin(async move {
        let (person, other, room) = with_room(&scene).await;
        let message = format!("/api/v1/conversations/{room}/messages/2");
        let reaction = format!("{message}/reactions/%F0%9F%91%8D");
        let membership = format!("/api/v1/rooms/{}/membership", scene.innocents.room);
        let requests = vec![
            ("PUT", reaction.clone(), None),
            ("PATCH", message.clone(), Some(json!({"body": "a".repeat(4000)}))),
            ("PATCH", "/api/v1/account".into(), Some(json!({"bio": "b".repeat(300)}))),
            ("PUT", membership.clone(), None),
            ("PATCH", format!("/api/v1/rooms/{room}"), Some(json!({"topic": "t".repeat(200)}))),
            ("PUT", format!("/api/v1/blocks/{}", other.id), None),
            ("PATCH", "/api/v1/account/privacy".into(), Some(json!({"presence_to": "nobody"}))),
            ("DELETE", reaction, None),
            ("PATCH", message, Some(json!({"body": "b".repeat(4000)}))),
            ("PATCH", "/api/v1/account".into(), Some(json!({"display_name": "c".repeat(40)}))),
            ("DELETE", membership, None),
            ("PUT", format!("/api/v1/conversations/{room}/read"), Some(json!({"seq": 1}))),
            ("DELETE", format!("/api/v1/blocks/{}", other.id), None),
            ("PATCH", "/api/v1/account/privacy".into(), Some(json!({"presence_to": "friends"}))),
        ];
        repeat(&scene, 16, &person.token, requests).await;
        scene.at_most("accepted", allowed(&scene, CHANGES));
    })
}

/// The same on sockets: reactions, edits, read markers, lists of live conversations.
pub fn commands(scene: Rc<Scene>) -> LocalBoxFuture<'static, ()> {
    Box::pin(async move {
        let (person, _, room) = with_room(&scene).await;
        let (person, counted): (Rc<Person>, Rc<Scene>) = (Rc::new(person), scene.clone());
        scene
            .keep(8, move |scene, number| {
                let (person, room) = (person.clone(), room.clone());
                async move {
                    let Some(mut stream) = scene.started(number, &person, None).await else { return };
                    let mut buffer = Vec::new();
                    for id in 1.. {
                        let rest = match id % 4 {
                            0 => {
                                format!("\"op\":\"react\",\"seq\":2,\"emoji\":\"👍\",\"on\":{}", id % 8 == 0)
                            }
                            1 => format!("\"op\":\"edit\",\"seq\":2,\"body\":\"{id} {}\"", "a".repeat(3000)),
                            2 => "\"op\":\"read\",\"seq\":1".to_owned(),
                            _ => {
                                format!("\"op\":\"react\",\"seq\":2,\"emoji\":\"🦀\",\"on\":{}", id % 8 == 3)
                            }
                        };
                        let command = format!("{{\"id\":{id},\"conversation\":\"{room}\",{rest}}}");
                        if stream.write_all(&client_frame(&command)).await.is_err() {
                            return;
                        }
                        loop {
                            let text = String::from_utf8_lossy(&buffer);
                            let ok = text.contains(&format!("{{\"type\":\"ok\",\"id\":{id}"));
                            if ok || text.contains(&format!("\"id\":{id},\"code\"")) {
                                // Read markers count as reads.
                                if id % 4 != 2 {
                                    scene.count(if ok { "accepted" } else { "refused" }, 1);
                                }
                                buffer.clear();
                                break;
                            }
                            match tokio::io::AsyncReadExt::read_buf(&mut stream, &mut buffer).await {
                                Ok(count) if count > 0 && buffer.len() < 1024 * 1024 => {}
                                _ => return,
                            }
                        }
                    }
                }
            })
            .await;
        counted.at_most("accepted", allowed(&counted, CHANGES));
    })
}

/// Every list operation.
pub fn reads(scene: Rc<Scene>) -> LocalBoxFuture<'static, ()> {
    Box::pin(async move {
        let (person, _, room) = with_room(&scene).await;
        let paths = [
            "/api/v1/conversations".to_owned(),
            "/api/v1/rooms?limit=100".to_owned(),
            format!("/api/v1/rooms/{room}/members"),
            format!("/api/v1/conversations/{room}/events?after=0"),
            format!("/api/v1/conversations/{room}/messages"),
            "/api/v1/notifications".to_owned(),
            "/api/v1/friends".to_owned(),
            "/api/v1/account".to_owned(),
        ];
        let requests = paths.into_iter().map(|path| ("GET", path, None)).collect();
        repeat(&scene, 32, &person.token, requests).await;
        scene.at_most("accepted", allowed(&scene, READS));
    })
}

/// Rooms that are created and left. Others see them in the list of rooms.
pub fn rooms(scene: Rc<Scene>) -> LocalBoxFuture<'static, ()> {
    Box::pin(async move {
        let mut people = scene.accounts(2).await;
        let (viewer, person) = (people.remove(1), Rc::new(people.remove(0)));
        let asked = scene.clone();
        scene
            .keep(8, move |scene, number| {
                let person = person.clone();
                async move {
                    let body = json!({"name": format!("spam {number}")});
                    let made = person.ask(scene.to(number), "POST", "/api/v1/rooms", Some(body)).await;
                    let Ok(made) = made else { return };
                    scene.count(if made.is_ok() { "made" } else { "refused" }, 1);
                    if let Some(room) = made.json()["id"].as_str() {
                        let path = format!("/api/v1/rooms/{room}/membership");
                        let _ = person.ask(scene.to(number), "DELETE", &path, None).await;
                    }
                }
            })
            .await;
        // Each node counts by itself.
        asked.at_most("made", ROOMS * asked.addresses.len() as u64);
        // The list shows rooms that have members; above all it must show the room where people talk.
        let page = viewer.ask(asked.to(0), "GET", "/api/v1/rooms", None).await;
        let page = page.map(|answer| answer.text()).unwrap_or_default();
        if !page.contains(&format!("\"{}\"", asked.innocents.room)) {
            asked.fault("the room where people talk is not on the first page of the list".to_owned());
        }
    })
}

/// Handles that exist and that do not, tried with every operation that takes one.
pub fn handles(scene: Rc<Scene>) -> LocalBoxFuture<'static, ()> {
    Box::pin(async move {
        let person: Rc<Person> = Rc::new(scene.accounts(1).await.remove(0));
        let asked = scene.clone();
        scene
            .keep(8, move |scene, number| {
                let person = person.clone();
                async move {
                    let to = scene.to(number);
                    let handle = match number % 3 {
                        0 => format!("nobody{number}"),
                        _ => format!("innocent{}", number % 16),
                    };
                    let asked = match number % 2 {
                        0 => {
                            person
                                .ask(to, "POST", "/api/v1/friend-requests", Some(json!({"to": handle})))
                                .await
                        }
                        _ => {
                            person.ask(to, "PATCH", "/api/v1/account", Some(json!({"handle": handle}))).await
                        }
                    };
                    let Ok(answer) = asked else { return };
                    let code = answer.json()["code"].as_str().unwrap_or_default().to_owned();
                    // Only results that depend on the handle reveal anything.
                    let resolved =
                        answer.is_ok() || matches!(code.as_str(), "taken" | "not_found" | "conflict");
                    scene.count(if resolved { "resolved" } else { "refused" }, 1);
                }
            })
            .await;
        asked.at_most("resolved", HANDLES * asked.addresses.len() as u64);
    })
}
