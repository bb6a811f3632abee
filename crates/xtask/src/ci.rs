//! Everything a change must pass. Lints use the same packages and variables as the tests, so that nothing is compiled a
//! second time for an irrelevant difference.

use anyhow::Result;

use crate::{
    client, commands, contract, openapi, prerequisites,
    steps::Steps,
    supply,
    tests::{self, Selection},
    toolchain::{TARGET, WasmToolchain},
    workspace::Workspace,
};

/// Checks formatting, dependencies, lints, tests, the committed API description, and how third-party tools cope with
/// it. Stops at the first failure.
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
    // It reports itself what it skipped because a language or a registry was not available.
    contract::check(workspace, steps, openssl).map(drop)
}

/// Lints for wasm if the active toolchain can, otherwise natively: Debian's compiler, which is used then, has no
/// clippy.
fn lint_client(workspace: &Workspace) -> Result<()> {
    let mut clippy = commands::cargo(workspace);
    clippy.args(["clippy", "--locked", "--package", "parlour-frontend"]);
    if let WasmToolchain::Active { .. } = WasmToolchain::prepare(workspace)? {
        // Uses the profile and directory of the client's build, where macros and build scripts are already compiled.
        clippy.args(["--target", TARGET, "--profile", "client", "--target-dir"]);
        clippy.arg(workspace.target.join("client"));
    }
    commands::run(clippy.args(["--all-targets", "--", "-D", "warnings"]))
}
