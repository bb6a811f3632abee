//! Redis and PostgreSQL of a scenario's own, which can be killed and come back: the ones that all tests share must not
//! be killed.
//!
//! Invariant: a service ends when its value is dropped, even if its processes were killed and restarted. PostgreSQL
//! keeps its promise of durability here, unlike the shared one.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::nodes::free_port;

/// A start or a recovery that takes longer is a failure.
const START: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

/// The path of a program, as given by the test command.
fn program(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// Whether the programs of both services are known; `cargo xtask` passes them unless it was given running services.
pub fn are_available() -> bool {
    program("TEST_REDIS_BIN").is_some() && program("TEST_POSTGRES_BIN").is_some()
}

/// A command, run as the user that PostgreSQL requires, if any.
fn command_as(user: Option<&str>, program: &Path) -> Command {
    let Some(user) = user else { return Command::new(program) };
    let mut command = Command::new("setpriv");
    command.args(["--reuid", user, "--regid", user, "--clear-groups"]).arg(program);
    command
}

/// A process that may be dead for a while.
#[derive(Default)]
struct Process(Mutex<Option<Child>>);

impl Process {
    fn kill(&self) {
        if let Some(mut child) = self.0.lock().unwrap().take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Spawns until a process stays alive and is ready.
    fn start(&self, mut spawn: impl FnMut() -> Child, mut ready: impl FnMut(&Child) -> bool) {
        let deadline = Instant::now() + START;
        let mut child = spawn();
        while !ready(&child) {
            assert!(Instant::now() < deadline, "a service does not start");
            // Parts of a killed server may still be there and in the way of the next one.
            if child.try_wait().unwrap().is_some() {
                child = spawn();
            }
            std::thread::sleep(POLL);
        }
        *self.0.lock().unwrap() = Some(child);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.lock().ok().and_then(|mut child| child.take()) {
            let _gone_already = child.kill();
            let _gone_already = child.wait();
        }
    }
}

/// A Redis that persists nothing.
pub struct OwnRedis {
    /// Its URL.
    pub url: String,
    port: u16,
    process: Process,
    folder: TempDir,
}

impl OwnRedis {
    /// Starts one.
    pub fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("parlour-test-redis-").tempdir().unwrap();
        let port = free_port();
        let url = format!("redis://127.0.0.1:{port}");
        let redis = Self { url, port, process: Process::default(), folder };
        redis.restart();
        redis
    }

    /// Starts it again, empty.
    pub fn restart(&self) {
        let binary = PathBuf::from(program("TEST_REDIS_BIN").expect("TEST_REDIS_BIN"));
        let spawn = || {
            Command::new(&binary)
                .current_dir(self.folder.path())
                .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"])
                .args(["--save", "", "--appendonly", "no", "--daemonize", "no"])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap()
        };
        self.process.start(spawn, |_| self.ask("PING").is_ok_and(|answer| answer == "+PONG"));
    }

    /// Ends it like a power failure.
    pub fn kill(&self) {
        self.process.kill();
    }

    /// Disconnects all subscribers, as Redis does with those that read too slowly. Returns how many there were.
    pub fn drop_subscribers(&self) -> usize {
        let answer = self.ask("CLIENT KILL TYPE pubsub").expect("redis answers");
        answer.trim_start_matches(':').parse().unwrap_or_else(|_| panic!("redis said {answer}"))
    }

    fn ask(&self, command: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(format!("{command}\r\n").as_bytes())?;
        let (mut answer, mut byte) = (Vec::new(), [0]);
        while !answer.ends_with(b"\r\n") {
            stream.read_exact(&mut byte)?;
            answer.extend(byte);
        }
        Ok(String::from_utf8_lossy(&answer).trim().to_owned())
    }
}

/// A PostgreSQL server with full durability.
pub struct OwnPostgres {
    /// The URL of its database.
    pub url: String,
    port: u16,
    programs: PathBuf,
    user: Option<String>,
    /// Additional settings, such as `fsync=off`.
    settings: Vec<String>,
    process: Process,
    // Dropped last: the server's data is in it.
    folder: TempDir,
}

impl OwnPostgres {
    /// Initializes a server and starts it.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Initializes a server and starts it with settings such as `fsync=off`.
    pub fn start_with(settings: &[&str]) -> Self {
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let folder = tempfile::Builder::new().prefix("parlour-test-pg-").tempdir().unwrap();
        let programs = PathBuf::from(program("TEST_POSTGRES_BIN").expect("TEST_POSTGRES_BIN"));
        let user = program("TEST_POSTGRES_USER").map(|user| user.into_string().unwrap());
        if let Some(user) = &user {
            let owner = format!("{user}:{user}");
            assert!(Command::new("chown").arg(owner).arg(folder.path()).status().unwrap().success());
        }
        let port = free_port();
        // Nobody except this machine's tests can reach it, and it lives for minutes.
        let url = format!("postgres://parlour:parlour@127.0.0.1:{port}/postgres");
        let postgres = Self { url, port, programs, user, settings, process: Process::default(), folder };
        let made = command_as(postgres.user.as_deref(), &postgres.programs.join("initdb"))
            .args(["--username=parlour", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"])
            .arg("--pgdata")
            .arg(postgres.data())
            .current_dir(postgres.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(made.success(), "initdb failed");
        postgres.restart();
        postgres
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Starts it, and lets it recover from a crash.
    pub fn restart(&self) {
        let state = self.data().join("postmaster.pid");
        let log = std::fs::File::options().create(true).append(true).open(self.log()).unwrap();
        let spawn = || {
            command_as(self.user.as_deref(), &self.programs.join("postgres"))
                .current_dir(self.folder.path())
                .arg("-D")
                .arg(self.data())
                .args(["-p", &self.port.to_string(), "-c", "listen_addresses=127.0.0.1"])
                .args(["-c", "unix_socket_directories=", "-c", "max_connections=100"])
                .args(self.settings.iter().flat_map(|setting| ["-c", setting]))
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(log.try_clone().unwrap())
                .spawn()
                .unwrap()
        };
        self.process.start(spawn, |child| {
            let written = std::fs::read_to_string(&state).unwrap_or_default();
            let lines: Vec<&str> = written.lines().map(str::trim).collect();
            // What a killed postmaster wrote there says nothing about the new one.
            lines.first() == Some(&child.id().to_string().as_str()) && lines.get(7) == Some(&"ready")
        });
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("postgres.log")
    }

    /// Kills the postmaster without any chance to write.
    pub fn kill(&self) {
        self.process.kill();
    }

    /// Dumps a database to a file while it is in use.
    pub fn dump(&self, to: &Path) {
        self.run("pg_dump", &["--format=custom", "--file"], to);
    }

    /// Replaces the current database with a dump.
    pub fn restore(&self, from: &Path) {
        self.run("pg_restore", &["--clean", "--if-exists", "--exit-on-error", "--dbname", &self.url], from);
    }

    fn run(&self, name: &str, arguments: &[&str], file: &Path) {
        let mut command = Command::new(self.programs.join(name));
        command.args(arguments).arg(file);
        if name == "pg_dump" {
            command.arg(&self.url);
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// A folder beside the data, for dumps.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}
