//! `cargo xtask bench`: the release server with durable PostgreSQL and Redis on one core, the load generator on
//! another.

use anyhow::Result;

use crate::{
    apart::{self, Program},
    steps::Steps,
    workspace::Workspace,
};

const BENCH: Program =
    Program { name: "bench", server_binary: "BENCH_PARLOUR_BIN", server_core: "BENCH_SERVER_CPU" };

/// Runs all scenarios three times, which takes an hour, or the named ones once. The arguments are those of the program
/// `bench` in `tests/`.
pub fn bench(workspace: &Workspace, steps: &mut Steps, arguments: &[String]) -> Result<()> {
    let names_scenarios = arguments.iter().enumerate().any(|(at, argument)| {
        let is_value = at > 0 && arguments[at - 1].starts_with("--");
        !is_value && !argument.starts_with("--") && argument != "all"
    });
    let mut arguments = arguments.to_vec();
    if !names_scenarios && !arguments.iter().any(|argument| argument == "--runs") {
        arguments.extend(["--runs".to_owned(), "3".to_owned()]);
    }
    apart::run(workspace, steps, &BENCH, None, &arguments)
}
