//! Full or careless disks, databases that come back, and deleted text.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use super::super::catalogue::Findings;
use super::super::http::{self, Request};
use super::super::people::{Person, address};
use super::super::run::Settings;
use super::super::stage::{Stage, socket_address, under};
use super::{block_on, within};
use crate::Backend;
use crate::chaos::nodes::Node;
use crate::chaos::services::{self, OwnPostgres};

fn skipped(why: &str) -> Findings {
    let mut findings = Findings::default();
    findings.value("skipped", why);
    findings
}

fn own_settings(url: &str) -> Vec<(String, String)> {
    vec![("DATABASE_URL".to_owned(), url.to_owned()), ("REDIS_URL".to_owned(), String::new())]
}

/// A PostgreSQL with `fsync=off` or `full_page_writes=off` must be refused, unless the settings allow it.
pub fn careless(backend: Backend, _: Settings) -> Findings {
    if backend != Backend::PostgresLocal || !services::are_available() {
        return skipped("it takes a PostgreSQL of its own, once");
    }
    let mut findings = Findings::default();
    for setting in ["fsync=off", "full_page_writes=off"] {
        let postgres = OwnPostgres::start_with(&[setting]);
        let folder = tempfile::tempdir().expect("a folder");
        let node = Node::prepare(folder.path().join("node"), own_settings(&postgres.url), under());
        let starts = node.try_start();
        findings.demand(!starts, format!("it starts on a PostgreSQL with {setting} without a word"));
        if !starts {
            let words = node.last_words();
            findings.demand(
                words.contains(setting.split('=').next().unwrap_or_default()),
                format!("it does not say why: {words}"),
            );
        }
        node.kill();
    }
    findings
}

async fn readiness(node: &Node) -> (u16, String) {
    let asked = http::ask(socket_address(node), address(2, 0), &Request::new("GET", "/health/ready")).await;
    asked.map_or((0, String::new()), |answer| (answer.status, answer.json()["status"].to_string()))
}

/// An eight-megabyte file system, removed on drop.
struct Small<'a>(&'a Path);

impl<'a> Small<'a> {
    fn mount(path: &'a Path) -> Option<Self> {
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"]).arg(path).output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self(path))
    }
}

impl Drop for Small<'_> {
    fn drop(&mut self) {
        let _gone_already = Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}

/// A full disk shows in readiness, and recovers when there is space again.
pub fn full(backend: Backend, _: Settings) -> Findings {
    if backend != Backend::SqliteLocal {
        return skipped("only SQLite has its disk here");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let small = folder.path().join("small");
    std::fs::create_dir(&small).expect("a folder");
    let Some(_mounted) = Small::mount(&small) else { return skipped("no small file system can be mounted") };
    let mut findings = Findings::default();
    let node = Node::prepare(small.join("node"), own_settings(""), under());
    node.restart();
    let to = socket_address(&node);
    block_on(async {
        let alice = Person::register(to, address(2, 0), "alice").await.expect("registers");
        let room = alice.create_room(to, "full").await;
        let filler = small.join("filler");
        // Fills it to the last block: `write` fails, as it should.
        let _full = std::fs::write(&filler, vec![0; 16 * 1024 * 1024]);
        let body = "a".repeat(4000);
        let mut statuses = Vec::new();
        for number in 0..40 {
            let status = alice
                .send(to, &room, &format!("message-{number}"), &body)
                .await
                .map_or(0, |answer| answer.status);
            statuses.push(status);
            if status == 503 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        findings
            .demand(statuses.contains(&503), format!("no write was refused on a full disk: {statuses:?}"));
        findings.demand(!statuses.contains(&500), "a full disk was answered with 500");
        let shows =
            within(Duration::from_secs(5), || async { readiness(&node).await != (200, "\"ready\"".into()) })
                .await;
        findings.demand(shows, format!("the disk is full, and readiness says {:?}", readiness(&node).await));
        std::fs::remove_file(&filler).expect("space again");
        let back = within(Duration::from_secs(10), || async {
            let sent = alice.send(to, &room, "after-the-fact", "there is space").await;
            sent.is_ok_and(|answer| answer.is_ok()) && readiness(&node).await == (200, "\"ready\"".into())
        })
        .await;
        findings
            .demand(back, format!("there is space again, and readiness says {:?}", readiness(&node).await));
    });
    if !findings.faults.is_empty() {
        findings.last_words = node.last_words();
    }
    findings
}

/// PostgreSQL goes away and comes back; after that no write is refused, in any lane.
pub fn restarted(backend: Backend, _: Settings) -> Findings {
    if backend != Backend::PostgresLocal || !services::are_available() {
        return skipped("it takes a PostgreSQL of its own, once");
    }
    let mut findings = Findings::default();
    let postgres = OwnPostgres::start();
    let folder = tempfile::tempdir().expect("a folder");
    let node = Node::prepare(folder.path().join("node"), own_settings(&postgres.url), under());
    node.restart();
    let to = socket_address(&node);
    block_on(async {
        let mut people = Vec::new();
        for number in 0..12 {
            let person = Person::register(to, address(2, number), &format!("person{number}"))
                .await
                .expect("registers");
            let room = person.create_room(to, &format!("room {number}")).await;
            assert!(person.send(to, &room, "before-it", "hi").await.expect("an answer").is_ok());
            people.push((person, room));
        }
        postgres.kill();
        postgres.restart();
        // Reads notice by themselves that the database is back.
        let ready = within(Duration::from_secs(15), || async { readiness(&node).await.0 == 200 }).await;
        findings.demand(ready, "not ready after PostgreSQL came back");
        let mut refused = Vec::new();
        for (person, room) in &people {
            let sent = person.send(to, room, "after-it-x", "hi again").await;
            let status = sent.map_or(0, |answer| answer.status);
            if status != 201 {
                refused.push(status);
            }
        }
        findings.value("refused", json!(refused));
        findings
            .demand(refused.is_empty(), format!("first writes after the restart were refused: {refused:?}"));
    });
    if !findings.faults.is_empty() {
        findings.last_words = node.last_words();
    }
    findings
}

/// Soon after a deletion, no database file contains the words of the message.
pub fn deleted(backend: Backend, _: Settings) -> Findings {
    if backend != Backend::SqliteLocal {
        return skipped("PostgreSQL frees what was deleted when it vacuums");
    }
    const WORDS: &str = "the-words-that-nobody-should-find-any-more";
    let stage = Stage::start(backend, &[]);
    let mut findings = Findings::default();
    block_on(async {
        let to = stage.address();
        let alice = Person::register(to, address(2, 0), "alice").await.expect("registers");
        let room = alice.create_room(to, "secrets").await;
        let sent = alice.send(to, &room, "the-message", WORDS).await.expect("an answer").json();
        assert!(!files_with(stage.nodes[0].folder(), WORDS).is_empty(), "the words were there");
        let path = format!("/api/v1/conversations/{room}/messages/{}", sent["seq"]);
        alice.must(to, "DELETE", &path, None).await;
        let gone = within(Duration::from_secs(10), || async {
            files_with(stage.nodes[0].folder(), WORDS).is_empty()
        })
        .await;
        let files = files_with(stage.nodes[0].folder(), WORDS).join(", ");
        findings.demand(gone, format!("deleted words are still in {files}"));
    });
    findings
}

fn files_with(folder: &Path, words: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter(|entry| {
            let bytes = std::fs::read(entry.path()).unwrap_or_default();
            bytes.windows(words.len()).any(|window| window == words.as_bytes())
        })
        .map(|entry| entry.file_name().display().to_string())
        .collect()
}
