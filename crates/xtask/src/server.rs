//! The server: built with the client embedded, then run in place of this process.

use std::{
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, bail};

use crate::{client, commands, prerequisites, steps::Steps, workspace::Workspace};

/// The variable from which the server's build script takes the client's directory.
pub const CLIENT_DIST: &str = "PARLOUR_CLIENT_DIST";

/// Builds the client, and the release server with the client embedded.
pub fn build(workspace: &Workspace, steps: &mut Steps) -> Result<PathBuf> {
    let openssl = prerequisites::for_the_server()?;
    let dist = client::build(workspace, steps)?;
    steps.step("build the server for release", || {
        commands::run(
            commands::cargo(workspace)
                .args(["build", "--locked", "--release", "--package", "parlour"])
                .args(openssl.cargo_arguments())
                .env(CLIENT_DIST, &dist),
        )
    })?;
    Ok(workspace.target.join("release/parlour"))
}

/// Builds the same in less time, for a first start: what is compiled is not optimised across crates, and the server is
/// compiled beside the client, which keeps one core busy at its end.
fn build_quickly(workspace: &Workspace, steps: &mut Steps) -> Result<PathBuf> {
    let openssl = prerequisites::for_the_server()?;
    let cargo = |dist: &Path| {
        let mut command = commands::cargo(workspace);
        command.args(["build", "--locked", "--profile", "quick", "--package", "parlour"]);
        command.args(openssl.cargo_arguments()).env(CLIENT_DIST, dist);
        command
    };
    let dist = std::thread::scope(|scope| {
        // Without the client's files, which do not exist yet: only the smallest crate is compiled again with them.
        let server = (!client::is_built(workspace)?)
            .then(|| scope.spawn(|| commands::run(cargo(Path::new("")).args(["--quiet", "--lib"]))));
        let dist = client::build(workspace, steps);
        if let Some(server) = server {
            server.join().map_err(|_| anyhow!("the server could not be compiled"))??;
        }
        dist
    })?;
    steps.step("build the server", || commands::run(&mut cargo(&dist)))?;
    Ok(workspace.target.join("quick/parlour"))
}

/// Builds everything and replaces this process with the server, so that signals reach it.
pub fn run(workspace: &Workspace, steps: &mut Steps, arguments: &[String]) -> Result<()> {
    if let Some(argument) = arguments.first() {
        bail!(
            "`run` takes no arguments, but was given {argument:?}. Settings are environment variables: docs/settings.md."
        );
    }
    let executable = build_quickly(workspace, steps)?;
    let mut server = commands::cleaned(workspace, &executable);
    server.current_dir(std::env::current_dir()?).arg("serve");
    Err(server.exec()).context("the server that was just built cannot be started")
}
