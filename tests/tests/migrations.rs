//! Migrations go up, down and up again, and both databases end with the same tables.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use parlour_protocol::jobs::JobKind;
use parlour_protocol::time::Timestamp;
use parlour_storage::connection::Address;
use parlour_storage::schema::jobs;
use parlour_storage::{Connection, migrations, on_backend};
use system_tests::{Backend, TestDatabase};

#[derive(QueryableByName, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Line {
    #[diesel(sql_type = Text)]
    place: String,
    #[diesel(sql_type = Nullable<Text>)]
    detail: Option<String>,
}

/// Everything that the migrations created, as sorted text.
fn dump(conn: &mut Connection) -> BTreeSet<Line> {
    let sqlite = "SELECT type || ' ' || name AS place, sql AS detail FROM sqlite_master
                  WHERE name NOT LIKE '\\_\\_diesel%' ESCAPE '\\' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
                  AND tbl_name NOT LIKE '\\_\\_diesel%' ESCAPE '\\'";
    let postgres = "SELECT 'column ' || table_name || '.' || column_name AS place,
                        concat_ws(' ', data_type, is_nullable, column_default, character_maximum_length) AS detail
                    FROM information_schema.columns
                    WHERE table_schema = 'public' AND table_name NOT LIKE '\\_\\_diesel%'
                    UNION ALL SELECT 'index ' || indexname, indexdef FROM pg_indexes
                    WHERE schemaname = 'public' AND tablename NOT LIKE '\\_\\_diesel%'
                    UNION ALL SELECT 'constraint ' || conrelid::regclass::text || ' ' || conname, pg_get_constraintdef(oid)
                    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
                        AND conrelid::regclass::text NOT LIKE '\\_\\_diesel%'
                    UNION ALL SELECT 'other ' || relkind::text || ' ' || relname, NULL FROM pg_class
                    WHERE relnamespace = 'public'::regnamespace AND relname NOT LIKE '\\_\\_diesel%'";
    let sql = match conn {
        Connection::Sqlite(_) => sqlite,
        Connection::Postgres(_) => postgres,
    };
    let lines: Vec<Line> = on_backend!(conn, inner => diesel::sql_query(sql).load(inner)).unwrap();
    lines.into_iter().collect()
}

/// Tables and their columns, by name.
fn columns(conn: &mut Connection) -> BTreeMap<String, BTreeSet<String>> {
    let sqlite = "SELECT m.name AS place, c.name AS detail FROM sqlite_master m, pragma_table_info(m.name) c
                  WHERE m.type = 'table' AND m.name NOT LIKE '\\_\\_diesel%' ESCAPE '\\'
                  AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    let postgres =
        "SELECT table_name::text AS place, column_name::text AS detail FROM information_schema.columns
                    WHERE table_schema = 'public' AND table_name NOT LIKE '\\_\\_diesel%'";
    let sql = match conn {
        Connection::Sqlite(_) => sqlite,
        Connection::Postgres(_) => postgres,
    };
    let lines: Vec<Line> = on_backend!(conn, inner => diesel::sql_query(sql).load(inner)).unwrap();
    let mut tables: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in lines {
        tables.entry(line.place).or_default().extend(line.detail);
    }
    tables
}

fn up_down_up(backend: Backend) {
    if !backend.is_available() {
        return;
    }
    let database = TestDatabase::empty(backend);
    let mut conn = database.connect();
    let empty = dump(&mut conn);
    assert!(empty.is_empty(), "{empty:?}");
    let count = migrations::run(&mut conn).unwrap();
    assert!(count > 0);
    let first = dump(&mut conn);
    assert!(first.len() > 10, "{first:?}");
    assert_eq!(migrations::run(&mut conn).unwrap(), 0, "nothing is left to do");

    assert_eq!(migrations::revert_all(&mut conn).unwrap(), count);
    assert_eq!(dump(&mut conn), empty, "nothing is left behind");
    assert_eq!(migrations::run(&mut conn).unwrap(), count);
    assert_eq!(dump(&mut conn), first);
}

#[test]
fn sqlite_goes_up_down_and_up() {
    up_down_up(Backend::SqliteLocal);
}

#[test]
fn postgres_goes_up_down_and_up() {
    up_down_up(Backend::PostgresLocal);
}

#[test]
fn both_databases_have_the_same_tables() {
    if !Backend::PostgresLocal.is_available() {
        return;
    }
    let (sqlite, postgres) =
        (TestDatabase::migrated(Backend::SqliteLocal), TestDatabase::migrated(Backend::PostgresLocal));
    assert_eq!(columns(&mut sqlite.connect()), columns(&mut postgres.connect()));
    let names = |folder: &str| -> BTreeSet<String> {
        let path = format!("{}/../migrations/{folder}", env!("CARGO_MANIFEST_DIR"));
        let entries = std::fs::read_dir(path).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    assert_eq!(names("sqlite"), names("postgres"));
}

/// What waits when the job table comes gets its jobs; what is done gets none.
fn waiting_work_becomes_jobs(backend: Backend) {
    if !backend.is_available() {
        return;
    }
    let database = TestDatabase::migrated(backend);
    let mut conn = database.connect();
    migrations::revert_from(&mut conn, "20261128000090").unwrap();
    let user = |id: i64, deleted: &str, erased: &str| {
        format!(
            "INSERT INTO users (id, handle, handle_key, display_name, bio, password_hash, is_admin, created_at,
                 handle_changed_at, last_useq, notifications_read, deleted_at, erased_at)
             VALUES ({id}, 'u{id}', 'u{id}', '', '', '', false, 0, 0, 0, 0, {deleted}, {erased})"
        )
    };
    let mail = |address: &str, due: i64, sent: &str| {
        format!(
            "INSERT INTO outgoing_mail (user_id, kind, address, created_at, next_try_at, tries, sent_at)
             VALUES (1, 1, '{address}', 5, {due}, 2, {sent})"
        )
    };
    for sql in [
        user(1, "NULL", "NULL"),
        user(2, "7", "NULL"),
        user(3, "7", "8"),
        mail("", 20, "9"),
        mail("ada@example.org", 30, "NULL"),
        "INSERT INTO reset_requests (who, nonce, client_address, requested_at) VALUES ('ada', '', '', 40)"
            .into(),
    ] {
        diesel::sql_query(&sql).execute(&mut conn).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    assert!(migrations::run(&mut conn).unwrap() >= 1);
    let list = |conn: &mut Connection| -> Vec<(String, Option<String>, String, i64, i64)> {
        let columns = (jobs::kind, jobs::key, jobs::data, jobs::run_at, jobs::tries);
        jobs::table.order(jobs::run_at.asc()).select(columns).load(conn).unwrap()
    };
    let job = |kind: &str, key: &str, data: &str, run_at: i64, tries: i64| {
        (kind.to_owned(), Some(key.to_owned()), data.to_owned(), run_at, tries)
    };
    assert_eq!(
        list(&mut conn),
        [
            job("mail", "mail:2", r#"{"mail":2}"#, 30, 2),
            job("reset_request", "reset_request:1", r#"{"request":1}"#, 40, 0),
            job("erasure", "erasure:2", r#"{"user":"2"}"#, 600_000_007, 0),
        ]
    );
    // Each is what this version reads.
    let kinds = [JobKind::Mail, JobKind::ResetRequest, JobKind::Erasure].map(|kind| (kind, 5));
    let claimed = parlour_chat::jobs::claim(&mut conn, Timestamp(i64::MAX / 2), &kinds).unwrap().value;
    assert_eq!(claimed.len(), 3);
}

#[test]
fn waiting_work_becomes_jobs_on_sqlite() {
    waiting_work_becomes_jobs(Backend::SqliteLocal);
}

#[test]
fn waiting_work_becomes_jobs_on_postgres() {
    waiting_work_becomes_jobs(Backend::PostgresLocal);
}

/// Two nodes that start on one empty database do not interfere with each other.
#[test]
fn two_nodes_migrate_at_once() {
    if !Backend::PostgresLocal.is_available() {
        return;
    }
    let database = TestDatabase::empty(Backend::PostgresLocal);
    let done: Vec<usize> = std::thread::scope(|scope| {
        let runs: Vec<_> =
            (0..3).map(|_| scope.spawn(|| migrations::run(&mut database.connect()).unwrap())).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    assert_eq!(done.iter().filter(|count| **count > 0).count(), 1, "{done:?}");
}

/// As psql does: a password may contain anything, also text that looks like another part of the URL.
#[test]
fn a_database_is_reached_with_an_odd_password() {
    if !Backend::PostgresLocal.is_available() {
        return;
    }
    let database = TestDatabase::migrated(Backend::PostgresLocal);
    let url = database.url.clone().unwrap();
    let place = url.rsplit_once('@').unwrap().1;
    let role = place.rsplit_once('/').unwrap().1;
    for (password, written) in [
        ("pa?ss", "pa?ss"),
        ("pa#ss", "pa#ss"),
        ("100%sure", "100%25sure"),
        ("a/b@c:d", "a%2Fb%40c:d"),
        ("p=a&b", "p=a&b"),
    ] {
        let create = format!("CREATE ROLE {role} LOGIN SUPERUSER PASSWORD '{password}'");
        diesel::sql_query(create).execute(&mut database.connect()).unwrap();
        let address = Address::parse(&format!("postgres://{role}:{written}@{place}")).unwrap();
        let mut conn = address.connect().unwrap_or_else(|error| panic!("{password}: {error}"));
        assert_eq!(migrations::run(&mut conn).unwrap(), 0, "{password}");
        drop(conn);
        let wrong = Address::parse(&format!("postgres://{role}:secret?word@{place}")).unwrap();
        let error = wrong.connect().err().expect("a refusal").to_string();
        assert!(!error.contains("secret") && !error.contains("word@"), "{error}");
        diesel::sql_query(format!("DROP ROLE {role}")).execute(&mut database.connect()).unwrap();
    }
}
