//! `cargo xtask chaos`: real nodes of the debug build behind fault-injecting proxies, with private PostgreSQL and
//! Redis. Scenarios that kill these start their own instances, using the program paths from `Services`.

use anyhow::Result;

use crate::{
    client, interrupt::Interrupt, prerequisites, services::Services, steps::Steps, tests,
    workspace::Workspace,
};

/// Runs the named scenarios, or all of them; the arguments are those of the program `chaos` in `tests/`.
pub fn chaos(workspace: &Workspace, steps: &mut Steps, arguments: &[String]) -> Result<()> {
    let interrupt = Interrupt::listen()?;
    let openssl = prerequisites::for_the_server()?;
    steps.step("look for what the nodes need", tests::require_services)?;
    let dist = client::build(workspace, steps)?;
    steps.step("build the server and the faults", || {
        // Building a test along with the binaries gives dependencies the same features as in tests, so nothing is
        // compiled twice.
        interrupt.run(tests::cargo(workspace, "build", openssl, &dist).args(["--bins", "--test", "chaos"]))
    })?;
    let services = steps.step("start PostgreSQL and Redis", || Services::start(false))?;
    let mut command = std::process::Command::new(workspace.target.join("debug/chaos"));
    command.args(arguments).env("TEST_PARLOUR_BIN", workspace.target.join("debug/parlour"));
    command.envs(services.environment.iter().map(|(name, value)| (name, value)));
    steps.step("break things", || interrupt.run(&mut command))
}
