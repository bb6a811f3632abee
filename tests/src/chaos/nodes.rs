//! Nodes as real processes that can be killed, stopped and restarted without changing their address.

use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// A start that takes longer is a failure.
const START: Duration = Duration::from_secs(20);
/// A node that was told to shut down and has not is killed; that is a failure too.
const END: Duration = Duration::from_secs(40);

/// A port that nobody listens on, below the range that the kernel assigns to outgoing connections: while its server is
/// down, nobody else gets the port by chance.
pub fn free_port() -> u16 {
    loop {
        let port = 10_000 + (RandomState::new().hash_one(0) % 20_000) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A node, running or not.
pub struct Node {
    /// Where it listens, also after a restart.
    pub address: String,
    folder: PathBuf,
    settings: Vec<(String, String)>,
    /// Commands under which the program runs, with their arguments.
    under: Vec<String>,
    process: Mutex<Option<Running>>,
}

struct Running {
    process: Child,
    /// Kept open: a server whose standard output is closed fails when it prints.
    _speaks: BufReader<ChildStdout>,
}

impl Node {
    /// Starts a node with a folder of its own and waits until it is ready.
    pub fn start(folder: PathBuf, settings: Vec<(String, String)>) -> Self {
        let node = Self::prepare(folder, settings, Vec::new());
        node.restart();
        node
    }

    /// A node that is not started yet; `under` holds commands that exec the program, such as `taskset -c 0`.
    pub fn prepare(folder: PathBuf, mut settings: Vec<(String, String)>, under: Vec<String>) -> Self {
        std::fs::create_dir_all(&folder).unwrap();
        let listen = format!("127.0.0.1:{}", free_port());
        let address = format!("http://{listen}");
        settings.push(("PARLOUR_LISTEN".into(), listen));
        settings.push(("PARLOUR_DATA_DIR".into(), folder.display().to_string()));
        Self { address, folder, settings, under, process: Mutex::new(None) }
    }

    /// Starts it again after it ended, and waits until it is ready.
    pub fn restart(&self) {
        let deadline = Instant::now() + START;
        // The services that it needs may have been unreachable at the first try.
        while !self.try_start() {
            assert!(Instant::now() < deadline, "{} does not start:\n{}", self.address, self.last_words());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Starts it once. Returns false if it refuses; its last words say why.
    pub fn try_start(&self) -> bool {
        let mut running = self.spawn();
        let mut line = String::new();
        running._speaks.read_line(&mut line).unwrap();
        // Its own address, or the public one.
        if line.contains("://") {
            *self.process.lock().unwrap() = Some(running);
            return true;
        }
        running.process.wait().unwrap();
        false
    }

    fn spawn(&self) -> Running {
        let binary = std::env::var_os("TEST_PARLOUR_BIN").map_or_else(
            || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/debug/parlour")),
            PathBuf::from,
        );
        let log: File = OpenOptions::new().create(true).append(true).open(self.log()).unwrap();
        let mut command = match self.under.split_first() {
            None => Command::new(&binary),
            Some((first, arguments)) => {
                let mut command = Command::new(first);
                command.args(arguments).arg(&binary);
                command
            }
        };
        let mut process = command
            .arg("serve")
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", binary.display()));
        let speaks = BufReader::new(process.stdout.take().unwrap());
        Running { process, _speaks: speaks }
    }

    /// The file that it logs to.
    pub fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.process.lock().unwrap().as_ref().map(|running| running.process.id())
    }

    /// Whether the process runs. False once the harness has ended it.
    pub fn is_alive(&self) -> bool {
        let mut process = self.process.lock().unwrap();
        process.as_mut().is_some_and(|running| running.process.try_wait().unwrap().is_none())
    }

    /// The last lines of its log.
    pub fn last_words(&self) -> String {
        let log = std::fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }

    /// Ends it like a power failure.
    pub fn kill(&self) {
        if let Some(mut running) = self.process.lock().unwrap().take() {
            running.process.kill().unwrap();
            running.process.wait().unwrap();
        }
    }

    /// Freezes it: its connections stay open without a response.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Resumes it.
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    /// Tells it to shut down and waits until it has. Returns whether it ended by itself with success.
    pub fn end(&self) -> bool {
        self.signal("-TERM");
        let Some(mut running) = self.process.lock().unwrap().take() else { return true };
        let deadline = Instant::now() + END;
        while Instant::now() < deadline {
            if let Some(status) = running.process.try_wait().unwrap() {
                return status.success();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        running.process.kill().unwrap();
        running.process.wait().unwrap();
        false
    }

    fn signal(&self, signal: &str) {
        if let Some(running) = &*self.process.lock().unwrap() {
            let pid = running.process.id().to_string();
            assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(mut running) = self.process.lock().ok().and_then(|mut process| process.take()) {
            let _gone_already = running.process.kill();
            let _gone_already = running.process.wait();
        }
    }
}
