//! The whole application as people use it: in real Chromium, through the pages that the server sends.
//!
//! Each test has its own server; each person their own browser. At the end every browser's console must be free of
//! panics and errors.

#![expect(clippy::disallowed_methods, reason = "what starts this tells it by the environment")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on shall stop")]

mod access;
mod accounts;
mod addresses;
mod announcing;
mod copying;
mod directions;
mod eyes_and_ears;
mod factors;
mod fingers;
mod gate;
mod keyboard;
mod mail;
mod outbox;
mod pages;
mod passkeys;
mod person;
mod places;
mod provider;
mod reading;
mod stories;
mod timeline;
mod touch;
mod writing;

use std::sync::{Condvar, Mutex};

use parlour_protocol::sessions::CreateSession;
use parlour_server::Config;
use system_tests::{App, Backend, Person as Other, run};

/// Tests with browsers at the same time: one test has up to three, and each wants a core.
const AT_ONCE: usize = 2;

/// Another device of somebody who has registered in a browser.
async fn another_device(app: &App, handle: &str) -> Other {
    let api = app.stranger(0);
    let (name, password) = (handle.to_owned(), person::PASSWORD.to_owned());
    let log_in = CreateSession {
        handle: name,
        password,
        device: None,
        refresh: Default::default(),
        device_token: None,
    };
    let signed_in = api.create_session(&log_in).await.unwrap();
    app.somebody(handle, signed_in, api)
}

/// Runs one test with a server of its own, when it is its turn.
fn story<F: Future<Output = ()>>(body: impl FnOnce(App) -> F) {
    story_with(|_| {}, body);
}

/// Like [`story`], with other settings of the server.
fn story_with<F: Future<Output = ()>>(configure: impl Fn(&mut Config), body: impl FnOnce(App) -> F) {
    static RUNNING: Mutex<usize> = Mutex::new(0);
    static ENDED: Condvar = Condvar::new();
    struct Turn;
    impl Drop for Turn {
        fn drop(&mut self) {
            *RUNNING.lock().unwrap() -= 1;
            ENDED.notify_one();
        }
    }
    *ENDED.wait_while(RUNNING.lock().unwrap(), |running| *running >= AT_ONCE).unwrap() += 1;
    let _turn = Turn;
    run(Backend::SqliteLocal, configure, body);
}
