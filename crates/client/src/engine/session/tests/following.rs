//! Resuming, replays, gaps, heads, and one `sync` at a time.

use std::collections::BTreeMap;

use parlour_protocol::socket::News;

use super::*;

fn resumed(read: &[(ConversationId, Seq)], stale: bool) -> Output {
    Output::Resumed { read: read.to_vec(), stale }
}

fn synced(driver: &mut Driver, id: u64, seqs: &[Seq], head: Seq) -> Vec<Output> {
    let events = seqs.iter().map(|seq| event(ROOM, *seq)).collect();
    driver.ok(OkFrame::synced(id, ROOM, events, head))
}

#[test]
fn an_event_is_applied_iff_it_is_the_next_one() {
    let mut driver = Driver::program(3);
    assert_eq!(applied(&driver.event(ROOM, 4)), [4]);
    assert_eq!(driver.event(ROOM, 4), []);
    assert_eq!(driver.event(ROOM, 2), []);
    let outputs = driver.event(ROOM, 7);
    assert_eq!(sync(&outputs), (2, 4));
    // One request at a time; what arrives meanwhile is applied if it fits, and otherwise fetched with the next page.
    assert_eq!(applied(&driver.event(ROOM, 5)), [5]);
    assert_eq!(driver.event(ROOM, 9), []);
    let outputs = synced(&mut driver, 2, &[5, 6, 7], 7);
    assert_eq!((applied(&outputs), sync(&outputs)), (vec![6, 7], (3, 7)));
    assert_eq!(applied(&synced(&mut driver, 3, &[8, 9], 9)), [8, 9]);
    assert_eq!(driver.session.cursor(ROOM), Some(9));
}

#[test]
fn a_head_without_events_leads_to_pages_until_it_is_reached() {
    let mut driver = Driver::program(3);
    let heads = |head| ServerFrame::Heads { conversations: [(ROOM, head)].into(), news: BTreeMap::new() };
    assert_eq!(driver.frame(heads(3)), []);
    let outputs = driver.frame(heads(6));
    assert_eq!(sync(&outputs), (2, 3));
    assert_eq!(driver.frame(heads(8)), []);
    let outputs = synced(&mut driver, 2, &[4, 5], 6);
    assert_eq!((applied(&outputs), sync(&outputs)), (vec![4, 5], (3, 5)));
    assert_eq!(applied(&synced(&mut driver, 3, &[6, 7, 8], 8)), [6, 7, 8]);
}

#[test]
fn a_log_that_ends_before_its_head_is_resolved_by_connecting_again() {
    let mut driver = Driver::program(3);
    let outputs = driver.event(ROOM, 9);
    let (id, _) = sync(&outputs);
    let outputs = synced(&mut driver, id, &[], 3);
    assert_eq!(outputs, [Output::Disconnect, Output::Lost { code: 1006, was_connected: true }]);
    // The wrong head is forgotten.
    driver.wait();
    assert!(commands(&driver.greet(&[(ROOM, state(ReplayState::Replay, 3))])).is_empty());
}

#[test]
fn a_refused_sync_is_repeated_or_ends_the_conversation() {
    for client in [Driver::program as fn(Seq) -> Driver, Driver::page] {
        let mut driver = client(3);
        let (id, _) = sync(&driver.event(ROOM, 9));
        let begun = driver.now;
        assert_eq!(driver.refuse(id, ErrorCode::Unavailable, Some(700)), []);
        assert_eq!(driver.event(ROOM, 10), [], "it is scheduled");
        let outputs = driver.wait();
        assert_eq!(driver.now, begun + 700);
        let (id, after) = sync(&outputs);
        assert_eq!(after, 3);
        assert_eq!(driver.refuse(id, ErrorCode::NotMember, None), [Output::Left(ROOM)]);
        assert_eq!(driver.session.cursor(ROOM), None);
    }
}

#[test]
fn a_forgotten_conversation_ignores_a_late_page() {
    let mut driver = Driver::program(3);
    let (id, _) = sync(&driver.event(ROOM, 9));
    driver.session.forget(ROOM);
    assert_eq!(synced(&mut driver, id, &[4, 5], 9), []);
}

#[test]
fn a_program_compares_every_state() {
    let mut driver = Driver::program(3);
    for (conversation, after) in [(DIRECT, 5), (OTHER, 6), (ConversationId(4), 7)] {
        let following = Output::Following { conversation, after };
        assert_eq!(driver.feed(Input::Follow { conversation, after }), [following]);
    }
    driver.close(1006);
    driver.wait();
    let states = [
        (ROOM, state(ReplayState::Replay, 4)),
        (DIRECT, state(ReplayState::Gap, 900)),
        (OTHER, state(ReplayState::Reset, 2)),
        (ConversationId(4), state(ReplayState::Gone, 0)),
        (ConversationId(5), state(ReplayState::Replay, 8)),
        (ConversationId(6), state(ReplayState::Gone, 0)),
    ];
    let outputs = driver.greet(&states);
    assert_eq!(sync(&outputs).1, 5, "every event of a gap is fetched");
    let rest: Vec<Output> = outputs.into_iter().filter(|one| !matches!(one, Output::Send(_))).collect();
    let expected = [
        Output::Connected,
        Output::Reset { conversation: OTHER, after: 2 },
        Output::Left(ConversationId(4)),
        Output::Following { conversation: ConversationId(5), after: 8 },
        resumed(&[], false),
    ];
    assert_eq!(rest, expected);
    assert_eq!(applied(&driver.event(ROOM, 4)), [4]);
}

#[test]
fn a_page_loads_again_what_cannot_be_replayed() {
    let mut driver = Driver::page(3);
    let read = StreamState { read_seq: Some(2), ..state(ReplayState::Replay, 3) };
    let cases = [
        ((ROOM, read), vec![resumed(&[(ROOM, 2)], false)]),
        ((DIRECT, state(ReplayState::Replay, 9)), vec![resumed(&[], false)]),
        ((OTHER, state(ReplayState::Replay, 9)), vec![resumed(&[], true)]),
        ((ConversationId(9), state(ReplayState::Replay, 1)), vec![resumed(&[], true)]),
        ((DIRECT, state(ReplayState::Gap, 900)), vec![resumed(&[], true)]),
        (
            (ROOM, state(ReplayState::Gap, 900)),
            vec![Output::Reset { conversation: ROOM, after: 900 }, resumed(&[], true)],
        ),
        ((OTHER, state(ReplayState::Gone, 0)), vec![Output::Left(OTHER), resumed(&[], false)]),
    ];
    for (given, expected) in cases {
        driver.close(1006);
        driver.wait();
        let outputs = driver.greet(&[given]);
        assert_eq!(outputs, [vec![Output::Connected], expected].concat(), "{given:?}");
    }
    assert_eq!((driver.session.cursor(ROOM), driver.session.cursor(OTHER)), (Some(900), None));
}

#[test]
fn a_page_fetches_what_it_shows_and_hears_of_the_rest() {
    let mut driver = Driver::page(3);
    let news = News { after: 3, ..News::default() };
    let frame = ServerFrame::Heads {
        conversations: [(ROOM, 5), (DIRECT, 900), (OTHER, 4)].into(),
        news: [(OTHER, news.clone())].into(),
    };
    let outputs = driver.frame(frame);
    assert_eq!(sync(&outputs).1, 3);
    let (stale, news) = (Output::Stale(DIRECT), Some(news));
    assert_eq!(outputs[1..], [stale, Output::News { conversation: OTHER, head: 4, news }]);
    // A few missed events of a direct chat are fetched; nothing is known of the last one.
    let mut driver = Driver::page(3);
    let conversations = [(DIRECT, 5), (OTHER, 5), (ConversationId(9), 1)].into();
    let outputs = driver.frame(ServerFrame::Resync { conversations, user: None });
    assert_eq!(sync(&outputs).1, 3);
    assert_eq!(outputs[1..], [Output::Stale(OTHER), Output::Stale(ConversationId(9))]);
}

#[test]
fn what_was_loaded_is_followed_up_to_the_known_head() {
    let mut driver = Driver::page(3);
    driver.event(ROOM, 4);
    // A page that was read before the event arrived.
    assert_eq!(sync(&driver.feed(Input::Follow { conversation: ROOM, after: 3 })).1, 3);
    // An entry does not move the cursor of what is open, but the cursor of everything else.
    let mut driver = Driver::page(3);
    let entry = |conversation| Input::Entry { conversation, head: 6, direct: false };
    assert_eq!(sync(&driver.feed(entry(ROOM))).1, 3);
    assert_eq!(driver.feed(entry(OTHER)), []);
    assert_eq!((driver.session.cursor(ROOM), driver.session.cursor(OTHER)), (Some(3), Some(6)));
    let mut driver = Driver::page(3);
    assert_eq!(sync(&driver.feed(Input::Head { conversation: ROOM, head: 4 })).1, 3);
}

#[test]
fn a_new_focus_is_told_and_then_read_up_to() {
    let mut driver = Driver::page(3);
    let outputs = driver.feed(Input::Focus(vec![OTHER]));
    let [ClientFrame::Focus { id, live }] = commands(&outputs)[..] else { panic!("{outputs:?}") };
    assert_eq!(live[..], [OTHER]);
    let outputs = driver.ok(OkFrame::done(*id));
    assert_eq!(sync(&outputs).1, 3);
    // What was opened while there was no connection is part of `start`, or told after it.
    driver.close(1006);
    assert_eq!(driver.feed(Input::Focus(vec![ROOM])), []);
    driver.wait();
    let outputs = driver.hello("one");
    let [Output::Start(start)] = &outputs[..] else { panic!("{outputs:?}") };
    assert_eq!(start.live, [ROOM]);
    driver.session.set_live(vec![OTHER]);
    let outputs = driver.answer_start(start.id, &[]);
    assert!(matches!(commands(&outputs)[..], [ClientFrame::Focus { .. }]), "{outputs:?}");
}

#[test]
fn the_users_own_stream_is_applied_in_order() {
    let joined = UserChange::ConversationJoined { conversation: OTHER };
    let mut driver = Driver::program(3);
    let outputs = driver.frame(user_event(6, joined.clone()));
    assert!(matches!(outputs[..], [Output::UserEvent(_), Output::Locate(OTHER)]), "{outputs:?}");
    assert_eq!(driver.frame(user_event(6, joined)), []);
    driver.feed(Input::Follow { conversation: OTHER, after: 2 });
    let outputs = driver.frame(user_event(7, UserChange::ConversationLeft { conversation: OTHER }));
    assert!(matches!(outputs[..], [Output::UserEvent(_), Output::Left(OTHER)]), "{outputs:?}");
    assert_eq!(driver.session.cursor(OTHER), None);
}

#[test]
fn missed_events_of_the_own_stream_are_replayed_to_a_program_and_loaded_again_by_a_page() {
    let change = UserChange::AccountChanged {};
    let late = [
        user_event(9, change.clone()),
        ServerFrame::Resync { conversations: BTreeMap::new(), user: Some(9) },
    ];
    for frame in late {
        let mut program = Driver::program(3);
        assert_eq!(program.frame(frame.clone())[0], Output::Disconnect);
        let mut page = Driver::page(3);
        assert_eq!(page.frame(frame), [Output::OwnStale]);
        assert!(matches!(page.frame(user_event(10, change.clone()))[..], [Output::UserEvent(_)]));
        // The same is found by `start`.
        page.close(1006);
        page.wait();
        page.hello("one");
        let user = Some(state(ReplayState::Gap, 20));
        let outputs = page.ok(OkFrame::started(2, user, BTreeMap::new()));
        assert_eq!(outputs, [Output::Connected, Output::OwnStale, resumed(&[], false)]);
    }
}
