//! Checks the exceptions in `deny.toml`: each has a reason, and pre-releases among the server's dependencies are listed
//! there. Needs only cargo.

use std::{collections::BTreeSet, fs};

use anyhow::{Context, Result, bail};

use crate::{commands, workspace::Workspace};

/// Prefix of a line that lists a pre-release; then follows `name version: reason`.
const PRE_RELEASE: &str = "# pre-release ";
/// Minimum length of a reason in bytes; anything shorter says nothing.
const REASON: usize = 20;

/// Compares the file with the dependencies of the build.
pub fn check(workspace: &Workspace) -> Result<()> {
    let file = fs::read_to_string(workspace.root.join("deny.toml")).context("deny.toml cannot be read")?;
    let mut tree = commands::cargo(workspace);
    tree.args(["tree", "--locked", "--package", "parlour", "--edges", "normal,build"]);
    tree.args(["--prefix", "none", "--format", "{p}"]);
    let tree = String::from_utf8(commands::output(&mut tree)?)?;
    let faults = [unexplained(&file), unlisted(&file, &tree)].concat();
    if faults.is_empty() { Ok(()) } else { bail!("deny.toml:\n{}", faults.join("\n")) }
}

/// Ignored advisories without a reason.
fn unexplained(file: &str) -> Vec<String> {
    let Some(list) = file.split("\nignore = [").nth(1) else { return Vec::new() };
    let entries = list.split("\n]").next().unwrap_or_default();
    let lines = entries.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .filter(|line| {
            let reason = line.split("reason = \"").nth(1).and_then(|rest| rest.split('"').next());
            reason.is_none_or(|reason| reason.len() < REASON)
        })
        .map(|line| format!("an advisory is ignored without a reason: {line}"))
        .collect()
}

/// Pre-releases that are built in but not listed with a reason, or listed but not built in.
fn unlisted(file: &str, tree: &str) -> Vec<String> {
    let built: BTreeSet<String> = tree
        .lines()
        .filter_map(|line| {
            let (name, rest) = line.split_once(" v")?;
            let version = rest.split(' ').next()?;
            // Build metadata after a plus sign does not make a pre-release.
            let is_pre_release = version.split('+').next()?.contains('-');
            is_pre_release.then(|| format!("{name} {version}"))
        })
        .collect();
    let lines = file.lines().filter_map(|line| line.strip_prefix(PRE_RELEASE)?.split_once(": "));
    let listed: BTreeSet<String> =
        lines.filter(|(_, reason)| reason.len() >= REASON).map(|(package, _)| package.to_owned()).collect();
    let missing = built.difference(&listed).map(|package| {
        format!("{package} is a pre-release in the server: take a release, or add the line `{PRE_RELEASE}{package}: reason`")
    });
    let stale =
        listed.difference(&built).map(|package| format!("{package} is listed and not built in (any more)"));
    missing.chain(stale).collect()
}

#[cfg(test)]
mod checks {
    use super::*;

    #[test]
    fn what_is_ignored_needs_a_reason() {
        let file = "[advisories]\nignore = [\n    # why\n    { id = \"A\", reason = \"it cannot be reached from here\" },\n    \"B\",\n    { id = \"C\", reason = \"\" },\n]\n";
        let faults = unexplained(file);
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(faults[0].contains("\"B\"") && faults[1].contains("\"C\""), "{faults:?}");
        assert!(unexplained("[advisories]\n").is_empty());
    }

    #[test]
    fn pre_releases_are_listed_and_lists_are_true() {
        let tree =
            "one v1.0.0\nwasi v0.11.0+wasi-snapshot\ntwo v2.0.0-rc.1 (*)\nthree v0.1.0-alpha (proc-macro)\n";
        let file = "# pre-release two 2.0.0-rc.1: nothing else has been released\n# pre-release four 4.0.0-beta: nothing else has been released\n";
        let faults = unlisted(file, tree);
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(faults[0].starts_with("three 0.1.0-alpha is a pre-release"), "{faults:?}");
        assert!(faults[1].starts_with("four 4.0.0-beta is listed and not built"), "{faults:?}");
    }
}
