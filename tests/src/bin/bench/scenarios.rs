//! Which scenarios there are. Each prints a line of JSON; a table follows at the end.

use tokio::task::LocalSet;

use crate::{connections, history, throughput};

/// What runs when nothing is named.
pub const USUAL: [&str; 8] =
    ["hot-room", "many-rooms", "calm", "sends", "connect", "history", "idle", "storm"];

/// Runs the scenarios that are wanted, in order.
pub async fn run(wanted: &[&str]) {
    let mut lines = Vec::new();
    for scenario in wanted {
        let line = LocalSet::new()
            .run_until(async {
                match *scenario {
                    "hot-room" => throughput::hot_room().await,
                    "many-rooms" => throughput::many_rooms().await,
                    "calm" => throughput::calm().await,
                    "sends" => throughput::sends().await,
                    "growth" => throughput::growth().await,
                    "overload" => throughput::overload().await,
                    "slow-readers" => throughput::slow_readers().await,
                    "connect" => connections::connect().await,
                    "idle" => connections::idle().await,
                    "storm" => connections::storm().await,
                    "history" => history::history().await,
                    other => panic!("there is no scenario {other}"),
                }
            })
            .await;
        println!("{line}");
        lines.push((scenario.to_string(), line));
    }
    println!("\n{:<14} {:<46} {:>14}", "scenario", "figure", "value");
    for (scenario, line) in lines {
        for (name, value) in line.as_object().into_iter().flatten() {
            if let Some(number) = value.as_f64() {
                println!("{scenario:<14} {name:<46} {number:>14.2}");
            }
        }
    }
}
