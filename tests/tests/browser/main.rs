//! The whole application as people use it: in real Chromium, through the pages that the server sends.
//!
//! Each test has its own server; each person has their own browser. At the end every browser's console must be free of
//! panics and errors.

#![expect(clippy::disallowed_methods, reason = "what starts this tells it by the environment")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on shall stop")]

mod access;
mod accounts;
mod addresses;
mod announcing;
mod copying;
mod details;
mod directions;
mod documentation;
mod eyes_and_ears;
mod factors;
mod figures;
mod files;
mod fingers;
mod gate;
mod hands;
mod keyboard;
mod mail;
mod outbox;
mod pages;
mod passkeys;
mod person;
mod places;
mod provider;
mod quiet;
mod reading;
mod stories;
mod timeline;
mod tokens;
mod touch;
mod tree;
mod wrapper;
mod writing;

use std::sync::{Condvar, Mutex};

use parlour_protocol::ids::{ConversationId, Seq};
use parlour_protocol::sessions::CreateSession;
use parlour_server::Config;
use system_tests::{App, Backend, Person as Other, run};

use crate::hands::Hands;

/// Tests with browsers at the same time: each has up to three browsers, and each browser needs a core.
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

/// Bob, his room with these lines in it, and the position of each.
async fn room_of_bob<S: AsRef<str>>(
    app: &App,
    name: &str,
    lines: impl IntoIterator<Item = S>,
) -> (Other, ConversationId, Vec<Seq>) {
    let bob = app.person("bob").await;
    let room = bob.create_room(name).await;
    let mut seqs = Vec::new();
    for line in lines {
        seqs.push(bob.send(room, line.as_ref()).await);
    }
    (bob, room, seqs)
}

/// The texts `line 0`, `line 1` and so on.
fn numbered(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|number| format!("line {number}"))
}

/// Runs one test twice, each time with a server of its own: with the mouse, and with the keyboard alone.
fn story_twice<F: Future<Output = ()>>(body: impl Fn(App) -> F) {
    story_twice_with(|_| {}, body);
}

/// Like [`story_twice`], with changed server settings.
fn story_twice_with<F: Future<Output = ()>>(configure: impl Fn(&mut Config), body: impl Fn(App) -> F) {
    for hands in [Hands::Pointer, Hands::Keyboard] {
        hands.take();
        println!("with {hands:?}");
        story_with(&configure, &body);
    }
}

/// Runs one test with a server of its own, once it is its turn.
fn story<F: Future<Output = ()>>(body: impl FnOnce(App) -> F) {
    story_with(|_| {}, body);
}

/// Like [`story`], with changed server settings.
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
