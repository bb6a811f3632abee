//! Names with invisible characters, alternative spellings of addresses, and responses that are made before our own code
//! runs.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use super::super::catalogue::Findings;
use super::super::http::{self, Request};
use super::super::people::{Person, address};
use super::super::pictures;
use super::super::run::Settings;
use super::super::stage::{Stage, under};
use super::{block_on, local};
use crate::Backend;
use crate::chaos::nodes::Node;

/// Characters that take no space or change direction: zero width, soft hyphen, joiners, an override, an isolate, a tag.
const UNSEEN: [char; 7] =
    ['\u{200B}', '\u{00AD}', '\u{2060}', '\u{FEFF}', '\u{202E}', '\u{2066}', '\u{E0041}'];

/// Display names and room names that look like another one.
pub fn names(backend: Backend, _: Settings) -> Findings {
    let stage = Stage::start(backend, &[]);
    let mut findings = Findings::default();
    block_on(async {
        let to = stage.address();
        let alice = Person::register(to, address(2, 0), "alice").await.expect("registers");
        for (number, unseen) in UNSEEN.iter().enumerate() {
            let code = u32::from(*unseen);
            let name = format!("Ali{unseen}ce");
            let named = alice.ask(to, "PATCH", "/api/v1/account", Some(json!({"display_name": name}))).await;
            let status = named.expect("an answer").status;
            findings.demand(status == 422, format!("a display name with U+{code:04X}: {status}"));
            let name = format!("to{unseen}wn {number}");
            let made = alice.ask(to, "POST", "/api/v1/rooms", Some(json!({"name": name}))).await;
            let status = made.expect("an answer").status;
            findings.demand(status == 422, format!("a room with U+{code:04X}: {status}"));
        }
        // The same letters to the eye: Latin, and Cyrillic in place of Latin.
        alice.create_room(to, "paypal support").await;
        // So are names that differ only in a direction mark, which names in two scripts need.
        for alike in ["pаypаl support", "pay\u{200E}pal support", "paypal support\u{200F}"] {
            let made = alice.ask(to, "POST", "/api/v1/rooms", Some(json!({"name": alike}))).await;
            let status = made.expect("an answer").status;
            findings.demand(status >= 400, format!("{alike:?}, which looks like another room: {status}"));
        }
    });
    findings
}

/// The public address with capitals, with its default port and in punycode; and with a path, which cannot work.
pub fn origins(backend: Backend, _: Settings) -> Findings {
    let mut findings = Findings::default();
    let database = local::database(backend);
    let start = |url: &str| {
        let settings = Stage::settings(backend, &database, &[("PARLOUR_PUBLIC_URL", url)]);
        let node = Node::prepare(database.folder.path().join("node"), settings, under());
        node.try_start().then_some(node)
    };
    for (url, origin) in [
        ("https://Chat.Example.org", "https://chat.example.org"),
        ("https://chat.example.org:443", "https://chat.example.org"),
        ("https://chat.example.org/", "https://chat.example.org"),
        ("HTTPS://CHAT.EXAMPLE.ORG:443/", "https://chat.example.org"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("http://localhost:80", "http://localhost"),
    ] {
        let Some(node) = start(url) else {
            findings.demand(false, format!("{url} does not start"));
            continue;
        };
        let status = refresh(&node, origin);
        findings.demand(status == "401", format!("{url}: a page of {origin} gets {status}"));
        let status = refresh(&node, "https://evil.example");
        findings.demand(status == "403", format!("{url}: a page of https://evil.example gets {status}"));
    }
    for url in
        ["https://chat.example.org/chat", "https://chat.example.org?x=1", "https://user@chat.example.org"]
    {
        findings.demand(start(url).is_none(), format!("{url} starts, and no browser gets in"));
    }
    findings
}

fn raw(node: &Node, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(node.address.trim_start_matches("http://")).expect("connects");
    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a time-out");
    let _ = stream.write_all(request);
    let (mut answer, mut some) = (Vec::new(), [0; 4096]);
    while !answer.windows(4).any(|window| window == b"\r\n\r\n") {
        match stream.read(&mut some) {
            Ok(count) if count > 0 => answer.extend_from_slice(&some[..count]),
            _ => break,
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// The status for a made-up cookie that a page of this origin sends: 401 if the server looks at it, 403 if not.
fn refresh(node: &Node, origin: &str) -> String {
    let request = format!(
        "POST /api/v1/sessions/refresh HTTP/1.1\r\nhost: other.example\r\norigin: {origin}\r\n\
         cookie: parlour_refresh=5.x; __Host-parlour_refresh=5.x\r\ncontent-type: application/json\r\n\
         content-length: 2\r\n\r\n{{}}"
    );
    raw(node, request.as_bytes()).split(' ').nth(1).unwrap_or_default().to_owned()
}

/// Responses of the framework carry the same headers as all others; half a picture is refused; a reply must refer to a
/// message.
pub fn framework(backend: Backend, _: Settings) -> Findings {
    let stage = Stage::start(backend, &[]);
    let mut findings = Findings::default();
    let long = format!("GET / HTTP/1.1\r\nhost: x\r\nx-long: {}\r\n\r\n", "x".repeat(200_000));
    for (what, request) in [
        ("a bad header", "GET / HTTP/1.1\r\nbad header\r\n\r\n"),
        ("two lengths", "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n"),
        ("no method", "\0\0\0\0 / HTTP/1.1\r\n\r\n"),
        ("endless headers", long.as_str()),
    ] {
        let answer = raw(&stage.nodes[0], request.as_bytes()).to_lowercase();
        for header in ["x-content-type-options: nosniff", "content-security-policy:", "referrer-policy:"] {
            let holds = answer.is_empty() || answer.contains(header);
            findings.demand(
                holds,
                format!("{what}: no {header} in {:?}", answer.lines().next().unwrap_or_default()),
            );
        }
    }
    block_on(async {
        let to = stage.address();
        let alice = Person::register(to, address(2, 0), "alice").await.expect("registers");
        let jpeg = pictures::jpeg();
        let half = &jpeg[..jpeg.len() / 2];
        let head = format!("content-type: image/jpeg\r\ncontent-length: {}\r\n", half.len());
        let request =
            Request { headers: &head, ..Request::new("PUT", "/api/v1/account/avatar").by(&alice.token) };
        let mut stream = http::connect(to, alice.from, None).await.expect("connects");
        let bytes = [request.bytes(false), half.to_vec()].concat();
        tokio::io::AsyncWriteExt::write_all(&mut stream, &bytes).await.expect("sends");
        let answer = http::read_answer(&mut stream, &mut Vec::new()).await.expect("an answer");
        findings.demand(answer.status >= 400, format!("half a picture: {}", answer.status));
        let room = alice.create_room(to, "answers").await;
        let path = format!("/api/v1/conversations/{room}/messages/the-answer");
        // Position 1 is the creation of the room.
        let sent =
            alice.ask(to, "PUT", &path, Some(json!({"body": "re", "reply_to": 1}))).await.expect("an answer");
        findings.demand(sent.status >= 400, format!("an answer to what is no message: {}", sent.status));
    });
    findings
}
