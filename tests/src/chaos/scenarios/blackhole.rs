//! A client's connection stays open and nothing passes through any more, in either direction: the client notices and
//! reconnects elsewhere, and the server drops the dead connection.

use std::time::{Duration, Instant};

use parlour_client::native::{Follower, Options, Update};
use serde_json::json;

use super::Verdict;
use crate::METRICS_TOKEN;
use crate::chaos::checker::Violation;
use crate::chaos::cluster::Cluster;
use crate::chaos::proxy::Mode;
use crate::chaos::report::{millis, percentile};

const CLIENTS: usize = 10;
/// A client must notice within this time; the last second is for a busy machine.
const NOTICED: Duration = Duration::from_millis(35_000 + 1_000);
/// A server must notice within this time.
const LET_GO: Duration = Duration::from_millis(60_000 + 1_000);
/// Anyone who has noticed must be connected elsewhere within this time.
const RESUMED: Duration = Duration::from_secs(5);

/// Runs the scenario.
pub async fn play(cluster: &Cluster) -> Verdict {
    let mut violations = Vec::new();
    let mut followers = Vec::new();
    for number in 0..CLIENTS {
        let (_, apis) = cluster.register(&format!("client_{number}")).await;
        let options = Options { others: apis[1..].to_vec(), ..Options::default() };
        let mut follower = Follower::start(apis[0].clone(), options);
        while follower.next().await.expect("follows") != Update::Connected {}
        followers.push(follower);
    }
    let before = sockets(&cluster.nodes[0].address).await;
    if before != CLIENTS {
        violations.push(Violation::of("fault", format!("{before} of {CLIENTS} sockets are on the node")));
    }
    cluster.fronts[0].set(Mode::BlackHole);
    let holed = Instant::now();
    let noticing = followers.into_iter().map(|mut follower| {
        tokio::spawn(async move {
            let (mut lost, mut again) = (None, None);
            let until = async {
                while again.is_none() {
                    match follower.next().await {
                        Ok(Update::Disconnected) => lost = Some(holed.elapsed()),
                        Ok(Update::Connected) => again = Some(holed.elapsed()),
                        Ok(_) => {}
                        Err(_) => return,
                    }
                }
            };
            let _noticed = tokio::time::timeout(LET_GO, until).await;
            // Kept, so that the connection to the other node stays too.
            (lost, again, follower)
        })
    });
    let noticing: Vec<_> = noticing.collect();
    let mut let_go = None;
    while let_go.is_none() && holed.elapsed() < LET_GO + RESUMED {
        // Asked directly, not through the proxy.
        if sockets(&cluster.nodes[0].address).await == 0 {
            let_go = Some(holed.elapsed());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let (mut noticed, mut resumes) = (Vec::new(), Vec::new());
    for (number, client) in noticing.into_iter().enumerate() {
        let (lost, again, _follower) = client.await.expect("clients do not panic");
        let in_time = lost.is_some_and(|lost| lost <= NOTICED);
        let resumed = lost.zip(again).is_some_and(|(lost, again)| again - lost <= RESUMED);
        if !in_time || !resumed {
            let what = format!("client {number} noticed after {lost:?} and was back after {again:?}");
            violations.push(Violation::of("R13", what));
        }
        noticed.extend(lost.map(millis));
        resumes.extend(lost.zip(again).map(|(lost, again)| millis(again - lost)));
    }
    if let_go.is_none_or(|after| after > LET_GO) {
        violations.push(Violation::of("R13", format!("the server let go of dead sockets after {let_go:?}")));
    }
    cluster.fronts[0].set(Mode::Pass);
    let values = json!({
        "faults": ["a black hole before node 0"],
        "client_noticed_max_ms": percentile(&noticed, 100),
        "server_let_go_ms": let_go.map(millis),
        "resumes": resumes.len(),
        "resume_p50_ms": percentile(&resumes, 50),
        "resume_p99_ms": percentile(&resumes, 99),
    });
    (values, violations)
}

/// How many sockets a node has.
async fn sockets(address: &str) -> usize {
    let asked = reqwest::Client::new().get(format!("{address}/metrics")).bearer_auth(METRICS_TOKEN);
    let metrics = asked.send().await.expect("answers");
    let text = metrics.text().await.expect("metrics");
    let line = text.lines().find_map(|line| line.strip_prefix("parlour_sockets "));
    line.expect("the number of sockets").trim().parse().expect("a number")
}
