//! The server: built for release with the client embedded, then run in place of this process.

use std::{os::unix::process::CommandExt, path::PathBuf};

use anyhow::{Context, Result, bail};

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
                .args(["build", "--locked", "--release", "--package", "parlour-server"])
                .args(openssl.cargo_arguments())
                .env(CLIENT_DIST, &dist),
        )
    })?;
    Ok(workspace.target.join("release/parlour"))
}

/// Builds everything and replaces this process with the server, so that signals reach it.
pub fn run(workspace: &Workspace, steps: &mut Steps, arguments: &[String]) -> Result<()> {
    if let Some(argument) = arguments.first() {
        bail!(
            "`run` takes no arguments, but was given {argument:?}. Settings are environment variables: docs/settings.md."
        );
    }
    let executable = build(workspace, steps)?;
    let mut server = commands::cleaned(workspace, &executable);
    server.current_dir(std::env::current_dir()?).arg("serve");
    Err(server.exec()).context("the server that was just built cannot be started")
}
