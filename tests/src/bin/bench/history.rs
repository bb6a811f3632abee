//! Pages of history: those that many people read, and those that nobody has read before, in a short conversation and in
//! one of a million messages.

use std::time::{Duration, Instant};

use diesel::RunQueryDsl;
use diesel::sql_types::BigInt;
use futures_util::future::join_all;
use parlour_protocol::ids::ConversationId;
use parlour_storage::connection::Address;
use parlour_storage::on_backend;
use serde_json::{Value, json};
use tokio::task::spawn_local;

use crate::cast::{Somebody, parlour, people, room, setting};
use crate::load::{Latencies, get};
use crate::server::Process;

const LANES: u64 = 8;

/// Pages of 50 messages on eight connections of eight people.
pub async fn history() -> Value {
    let server = parlour();
    let people = people(&server, 10).await;
    let mut line = json!({ "scenario": "history" });

    // What many read: everyone scrolls up from the newest message.
    let read_often = room(&people).await;
    fill(read_often, &people[0], 12_000);
    let often = |lane: u64, number: u64| (12_001 - (lane + number) % 40 * 50, 50);
    let figures = pages(&server, read_often, &people, often, None).await;
    figures.note(&mut line, "");

    // What nobody has read before: each page once.
    for (name, size) in [("_first_read_of_1000", 1000), ("_first_read_of_1000000", 1_000_000)] {
        let room = room(&people).await;
        fill(room, &people[0], size);
        // Steps that are coprime with the size visit every position before they repeat.
        let once = move |lane: u64, number: u64| {
            let index = number * LANES + lane;
            (51 + index * 7919 % (size as u64 - 50), 50 - (index / (size as u64 - 50)) % 10)
        };
        pages(&server, room, &people, once, Some(700)).await.note(&mut line, name);
    }
    line
}

struct Figures {
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

/// Reads pages for five seconds, or a given number on each lane; each lane is a different person. `place` returns the
/// position before which to read, and the number of messages.
async fn pages(
    server: &Process,
    room: ConversationId,
    readers: &[Somebody],
    place: impl Fn(u64, u64) -> (u64, u64) + Copy + 'static,
    count: Option<u64>,
) -> Figures {
    let (began, cpu, statements) = (Instant::now(), server.cpu_seconds(), server.statements().await);
    let until = began + Duration::from_secs(5);
    let lanes = (0..LANES).map(|lane| {
        let reader = &readers[lane as usize % readers.len()];
        let (address, token) = (server.address.clone(), reader.token.clone());
        spawn_local(async move {
            let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
            stream.set_nodelay(true).unwrap();
            let mut took = Vec::new();
            while count.map_or(Instant::now() < until, |count| (took.len() as u64) < count) {
                let asked = Instant::now();
                let (before, limit) = place(lane, took.len() as u64);
                let path = format!("/api/v1/conversations/{room}/messages?limit={limit}&before={before}");
                get(&mut stream, &address, &path, &token).await;
                took.push(asked.elapsed().as_micros() as u64);
            }
            took
        })
    });
    let took: Vec<u64> = join_all(lanes).await.into_iter().flat_map(|lane| lane.unwrap()).collect();
    let (seconds, read) = (began.elapsed().as_secs_f64(), took.len() as f64);
    Figures {
        per_second: read / seconds,
        took: Latencies::from(took),
        cpu_ms: (server.cpu_seconds() - cpu) * 1000.0 / read,
        statements: (server.statements().await - statements) as f64 / read,
    }
}

/// Messages per insert statement.
const AT_ONCE: i64 = 50_000;

/// Inserts messages of 100 bytes behind a room's log, bypassing the server: creating a million through the API would
/// take minutes, and only reading is measured.
fn fill(room: ConversationId, author: &Somebody, count: i64) {
    let mut database = Address::parse(&setting("TEST_DATABASE_URL")).unwrap().connect().unwrap();
    for done in (0..count).step_by(AT_ONCE as usize) {
        let insert = diesel::sql_query(
            "WITH room AS (UPDATE conversations SET last_seq = last_seq + $3 WHERE id = $1 RETURNING last_seq - $3 AS before)
             INSERT INTO events (conversation_id, seq, kind, author_id, at, cid, body)
             SELECT $1, before + n, 0, $2, 1700000000000000 + n, 'bench-' || before + n, rpad('t=' || n, 100, 'x')
             FROM room, generate_series(1, $3) AS n",
        )
        .bind::<BigInt, _>(room.0)
        .bind::<BigInt, _>(author.id.0)
        .bind::<BigInt, _>(AT_ONCE.min(count - done));
        on_backend!(&mut database, inner => insert.execute(inner)).unwrap();
    }
    // PostgreSQL does this by itself sooner or later; it should not happen in the middle of a measurement.
    on_backend!(&mut database, inner => diesel::sql_query("ANALYZE events").execute(inner)).unwrap();
}
