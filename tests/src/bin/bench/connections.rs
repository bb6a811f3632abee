//! Connections: how fast they come, what an idle one costs, and how thousands come back at once.

use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::task::spawn_local;

use crate::cast::{Database, people, room, tokens};
use crate::load::{Latencies, Socket, drive};
use crate::measure::join;
use crate::server::Process;

/// Connections with a verified token and an answered `start`, one after the other on each of 16 lanes. The floor reads
/// no token, looks nobody up, and answers the handshake alone.
pub async fn connect(on: Database) -> Value {
    let floor = {
        let server = Process::floor();
        connect_for(Duration::from_secs(2), &server.address, &[String::new()], "").await
    };
    let server = on.parlour();
    let people = people(&server, 2000).await;
    let room = room(&people[..200]).await.to_string();
    let tokens = tokens(&people);
    let (cpu, statements) = (server.cpu_seconds(), server.statements().await);
    let made = connect_for(Duration::from_secs(5), &server.address, &tokens, &room).await;
    json!({
        "scenario": "connect", "connects_per_second": made.per_second, "people": tokens.len(),
        "connect_p50_ms": made.took.at(0.5), "connect_p99_ms": made.took.at(0.99),
        "floor_connects_per_second": floor.per_second, "ratio_to_floor": made.per_second / floor.per_second,
        "server_cpu_ms_per_connect": (server.cpu_seconds() - cpu) * 1000.0 / made.count,
        "statements_per_connect": (server.statements().await - statements) as f64 / made.count,
        "at_least": { "ratio_to_floor": 0.75 },
    })
}

/// Connections that were made.
pub struct Made {
    /// How many.
    pub count: f64,
    per_second: f64,
    took: Latencies,
}

/// Connects on 16 lanes for a time, each time as the next of the people.
pub async fn connect_for(time: Duration, address: &str, tokens: &[String], room: &str) -> Made {
    let (address, tokens, room): (Rc<str>, Rc<[String]>, Rc<str>) =
        (address.into(), tokens.into(), room.into());
    let began = Instant::now();
    let lanes = (0..16).map(|lane| {
        let (address, tokens, room) = (address.clone(), tokens.clone(), room.clone());
        spawn_local(async move {
            let mut took = Vec::new();
            while began.elapsed() < time {
                let asked = Instant::now();
                let token = &tokens[(lane + 16 * took.len()) % tokens.len()];
                drop(Socket::open(&address, token, &room).await);
                took.push(asked.elapsed().as_micros() as u64);
            }
            took
        })
    });
    let took: Vec<u64> = join_all(lanes).await.into_iter().flat_map(|lane| lane.unwrap()).collect();
    let count = took.len() as f64;
    Made { count, per_second: count / began.elapsed().as_secs_f64(), took: took.into() }
}

/// Idle sockets: what one costs in memory. On the floor, one costs a task.
pub async fn idle(on: Database) -> Value {
    let floor = {
        let server = Process::floor();
        stay(&server, &vec![String::new(); 1000]).await
    };
    let server = on.parlour();
    let people = people(&server, 1000).await;
    let stayed = stay(&server, &tokens(&people)).await;
    json!({
        "scenario": "idle", "sockets": stayed.sockets, "resident_mib": stayed.resident / 1024.0,
        "kib_per_socket": stayed.per_socket, "cpu_share_while_idle": stayed.cpu_share,
        "floor_kib_per_socket": floor.per_socket, "ratio_to_floor": stayed.per_socket / floor.per_socket,
    })
}

/// Memory in KiB.
struct Stayed {
    sockets: usize,
    resident: f64,
    per_socket: f64,
    cpu_share: f64,
}

async fn stay(server: &Process, tokens: &[String]) -> Stayed {
    // What the first sockets allocate for good is not counted as theirs.
    let mut sockets = Vec::new();
    for token in tokens {
        sockets.push(Socket::open(&server.address, token, "").await);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let empty = server.resident_kib();
    for _ in 0..9 {
        for token in tokens {
            sockets.push(Socket::open(&server.address, token, "").await);
        }
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let resident = server.resident_kib();
    let cpu = server.cpu_seconds();
    tokio::time::sleep(Duration::from_secs(5)).await;
    Stayed {
        sockets: sockets.len(),
        resident,
        per_socket: (resident - empty) / (sockets.len() - tokens.len()) as f64,
        cpu_share: (server.cpu_seconds() - cpu) / 5.0,
    }
}

/// 5,000 sockets of 1,000 people in 100 rooms are dropped at once. While they are away, every room gets ten more
/// messages. All come back at once with their positions, and must get exactly what they missed. The server admits as
/// many per second as it does by default, and sends the others away with 503 and a retry time.
pub async fn storm(on: Database) -> Value {
    const PER_PERSON: usize = 5;
    const MISSED: u64 = 10;
    let server = on.parlour_with(&[("PARLOUR_CONNECTS_PER_SECOND", "500")]);
    let people = people(&server, 1000).await;
    let mut rooms = Vec::new();
    for group in people.chunks(10) {
        rooms.push(room(group).await);
    }
    let everybody: Vec<(String, String)> = (0..people.len() * PER_PERSON)
        .map(|number| number % people.len())
        .map(|person| (people[person].token.clone(), rooms[person / 10].to_string()))
        .collect();
    // First, everyone is connected.
    let sockets =
        join_all(everybody.iter().map(|(token, room)| Socket::insist(&server.address, token, room, None)))
            .await;
    let mut cursors = HashMap::new();
    for (group, room) in people.chunks(10).zip(&rooms) {
        let head = group[0].api.show_room(*room).await.expect("the room").head as u64;
        cursors.insert(room.to_string(), head);
    }
    drop(sockets);
    // Then come the messages that they miss.
    let one_each: Vec<String> = people.chunks(10).map(|group| group[0].token.clone()).collect();
    {
        tokio::time::sleep(Duration::from_secs(3)).await;
        let crowd = join(&server, &one_each, |number| rooms[number].to_string()).await;
        let count = rooms.len() as f64 * MISSED as f64;
        drive(&crowd.sockets, &crowd.seen, count, Duration::from_secs(1)).await;
        while (crowd.seen.acked.get() as f64) < count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    let (began, cpu, statements) = (Instant::now(), server.cpu_seconds(), server.statements().await);
    let address: Rc<str> = server.address.as_str().into();
    let returning: Vec<_> = everybody
        .into_iter()
        .map(|(token, room)| {
            let (cursor, address) = (cursors[&room], address.clone());
            spawn_local(async move {
                let (socket, shed) = Socket::insist(&address, &token, &room, Some(cursor)).await;
                let missing = socket.missing(cursor, MISSED).await;
                (began.elapsed().as_micros() as u64, shed, missing)
            })
        })
        .collect();
    let clients = returning.len() as f64;
    let back: Vec<(u64, u64, u64)> = join_all(returning).await.into_iter().map(|one| one.unwrap()).collect();
    let took = Latencies::from(back.iter().map(|(took, ..)| *took).collect::<Vec<u64>>());
    let mut line = json!({
        "scenario": "storm", "sockets": clients, "all_back_after_ms": took.at(1.0),
        "back_p50_ms": took.at(0.5), "back_p99_ms": took.at(0.99),
        "shed_with_503": back.iter().map(|(_, shed, _)| shed).sum::<u64>(),
        "missed_events_not_replayed": back.iter().map(|(.., missing)| missing).sum::<u64>(),
        "statements_per_client": (server.statements().await - statements) as f64 / clients,
        "server_cpu_ms_per_client": (server.cpu_seconds() - cpu) * 1000.0 / clients,
    });
    server.ledger.check().note(&mut line);
    line
}
