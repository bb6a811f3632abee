//! The location of the sources and of cargo's target directory.

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

/// The checkout that this xtask works on.
pub struct Workspace {
    /// The directory of the top `Cargo.toml`.
    pub root: PathBuf,
    /// Cargo's target directory, even if a setting moved it out of the checkout.
    pub target: PathBuf,
}

impl Workspace {
    /// Finds both directories: cargo says where the sources are, and this executable is in `<target>/debug`.
    pub fn find() -> Result<Self> {
        let manifest = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = manifest
            .ancestors()
            .nth(2)
            .context("xtask must lie in crates/xtask of the checkout; start it with `cargo xtask`.")?;
        let executable = env::current_exe().context("the path of this executable is not known.")?;
        let target = executable.ancestors().nth(2).map_or_else(|| root.join("target"), Path::to_path_buf);
        Ok(Self { root: root.to_path_buf(), target })
    }

    /// The directory with the browser client, ready to be served.
    pub fn dist(&self) -> PathBuf {
        self.target.join("client/dist")
    }
}
