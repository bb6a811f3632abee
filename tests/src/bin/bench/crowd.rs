//! A hundred thousand sockets that do nothing, on six nodes: what they cost in memory, and how a tenth of them come back
//! when they are dropped at once, each with messages that it missed.
//!
//! A process may hold twenty thousand files here, so the sockets of each node are held by a process of their own, which
//! runs `hold` and is told by lines of JSON what to do.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use parlour_protocol::messages::SendMessage;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::task::spawn_local;

use crate::cast::{Database, Somebody, people, room};
use crate::load::{Latencies, Socket};
use crate::server::Process;

/// The argument that makes this program hold sockets.
pub const HOLD: &str = "hold";

const NODES: usize = 6;
const PEOPLE: usize = 10_000;
const PER_PERSON: usize = 10;
const PER_ROOM: usize = 100;
/// Sockets that are dropped at once, on all nodes together.
const DROPPED: usize = 10_000;
/// Messages that each of them misses.
const MISSED: u64 = 2;
/// Connections that a holder opens at the same time at first.
const AT_ONCE: usize = 32;
/// Each socket sends a ping this often: the server closes silent ones after a minute.
const PING_EVERY: Duration = Duration::from_secs(25);

/// What a holder shall do.
#[derive(Serialize, Deserialize)]
enum Order {
    /// Opens [`PER_PERSON`] sockets for each person, a token and a room that they follow live.
    Open { address: String, people: Vec<(String, String)> },
    /// Drops this many sockets at once.
    Drop { count: usize },
    /// Opens the dropped ones again, at the positions of their rooms before the messages that they missed.
    Return { cursors: HashMap<String, u64> },
}

/// What a holder did.
#[derive(Default, Serialize, Deserialize)]
struct Done {
    /// Sockets that are open.
    open: usize,
    /// Microseconds until each returning socket was open and had what it missed.
    returned: Vec<u64>,
    /// Events that did not arrive.
    missing: u64,
    /// Attempts that the server turned away for later.
    shed: u64,
}

/// A socket that is held, and how to open it again.
struct Held {
    token: String,
    room: String,
    socket: Option<Socket>,
}

/// Runs a holder: an order per line on standard input, a report per line on standard output.
pub async fn hold() {
    let mut held: Vec<Held> = Vec::new();
    let mut address = Rc::<str>::from("");
    let (sender, mut orders) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            let _ = sender.send(serde_json::from_str::<Order>(&line).expect("an order"));
        }
    });
    let mut ping = tokio::time::interval(Duration::from_millis(100));
    let mut next = 0;
    loop {
        let order = tokio::select! {
            order = orders.recv() => order,
            _ = ping.tick() => {
                // A part of them each time, so that each has its turn once in PING_EVERY.
                let part = held.len().div_ceil(PING_EVERY.as_millis() as usize / 100);
                for _ in 0..part {
                    next = (next + 1) % held.len();
                    if let Some(socket) = &held[next].socket {
                        socket.ping();
                        socket.discard();
                    }
                }
                continue;
            }
        };
        let Some(order) = order else { return };
        let done = match order {
            Order::Open { address: to, people } => {
                address = to.as_str().into();
                open(&address, people, &mut held).await;
                Done::default()
            }
            Order::Drop { count } => {
                held.iter_mut().take(count).for_each(|one| one.socket = None);
                Done::default()
            }
            Order::Return { cursors } => come_back(&address, &mut held, &cursors).await,
        };
        let open = held.iter().filter(|one| one.socket.is_some()).count();
        println!("{}", serde_json::to_string(&Done { open, ..done }).unwrap());
    }
}

async fn open(address: &str, people: Vec<(String, String)>, held: &mut Vec<Held>) {
    for group in people.chunks(AT_ONCE) {
        for _ in 0..PER_PERSON {
            let opening = group.iter().map(|(token, room)| Socket::insist(address, token, room, None));
            let sockets = join_all(opening).await;
            held.extend(group.iter().zip(sockets).map(|((token, room), (socket, _))| Held {
                token: token.clone(),
                room: room.clone(),
                socket: Some(socket),
            }));
        }
    }
}

async fn come_back(address: &Rc<str>, held: &mut [Held], cursors: &HashMap<String, u64>) -> Done {
    let began = Instant::now();
    let returning: Vec<_> = held
        .iter()
        .enumerate()
        .filter(|(_, one)| one.socket.is_none())
        .map(|(number, one)| {
            let (address, token, room) = (address.clone(), one.token.clone(), one.room.clone());
            let cursor = cursors[&room];
            spawn_local(async move {
                let (socket, shed) = Socket::insist(&address, &token, &room, Some(cursor)).await;
                let missing = socket.missing(cursor, MISSED).await;
                (number, socket, shed, missing, began.elapsed().as_micros() as u64)
            })
        })
        .collect();
    let mut done = Done::default();
    for one in join_all(returning).await {
        let (number, socket, shed, missing, took) = one.unwrap();
        held[number].socket = Some(socket);
        done.returned.push(took);
        done.missing += missing;
        done.shed += shed;
    }
    done
}

/// A process that holds the sockets of one node.
struct Holder {
    child: Child,
    orders: ChildStdin,
    reports: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Holder {
    fn start() -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg(HOLD).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("a holder starts");
        let (orders, reports) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, orders, reports: BufReader::new(reports).lines() }
    }

    fn order(&mut self, order: &Order) {
        writeln!(self.orders, "{}", serde_json::to_string(order).unwrap()).expect("the holder listens");
    }

    fn report(&mut self) -> Done {
        let line = self.reports.next().expect("the holder lives").unwrap();
        serde_json::from_str(&line).expect("a report")
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Gives every holder its order, and waits for all reports.
fn all(holders: &mut [Holder], order: impl Fn(usize) -> Order) -> Vec<Done> {
    for (number, holder) in holders.iter_mut().enumerate() {
        holder.order(&order(number));
    }
    holders.iter_mut().map(Holder::report).collect()
}

/// See the module. A single node cannot hold as many, so this runs on PostgreSQL alone.
pub async fn crowd(on: Database) -> Value {
    let nodes: Vec<Process> = (0..NODES).map(|_| on.parlour()).collect();
    let resident = || nodes.iter().map(Process::resident_kib).sum::<f64>() / 1024.0;
    let people = people(&nodes[0], PEOPLE).await;
    let mut rooms = Vec::new();
    for group in people.chunks(PER_ROOM) {
        rooms.push(room(group).await);
    }
    let empty = resident();
    let mut holders: Vec<Holder> = (0..NODES).map(|_| Holder::start()).collect();
    let of_node = |node: usize| -> Vec<(String, String)> {
        let own = people.iter().enumerate().filter(|(number, _)| number % NODES == node);
        own.map(|(number, one)| (one.token.clone(), rooms[number / PER_ROOM].to_string())).collect()
    };
    let began = Instant::now();
    let opened =
        all(&mut holders, |node| Order::Open { address: nodes[node].address.clone(), people: of_node(node) });
    let opening = began.elapsed().as_secs_f64();
    let sockets: usize = opened.iter().map(|done| done.open).sum();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let full = resident();
    let cpu = || nodes.iter().map(Process::cpu_seconds).sum::<f64>();
    let services = || nodes[0].services_cpu_seconds();
    let before = (cpu(), services());
    tokio::time::sleep(Duration::from_secs(10)).await;
    let idle_cpu = ((cpu() - before.0) / 10.0, (services() - before.1) / 10.0);

    let writers: Vec<&Somebody> = people.chunks(PER_ROOM).map(|group| &group[0]).collect();
    let mut cursors = HashMap::new();
    for (writer, room) in writers.iter().zip(&rooms) {
        let head = writer.api.show_room(*room).await.expect("the room").head;
        cursors.insert(room.to_string(), head as u64);
    }
    all(&mut holders, |_| Order::Drop { count: DROPPED / NODES });
    tokio::time::sleep(Duration::from_secs(1)).await;
    for (writer, room) in writers.iter().zip(&rooms) {
        for number in 0..MISSED {
            let message = SendMessage { body: format!("missed {number}"), reply_to: None };
            let cid = format!("missed-{number}-{}", crate::wire::now());
            writer.api.send_message(*room, &cid, &message).await.expect("is stored");
        }
    }
    let mut statements = 0;
    for node in &nodes {
        statements += node.statements().await;
    }
    let before = cpu();
    let returned = all(&mut holders, |_| Order::Return { cursors: cursors.clone() });
    let returning_cpu = cpu() - before;
    let mut statements_after = 0;
    for node in &nodes {
        statements_after += node.statements().await;
    }
    let took: Latencies = returned.iter().flat_map(|done| done.returned.clone()).collect::<Vec<u64>>().into();
    let dropped = (DROPPED / NODES * NODES) as f64;
    json!({
        "scenario": "crowd", "sockets": sockets, "sockets_in_the_end": returned.iter().map(|done| done.open).sum::<usize>(),
        "opened_per_second": sockets as f64 / opening,
        "resident_mib": full, "resident_mib_without_sockets": empty,
        "kib_per_socket": (full - empty) * 1024.0 / sockets as f64,
        "nodes_cpu_share_while_idle": idle_cpu.0, "services_cpu_share_while_idle": idle_cpu.1,
        "dropped": dropped, "complete_p50_ms": took.at(0.5), "complete_p99_ms": took.at(0.99),
        "all_complete_after_ms": took.at(1.0),
        "shed_with_503": returned.iter().map(|done| done.shed).sum::<u64>(),
        "missed_events_not_replayed": returned.iter().map(|done| done.missing).sum::<u64>(),
        "statements_per_returning_socket": (statements_after - statements) as f64 / dropped,
        "nodes_cpu_ms_per_returning_socket": returning_cpu * 1000.0 / dropped,
        "at_most": { "resident_mib": 350, "all_complete_after_ms": 10_000, "missed_events_not_replayed": 0 },
        "at_least": { "sockets": 100_000, "sockets_in_the_end": 100_000 },
    })
}
