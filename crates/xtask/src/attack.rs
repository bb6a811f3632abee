//! `cargo xtask attack`: real processes of the release server with its default settings, on one core together with
//! durable PostgreSQL and Redis; attackers and the people beside them have the other core.

use anyhow::Result;
use rustix::thread::{CpuSet, sched_setaffinity};

use crate::{
    client, commands, interrupt::Interrupt, prerequisites, server, services::Services, steps::Steps, tests,
    workspace::Workspace,
};

/// Runs the attacks that are named, or all; the arguments are those of the program `attack` in `tests/`.
pub fn attack(workspace: &Workspace, steps: &mut Steps, arguments: &[String]) -> Result<()> {
    let interrupt = Interrupt::listen()?;
    let openssl = prerequisites::for_the_server()?;
    steps.step("look for what the nodes need", tests::require_services)?;
    let parlour = match std::env::var_os("TEST_PARLOUR_BIN") {
        Some(given) => given.into(),
        None => server::build(workspace, steps)?,
    };
    let dist = client::build(workspace, steps)?;
    steps.step("build the attackers for release", || {
        let mut command = commands::cargo(workspace);
        command.args(["build", "--locked", "--release", "--package", "system-tests", "--bin", "attack"]);
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
    let attackers = workspace.target.join("release/attack");
    let mut command = std::process::Command::new(if apart { "taskset".into() } else { attackers.clone() });
    if apart {
        command.args(["-c", "1"]).arg(&attackers).env("TEST_SERVER_CPU", "0");
    }
    command.args(arguments).env("TEST_PARLOUR_BIN", parlour);
    command.envs(services.environment.iter().map(|(name, value)| (name, value)));
    steps.step("attack", || interrupt.run(&mut command))
}
