//! `cargo xtask bench`: the release server with durable PostgreSQL and Redis on one core, the load on another.

use anyhow::Result;

use crate::{
    apart::{self, Program},
    steps::Steps,
    workspace::Workspace,
};

const BENCH: Program =
    Program { name: "bench", server_binary: "BENCH_PARLOUR_BIN", server_core: "BENCH_SERVER_CPU" };

/// Runs all scenarios or those that are named.
pub fn bench(workspace: &Workspace, steps: &mut Steps, scenarios: &[String]) -> Result<()> {
    apart::run(workspace, steps, &BENCH, None, scenarios)
}
