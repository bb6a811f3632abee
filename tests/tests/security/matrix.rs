//! Who may do what: every operation of the API and every command of the socket, for every role.
//!
//! Invariant: it fails if something is described and not in the tables, or in the tables and not described.

use std::collections::BTreeSet;

use parlour_protocol::events::Ephemeral;
use parlour_protocol::ids::ConversationId;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::socket::{ClientFrame, CloseCode, Start};
use serde_json::{Value, json};
use system_tests::{App, TestSocket, on_all_backends};
use tokio_tungstenite::tungstenite::Message;

use crate::operations;
use crate::scene::{ROLES, Role, Scene};
use crate::tables::{Place, REST, Row, SOCKET, WORDS};

on_all_backends!(rest with crate::scene::furnished, socket);

/// Operations that destroy what the next role would need: they get a new scene for every role.
const DESTROYING: [&str; 4] = ["delete_room", "delete_account", "suspend_user", "delete_invite"];

/// Demands that a table has exactly these names.
fn complete<'n>(what: &str, table: &[Row], described: impl Iterator<Item = &'n str>) {
    let listed: BTreeSet<&str> = table.iter().map(|(name, ..)| *name).collect();
    let described: BTreeSet<&str> = described.collect();
    assert_eq!(listed, described, "{what}: the table and the description must have the same names");
}

/// Compares what happened with the table, all of it before failing.
fn compare(found: Vec<(String, &str, Vec<String>)>) -> usize {
    let mut faults = Vec::new();
    let mut cells = 0;
    for (name, expected, outcomes) in found {
        let expected: Vec<&str> = expected.split_whitespace().collect();
        cells += outcomes.len();
        if expected != outcomes {
            faults.push(format!("{name}: expected {}\n   found {}", expected.join(" "), outcomes.join(" ")));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    cells
}

async fn rest(app: App) {
    let operations = operations::all(&app);
    complete("REST", REST, operations.iter().map(|operation| operation.id.as_str()));
    let mut found = Vec::new();
    let mut scenes = 0;
    for (id, place, expected) in REST {
        let operation = operations.iter().find(|operation| operation.id == *id).unwrap();
        let mut scene = Scene::set(&app, scenes).await;
        let mut outcomes = Vec::new();
        for role in ROLES {
            if DESTROYING.contains(id) && !outcomes.is_empty() {
                scenes += 1;
                scene = Scene::set(&app, scenes).await;
            }
            let target = target(&scene, *place, role);
            outcomes.push(short(&scene.ask(role, operation, target).await).to_owned());
        }
        scenes += 1;
        found.push((format!("{id} {place:?}"), *expected, outcomes));
    }
    println!("authorization matrix of REST: {} cells", compare(found));
}

fn target(scene: &Scene, place: Place, role: Role) -> ConversationId {
    if place == Place::Direct { scene.direct(role) } else { scene.room }
}

/// The tables' short name for a code.
fn short(code: &str) -> &str {
    WORDS.iter().find(|(long, _)| *long == code).map_or(code, |(_, short)| short)
}

async fn socket(app: App) {
    let schema = parlour_server::openapi::socket_schema();
    let commands = schema["$defs"]["ClientFrame"]["discriminator"]["mapping"].as_object().unwrap();
    let names: Vec<String> = commands.keys().cloned().collect();
    complete("socket", SOCKET, names.iter().map(String::as_str));
    let mut found = Vec::new();
    for (number, (op, place, expected)) in SOCKET.iter().enumerate() {
        let scene = Scene::set(&app, number).await;
        let mut outcomes = Vec::new();
        for role in ROLES {
            let target = target(&scene, *place, role);
            outcomes.push(short(&command(&app, &scene, role, op, target).await).to_owned());
        }
        found.push((format!("{op} {place:?}"), *expected, outcomes));
    }
    println!("authorization matrix of the socket: {} cells", compare(found));
}

/// Runs a command and returns one word for what happened.
async fn command(app: &App, scene: &Scene, role: Role, op: &str, target: ConversationId) -> String {
    let Some(person) = scene.person(role) else {
        let mut socket = app.socket(0).await;
        let frame = frame(op, target, 1);
        socket.raw(Message::text(frame.to_string())).await;
        socket.expect_refusal(ErrorCode::Unauthenticated, CloseCode::AuthenticationFailed).await;
        return "unauthenticated".to_owned();
    };
    // What is not acknowledged is observed through what others receive; everyone is on one node, so that the order is
    // certain.
    let person = person.at_node(0);
    let mut socket = app.socket(0).await;
    if op == "start" {
        let start = Start { live: vec![target], ..person.start() };
        socket.start(start).await.expect("starts");
        return heard(scene, &mut socket, target).await;
    }
    socket.start(Start { live: vec![target], ..person.start() }).await.expect("starts");
    match op {
        "focus" => {
            socket.focus(&[]).await;
            socket.focus(&[target]).await;
            heard(scene, &mut socket, target).await
        }
        "typing" => typing(scene, role, socket, target).await,
        _ => {
            let seq = scene.message(target).await;
            socket.raw(Message::text(frame(op, target, seq).to_string())).await;
            match socket.answer(1000).await {
                Ok(_) => "ok".to_owned(),
                Err(error) => error.code.to_string(),
            }
        }
    }
}

fn frame(op: &str, target: ConversationId, seq: i64) -> Value {
    let target = target.to_string();
    match op {
        "start" => json!({"op": op, "id": 1000}),
        "send" => {
            let cid = parlour_client::native::fresh_cid();
            json!({"op": op, "id": 1000, "conversation": target, "cid": cid, "body": "hi"})
        }
        "edit" => json!({"op": op, "id": 1000, "conversation": target, "seq": seq, "body": "hello"}),
        "delete" | "read" => json!({"op": op, "id": 1000, "conversation": target, "seq": seq}),
        "react" => {
            json!({"op": op, "id": 1000, "conversation": target, "seq": seq, "emoji": "👍", "on": true})
        }
        "typing" => json!({"op": op, "conversation": target}),
        "focus" => json!({"op": op, "id": 1000, "live": [target]}),
        "sync" => json!({"op": op, "id": 1000, "conversation": target, "after": 0}),
        "ping" => json!({"op": op, "id": 1000}),
        other => panic!("nothing is known about the command {other}"),
    }
}

/// Whether a socket receives what is written in the conversation.
async fn heard(scene: &Scene, socket: &mut TestSocket, target: ConversationId) -> String {
    let owner = scene.owner().at_node(0);
    let mut witness = owner.socket_on(&[target]).await;
    let cid = parlour_client::native::fresh_cid();
    let message = parlour_protocol::messages::SendMessage { body: "hear".into(), reply_to: None };
    let Ok(stored) = owner.api.send_message(target, &cid, &message).await else {
        return "not_friends".to_owned();
    };
    // The sender gets its response before a message is published, but it is published before the next one is. A pong
    // follows everything that was published on this node before.
    let next = owner.send(target, "hear more").await;
    loop {
        let event = witness.event().await;
        if event.conversation == target && event.seq == next {
            break;
        }
    }
    socket.command(|id| ClientFrame::Ping { id }).await.expect("pongs");
    while let Some(event) = socket.take_event() {
        if event.conversation == target && event.seq == stored.seq {
            return "ok".to_owned();
        }
    }
    "silent".to_owned()
}

/// Whether somebody else in the conversation is told that this person is typing.
async fn typing(scene: &Scene, role: Role, mut socket: TestSocket, target: ConversationId) -> String {
    let witness = match (role, target == scene.room) {
        (Role::Owner, true) => Role::Member,
        (Role::Owner, false) => Role::Friend,
        _ => Role::Owner,
    };
    let mut witness = scene.person(witness).unwrap().at_node(0).socket_on(&[target]).await;
    socket.raw(Message::text(frame("typing", target, 0).to_string())).await;
    socket.command(|id| ClientFrame::Ping { id }).await.expect("pongs");
    witness.command(|id| ClientFrame::Ping { id }).await.expect("pongs");
    while let Some(ephemeral) = witness.take_ephemeral() {
        if matches!(ephemeral, Ephemeral::Typing { conversation, .. } if conversation == target) {
            return "ok".to_owned();
        }
    }
    "silent".to_owned()
}
