//! What a delivery, a message, a connection and a page cost in processor time, at the same load for two builds of the
//! server in turn. Rates found by searching differ by a fifth between runs on a machine whose speed varies; processor
//! time at a fixed rate, measured alternately, differs by a hundredth or two.

use std::time::Duration;

use serde_json::{Value, json};

use crate::cast::{Database, people, room, setting, tokens};
use crate::connections::connect_for;
use crate::history;
use crate::measure::{join, measure};

/// How often the builds take turns.
const TURNS: usize = 5;
/// Time for which each load runs.
const TIME: Duration = Duration::from_secs(4);
/// Messages per second into one room of 1000, and into 50 rooms of ten.
const HOT: f64 = 50.0;
const MANY: f64 = 1500.0;

/// What is counted in each load.
const FIGURES: [&str; 4] = ["delivery_in_a_hot_room", "message_in_many_rooms", "connect", "page_of_history"];

/// Microseconds of processor time of the server and its services per unit, in the order of [`FIGURES`].
type Costs = [f64; 4];

/// The costs. With `BENCH_BASE_BIN`, the same for that build, and the ratios of the medians.
pub async fn cost(on: Database) -> Value {
    let ours = setting("BENCH_PARLOUR_BIN");
    let base = std::env::var("BENCH_BASE_BIN").ok();
    let (mut of_ours, mut of_base) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        if let Some(base) = &base {
            of_base.push(costs(base, on).await);
        }
        of_ours.push(costs(&ours, on).await);
    }
    let mut line = json!({ "scenario": "cost" });
    for (at, figure) in FIGURES.iter().enumerate() {
        let median = |turns: &[Costs]| median(turns.iter().map(|turn| turn[at]).collect());
        let Some(cost) = median(&of_ours) else { continue };
        line[format!("cpu_us_per_{figure}")] = json!(cost);
        if let Some(before) = median(&of_base) {
            line[format!("cpu_us_per_{figure}_of_base")] = json!(before);
            line[format!("ratio_to_base_per_{figure}")] = json!(cost / before);
            line["at_most"][format!("ratio_to_base_per_{figure}")] = json!(1.05);
        }
    }
    line
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

async fn costs(program: &str, on: Database) -> Costs {
    let server = on.build(program, &[]);
    let used = || server.cpu_seconds() + server.services_cpu_seconds();
    let people = people(&server, 1000).await;
    let tokens = tokens(&people);

    let hot = room(&people).await.to_string();
    // Before anybody writes: connections that arrive while people write are spaced, so fewer of them share a statement.
    let before = used();
    let made = connect_for(TIME, &server.address, &tokens, &hot).await;
    let connect = (used() - before) * 1e6 / made.count;

    let crowd = join(&server, &tokens, |_| hot.clone()).await;
    let warm_up = Duration::from_secs(1);
    let measured = measure(&server, &crowd.seen, &crowd.sockets[..10], HOT, warm_up, TIME).await;
    let delivery = measured.whole_cpu_per_million();
    drop(crowd);

    let mut rooms = Vec::new();
    for group in people[..500].chunks(10) {
        rooms.push(room(group).await.to_string());
    }
    let crowd = join(&server, &tokens[..500], |number| rooms[number / 10].clone()).await;
    let measured = measure(&server, &crowd.seen, &crowd.sockets, MANY, warm_up, TIME).await;
    let message = (measured.cpu_seconds + measured.services_cpu_seconds) * 1e6 / measured.acked as f64;
    drop(crowd);
    tokio::time::sleep(warm_up).await;

    let page = history::read_often(&server, &people, TIME).await * 1000.0;
    [delivery, message, connect, page]
}
