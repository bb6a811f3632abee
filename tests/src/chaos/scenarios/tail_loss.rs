//! The last message before silence is lost on its way to the other nodes: no later message shows that it is missing,
//! and it still arrives soon.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use fastrand::Rng;
use parlour_client::native::{Follower, Options, Update, fresh_cid};
use parlour_protocol::messages::SendMessage;
use parlour_protocol::rooms::CreateRoom;
use serde_json::json;

use super::{Settings, Verdict};
use crate::chaos::checker::Violation;
use crate::chaos::cluster::Cluster;
use crate::chaos::proxy::Mode;
use crate::chaos::report::{millis, percentile};

/// The sweep of all heads every two seconds finds it; the rest is for a busy machine.
const FOUND: Duration = Duration::from_millis(2_500);
/// Whatever has not arrived by then never will.
const NEVER: Duration = Duration::from_secs(35);

/// Runs the scenario.
pub async fn play(settings: Settings, cluster: &Cluster, mut random: Rng) -> Verdict {
    let (_, ada) = cluster.register("ada").await;
    let room = CreateRoom { name: "quiet".into(), topic: String::new() };
    let room = ada[0].create_room(&room).await.expect("a room").id;
    let mut followers: Vec<Follower> = ada[1..]
        .iter()
        .map(|api| {
            let cursors = BTreeMap::from([(room, 0)]);
            Follower::start(api.clone(), Options { live: vec![room], cursors, ..Options::default() })
        })
        .collect();
    let began = Instant::now();
    let (mut delays, mut faults, mut violations) = (Vec::new(), Vec::new(), Vec::new());
    let mut sends = 0_u64;
    while sends == 0 || began.elapsed() < settings.load {
        // At any time between two sweeps.
        let calm = Duration::from_millis(random.u64(0..2000));
        tokio::time::sleep(calm).await;
        cluster.redis.iter().for_each(|proxy| proxy.set(Mode::Meddle(100)));
        let message = SendMessage { body: format!("is anybody there? {sends}"), reply_to: None };
        let seq = ada[0].send_message(room, &fresh_cid(), &message).await.expect("redis is not needed").seq;
        let sent = Instant::now();
        sends += 1;
        for (number, follower) in followers.iter_mut().enumerate() {
            let hearing = async {
                while !matches!(follower.next().await, Ok(Update::Event(event)) if event.seq == seq) {}
            };
            let left = NEVER.saturating_sub(sent.elapsed());
            if tokio::time::timeout(left, hearing).await.is_err() {
                violations.push(Violation::of("R26", format!("{seq} never came to node {}", number + 1)));
            }
            delays.push(millis(sent.elapsed()));
        }
        cluster.redis.iter().for_each(|proxy| proxy.set(Mode::Pass));
        faults.push(format!("lost {seq}"));
    }
    let found = FOUND * settings.slack;
    let late = delays.iter().filter(|delay| **delay > millis(found)).count();
    // One in a hundred may be later, but with few messages none.
    if late * 100 > delays.len() {
        let what = format!("{late} of {} lost tails came later than {found:?}", delays.len());
        violations.push(Violation::of("R26", what));
    }
    let lost: u64 = cluster.redis.iter().map(crate::chaos::proxy::Proxy::meddled).sum();
    if lost < sends {
        violations.push(Violation::of("fault", format!("of {sends} messages only {lost} were lost")));
    }
    let values = json!({
        "sends": sends,
        "acked": sends,
        "delivered": delays.len(),
        "faults": faults,
        "delivery_p50_ms": percentile(&delays, 50),
        "delivery_p99_ms": percentile(&delays, 99),
    });
    (values, violations)
}
