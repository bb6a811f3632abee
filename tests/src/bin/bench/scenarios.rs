//! The scenarios. Each prints lines of JSON; a table follows at the end.

use serde_json::Value;
use tokio::task::LocalSet;

use crate::cast::Database;
use crate::options::{Options, Scenario};
use crate::{connections, cost, crowd, figures, history, lively, throughput};

/// Runs the requested scenarios in order on the requested databases, once per run. Returns false if anything that was
/// acknowledged is not stored as acknowledged.
pub async fn run(options: &Options) -> bool {
    let mut lines = Vec::new();
    for _ in 0..options.runs {
        for (scenario, database) in options.all() {
            let title = format!("{} {}", scenario.title(), database.name());
            for line in LocalSet::new().run_until(one(scenario, database, options.seconds)).await {
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

async fn one(scenario: &Scenario, on: Database, seconds: u64) -> Vec<Value> {
    let mut line = match scenario.name.as_str() {
        "hot-room" => throughput::hot_room(on, scenario.bytes).await,
        "many-rooms" => throughput::many_rooms(on, scenario.bytes).await,
        "calm" => throughput::calm(on).await,
        "sends" => throughput::sends(on).await,
        "growth" => throughput::growth(on).await,
        "overload" => throughput::overload(on).await,
        "slow-readers" => throughput::slow_readers(on).await,
        "connect" => connections::connect(on).await,
        "idle" => connections::idle(on).await,
        "storm" => connections::storm(on).await,
        "history" => history::history(on).await,
        "cost" => cost::cost(on).await,
        "crowd" => crowd::crowd(on).await,
        "lively" => return lively::lively(on, seconds).await,
        other => unreachable!("{other} is no scenario"),
    };
    line["database"] = on.name().into();
    vec![line]
}
