//! Installs packages on Debian and its derivatives. Installs only as root; otherwise it prints the command to run.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, bail};

use crate::commands;

/// Whether this machine is Debian or a derivative and has apt-get.
pub fn is_debian() -> bool {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let family = release
        .lines()
        .filter_map(|line| line.strip_prefix("ID=").or_else(|| line.strip_prefix("ID_LIKE=")))
        .any(|names| names.trim_matches('"').split(' ').any(|name| name == "debian" || name == "ubuntu"));
    family && commands::find_program("apt-get").is_some()
}

/// Installs packages, or fails with instructions; `purpose` is the subject of "… is missing".
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

/// Updates the package lists; needs root.
pub fn update() -> Result<()> {
    apt(&["update", "-qq"])
}

/// Downloads packages and their missing dependencies into a directory without installing anything.
pub fn download(packages: &[&str], directory: &Path) -> Result<()> {
    let archives = format!("Dir::Cache::Archives={}", directory.display());
    let options = ["-o", &archives, "-o", "Debug::NoLocking=true", "install", "-y", "-qq"];
    apt(&[&options[..], &["--download-only", "--no-install-recommends"], packages].concat())
}

fn apt(arguments: &[&str]) -> Result<()> {
    // Another apt may be running, especially on a new machine; the installers' output is of no interest here.
    commands::run(
        Command::new("apt-get")
            .args(["-o", "DPkg::Lock::Timeout=120"])
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null()),
    )
}
