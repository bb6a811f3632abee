//! The servers that are attacked: release processes with no settings except where they listen and where their data is,
//! on one of the three back ends.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::http::{self, Request};
use super::people::address;
use crate::chaos::nodes::Node;
use crate::{Backend, TestDatabase};

/// What a server's processes use, according to the kernel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Resident memory, in MiB.
    pub mib: u64,
    /// Peak resident memory since the last reset, in MiB.
    pub peak_mib: u64,
    /// Open file descriptors.
    pub descriptors: usize,
}

/// Running servers.
pub struct Stage {
    /// The nodes.
    pub nodes: Vec<Arc<Node>>,
    /// Their addresses.
    pub addresses: Vec<SocketAddr>,
    /// Their back end.
    pub backend: Backend,
    // Dropped last, because it can only be removed once nobody uses it.
    database: TestDatabase,
}

/// The commands under which a server starts: it dies when this program is killed, stays on its core, and has a shell's
/// limits: 1024 open files, raised on request. It has a session of its own, like a service: the kernel divides processor
/// time between sessions first, and must not count the attackers' as the server's.
pub fn under() -> Vec<String> {
    let most = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let most = most.lines().find(|line| line.starts_with("Max open files"));
    let most = most.and_then(|line| line.split_whitespace().nth(4)).unwrap_or("4096").to_owned();
    let mut under: Vec<String> =
        ["setpriv", "--pdeathsig", "KILL", "prlimit", "--core=unlimited"].map(str::to_owned).into();
    under.push(format!("--nofile=1024:{most}"));
    if let Some(core) = std::env::var_os("TEST_SERVER_CPU").and_then(|core| core.into_string().ok()) {
        under.extend(["taskset".into(), "-c".into(), core]);
    }
    under.push("setsid".into());
    under
}

impl Stage {
    /// The settings of a node: the given ones, and a database of its own back end.
    pub fn settings(
        backend: Backend,
        database: &TestDatabase,
        own: &[(&str, &str)],
    ) -> Vec<(String, String)> {
        let mut settings: Vec<(String, String)> =
            own.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let redis = (backend == Backend::PostgresRedis).then(crate::backend::redis).flatten();
        // Empty means not set, whatever this program's environment says.
        settings.push(("DATABASE_URL".into(), database.url.clone().unwrap_or_default()));
        settings.push(("REDIS_URL".into(), redis.unwrap_or_default()));
        // A PostgreSQL that is provided for tests may have unsafe settings.
        settings.push(("PARLOUR_UNSAFE_DATABASE".into(), "true".into()));
        settings
    }

    /// Starts the servers and waits until they are ready.
    pub fn start(backend: Backend, own: &[(&str, &str)]) -> Self {
        let database = match backend {
            // The node creates its file itself, in an existing folder.
            Backend::SqliteLocal => TestDatabase::empty(backend),
            _ => TestDatabase::migrated(backend),
        };
        let count = if backend == Backend::PostgresRedis { 2 } else { 1 };
        let nodes: Vec<Arc<Node>> = (0..count)
            .map(|number| {
                let folder = database.folder.path().join(format!("node-{number}"));
                let node = Node::prepare(folder, Self::settings(backend, &database, own), under());
                node.restart();
                Arc::new(node)
            })
            .collect();
        let addresses = nodes.iter().map(|node| socket_address(node)).collect();
        Self { nodes, addresses, backend, database }
    }

    /// The first node.
    pub fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// The database, for tests that look behind the scenes.
    pub fn database(&self) -> &TestDatabase {
        &self.database
    }

    /// What the processes use; with several nodes, the largest of each value.
    pub fn usage(&self) -> Usage {
        let each = self.nodes.iter().map(|node| usage(node));
        each.fold(Usage::default(), |most, one| Usage {
            mib: most.mib.max(one.mib),
            peak_mib: most.peak_mib.max(one.peak_mib),
            descriptors: most.descriptors.max(one.descriptors),
        })
    }

    /// Resets the peak of memory.
    pub fn reset_peak(&self) {
        for pid in self.nodes.iter().filter_map(|node| node.pid()) {
            let _older_kernel = std::fs::write(format!("/proc/{pid}/clear_refs"), "5");
        }
    }

    /// Bytes of log that all nodes have written.
    pub fn log_bytes(&self) -> u64 {
        let length = |node: &Arc<Node>| std::fs::metadata(node.log()).map_or(0, |log| log.len());
        self.nodes.iter().map(length).sum()
    }

    /// Whether every process runs and reports that it is alive.
    pub async fn is_alive(&self) -> bool {
        for (node, to) in self.nodes.iter().zip(&self.addresses) {
            let request = Request::new("GET", "/health/live");
            let asked = http::ask(*to, address(9, 1), &request);
            let lives = matches!(
                tokio::time::timeout(Duration::from_secs(10), asked).await,
                Ok(Ok(answer)) if answer.status == 200
            );
            if !lives || !node.is_alive() {
                return false;
            }
        }
        true
    }

    /// The last lines of the nodes' logs.
    pub fn last_words(&self) -> String {
        let words = self.nodes.iter().map(|node| format!("{}:\n{}", node.address, node.last_words()));
        words.collect::<Vec<_>>().join("\n")
    }
}

/// Where a node listens.
pub fn socket_address(node: &Node) -> SocketAddr {
    node.address.trim_start_matches("http://").parse().expect("a node's address")
}

fn usage(node: &Node) -> Usage {
    let Some(pid) = node.pid() else { return Usage::default() };
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let mib = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name));
        let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
        kib.unwrap_or(0) / 1024
    };
    let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count);
    Usage { mib: mib("VmRSS:"), peak_mib: mib("VmHWM:"), descriptors }
}
