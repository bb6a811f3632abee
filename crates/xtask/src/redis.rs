//! A private Redis without persistence.

use std::{
    env,
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result};
use rustix::process::Signal;

use crate::{
    commands,
    services::{Daemon, free_port, supervised},
};

/// The variable with the server's URL; if it is set, that server is used instead of a private one.
pub const URL: &str = "TEST_REDIS_URL";

/// The path of Redis, or of its fork Valkey.
pub fn program() -> Option<PathBuf> {
    env::var_os("TEST_REDIS_BIN")
        .map(PathBuf::from)
        .or_else(|| ["redis-server", "valkey-server"].iter().find_map(|name| commands::find_program(name)))
}

/// Starts the server; also returns the environment variables for the tests.
pub fn start(directory: &Path) -> Result<(Daemon, Vec<(&'static str, String)>)> {
    let program = program().context("Redis is not installed.")?;
    let mut attempts = 3;
    loop {
        let port = free_port()?;
        let mut command = supervised(&program, None, "KILL")?;
        command.current_dir(directory).args(["--port", &port.to_string(), "--bind", "127.0.0.1"]);
        command.args(["--save", "", "--appendonly", "no", "--daemonize", "no"]);
        let mut daemon = Daemon::start("redis", command, directory, Signal::TERM)?;
        match daemon.wait_until(|| answers(port)) {
            Ok(()) => {
                let environment = vec![
                    (URL, format!("redis://127.0.0.1:{port}")),
                    ("TEST_REDIS_BIN", program.display().to_string()),
                ];
                return Ok((daemon, environment));
            }
            Err(error) if attempts == 1 => return Err(error),
            Err(_) => attempts -= 1,
        }
    }
}

fn answers(port: u16) -> bool {
    let ping = || {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(b"PING\r\n")?;
        let mut answer = [0; 5];
        stream.read_exact(&mut answer)?;
        Ok::<_, std::io::Error>(answer == *b"+PONG")
    };
    ping().unwrap_or(false)
}
