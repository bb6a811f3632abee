//! The shutdown of a node with many connections.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::spawn_local;

use super::super::catalogue::Findings;
use super::super::http;
use super::super::people::{Person, address};
use super::super::run::Settings;
use super::super::scene::{read_head, read_until};
use super::super::stage::{Stage, socket_address};
use super::block_on;
use crate::Backend;
use crate::chaos::nodes::Node;
use crate::wire::{client_frame, frame, upgrade};

/// With the default limits, preparing a thousand people and ten thousand sockets would take minutes.
const QUICK: [(&str, &str); 5] = [
    ("PARLOUR_HASH_MEMORY_KIB", "8"),
    ("PARLOUR_HASH_PASSES", "1"),
    ("PARLOUR_AUTH_PER_MINUTE", "100000"),
    ("PARLOUR_CONNECTS_PER_SECOND", "100000"),
    ("PARLOUR_CONNECTS_PER_ADDRESS", "100000"),
];
/// Sockets of one person on one node.
const PER_PERSON: usize = 10;
/// A node must be gone after this long.
const GONE: Duration = Duration::from_secs(10);
/// The close code of a node that shuts down.
const DRAINING: u16 = 4003;

/// SIGTERM to each node in turn, with a thousand sockets and with ten thousand.
pub fn sigterm(backend: Backend, _: Settings) -> Findings {
    let mut findings = Findings::default();
    for count in [1000, 10_000] {
        let stage = Stage::start(backend, &QUICK);
        // A shell's limit is too low for this many; a node that does not raise it by itself gets help here.
        for node in &stage.nodes {
            raise(node);
        }
        block_on(end_each(&stage, count, &mut findings));
        if !findings.faults.is_empty() {
            findings.last_words = stage.last_words();
        }
    }
    findings
}

fn raise(node: &Node) {
    let pid = node.pid().unwrap_or_default().to_string();
    let _it_may_have_itself =
        std::process::Command::new("prlimit").args(["--pid", &pid, "--nofile=20000:20000"]).status();
}

async fn end_each(stage: &Stage, count: usize, findings: &mut Findings) {
    let mut people = Vec::new();
    let needed = count.div_ceil(PER_PERSON);
    while people.len() < needed {
        let next = people.len()..needed.min(people.len() + 16);
        let registering = next.map(|number| async move {
            Person::register(stage.address(), address(2, number), &format!("person{number}")).await
        });
        people.extend(join_all(registering).await.into_iter().map(|made| made.expect("registers")));
    }
    let people: Rc<[Person]> = people.into();
    for (number, node) in stage.nodes.iter().enumerate() {
        let name = format!("{count} sockets of node {number}");
        let sockets = open(socket_address(node), &people, count).await;
        findings.demand(sockets.len() == count, format!("{name}: only {} could be opened", sockets.len()));
        let opened = sockets.len();
        let began = Instant::now();
        let reading: Vec<_> =
            sockets.into_iter().map(|stream| spawn_local(close_code(stream, began))).collect();
        let ending = Arc::clone(node);
        let ended = tokio::task::spawn_blocking(move || (ending.end(), began.elapsed()));
        let (mut codes, mut moments) = (BTreeMap::<String, usize>::new(), Vec::new());
        for (code, at) in join_all(reading).await.into_iter().flatten() {
            *codes.entry(code.map_or("none".into(), |code| code.to_string())).or_default() += 1;
            moments.push(at);
        }
        let (well, took) = ended.await.expect("the node is told to end");
        moments.sort_unstable();
        let spread =
            moments.last().zip(moments.first()).map_or(0, |(last, first)| (*last - *first).as_millis());
        findings.value(
            &name,
            json!({"codes": codes, "spread_ms": spread as u64, "gone_ms": took.as_millis() as u64}),
        );
        let told = codes.get(&DRAINING.to_string()).copied().unwrap_or(0);
        findings.demand(told == opened, format!("{name}: {told} of {opened} were told {DRAINING}"));
        findings.demand(took <= GONE, format!("{name}: gone after {:.1} s", took.as_secs_f64()));
        findings.demand(well, format!("{name}: it did not end by itself and well"));
    }
}

async fn open(to: std::net::SocketAddr, people: &Rc<[Person]>, count: usize) -> Vec<TcpStream> {
    let lanes = (0..32).map(|lane| {
        let people = people.clone();
        spawn_local(async move {
            let mut sockets = Vec::new();
            for number in (lane..count).step_by(32) {
                let person = &people[number % people.len()];
                // Overload is reported, and passes.
                for _ in 0..20 {
                    match one(to, person, number).await {
                        Some(stream) => {
                            sockets.push(stream);
                            break;
                        }
                        None => tokio::time::sleep(Duration::from_millis(250)).await,
                    }
                }
            }
            sockets
        })
    });
    join_all(lanes).await.into_iter().flat_map(|sockets| sockets.expect("a lane")).collect()
}

async fn one(to: std::net::SocketAddr, person: &Person, number: usize) -> Option<TcpStream> {
    let mut stream = http::connect(to, address(7, number), None).await.ok()?;
    stream.write_all(upgrade("localhost", "/api/v1/socket").as_bytes()).await.ok()?;
    if !read_head(&mut stream).await {
        return None;
    }
    let start = format!("{{\"op\":\"start\",\"id\":1,\"token\":\"{}\"}}", person.token);
    stream.write_all(&client_frame(&start)).await.ok()?;
    read_until(&mut stream, b"\"type\":\"ok\"").await.then_some(stream)
}

/// Reads to the end. Returns the code of the close frame, answered as clients do, and when it arrived.
async fn close_code(mut stream: TcpStream, began: Instant) -> (Option<u16>, Duration) {
    let mut buffer = Vec::new();
    let reading = async {
        loop {
            match stream.read_buf(&mut buffer).await {
                Ok(count) if count > 0 => {}
                _ => return (None, began.elapsed()),
            }
            while let Some((opcode, range)) = frame(&buffer) {
                if opcode == 8 {
                    let code = buffer
                        .get(range.start..range.start + 2)
                        .map(|code| u16::from_be_bytes([code[0], code[1]]));
                    let at = began.elapsed();
                    let _ = stream.write_all(&[0x88, 0x80, 0, 0, 0, 0]).await;
                    return (code, at);
                }
                buffer.drain(..range.end);
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), reading).await.unwrap_or((None, began.elapsed()))
}
