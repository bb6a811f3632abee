//! People who log in and people who register, at a steady rate beside everything else.
//!
//! Invariant: they have a thread of their own, so what a thousand other clients do on theirs does not count as the
//! server's latency.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use reqwest::Client;
use serde_json::json;
use tokio::task::{JoinSet, LocalSet};

use crate::cast::PASSWORD;
use crate::load::Latencies;
use crate::wire;

/// Log-ins per second, and as many registrations.
const PER_SECOND: f64 = 4.0;

/// The thread that performs them.
pub struct Entries {
    over: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Entry>>,
}

struct Entry {
    is_log_in: bool,
    intended: u64,
    took: u64,
    done: bool,
}

/// Their outcome.
pub struct Entered {
    /// From the intended time to the response.
    pub log_ins: Latencies,
    /// The same for registrations.
    pub registrations: Latencies,
    /// Attempts of both kinds that failed.
    pub failed: u64,
}

impl Entries {
    /// Starts the thread; these people log in.
    pub fn start(address: &str, handles: Vec<String>) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (base, stop) = (format!("http://{address}/api/v1"), over.clone());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            LocalSet::new().block_on(&runtime, enter(base, handles, stop))
        });
        Self { over, thread }
    }

    /// Ends it. Only what was due after `since`, in microseconds since 1970, counts.
    pub async fn end(self, since: u64) -> Entered {
        self.over.store(true, Ordering::Relaxed);
        while !self.thread.is_finished() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let mut entries = self.thread.join().unwrap();
        entries.retain(|entry| entry.intended >= since);
        let took = |log_ins: bool| -> Latencies {
            let chosen = entries.iter().filter(|entry| entry.done && entry.is_log_in == log_ins);
            chosen.map(|entry| entry.took).collect::<Vec<u64>>().into()
        };
        Entered {
            log_ins: took(true),
            registrations: took(false),
            failed: entries.iter().filter(|entry| !entry.done).count() as u64,
        }
    }
}

async fn enter(base: String, handles: Vec<String>, over: Arc<AtomicBool>) -> Vec<Entry> {
    let client = Client::new();
    let (begin, gap) = (wire::now(), 1_000_000.0 / (2.0 * PER_SECOND));
    let mut under_way = JoinSet::new();
    let mut number = 0;
    while !over.load(Ordering::Relaxed) {
        let intended = begin + (number as f64 * gap) as u64;
        tokio::time::sleep(Duration::from_micros(intended.saturating_sub(wire::now()))).await;
        let is_log_in = number % 2 == 0;
        let (path, body) = if is_log_in {
            ("sessions", json!({ "handle": handles[number / 2 % handles.len()], "password": PASSWORD }))
        } else {
            (
                "accounts",
                json!({ "handle": format!("e{}_{number}", begin % 10_000_000_000), "password": PASSWORD }),
            )
        };
        let request = client.post(format!("{base}/{path}")).json(&body);
        under_way.spawn_local(async move {
            let done = request.send().await.is_ok_and(|response| response.status().is_success());
            Entry { is_log_in, intended, took: wire::now().saturating_sub(intended), done }
        });
        number += 1;
    }
    under_way.join_all().await
}
