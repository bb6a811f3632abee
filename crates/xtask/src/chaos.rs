//! `cargo xtask chaos`: real nodes of the debug build behind proxies that fail, with private PostgreSQL and Redis.
//! Scenarios that kill these start their own; `Services` tells them where the programs are.

use anyhow::Result;

use crate::{
    client, interrupt::Interrupt, prerequisites, services::Services, steps::Steps, tests,
    workspace::Workspace,
};

/// Runs the scenarios that are named, or all; the arguments are those of the program `chaos` in `tests/`.
pub fn chaos(workspace: &Workspace, steps: &mut Steps, arguments: &[String]) -> Result<()> {
    let interrupt = Interrupt::listen()?;
    let openssl = prerequisites::for_the_server()?;
    steps.step("look for what the nodes need", tests::require_services)?;
    let dist = client::build(workspace, steps)?;
    steps.step("build the server and the faults", || {
        // With a test beside it, dependencies have the features that they have for tests, and nothing is compiled twice.
        interrupt.run(tests::cargo(workspace, "build", openssl, &dist).args(["--bins", "--test", "chaos"]))
    })?;
    let services = steps.step("start PostgreSQL and Redis", || Services::start(false))?;
    let mut command = std::process::Command::new(workspace.target.join("debug/chaos"));
    command.args(arguments).env("TEST_PARLOUR_BIN", workspace.target.join("debug/parlour"));
    command.envs(services.environment.iter().map(|(name, value)| (name, value)));
    steps.step("break things", || interrupt.run(&mut command))
}
