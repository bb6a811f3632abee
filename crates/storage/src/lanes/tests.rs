use std::sync::mpsc;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::sql_types::BigInt;
use diesel::{QueryableByName, RunQueryDsl};

use super::*;
use crate::database::in_folder;

#[derive(Debug, Clone, PartialEq)]
enum No {
    Rule,
    Storage(StorageError),
}

impl From<StorageError> for No {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

impl From<DieselError> for No {
    fn from(error: DieselError) -> Self {
        Self::Storage(error.into())
    }
}

impl AsStorage for No {
    fn as_storage(&self) -> Option<&StorageError> {
        match self {
            Self::Rule => None,
            Self::Storage(error) => Some(error),
        }
    }
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    value: i64,
}

fn values(conn: &mut Connection) -> Result<Vec<i64>, No> {
    let rows: Vec<Row> = diesel::sql_query("SELECT value FROM lines ORDER BY rowid").load(conn)?;
    Ok(rows.into_iter().map(|row| row.value).collect())
}

fn insert(conn: &mut Connection, value: i64) -> Result<(), No> {
    Ok(conn.batch_execute(&format!("INSERT INTO lines VALUES ({value})"))?)
}

type Work = Box<dyn Fn(&mut Connection) -> Result<(), No> + Send>;

/// Runs units that wait in the lane at the same time. Returns their results, what is stored then, and the number of
/// statements.
fn together(units: Vec<(Lane, Work)>) -> (Vec<Result<(), No>>, Vec<i64>, u64) {
    let folder = tempfile::tempdir().unwrap();
    let database = in_folder(folder.path(), 1);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let outcome = runtime.block_on(async {
        let table = "CREATE TABLE lines (value BIGINT UNIQUE)";
        let made =
            database.write(Lane::Server, move |conn| -> Result<(), No> { Ok(conn.batch_execute(table)?) });
        made.await.unwrap();
        let (release, held) = mpsc::sync_channel::<()>(1);
        let holder = database.clone();
        let holding = tokio::spawn(async move {
            let wait = move |_: &mut Connection| -> Result<(), No> {
                // Ends when the sender is dropped.
                let _ended = held.recv();
                Ok(())
            };
            holder.write(Lane::Server, wait).await
        });
        tokio::task::yield_now().await;
        let mut waiting = Vec::new();
        for (lane, work) in units {
            let database = database.clone();
            waiting.push(tokio::spawn(async move { database.write(lane, work).await }));
        }
        tokio::task::yield_now().await;
        let before = database.statements();
        drop(release);
        holding.await.unwrap().unwrap();
        let mut ends = Vec::new();
        for unit in waiting {
            ends.push(unit.await.unwrap());
        }
        let statements = database.statements() - before;
        (ends, database.read(values).await.unwrap(), statements)
    });
    assert!(database.close(Duration::from_secs(30)));
    outcome
}

fn conversation(id: i64) -> Lane {
    Lane::Conversation(ConversationId(id))
}

fn stores(value: i64) -> Work {
    Box::new(move |conn| insert(conn, value))
}

fn looks_and_refuses() -> Work {
    Box::new(|conn| {
        values(conn)?;
        Err(No::Rule)
    })
}

#[test]
fn a_refusal_costs_its_neighbours_nothing() {
    let refused = || (conversation(1), looks_and_refuses());
    let stored = |value| (conversation(1), stores(value));
    let (ends, values, statements) = together(vec![stored(1), refused(), stored(2), refused(), stored(3)]);
    assert_eq!(ends, [Ok(()), Err(No::Rule), Ok(()), Err(No::Rule), Ok(())]);
    assert_eq!(values, [1, 2, 3]);
    assert_eq!(statements, 5, "nothing ran twice");
}

#[test]
fn what_is_refused_late_is_taken_back_alone() {
    let late: Work = Box::new(|conn| {
        insert(conn, 7)?;
        Err(No::Rule)
    });
    let panics: Work = Box::new(|conn| {
        insert(conn, 8)?;
        panic!("on purpose");
    });
    let stored = |value| (conversation(1), stores(value));
    let units =
        vec![stored(1), (conversation(1), late), stored(2), stored(2), (conversation(1), panics), stored(3)];
    let (ends, values, _) = together(units);
    assert_eq!(values, [1, 2, 3]);
    assert_eq!((&ends[0], &ends[1], &ends[2], &ends[5]), (&Ok(()), &Err(No::Rule), &Ok(()), &Ok(())));
    assert!(matches!(ends[3], Err(No::Storage(StorageError::Unique(_)))));
    assert!(matches!(ends[4], Err(No::Storage(StorageError::Fault(_)))));
}

#[test]
fn units_of_a_key_keep_their_order_and_keys_have_one() {
    let units = [(9, 1), (3, 2), (9, 3), (3, 4), (5, 5)];
    let units = units.map(|(key, value)| (conversation(key), stores(value)));
    let (ends, values, _) = together(units.into());
    assert!(ends.iter().all(Result::is_ok));
    assert_eq!(values, [2, 4, 5, 1, 3]);
}

#[test]
fn people_and_conversations_have_transactions_of_their_own() {
    let mixed: Work = Box::new(|conn| {
        insert(conn, 1)?;
        Err(No::Rule)
    });
    let units = vec![
        (conversation(1), stores(2)),
        (Lane::Person(UserId(1)), mixed),
        (Lane::People(UserId(2)), stores(3)),
        (Lane::Server, stores(4)),
    ];
    let (ends, mut values, statements) = together(units);
    assert_eq!(ends, [Ok(()), Err(No::Rule), Ok(()), Ok(())]);
    values.sort_unstable();
    assert_eq!(values, [2, 3, 4]);
    assert_eq!(statements, 4, "nothing ran twice");
}
