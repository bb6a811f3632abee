//! A server as built for the tests, on SQLite in its own folder, for programs that talk to it.

use std::{net::TcpStream, path::Path, process::Command};

use anyhow::Result;
use rustix::process::Signal;

use crate::{
    services::{self, Daemon},
    workspace::Workspace,
};

/// A running server that stops when this value is dropped.
pub struct DebugServer {
    /// Host and port.
    pub address: String,
    _daemon: Daemon,
}

impl DebugServer {
    /// Starts it on a free port with an empty database, cheap password hashing, and the given settings.
    pub fn start(workspace: &Workspace, data: &Path, settings: &[(&str, &str)]) -> Result<Self> {
        let _none_yet = std::fs::remove_dir_all(data);
        std::fs::create_dir_all(data)?;
        let address = format!("127.0.0.1:{}", services::free_port()?);
        let mut command: Command =
            services::supervised(&workspace.target.join("debug/parlour"), None, "KILL")?;
        command.arg("serve").current_dir(data);
        for name in ["DATABASE_URL", "REDIS_URL", "PARLOUR_CONFIG"] {
            command.env_remove(name);
        }
        command.env("PARLOUR_LISTEN", &address).env("PARLOUR_DATA_DIR", data);
        command.env("PARLOUR_HASH_MEMORY_KIB", "8").env("PARLOUR_HASH_PASSES", "1");
        command.env("PARLOUR_AUTH_PER_MINUTE", "1000000").env("RUST_LOG", "error");
        command.envs(settings.iter().copied());
        let mut daemon = Daemon::start("parlour", command, data, Signal::TERM)?;
        daemon.wait_until(|| TcpStream::connect(&address).is_ok())?;
        Ok(Self { address, _daemon: daemon })
    }
}
