//! Connecting, close codes, back-off, heartbeat.

use parlour_protocol::socket::CloseCode;

use super::*;
use crate::engine::Refreshed;

const LOST: Output = Output::Lost { code: 1006, was_connected: true };

fn lost(code: CloseCode) -> Output {
    Output::Lost { code: code.code(), was_connected: true }
}

fn both() -> [Driver; 2] {
    [Client::Program, Client::Page].map(|client| Driver::connected(client, &[]))
}

#[test]
fn a_connection_begins_once_and_starts_with_the_cursors() {
    let mut driver = Driver::new(Client::Program);
    assert_eq!(driver.feed(Input::Begin), [Output::Connect(0)]);
    assert_eq!(driver.feed(Input::Begin), []);
    driver.feed(Input::Follow { conversation: ROOM, after: 7 });
    let outputs = driver.hello("one");
    let [Output::Start(start)] = &outputs[..] else { panic!("{outputs:?}") };
    assert_eq!((start.epoch.as_deref(), start.user_cursor), (Some("one"), None));
    assert_eq!(start.cursors, [(ROOM, 7)].into());
    assert!(!driver.session.is_connected());
    let outputs = driver.answer_start(start.id, &[(ROOM, state(ReplayState::Replay, 7))]);
    assert_eq!(outputs, [Output::Connected, Output::Resumed { read: Vec::new(), stale: false }]);
    assert!(driver.session.is_connected());
    // A second greeting changes nothing.
    assert_eq!(driver.hello("two"), []);
}

#[test]
fn a_page_starts_with_the_cursors_of_what_it_follows_closely() {
    let mut driver = Driver::page(7);
    driver.close(1006);
    driver.wait();
    let outputs = driver.hello("one");
    let [Output::Start(start)] = &outputs[..] else { panic!("{outputs:?}") };
    assert_eq!(start.cursors, [(ROOM, 7), (DIRECT, 7)].into());
    assert_eq!((&start.live[..], start.user_cursor), (&[ROOM][..], Some(5)));
}

#[test]
fn a_lost_connection_is_followed_by_another_after_a_growing_wait() {
    let mut driver = Driver::connected(Client::Program, &[]);
    assert_eq!(driver.close(1006), [LOST]);
    let mut waits = Vec::new();
    for _ in 0..4 {
        let before = driver.now;
        assert_eq!(driver.wait(), [Output::Connect(0)]);
        waits.push(driver.now - before);
        let refused = driver.close(CloseCode::Overloaded.code());
        assert_eq!(refused, [Output::Lost { code: 4007, was_connected: false }]);
    }
    assert_eq!(waits, [250, 500, 1000, 2000]);
    // The user does not want to wait.
    assert_eq!(driver.feed(Input::Wake), [Output::Connect(0)]);
    assert_eq!(driver.feed(Input::Wake), []);
    // Once it works, the wait is short again.
    driver.greet(&[]);
    driver.close(1006);
    assert_eq!(driver.session.deadline(), Some(driver.now + 250));
}

#[test]
fn a_server_that_asks_for_a_pause_gets_it() {
    let mut driver = Driver::new(Client::Program);
    driver.feed(Input::Begin);
    driver.feed(Input::Closed { code: 1006, pause: Some(60_000) });
    assert!(driver.session.deadline() >= Some(driver.now + 60_000));
}

#[test]
fn a_token_that_is_not_accepted_is_refreshed_once_by_both_clients() {
    for code in [CloseCode::TokenExpired, CloseCode::AuthenticationFailed] {
        for mut driver in both() {
            assert_eq!(driver.close(code.code()), [lost(code), Output::Refresh]);
            assert_eq!(driver.session.deadline(), None, "there is nothing to wait for but the token");
            assert_eq!(driver.feed(Input::Refreshed(Refreshed::Renewed)), [Output::Connect(0)]);
            driver.greet(&[]);
            assert!(driver.session.is_connected());
            // If the server cannot be reached, it is tried again later.
            driver.close(code.code());
            assert_eq!(driver.feed(Input::Refreshed(Refreshed::Failed)), []);
            assert_eq!(driver.wait(), [Output::Connect(0)]);
            // If it refuses the refresh, the session is over.
            driver.close(code.code());
            assert_eq!(driver.feed(Input::Refreshed(Refreshed::Ended)), [Output::Stopped(code.code())]);
            assert_eq!(driver.session.deadline(), None);
        }
    }
}

#[test]
fn a_new_token_that_is_refused_as_well_does_not_lead_to_a_storm() {
    let code = CloseCode::TokenExpired.code();
    for mut driver in both() {
        driver.close(code);
        driver.feed(Input::Refreshed(Refreshed::Renewed));
        driver.close(code);
        assert_eq!(driver.feed(Input::Refreshed(Refreshed::Renewed)), []);
        assert_eq!(driver.session.deadline(), Some(driver.now + 250));
    }
    let code = CloseCode::AuthenticationFailed.code();
    let [mut program, mut page] = both();
    for driver in [&mut program, &mut page] {
        driver.close(code);
        driver.feed(Input::Refreshed(Refreshed::Renewed));
        driver.close(code);
    }
    assert_eq!(program.feed(Input::Refreshed(Refreshed::Renewed)), [Output::Stopped(code)]);
    assert_eq!(page.feed(Input::Refreshed(Refreshed::Renewed)), []);
    assert_eq!(page.session.deadline(), Some(page.now + 20_000));
}

#[test]
fn a_session_that_has_ended_stops() {
    let ended = CloseCode::SessionRevoked;
    let [mut program, mut page] = both();
    assert_eq!(program.close(ended.code()), [Output::Stopped(ended.code())]);
    assert_eq!(program.feed(Input::Wake), []);
    // The tabs of a browser share a sign-in, which may have been replaced.
    assert_eq!(page.close(ended.code()), [lost(ended), Output::Refresh]);
    assert_eq!(page.feed(Input::Refreshed(Refreshed::Ended)), [Output::Stopped(ended.code())]);
    assert_eq!((page.feed(Input::Tick), page.session.deadline()), (Vec::new(), None));
    // It can begin again after another sign-in.
    assert_eq!(page.feed(Input::Begin), [Output::Connect(0)]);
}

#[test]
fn what_is_refused_for_good_stops_a_program_and_slows_a_page_down() {
    for code in [CloseCode::TooManyConnections.code(), CloseCode::BadFrame.code(), 4999] {
        let [mut program, mut page] = both();
        assert_eq!(program.close(code), [Output::Stopped(code)]);
        assert_eq!(page.close(code), [Output::Lost { code, was_connected: true }]);
        assert_eq!(page.session.deadline(), Some(page.now + 20_000));
        assert_eq!(page.wait(), [Output::Connect(0)]);
    }
    for code in [CloseCode::Banned.code(), CloseCode::Version.code()] {
        for mut driver in both() {
            assert_eq!(driver.close(code), [Output::Stopped(code)]);
        }
    }
}

#[test]
fn a_connection_that_does_not_respond_is_given_up() {
    let limits = [(Client::Page, 10_000, 6_000), (Client::Program, 20_000, 20_000)];
    for (client, opening, answer) in limits {
        let mut driver = Driver::new(client);
        driver.feed(Input::Begin);
        assert_eq!(driver.session.deadline(), Some(driver.now + opening), "no hello");
        let dropped = [Output::Disconnect, Output::Lost { code: 1006, was_connected: false }];
        assert_eq!(driver.wait(), dropped);
        driver.wait();
        driver.hello("one");
        assert_eq!(driver.session.deadline(), Some(driver.now + answer), "no response to start");
        assert_eq!(driver.wait(), dropped);
    }
}

#[test]
fn silence_is_answered_with_a_ping_and_then_with_a_new_connection() {
    let mut driver = Driver::connected(Client::Page, &[]);
    // The first ping comes at a random time, the next ones after the interval.
    for wait in [12_500, 25_000] {
        let before = driver.now;
        let outputs = driver.wait();
        let [ClientFrame::Ping { id }] = commands(&outputs)[..] else { panic!("{outputs:?}") };
        assert_eq!(driver.now - before, wait);
        assert_eq!(driver.feed(Input::Probe), [], "one is on its way");
        driver.ok(OkFrame::done(*id));
    }
    // Events do not replace the ping: the server wants to hear something, too.
    driver.now += 20_000;
    driver.frame(ServerFrame::Unknown);
    assert_eq!(driver.session.deadline(), Some(driver.now + 5_000));
    driver.wait();
    // A program is not in a hurry, but a page is.
    assert_eq!(driver.session.deadline(), Some(driver.now + 6_000));
    assert_eq!(driver.wait(), [Output::Disconnect, LOST]);
}

#[test]
fn frames_of_a_dropped_connection_are_ignored() {
    let mut driver = Driver::program(3);
    driver.close(1006);
    assert_eq!(driver.event(ROOM, 4), []);
    assert_eq!(driver.session.cursor(ROOM), Some(3));
}

#[test]
fn another_epoch_voids_everything() {
    let mut program = Driver::program(9);
    program.feed(Input::Follow { conversation: OTHER, after: 4 });
    program.close(1006);
    program.wait();
    let outputs = program.hello("two");
    let [Output::NewEpoch, Output::Start(start)] = &outputs[..] else { panic!("{outputs:?}") };
    assert!(start.cursors.is_empty() && start.user_cursor.is_none());
    let outputs = program.answer_start(start.id, &[(ROOM, state(ReplayState::Replay, 2))]);
    let reset = Output::Reset { conversation: ROOM, after: 2 };
    let resumed = Output::Resumed { read: Vec::new(), stale: false };
    assert_eq!(outputs, [Output::Connected, reset, Output::Left(OTHER), resumed]);
}
