//! `cargo xtask`: the single entry point to build, run and check Parlour, the same for people and for CI.
//!
//! It needs only cargo to start, so it must stay quick to compile: think twice before adding a dependency.

mod apart;
mod apt;
mod attack;
mod axe;
mod bench;
mod chaos;
mod ci;
mod client;
mod commands;
mod contract;
mod debug_server;
mod dist;
mod fuzz;
mod interrupt;
mod openapi;
mod postgres;
mod prerequisites;
mod proxies;
mod redis;
mod schemathesis;
mod server;
mod services;
mod split;
mod steps;
mod supply;
mod tests;
mod toolchain;
mod workspace;
mod wrapper;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::{steps::Steps, workspace::Workspace};

const HELP: &str = "\
Usage: cargo xtask <command>

  run                         build everything quickly and start the server in this folder
  build                       build the program to install, optimised: target/release/parlour
  client                      build the browser client into target/client/dist
  test [suite] [-- args]      run all tests with private PostgreSQL and Redis servers; a suite is one of
                              api, socket, client, browser, security, chaos, or the name of a test
  bench [scenario…] [--database sqlite|postgres] [--bytes N] [--runs N] [--seconds N]
                              measure the release server: hot-room, many-rooms, calm, sends, connect, history, idle, storm,
                              lively, and when named cost, crowd, growth, overload, slow-readers; texts of N bytes in the first two,
                              the range over N runs, rounds of N seconds in lively, one database instead of both
  chaos [scenario…] [--seed N] [--seconds N]
                              break nodes, Redis and PostgreSQL under load and check what was promised: kill9-node,
                              sigstop-node, rolling-restart, redis-cut, forget-redis, drop-pubsub, postgres-cut,
                              mixed, all
  attack [name…|all] [--seconds N] [--settle N]
                              attack the release server with its default settings, on all three backends, beside people
                              who chat and log in; without a name it lists the attacks
  fuzz [--seconds N] [--seed N]
                              send requests, frames and pictures that are almost right, for a minute or as long as said
  schemathesis [args]         ask a server all that the published description allows, and compare the answers with it
  contract                    lint the published documents, generate clients from them with the tools of other people, and
                              have the clients do everything (needs Node.js, Python and Java; says what it skips)
  ci                          formatting, lints, dependencies, tests and the committed API description: what CI runs
  deny                        check licences, sources and advisories of everything that comes from others
  sbom                        list what the server is made of, as target/parlour.cdx.json (CycloneDX)
  wrapper [folder] [--server URL]
                              make an app for Android and iOS with the client in it, in target/wrapper (Capacitor)
  openapi [--check]           write (or compare) openapi/openapi.json and openapi/socket.schema.json
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
        "build" => server::build(&workspace, &mut steps).map(|_| ()),
        "client" => client::build(&workspace, &mut steps).map(|_| ()),
        "test" => tests::test(&workspace, &mut steps, rest),
        "bench" => bench::bench(&workspace, &mut steps, rest),
        "chaos" => chaos::chaos(&workspace, &mut steps, rest),
        "attack" => attack::attack(&workspace, &mut steps, rest),
        "deny" => steps.step("check the dependencies", || supply::deny(&workspace)),
        "fuzz" => fuzz::fuzz(&workspace, &mut steps, rest),
        "schemathesis" => schemathesis::schemathesis(&workspace, &mut steps, rest),
        "contract" => contract::contract(&workspace, &mut steps, rest),
        "ci" => ci::ci(&workspace, &mut steps),
        "sbom" => supply::sbom(&workspace, &mut steps, rest),
        "wrapper" => wrapper::wrapper(&workspace, &mut steps, rest),
        "openapi" => openapi::openapi(&workspace, &mut steps, rest),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(())
        }
        unknown => bail!("there is no command `{unknown}`.\n\n{HELP}"),
    }
}
