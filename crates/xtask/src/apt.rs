//! Installing packages on Debian and its children. Nothing is installed unless we are root; a person is told what to type.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, bail};

use crate::commands;

/// Whether this machine installs its software with apt.
pub fn is_debian() -> bool {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let family = release
        .lines()
        .filter_map(|line| line.strip_prefix("ID=").or_else(|| line.strip_prefix("ID_LIKE=")))
        .any(|names| names.trim_matches('"').split(' ').any(|name| name == "debian" || name == "ubuntu"));
    family && commands::find_program("apt-get").is_some()
}

/// Installs packages, or says what to do; `purpose` completes "…, needed".
pub fn install(packages: &[&str], purpose: &str) -> Result<()> {
    let list = packages.join(" ");
    if !is_debian() {
        bail!("{purpose} is missing. Install it with your system's packages (on Debian they are: {list}).");
    }
    if !commands::is_root() {
        bail!(
            "{purpose} is missing. Install it with:\n\n    sudo apt-get update && sudo apt-get install -y {list}\n"
        );
    }
    eprintln!("          installing {list} with apt-get: {purpose}");
    update().context("The list of packages cannot be brought up to date")?;
    apt(&[&["install", "-y", "-qq", "--no-install-recommends"], packages].concat())
        .with_context(|| format!("{purpose} cannot be installed; by hand it is: apt-get install {list}"))
}

/// Brings the list of packages up to date; needs root.
pub fn update() -> Result<()> {
    apt(&["update", "-qq"])
}

/// Fetches packages and what they need beyond what is installed into a directory, and installs nothing.
pub fn download(packages: &[&str], directory: &Path) -> Result<()> {
    let archives = format!("Dir::Cache::Archives={}", directory.display());
    let options = ["-o", &archives, "-o", "Debug::NoLocking=true", "install", "-y", "-qq"];
    apt(&[&options[..], &["--download-only", "--no-install-recommends"], packages].concat())
}

fn apt(arguments: &[&str]) -> Result<()> {
    // Another apt may be at work, on a new machine most of all; its installers' chatter is of no interest here.
    commands::run(
        Command::new("apt-get")
            .args(["-o", "DPkg::Lock::Timeout=120"])
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null()),
    )
}
