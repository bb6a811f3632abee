//! Runs measuring programs of `tests/` against the release server: server, durable PostgreSQL and Redis share the first
//! core, the program has the second, so that neither side takes time from the other.

use std::path::PathBuf;

use anyhow::Result;
use rustix::thread::{CpuSet, sched_setaffinity};

use crate::{
    client, commands, interrupt::Interrupt, prerequisites, server, services::Services, steps::Steps,
    workspace::Workspace,
};

/// A program of the package `system-tests`.
pub struct Program {
    pub name: &'static str,
    /// The environment variable from which it reads the path of the server's binary.
    pub server_binary: &'static str,
    /// The environment variable from which it reads the core that it pins servers to.
    pub server_core: &'static str,
}

/// Builds the program, and the server unless `parlour` is its path, and runs the program with these arguments.
pub fn run(
    workspace: &Workspace,
    steps: &mut Steps,
    program: &Program,
    parlour: Option<PathBuf>,
    arguments: &[String],
) -> Result<()> {
    let interrupt = Interrupt::listen()?;
    let openssl = prerequisites::for_the_server()?;
    let parlour = match parlour {
        Some(given) => given,
        None => server::build(workspace, steps)?,
    };
    let dist = client::build(workspace, steps)?;
    steps.step(&format!("build {} for release", program.name), || {
        let mut command = commands::cargo(workspace);
        command.args(["build", "--locked", "--release", "--package", "system-tests", "--bin", program.name]);
        // The same client as above; with another one the server would be compiled again, now and next time.
        interrupt.run(command.args(openssl.cargo_arguments()).env(server::CLIENT_DIST, &dist))
    })?;
    // Everything started from here on inherits this core.
    let apart = std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1);
    if apart {
        let mut first = CpuSet::new();
        first.set(0);
        sched_setaffinity(None, &first)?;
    }
    let services = steps.step("start PostgreSQL and Redis", || Services::start(true))?;
    let binary = workspace.target.join("release").join(program.name);
    let mut command = std::process::Command::new(if apart { "taskset".into() } else { binary.clone() });
    if apart {
        command.args(["-c", "1"]).arg(&binary).env(program.server_core, "0");
    }
    command.args(arguments).env(program.server_binary, parlour);
    command.envs(services.environment.iter().map(|(name, value)| (name, value)));
    steps.step(program.name, || interrupt.run(&mut command))
}
