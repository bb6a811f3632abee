//! Scenarios: a cluster, load, one or several kinds of faults, and a verdict.
//!
//! Besides the checker's invariants, each scenario checks what the failure matrix says about its fault: without Redis
//! no send may fail, without PostgreSQL no socket may close, a node that is told to shut down must end cleanly.

mod beside;
mod blackhole;
mod contention;
mod load;
mod presence;
mod restore;
mod resume;
mod revoke;
mod tail_loss;

use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};

use super::checker::Violation;
use super::cluster::{Cluster, Plan};
use super::faults::Fault;
use super::report::Report;

/// What happens to the nodes and to the services they need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// Nodes are killed at any moment and come back.
    Kill9Node,
    /// Nodes are frozen and resume later, as if nothing had happened.
    SigstopNode,
    /// One node after the other is told to shut down, and restarted.
    RollingRestart,
    /// Client connections break after any byte, and requests are repeated on another node.
    CutClients,
    /// Redis is unreachable or silent, for one node or for all.
    RedisCut,
    /// Redis' machine loses power: existing connections stay open and get no response; a replacement is available at
    /// once.
    ForgetRedis,
    /// Redis loses and reorders messages.
    DropPubsub,
    /// Redis is killed and comes back empty.
    RedisKill,
    /// Redis disconnects subscribers, as it does with those whose output buffer is full.
    RedisBuffer,
    /// PostgreSQL is unreachable or silent for all nodes.
    PostgresCut,
    /// The postmaster is killed, and PostgreSQL recovers.
    PgKill9,
    /// A single node on SQLite is killed.
    SqliteKill,
    /// The nodes' clocks are ten minutes off, in both directions.
    ClockSkew,
    /// Many kinds of faults, one after the other.
    Mixed,
    /// Several faults at the same time.
    Overlapping,
    /// A thousand concurrent senders in one room.
    Contention,
    /// People mention each other crosswise in several rooms at once, and befriend each other meanwhile.
    CrossedMentions,
    /// A thousand people mark everything as read as it arrives, while others log in.
    Readers,
    /// Some clients send refused commands at full rate, while others write.
    Refusals,
    /// The last message before silence is lost on its way to the other nodes.
    TailLoss,
    /// Cursors of any age, on nodes that never saw the client.
    ResumeAnyNode,
    /// PostgreSQL is restored to an older state.
    RestoreBackup,
    /// People leave and unfriend while others write.
    MembershipRevoke,
    /// The node that somebody is connected to dies.
    PresenceKill,
    /// Client connections stay open and nothing passes through any more.
    Blackhole,
}

impl Scenario {
    /// All scenarios.
    pub const ALL: [Self; 25] = [
        Self::Kill9Node,
        Self::SigstopNode,
        Self::RollingRestart,
        Self::CutClients,
        Self::RedisCut,
        Self::ForgetRedis,
        Self::DropPubsub,
        Self::RedisKill,
        Self::RedisBuffer,
        Self::PostgresCut,
        Self::PgKill9,
        Self::SqliteKill,
        Self::ClockSkew,
        Self::Mixed,
        Self::Overlapping,
        Self::Contention,
        Self::CrossedMentions,
        Self::Readers,
        Self::Refusals,
        Self::TailLoss,
        Self::ResumeAnyNode,
        Self::RestoreBackup,
        Self::MembershipRevoke,
        Self::PresenceKill,
        Self::Blackhole,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kill9Node => "kill9-node",
            Self::SigstopNode => "sigstop-node",
            Self::RollingRestart => "rolling-restart",
            Self::CutClients => "cut-clients",
            Self::RedisCut => "redis-cut",
            Self::ForgetRedis => "forget-redis",
            Self::DropPubsub => "drop-pubsub",
            Self::RedisKill => "redis-kill",
            Self::RedisBuffer => "redis-buffer",
            Self::PostgresCut => "postgres-cut",
            Self::PgKill9 => "pg-kill9",
            Self::SqliteKill => "sqlite-kill",
            Self::ClockSkew => "clock-skew",
            Self::Mixed => "mixed",
            Self::Overlapping => "overlapping",
            Self::Contention => "contention",
            Self::CrossedMentions => "crossed-mentions",
            Self::Readers => "readers",
            Self::Refusals => "refusals",
            Self::TailLoss => "tail-loss",
            Self::ResumeAnyNode => "resume-any-node",
            Self::RestoreBackup => "restore-backup",
            Self::MembershipRevoke => "membership-revoke",
            Self::PresenceKill => "presence-kill",
            Self::Blackhole => "blackhole",
        }
    }

    /// Whether it waits for a one-minute time-out and has no load: its duration does not depend on the settings, and it
    /// can run beside the others.
    pub fn is_patient(self) -> bool {
        matches!(self, Self::PresenceKill | Self::Blackhole)
    }

    /// The faults, one at a time.
    fn faults(self) -> &'static [Fault] {
        match self {
            Self::Kill9Node | Self::SqliteKill | Self::ClockSkew => &[Fault::KillNode],
            Self::SigstopNode => &[Fault::FreezeNode],
            Self::RollingRestart => &[Fault::RestartAll],
            Self::CutClients => &[Fault::CutClients],
            Self::RedisCut => &[Fault::CutRedis],
            Self::ForgetRedis => &[Fault::ForgetRedis],
            Self::DropPubsub => &[Fault::MeddleRedis],
            Self::RedisKill => &[Fault::KillRedis],
            Self::RedisBuffer => &[Fault::DropSubscribers],
            Self::PostgresCut => &[Fault::CutPostgres],
            Self::PgKill9 => &[Fault::KillPostgres],
            Self::Mixed => &[
                Fault::KillNode,
                Fault::FreezeNode,
                Fault::RestartAll,
                Fault::CutClients,
                Fault::CutRedis,
                Fault::ForgetRedis,
                Fault::MeddleRedis,
                Fault::CutPostgres,
            ],
            _ => &[],
        }
    }

    /// What it needs.
    pub fn plan(self) -> Plan {
        let plan = Plan::default();
        match self {
            Self::CutClients | Self::Mixed | Self::Overlapping | Self::Blackhole => {
                Plan { fronts: true, ..plan }
            }
            Self::RedisKill | Self::RedisBuffer => Plan { own_redis: true, ..plan },
            Self::PgKill9 | Self::RestoreBackup => Plan { own_postgres: true, ..plan },
            Self::SqliteKill => Plan { sqlite: true, ..plan },
            Self::ClockSkew => Plan { wrong_by: [0, 600, -600], ..plan },
            _ => plan,
        }
    }
}

/// How to run a scenario.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Seed of everything random.
    pub seed: u64,
    /// Duration of load and faults.
    pub load: Duration,
    /// Factor for every promised time: 1, except on a machine that does something else at the same time.
    pub slack: u32,
}

impl Settings {
    /// Whether faults are shortened, so that there are several.
    fn is_short(self) -> bool {
        self.load < Duration::from_secs(10)
    }
}

/// Values and broken promises.
type Verdict = (Value, Vec<Violation>);

/// Runs a scenario. If it cannot continue it has failed, and the others go on.
pub fn run(scenario: Scenario, settings: Settings) -> Report {
    std::panic::catch_unwind(|| run_or_panic(scenario, settings)).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked");
        let values = json!({ "scenario": scenario.name(), "seed": settings.seed, "violations": 1 });
        let violations = vec![Violation::of("liveness", format!("{} cannot go on: {said}", scenario.name()))];
        Report { values, violations, last_words: String::new() }
    })
}

fn run_or_panic(scenario: Scenario, settings: Settings) -> Report {
    let plan = scenario.plan();
    if !plan.is_available() {
        let why = "a service that it needs was not given; `cargo xtask chaos` starts them";
        let values = json!({ "scenario": scenario.name(), "skipped": why });
        return Report { values, violations: Vec::new(), last_words: String::new() };
    }
    let mut random = Rng::with_seed(settings.seed);
    let cluster = Cluster::start(plan, &mut random);
    // Followers and proxies are many small tasks that wait: one thread serves them all.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (measured, violations) = runtime.block_on(async {
        match scenario {
            Scenario::Contention => contention::play(settings, &cluster, random).await,
            Scenario::CrossedMentions | Scenario::Readers | Scenario::Refusals => {
                beside::play(scenario, settings, &cluster, random).await
            }
            Scenario::TailLoss => tail_loss::play(settings, &cluster, random).await,
            Scenario::ResumeAnyNode => resume::play(settings, &cluster, random).await,
            Scenario::RestoreBackup => restore::play(&cluster, random).await,
            Scenario::MembershipRevoke => revoke::play(settings, &cluster, random).await,
            Scenario::PresenceKill => presence::play(&cluster).await,
            Scenario::Blackhole => blackhole::play(&cluster).await,
            with_load => load::play(with_load, settings, &cluster, random).await,
        }
    });
    let meddled: u64 = cluster.redis.iter().chain(&cluster.fronts).map(super::proxy::Proxy::meddled).sum();
    let mut values = json!({
        "scenario": scenario.name(),
        "seed": settings.seed,
        "seconds": settings.load.as_secs_f64(),
        // Values that a scenario does not measure.
        "sends": 0,
        "acked": 0,
        "unknown": 0,
        "delivered": 0,
        "faults": [],
        "resumes": 0,
        "resume_p50_ms": null,
        "resume_p99_ms": null,
        "meddled": meddled,
        "violations": violations.len(),
    });
    if let (Some(values), Value::Object(measured)) = (values.as_object_mut(), measured) {
        values.extend(measured);
    }
    Report { values, violations, last_words: cluster.last_words() }
}

/// Several measurements merged into one object.
fn joined(parts: impl IntoIterator<Item = Value>) -> Value {
    let objects = parts.into_iter().filter_map(|part| match part {
        Value::Object(object) => Some(object),
        _ => None,
    });
    Value::Object(objects.flatten().collect())
}
