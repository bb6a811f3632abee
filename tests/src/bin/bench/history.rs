//! Pages of history: those that many people read, and those that nobody has read before, in a short conversation and in
//! one of a million messages.

use std::time::{Duration, Instant};

use diesel::RunQueryDsl;
use diesel::sql_types::{BigInt, Text};
use futures_util::future::join_all;
use parlour_protocol::ids::ConversationId;
use parlour_storage::on_backend;
use serde_json::{Value, json};
use tokio::task::spawn_local;

use crate::cast::{Database, Somebody, people, room};
use crate::load::{Latencies, get};
use crate::server::Process;

const LANES: u64 = 8;
/// How long pages are read that do not end.
const TIME: Duration = Duration::from_secs(5);

/// Pages of 50 messages on eight connections of eight people.
pub async fn history(on: Database) -> Value {
    let server = on.parlour();
    let people = people(&server, 10).await;
    let mut line = json!({ "scenario": "history" });

    let kept = often(&server, &people, TIME).await;
    kept.note(&mut line, "");
    let bare = floor(kept.bytes, TIME).await;
    line["floor_pages_per_second"] = json!(bare);
    line["ratio_to_floor"] = json!(kept.per_second / bare);

    // What nobody has read before: each page once.
    for (name, size) in [("_first_read_of_1000", 1000), ("_first_read_of_1000000", 1_000_000)] {
        let room = room(&people).await;
        fill(&server, room, &people[0], size);
        // Steps that are coprime with the size visit every position before they repeat.
        let once = move |lane: u64, number: u64| {
            let index = number * LANES + lane;
            (51 + index * 7919 % (size as u64 - 50), 50 - (index / (size as u64 - 50)) % 10)
        };
        let first = pages(&server, room, &people, once, Until::Count(700)).await;
        first.note(&mut line, name);
        line[format!("ratio_to_kept{name}")] = json!(first.per_second / kept.per_second);
    }
    line["at_least"] = json!({
        "ratio_to_floor": 0.6, "ratio_to_kept_first_read_of_1000": 0.5, "ratio_to_kept_first_read_of_1000000": 0.5,
    });
    line
}

/// Milliseconds of the server's CPU time per page that many read.
pub async fn read_often(server: &Process, people: &[Somebody], time: Duration) -> f64 {
    often(server, &people[..10], time).await.cpu_ms
}

/// What many read: everyone scrolls up from the newest message.
async fn often(server: &Process, people: &[Somebody], time: Duration) -> Figures {
    let read_often = room(people).await;
    fill(server, read_often, &people[0], 12_000);
    let place = |lane: u64, number: u64| (12_001 - (lane + number) % 40 * 50, 50);
    pages(server, read_often, people, place, Until::Time(time)).await
}

/// When a lane ends.
#[derive(Clone, Copy)]
enum Until {
    /// After this time.
    Time(Duration),
    /// After this many pages.
    Count(u64),
}

struct Figures {
    /// Bytes of the last page.
    bytes: usize,
    per_second: f64,
    took: Latencies,
    cpu_ms: f64,
    statements: f64,
}

impl Figures {
    fn note(&self, line: &mut Value, name: &str) {
        line[format!("pages_per_second{name}")] = json!(self.per_second);
        line[format!("page_p50_ms{name}")] = json!(self.took.at(0.5));
        line[format!("page_p99_ms{name}")] = json!(self.took.at(0.99));
        line[format!("server_cpu_ms_per_page{name}")] = json!(self.cpu_ms);
        line[format!("statements_per_page{name}")] = json!(self.statements);
    }
}

/// Reads pages on lanes, each of which is a different person. `place` returns the position before which to read, and the
/// number of messages.
async fn pages(
    server: &Process,
    room: ConversationId,
    readers: &[Somebody],
    place: impl Fn(u64, u64) -> (u64, u64) + Copy + 'static,
    until: Until,
) -> Figures {
    let (began, cpu, statements) = (Instant::now(), server.cpu_seconds(), server.statements().await);
    let lanes = (0..LANES).map(|lane| {
        let reader = &readers[lane as usize % readers.len()];
        let path = move |number| {
            let (before, limit) = place(lane, number);
            format!("/api/v1/conversations/{room}/messages?limit={limit}&before={before}")
        };
        spawn_local(read(server.address.clone(), reader.token.clone(), path, until))
    });
    let lanes: Vec<(usize, Vec<u64>)> = join_all(lanes).await.into_iter().map(|lane| lane.unwrap()).collect();
    let bytes = lanes[0].0;
    let took: Vec<u64> = lanes.into_iter().flat_map(|(_, took)| took).collect();
    let (seconds, count) = (began.elapsed().as_secs_f64(), took.len() as f64);
    Figures {
        bytes,
        per_second: count / seconds,
        took: Latencies::from(took),
        cpu_ms: (server.cpu_seconds() - cpu) * 1000.0 / count,
        statements: (server.statements().await - statements) as f64 / count,
    }
}

/// Reads one page after the other on one connection; returns the length of the last one, and microseconds per page.
async fn read(
    address: String,
    token: String,
    path: impl Fn(u64) -> String + 'static,
    until: Until,
) -> (usize, Vec<u64>) {
    let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (began, mut bytes, mut took) = (Instant::now(), 0, Vec::new());
    while match until {
        Until::Time(time) => began.elapsed() < time,
        Until::Count(count) => (took.len() as u64) < count,
    } {
        let asked = Instant::now();
        bytes = get(&mut stream, &address, &path(took.len() as u64), &token).await;
        took.push(asked.elapsed().as_micros() as u64);
    }
    (bytes, took)
}

/// Pages per second of a bare server that sends as many bytes from memory.
async fn floor(bytes: usize, time: Duration) -> f64 {
    let (server, began) = (Process::floor(), Instant::now());
    let path = move |_| format!("/bytes/{bytes}");
    let lanes =
        (0..LANES).map(|_| spawn_local(read(server.address.clone(), String::new(), path, Until::Time(time))));
    let count: usize = join_all(lanes).await.into_iter().map(|lane| lane.unwrap().1.len()).sum();
    count as f64 / began.elapsed().as_secs_f64()
}

/// Messages per insert statement.
const AT_ONCE: i64 = 50_000;

/// Inserts messages of 100 bytes behind a room's log, bypassing the server: creating a million through the API would
/// take minutes, and only reading is measured.
fn fill(server: &Process, room: ConversationId, author: &Somebody, count: i64) {
    let mut database = server.ledger.database().expect("a database").connect().unwrap();
    for done in (0..count).step_by(AT_ONCE as usize) {
        let most = AT_ONCE.min(count - done);
        let insert = diesel::sql_query(
            "INSERT INTO events (conversation_id, seq, kind, author_id, at, cid, body)
             WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < $3)
             SELECT $1, last_seq + n, 0, $2, 1700000000000000 + n, 'bench-' || (last_seq + n),
                    substr('t=' || n || $4, 1, 100)
             FROM conversations, numbers WHERE id = $1",
        )
        .bind::<BigInt, _>(room.0)
        .bind::<BigInt, _>(author.id.0)
        .bind::<BigInt, _>(most)
        .bind::<Text, _>("x".repeat(100));
        on_backend!(&mut database, inner => insert.execute(inner)).unwrap();
        let advance = diesel::sql_query("UPDATE conversations SET last_seq = last_seq + $2 WHERE id = $1")
            .bind::<BigInt, _>(room.0)
            .bind::<BigInt, _>(most);
        on_backend!(&mut database, inner => advance.execute(inner)).unwrap();
    }
    // PostgreSQL does this by itself sooner or later; it should not happen in the middle of a measurement.
    on_backend!(&mut database, inner => diesel::sql_query("ANALYZE events").execute(inner)).unwrap();
}
