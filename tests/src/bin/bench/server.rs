//! The server under test as a separate process, and what it used according to the kernel.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use parlour_storage::connection::Address;
use system_tests::METRICS_TOKEN;
use tempfile::TempDir;

use crate::floor;
use crate::ledger::Ledger;
use crate::services::{Services, cpu_seconds};

/// A process on the server's core.
pub struct Process {
    child: Child,
    /// `127.0.0.1:port`.
    pub address: String,
    /// What was sent to it.
    pub ledger: Ledger,
    services: Services,
    _data: TempDir,
}

/// A command on the server's core, if the cores are kept apart.
fn on_server_core(program: &str) -> Command {
    match std::env::var("BENCH_SERVER_CPU") {
        Ok(cpu) => {
            let mut command = Command::new("taskset");
            // A session of its own, like a service: the kernel divides processor time between sessions first.
            command.args(["-c", &cpu, "setsid", program]);
            command
        }
        Err(_) => Command::new(program),
    }
}

impl Process {
    /// A build of Parlour, with these additional settings.
    pub fn parlour(program: &str, settings: &[(&str, &str)]) -> Self {
        let data = TempDir::new().unwrap();
        let mut command = on_server_core(program);
        command
            .arg("serve")
            .env("PARLOUR_LISTEN", "127.0.0.1:0")
            .env("PARLOUR_DATA_DIR", data.path())
            .env("PARLOUR_HASH_MEMORY_KIB", "8")
            .env("PARLOUR_HASH_PASSES", "1")
            .env("PARLOUR_SENDS_PER_SECOND", "100000")
            .env("PARLOUR_AUTH_PER_MINUTE", "1000000")
            .env("PARLOUR_CONNECTS_PER_SECOND", "100000")
            .env("PARLOUR_CONNECTS_PER_ADDRESS", "100000")
            .env("PARLOUR_CONNECTIONS", "100000")
            .env("PARLOUR_CONNECTIONS_PER_ADDRESS", "100000")
            .env("PARLOUR_METRICS_TOKEN", METRICS_TOKEN)
            .env("PARLOUR_WORKERS", "1")
            .env("RUST_LOG", "warn")
            .envs(settings.iter().copied());
        let set = |name: &str| settings.iter().find(|(set, _)| *set == name).map(|(_, value)| *value);
        let database = match set("DATABASE_URL") {
            Some(url) => Address::parse(url).unwrap(),
            None => Address::Sqlite(data.path().join("parlour.sqlite3").to_str().unwrap().to_owned()),
        };
        let services = Services::find(&database, set("REDIS_URL"));
        let line =
            |line: &str| line.split("listening on ").nth(1).map(|rest| rest.trim_end_matches(')').to_owned());
        Self::spawn(command, data, Ledger::new(Some(database)), services, line)
    }

    /// The bare broadcaster that writes each frame separately.
    pub fn floor() -> Self {
        Self::of_floor(&[])
    }

    /// The bare broadcaster that gathers.
    pub fn gathering_floor() -> Self {
        Self::of_floor(&[floor::GATHERING])
    }

    fn of_floor(arguments: &[&str]) -> Self {
        let own = std::env::current_exe().unwrap();
        let mut command = on_server_core(&own.to_string_lossy());
        command.arg("floor-server").args(arguments);
        let (data, ledger) = (TempDir::new().unwrap(), Ledger::new(None));
        Self::spawn(command, data, ledger, Services::default(), |line| Some(line.to_owned()))
    }

    /// The same, with message texts of this many bytes.
    pub fn with_bytes(mut self, bytes: usize) -> Self {
        self.ledger.set_bytes(bytes);
        self
    }

    fn spawn(
        mut command: Command,
        data: TempDir,
        ledger: Ledger,
        services: Services,
        address: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the server starts");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| address(&line))
            .expect("the server is ready");
        Self { child, address, ledger, services, _data: data }
    }

    /// Seconds of CPU time so far.
    pub fn cpu_seconds(&self) -> f64 {
        cpu_seconds(self.child.id())
    }

    /// The same for PostgreSQL and Redis, if the server uses them.
    pub fn services_cpu_seconds(&self) -> f64 {
        self.services.cpu_seconds()
    }

    /// Statements run so far.
    pub async fn statements(&self) -> u64 {
        let page = reqwest::Client::new().get(format!("http://{}/metrics", self.address));
        let page = page.bearer_auth(METRICS_TOKEN).send().await.expect("metrics");
        let page = page.text().await.expect("metrics");
        let line = page.lines().find_map(|line| line.strip_prefix("parlour_database_statements"));
        // Older builds, which `cost` compares with, leave out `_total`.
        let number = line.map(|line| line.trim_start_matches("_total").trim_start());
        number.and_then(|number| number.parse().ok()).expect("the count of statements")
    }

    /// Resident memory in KiB.
    pub fn resident_kib(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or(0.0)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
