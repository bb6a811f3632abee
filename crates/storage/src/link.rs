//! A thread's database connection: opened when needed, dropped when broken.

use std::cell::Cell;
use std::fmt::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::{Connection as _, Instrumentation, InstrumentationEvent, SimpleConnection};
use prometheus_client::metrics::histogram::Histogram;
use tokio::sync::Notify;

use crate::Connection;
use crate::connection::Address;

/// How long a change waits for a database that restarts before it is refused, and how often it tries to connect.
const RESTART: Duration = Duration::from_secs(3);
const ASK_EVERY: Duration = Duration::from_millis(50);

/// The connection of one thread; see the module.
pub(crate) struct Link {
    pub address: Address,
    pub conn: Option<Connection>,
    /// Whether waiting for the database timed out. Until it is back, nothing waits for it again.
    away: bool,
    statements: Arc<AtomicU64>,
    /// Whether the last transaction of any lane was committed.
    pub writing: Arc<AtomicBool>,
    /// Notified when jobs were queued.
    jobs: Arc<Notify>,
    commits: Histogram,
}

thread_local! {
    /// Whether this thread's connection has changed anything since [`watch_changes`]; `None` while nobody is watching.
    static CHANGED: Cell<Option<bool>> = const { Cell::new(None) };
    /// Whether this thread's transaction has queued a job that should be run soon.
    static QUEUED: Cell<bool> = const { Cell::new(false) };
}

/// Notes that the current transaction has queued a job that should be run soon.
pub(crate) fn note_job() {
    QUEUED.set(true);
}

/// Starts watching whether this thread's statements change anything.
pub(crate) fn watch_changes() {
    CHANGED.set(Some(false));
}

/// Whether any statement since [`watch_changes`] may have changed something; stops watching.
pub(crate) fn has_changed() -> bool {
    CHANGED.replace(None) != Some(false)
}

/// Counts statements. Diesel reports the statements that begin and end transactions too, so they are subtracted again.
struct Counting(Arc<AtomicU64>);

impl Instrumentation for Counting {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::StartQuery { query, .. } => {
                self.0.fetch_add(1, Ordering::Relaxed);
                if CHANGED.get() == Some(false) {
                    CHANGED.set(Some(!FirstWord::of(query).is_select()));
                }
            }
            InstrumentationEvent::BeginTransaction { .. }
            | InstrumentationEvent::CommitTransaction { .. }
            | InstrumentationEvent::RollbackTransaction { .. } => {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
            _ => {}
        }
    }
}

/// The first six bytes of a statement; the rest is never rendered.
#[derive(Default)]
struct FirstWord {
    bytes: [u8; 6],
    count: usize,
}

impl FirstWord {
    fn of(query: impl fmt::Display) -> Self {
        let mut word = Self::default();
        // Returns an error as soon as the buffer is full.
        let _ = write!(word, "{query}");
        word
    }

    fn is_select(&self) -> bool {
        self.bytes.eq_ignore_ascii_case(b"select")
    }
}

impl Write for FirstWord {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            *self.bytes.get_mut(self.count).ok_or(fmt::Error)? = byte;
            self.count += 1;
        }
        Ok(())
    }
}

impl Link {
    pub fn new(
        address: Address,
        statements: Arc<AtomicU64>,
        writing: Arc<AtomicBool>,
        jobs: Arc<Notify>,
        commits: Histogram,
    ) -> Self {
        Self { address, conn: None, away: false, statements, writing, jobs, commits }
    }

    /// Records that a transaction that began at this time was committed, with the jobs that it queued.
    pub fn committed(&self, began: Instant) {
        self.commits.observe(began.elapsed().as_secs_f64());
        self.writing.store(true, Ordering::Relaxed);
        if QUEUED.take() {
            self.jobs.notify_one();
        }
    }

    /// Records that a transaction was rolled back, with the jobs that it queued.
    pub fn rolled_back(&self) {
        QUEUED.set(false);
    }

    pub fn get(&mut self) -> Option<&mut Connection> {
        if self.conn.is_none() {
            match self.address.connect() {
                Ok(mut conn) => {
                    conn.set_instrumentation(Counting(self.statements.clone()));
                    self.conn = Some(conn);
                }
                Err(error) => tracing::warn!(%error, "database connection failed"),
            }
        }
        self.conn.as_mut()
    }

    /// Like [`Self::get`], but waits up to `RESTART` for a database that has just gone away, because it may only be
    /// restarting.
    pub fn get_patiently(&mut self) -> Option<&mut Connection> {
        let patience = Instant::now() + RESTART;
        while self.get().is_none() {
            if self.away || Instant::now() >= patience {
                self.away = true;
                return None;
            }
            thread::sleep(ASK_EVERY);
        }
        self.away = false;
        self.conn.as_mut()
    }

    /// Drops a connection that died while it was idle.
    pub fn check(&mut self) {
        let Some(Connection::Postgres(inner)) = self.conn.as_mut() else { return };
        if inner.batch_execute("SELECT 1").is_err() {
            self.conn = None;
        }
        // Not requested by a caller, so it isn't counted.
        self.statements.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_reading_leaves_nothing_behind() {
        assert!(FirstWord::of("SELECT 1").is_select());
        assert!(FirstWord::of("select").is_select());
        for other in ["INSERT INTO x", "WITH a AS (INSERT …) SELECT", "sel", ""] {
            assert!(!FirstWord::of(other).is_select(), "{other}");
        }
    }
}
