//! The benchmark: how much one server core can do, with everything on (tokens, rights, durability, gapless order).
//!
//! Load is open-loop: messages have intended times, and every latency counts from the intended time, so a server that
//! stalls cannot hide it. Each frame's position is checked: lost, duplicated and reordered ones are counted. After
//! every scenario that sends, each acknowledged message must be in the database: once, at its position, with its text.
//! `cargo xtask bench` starts PostgreSQL, Redis and this program, and keeps the server's side on one core and the load
//! on another.

#![expect(clippy::disallowed_methods, reason = "what starts this tells it by the environment")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark that cannot go on shall stop")]

mod cast;
mod connections;
mod cost;
mod crowd;
mod entries;
mod figures;
mod floor;
mod history;
mod ledger;
mod lively;
mod load;
mod measure;
mod options;
mod scenarios;
mod server;
mod services;
mod throughput;

use std::process::ExitCode;

use system_tests::wire;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    if arguments.first().is_some_and(|first| first == "floor-server") {
        runtime.block_on(floor::serve(arguments.iter().any(|argument| argument == floor::GATHERING)));
        return ExitCode::SUCCESS;
    }
    if arguments.first().is_some_and(|first| first == crowd::HOLD) {
        tokio::task::LocalSet::new().block_on(&runtime, crowd::hold());
        return ExitCode::SUCCESS;
    }
    match options::Options::parse(&arguments) {
        Ok(options) if runtime.block_on(scenarios::run(&options)) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}
