//! The committed description of the API, written by the server itself.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};

use crate::{
    commands,
    prerequisites::{self, OpenSsl},
    steps::Steps,
    tests,
    workspace::Workspace,
};

/// The server's subcommands and the files that hold what they print.
const DOCUMENTS: [(&[&str], &str); 4] = [
    (&["openapi"], "openapi/openapi.json"),
    (&["openapi", "3.0"], "openapi/openapi-3.0.json"),
    (&["asyncapi"], "openapi/asyncapi.json"),
    (&["socket-schema"], "openapi/socket.schema.json"),
];

/// Writes all documents, or with `--check` fails when one differs.
pub fn openapi(workspace: &Workspace, steps: &mut Steps, arguments: &[String]) -> Result<()> {
    let check = match arguments {
        [] => false,
        [only] if only == "--check" => true,
        _ => bail!("`cargo xtask openapi` knows no argument but --check."),
    };
    let openssl = prerequisites::for_the_server()?;
    steps.step("describe the API", || describe(workspace, openssl, check))
}

/// Builds the server as the tests do and asks it.
pub fn describe(workspace: &Workspace, openssl: OpenSsl, check: bool) -> Result<()> {
    let dist = workspace.dist();
    let dist = if dist.join("index.html").exists() { dist.as_path() } else { Path::new("") };
    commands::run(tests::cargo(workspace, "build", openssl, dist).args(["--bins", "--lib", "--tests"]))?;
    for (subcommand, path) in DOCUMENTS {
        let mut server = commands::cleaned(workspace, &workspace.target.join("debug/parlour"));
        let mut document = commands::output(server.args(subcommand))?;
        if !document.ends_with(b"\n") {
            document.push(b'\n');
        }
        let file = workspace.root.join(path);
        let same = fs::read(&file).is_ok_and(|committed| committed == document);
        if same {
            continue;
        }
        if check {
            bail!("{path} is not what the code says. Run `cargo xtask openapi` and commit the result.");
        }
        if let Some(directory) = file.parent() {
            fs::create_dir_all(directory)?;
        }
        fs::write(&file, document).with_context(|| format!("{path} cannot be written"))?;
        eprintln!("          {path} written");
    }
    Ok(())
}
