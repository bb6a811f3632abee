//! The scenarios. Each prints lines of JSON; a table follows at the end.

use serde_json::Value;
use tokio::task::LocalSet;

use crate::options::{Options, Scenario};
use crate::{connections, figures, history, lively, throughput};

/// Runs the requested scenarios in order, once per run. Returns false if anything that was acknowledged is not stored
/// as acknowledged.
pub async fn run(options: &Options) -> bool {
    let mut lines = Vec::new();
    for _ in 0..options.runs {
        for scenario in &options.scenarios {
            let title = scenario.title();
            for line in LocalSet::new().run_until(one(scenario, options.seconds)).await {
                println!("{line}");
                let own = line["scenario"].as_str().filter(|own| own.starts_with("lively "));
                lines.push((own.unwrap_or(&title).to_owned(), line));
            }
        }
    }
    figures::print(&lines);
    let mut all_stored = true;
    for (scenario, line) in &lines {
        if line["stored_as_acknowledged"] == false {
            eprintln!("error: {scenario}: stored: {}", line["stored"].as_str().unwrap_or_default());
            all_stored = false;
        }
    }
    all_stored
}

async fn one(scenario: &Scenario, seconds: u64) -> Vec<Value> {
    let line = match scenario.name.as_str() {
        "hot-room" => throughput::hot_room(scenario.bytes).await,
        "many-rooms" => throughput::many_rooms(scenario.bytes).await,
        "calm" => throughput::calm().await,
        "sends" => throughput::sends().await,
        "growth" => throughput::growth().await,
        "overload" => throughput::overload().await,
        "slow-readers" => throughput::slow_readers().await,
        "connect" => connections::connect().await,
        "idle" => connections::idle().await,
        "storm" => connections::storm().await,
        "history" => history::history().await,
        "lively" => return lively::lively(seconds).await,
        other => unreachable!("{other} is no scenario"),
    };
    vec![line]
}
