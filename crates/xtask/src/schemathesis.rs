//! `cargo xtask schemathesis`: sends requests generated from the published description and checks the answers against
//! it. The tool is installed in a virtual environment below the target directory.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::Command,
};

use anyhow::{Context, Result};

use crate::{
    client, commands, debug_server::DebugServer, interrupt::Interrupt, prerequisites, steps::Steps, tests,
    workspace::Workspace,
};

/// Operations left out: two that would end the session everything else needs, and the WebSocket upgrade.
const LEFT_OUT: [&str; 3] = ["delete_current_session", "delete_session", "open_socket"];
/// Two checks are disabled because they report non-faults: values that a rule refuses are valid by their schema, and an
/// undescribed method at `/sessions/refresh` belongs to `/sessions/{session}`.
const UNCHECKED: &str = "positive_data_acceptance,unsupported_method";
/// The version whose findings are known.
const TOOL: &str = "schemathesis==4.32.5";
const ACCOUNT: &str = "{\"handle\":\"schema\",\"password\":\"correct horse battery\"}";

/// Starts a server and sends every kind of request that the description allows; arguments are passed to the tool.
pub fn schemathesis(workspace: &Workspace, steps: &mut Steps, arguments: &[String]) -> Result<()> {
    let interrupt = Interrupt::listen()?;
    let openssl = prerequisites::for_the_server()?;
    let dist = client::build(workspace, steps)?;
    steps.step("build the server", || {
        // Building a test along with the binaries gives dependencies the same features as in tests.
        interrupt.run(tests::cargo(workspace, "build", openssl, &dist).args(["--bins", "--test", "security"]))
    })?;
    let home = workspace.target.join("schemathesis");
    let tool = home.join("venv/bin/st");
    if !tool.exists() {
        steps.step("install schemathesis", || install(&home, &interrupt))?;
    }
    let server = DebugServer::start(workspace, &home.join("data"), &[])?;
    let token = register(&server.address)?;
    let mut command = Command::new(&tool);
    command.current_dir(&home).arg("run").arg(workspace.root.join("openapi/openapi.json"));
    command.arg("--url").arg(format!("http://{}", server.address));
    command.arg("--header").arg(format!("Authorization: Bearer {token}"));
    for operation in LEFT_OUT {
        command.args(["--exclude-operation-id", operation]);
    }
    command.args(["--checks", "all", "--exclude-checks", UNCHECKED, "--continue-on-failure"]);
    command.args(["--max-examples", "10", "--seed", "1", "--warnings", "off"]).args(arguments);
    steps.step("compare answers with the description", || interrupt.run(&mut command))
}

fn install(home: &Path, interrupt: &Interrupt) -> Result<()> {
    fs::create_dir_all(home)?;
    let python = commands::find_program("python3").context("python3 is missing. Install python3-venv.")?;
    let venv = home.join("venv");
    interrupt.run(Command::new(python).args(["-m", "venv"]).arg(&venv))?;
    interrupt.run(Command::new(venv.join("bin/pip")).args(["install", "--quiet", TOOL]))
}

/// Registers an account and returns its access token.
fn register(address: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    write!(
        stream,
        "POST /api/v1/accounts HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{ACCOUNT}",
        ACCOUNT.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let token = answer.split("\"access_token\":\"").nth(1).and_then(|rest| rest.split('"').next());
    Ok(token.with_context(|| format!("registering failed: {answer}"))?.to_owned())
}
