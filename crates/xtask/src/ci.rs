//! Everything a change must pass. Lints see the same packages and variables as the tests, so that nothing is
//! compiled a second time for a difference that does not matter.

use anyhow::Result;

use crate::{
    client, commands, contract, openapi, prerequisites,
    steps::Steps,
    supply,
    tests::{self, Selection},
    toolchain::{TARGET, WasmToolchain},
    workspace::Workspace,
};

/// Formatting, dependencies, lints, tests, the committed API description and what other people's tools make of it; the
/// first failure ends it.
pub fn ci(workspace: &Workspace, steps: &mut Steps) -> Result<()> {
    let result = all(workspace, steps);
    steps.summary();
    result
}

fn all(workspace: &Workspace, steps: &mut Steps) -> Result<()> {
    steps.step("check the formatting", || {
        commands::run(commands::cargo(workspace).args(["fmt", "--all", "--check"]))
    })?;
    steps.step("check the dependencies", || supply::deny(workspace))?;
    let openssl = prerequisites::for_the_server()?;
    let dist = client::build(workspace, steps)?;
    steps.step("lint the server", || {
        let mut clippy = tests::cargo(workspace, "clippy", openssl, &dist);
        commands::run(clippy.args(["--all-targets", "--", "-D", "warnings"]))
    })?;
    steps.step("lint xtask", || {
        commands::run(commands::cargo(workspace).args([
            "clippy",
            "--locked",
            "--package",
            "xtask",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ]))
    })?;
    steps.step("lint the browser client", || lint_client(workspace))?;
    tests::run(workspace, steps, &Selection::default())?;
    steps.step("compare the API description", || openapi::describe(workspace, openssl, true))?;
    // It says itself what it skipped, for want of a language or of a registry.
    contract::check(workspace, steps, openssl).map(drop)
}

/// For the browser where the active toolchain can, natively where only Debian's compiler can: that one has no clippy.
fn lint_client(workspace: &Workspace) -> Result<()> {
    let mut clippy = commands::cargo(workspace);
    clippy.args(["clippy", "--locked", "--package", "parlour-frontend"]);
    if let WasmToolchain::Active { .. } = WasmToolchain::prepare(workspace)? {
        // The build's own profile and directory: its macros and build scripts are compiled already.
        clippy.args(["--target", TARGET, "--profile", "client", "--target-dir"]);
        clippy.arg(workspace.target.join("client"));
    }
    commands::run(clippy.args(["--all-targets", "--", "-D", "warnings"]))
}
