//! The machine that the server runs on: who may read its files, what a crash leaves behind, and whether a second
//! process may open the database.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use serde_json::json;

use super::super::catalogue::Findings;
use super::super::people::{Person, address};
use super::super::run::Settings;
use super::super::stage::{Stage, under};
use super::block_on;
use crate::chaos::nodes::Node;
use crate::{Backend, TestDatabase};

/// Collects files and folders below `folder` that anyone but the owner has access to. The log belongs to the harness.
fn open_to_others(folder: &Path, found: &mut Vec<String>) {
    let mode = |path: &Path| std::fs::metadata(path).map_or(0, |meta| meta.permissions().mode() & 0o777);
    if mode(folder) & 0o077 != 0 {
        found.push(format!("{} {:o}", folder.file_name().unwrap_or_default().display(), mode(folder)));
    }
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            open_to_others(&path, found);
        } else if mode(&path) & 0o077 != 0 && entry.file_name() != "log" {
            found.push(format!("{} {:o}", entry.file_name().display(), mode(&path)));
        }
    }
}

/// A resource limit of a process: soft and hard.
fn limit(node: &Node, name: &str) -> (String, String) {
    let pid = node.pid().unwrap_or_default();
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned();
    let mut words = line.split_whitespace().map(str::to_owned);
    (words.next().unwrap_or_default(), words.next().unwrap_or_default())
}

/// Modes of new files and of an older version's files under the usual umask; core dumps; open files.
pub fn files(backend: Backend, _: Settings) -> Findings {
    let mut findings = Findings::default();
    let stage = Stage::start(backend, &[]);
    block_on(async {
        let alice = Person::register(stage.address(), address(2, 0), "alice").await.expect("registers");
        alice.must(stage.address(), "PATCH", "/api/v1/account", Some(json!({"bio": "secret"}))).await;
    });
    let node = &stage.nodes[0];
    let mut open = Vec::new();
    if backend == Backend::SqliteLocal {
        open_to_others(node.folder(), &mut open);
        findings.demand(open.is_empty(), format!("others may read: {}", open.join(", ")));
    }
    let core = limit(node, "Max core file size");
    findings.demand(core.0 == "0", format!("a crash leaves a core dump of up to {} bytes", core.0));
    let files = limit(node, "Max open files");
    findings.demand(files.0 == files.1, format!("{} files may be open, {} could be", files.0, files.1));
    if backend == Backend::SqliteLocal {
        node.end();
        for entry in std::fs::read_dir(node.folder()).into_iter().flatten().flatten() {
            let _ours = std::fs::set_permissions(entry.path(), PermissionsExt::from_mode(0o644));
        }
        let _ours = std::fs::set_permissions(node.folder(), PermissionsExt::from_mode(0o755));
        node.restart();
        open.clear();
        open_to_others(node.folder(), &mut open);
        findings
            .demand(open.is_empty(), format!("after a restart, others may still read: {}", open.join(", ")));
    }
    findings
}

/// A second process on the same SQLite file, through links to the folder and to the file.
pub fn second_process(backend: Backend, _: Settings) -> Findings {
    let mut findings = Findings::default();
    if backend != Backend::SqliteLocal {
        findings.value("skipped", "only SQLite has a file");
        return findings;
    }
    let stage = Stage::start(backend, &[]);
    let elsewhere = stage.database().folder.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).expect("a folder");
    let file = stage.nodes[0].folder().join("parlour.sqlite3");
    symlink(&file, elsewhere.join("parlour.sqlite3")).expect("a link");
    let folder = stage.database().folder.path().join("linked");
    symlink(stage.nodes[0].folder(), &folder).expect("a link");
    std::fs::hard_link(&file, stage.database().folder.path().join("hard.sqlite3")).expect("a link");
    let hard = format!("sqlite://{}", stage.database().folder.path().join("hard.sqlite3").display());
    for (what, folder, url) in [
        ("a link to the file", elsewhere, ""),
        ("a link to the folder", folder, ""),
        ("another name", "h".into(), &*hard),
    ] {
        let folder = if folder.is_absolute() { folder } else { stage.database().folder.path().join(folder) };
        let settings =
            vec![("DATABASE_URL".to_owned(), url.to_owned()), ("REDIS_URL".to_owned(), String::new())];
        let second = Node::prepare(folder, settings, under());
        findings.demand(!second.try_start(), format!("a second process runs on the same file by {what}"));
        second.kill();
    }
    findings
}

/// A database for probes that start their nodes themselves.
pub fn database(backend: Backend) -> TestDatabase {
    if backend == Backend::SqliteLocal {
        TestDatabase::empty(backend)
    } else {
        TestDatabase::migrated(backend)
    }
}
