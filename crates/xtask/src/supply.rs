//! What comes from others: checked against `deny.toml`, and listed as a CycloneDX document.

use std::{fmt::Write, fs, path::Path};

use anyhow::{Result, bail};

use crate::{commands, interrupt::Interrupt, steps::Steps, workspace::Workspace};

/// Licences, sources and bans always, advisories when their database can be had. Without cargo-deny it says so.
pub fn deny(workspace: &Workspace) -> Result<()> {
    // The administrator's directories first, then where cargo installs.
    let home = std::env::var_os("CARGO_HOME").map(|home| Path::new(&home).join("bin/cargo-deny"));
    if commands::find_program("cargo-deny").is_none() && !home.is_some_and(|path| path.exists()) {
        eprintln!("SKIPPED the check of dependencies: `cargo install --locked cargo-deny` makes it possible");
        return Ok(());
    }
    commands::run(commands::cargo(workspace).args(["deny", "check", "licenses", "sources", "bans"]))?;
    if !commands::cargo(workspace).args(["deny", "fetch", "db"]).status()?.success() {
        eprintln!("SKIPPED the check of advisories: their database cannot be had");
        return Ok(());
    }
    commands::run(commands::cargo(workspace).args(["deny", "check", "--disable-fetch", "advisories"]))
}

/// Writes what the server is made of to `target/parlour.cdx.json`.
pub fn sbom(workspace: &Workspace, steps: &mut Steps, arguments: &[String]) -> Result<()> {
    if !arguments.is_empty() {
        bail!("`cargo xtask sbom` takes no arguments.");
    }
    let interrupt = Interrupt::listen()?;
    steps.step("list what the server is made of", || {
        interrupt.check()?;
        let mut tree = commands::cargo(workspace);
        tree.args(["tree", "--locked", "--package", "parlour-server", "--package", "parlour-frontend"]);
        tree.args(["--edges", "normal,build", "--prefix", "none", "--format", "{p}|{l}|{r}"]);
        let tree = String::from_utf8(commands::output(&mut tree)?)?;
        let lock = fs::read_to_string(workspace.root.join("Cargo.lock"))?;
        let file = workspace.target.join("parlour.cdx.json");
        fs::write(&file, document(&tree, &lock, env!("CARGO_PKG_VERSION")))?;
        println!("{}", file.display());
        Ok(())
    })
}

/// The document, from lines of `name vVERSION …|licence|repository` and the lock file, which has the checksums.
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

/// A string as JSON.
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
