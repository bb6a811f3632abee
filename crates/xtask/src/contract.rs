//! `cargo xtask contract`: checks that third-party tools can use the published documents. The documents are linted,
//! clients are generated from them and compiled with the strictest settings of their language, and test stories talk to
//! a server only through those clients.
//!
//! Invariant: the versions of all tools are pinned by the lists in `tests/contract`, and everything that is downloaded
//! or generated goes to `target/contract`.

mod context;
mod python;
mod report;
mod rust;
mod stub;
mod tools;
mod typescript;

use std::{path::Path, thread};

use anyhow::{Result, bail};

use self::{
    context::Context,
    report::Report,
    tools::{Found, Tools},
};
use crate::{
    debug_server::DebugServer,
    interrupt::Interrupt,
    prerequisites::{self, OpenSsl},
    steps::Steps,
    tests,
    workspace::Workspace,
};

/// Rate limits that no story reaches: the stories test the answers, not the limits.
const GENEROUS: [(&str, &str); 3] = [
    ("PARLOUR_SENDS_PER_SECOND", "1000"),
    ("PARLOUR_CHANGES_PER_SECOND", "1000"),
    ("PARLOUR_READS_PER_SECOND", "1000"),
];

/// Checks everything that can be checked here and reports what cannot.
pub fn contract(workspace: &Workspace, steps: &mut Steps, arguments: &[String]) -> Result<()> {
    if !arguments.is_empty() {
        bail!("`cargo xtask contract` takes no arguments.");
    }
    let result = prerequisites::for_the_server().and_then(|openssl| check(workspace, steps, openssl));
    steps.summary();
    match result?.as_slice() {
        [] => Ok(()),
        unfetched => {
            bail!("{} could not be fetched, so not everything was checked.", unfetched.join(" and "))
        }
    }
}

/// The same checks as part of a larger run. Returns what could not be downloaded; the caller may tolerate that.
pub fn check(workspace: &Workspace, steps: &mut Steps, openssl: OpenSsl) -> Result<Vec<&'static str>> {
    let interrupt = Interrupt::listen()?;
    let dist = workspace.dist();
    // Nothing here uses the client, so a server without it is enough.
    let dist = if dist.join("index.html").exists() { dist.as_path() } else { Path::new("") };
    steps.step("build the server", || {
        // Building a test along with the binaries gives dependencies the same features as in tests.
        interrupt.run(tests::cargo(workspace, "build", openssl, dist).args(["--bins", "--test", "security"]))
    })?;
    let server = DebugServer::start(workspace, &workspace.target.join("contract/data"), &GENEROUS)?;
    let documents = workspace.root.join("openapi");
    let environment = vec![
        ("CONTRACT_SERVER", format!("http://{}", server.address).into()),
        ("CONTRACT_STUB", format!("http://{}", stub::start()?).into()),
        ("CONTRACT_STUB_CODE", stub::CODE.into()),
        ("CONTRACT_PICTURE", workspace.root.join("tests/contract/picture.png").into_os_string()),
        ("CONTRACT_DOCUMENTS", documents.clone().into_os_string()),
    ];
    let context = Context { workspace, interrupt: &interrupt, documents, environment };
    let mut report = Report::default();
    let tools = Tools::find(workspace);
    let jar: Found = match &tools.python {
        Ok(python) => {
            let jar = python::install_all(&context, steps, python);
            report.fetched("what Python needs", jar)
        }
        Err(lacks) => Err(lacks.clone()),
    };
    // Compiling in Rust takes as long as everything else, and the rest uses one core most of the time.
    thread::scope(|scope| -> Result<()> {
        let rust = scope.spawn(|| rust::build(&context, &tools, &jar));
        typescript::check(&context, &mut report, steps, &tools)?;
        python::check(&context, &mut report, steps, &tools, &jar)?;
        let built = steps.step("compile clients in Rust", || match rust.join() {
            Ok(built) => built,
            Err(_) => bail!("compiling clients in Rust came to a sudden end."),
        })?;
        rust::check(&context, &mut report, steps, built)
    })?;
    drop(server);
    interrupt.check()?;

    println!("\n{}", report.table());
    if report.skipped() > 0 {
        println!(
            "{} parts were SKIPPED, because something that they need is missing here.\n",
            report.skipped()
        );
    }
    match report.failed() {
        0 => Ok(report.unfetched),
        1 => bail!("one part of the contract doesn't hold."),
        failed => bail!("{failed} parts of the contract don't hold."),
    }
}
