//! Scenarios: three nodes under load, one kind of fault or all of them, and a verdict.
//!
//! Besides the checker's invariants each scenario has what the failure matrix says about its fault: without Redis no
//! send may fail, without PostgreSQL no socket may close, a node that is told to end must end well.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parlour_client::native::Api;
use parlour_protocol::accounts::CreateAccount;
use parlour_protocol::rooms::CreateRoom;
use serde_json::{Value, json};

use super::checker::{self, Attempt, Outcome, Recording, Violation};
use super::clients::{self, Journal, Reader, Writer};
use super::lots::Lots;
use super::nodes::Node;
use super::proxy::{Mode, Proxy};
use crate::{Backend, TestDatabase};

const NODES: usize = 3;
const ROOMS: usize = 2;
/// Every third one writes through the socket.
const WRITERS: usize = 6;
/// Readers that stay on their node, as many on each.
const STAYING: usize = NODES;
const WANDERING: usize = 2;
/// After everything was healed, the last reader has everything within this time: a reconnect's longest wait after
/// outages as short as these, and the full look at all heads.
const QUIET: Duration = Duration::from_secs(40);
/// Without Redis a node hears of another one's events within two seconds; the rest is for a busy machine.
const LATE: u64 = 2_500;
/// Of the messages that Redis pushes, so many of a hundred are lost and as many come late.
const MEDDLED: u64 = 5;

/// What happens to the nodes and to what they need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// Nodes are killed at any moment and come back.
    Kill9Node,
    /// Nodes are frozen and go on later, as if nothing had happened.
    SigstopNode,
    /// One node after the other is told to end and started anew.
    RollingRestart,
    /// Redis is away or silent, for one node or for all.
    RedisCut,
    /// Redis' machine loses its power: its connections stay open and nobody answers; another one is there at once.
    ForgetRedis,
    /// Redis loses and swaps messages.
    DropPubsub,
    /// PostgreSQL is away or silent for all nodes.
    PostgresCut,
    /// All of them in any order.
    Mixed,
}

impl Scenario {
    /// All scenarios.
    pub const ALL: [Self; 8] = [
        Self::Kill9Node,
        Self::SigstopNode,
        Self::RollingRestart,
        Self::RedisCut,
        Self::ForgetRedis,
        Self::DropPubsub,
        Self::PostgresCut,
        Self::Mixed,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kill9Node => "kill9-node",
            Self::SigstopNode => "sigstop-node",
            Self::RollingRestart => "rolling-restart",
            Self::RedisCut => "redis-cut",
            Self::ForgetRedis => "forget-redis",
            Self::DropPubsub => "drop-pubsub",
            Self::PostgresCut => "postgres-cut",
            Self::Mixed => "mixed",
        }
    }
}

/// How to run a scenario.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Where the lots begin.
    pub seed: u64,
    /// How long there are load and faults.
    pub load: Duration,
}

/// What came out.
pub struct Report {
    /// Measured values.
    pub values: Value,
    /// Broken promises.
    pub violations: Vec<Violation>,
    /// What the nodes said last.
    pub last_words: String,
}

/// Everything that can be broken.
struct Cluster {
    nodes: Vec<Arc<Node>>,
    /// One in front of Redis for every node.
    redis: Vec<Proxy>,
    postgres: Proxy,
    // Last, because it is removed when nobody uses it any more.
    _database: TestDatabase,
}

/// An address and the place of its server.
fn parse(url: &str) -> (reqwest::Url, SocketAddr) {
    let parsed = reqwest::Url::parse(url).expect("an address of a service");
    let default = if parsed.scheme() == "redis" { 6379 } else { 5432 };
    let server = parsed.socket_addrs(|| Some(default)).expect("the service's name is known")[0];
    (parsed, server)
}

/// The same address by way of a proxy.
fn through(url: &reqwest::Url, proxy: &Proxy) -> String {
    let mut url = url.clone();
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(proxy.port)).unwrap();
    url.into()
}

impl Cluster {
    fn start(lots: &mut Lots) -> Self {
        let database = TestDatabase::migrated(Backend::PostgresRedis);
        let (postgres_url, server) = parse(database.url.as_deref().expect("PostgreSQL"));
        let postgres = Proxy::start(server, lots.fork());
        let (redis_url, server) = parse(&crate::backend::redis().expect("TEST_REDIS_URL"));
        let redis: Vec<Proxy> = (0..NODES).map(|_| Proxy::start(server, lots.fork())).collect();
        let nodes = (0..NODES)
            .map(|number| {
                let settings = [
                    ("DATABASE_URL", through(&postgres_url, &postgres)),
                    ("REDIS_URL", through(&redis_url, &redis[number])),
                    ("PARLOUR_HASH_MEMORY_KIB", "8".into()),
                    ("PARLOUR_HASH_PASSES", "1".into()),
                    ("PARLOUR_SENDS_PER_SECOND", "100000".into()),
                    ("PARLOUR_AUTH_PER_MINUTE", "1000000".into()),
                    ("PARLOUR_CONNECTS_PER_SECOND", "100000".into()),
                    ("PARLOUR_DATABASE_READERS", "2".into()),
                    ("PARLOUR_DATABASE_LANES", "2".into()),
                    ("PARLOUR_WORKERS", "1".into()),
                    ("RUST_LOG", "warn".into()),
                ];
                let settings = settings.map(|(name, value)| (name.to_owned(), value)).into();
                Arc::new(Node::start(database.folder.path().join(format!("node-{number}")), settings))
            })
            .collect();
        Self { nodes, redis, postgres, _database: database }
    }

    async fn on_node<T: Send + 'static>(&self, number: usize, act: fn(&Node) -> T) -> T {
        let node = self.nodes[number].clone();
        tokio::task::spawn_blocking(move || act(&node)).await.expect("nodes obey")
    }

    /// One fault from its beginning to its end. Answers what was done.
    async fn fault(&self, scenario: Scenario, short: bool, lots: &mut Lots) -> Result<String, Violation> {
        let node = lots.below(NODES);
        let mode = if lots.percent(50) { Mode::Cut } else { Mode::BlackHole };
        let how_long = lots.millis(if short { 300..1200 } else { 500..3000 });
        let done = match scenario {
            Scenario::Kill9Node => {
                self.on_node(node, Node::kill).await;
                tokio::time::sleep(how_long).await;
                self.on_node(node, Node::restart).await;
                format!("killed node {node} for {how_long:?}")
            }
            Scenario::SigstopNode => {
                self.on_node(node, Node::freeze).await;
                tokio::time::sleep(how_long).await;
                self.on_node(node, Node::thaw).await;
                format!("froze node {node} for {how_long:?}")
            }
            Scenario::RollingRestart => {
                let mut ends = Vec::new();
                for number in 0..NODES {
                    let told = Instant::now();
                    if !self.on_node(number, Node::end).await {
                        let what = format!("node {number} was told to end, and did not end well");
                        return Err(Violation { invariant: "R33", what });
                    }
                    ends.push(told.elapsed().as_millis());
                    self.on_node(number, Node::restart).await;
                }
                format!("restarted all nodes, which took {ends:?} ms to end")
            }
            Scenario::RedisCut => {
                let all = lots.percent(50);
                let concerned = || self.redis.iter().enumerate().filter(|(at, _)| all || *at == node);
                concerned().for_each(|(_, proxy)| proxy.set(mode));
                tokio::time::sleep(how_long).await;
                concerned().for_each(|(_, proxy)| proxy.set(Mode::Pass));
                let whom = if all { "all nodes".to_owned() } else { format!("node {node}") };
                format!("{mode:?} of redis for {whom} for {how_long:?}")
            }
            Scenario::ForgetRedis => {
                self.redis.iter().for_each(Proxy::forget);
                tokio::time::sleep(how_long).await;
                "forgot all connections to redis".to_owned()
            }
            Scenario::DropPubsub => {
                self.redis.iter().for_each(|proxy| proxy.set(Mode::Meddle(MEDDLED)));
                tokio::time::sleep(how_long).await;
                self.redis.iter().for_each(|proxy| proxy.set(Mode::Pass));
                format!("meddled with redis for {how_long:?}")
            }
            Scenario::PostgresCut => {
                let how_long = if short { how_long } else { lots.millis(3000..5000) };
                self.postgres.set(mode);
                tokio::time::sleep(how_long).await;
                self.postgres.set(Mode::Pass);
                format!("{mode:?} of postgres for {how_long:?}")
            }
            Scenario::Mixed => unreachable!("it consists of the others"),
        };
        Ok(done)
    }
}

/// Runs a scenario.
pub fn run(scenario: Scenario, settings: Settings) -> Report {
    let mut lots = Lots::new(settings.seed);
    let cluster = Cluster::start(&mut lots);
    // Followers and proxies are many small things that wait: one thread serves them all.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (values, violations) = runtime.block_on(play(scenario, settings, &cluster, lots));
    let last_words: Vec<String> =
        cluster.nodes.iter().map(|node| format!("{}:\n{}", node.address, node.last_words())).collect();
    Report { values, violations, last_words: last_words.join("\n") }
}

/// A person who is registered, on every node.
async fn register(cluster: &Cluster, handle: &str) -> (parlour_protocol::ids::UserId, Vec<Api>) {
    let first = Api::new(&cluster.nodes[0].address).unwrap();
    let account = CreateAccount {
        handle: handle.to_owned(),
        display_name: None,
        password: "correct horse battery".into(),
        device: None,
        invite: None,
        refresh: Default::default(),
    };
    let id = first.create_account(&account).await.expect("registers").account.id;
    (id, cluster.nodes.iter().map(|node| first.at(&node.address).unwrap()).collect())
}

async fn play(
    scenario: Scenario,
    settings: Settings,
    cluster: &Cluster,
    mut lots: Lots,
) -> (Value, Vec<Violation>) {
    let (_, watcher) = register(cluster, "watcher").await;
    let mut rooms = Vec::new();
    for number in 0..ROOMS {
        let room = CreateRoom { name: format!("room {number}"), topic: String::new() };
        rooms.push(watcher[0].create_room(&room).await.expect("a room").id);
    }
    let journal = Journal::start();
    let (mut readers, mut seen) = (Vec::new(), Vec::new());
    for number in 0..STAYING + WANDERING {
        let wanders = number >= STAYING;
        let name = format!("{} reader {number}", if wanders { "wandering" } else { "staying" });
        let sees = Reader::seeing(&rooms);
        seen.push((name.clone(), wanders, sees.clone()));
        let (lots, journal) = (lots.fork(), journal.clone());
        let node = number % NODES;
        let reader = Reader { name, nodes: watcher.clone(), node, wanders, lots, journal, seen: sees };
        readers.push(tokio::spawn(reader.read()));
    }
    let mut writers = Vec::new();
    for number in 0..WRITERS {
        let by_socket = number % 3 == 2;
        let (id, mut nodes) = register(cluster, &format!("writer_{number}")).await;
        for room in &rooms {
            nodes[0].join_room(*room).await.expect("joins");
        }
        let mut rooms = rooms.clone();
        if by_socket && number / 3 > 0 {
            // Not all on the first node; and the last room belongs to that one.
            nodes.rotate_left(number / 3 % NODES);
            rooms.pop();
        }
        let writer = Writer { id, nodes, rooms, lots: lots.fork(), journal: journal.clone() };
        writers.push(if by_socket {
            tokio::spawn(writer.write_by_socket())
        } else {
            tokio::spawn(writer.write())
        });
    }

    let (faults, mut violations) = break_things(scenario, settings, cluster, &mut lots).await;

    journal.stop();
    for writer in writers {
        writer.await.expect("writers do not panic");
    }
    let healed = Instant::now();
    let mut logs = Vec::new();
    for api in &watcher {
        for room in &rooms {
            logs.push(clients::log(api, *room).await);
        }
    }
    let complete = || {
        seen.iter().all(|(_, _, seen)| {
            let seen = seen.lock().unwrap();
            logs.iter().all(|log| seen.applied[&log.conversation].len() >= log.events.len())
        })
    };
    while !complete() && healed.elapsed() < QUIET {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let quiet = healed.elapsed();
    // Whatever comes twice or too much, comes now.
    tokio::time::sleep(Duration::from_millis(200)).await;
    readers.iter().for_each(|reader| reader.abort());

    let mut recording = Recording { attempts: journal.attempts(), readings: Vec::new(), logs };
    let mut times = Times::default();
    for (name, wanders, seen) in &seen {
        let seen = seen.lock().unwrap();
        recording.readings.extend(clients::readings(name, &seen));
        times.add(&seen, &recording.attempts, *wanders);
    }
    violations.extend(checker::check(&recording));
    violations.extend(journal.strange().into_iter().map(|what| Violation { invariant: "liveness", what }));
    violations.extend(promised_during(scenario, &recording.attempts, &times));
    let values = report(scenario, settings, cluster, &recording, faults, times, quiet, &violations);
    (values, violations)
}

/// Breaks and heals until the time is over. Everything is whole again afterwards.
async fn break_things(
    scenario: Scenario,
    settings: Settings,
    cluster: &Cluster,
    lots: &mut Lots,
) -> (Vec<String>, Vec<Violation>) {
    let short = settings.load < Duration::from_secs(10);
    let began = Instant::now();
    let (mut faults, mut violations) = (Vec::new(), Vec::new());
    let mut planned: Vec<Scenario> = Vec::new();
    loop {
        let calm = lots.millis(if short { 200..600 } else { 300..1500 });
        tokio::time::sleep(calm).await;
        if began.elapsed() >= settings.load {
            return (faults, violations);
        }
        let next = match scenario {
            Scenario::Mixed => {
                if planned.is_empty() {
                    planned.extend(Scenario::ALL.into_iter().filter(|one| *one != Scenario::Mixed));
                }
                planned.swap_remove(lots.below(planned.len()))
            }
            other => other,
        };
        match cluster.fault(next, short, lots).await {
            Ok(done) => faults.push(done),
            Err(violation) => violations.push(violation),
        }
    }
}

/// What the failure matrix says about the time of the fault itself.
fn promised_during(scenario: Scenario, attempts: &[Attempt], times: &Times) -> Vec<Violation> {
    let mut found = Vec::new();
    let refused = attempts.iter().filter_map(|attempt| match &attempt.outcome {
        Outcome::Refused(why) => Some(why),
        _ => None,
    });
    for why in refused {
        found.push(Violation { invariant: "refused", what: why.clone() });
    }
    let redis = matches!(scenario, Scenario::RedisCut | Scenario::ForgetRedis | Scenario::DropPubsub);
    if redis {
        for attempt in attempts {
            if let Outcome::Unknown(why) = &attempt.outcome {
                let what = format!("a send failed without redis: {why}");
                found.push(Violation { invariant: "R24", what });
            }
        }
    }
    let late = times.deliveries.iter().filter(|delay| **delay > LATE).count();
    // One of a hundred may be later.
    if redis && late * 100 > times.deliveries.len() {
        let what = format!("{late} of {} events came later than {LATE} ms", times.deliveries.len());
        found.push(Violation { invariant: "R24", what });
    }
    if (redis || scenario == Scenario::PostgresCut) && !times.outages.is_empty() {
        let what = format!("{} sockets were closed", times.outages.len());
        found.push(Violation { invariant: "R28", what });
    }
    found
}

/// How long things took, in milliseconds.
#[derive(Default)]
struct Times {
    /// From the end of a staying reader's connection until the next one stood.
    outages: Vec<u64>,
    /// From the acknowledgement until a staying reader had applied it.
    deliveries: Vec<u64>,
}

impl Times {
    fn add(&mut self, seen: &clients::Seen, attempts: &[Attempt], wanders: bool) {
        if wanders {
            return;
        }
        let millis = |time: Duration| time.as_millis() as u64;
        self.outages.extend(seen.outages.iter().copied().map(millis));
        for attempt in attempts {
            let Outcome::Acknowledged(seq) = attempt.outcome else { continue };
            let applied = &seen.applied[&attempt.conversation];
            if let Some((at, _)) = usize::try_from(seq - 1).ok().and_then(|index| applied.get(index)) {
                self.deliveries.push(millis(at.saturating_sub(attempt.ended)));
            }
        }
    }
}

fn percentile(times: &mut [u64], percent: usize) -> Option<u64> {
    times.sort_unstable();
    times.get((times.len() * percent / 100).min(times.len().saturating_sub(1))).copied()
}

#[expect(clippy::too_many_arguments, reason = "everything that is known comes together here, once")]
fn report(
    scenario: Scenario,
    settings: Settings,
    cluster: &Cluster,
    recording: &Recording,
    faults: Vec<String>,
    mut times: Times,
    quiet: Duration,
    violations: &[Violation],
) -> Value {
    let count =
        |is: fn(&Outcome) -> bool| recording.attempts.iter().filter(|attempt| is(&attempt.outcome)).count();
    let meddled: u64 = cluster.redis.iter().map(Proxy::meddled).sum();
    json!({
        "scenario": scenario.name(),
        "seed": settings.seed,
        "seconds": settings.load.as_secs_f64(),
        "sends": recording.attempts.len(),
        "acked": count(|outcome| matches!(outcome, Outcome::Acknowledged(_))),
        "unknown": count(|outcome| matches!(outcome, Outcome::Unknown(_))),
        "refused": count(|outcome| matches!(outcome, Outcome::Refused(_))),
        "delivered": recording.readings.iter().map(|reading| reading.events.len()).sum::<usize>(),
        "faults": faults,
        "meddled": meddled,
        "outages": times.outages.len(),
        "resume_p99_ms": percentile(&mut times.outages, 99),
        "delivery_p50_ms": percentile(&mut times.deliveries, 50),
        "delivery_p99_ms": percentile(&mut times.deliveries, 99),
        "delivery_max_ms": percentile(&mut times.deliveries, 100),
        "quiet_after_ms": quiet.as_millis() as u64,
        "violations": violations.len(),
    })
}
