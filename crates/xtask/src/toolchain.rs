//! Finds or installs a compiler with the standard library for wasm32-unknown-unknown.
//!
//! In this order: the active toolchain, a target that rustup adds, Debian's compiler, which has the library as source,
//! a clear error.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, SystemTime},
};

use anyhow::{Result, bail};

use crate::{apt, commands, workspace::Workspace};

/// The target of the browser client.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Rustup finishes within seconds if it can reach its server; if it cannot, waiting longer is pointless.
const RUSTUP_LIMIT: Duration = Duration::from_secs(60);
/// How long a failure of rustup is remembered.
const RUSTUP_RETRY: Duration = Duration::from_secs(24 * 60 * 60);
const DEBIAN_PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld-19"];
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// A way to compile for the browser.
pub enum WasmToolchain {
    /// The active toolchain; one from a distribution may lack its own linker.
    Active { linker: Option<PathBuf> },
    /// Debian's compiler, which compiles the standard library from its source package.
    Debian { linker: PathBuf },
}

impl WasmToolchain {
    /// Finds a toolchain, installing what may be installed.
    pub fn prepare(workspace: &Workspace) -> Result<Self> {
        if let Some(toolchain) = active(workspace)? {
            return Ok(toolchain);
        }
        if add_with_rustup(workspace)?
            && let Some(toolchain) = active(workspace)?
        {
            return Ok(toolchain);
        }
        if apt::is_debian() {
            return debian();
        }
        bail!(
            "the standard library for {TARGET} is missing. Install it with:\n\n    rustup target add {TARGET}\n\n\
             (or with your distribution's package for it, if rust came from there) and start again."
        );
    }

    /// The start of a cargo command that compiles for the browser: `cargo build --target … `.
    pub fn cargo_build(&self, workspace: &Workspace) -> Command {
        let linker_setting =
            |path: &Path| format!("target.{TARGET}.linker={:?}", path.to_string_lossy().into_owned());
        let mut command = match self {
            Self::Active { .. } => commands::cargo(workspace),
            Self::Debian { .. } => commands::cleaned(workspace, Path::new(DEBIAN_CARGO)),
        };
        // Flags for the server's processor do not apply to wasm.
        command
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env_remove("CARGO_BUILD_TARGET");
        command.args(["build", "--target", TARGET]);
        match self {
            Self::Active { linker: None } => {}
            Self::Active { linker: Some(linker) } => {
                command.args(["--config", &linker_setting(linker)]);
            }
            Self::Debian { linker } => {
                command.env("RUSTC", DEBIAN_RUSTC).env("RUSTC_BOOTSTRAP", "1").args([
                    "-Zbuild-std=std,panic_abort",
                    "--config",
                    &linker_setting(linker),
                ]);
            }
        }
        command
    }
}

/// Returns the active toolchain if it has the library.
fn active(workspace: &Workspace) -> Result<Option<WasmToolchain>> {
    let printed = commands::output(commands::cargo_tool(workspace, "rustc").args(["--print", "sysroot"]))?;
    let rustlib = Path::new(String::from_utf8_lossy(&printed).trim()).join("lib/rustlib");
    let library = rustlib.join(TARGET).join("lib");
    let present = fs::read_dir(library).is_ok_and(|mut files| {
        files.any(|file| file.is_ok_and(|file| file.file_name().to_string_lossy().starts_with("libstd-")))
    });
    if !present {
        return Ok(None);
    }
    let has_own_linker =
        fs::read_dir(&rustlib)?.any(|host| host.is_ok_and(|host| host.path().join("bin/rust-lld").exists()));
    Ok(Some(WasmToolchain::Active { linker: if has_own_linker { None } else { find_linker() } }))
}

/// Returns true if rustup added the library; a failure is remembered for a day, so that only one build waits for it.
fn add_with_rustup(workspace: &Workspace) -> Result<bool> {
    let Some(rustup) = commands::find_program("rustup") else { return Ok(false) };
    let failed = workspace.target.join("client/rustup-failed");
    let failed_lately = fs::metadata(&failed)
        .and_then(|file| file.modified())
        .is_ok_and(|when| elapsed_since(when) < RUSTUP_RETRY);
    if failed_lately {
        return Ok(false);
    }
    eprintln!("          rustup target add {TARGET} (at most {} s)", RUSTUP_LIMIT.as_secs());
    let mut command = Command::new(rustup);
    command.args(["target", "add", TARGET]).current_dir(&workspace.root).stdin(Stdio::null());
    command.env_remove("RUST_BACKTRACE");
    let added = commands::succeeds_within(&mut command, RUSTUP_LIMIT)?;
    if !added {
        eprintln!(
            "          rustup could not add it; not tried again for a day (remove {} to do so)",
            failed.display()
        );
        fs::create_dir_all(workspace.target.join("client"))?;
        fs::write(&failed, "")?;
    }
    Ok(added)
}

fn elapsed_since(when: SystemTime) -> Duration {
    when.elapsed().unwrap_or_default()
}

/// Uses Debian's compiler, installing it first if allowed.
fn debian() -> Result<WasmToolchain> {
    let source = Path::new("/usr/lib/rustlib/src/rust/library/Cargo.lock");
    let complete =
        [Path::new(DEBIAN_CARGO), Path::new(DEBIAN_RUSTC), source].iter().all(|path| path.exists());
    if !complete || find_linker().is_none() {
        apt::install(&DEBIAN_PACKAGES, "A compiler for the browser client")?;
    }
    match find_linker() {
        Some(linker) if source.exists() => {
            eprintln!(
                "          using Debian's compiler, which compiles the standard library for the browser too"
            );
            Ok(WasmToolchain::Debian { linker })
        }
        _ => bail!(
            "Debian's packages {} are installed but the compiler for the browser client is not complete: \
             wasm-ld-19 and {} are expected.",
            DEBIAN_PACKAGES.join(", "),
            source.display()
        ),
    }
}

fn find_linker() -> Option<PathBuf> {
    ["wasm-ld-19", "wasm-ld-21", "wasm-ld-20", "wasm-ld"].iter().find_map(|name| commands::find_program(name))
}
