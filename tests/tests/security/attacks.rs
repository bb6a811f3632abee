//! Short forms of `cargo xtask attack`: bytes that no library sends, and the required reactions. Only responses and
//! close codes count here, never times: the clock stands still, so limits are exact.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use parlour_protocol::socket::CloseCode;
use parlour_protocol::time::SECOND;
use serde_json::json;
use system_tests::attack::http::connect as connect_with_window;
use system_tests::wire::{client_frame, frame, header, upgrade};
use system_tests::{App, Person, eventually, on_all_backends};

on_all_backends!(
    long_frames,
    long_frames_of_people,
    long_frames_byte_by_byte,
    endless_fragments,
    the_longest_frame_in_pieces,
    floods_of_empty_frames,
    floods_of_empty_frames_of_people,
    unfinished_requests,
    smuggled_lengths,
    bodies_that_nobody_reads,
    those_who_break_the_rules_do_not_come_back_at_once,
    those_who_break_the_rules_while_people_write_are_let_go,
    answers_that_are_not_taken_cost_nobody_else,
);

/// Lengths beyond the limit, from one byte too many to the largest that a header can declare.
const LENGTHS: [u64; 9] =
    [16 * 1024 + 1, 65_535, 65_536, 1 << 20, (1 << 31) - 1, 1 << 31, 1 << 33, 1 << 62, i64::MAX as u64];
/// More frames than anyone sends at once.
const FLOOD: usize = 5000;
/// Each wait ends within this time, unless something is broken. It is below the ten seconds after which a socket that
/// has not started is closed anyway.
const PATIENCE: Duration = Duration::from_secs(8);

const TEXT: u8 = 0x81;
const FIRST_OF_TEXT: u8 = 0x01;
const MORE: u8 = 0x00;
const LAST: u8 = 0x80;
const PING: u8 = 0x89;
const PONG: u8 = 0x8A;

fn connect(app: &App) -> TcpStream {
    let stream = TcpStream::connect(app.address(0).strip_prefix("http://").unwrap()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// A socket after the handshake and the server's first frame.
struct Raw {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Raw {
    fn open(app: &App) -> Self {
        let mut stream = connect(app);
        stream.write_all(upgrade("localhost", "/api/v1/socket").as_bytes()).unwrap();
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
        let mut raw = Self { stream, buffer: Vec::new() };
        let hello = raw.next().expect("hello");
        assert!(hello.1.starts_with(b"{\"type\":\"hello\""));
        raw
    }

    fn started(app: &App, person: &Person) -> Self {
        let mut raw = Self::open(app);
        let token = person.api.access_token().unwrap();
        raw.write(&client_frame(&format!("{{\"op\":\"start\",\"id\":1,\"token\":\"{token}\"}}")));
        while !raw.next().expect("an answer to start").1.starts_with(b"{\"type\":\"ok\"") {}
        raw
    }

    /// Writes; if the server has already closed the connection, reading will show it.
    fn write(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// The next frame: opcode and payload. `None` at the end of the connection.
    fn next(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            if let Some((opcode, range)) = frame(&self.buffer) {
                let content = self.buffer[range.clone()].to_vec();
                self.buffer.drain(..range.end);
                return Some((opcode, content));
            }
            let mut some = [0; 4096];
            match self.stream.read(&mut some) {
                Ok(count) if count > 0 => self.buffer.extend_from_slice(&some[..count]),
                Ok(_) => return None,
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("nothing came: {error}"),
            }
        }
    }

    /// The code with which the server closes, whatever comes before.
    fn close_code(&mut self) -> u16 {
        loop {
            match self.next().expect("a close frame before the end") {
                (8, content) => return u16::from_be_bytes([content[0], content[1]]),
                (opcode, _) => assert!(opcode == 1 || opcode == 10, "opcode {opcode}"),
            }
        }
    }
}

async fn long_frames(app: App) {
    let mut sockets = Vec::new();
    for first in [TEXT, FIRST_OF_TEXT] {
        for length in LENGTHS {
            let mut socket = Raw::open(&app);
            // Only the header, which says enough.
            socket.write(&header(first, length));
            sockets.push((format!("{first:#x} of {length}"), socket));
        }
    }
    for (what, socket) in &mut sockets {
        assert_eq!(socket.close_code(), CloseCode::TooLarge.code(), "{what}");
    }
    // Control frames have at most 125 bytes, and other opcodes are unsupported.
    for (first, length) in [(PING, 126), (PONG, 1 << 33), (0x88, 126), (0x82, 1 << 33), (0x83, 1 << 33)] {
        let mut socket = Raw::open(&app);
        socket.write(&header(first, length));
        let code = socket.close_code();
        assert!(
            [CloseCode::TooLarge, CloseCode::BadFrame].map(CloseCode::code).contains(&code),
            "{first:#x}: {code}"
        );
    }
}

async fn long_frames_of_people(app: App) {
    let ada = app.person("ada").await;
    for length in LENGTHS {
        let mut socket = Raw::started(&app, &ada);
        socket.write(&header(TEXT, length));
        assert_eq!(socket.close_code(), CloseCode::TooLarge.code(), "{length}");
    }
}

async fn long_frames_byte_by_byte(app: App) {
    let mut sockets: Vec<Raw> = LENGTHS.iter().map(|_| Raw::open(&app)).collect();
    for (socket, length) in sockets.iter_mut().zip(LENGTHS) {
        for byte in header(TEXT, length) {
            socket.write(&[byte]);
        }
    }
    for (socket, length) in sockets.iter_mut().zip(LENGTHS) {
        assert_eq!(socket.close_code(), CloseCode::TooLarge.code(), "{length}");
    }
}

async fn endless_fragments(app: App) {
    for (what, piece) in [("empty", 0), ("of a byte", 1), ("of a kilobyte", 1024)] {
        let mut socket = Raw::open(&app);
        socket.write(&header(FIRST_OF_TEXT, 0));
        let mut fragment = header(MORE, piece);
        fragment.resize(fragment.len() + piece as usize, b' ');
        socket.write(&fragment.repeat(200));
        let code = socket.close_code();
        let expected =
            [CloseCode::TooLarge, CloseCode::RateLimited, CloseCode::BadFrame].map(CloseCode::code);
        assert!(expected.contains(&code), "fragments {what}: {code}");
    }
}

/// What is allowed stays allowed: a message of exactly the largest size, in one frame and in fragments, in pieces of
/// every size.
async fn the_longest_frame_in_pieces(app: App) {
    let ada = app.person("ada").await;
    let token = ada.api.access_token().unwrap();
    let start = format!("{{\"op\":\"start\",\"id\":1,\"token\":\"{token}\"}}");
    let longest = format!("{start}{}", " ".repeat(16 * 1024 - start.len()));
    let whole = client_frame(&longest);
    let (front, back) = longest.split_at(9000);
    let fragments = [
        [header(FIRST_OF_TEXT, front.len() as u64), front.into()].concat(),
        [header(PING, 2), b"hi".to_vec()].concat(),
        [header(LAST, back.len() as u64), back.into()].concat(),
    ]
    .concat();
    for bytes in [whole, fragments] {
        for size in [1000, 4096, 16 * 1024, bytes.len()] {
            let mut socket = Raw::open(&app);
            for piece in bytes.chunks(size) {
                socket.write(piece);
            }
            loop {
                let (opcode, content) = socket.next().expect("an answer to start");
                assert_ne!(opcode, 8, "closed: {content:?}");
                if content.starts_with(b"{\"type\":\"ok\"") {
                    break;
                }
            }
        }
    }
}

fn empties() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("pongs", header(PONG, 0)),
        ("pings", header(PING, 0)),
        ("fragments", [header(FIRST_OF_TEXT, 0), header(MORE, 0), header(LAST, 0)].concat()),
        ("texts", client_frame("")),
    ]
}

/// Before a socket has started, no frame except `start` is needed.
async fn floods_of_empty_frames(app: App) {
    for (what, bytes) in empties() {
        let mut socket = Raw::open(&app);
        socket.write(&bytes.repeat(FLOOD));
        let code = socket.close_code();
        let expected =
            [CloseCode::RateLimited, CloseCode::BadFrame, CloseCode::TooLarge].map(CloseCode::code);
        assert!(expected.contains(&code), "{what}: {code}");
    }
}

async fn floods_of_empty_frames_of_people(app: App) {
    let ada = app.person("ada").await;
    let bob = app.person("bob").await;
    let room = bob.create_room("tea").await;
    let mut reader = bob.socket_on(&[room]).await;
    for (what, bytes) in empties() {
        let mut socket = Raw::started(&app, &ada);
        socket.write(&bytes.repeat(FLOOD));
        let code = socket.close_code();
        // Pings are answered, and a client that does not read the pongs is slow; an empty message is not a command, and
        // the server tolerates only a limited number of those.
        let expected =
            [CloseCode::RateLimited, CloseCode::SlowConsumer, CloseCode::BadFrame].map(CloseCode::code);
        assert!(expected.contains(&code), "{what}: {code}");
        let seq = bob.send(room, what).await;
        reader.expect_event(room, seq).await;
    }
    // A client that pings at a normal rate is left alone.
    let mut socket = Raw::started(&app, &ada);
    for _ in 0..20 {
        socket.write(&[header(PING, 4), b"ping".to_vec()].concat());
        assert_eq!(socket.next().expect("a pong"), (10, b"ping".to_vec()));
    }
}

/// Unfinished requests are open, and others are served all the same.
async fn unfinished_requests(app: App) {
    let ada = app.person("ada").await;
    let mut waiting = Vec::new();
    for number in 0..150 {
        let begun: &[u8] = match number % 5 {
            0 => b"",
            1 => b"GET / HT",
            2 => b"GET / HTTP/1.1\r\nhost: x\r\nx-slow: ",
            3 => b"POST /api/v1/sessions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{",
            _ => b"POST /api/v1/sessions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n",
        };
        let mut stream = connect(&app);
        let _ = stream.write_all(begun);
        waiting.push(stream);
    }
    ada.get("/api/v1/account").await.expect(200);
    let other = ada.other_device().await;
    other.get("/api/v1/account").await.expect(200);
    let mut socket = ada.socket().await;
    socket.expect_nothing().await;
}

/// Everything that arrives until the connection ends or is idle for a moment.
fn everything(stream: &mut TcpStream) -> String {
    stream.set_read_timeout(Some(Duration::from_millis(700))).unwrap();
    let (mut answer, mut some) = (Vec::new(), [0; 4096]);
    while let Ok(count) = stream.read(&mut some) {
        if count == 0 {
            break;
        }
        answer.extend_from_slice(&some[..count]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// Where two readers could disagree about the end of a body, there is one response, a refusal, and nothing after it.
async fn smuggled_lengths(app: App) {
    let hidden = "GET /api/v1/server HTTP/1.1\r\nhost: x\r\n\r\n";
    let json = "content-type: application/json\r\n";
    let cases: Vec<(&str, String)> = [
        ("both lengths", format!("content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{hidden}")),
        (
            "both, the other way round",
            format!("transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n{hidden}"),
        ),
        ("two lengths", format!("content-length: 2\r\ncontent-length: 50\r\n\r\n{{}}{hidden}")),
        ("a list of lengths", format!("content-length: 2, 50\r\n\r\n{{}}{hidden}")),
        ("a length with a sign", format!("content-length: +2\r\n\r\n{{}}{hidden}")),
        ("a length of letters", format!("content-length: 0x2\r\n\r\n{{}}{hidden}")),
        ("a space before the colon", format!("content-length : 2\r\n\r\n{{}}{hidden}")),
        ("a folded line", format!("x-folded: a\r\n content-length: 2\r\n\r\n{{}}{hidden}")),
        ("an unknown encoding", format!("transfer-encoding: xchunked\r\n\r\n0\r\n\r\n{hidden}")),
        ("chunked in the middle", format!("transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n{hidden}")),
        (
            "the size of a chunk with a sign",
            format!("transfer-encoding: chunked\r\n\r\n+2\r\n{{}}\r\n0\r\n\r\n{hidden}"),
        ),
        (
            "a size beyond all bounds",
            format!("transfer-encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n{{}}\r\n0\r\n\r\n{hidden}"),
        ),
        ("a null byte", format!("x-null: a\0b\r\ncontent-length: 2\r\n\r\n{{}}{hidden}")),
    ]
    .into_iter()
    .map(|(what, rest)| (what, format!("POST /api/v1/sessions HTTP/1.1\r\nhost: x\r\n{json}{rest}")))
    .collect();
    let mut open: Vec<(&str, TcpStream)> = Vec::new();
    for (what, request) in &cases {
        let mut stream = connect(&app);
        stream.write_all(request.as_bytes()).unwrap();
        open.push((what, stream));
    }
    for (what, stream) in &mut open {
        let answer = everything(stream);
        assert!(!answer.contains("\"epoch\"") && !answer.contains("\"max_"), "{what}: smuggled: {answer}");
        assert!(answer.matches("HTTP/1.1 ").count() <= 1, "{what}: {answer}");
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{what}: {answer}");
    }
}

/// A request that is refused in any case is refused at once, whatever body is announced.
async fn bodies_that_nobody_reads(app: App) {
    let ada = app.person("ada").await;
    let token = ada.api.access_token().unwrap();
    let bearer = format!("authorization: Bearer {token}\r\n");
    let json = "content-type: application/json\r\n";
    for (what, head, expected) in [
        (
            "a log-in of five gigabytes",
            format!("POST /api/v1/sessions HTTP/1.1\r\n{json}content-length: 5000000000\r\n"),
            "413",
        ),
        (
            "a picture of nobody",
            "PUT /api/v1/account/avatar HTTP/1.1\r\ncontent-type: image/png\r\ncontent-length: 5000000\r\n"
                .into(),
            "401",
        ),
        (
            "a picture of five gigabytes",
            format!(
                "PUT /api/v1/account/avatar HTTP/1.1\r\n{bearer}content-type: image/png\r\ncontent-length: 5000000000\r\n"
            ),
            "413",
        ),
        (
            "a message of a megabyte",
            format!(
                "PUT /api/v1/conversations/5/messages/a-client-id HTTP/1.1\r\n{bearer}{json}content-length: 1000000\r\n"
            ),
            "413",
        ),
        ("a body of nothing", "POST /api/v1/nothing HTTP/1.1\r\ncontent-length: 1000000\r\n".into(), "404"),
    ] {
        let mut stream = connect(&app);
        // Not one byte of the body: the response must not wait for it.
        stream.write_all(format!("{head}host: localhost\r\n\r\n").as_bytes()).unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(String::from_utf8_lossy(&answer[9..12]), expected, "{what}");
    }
    // The same body once too often: what is read is bounded, and others are served.
    let body = json!({"handle": "ada", "password": "x".repeat(70_000)}).to_string();
    let mut stream = connect(&app);
    let head =
        format!("POST /api/v1/sessions HTTP/1.1\r\nhost: x\r\n{json}transfer-encoding: chunked\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    for piece in body.as_bytes().chunks(1000) {
        let _ = stream.write_all(&[format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat());
    }
    let _ = stream.write_all(b"0\r\n\r\n");
    let answer = everything(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 413") || answer.is_empty(), "{answer}");
    ada.get("/api/v1/account").await.expect(200);
}

/// What is not HTTP is answered and ended at once; the connection keeps its place for a while, so that a client that
/// does nothing else is slowed down.
async fn those_who_break_the_rules_do_not_come_back_at_once(app: App) {
    let idle = app.connections(0);
    let mut broken: Vec<TcpStream> = (0..8).map(|_| connect(&app)).collect();
    for stream in &mut broken {
        stream.write_all(b"NO HTTP AT ALL\r\n\r\n").unwrap();
        let answer = everything(stream);
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
    assert_eq!(app.connections(0), idle + 8, "they are held after their end");
    // A well-behaved client is not.
    let mut stream = connect(&app);
    stream.write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    assert!(everything(&mut stream).starts_with("HTTP/1.1 200"));
    eventually("the held ones are let go", async || app.connections(0) <= idle).await;
}

/// While people write, connections of strangers wait for their turn to be read. One that is held never gets its turn, and
/// must be closed all the same.
async fn those_who_break_the_rules_while_people_write_are_let_go(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    let _sockets = (ada.socket_on(&[room]).await, bob.socket_on(&[room]).await);
    ada.send(room, "hi").await;
    eventually("the node has noticed that they write", async || app.is_lively(0)).await;
    let idle = app.connections(0);
    let mut broken: Vec<TcpStream> = (0..100).map(|_| connect(&app)).collect();
    for stream in &mut broken {
        stream.write_all(b"NO HTTP AT ALL\r\n\r\n").unwrap();
    }
    for stream in &mut broken {
        let answer = everything(stream);
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
    eventually("they are let go", async || app.connections(0) <= idle).await;
}

/// A client that requests much and reads none of it is refused before more is produced for it, and nobody else is.
async fn answers_that_are_not_taken_cost_nobody_else(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    for _ in 0..20 {
        ada.send(room, &"🦀".repeat(4000)).await;
    }
    let token = ada.api.access_token().unwrap();
    let path = format!("/api/v1/conversations/{room}/messages?limit=20");
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\r\n").repeat(60);
    let (to, from) = (app.address(0)["http://".len()..].parse().unwrap(), [127, 0, 0, 1].into());
    let mut greedy = Vec::new();
    // Four that are stuck are enough.
    for _ in 0..6 {
        let stream = connect_with_window(to, from, Some(4096)).await.unwrap();
        let _ = stream.try_write(request.as_bytes());
        greedy.push(stream);
    }
    eventually("she has used up what may wait for her", async || {
        app.advance(SECOND);
        ada.get("/api/v1/account").await.status == 503
    })
    .await;
    let refused = ada.get(&path).await;
    assert!(
        refused.status == 503 && refused.text.contains("\"unavailable\""),
        "{} {}",
        refused.status,
        refused.text
    );
    bob.get(&path).await.expect(200);
    drop(greedy);
    eventually("she is served again", async || {
        app.advance(SECOND);
        ada.get(&path).await.status == 200
    })
    .await;
}
