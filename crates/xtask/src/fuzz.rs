//! `cargo xtask fuzz`: nonsense against a server of the debug build, in one process on SQLite.

use anyhow::Result;

use crate::{client, interrupt::Interrupt, prerequisites, steps::Steps, tests, workspace::Workspace};

/// Builds the fuzzer and runs it; the arguments are those of the program `fuzz` in `tests/`.
pub fn fuzz(workspace: &Workspace, steps: &mut Steps, arguments: &[String]) -> Result<()> {
    let interrupt = Interrupt::listen()?;
    let openssl = prerequisites::for_the_server()?;
    let dist = client::build(workspace, steps)?;
    steps.step("build the server and the nonsense", || {
        // With a test beside it, dependencies have the features that they have for tests.
        interrupt.run(tests::cargo(workspace, "build", openssl, &dist).args(["--bins", "--test", "security"]))
    })?;
    let mut command = std::process::Command::new(workspace.target.join("debug/fuzz"));
    steps.step("try nonsense", || interrupt.run(command.args(arguments)))
}
