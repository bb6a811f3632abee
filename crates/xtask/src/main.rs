//! `cargo xtask`: the one entry to build, run and check Parlour, the same for people and for CI.
//!
//! It needs nothing but cargo to start, so it must stay quick to compile: think twice before adding a dependency.

mod apt;
mod client;
mod commands;
mod dist;
mod prerequisites;
mod server;
mod steps;
mod toolchain;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::{steps::Steps, workspace::Workspace};

const HELP: &str = "\
Usage: cargo xtask <command>

  run [-- args]               build everything for release and become `parlour serve args`
  client                      build the browser client into target/client/dist
";

fn main() -> ExitCode {
    match dispatch(std::env::args().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: Vec<String>) -> Result<()> {
    let Some((command, rest)) = arguments.split_first() else {
        print!("{HELP}");
        return Ok(());
    };
    let workspace = Workspace::find()?;
    let mut steps = Steps::start();
    match command.as_str() {
        "run" => server::run(&workspace, &mut steps, rest),
        "client" => client::build(&workspace, &mut steps).map(|_| ()),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(())
        }
        unknown => bail!("there is no command `{unknown}`.\n\n{HELP}"),
    }
}
