//! nginx, HAProxy and Caddy for the security tests: those on the machine, or Debian's packages unpacked below the
//! target directory. They are not installed, because each package would start a listening service.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{apt, commands, workspace::Workspace};

/// The packages, named like their programs, and the variables that give the tests their paths.
const PROXIES: [(&str, &str); 3] =
    [("nginx", "TEST_NGINX"), ("haproxy", "TEST_HAPROXY"), ("caddy", "TEST_CADDY")];
/// The variable with the library path of unpacked programs.
const LIBRARIES: &str = "TEST_PROXY_LIBRARIES";

/// Finds or downloads every proxy and returns the variables that name them. Without them, the tests report that they
/// were skipped; on CI they fail.
pub fn find_or_bring(workspace: &Workspace) -> Vec<(&'static str, OsString)> {
    let root = workspace.target.join("tools/proxies");
    let find = |name: &str| commands::find_program(name).or_else(|| unpacked(&root, name));
    let missing: Vec<&str> = PROXIES
        .iter()
        .filter(|(name, variable)| std::env::var_os(variable).is_none() && find(name).is_none())
        .map(|(name, _)| *name)
        .collect();
    if !missing.is_empty()
        && let Err(error) = bring(&root, &missing)
    {
        eprintln!("SKIPPED the tests behind {}: {error:#}", missing.join(", "));
    }
    let found = PROXIES.iter().filter(|(_, variable)| std::env::var_os(variable).is_none());
    let mut variables: Vec<(&str, OsString)> =
        found.filter_map(|(name, variable)| Some((*variable, find(name)?.into_os_string()))).collect();
    let libraries = libraries(&root);
    if !libraries.is_empty() {
        variables.push((LIBRARIES, libraries));
    }
    variables
}

fn unpacked(root: &Path, name: &str) -> Option<PathBuf> {
    ["usr/sbin", "usr/bin"].iter().map(|folder| root.join(folder).join(name)).find(|path| path.is_file())
}

/// The unpacked library folders, one per architecture.
fn libraries(root: &Path) -> OsString {
    let folders = fs::read_dir(root.join("usr/lib")).into_iter().flatten().flatten();
    let folders = folders.map(|entry| entry.path()).filter(|path| path.is_dir());
    std::env::join_paths(folders).unwrap_or_default()
}

/// Downloads the packages with their missing dependencies and unpacks them.
fn bring(root: &Path, packages: &[&str]) -> Result<()> {
    if !apt::is_debian() {
        bail!("they are not installed. Install them with your system's packages");
    }
    eprintln!("          fetching {} with apt-get: proxies that the tests put in front", packages.join(", "));
    let archives = root.join("archives");
    fs::create_dir_all(archives.join("partial"))?;
    if commands::is_root() {
        apt::update().context("the list of packages cannot be brought up to date")?;
    }
    apt::download(packages, &archives).context("they cannot be fetched")?;
    for entry in fs::read_dir(&archives)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "deb") {
            commands::run(Command::new("dpkg-deb").arg("--extract").arg(&path).arg(root))?;
        }
    }
    fs::remove_dir_all(&archives)?;
    Ok(())
}
