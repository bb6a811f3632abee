//! Databases for tests: a file in a folder of its own, or a PostgreSQL database copied from a migrated template.
//!
//! Invariant: a database belongs to one test and is removed after it, also when the test fails.

use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use diesel::Connection as _;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use parlour_storage::connection::Address;
use parlour_storage::{Connection, migrations};
use tempfile::TempDir;

/// The three ways to run Parlour, all with the same promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// One node, SQLite.
    SqliteLocal,
    /// One node, PostgreSQL.
    PostgresLocal,
    /// Two nodes on one PostgreSQL database, joined by Redis.
    PostgresRedis,
}

impl Backend {
    /// Whether the services that it needs are available. If not, says so where it cannot be missed: on stderr past the
    /// test runner's capture, and on CI by failing.
    pub fn is_available(self) -> bool {
        let missing = match self {
            Self::SqliteLocal => return true,
            Self::PostgresLocal if postgres().is_none() => "TEST_DATABASE_URL",
            Self::PostgresRedis if postgres().is_none() => "TEST_DATABASE_URL",
            Self::PostgresRedis if redis().is_none() => "TEST_REDIS_URL",
            _ => return true,
        };
        let on_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
        assert!(!on_ci, "{missing} is not set, and CI runs every backend");
        let name = std::thread::current().name().unwrap_or("a test").to_owned();
        let line = format!("SKIPPED {name}: {missing} is not set (`cargo xtask test` sets it)\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        false
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.into_string().expect("a setting in UTF-8"))
}

fn postgres() -> Option<String> {
    variable("TEST_DATABASE_URL")
}

/// Address of the Redis server for tests.
pub fn redis() -> Option<String> {
    variable("TEST_REDIS_URL")
}

/// An empty or migrated database for one test.
pub struct TestDatabase {
    /// Folder for a node's files.
    pub folder: TempDir,
    /// Address of the database; absent for SQLite in the folder.
    pub url: Option<String>,
    name: Option<String>,
}

impl TestDatabase {
    /// A migrated database.
    pub fn migrated(backend: Backend) -> Self {
        Self::make(backend, true)
    }

    /// A database without any table.
    pub fn empty(backend: Backend) -> Self {
        Self::make(backend, false)
    }

    fn make(backend: Backend, migrated: bool) -> Self {
        let folder = tempfile::Builder::new().prefix("parlour-test-db-").tempdir().unwrap();
        if backend == Backend::SqliteLocal {
            let database = Self { folder, url: None, name: None };
            if migrated {
                migrations::run(&mut database.connect()).unwrap();
            }
            return database;
        }
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("parlour_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let mut conn = maintenance();
        let template = if migrated { template(&mut conn) } else { "template0".to_owned() };
        execute(&mut conn, &format!("CREATE DATABASE {name} TEMPLATE {template}"));
        Self { folder, url: Some(at(&name)), name: Some(name) }
    }

    /// The address of the database.
    pub fn address(&self) -> Address {
        match &self.url {
            Some(url) => Address::parse(url).unwrap(),
            None => Address::Sqlite(self.file().to_str().unwrap().to_owned()),
        }
    }

    /// The SQLite file.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("parlour.sqlite3")
    }

    /// A connection beside the server's own.
    pub fn connect(&self) -> Connection {
        self.address().connect().unwrap()
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            let dropped =
                diesel::sql_query(format!("DROP DATABASE {name} WITH (FORCE)")).execute(&mut maintenance());
            if let Err(error) = dropped {
                eprintln!("warning: database {name} is left behind: {error}");
            }
        }
    }
}

fn maintenance() -> PgConnection {
    let url = postgres().expect("TEST_DATABASE_URL");
    PgConnection::establish(&url).expect("PostgreSQL at TEST_DATABASE_URL")
}

/// The address of another database on the same server.
fn at(name: &str) -> String {
    let mut url = reqwest::Url::parse(&postgres().expect("TEST_DATABASE_URL")).expect("a URL");
    url.set_path(name);
    url.into()
}

fn execute(conn: &mut PgConnection, sql: &str) {
    diesel::sql_query(sql).execute(conn).unwrap_or_else(|error| panic!("{sql}: {error}"));
}

#[derive(QueryableByName)]
struct Exists {
    #[diesel(sql_type = Bool)]
    exists: bool,
}

/// Name of a database with every migration applied, one per state of the migrations and server. Several test programs
/// may ask at once; the first creates it.
fn template(conn: &mut PgConnection) -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations/postgres");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path().join("up.sql")).collect();
    files.sort();
    for file in files {
        std::fs::read(file).unwrap().hash(&mut hasher);
    }
    let name = format!("parlour_template_{:016x}", hasher.finish());

    // Held by the session; released below, or when the connection ends.
    execute(conn, "SELECT pg_advisory_lock(7021788)");
    let found = diesel::sql_query("SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1) AS exists")
        .bind::<Text, _>(&name)
        .get_result::<Exists>(conn)
        .unwrap();
    if !found.exists {
        let draft = format!("{name}_draft");
        execute(conn, &format!("DROP DATABASE IF EXISTS {draft} WITH (FORCE)"));
        execute(conn, &format!("CREATE DATABASE {draft} TEMPLATE template0"));
        let mut inside = Address::parse(&at(&draft)).unwrap().connect().unwrap();
        migrations::run(&mut inside).unwrap();
        drop(inside);
        execute(conn, &format!("ALTER DATABASE {draft} RENAME TO {name}"));
    }
    execute(conn, "SELECT pg_advisory_unlock(7021788)");
    name
}
