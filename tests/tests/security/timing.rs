//! The duration of a refused log-in reveals nothing about the account, nor does the duration of a request for a new
//! password.
//!
//! Invariant: the kinds are measured in turn and compared pair by pair, so that whatever else the machine does affects
//! all of them alike.

use std::time::Instant;

use parlour_chat::identity::passwords::Argon2Cost;
use parlour_storage::emails::{self, EmailRow};
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::{App, Backend, Person, run};

/// Measurements of each kind per round.
const EACH: usize = 400;
/// Tries with one account, fewer than are slowed down.
const TRIES: usize = 4;
/// A busy machine gets another chance, with all measurements so far.
const ROUNDS: usize = 3;
/// How far the kinds may differ, and how far a machine that is busy with other tests may make them appear to differ: a
/// log-in that hashes nothing would take less than half the time.
const APART: f64 = 0.05;
const SEEMINGLY_APART: f64 = 0.25;

const KINDS: [&str; 3] = ["unknown", "wrong", "suspended"];

/// Tries to log in; returns the response without its request id, and how long it took.
async fn refused(app: &App, handle: &str, password: &str) -> (u16, Value, f64) {
    let body = json!({"handle": handle, "password": password});
    let began = Instant::now();
    let reply = app.call(Method::POST, "/api/v1/sessions", Some(body)).await;
    let took = began.elapsed().as_secs_f64();
    let mut said = reply.json();
    said.as_object_mut().unwrap().remove("request_id");
    (reply.status.as_u16(), said, took)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The largest relative difference between two kinds, as the median of all pairs.
async fn round(app: &App, root: &Person, round: usize, times: &mut [Vec<f64>; KINDS.len()]) -> f64 {
    for number in 0..EACH / TRIES {
        app.person(&format!("wrong_{round}_{number}")).await;
        let suspended = app.person(&format!("suspended_{round}_{number}")).await;
        root.api.suspend_user(suspended.id).await.unwrap();
    }
    for number in 0..EACH {
        let mut answers = Vec::new();
        // A different order each time.
        for place in 0..KINDS.len() {
            let kind = (number + place) % KINDS.len();
            // Throttling is tested elsewhere: no handle is tried that often.
            let handle = format!("{}_{round}_{}", KINDS[kind], number / TRIES);
            let password =
                if KINDS[kind] == "suspended" { "correct horse battery" } else { "wrong password" };
            let (status, said, took) = refused(app, &handle, password).await;
            times[kind].push(took);
            answers.push((status, said));
        }
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
        assert_eq!(answers[0].0, 401, "{answers:?}");
    }
    let medians = times.each_ref().map(|times| median(times.clone()));
    // Each value is compared with those measured at the same moment.
    let between = |one: usize, other: usize| {
        let ratios = times[one].iter().zip(&times[other]).map(|(one, other)| one / other);
        (median(ratios.collect()) - 1.0).abs()
    };
    let apart = between(0, 1).max(between(1, 2)).max(between(2, 0));
    println!(
        "refused log-ins, {} of each of {KINDS:?}: medians {medians:.6?} s, {:.2} % apart",
        times[0].len(),
        apart * 100.0
    );
    apart
}

#[test]
fn refused_log_ins_take_the_same_time() {
    run(
        Backend::SqliteLocal,
        |config| config.hashing = Argon2Cost { memory_kib: 4096, passes: 1 },
        |app: App| async move {
            let root = app.admin("root").await;
            let (mut apart, mut times) = (Vec::new(), KINDS.map(|_| Vec::new()));
            while apart.len() < ROUNDS {
                apart.push(round(&app, &root, apart.len(), &mut times).await);
                if apart.last().is_some_and(|apart| *apart <= APART) {
                    return;
                }
            }
            let least = apart.iter().copied().fold(f64::INFINITY, f64::min);
            assert!(least <= SEEMINGLY_APART, "the kinds are apart in every round: {apart:?}");
        },
    );
}

/// Requests for a new password of each kind per round; for one account, as many as get a mail.
const ASKED: usize = 300;
const MAILS: usize = 3;

const MEANT: [&str; 4] = ["nobody", "without", "confirmed", "address"];

/// Requests a new password; returns the response and how long it took.
async fn asked(app: &App, who: &str) -> (u16, String, f64) {
    let body = json!({ "handle_or_email": who });
    let began = Instant::now();
    let reply = app.call(Method::POST, "/api/v1/password-resets/requests", Some(body)).await;
    (reply.status.as_u16(), reply.text, began.elapsed().as_secs_f64())
}

/// The largest relative difference between two kinds of addressees, as the median of all pairs.
async fn round_of_requests(app: &App, round: usize, times: &mut [Vec<f64>; MEANT.len()]) -> f64 {
    for number in 0..ASKED / MAILS {
        app.person(&format!("without_{round}_{number}")).await;
        for kind in ["confirmed", "address"] {
            let name = format!("{kind}_{round}_{number}");
            let person = app.person(&name).await;
            let mut conn = app.database().connect();
            let address = Some(format!("{name}@example.org"));
            let before = emails::lock(&mut conn, person.id).unwrap();
            let row = EmailRow { address_key: address.clone(), address, verified_at: Some(0), ..before };
            emails::replace(&mut conn, row).unwrap();
        }
    }
    for number in 0..ASKED {
        for place in 0..MEANT.len() {
            let kind = (number + place) % MEANT.len();
            let mut who = format!("{}_{round}_{}", MEANT[kind], number / MAILS);
            if MEANT[kind] == "address" {
                who.push_str("@example.org");
            }
            let (status, said, took) = asked(app, &who).await;
            assert_eq!((status, said.as_str()), (202, ""), "{who}");
            times[kind].push(took);
        }
    }
    let medians = times.each_ref().map(|times| median(times.clone()));
    let mut apart = 0.0_f64;
    for one in 0..MEANT.len() {
        for other in 0..one {
            let ratios = times[one].iter().zip(&times[other]).map(|(one, other)| one / other);
            apart = apart.max((median(ratios.collect()) - 1.0).abs());
        }
    }
    println!(
        "requests for a new password, {} of each of {MEANT:?}: medians {medians:.6?} s, {:.2} % apart",
        times[0].len(),
        apart * 100.0
    );
    apart
}

#[test]
fn asking_for_a_new_password_takes_the_same_time() {
    run(Backend::SqliteLocal, system_tests::mail::on, |app: App| async move {
        let (mut apart, mut times) = (Vec::new(), MEANT.map(|_| Vec::new()));
        while apart.len() < ROUNDS {
            apart.push(round_of_requests(&app, apart.len(), &mut times).await);
            if apart.last().is_some_and(|apart| *apart <= APART) {
                break;
            }
        }
        let least = apart.iter().copied().fold(f64::INFINITY, f64::min);
        assert!(least <= SEEMINGLY_APART, "the kinds are apart in every round: {apart:?}");
        // The mails were sent all the same.
        app.mail().take("confirmed_0_0@example.org", "A new password").await;
        app.mail().take("address_0_0@example.org", "A new password").await;
    });
}
