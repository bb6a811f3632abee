//! Faults, each from its beginning to its end. Afterwards everything is healed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;

use super::checker::Violation;
use super::cluster::{Cluster, NODES};
use super::nodes::Node;
use super::proxy::{Mode, Proxy};
use super::services::{OwnPostgres, OwnRedis};

/// Percentage of the messages pushed by Redis that are lost; as many are delayed.
const MEDDLED: u64 = 5;
/// Upper bound for the bytes after which client connections break: a request with its response has about a thousand.
const CUT_AFTER: u64 = 4_000;

/// Something that breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A node is killed and comes back.
    KillNode,
    /// A node is frozen and resumes later, as if nothing had happened.
    FreezeNode,
    /// One node after the other is told to shut down, and restarted.
    RestartAll,
    /// Client connections break anywhere within a request, a response or a frame.
    CutClients,
    /// Redis is unreachable or silent, for one node or for all.
    CutRedis,
    /// Redis' machine loses power: existing connections stay open and get no response; a replacement is available at
    /// once.
    ForgetRedis,
    /// Redis loses and reorders messages.
    MeddleRedis,
    /// Redis is killed and comes back empty.
    KillRedis,
    /// Redis disconnects its subscribers again and again, as it does with slow ones.
    DropSubscribers,
    /// PostgreSQL is unreachable or silent for all nodes.
    CutPostgres,
    /// PostgreSQL is killed without a chance to write anything, and recovers.
    KillPostgres,
}

impl Fault {
    /// Faults that can happen at the same time: one from each group.
    pub const GROUPS: [&[Self]; 3] = [
        &[Self::KillNode, Self::FreezeNode, Self::RestartAll],
        &[Self::CutRedis, Self::ForgetRedis, Self::MeddleRedis],
        &[Self::CutPostgres, Self::CutClients],
    ];

    /// Whether it affects Redis alone: then no send may fail.
    pub fn is_of_redis(self) -> bool {
        matches!(
            self,
            Self::CutRedis | Self::ForgetRedis | Self::MeddleRedis | Self::KillRedis | Self::DropSubscribers
        )
    }

    /// Whether it affects PostgreSQL alone: then no socket may close.
    pub fn is_of_postgres(self) -> bool {
        matches!(self, Self::CutPostgres | Self::KillPostgres)
    }
}

/// Runs a blocking operation on a service in a thread of its own.
async fn on_thread<S: Send + Sync + 'static>(service: &Arc<S>, act: fn(&S)) {
    let service = service.clone();
    tokio::task::spawn_blocking(move || act(&service)).await.expect("services obey");
}

/// Injects a fault, and heals it. Returns what was done.
pub async fn happen(
    cluster: &Cluster,
    fault: Fault,
    short: bool,
    random: &mut Rng,
) -> Result<String, Violation> {
    let node = random.usize(..cluster.nodes.len());
    let mode = if random.u64(..100) < 50 { Mode::Cut } else { Mode::BlackHole };
    let how_long = Duration::from_millis(random.u64(if short { 300..1200 } else { 500..3000 }));
    let done = match fault {
        Fault::KillNode => {
            cluster.on_node(node, Node::kill).await;
            tokio::time::sleep(how_long).await;
            cluster.on_node(node, Node::restart).await;
            format!("killed node {node} for {how_long:?}")
        }
        Fault::FreezeNode => {
            cluster.on_node(node, Node::freeze).await;
            tokio::time::sleep(how_long).await;
            cluster.on_node(node, Node::thaw).await;
            format!("froze node {node} for {how_long:?}")
        }
        Fault::RestartAll => {
            let mut ends = Vec::new();
            for number in 0..cluster.nodes.len() {
                let told = Instant::now();
                if !cluster.on_node(number, Node::end).await {
                    let what = format!("node {number} was told to end, and did not end well");
                    return Err(Violation::of("R33", what));
                }
                ends.push(told.elapsed().as_millis());
                cluster.on_node(number, Node::restart).await;
            }
            format!("restarted all nodes, which took {ends:?} ms to end")
        }
        Fault::CutClients => {
            // Existing connections end now; otherwise they would never be replaced by ones that break.
            cluster.fronts.iter().for_each(|proxy| proxy.set(Mode::Cut));
            tokio::time::sleep(Duration::from_millis(20)).await;
            cluster.fronts.iter().for_each(|proxy| proxy.set(Mode::CutAfter(CUT_AFTER)));
            tokio::time::sleep(how_long).await;
            cluster.fronts.iter().for_each(|proxy| proxy.set(Mode::Pass));
            format!("cut connections of clients in their midst for {how_long:?}")
        }
        Fault::CutRedis => {
            let all = random.u64(..100) < 50;
            let concerned = || cluster.redis.iter().enumerate().filter(|(at, _)| all || *at == node);
            concerned().for_each(|(_, proxy)| proxy.set(mode));
            tokio::time::sleep(how_long).await;
            concerned().for_each(|(_, proxy)| proxy.set(Mode::Pass));
            let whom = if all { "all nodes".to_owned() } else { format!("node {node}") };
            format!("{mode:?} of redis for {whom} for {how_long:?}")
        }
        Fault::ForgetRedis => {
            cluster.redis.iter().for_each(Proxy::forget);
            tokio::time::sleep(how_long).await;
            "forgot all connections to redis".to_owned()
        }
        Fault::MeddleRedis => {
            cluster.redis.iter().for_each(|proxy| proxy.set(Mode::Meddle(MEDDLED)));
            tokio::time::sleep(how_long).await;
            cluster.redis.iter().for_each(|proxy| proxy.set(Mode::Pass));
            format!("meddled with redis for {how_long:?}")
        }
        Fault::KillRedis => {
            let redis = cluster.own_redis.as_ref().expect("a Redis of one's own");
            let how_long = if short { how_long } else { Duration::from_millis(random.u64(2000..10_000)) };
            redis.kill();
            tokio::time::sleep(how_long).await;
            on_thread(redis, OwnRedis::restart).await;
            format!("killed redis for {how_long:?}")
        }
        Fault::DropSubscribers => {
            let redis = cluster.own_redis.as_ref().expect("a Redis of one's own");
            let (until, mut dropped) = (Instant::now() + how_long, 0);
            while Instant::now() < until {
                dropped += redis.drop_subscribers();
                let pause = Duration::from_millis(random.u64(50..300));
                tokio::time::sleep(pause).await;
            }
            if dropped < NODES {
                return Err(Violation::of("fault", format!("only {dropped} subscribers were there")));
            }
            format!("threw subscribers of redis out {dropped} times in {how_long:?}")
        }
        Fault::CutPostgres => {
            let how_long = if short { how_long } else { Duration::from_millis(random.u64(3000..5000)) };
            let postgres = cluster.postgres.as_ref().expect("PostgreSQL");
            postgres.set(mode);
            tokio::time::sleep(how_long).await;
            postgres.set(Mode::Pass);
            format!("{mode:?} of postgres for {how_long:?}")
        }
        Fault::KillPostgres => {
            let postgres = cluster.own_postgres.as_ref().expect("a PostgreSQL of one's own");
            postgres.kill();
            tokio::time::sleep(how_long / 4).await;
            let killed = Instant::now();
            on_thread(postgres, OwnPostgres::restart).await;
            format!("killed postgres for {:?}, which recovered in {:?}", how_long / 4, killed.elapsed())
        }
    };
    Ok(done)
}

/// Injects several faults at once.
pub async fn happen_together(cluster: &Cluster, short: bool, random: &mut Rng) -> Result<String, Violation> {
    let mut chosen = Fault::GROUPS.map(|group| (group[random.usize(..group.len())], random.fork()));
    let [(one, first), (two, second), (three, third)] = &mut chosen;
    let (one, two, three) = tokio::join!(
        happen(cluster, *one, short, first),
        happen(cluster, *two, short, second),
        happen(cluster, *three, short, third),
    );
    Ok(format!("at once: {}; {}; {}", one?, two?, three?))
}
