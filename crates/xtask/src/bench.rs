//! `cargo xtask bench`: the release server with durable PostgreSQL and Redis on one core, the load on another.

use anyhow::Result;
use rustix::thread::{CpuSet, sched_setaffinity};

use crate::{
    client, commands, interrupt::Interrupt, prerequisites, server, services::Services, steps::Steps,
    workspace::Workspace,
};

/// Runs all scenarios or those that are named.
pub fn bench(workspace: &Workspace, steps: &mut Steps, scenarios: &[String]) -> Result<()> {
    let interrupt = Interrupt::listen()?;
    let parlour = server::build(workspace, steps)?;
    let dist = client::build(workspace, steps)?;
    let openssl = prerequisites::for_the_server()?;
    steps.step("build the load for release", || {
        let mut command = commands::cargo(workspace);
        command.args(["build", "--locked", "--release", "--package", "system-tests", "--bin", "bench"]);
        // The same client as above: with another one the server would be compiled once more, and again next time.
        interrupt.run(command.args(openssl.cargo_arguments()).env(server::CLIENT_DIST, &dist))
    })?;
    // With a core for each side they do not take time from each other; what is started from here on inherits it.
    let apart = std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1);
    if apart {
        let mut first = CpuSet::new();
        first.set(0);
        sched_setaffinity(None, &first)?;
    }
    let services = steps.step("start PostgreSQL and Redis", || Services::start(true))?;
    let load = workspace.target.join("release/bench");
    let mut command = std::process::Command::new(if apart { "taskset".into() } else { load.clone() });
    if apart {
        command.args(["-c", "1"]).arg(&load).env("BENCH_SERVER_CPU", "0");
    }
    command.args(scenarios).env("BENCH_PARLOUR_BIN", parlour);
    command.envs(services.environment.iter().map(|(name, value)| (name, value)));
    interrupt.run(&mut command)
}
