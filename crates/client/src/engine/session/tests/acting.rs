//! The outbox in use: order, refusals, reconnects, other tabs.

use parlour_protocol::messages::Stored;

use super::*;
use crate::engine::{Pending, SendState};

fn outbox(cid: &str) -> Output {
    Output::Outbox { conversation: ROOM, cid: cid.to_owned() }
}

fn stored(driver: &mut Driver, id: u64, seq: Seq) -> Vec<Output> {
    driver.ok(OkFrame::stored(id, ROOM, Stored { seq, at: Timestamp(seq), duplicate: false }))
}

/// Whether an action was reported as stored.
fn reports(outputs: &[Output], cid: &str) -> bool {
    outputs.iter().any(|one| matches!(one, Output::Sent { pending, .. } if pending.cid == cid))
}

#[test]
fn of_each_conversation_one_action_is_in_flight() {
    for mut driver in [Driver::program(3), Driver::page(3)] {
        let outputs = driver.send(ROOM, "a");
        assert_eq!(outputs[0], outbox("a"), "stored before it is sent");
        let (first, _) = sent(&outputs);
        assert_eq!(driver.send(ROOM, "b"), [outbox("b")]);
        assert_eq!(sent(&driver.send(OTHER, "c")).1, "c");
        // A reaction waits for its turn as well.
        let act = Act::React { seq: 2, emoji: "👍".into(), on: true };
        driver.feed(Input::Act { conversation: ROOM, cid: "d".into(), act });
        let outputs = stored(&mut driver, first, 4);
        assert!(reports(&outputs, "a"));
        let (second, cid) = sent(&outputs);
        assert_eq!(cid, "b");
        let outputs = stored(&mut driver, second, 5);
        assert!(matches!(commands(&outputs)[..], [ClientFrame::React { .. }]), "{outputs:?}");
    }
}

#[test]
fn what_was_not_answered_is_sent_again_after_connecting() {
    let mut driver = Driver::program(3);
    let (first, _) = sent(&driver.send(ROOM, "a"));
    driver.send(ROOM, "b");
    driver.close(1006);
    assert_eq!(driver.send(OTHER, "c"), [Output::Outbox { conversation: OTHER, cid: "c".into() }]);
    driver.wait();
    let outputs = driver.greet(&[(ROOM, state(ReplayState::Replay, 3))]);
    let ids: Vec<_> = commands(&outputs)
        .into_iter()
        .map(|frame| match frame {
            ClientFrame::Send { id, cid, .. } => (*id, cid.as_str()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(ids.iter().map(|(_, cid)| *cid).collect::<Vec<_>>(), ["a", "c"]);
    // A response to the previous connection's command belongs to nothing.
    assert_eq!(stored(&mut driver, first, 4), []);
    let again = Stored { seq: 4, at: Timestamp(4), duplicate: true };
    let outputs = driver.ok(OkFrame::stored(ids[0].0, ROOM, again));
    assert!(reports(&outputs, "a"));
    assert_eq!(sent(&outputs).1, "b");
}

#[test]
fn a_refusal_for_now_holds_the_conversation_back() {
    let mut driver = Driver::page(3);
    let (id, _) = sent(&driver.send(ROOM, "a"));
    let begun = driver.now;
    assert_eq!(driver.refuse(id, ErrorCode::RateLimited, Some(1_200)), []);
    // Nothing overtakes it, and nothing sends it early.
    assert_eq!(driver.send(ROOM, "b"), [outbox("b")]);
    assert_eq!(sent(&driver.send(OTHER, "c")).1, "c");
    let outputs = driver.wait();
    assert_eq!(driver.now, begun + 1_200 + 600, "with half of the jitter");
    let (id, cid) = sent(&outputs);
    assert_eq!(cid, "a");
    assert!(reports(&stored(&mut driver, id, 4), "a"));
}

#[test]
fn a_refusal_for_good_is_reported_and_the_next_one_follows() {
    for mut driver in [Driver::program(3), Driver::page(3)] {
        let page = driver.session.client == Client::Page;
        let (id, _) = sent(&driver.send(ROOM, "a"));
        driver.send(ROOM, "b");
        let outputs = driver.refuse(id, ErrorCode::Forbidden, None);
        assert_eq!(outputs[0], outbox("a"));
        let Output::Refused { pending, code, detail } = &outputs[1] else { panic!("{outputs:?}") };
        assert_eq!((pending.cid.as_str(), *code), ("a", ErrorCode::Forbidden));
        assert_eq!(detail, ErrorCode::Forbidden.title());
        assert_eq!(sent(&outputs).1, "b");
        // A page keeps the text until the user has decided.
        assert_eq!(driver.session.outbox().get("a").is_some(), page);
        if page {
            driver.feed(Input::Settle { cid: "b".into() });
            assert_eq!(driver.feed(Input::Retry { cid: "a".into() })[0], outbox("a"));
            assert_eq!(driver.feed(Input::Settle { cid: "a".into() }), [outbox("a")]);
        }
    }
}

#[test]
fn a_refused_reaction_is_not_kept() {
    let mut driver = Driver::page(3);
    let act = Act::React { seq: 2, emoji: "👍".into(), on: true };
    let outputs = driver.feed(Input::Act { conversation: ROOM, cid: "a".into(), act });
    let [ClientFrame::React { id, .. }] = commands(&outputs)[..] else { panic!("{outputs:?}") };
    driver.refuse(*id, ErrorCode::Gone, None);
    assert!(driver.session.outbox().is_empty());
}

#[test]
fn an_action_that_arrives_as_an_event_is_settled_but_still_awaited() {
    let mut driver = Driver::page(3);
    let (id, _) = sent(&driver.send(ROOM, "a"));
    driver.send(ROOM, "b");
    assert_eq!(driver.feed(Input::Settle { cid: "a".into() }), [outbox("a")]);
    assert_eq!(sent(&stored(&mut driver, id, 4)).1, "b");
}

#[test]
fn a_later_edit_replaces_one_that_waits() {
    let mut driver = Driver::page(3);
    driver.send(ROOM, "a");
    let edit = |cid: &str| Input::Act {
        conversation: ROOM,
        cid: cid.into(),
        act: Act::Edit { seq: 2, body: cid.into() },
    };
    assert_eq!(driver.feed(edit("b")), [outbox("b")]);
    assert_eq!(driver.feed(edit("c")), [outbox("b"), outbox("c")]);
    assert!(driver.session.outbox().get("b").is_none());
}

#[test]
fn the_actions_of_another_tab_are_taken_over_when_it_is_gone_or_slow() {
    let foreign = |cid: &str, at| Input::Elsewhere {
        cid: cid.into(),
        pending: Some(Pending {
            conversation: ROOM,
            cid: cid.into(),
            at,
            tab: "other".into(),
            act: Act::Send { body: cid.into(), reply_to: None },
            state: SendState::Sending,
        }),
    };
    let mut driver = Driver::page(3);
    driver.feed(Input::Tabs(vec!["mine".into(), "other".into()]));
    let begun = driver.now;
    assert_eq!(driver.feed(foreign("a", 1_000)), []);
    // Nothing overtakes it.
    assert_eq!(driver.send(ROOM, "b"), [outbox("b")]);
    let outputs = driver.wait();
    assert_eq!(driver.now, begun + 2_500);
    assert_eq!((&outputs[0], sent(&outputs).1), (&outbox("a"), "a"), "it belongs to this tab now");
    // A closed tab sends nothing.
    let mut driver = Driver::page(3);
    driver.feed(Input::Tabs(vec!["mine".into(), "other".into()]));
    driver.feed(foreign("a", 1_000));
    assert_eq!(sent(&driver.feed(Input::Tabs(vec!["mine".into()]))).1, "a");
    // The other tab may have sent it meanwhile.
    let mut driver = Driver::page(3);
    driver.feed(Input::Tabs(vec!["mine".into(), "other".into()]));
    driver.feed(foreign("a", 1_000));
    assert_eq!(driver.feed(Input::Elsewhere { cid: "a".into(), pending: None }), []);
    assert_eq!(sent(&driver.send(ROOM, "b")).1, "b");
}

#[test]
fn markers_and_typing_are_told_only_over_a_connection() {
    let mut driver = Driver::page(3);
    let (read, typing) = (Input::Read { conversation: ROOM, seq: 3 }, Input::Typing { conversation: ROOM });
    assert_eq!(commands(&driver.feed(read.clone())).len(), 1);
    assert_eq!(commands(&driver.feed(typing.clone())).len(), 1);
    driver.close(1006);
    assert_eq!((driver.feed(read), driver.feed(typing)), (Vec::new(), Vec::new()));
}
