//! Random nonsense: requests, frames and pictures that are almost valid, against one server.
//!
//! Invariant: everything is drawn from the seed. Whatever is sent, the response has a status below 500 or the
//! connection is closed with a code, and somebody else's connection keeps working.

mod mutations;

use std::io::Cursor;
use std::time::{Duration, Instant};

use fastrand::Rng;
use parlour_client::native::Socket;
use parlour_protocol::ids::ConversationId;
use parlour_protocol::socket::{ClientFrame, Start};
use reqwest::Method;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::{App, Backend, DEADLINE, Person, TestSocket, run};
use mutations::{mangled_bytes, mangled_text};

/// Operations that would end the session that everything else needs.
const SPARED: [&str; 5] =
    ["delete_account", "delete_current_session", "delete_session", "change_password", "refresh_session"];
/// Frames per connection.
const FRAMES: usize = 30;
/// Codes with which a connection may be closed because of what was sent.
const CLOSES: [u16; 5] = [1000, 1005, 1009, 4004, 4500];

/// How much was tried.
#[derive(Debug, Default, Clone, Copy)]
pub struct Tried {
    /// Requests.
    pub requests: usize,
    /// Socket messages.
    pub frames: usize,
    /// Pictures.
    pub images: usize,
}

/// Tries for this long; panics at the first thing that must not happen.
pub fn fuzz(seed: u64, time: Duration) -> Tried {
    let (sender, receiver) = std::sync::mpsc::sync_channel(1);
    run(
        Backend::SqliteLocal,
        |_| {},
        |app: App| async move {
            let tried = on(&app, seed, time).await;
            sender.send(tried).expect("somebody waits for the result");
        },
    );
    receiver.recv().expect("a result")
}

struct Fuzzer<'a> {
    app: &'a App,
    random: Rng,
    mallory: Person,
    ada: Person,
    room: ConversationId,
    witness: TestSocket,
    tried: Tried,
}

async fn on(app: &App, seed: u64, time: Duration) -> Tried {
    let (ada, mallory) = app.friends("ada", "mallory").await;
    let room = ada.create_room("tea").await;
    mallory.join(room).await;
    ada.send(room, "hi").await;
    let witness = ada.socket_on(&[room]).await;
    let mut fuzzer =
        Fuzzer { app, random: Rng::with_seed(seed), mallory, ada, room, witness, tried: Tried::default() };
    let began = Instant::now();
    while began.elapsed() < time {
        fuzzer.requests().await;
        fuzzer.frames().await;
        fuzzer.image().await;
        fuzzer.others_go_on().await;
    }
    fuzzer.tried
}

impl Fuzzer<'_> {
    /// Somebody else writes and is heard.
    async fn others_go_on(&mut self) {
        // A ping, as clients send it: a round may take long.
        self.witness.command(|id| ClientFrame::Ping { id }).await.expect("an answer");
        // Mallory may have written something meanwhile, too.
        let seq = self.ada.send(self.room, "still here").await;
        loop {
            let event = self.witness.event().await;
            if event.conversation == self.room && event.seq == seq {
                break;
            }
        }
        while self.witness.take_ephemeral().is_some() {}
    }

    /// One request for each operation.
    async fn requests(&mut self) {
        let operations: Vec<(Method, String, Value)> = self
            .app
            .contract()
            .operations()
            .filter(|(.., described)| !SPARED.iter().any(|id| described["operationId"] == *id))
            .map(|(method, path, described)| (method, path.to_owned(), described.clone()))
            .collect();
        for (method, template, described) in operations {
            let schema = &described["requestBody"]["content"]["application/json"]["schema"];
            let path = self.path(&template);
            let mut request = self.mallory.api.request(
                method.clone(),
                self.mallory.api.base().join(&path).expect("a path that can be written"),
            );
            let mut written = Vec::new();
            if schema.is_object() {
                let whole = self.example(schema);
                written = mangled_text(&mut self.random, &whole);
                let content_type =
                    if self.random.u64(..100) < 95 { "application/json" } else { "text/plain" };
                request = request.header("content-type", content_type).body(written.clone());
            }
            self.tried.requests += 1;
            let what = || format!("{method} {path} {}", String::from_utf8_lossy(&written));
            let response = request.send().await.unwrap_or_else(|error| panic!("{}: {error}", what()));
            let status = response.status();
            assert!(status.as_u16() < 500, "{}: {status}", what());
            let problem = response.headers().get("content-type").is_some_and(|kind| {
                kind.to_str().is_ok_and(|kind| kind.starts_with("application/problem+json"))
            });
            assert_eq!(status.is_client_error(), problem, "{}: {status}", what());
            response.bytes().await.unwrap_or_else(|error| panic!("{}: {error}", what()));
        }
    }

    /// A path with a value for each parameter, and sometimes a query.
    fn path(&mut self, template: &str) -> String {
        let (room, ada) = (self.room.to_string(), self.ada.id.to_string());
        let mut path = Vec::new();
        for segment in template.split('/') {
            let values = [
                &room,
                &ada,
                "1",
                "0",
                "-1",
                "%00",
                "%FF",
                "9223372036854775808",
                "%F0%9F%91%8D",
                "x",
                "%2e%2e",
            ];
            path.push(if segment.starts_with('{') {
                let likely = if segment.contains("user") { &ada } else { &room };
                if self.random.u64(..100) < 40 {
                    likely.clone()
                } else {
                    values[self.random.usize(..values.len())].to_owned()
                }
            } else {
                segment.to_owned()
            });
        }
        let mut path = path.join("/");
        if self.random.u64(..100) < 30 {
            let names = ["after", "before", "around", "limit", "search", "ids", "kind", "x"];
            let values =
                ["0", "1", "-1", "1.1", "%00", "%FF", "9223372036854775807", "1e9", "", "a,b", "%25"];
            path.push_str(&format!(
                "?{}={}",
                names[self.random.usize(..names.len())],
                values[self.random.usize(..values.len())]
            ));
        }
        path
    }

    /// A value that conforms to a schema.
    fn example(&mut self, schema: &Value) -> Value {
        let document = &self.app.contract().document;
        if let Some(reference) = schema["$ref"].as_str() {
            let target = document.pointer(&reference[1..]).expect("a schema").clone();
            return self.example(&target);
        }
        for union in ["oneOf", "anyOf", "allOf"] {
            if let Some(first) = schema[union].as_array().and_then(|parts| parts.first()) {
                return self.example(&first.clone());
            }
        }
        if let Some(values) = schema["enum"].as_array() {
            return values[self.random.usize(..values.len())].clone();
        }
        let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str()).unwrap_or("null");
        match kind {
            "object" => {
                let properties = schema["properties"].as_object().cloned().unwrap_or_default();
                properties.iter().map(|(name, inner)| (name.clone(), self.example(inner))).collect()
            }
            "array" => json!([self.example(&schema["items"].clone())]),
            "integer" | "number" => json!(self.random.usize(..100)),
            "boolean" => json!(self.random.u64(..100) < 50),
            "string" => json!(format!("word{}", self.random.usize(..1000))),
            _ => Value::Null,
        }
    }

    /// One connection that receives nonsense until it is closed or all frames are sent.
    async fn frames(&mut self) {
        let mut socket = Socket::connect(self.mallory.api.base()).await.expect("connects");
        if self.random.u64(..100) < 90 {
            let start = ClientFrame::Start(Start { live: vec![self.room], ..self.mallory.start() });
            socket.send(&start).await.expect("starts");
        }
        let mut sent = Vec::new();
        for _ in 0..FRAMES {
            let message = self.message();
            sent.push(format!("{message:?}"));
            self.tried.frames += 1;
            if socket.send_raw(message).await.is_err() {
                break;
            }
        }
        let last = format!("{{\"op\":\"ping\",\"id\":{}}}", u32::MAX);
        let _ = socket.send_raw(Message::text(last)).await;
        let ending = async {
            loop {
                match socket.next_text().await {
                    Ok(Ok(text)) if text.contains(&format!("\"id\":{}", u32::MAX)) => return,
                    Ok(Ok(_)) => {}
                    // 4501 if the connection has not been authenticated.
                    Ok(Err(code)) => {
                        assert!(CLOSES.contains(&code) || code == 4501, "closed with {code} after {sent:?}");
                        return;
                    }
                    Err(error) => panic!("{error} after {sent:?}"),
                }
            }
        };
        tokio::time::timeout(DEADLINE, ending).await.unwrap_or_else(|_| panic!("no end after {sent:?}"));
    }

    /// A message that is almost a command.
    fn message(&mut self) -> Message {
        let (room, id) = (self.room.to_string(), self.random.usize(..1000));
        let commands = [
            json!({"op": "start", "id": id, "cursors": {&room: 1}, "live": [room]}),
            json!({"op": "send", "id": id, "conversation": room, "cid": format!("client-id-{id}"), "body": "x"}),
            json!({"op": "edit", "id": id, "conversation": room, "seq": 3, "body": "x"}),
            json!({"op": "delete", "id": id, "conversation": room, "seq": 3}),
            json!({"op": "react", "id": id, "conversation": room, "seq": 3, "emoji": "👍", "on": true}),
            json!({"op": "read", "id": id, "conversation": room, "seq": 3}),
            json!({"op": "typing", "conversation": room}),
            json!({"op": "focus", "id": id, "live": [room]}),
            json!({"op": "sync", "id": id, "conversation": room, "after": 0, "limit": 3}),
            json!({"op": "ping", "id": id}),
        ];
        let command = &commands[self.random.usize(..commands.len())];
        let bytes = mangled_text(&mut self.random, command);
        let frame =
            |bytes: Vec<u8>, code, last| Message::Frame(Frame::message(bytes, OpCode::Data(code), last));
        match self.random.usize(..40) {
            0 => Message::binary(bytes),
            1 => Message::Ping(bytes.into_iter().take(125).collect::<Vec<_>>().into()),
            2 => Message::Pong(Vec::new().into()),
            // Fragments, often in an order that makes no sense.
            3 => frame(bytes, Data::Text, false),
            4 => frame(bytes, Data::Continue, true),
            5 => frame(bytes, Data::Continue, false),
            // Complete frames, whose text may be empty.
            _ => frame(bytes, Data::Text, true),
        }
    }

    /// A picture that is almost valid.
    async fn image(&mut self) {
        let edge = 1 + self.random.usize(..40) as u32;
        let picture = image::RgbImage::from_fn(edge, edge, |x, y| image::Rgb([x as u8, y as u8, 9]));
        let mut whole = Cursor::new(Vec::new());
        picture.write_to(&mut whole, image::ImageFormat::Png).expect("writes a picture");
        let bytes = mangled_bytes(&mut self.random, whole.into_inner());
        self.tried.images += 1;
        let url = self.mallory.api.base().join("/api/v1/account/avatar").expect("a path");
        let request = self.mallory.api.request(Method::PUT, url).header("content-type", "image/png");
        let status = request.body(bytes).send().await.expect("an answer to a picture").status();
        assert!(matches!(status.as_u16(), 200 | 413 | 415), "a picture was answered with {status}");
    }
}
