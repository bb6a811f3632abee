//! How long a refused log-in takes tells nothing about the account.
//!
//! Invariant: the kinds are measured in turn and compared pair by pair, so that whatever else the machine does meets
//! all of them alike.

use std::time::Instant;

use parlour_chat::passwords::Hardness;
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::{App, Backend, Person, run};

/// Measurements of each kind in a round.
const EACH: usize = 400;
/// Tries with one account, fewer than slow down.
const TRIES: usize = 4;
/// A busy machine gets another chance, with all measurements so far.
const ROUNDS: usize = 3;
/// How far kinds may be apart, and how far a machine that is busy with other tests may make them seem: a log-in that
/// hashes nothing would take less than half the time.
const APART: f64 = 0.05;
const SEEMINGLY_APART: f64 = 0.25;

const KINDS: [&str; 3] = ["unknown", "wrong", "suspended"];

/// Tries to log in; answers what was said, without the id of the request, and how long it took.
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
        root.api.admin_suspend(suspended.id, true).await.unwrap();
    }
    for number in 0..EACH {
        let mut answers = Vec::new();
        // Another order each time.
        for place in 0..KINDS.len() {
            let kind = (number + place) % KINDS.len();
            // Slowing down is another matter: nobody is tried that often.
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
    // Each with those that were measured at the same moment.
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
        |config| config.hashing = Hardness { memory_kib: 4096, passes: 1 },
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
