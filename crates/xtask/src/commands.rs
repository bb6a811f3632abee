//! Starts other programs. Cargo gets the environment of the user's shell: variables that the outer `cargo xtask` added
//! are removed; otherwise build scripts would see a change and everything would be compiled twice.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;

/// Interval of polling loops.
pub const POLL: Duration = Duration::from_millis(20);

/// A cargo command with the active toolchain, in the root of the workspace.
pub fn cargo(workspace: &Workspace) -> Command {
    let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(&workspace.root);
    clean(&mut command, workspace, Keep::Toolchain);
    command
}

/// A program of the active toolchain, such as `rustc`.
pub fn cargo_tool(workspace: &Workspace, name: &str) -> Command {
    let mut command = Command::new(env::var_os(name.to_uppercase()).unwrap_or_else(|| name.into()));
    command.current_dir(&workspace.root);
    clean(&mut command, workspace, Keep::Toolchain);
    command
}

/// A program outside the active toolchain, which must not see any choice of compiler made for it.
pub fn cleaned(workspace: &Workspace, program: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(&workspace.root);
    clean(&mut command, workspace, Keep::Nothing);
    command
}

/// Runs a command to its end; a failure is an error that names the command.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("`{}` cannot be started", shown(command)))?;
    check(command, status)
}

/// Runs a command to its end and returns its stdout.
pub fn output(command: &mut Command) -> Result<Vec<u8>> {
    let output = command
        .stderr(std::process::Stdio::inherit())
        .output()
        .with_context(|| format!("`{}` cannot be started", shown(command)))?;
    check(command, output.status)?;
    Ok(output.stdout)
}

/// Runs a command for at most `limit`; returns false if it failed or had to be killed.
pub fn succeeds_within(command: &mut Command, limit: Duration) -> Result<bool> {
    let mut child = command.spawn().with_context(|| format!("`{}` cannot be started", shown(command)))?;
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        if Instant::now() > deadline {
            child.kill()?;
            child.wait()?;
            return Ok(false);
        }
        thread::sleep(POLL);
    }
}

/// The full path of a program, searched in PATH and the system directories.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/bin", "/usr/sbin", "/bin", "/sbin"].map(PathBuf::from))
        .map(|directory| directory.join(name))
        .find(|candidate| candidate.is_file())
}

/// Whether we run as root, and so may install packages and change users.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Turns an unsuccessful exit status into an error.
pub fn check(command: &Command, status: ExitStatus) -> Result<()> {
    if !status.success() {
        bail!("`{}` failed ({status}).", shown(command));
    }
    Ok(())
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    std::iter::once(program)
        .chain(command.get_args())
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    Toolchain,
    Nothing,
}

/// Removes the variables set by the outer cargo and its rustup proxy, and with `Keep::Nothing` every choice of compiler
/// as well.
fn clean(command: &mut Command, workspace: &Workspace, keep: Keep) {
    const OF_THIS_PACKAGE: [&str; 5] =
        ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"];
    const OF_A_TOOLCHAIN: [&str; 8] = [
        "RUSTUP_TOOLCHAIN",
        "RUSTC",
        "RUSTDOC",
        "RUSTFLAGS",
        "CARGO_ENCODED_",
        "CARGO_BUILD_",
        "CARGO_TARGET_",
        "CARGO_PROFILE_",
    ];
    for (name, _) in env::vars_os() {
        let Some(text) = name.to_str() else { continue };
        let starts_with_any = |list: &[&str]| list.iter().any(|start| text.starts_with(start));
        if starts_with_any(&OF_THIS_PACKAGE)
            || (keep == Keep::Nothing && (text == "CARGO" || starts_with_any(&OF_A_TOOLCHAIN)))
        {
            command.env_remove(&name);
        }
    }
    // `cargo run` adds its target directory, rustup the toolchain's libraries.
    if let Some(libraries) = env::var_os("LD_LIBRARY_PATH") {
        let added = |path: &PathBuf| {
            path.starts_with(&workspace.target)
                || path
                    .components()
                    .any(|part| part.as_os_str() == "rustlib" || part.as_os_str() == "toolchains")
        };
        let kept: Vec<_> = env::split_paths(&libraries).filter(|path| !added(path)).collect();
        match env::join_paths(&kept) {
            Ok(joined) if !kept.is_empty() => command.env("LD_LIBRARY_PATH", joined),
            _ => command.env_remove("LD_LIBRARY_PATH"),
        };
    }
}
