//! The processes beside the server, and the CPU time that they took according to the kernel.

use std::io::{Read, Write};
use std::net::TcpStream;

use diesel::prelude::*;
use diesel::sql_types::Integer;
use parlour_storage::connection::Address;
use parlour_storage::on_backend;

/// PostgreSQL and Redis on this machine, as far as a server uses them.
#[derive(Default)]
pub struct Services {
    postmaster: Option<u32>,
    redis: Option<u32>,
}

#[derive(QueryableByName)]
struct Backend {
    #[diesel(sql_type = Integer)]
    pid: i32,
}

impl Services {
    /// Asks both for their process ids.
    pub fn find(database: &Address, redis: Option<&str>) -> Self {
        let postmaster = matches!(database, Address::Postgres(_)).then(|| {
            let mut connection = database.connect().expect("PostgreSQL");
            let asked = diesel::sql_query("SELECT pg_backend_pid() AS pid");
            let backend: Backend =
                on_backend!(&mut connection, inner => asked.get_result(inner)).expect("a process id");
            // Every connection has a process of its own; all have the same parent.
            stat(backend.pid as u32, 1) as u32
        });
        Self { postmaster, redis: redis.map(process_of_redis) }
    }

    /// Seconds of CPU time so far.
    pub fn cpu_seconds(&self) -> f64 {
        let postgres = self.postmaster.map_or(0.0, |postmaster| {
            let children: f64 =
                processes().filter(|id| stat(*id, 1) as u32 == postmaster).map(precise_cpu_seconds).sum();
            // Processes that have ended are included in what the parent has waited for.
            children + cpu_seconds(postmaster) + ticks(stat(postmaster, 13) + stat(postmaster, 14))
        });
        postgres + self.redis.map_or(0.0, cpu_seconds)
    }
}

fn process_of_redis(url: &str) -> u32 {
    let url = url::Url::parse(url).expect("the URL of Redis");
    let (host, port) = (url.host_str().expect("a host"), url.port().unwrap_or(6379));
    let mut stream = TcpStream::connect((host, port)).expect("Redis");
    if let Some(password) = url.password() {
        stream.write_all(format!("AUTH {password}\r\n").as_bytes()).unwrap();
    }
    stream.write_all(b"INFO server\r\nQUIT\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let line = answer.lines().find_map(|line| line.strip_prefix("process_id:"));
    line.and_then(|id| id.trim().parse().ok()).expect("the process of Redis")
}

fn processes() -> impl Iterator<Item = u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// A field of a process's `stat`, counted from its state.
fn stat(process: u32, index: usize) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default();
    fields.split_whitespace().nth(index).and_then(|field| field.parse().ok()).unwrap_or(0.0)
}

/// Ticks are 10 ms on Linux.
fn ticks(count: f64) -> f64 {
    count / 100.0
}

/// Seconds of CPU time of a process so far: `utime` and `stime`.
pub fn cpu_seconds(process: u32) -> f64 {
    ticks(stat(process, 11) + stat(process, 12))
}

/// The same for a process with one thread, in nanoseconds where the kernel counts them: a cluster has many processes
/// that do little.
fn precise_cpu_seconds(process: u32) -> f64 {
    let counted = std::fs::read_to_string(format!("/proc/{process}/schedstat")).unwrap_or_default();
    let nanoseconds = counted.split_whitespace().next().and_then(|field| field.parse::<f64>().ok());
    nanoseconds.map_or_else(|| cpu_seconds(process), |nanoseconds| nanoseconds / 1e9)
}
