//! What is measured. Each scenario prints a line of JSON; a table follows at the end.

use std::rc::Rc;
use std::time::{Duration, Instant};

use parlour_client::native::Api;
use parlour_protocol::accounts::CreateAccount;
use parlour_protocol::ids::ConversationId;
use parlour_protocol::rooms::CreateRoom;
use serde_json::{Value, json};
use tokio::task::LocalSet;

use crate::load::{Seen, Socket, drive, get, percentile};
use crate::server::Process;

/// The bar of the throughput scenarios: the highest rate at which 99 of 100 deliveries take at most this long.
const BAR_MS: f64 = 250.0;
const WARM_UP: Duration = Duration::from_secs(2);
const MEASURED: Duration = Duration::from_secs(5);

/// Runs the scenarios that are wanted, in order.
pub async fn run(wanted: &[&str]) {
    let mut lines = Vec::new();
    for scenario in wanted {
        let line = LocalSet::new()
            .run_until(async {
                match *scenario {
                    "hot-room" => hot_room().await,
                    "many-rooms" => many_rooms().await,
                    "calm" => calm().await,
                    "connect" => connect().await,
                    "history" => history().await,
                    "idle" => idle().await,
                    "growth" => growth().await,
                    other => panic!("there is no scenario {other}"),
                }
            })
            .await;
        println!("{line}");
        lines.push((scenario.to_string(), line));
    }
    println!("\n{:<12} {:<34} {:>14}", "scenario", "figure", "value");
    for (scenario, line) in lines {
        for (name, value) in line.as_object().into_iter().flatten() {
            if let Some(number) = value.as_f64() {
                println!("{scenario:<12} {name:<34} {number:>14.2}");
            }
        }
    }
}

/// The cluster's settings: PostgreSQL with durable commits, and Redis.
fn cluster() -> Vec<(&'static str, String)> {
    let url =
        |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is set by cargo xtask bench"));
    vec![("DATABASE_URL", url("TEST_DATABASE_URL")), ("REDIS_URL", url("TEST_REDIS_URL"))]
}

fn parlour() -> Process {
    let settings = cluster();
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Process::parlour(&settings)
}

/// People of one run; handles do not clash with those of other runs on the same database.
async fn people(server: &Process, count: usize) -> Vec<(Api, String)> {
    let run = crate::wire::now() % 10_000_000_000;
    let mut people = Vec::with_capacity(count);
    for number in 0..count {
        let api = Api::new(&format!("http://{}", server.address)).unwrap();
        let account = CreateAccount {
            handle: format!("b{run}_{number}"),
            display_name: None,
            password: "correct horse battery".into(),
            device: Some("bench".into()),
            invite: None,
            refresh: Default::default(),
        };
        let token = api.create_account(&account).await.expect("registers").access_token;
        people.push((api, token));
    }
    people
}

async fn room(people: &[(Api, String)]) -> ConversationId {
    let name = format!("room {}", crate::wire::now());
    let room =
        people[0].0.create_room(&CreateRoom { name, topic: String::new() }).await.expect("makes a room");
    for (api, _) in &people[1..] {
        api.join_room(room.id).await.expect("joins");
    }
    room.id
}

struct Measured {
    rate: f64,
    sent: u64,
    acked: u64,
    refused: u64,
    deliveries: u64,
    lost: u64,
    doubled: u64,
    resyncs: u64,
    delivery_p50: f64,
    delivery_p99: f64,
    ack_p50: f64,
    ack_p99: f64,
    seconds: f64,
    cpu_seconds: f64,
}

impl Measured {
    /// Whether the rate was kept: everything acknowledged and delivered to everybody in time, and nothing wrong.
    fn holds(&self, audience: u64) -> bool {
        let delivered = self.deliveries as f64 / (self.sent * audience) as f64;
        self.acked >= self.sent
            && delivered > 0.95
            && self.delivery_p99 <= BAR_MS
            && self.lost == 0
            && self.doubled == 0
            && self.resyncs == 0
    }

    fn json(&self, name: &str) -> Value {
        json!({
            "scenario": name,
            "messages_per_second": self.sent as f64 / self.seconds,
            "deliveries_per_second": self.deliveries as f64 / self.seconds,
            "offered_per_second": self.rate,
            "acked": self.acked, "refused": self.refused,
            "lost": self.lost, "doubled_or_reordered": self.doubled, "resyncs": self.resyncs,
            "delivery_p50_ms": self.delivery_p50, "delivery_p99_ms": self.delivery_p99,
            "ack_p50_ms": self.ack_p50, "ack_p99_ms": self.ack_p99,
            "server_cpu_seconds_per_million_deliveries": self.cpu_seconds / (self.deliveries as f64 / 1e6),
        })
    }
}

async fn measure(
    server: &Process,
    seen: &Rc<Seen>,
    senders: &[Rc<Socket>],
    rate: f64,
    warm_up: Duration,
    time: Duration,
) -> Measured {
    drive(senders, seen, rate, warm_up).await;
    seen.delivery.borrow_mut().clear();
    seen.ack.borrow_mut().clear();
    let before =
        (seen.deliveries.get(), seen.lost.get(), seen.doubled.get(), seen.refused.get(), seen.resyncs.get());
    let acked_before = seen.acked.get();
    let waiting = seen.intended.borrow().len() as u64 - acked_before;
    let cpu = server.cpu_seconds();
    let began = Instant::now();
    seen.measuring.set(true);
    let sent = drive(senders, seen, rate, time).await;
    let seconds = began.elapsed().as_secs_f64();
    let deliveries = seen.deliveries.get() - before.0;
    let cpu_seconds = server.cpu_seconds() - cpu;
    // What is under way may still come, up to a second late: late is counted by the latencies.
    let deadline = Instant::now() + Duration::from_secs(1);
    while seen.acked.get() - acked_before < sent + waiting && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    seen.measuring.set(false);
    let (delivery, ack) = (&mut *seen.delivery.borrow_mut(), &mut *seen.ack.borrow_mut());
    Measured {
        rate,
        sent,
        acked: (seen.acked.get() - acked_before).min(sent),
        refused: seen.refused.get() - before.3,
        deliveries,
        lost: seen.lost.get() - before.1,
        doubled: seen.doubled.get() - before.2,
        resyncs: seen.resyncs.get() - before.4,
        delivery_p50: percentile(delivery, 0.5),
        delivery_p99: percentile(delivery, 0.99),
        ack_p50: percentile(ack, 0.5),
        ack_p99: percentile(ack, 0.99),
        seconds,
        cpu_seconds,
    }
}

/// The sockets of one round and what they saw. They close when it goes.
struct Crowd {
    seen: Rc<Seen>,
    sockets: Vec<Rc<Socket>>,
    watching: Vec<tokio::task::JoinHandle<()>>,
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.watching.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

/// Raises the rate until it does not hold, then narrows down; answers the best one that held. Each message reaches
/// `audience` sockets. After a round that did not hold, sockets are opened anew.
async fn search(
    server: &Process,
    open: impl AsyncFn() -> Crowd,
    senders: usize,
    audience: u64,
    from: f64,
) -> Measured {
    let (mut low, mut high, mut rate): (Option<Measured>, Option<f64>, f64) = (None, None, from);
    let mut crowd = open().await;
    for _ in 0..10 {
        let measured = measure(server, &crowd.seen, &crowd.sockets[..senders], rate, WARM_UP, MEASURED).await;
        eprintln!(
            "  {rate:>9.0} msg/s: {:>9.0} deliveries/s, delivery p99 {:.1} ms, ack p99 {:.1} ms, acked {}/{}, lost {}, resyncs {}",
            measured.deliveries as f64 / measured.seconds,
            measured.delivery_p99,
            measured.ack_p99,
            measured.acked,
            measured.sent,
            measured.lost,
            measured.resyncs
        );
        if measured.holds(audience) {
            low = Some(measured);
        } else {
            high = Some(rate);
            drop(crowd);
            tokio::time::sleep(Duration::from_secs(2)).await;
            crowd = open().await;
        }
        rate = match (&low, high) {
            (Some(low), None) => low.rate * 1.6,
            (Some(low), Some(high)) if high / low.rate < 1.08 => break,
            (Some(low), Some(high)) => (low.rate * high).sqrt(),
            (None, Some(high)) => high / 2.0,
            (None, None) => rate,
        };
    }
    low.expect("some rate holds")
}

async fn join(server: &Process, tokens: &[String], conversation: impl Fn(usize) -> String) -> Crowd {
    let seen = Rc::new(Seen::default());
    let mut crowd = Crowd { seen: seen.clone(), sockets: Vec::new(), watching: Vec::new() };
    for (number, token) in tokens.iter().enumerate() {
        let socket = Rc::new(Socket::open(&server.address, token, &conversation(number)).await);
        let watching = tokio::task::spawn_local(socket.clone().watch(seen.clone(), number % 20 == 0));
        crowd.watching.push(watching);
        crowd.sockets.push(socket);
    }
    crowd
}

fn tokens(people: &[(Api, String)]) -> Vec<String> {
    people.iter().map(|(_, token)| token.clone()).collect()
}

/// 1000 sockets in one room, ten of them send.
async fn hot_room() -> Value {
    let floor = {
        let server = Process::floor();
        let nobody = vec![String::new(); 1000];
        search(&server, async || join(&server, &nobody, |_| String::new()).await, 10, 1000, 50.0).await
    };
    let server = parlour();
    let people = people(&server, 1000).await;
    let room = room(&people).await;
    let tokens = tokens(&people);
    let best =
        search(&server, async || join(&server, &tokens, |_| room.to_string()).await, 10, 1000, 100.0).await;
    let mut line = best.json("hot-room");
    line["floor_deliveries_per_second"] = json!(floor.deliveries as f64 / floor.seconds);
    line["ratio_to_floor"] =
        json!((best.deliveries as f64 / best.seconds) / (floor.deliveries as f64 / floor.seconds));
    line
}

/// 500 sockets in 50 rooms of ten, all of them send.
async fn many_rooms() -> Value {
    let server = parlour();
    let people = people(&server, 500).await;
    let mut rooms = Vec::new();
    for group in people.chunks(10) {
        rooms.push(room(group).await.to_string());
    }
    let tokens = tokens(&people);
    let open = async || join(&server, &tokens, |number| rooms[number / 10].clone()).await;
    search(&server, open, 500, 10, 500.0).await.json("many-rooms")
}

/// Two messages per second into the room of 1000: the latency that people feel.
async fn calm() -> Value {
    let server = parlour();
    let people = people(&server, 1000).await;
    let room = room(&people).await;
    let crowd = join(&server, &tokens(&people), |_| room.to_string()).await;
    measure(&server, &crowd.seen, &crowd.sockets[..10], 2.0, WARM_UP, Duration::from_secs(20))
        .await
        .json("calm")
}

/// Connections with a verified token and an answered `start`, one after the other on each of 16 lanes.
async fn connect() -> Value {
    let server = parlour();
    let people = people(&server, 400).await;
    let room = room(&people).await.to_string();
    let tokens = tokens(&people);
    let (began, cpu) = (Instant::now(), server.cpu_seconds());
    let until = began + Duration::from_secs(5);
    let lanes: Vec<_> = (0..16)
        .map(|lane| {
            let (tokens, room, address) = (tokens.clone(), room.clone(), server.address.clone());
            tokio::task::spawn_local(async move {
                let mut made = 0_u64;
                while Instant::now() < until {
                    let token = &tokens[(lane + 16 * made as usize) % tokens.len()];
                    drop(Socket::open(&address, token, &room).await);
                    made += 1;
                }
                made
            })
        })
        .collect();
    let mut made = 0;
    for lane in lanes {
        made += lane.await.unwrap();
    }
    let seconds = began.elapsed().as_secs_f64();
    json!({
        "scenario": "connect", "connects_per_second": made as f64 / seconds,
        "server_cpu_ms_per_connect": (server.cpu_seconds() - cpu) * 1000.0 / made as f64,
    })
}

/// Pages of 50 messages from a long conversation, on eight connections.
async fn history() -> Value {
    let server = parlour();
    let people = people(&server, 10).await;
    let room = room(&people).await;
    let crowd = join(&server, &tokens(&people), |_| room.to_string()).await;
    drive(&crowd.sockets, &crowd.seen, 1500.0, Duration::from_secs(8)).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let stored = crowd.seen.acked.get();
    let (began, cpu) = (Instant::now(), server.cpu_seconds());
    let until = began + Duration::from_secs(5);
    let lanes: Vec<_> = (0..8)
        .map(|lane: u64| {
            let (address, token) = (server.address.clone(), people[0].1.clone());
            tokio::task::spawn_local(async move {
                let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
                stream.set_nodelay(true).unwrap();
                let mut took = Vec::new();
                let mut before = stored;
                while Instant::now() < until {
                    let asked = Instant::now();
                    let path = format!("/api/v1/conversations/{room}/messages?limit=50&before={before}");
                    get(&mut stream, &address, &path, &token).await;
                    took.push(asked.elapsed().as_micros() as u64);
                    before = if before > 150 { before - 97 - lane } else { stored };
                }
                took
            })
        })
        .collect();
    let mut took = Vec::new();
    for lane in lanes {
        took.extend(lane.await.unwrap());
    }
    let seconds = began.elapsed().as_secs_f64();
    json!({
        "scenario": "history", "messages_stored": stored, "pages_per_second": took.len() as f64 / seconds,
        "page_p50_ms": percentile(&mut took, 0.5), "page_p99_ms": percentile(&mut took, 0.99),
        "server_cpu_ms_per_page": (server.cpu_seconds() - cpu) * 1000.0 / took.len() as f64,
    })
}

/// Sockets that only stay: what one costs in memory.
async fn idle() -> Value {
    let server = parlour();
    let people = people(&server, 1000).await;
    let tokens = tokens(&people);
    // Whatever the first ones allocate for good is not theirs.
    let mut sockets = Vec::new();
    for token in &tokens {
        sockets.push(Socket::open(&server.address, token, "").await);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let empty = server.resident_kib();
    for _ in 0..8 {
        for token in &tokens {
            sockets.push(Socket::open(&server.address, token, "").await);
        }
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let full = server.resident_kib();
    let cpu = server.cpu_seconds();
    tokio::time::sleep(Duration::from_secs(5)).await;
    json!({
        "scenario": "idle", "sockets": sockets.len(), "resident_mib": full / 1024.0,
        "kib_per_socket": (full - empty) / (sockets.len() - tokens.len()) as f64,
        "cpu_share_while_idle": (server.cpu_seconds() - cpu) / 5.0,
    })
}

/// The cost of a delivery in rooms of different sizes.
async fn growth() -> Value {
    let mut line = json!({ "scenario": "growth" });
    for size in [10_usize, 100, 1000] {
        let server = parlour();
        let people = people(&server, size).await;
        let room = room(&people).await;
        let crowd = join(&server, &tokens(&people), |_| room.to_string()).await;
        let rate = (100_000.0 / size as f64).min(1000.0);
        let measured = measure(&server, &crowd.seen, &crowd.sockets[..10], rate, WARM_UP, MEASURED).await;
        line[format!("cpu_s_per_million_deliveries_{size}")] =
            json!(measured.cpu_seconds / (measured.deliveries as f64 / 1e6));
        line[format!("delivery_p99_ms_{size}")] = json!(measured.delivery_p99);
    }
    line
}
