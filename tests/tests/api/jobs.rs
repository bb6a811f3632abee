//! Work that is done later: run once by one of the nodes, taken over from a node that died, tried again, and in the end
//! shown to administrators.

use diesel::Connection as _;
use diesel::prelude::*;
use parlour_chat::jobs::{self, Failure};
use parlour_client::operations::ListAll;
use parlour_protocol::ids::JobId;
use parlour_protocol::jobs::{FailedJob, JobKind};
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::time::{DAY, MINUTE, SECOND, Timestamp};
use parlour_storage::jobs::{Attempt, NewJobRow};
use parlour_storage::{Connection, own_data, schema};
use reqwest::Method;
use serde_json::json;
use system_tests::mail::Mood;
use system_tests::{App, Backend, Person, Refusal, TestDatabase, eventually, on_all_backends};

use super::email::choose;

on_all_backends!(
    a_job_is_run_once with system_tests::mail::on,
    a_dead_node_loses_no_job with system_tests::mail::on,
    administrators_retry_what_failed with system_tests::mail::on,
    a_job_is_given_up_after_its_last_try with system_tests::mail::on,
    erasures_cannot_be_deleted,
    one_node_cleans_up_for_all,
);

const HOUR: i64 = 60 * MINUTE;

async fn failed(admin: &Person) -> Vec<FailedJob> {
    admin.api.list_failed_jobs(&ListAll::default()).await.unwrap().items
}

/// The sum of a metric of this kind over all nodes.
async fn total(app: &App, name: &str, kind: JobKind) -> i64 {
    let mut sum = 0;
    for node in 0..app.nodes() {
        sum += app.metrics_of_jobs(node, name).await[&kind];
    }
    sum
}

async fn a_job_is_run_once(app: App) {
    let mut people = Vec::new();
    for number in 0..20 {
        people.push(app.person(&format!("person{number}")).await);
    }
    let all = people.iter().map(|who| async move {
        choose(who, &format!("{}@example.org", who.handle)).await.expect(200);
    });
    futures_util::future::join_all(all).await;
    for who in &people {
        app.mail().take(&format!("{}@example.org", who.handle), "Confirm").await;
    }
    eventually("all is recorded", || async {
        app.metrics_of_jobs(0, "jobs_waiting").await[&JobKind::Mail] == 0
    })
    .await;
    assert_eq!(total(&app, "job_runs_total", JobKind::Mail).await, 20);
    assert_eq!(total(&app, "job_failures_total", JobKind::Mail).await, 0);
    assert_eq!(total(&app, "job_seconds_count", JobKind::Mail).await, 20);
    assert_eq!((app.mail().begun(), app.mail().mails().len()), (20, 0));
}

async fn a_dead_node_loses_no_job(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = bob.create_room("tea").await;
    ada.join(room).await;
    ada.send(room, "half erased").await;
    // A node begins to delete an account. Another one, which takes the job ten minutes later, dies over it.
    let mut conn = app.database().connect();
    parlour_chat::identity::account_erasure::end_person(&mut conn, app.now(), ada.id, "192.0.2.1").unwrap();
    let later = Timestamp(app.now().0 + 10 * MINUTE);
    let claimed = jobs::claim(&mut conn, later, &[(JobKind::Erasure, 1)]).unwrap().value;
    assert_eq!(claimed.len(), 1);
    app.advance(10 * MINUTE);
    // Something else that is due is done, and this is not.
    let forgotten = json!({ "handle_or_email": "bob" });
    app.call(Method::POST, "/api/v1/password-resets/requests", Some(forgotten)).await.expect(202);
    eventually("the nodes look for jobs", || async {
        app.metrics_of_jobs(0, "jobs_waiting").await[&JobKind::ResetRequest] == 0
    })
    .await;
    assert_eq!(total(&app, "job_runs_total", JobKind::Erasure).await, 0);
    assert_eq!(app.metrics_of_jobs(0, "jobs_lag_seconds").await[&JobKind::Erasure], 0, "somebody has it");
    app.advance(jobs::LEASE);
    let now = app.now().0;
    eventually("another node takes it over", || async {
        own_data::list_to_erase(&mut app.database().connect(), now).unwrap().is_empty()
    })
    .await;
    assert!(!bob.get(&format!("/api/v1/conversations/{room}/events")).await.text.contains("half erased"));
    assert_eq!(total(&app, "job_runs_total", JobKind::Erasure).await, 1);
    // The dead node was only slow. Its lease is lost, and what it reports changes nothing.
    assert!(!jobs::renew(&mut conn, app.now(), &claimed[0]).unwrap().value);
    jobs::fail(&mut conn, app.now(), &claimed[0], &Failure::lasting("too late"), 0).unwrap();
    assert_eq!(app.metrics_of_jobs(0, "jobs_failed").await[&JobKind::Erasure], 0);
}

async fn administrators_retry_what_failed(app: App) {
    let (root, ada) = (app.admin("root").await, app.person("ada").await);
    app.mail().set_mood(Mood::Refusing(550));
    choose(&ada, "ada@example.org").await.expect(200);
    eventually("it is given up", || async { failed(&root).await.len() == 1 }).await;
    let listed = root.get("/api/v1/admin/jobs").await;
    let item = &listed.expect(200)["items"][0];
    assert_eq!(
        *item,
        json!({
            "id": item["id"], "kind": "mail", "tries": 1, "failed_at": "2026-01-01T00:00:00.000000Z",
            "last_error": "the SMTP server refused with 550",
        })
    );
    assert!(!listed.text.contains("example.org"));
    let metrics = app.metrics_of_jobs(0, "jobs_failed").await;
    assert_eq!((metrics[&JobKind::Mail], metrics[&JobKind::Cleaning]), (1, 0));
    assert_eq!(total(&app, "job_failures_total", JobKind::Mail).await, 1);

    // Nobody else can do anything here.
    let id = failed(&root).await[0].id;
    ada.api.list_failed_jobs(&ListAll::default()).await.refused(ErrorCode::NotFound);
    ada.api.retry_job(id).await.refused(ErrorCode::NotFound);
    ada.api.delete_job(id).await.refused(ErrorCode::NotFound);
    app.call(Method::GET, "/api/v1/admin/jobs", None).await.refused(ErrorCode::Unauthenticated);

    // Refused again; then the SMTP server is repaired.
    root.api.retry_job(id).await.unwrap();
    eventually("it is given up again", || async {
        app.mail().begun() == 2 && failed(&root).await.len() == 1
    })
    .await;
    app.mail().set_mood(Mood::Taking);
    root.api.retry_job(id).await.unwrap();
    app.mail().take("ada@example.org", "Confirm").await;
    eventually("it is done", || async { app.metrics_of_jobs(0, "jobs_waiting").await[&JobKind::Mail] == 0 })
        .await;
    assert_eq!(failed(&root).await, []);
    root.api.retry_job(id).await.refused(ErrorCode::NotFound);

    app.mail().set_mood(Mood::Refusing(550));
    choose(&ada, "other@example.org").await.expect(200);
    eventually("it is given up", || async { failed(&root).await.len() == 1 }).await;
    let id = failed(&root).await[0].id;
    root.api.delete_job(id).await.unwrap();
    assert_eq!(failed(&root).await, []);
    root.api.delete_job(id).await.refused(ErrorCode::NotFound);
    root.api.delete_job(JobId(i64::MAX)).await.refused(ErrorCode::NotFound);
}

async fn a_job_is_given_up_after_its_last_try(app: App) {
    let (root, ada) = (app.admin("root").await, app.person("ada").await);
    app.mail().set_mood(Mood::Refusing(451));
    choose(&ada, "ada@example.org").await.expect(200);
    // As if it had been tried often, and as if nodes had died over it.
    let set_tries = |tries: i64| {
        let mails = schema::jobs::table.filter(schema::jobs::kind.eq("mail"));
        let waiting = mails.filter(schema::jobs::leased_until.is_null()).filter(schema::jobs::tries.gt(0));
        let set = schema::jobs::tries.eq(tries);
        diesel::update(waiting).set(set).execute(&mut app.database().connect()).unwrap() == 1
    };
    eventually("it was tried", || async { set_tries(19) }).await;
    assert_eq!(failed(&root).await, [], "it will be tried again");
    app.advance(MINUTE);
    eventually("it is given up", || async { failed(&root).await.len() == 1 }).await;
    let job = failed(&root).await.remove(0);
    assert_eq!((job.tries, job.last_error.as_str()), (20, "the SMTP server refused with 451"));
    root.api.retry_job(job.id).await.unwrap();
    eventually("it was tried", || async { set_tries(20) }).await;
    app.advance(MINUTE);
    eventually("it is given up", || async { failed(&root).await.len() == 1 }).await;
    let job = failed(&root).await.remove(0);
    assert_eq!((job.tries, job.last_error.as_str()), (21, "no attempt was finished"));
    assert_eq!(app.mail().begun(), 3);
}

async fn erasures_cannot_be_deleted(app: App) {
    let (root, ada) = (app.admin("root").await, app.person("ada").await);
    let mut conn = app.database().connect();
    parlour_chat::identity::account_erasure::end_person(&mut conn, app.now(), ada.id, "192.0.2.1").unwrap();
    let later = Timestamp(app.now().0 + 10 * MINUTE);
    let claimed = jobs::claim(&mut conn, later, &[(JobKind::Erasure, 1)]).unwrap().value[0];
    assert!(!jobs::fail(&mut conn, app.now(), &claimed, &Failure::lasting("a test"), 0).unwrap().value);
    let id = claimed.attempt.id;
    let problem = root.api.delete_job(id).await.refused(ErrorCode::Conflict);
    assert!(problem.detail.unwrap().contains("must be erased"));
    root.api.retry_job(id).await.unwrap();
    let now = app.now().0 + 1;
    eventually("it is erased", || async {
        own_data::list_to_erase(&mut app.database().connect(), now).unwrap().is_empty()
    })
    .await;
}

async fn one_node_cleans_up_for_all(app: App) {
    for round in 1..=3 {
        eventually("it is cleaned up", || async {
            let leased = schema::jobs::table.filter(schema::jobs::leased_until.is_not_null()).count();
            total(&app, "job_runs_total", JobKind::Cleaning).await == round
                && leased.get_result::<i64>(&mut app.database().connect()).unwrap() == 0
        })
        .await;
        assert_eq!(app.metrics_of_jobs(0, "jobs_waiting").await[&JobKind::Cleaning], 1, "it comes again");
        app.advance(HOUR);
    }
    assert_eq!(total(&app, "job_failures_total", JobKind::Cleaning).await, 0);
}

const NOW: Timestamp = Timestamp(1_767_225_600_000_000);

fn job(number: i64) -> NewJobRow {
    let (kind, data) = ("test".to_owned(), "{}".to_owned());
    NewJobRow { kind, key: Some(format!("test:{number}")), data, run_at: NOW.0 + number, tries: 0 }
}

fn ids(conn: &mut Connection, now: i64, limit: i64) -> Vec<i64> {
    let claimed = parlour_storage::jobs::claim(conn, "test", now, now + MINUTE, limit).unwrap();
    claimed.iter().map(|row| row.id.0).collect()
}

fn leases(backend: Backend) {
    use parlour_storage::jobs::*;
    if !backend.is_available() {
        return;
    }
    let database = TestDatabase::migrated(backend);
    let conn = &mut database.connect();
    let attempt = |id, number| Attempt { id: JobId(id), number };
    for number in 1..=5 {
        assert!(insert(conn, job(number)).unwrap());
    }
    assert!(!insert(conn, job(3)).unwrap(), "there is one with this key");
    assert!(!are_due(conn, NOW.0, &["test"]).unwrap());
    assert!(are_due(conn, NOW.0 + 1, &["another", "test"]).unwrap());
    assert!(!are_due(conn, NOW.0 + 1, &["another"]).unwrap());

    // Two nodes claim at the same time; neither waits for the other, and no job is claimed twice.
    let now = NOW.0 + 3;
    let (mine, others) = match backend {
        Backend::SqliteLocal => (ids(conn, now, 2), ids(&mut database.connect(), now, 5)),
        _ => conn
            .transaction::<_, diesel::result::Error, _>(|conn| {
                Ok((ids(conn, now, 2), ids(&mut database.connect(), now, 5)))
            })
            .unwrap(),
    };
    assert_eq!((mine.as_slice(), others.as_slice()), (&[1, 2][..], &[3][..]), "longest wait first");
    assert_eq!(ids(conn, now, 5), [0; 0]);

    // A lease that is renewed is kept; any other passes on when it has expired.
    assert!(renew(conn, attempt(1, 1), now + 2 * MINUTE).unwrap());
    assert_eq!(ids(conn, now + MINUTE, 5), [2, 3, 4, 5]);
    assert!(!renew(conn, attempt(2, 1), now + DAY).unwrap(), "it has passed on");
    assert_eq!(delete(conn, attempt(2, 1)).unwrap(), 0);
    assert_eq!(delete(conn, attempt(2, 2)).unwrap(), 1);

    // One is tried again later, one is repeated, one fails for good.
    postpone(conn, attempt(3, 2), now + DAY, "not today").unwrap();
    repeat(conn, attempt(4, 1), now + 2 * DAY).unwrap();
    assert!(park(conn, attempt(5, 1), now + SECOND, "never").unwrap());
    assert_eq!(delete(conn, attempt(1, 1)).unwrap(), 1);
    assert_eq!(ids(conn, now + DAY - 1, 5), [0; 0]);
    let backlog = Backlog { kind: "test".into(), waiting: 2, oldest: Some(now + DAY), failed: 1 };
    assert_eq!(count(conn, now + DAY).unwrap(), [backlog]);
    let again = claim(conn, "test", now + 2 * DAY, now + 3 * DAY, 5).unwrap();
    let again: Vec<_> = again.into_iter().map(|row| (row.id.0, row.tries, row.last_error)).collect();
    assert_eq!(again, [(3, 3, Some("not today".to_owned())), (4, 1, None)]);
    let failed = list_failed(conn, None, 5).unwrap();
    assert_eq!((failed.len(), failed[0].id.0, failed[0].last_error.as_deref()), (1, 5, Some("never")));
    assert_eq!(list_failed(conn, Some((now + SECOND, 5)), 5).unwrap(), []);
    assert_eq!(find_failed(conn, JobId(3)).unwrap(), None);
    assert!(
        !retry(conn, JobId(3), now).unwrap() && !delete_failed(conn, JobId(3)).unwrap(),
        "it has not failed"
    );
    assert!(retry(conn, JobId(5), now).unwrap());
    assert_eq!(ids(conn, now, 5), [5]);

    // What nobody wants any more goes.
    assert!(park(conn, attempt(5, 1), now, "never").unwrap());
    assert_eq!(delete_before(conn, now, &["test"], now).unwrap(), 0);
    assert_eq!(delete_before(conn, now + 1, &["another"], now + 9 * DAY).unwrap(), 1);
    assert_eq!(delete_before(conn, now, &["test"], now + DAY + 1).unwrap(), 1);
    assert_eq!(delete_by_key(conn, "test:4").unwrap(), 1);
    assert_eq!(count(conn, now).unwrap(), []);
}

#[test]
fn leases_on_sqlite() {
    leases(Backend::SqliteLocal);
}

#[test]
fn leases_on_postgres() {
    leases(Backend::PostgresLocal);
}

/// A periodic job is there once, and does not stay away for good.
fn periods(backend: Backend) {
    if !backend.is_available() {
        return;
    }
    let database = TestDatabase::migrated(backend);
    let conn = &mut database.connect();
    let take = |conn: &mut Connection, now: i64| {
        jobs::keep_periodic(conn, Timestamp(now)).unwrap();
        jobs::claim(conn, Timestamp(now), &[(JobKind::Cleaning, 5)]).unwrap().value
    };
    let first = take(conn, NOW.0);
    assert_eq!(first.len(), 1);
    jobs::finish(conn, NOW, &first[0]).unwrap();
    assert_eq!(take(conn, NOW.0 + HOUR - 1), []);
    let second = take(conn, NOW.0 + HOUR);
    assert_eq!(second[0].attempt, Attempt { id: first[0].attempt.id, number: 1 });
    let now = NOW.0 + HOUR;
    assert!(!jobs::fail(conn, Timestamp(now), &second[0], &Failure::lasting("a test"), 0).unwrap().value);
    assert_eq!(take(conn, now + HOUR), [], "it waits for an administrator");
    assert_eq!(take(conn, now + HOUR + 1).len(), 1, "it is tried again nevertheless");
}

#[test]
fn periods_on_sqlite() {
    periods(Backend::SqliteLocal);
}

#[test]
fn periods_on_postgres() {
    periods(Backend::PostgresLocal);
}
