//! Private servers for the tests: started on free ports, in their own directory, stopped when the value is dropped.
//!
//! Three mechanisms prevent a server from being left behind: `Drop`, the kernel's parent-death signal (through
//! `setpriv`, in case we are killed), and a sweep of dead runs' directories at the next start.

use std::{
    env, fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::{
    commands::{self, POLL},
    postgres, redis,
};

const START_LIMIT: Duration = Duration::from_secs(30);
const STOP_LIMIT: Duration = Duration::from_secs(5);
const PREFIX: &str = "parlour-test-";

/// The servers of one test run. The directory is the last field, so that it is removed after the servers have stopped.
pub struct Services {
    /// Environment variables for the tests.
    pub environment: Vec<(&'static str, String)>,
    _running: Vec<Daemon>,
    _directory: Directory,
}

impl Services {
    /// Starts the servers that are not given from outside: a `TEST_DATABASE_URL` or `TEST_REDIS_URL` that is set is
    /// kept. Tests are faster on a database that does not wait for the disk; a `durable` one waits, as in production.
    pub fn start(durable: bool) -> Result<Self> {
        sweep();
        let directory = Directory::create()?;
        let mut environment = Vec::new();
        let mut running = Vec::new();
        if env::var_os(postgres::URL).is_none() {
            let (daemon, variables) = postgres::start(&directory.0, durable)?;
            running.push(daemon);
            environment.extend(variables);
        }
        if env::var_os(redis::URL).is_none() {
            let (daemon, variables) = redis::start(&directory.0)?;
            running.push(daemon);
            environment.extend(variables);
        }
        Ok(Self { environment, _running: running, _directory: directory })
    }
}

/// A background server, stopped on drop.
pub struct Daemon {
    name: &'static str,
    child: Child,
    log: PathBuf,
    stop: Signal,
}

impl Daemon {
    /// Starts a server that logs to `<directory>/<name>.log`; `stop` is the signal for an orderly shutdown.
    pub fn start(name: &'static str, mut command: Command, directory: &Path, stop: Signal) -> Result<Self> {
        let log = directory.join(format!("{name}.log"));
        let output = fs::File::create(&log)?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let child = command.spawn().with_context(|| format!("{name} cannot be started"))?;
        Ok(Self { name, child, log, stop })
    }

    /// Waits until `ready` returns true; an early exit or a timeout is an error with the end of the server's log.
    pub fn wait_until(&mut self, mut ready: impl FnMut() -> bool) -> Result<()> {
        let deadline = Instant::now() + START_LIMIT;
        while !ready() {
            let ended = self.child.try_wait()?;
            if ended.is_some() || Instant::now() > deadline {
                let log = fs::read_to_string(&self.log).unwrap_or_default();
                let lines: Vec<_> = log.lines().collect();
                let last = lines[lines.len().saturating_sub(15)..].join("\n");
                bail!("{} did not become ready. It wrote last:\n{last}", self.name);
            }
            thread::sleep(POLL);
        }
        Ok(())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) else { return };
        let _gone_already = kill_process(pid, self.stop);
        let deadline = Instant::now() + STOP_LIMIT;
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                let _gone_already = self.child.kill();
                let _status = self.child.wait();
                return;
            }
            thread::sleep(POLL);
        }
    }
}

/// A command that is killed when this process ends, run as another user if one is named. It has a session of its own:
/// Ctrl-C reaches a whole process group, and these servers must stop later, when they are no longer used; and the kernel
/// divides processor time between sessions first, as between the services of a real machine.
pub fn supervised(program: &Path, user: Option<&str>, signal: &str) -> Result<Command> {
    let Some(setpriv) = commands::find_program("setpriv") else {
        if let Some(user) = user {
            bail!("`setpriv` is missing, which runs a server as the user {user}. Install util-linux.");
        }
        let mut command = Command::new(program);
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        return Ok(command);
    };
    let mut command = Command::new("setsid");
    command.arg(setpriv).args(["--pdeathsig", signal]);
    if let Some(user) = user {
        command.args(["--reuid", user, "--regid", user, "--clear-groups"]);
    }
    command.arg(program);
    Ok(command)
}

/// A port that is free at this moment.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

struct Directory(PathBuf);

impl Directory {
    /// Not below the target directory: the user that runs PostgreSQL must be able to reach it.
    fn create() -> Result<Self> {
        let path = env::temp_dir().join(format!("{PREFIX}{}", std::process::id()));
        fs::create_dir(&path).with_context(|| format!("{} cannot be created", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("warning: {} cannot be removed: {error}", self.0.display());
        }
    }
}

/// Removes the directories of runs that were killed.
fn sweep() {
    let Ok(entries) = fs::read_dir(env::temp_dir()) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let run = name.to_str().and_then(|name| name.strip_prefix(PREFIX)).and_then(|pid| pid.parse().ok());
        if let Some(pid) = run.and_then(Pid::from_raw)
            && test_kill_process(pid).is_err()
        {
            let _not_ours = fs::remove_dir_all(entry.path());
        }
    }
}
