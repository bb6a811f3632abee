//! Messages: how many, how fast, what each costs, and what happens when there are too many.

use std::time::Duration;

use serde_json::{Value, json};

use crate::cast::{Database, people, room, tokens};
use crate::ledger::Stored;
use crate::measure::{Bar, Habits, MEASURED, Measured, WARM_UP, join, join_with, measure, search};
use crate::server::Process;

/// The highest rate at which 99 of 100 deliveries take at most 250 ms.
fn delivered_in_time(audience: u64) -> Bar {
    Bar { audience, good: |measured: &Measured| measured.delivery.at(0.99) <= 250.0 }
}

/// 1000 sockets in one room; ten of them send texts of this many bytes.
pub async fn hot_room(on: Database, bytes: usize) -> Value {
    let nobody = vec![String::new(); 1000];
    let bare = async |server: Process, from: f64| {
        let server = server.with_bytes(bytes);
        let open = async || join(&server, &nobody, |_| String::new()).await;
        search(&server, open, 10, delivered_in_time(1000), from).await.deliveries_per_second()
    };
    let floors = (bare(Process::floor(), 50.0).await, bare(Process::gathering_floor(), 100.0).await);
    let server = on.parlour().with_bytes(bytes);
    let people = people(&server, 1000).await;
    let room = room(&people).await;
    let tokens = tokens(&people);
    let open = async || join(&server, &tokens, |_| room.to_string()).await;
    let best = search(&server, open, 10, delivered_in_time(1000), 100.0).await;
    let mut line = best.json("hot-room");
    line["floor_deliveries_per_second"] = json!(floors.0);
    line["ratio_to_floor"] = json!(best.deliveries_per_second() / floors.0);
    line["gathering_floor_deliveries_per_second"] = json!(floors.1);
    line["ratio_to_gathering_floor"] = json!(best.deliveries_per_second() / floors.1);
    line["at_least"] = json!({ "ratio_to_gathering_floor": if bytes < 1000 { 0.8 } else { 0.6 } });
    server.ledger.check().note(&mut line);
    line
}

/// 500 sockets in 50 rooms of ten; all of them send texts of this many bytes.
pub async fn many_rooms(on: Database, bytes: usize) -> Value {
    let bare = {
        let server = Process::gathering_floor().with_bytes(bytes);
        let nobody = vec![String::new(); 500];
        let open = async || join(&server, &nobody, |number| (number / 10 + 1).to_string()).await;
        search(&server, open, 500, delivered_in_time(10), 8000.0).await.deliveries_per_second()
    };
    let (server, tokens, rooms) = rooms_of_ten(on).await;
    let server = server.with_bytes(bytes);
    let open = async || join(&server, &tokens, |number| rooms[number / 10].clone()).await;
    let best = search(&server, open, 500, delivered_in_time(10), 4000.0).await;
    let mut line = best.json("many-rooms");
    line["gathering_floor_deliveries_per_second"] = json!(bare);
    line["ratio_to_gathering_floor"] = json!(best.deliveries_per_second() / bare);
    if bytes < 1000 {
        let least = if on == Database::Sqlite { 0.25 } else { 0.5 };
        line["at_least"] = json!({ "ratio_to_gathering_floor": least });
    }
    server.ledger.check().note(&mut line);
    line
}

async fn rooms_of_ten(on: Database) -> (Process, Vec<String>, Vec<String>) {
    let server = on.parlour();
    let people = people(&server, 500).await;
    let mut rooms = Vec::new();
    for group in people.chunks(10) {
        rooms.push(room(group).await.to_string());
    }
    (server, tokens(&people), rooms)
}

/// Two messages per second into the room of 1000: the latency that people notice. The floor stores nothing: its latency
/// is that of a thousand writes.
pub async fn calm(on: Database) -> Value {
    let time = Duration::from_secs(60);
    let floor = {
        let server = Process::floor();
        let crowd = join(&server, &vec![String::new(); 1000], |_| String::new()).await;
        measure(&server, &crowd.seen, &crowd.sockets[..10], 2.0, WARM_UP, time / 3).await
    };
    let server = on.parlour();
    let people = people(&server, 1000).await;
    let room = room(&people).await;
    let crowd = join(&server, &tokens(&people), |_| room.to_string()).await;
    let measured = measure(&server, &crowd.seen, &crowd.sockets[..10], 2.0, WARM_UP, time).await;
    let mut line = measured.json("calm");
    for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
        line[format!("floor_delivery_{name}_ms")] = json!(floor.delivery.at(share));
        line[format!("ratio_to_floor_{name}")] =
            json!(measured.delivery.at(share) / floor.delivery.at(share));
    }
    line["at_most"] = json!({ "ratio_to_floor_p99": 1.3 });
    server.ledger.check().note(&mut line);
    line
}

/// Durable messages from 200 people into one room that nobody watches: what storage alone allows with an
/// acknowledgement within 50 ms.
pub async fn sends(on: Database) -> Value {
    let server = on.parlour();
    let people = people(&server, 200).await;
    let room = room(&people).await.to_string();
    let tokens = tokens(&people);
    let open = async || {
        let crowd = join(&server, &tokens, |_| String::new()).await;
        crowd.sockets.iter().for_each(|socket| socket.write_to(&room));
        server.ledger.note_room(&room);
        crowd
    };
    let bar = Bar { audience: 0, good: |measured: &Measured| measured.ack.at(0.99) <= 50.0 };
    let mut line = search(&server, open, 200, bar, 1000.0).await.json("sends");
    server.ledger.check().note(&mut line);
    line
}

/// The cost of a delivery in rooms of different sizes. Everyone is a different person. The floor is what ten thousand
/// writes take.
pub async fn growth(on: Database) -> Value {
    let mut line = json!({ "scenario": "growth" });
    let floor = {
        let server = Process::floor();
        let crowd = join(&server, &vec![String::new(); 10_000], |_| String::new()).await;
        crowd.seen.audience.set(10_000);
        measure(&server, &crowd.seen, &crowd.sockets[..10], 2.0, WARM_UP, MEASURED * 4).await
    };
    let mut stored = Stored::default();
    for size in [10_usize, 100, 1000, 10_000] {
        let server = on.parlour();
        let people = people(&server, size).await;
        let room = room(&people).await;
        let tokens = tokens(&people);
        // Their HTTP connections would stay open for a while, and with ten thousand sockets there are not enough file
        // descriptors for both.
        drop(people);
        let crowd = join(&server, &tokens, |_| room.to_string()).await;
        // The same deliveries per second everywhere, except in the smallest rooms, where that is more messages than ten
        // people may have in flight.
        let rate = (100_000.0 / size as f64).min(1000.0);
        let measured = measure(&server, &crowd.seen, &crowd.sockets[..10], rate, WARM_UP, MEASURED).await;
        line[format!("deliveries_per_second_{size}")] = json!(measured.deliveries_per_second());
        line[format!("cpu_s_per_million_deliveries_{size}")] = json!(measured.cpu_per_million());
        line[format!("delivery_p99_ms_{size}")] = json!(measured.delivery.at(0.99));
        line[format!("wrong_{size}")] = json!(measured.lost + measured.doubled + measured.resyncs);
        if size == 10_000 {
            // What people notice: the time until everyone has a message, two of them each second.
            crowd.seen.audience.set(size as u64);
            let calm = measure(&server, &crowd.seen, &crowd.sockets[..10], 2.0, WARM_UP, MEASURED * 4).await;
            line["everybody_has_it_p50_ms"] = json!(calm.everybody.at(0.5));
            line["everybody_has_it_p99_ms"] = json!(calm.everybody.at(0.99));
            line["cpu_s_per_million_deliveries_calm"] = json!(calm.cpu_per_million());
            line["floor_everybody_has_it_p99_ms"] = json!(floor.everybody.at(0.99));
            line["floor_cpu_s_per_million_deliveries"] = json!(floor.cpu_per_million());
            line["ratio_to_floor_p99"] = json!(calm.everybody.at(0.99) / floor.everybody.at(0.99));
            line["at_most"] = json!({ "everybody_has_it_p99_ms": 80 });
        }
        stored += server.ledger.check();
    }
    stored.note(&mut line);
    line
}

/// Twice as much as can be stored, and then an easy load: the excess is refused with an error, nothing is lost,
/// duplicated or reordered, and the server is soon as fast as before.
pub async fn overload(on: Database) -> Value {
    let (server, tokens, rooms) = rooms_of_ten(on).await;
    let open = async || join(&server, &tokens, |number| rooms[number / 10].clone()).await;
    let most = search(&server, open, 500, delivered_in_time(10), 8000.0).await.rate;
    let crowd = open().await;
    let round = async |rate, seconds| {
        measure(&server, &crowd.seen, &crowd.sockets, rate, Duration::ZERO, Duration::from_secs(seconds))
            .await
    };
    let over = round(2.0 * most, 10).await;
    let resident = server.resident_kib();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let after = round(most / 4.0, 5).await;
    let mut line = json!({
        "scenario": "overload", "offered_per_second": over.rate, "sent": over.sent, "acked": over.acked,
        "refused": over.refused, "lost": over.lost, "doubled_or_reordered": over.doubled,
        "resyncs": over.resyncs, "resident_mib": resident / 1024.0,
        "afterwards_acked": after.acked, "afterwards_sent": after.sent,
        "afterwards_delivery_p99_ms": after.delivery.at(0.99), "afterwards_lost": after.lost,
    });
    server.ledger.check().note(&mut line);
    line
}

/// 1000 sockets in one room, ten of which stop reading: what the others notice, and what the stalled ones cost.
pub async fn slow_readers(on: Database) -> Value {
    let server = on.parlour();
    let people = people(&server, 1000).await;
    let room = room(&people).await;
    let tokens = tokens(&people);
    let mut line = json!({ "scenario": "slow-readers" });
    for (name, stalled) in [("all_read", 0), ("ten_stalled", 10)] {
        // The last ones; the first ones send, and must see their acknowledgements.
        let reads = |number: usize| number < tokens.len() - stalled;
        let habits = Habits { reads, marks: None };
        let crowd = join_with(&server, &tokens, |_| room.to_string(), habits).await;
        let before = server.resident_kib();
        let round = measure(&server, &crowd.seen, &crowd.sockets[..10], 500.0, WARM_UP, MEASURED).await;
        line[format!("delivery_p99_ms_{name}")] = json!(round.delivery.at(0.99));
        line[format!("wrong_{name}")] = json!(round.lost + round.doubled + round.resyncs);
        line[format!("grown_kib_{name}")] = json!(server.resident_kib() - before);
    }
    server.ledger.check().note(&mut line);
    line
}
