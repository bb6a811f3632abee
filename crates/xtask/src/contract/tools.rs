//! Finds the languages installed on this machine.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::Result;

use crate::{commands, workspace::Workspace};

/// A program's path, or what is missing.
pub type Found = std::result::Result<PathBuf, String>;

/// Programs of other languages. Rust is certainly there, since this program runs.
pub struct Tools {
    pub node: Found,
    pub npm: Found,
    pub python: Found,
    pub java: Found,
}

impl Tools {
    /// Looks for all of them.
    pub fn find(workspace: &Workspace) -> Self {
        let node = newer(workspace, "node", &["--version"], (20, 19), "Node.js");
        Self {
            npm: node.clone().and_then(|_| commands::find_program("npm").ok_or("npm is missing".to_owned())),
            node,
            // Debian ships Python without the modules that create virtual environments.
            python: newer(workspace, "python3", &["--version"], (3, 11), "Python").and_then(|python| {
                let whole = quiet(workspace, &python, &["-c", "import ensurepip, venv"]);
                whole.map(|_| python).map_err(|_| "python3-venv is missing".to_owned())
            }),
            java: newer(workspace, "java", &["--version"], (11, 0), "Java"),
        }
    }
}

/// A program that exists, runs, and is new enough.
fn newer(workspace: &Workspace, name: &str, ask: &[&str], least: (u32, u32), called: &str) -> Found {
    let program = commands::find_program(name).ok_or_else(|| format!("{called} is missing"))?;
    let said = quiet(workspace, &program, ask).map_err(|_| format!("{called} doesn't start"))?;
    match version(&said) {
        Some(found) if found >= least => Ok(program),
        _ => Err(format!("{called} {}.{} or later is needed", least.0, least.1)),
    }
}

fn quiet(workspace: &Workspace, program: &Path, arguments: &[&str]) -> Result<String> {
    let mut command: Command = commands::cleaned(workspace, program);
    let output = command.args(arguments).stdin(Stdio::null()).output()?;
    commands::check(&command, output.status)?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Major and minor version in a program's version output.
fn version(said: &str) -> Option<(u32, u32)> {
    let word = said
        .split_whitespace()
        .find(|word| word.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit()))?;
    let mut numbers = word.trim_start_matches('v').split(|c: char| !c.is_ascii_digit());
    let mut next = || numbers.next()?.parse().ok();
    Some((next()?, next().unwrap_or(0)))
}

#[cfg(test)]
mod checks {
    use super::*;

    #[test]
    fn programs_tell_their_version_in_many_ways() {
        assert_eq!(version("v20.20.2\n"), Some((20, 20)));
        assert_eq!(version("Python 3.11.7"), Some((3, 11)));
        assert_eq!(version("openjdk 17.0.15 2025-04-15\nOpenJDK Runtime"), Some((17, 0)));
        assert_eq!(version("openjdk 21 2023-09-19"), Some((21, 0)));
        assert_eq!(version("what?"), None);
    }
}
