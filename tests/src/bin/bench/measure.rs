//! Rounds of load: what was sent, what arrived and when, and the highest sustainable rate.

use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::{JoinHandle, spawn_local};

use crate::load::{Latencies, Marks, Seen, Socket, drive};
use crate::server::Process;

/// Warm-up before load counts.
pub const WARM_UP: Duration = Duration::from_secs(2);
/// Load that counts.
pub const MEASURED: Duration = Duration::from_secs(5);
/// One person in this many measures latency.
pub const SAMPLED: usize = 20;
/// The server closes a silent client after a minute.
const PING_EVERY: Duration = Duration::from_secs(25);

/// One round.
pub struct Measured {
    /// Intended messages per second.
    pub rate: f64,
    /// Messages sent.
    pub sent: u64,
    /// Of these, acknowledged.
    pub acked: u64,
    /// Of these, refused with an error.
    pub refused: u64,
    /// Events that arrived, on all sockets.
    pub deliveries: u64,
    /// Positions that were skipped.
    pub lost: u64,
    /// Positions that came twice, or late.
    pub doubled: u64,
    /// Number of resyncs.
    pub resyncs: u64,
    /// Sockets that the server closed.
    pub closed: u64,
    /// From the intended time to the event.
    pub delivery: Latencies,
    /// From the intended time to the acknowledgement.
    pub ack: Latencies,
    /// From the intended time until everybody has it, if the audience is known.
    pub everybody: Latencies,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// CPU time of the server during the round.
    pub cpu_seconds: f64,
    /// CPU time of PostgreSQL and Redis during the round.
    pub services_cpu_seconds: f64,
}

impl Measured {
    /// Whether everything was acknowledged and delivered to `audience` sockets each, and nothing went wrong.
    pub fn complete(&self, audience: u64) -> bool {
        let delivered = self.deliveries as f64 / (self.sent * audience).max(1) as f64;
        self.acked >= self.sent
            && (audience == 0 || delivered > 0.95)
            && self.lost == 0
            && self.doubled == 0
            && self.resyncs == 0
            && self.closed == 0
    }

    /// CPU time per delivery, in seconds per million.
    pub fn cpu_per_million(&self) -> f64 {
        self.cpu_seconds / (self.deliveries as f64 / 1e6)
    }

    /// The same including PostgreSQL and Redis.
    pub fn whole_cpu_per_million(&self) -> f64 {
        (self.cpu_seconds + self.services_cpu_seconds) / (self.deliveries as f64 / 1e6)
    }

    /// Deliveries per second.
    pub fn deliveries_per_second(&self) -> f64 {
        self.deliveries as f64 / self.seconds
    }

    /// As a line of JSON.
    pub fn json(&self, name: &str) -> Value {
        let mut line = json!({
            "scenario": name,
            "messages_per_second": self.sent as f64 / self.seconds,
            "offered_per_second": self.rate,
            "acked": self.acked, "refused": self.refused,
            "lost": self.lost, "doubled_or_reordered": self.doubled, "resyncs": self.resyncs,
            "closed": self.closed,
            "ack_p50_ms": self.ack.at(0.5), "ack_p99_ms": self.ack.at(0.99), "ack_p999_ms": self.ack.at(0.999),
        });
        if self.deliveries > 0 {
            line["deliveries_per_second"] = json!(self.deliveries_per_second());
            line["delivery_p50_ms"] = json!(self.delivery.at(0.5));
            line["delivery_p99_ms"] = json!(self.delivery.at(0.99));
            line["delivery_p999_ms"] = json!(self.delivery.at(0.999));
            line["server_cpu_seconds_per_million_deliveries"] = json!(self.cpu_per_million());
        } else {
            line["server_cpu_seconds_per_million_sends"] =
                json!(self.cpu_seconds / (self.acked as f64 / 1e6));
        }
        line
    }
}

/// One round at a rate: a warm-up, and then the time that counts.
pub async fn measure(
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
    seen.everybody.borrow_mut().clear();
    let before =
        (seen.deliveries.get(), seen.lost.get(), seen.doubled.get(), seen.refused.get(), seen.resyncs.get());
    let closed_before = seen.closed.get();
    let acked_before = seen.acked.get();
    let waiting = seen.intended.borrow().len() as u64 - acked_before;
    let (cpu, services_cpu) = (server.cpu_seconds(), server.services_cpu_seconds());
    let began = Instant::now();
    seen.measuring.set(true);
    let sent = drive(senders, seen, rate, time).await;
    let seconds = began.elapsed().as_secs_f64();
    let deliveries = seen.deliveries.get() - before.0;
    let cpu_seconds = server.cpu_seconds() - cpu;
    let services_cpu_seconds = server.services_cpu_seconds() - services_cpu;
    // What is in flight may still arrive, up to a second late: lateness shows in the latencies.
    let deadline = Instant::now() + Duration::from_secs(1);
    while seen.acked.get() - acked_before < sent + waiting && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    seen.measuring.set(false);
    Measured {
        rate,
        sent,
        acked: (seen.acked.get() - acked_before).min(sent),
        refused: seen.refused.get() - before.3,
        deliveries,
        lost: seen.lost.get() - before.1,
        doubled: seen.doubled.get() - before.2,
        resyncs: seen.resyncs.get() - before.4,
        closed: seen.closed.get() - closed_before,
        delivery: Latencies::of(&seen.delivery),
        ack: Latencies::of(&seen.ack),
        everybody: Latencies::of(&seen.everybody),
        seconds,
        cpu_seconds,
        services_cpu_seconds,
    }
}

/// The sockets of one round and what they saw. Dropping it closes them.
pub struct Crowd {
    /// What they saw in total.
    pub seen: Rc<Seen>,
    /// The sockets, in the order of the tokens.
    pub sockets: Vec<Rc<Socket>>,
    /// Those that read, each in a task of its own.
    pub watching: Vec<JoinHandle<()>>,
    /// Their other tasks.
    busy: Vec<JoinHandle<()>>,
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.watching.iter().chain(&self.busy).for_each(JoinHandle::abort);
    }
}

/// Who does what.
pub struct Habits<R> {
    /// Who reads, by index; the others never read again after `start`.
    pub reads: R,
    /// The queue of read markers, if people mark what they have read.
    pub marks: Option<Rc<Marks>>,
}

/// Opens a socket for each token; number n follows at most one conversation live.
pub async fn join_with(
    server: &Process,
    tokens: &[String],
    conversation: impl Fn(usize) -> String,
    habits: Habits<impl Fn(usize) -> bool>,
) -> Crowd {
    let seen = Rc::new(Seen { book: server.ledger.open(), ..Seen::default() });
    let (sockets, watching, busy) = (Vec::new(), Vec::new(), Vec::new());
    let mut crowd = Crowd { seen: seen.clone(), sockets, watching, busy };
    for (number, token) in tokens.iter().enumerate() {
        let conversation = conversation(number);
        server.ledger.note_room(&conversation);
        let socket = Rc::new(Socket::open(&server.address, token, &conversation).await);
        if (habits.reads)(number) {
            // 50 of a thousand measure latency; all of them count.
            let sampled = number % SAMPLED == 0 || tokens.len() < 100;
            let watch = socket.clone().watch(seen.clone(), sampled, habits.marks.clone());
            crowd.watching.push(spawn_local(watch));
        }
        crowd.sockets.push(socket);
    }
    let everybody = crowd.sockets.iter().map(Rc::downgrade).collect();
    crowd.busy.push(spawn_local(ping(everybody)));
    crowd.busy.extend(habits.marks.map(|marks| spawn_local(marks.write())));
    crowd
}

/// Every socket pings now and then, one after the other.
async fn ping(everybody: Vec<Weak<Socket>>) {
    tokio::time::sleep(PING_EVERY / 2).await;
    while !everybody.is_empty() {
        for socket in &everybody {
            tokio::time::sleep(PING_EVERY / everybody.len() as u32).await;
            if let Some(socket) = socket.upgrade() {
                socket.ping();
            }
        }
    }
}

/// Like [`join_with`]: everyone reads, and nobody moves a read marker.
pub async fn join(server: &Process, tokens: &[String], conversation: impl Fn(usize) -> String) -> Crowd {
    join_with(server, tokens, conversation, Habits { reads: |_| true, marks: None }).await
}

/// What a search must reach.
pub struct Bar {
    /// Sockets that each message reaches.
    pub audience: u64,
    /// Whether a complete round was good enough.
    pub good: fn(&Measured) -> bool,
}

/// Raises the rate until it fails, then narrows down; returns the best round that passed. After a round that failed,
/// the sockets are opened again.
pub async fn search(
    server: &Process,
    open: impl AsyncFn() -> Crowd,
    senders: usize,
    bar: Bar,
    from: f64,
) -> Measured {
    let (mut low, mut high, mut rate): (Option<Measured>, Option<f64>, f64) = (None, None, from);
    let mut crowd = open().await;
    for _ in 0..10 {
        let measured = measure(server, &crowd.seen, &crowd.sockets[..senders], rate, WARM_UP, MEASURED).await;
        eprintln!(
            "  {rate:>9.0} msg/s: {:>9.0} deliveries/s, delivery p99 {:.1} ms, ack p99 {:.1} ms, acked {}/{}, refused {}, lost {}, resyncs {}, closed {}",
            measured.deliveries_per_second(),
            measured.delivery.at(0.99),
            measured.ack.at(0.99),
            measured.acked,
            measured.sent,
            measured.refused,
            measured.lost,
            measured.resyncs,
            crowd.seen.closed.get()
        );
        if measured.complete(bar.audience) && (bar.good)(&measured) {
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
