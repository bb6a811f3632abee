//! Every invariant, broken on purpose.

use super::*;

const ROOM: ConversationId = ConversationId(1);
const ADA: UserId = UserId(7);

fn event(seq: Seq) -> Event {
    let at = "2026-01-01T00:00:00.000Z";
    let data = serde_json::json!({"author": "7", "cid": format!("cid-{seq}"), "body": format!("body {seq}")});
    let json = serde_json::json!({
        "conversation": "1", "seq": seq, "at": at, "kind": "message.created", "data": data,
    });
    serde_json::from_value(json).unwrap()
}

fn attempt(number: i64, began: u64, ended: u64, outcome: Outcome) -> Attempt {
    Attempt {
        author: ADA,
        conversation: ROOM,
        cid: format!("cid-{number}"),
        body: format!("body {number}"),
        began: Duration::from_millis(began),
        ended: Duration::from_millis(ended),
        outcome,
    }
}

/// Four messages, one after the other; the second one's outcome was unknown at first. Two nodes, one reader.
fn kept() -> Recording {
    let events: Vec<Event> = (1..=4).map(event).collect();
    let mut attempts: Vec<Attempt> = (1..=4)
        .map(|seq| attempt(seq, seq as u64 * 10 + 2, seq as u64 * 10 + 5, Outcome::Acknowledged(seq)))
        .collect();
    attempts.push(attempt(2, 20, 21, Outcome::Unknown("lost".into())));
    attempts.push(attempt(9, 60, 61, Outcome::Refused("too large".into())));
    attempts.push(attempt(10, 62, 63, Outcome::Unknown("lost".into())));
    let log = |node: &str| Log { node: node.into(), conversation: ROOM, head: 4, events: events.clone() };
    Recording {
        attempts,
        readings: vec![Reading {
            reader: "bob".into(),
            conversation: ROOM,
            events: events.clone(),
            strange: Vec::new(),
        }],
        logs: vec![log("one"), log("two")],
        ..Recording::default()
    }
}

/// The invariants that are violated after a change.
fn broken(plant: impl FnOnce(&mut Recording)) -> BTreeSet<&'static str> {
    let mut recording = kept();
    plant(&mut recording);
    check(&recording).into_iter().map(|violation| violation.invariant).collect()
}

fn rename(event: &mut Event, number: i64) {
    if let Change::MessageCreated { cid, .. } = &mut event.change {
        *cid = format!("cid-{number}");
    }
}

/// Changes what everyone agrees on.
fn everywhere(recording: &mut Recording, change: impl Fn(&mut Vec<Event>)) {
    for log in &mut recording.logs {
        change(&mut log.events);
        log.head = log.events.last().map_or(0, |event| event.seq);
    }
    recording.readings.iter_mut().for_each(|reading| change(&mut reading.events));
}

#[test]
fn a_kept_promise_is_left_alone() {
    assert!(check(&kept()).is_empty(), "{:?}", check(&kept()));
    // An unknown outcome may turn out either way.
    assert!(
        broken(|run| everywhere(run, |events| {
            events.push(event(5));
            rename(events.last_mut().unwrap(), 10);
            if let Change::MessageCreated { body, .. } = &mut events[4].change {
                *body = Some("body 10".into());
            }
        }))
        .is_empty()
    );
}

#[test]
fn a_lost_acknowledged_message_is_found() {
    let lost = broken(|run| everywhere(run, |events| events.truncate(3)));
    assert_eq!(lost, ["I1"].into());
    let moved = broken(|run| run.attempts[3].outcome = Outcome::Acknowledged(3));
    assert_eq!(moved, ["I1"].into());
    let nothing = broken(|run| {
        run.logs.clear();
        run.readings.clear();
    });
    assert_eq!(nothing, ["I1"].into());
}

#[test]
fn a_message_that_was_refused_and_is_there_is_found() {
    let refused = broken(|run| {
        run.attempts.retain(|attempt| attempt.cid != "cid-4");
        run.attempts.push(attempt(4, 42, 43, Outcome::Refused("no".into())));
    });
    assert_eq!(refused, ["I1"].into());
}

#[test]
fn a_doubled_message_is_found() {
    let doubled = broken(|run| {
        everywhere(run, |events| {
            events.push(event(5));
            rename(events.last_mut().unwrap(), 2);
        });
    });
    assert!(doubled.contains("I2"), "{doubled:?}");
    let from_nowhere = broken(|run| everywhere(run, |events| events.push(event(5))));
    assert_eq!(from_nowhere, ["I2"].into());
}

#[test]
fn a_hole_and_a_wrong_head_are_found() {
    let hole = broken(|run| everywhere(run, |events| drop(events.remove(1))));
    assert!(hole.contains("I3"), "{hole:?}");
    assert_eq!(broken(|run| run.logs[1].head = 5), ["I3"].into());
}

#[test]
fn readers_that_skip_repeat_reorder_or_stay_behind_are_found() {
    let changes: [fn(&mut Vec<Event>); 5] = [
        |events| drop(events.remove(1)),
        |events| events.insert(2, event(2)),
        |events| events.swap(1, 2),
        |events| drop(events.pop()),
        |events| events.clear(),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        assert_eq!(broken(|run| change(&mut run.readings[0].events)), ["I4"].into(), "change {number}");
    }
    assert_eq!(broken(|run| run.readings[0].strange.push("reset".into())), ["I4"].into());
}

#[test]
fn another_content_at_the_same_position_is_found() {
    let alter = |event: &mut Event| {
        if let Change::MessageCreated { body, .. } = &mut event.change {
            *body = Some("forged".into());
        }
    };
    assert_eq!(broken(|run| alter(&mut run.logs[1].events[2])), ["I5"].into());
    assert_eq!(broken(|run| alter(&mut run.readings[0].events[2])), ["I5"].into());
    assert_eq!(broken(|run| everywhere(run, |events| alter(&mut events[2]))), ["I5"].into());
    assert_eq!(broken(|run| drop(run.logs[1].events.pop())), ["I3", "I5"].into());
}

#[test]
fn a_message_before_one_that_was_acknowledged_earlier_is_found() {
    // The fourth was sent after the third was acknowledged, but precedes it.
    let swapped = broken(|run| {
        everywhere(run, |events| {
            let (third, fourth) = (events[2].change.clone(), events[3].change.clone());
            (events[2].change, events[3].change) = (fourth, third);
        });
        run.attempts[2].outcome = Outcome::Acknowledged(4);
        run.attempts[3].outcome = Outcome::Acknowledged(3);
    });
    assert_eq!(swapped, ["I6"].into());
    // Also when its own outcome stayed unknown.
    let unknown = broken(|run| {
        everywhere(run, |events| {
            let (third, fourth) = (events[2].change.clone(), events[3].change.clone());
            (events[2].change, events[3].change) = (fourth, third);
        });
        run.attempts[2].outcome = Outcome::Acknowledged(4);
        run.attempts[3].outcome = Outcome::Unknown("lost".into());
    });
    assert_eq!(unknown, ["I6"].into());
    // If they overlapped, either order is right.
    let together = broken(|run| {
        everywhere(run, |events| {
            let (third, fourth) = (events[2].change.clone(), events[3].change.clone());
            (events[2].change, events[3].change) = (fourth, third);
        });
        run.attempts[2].outcome = Outcome::Acknowledged(4);
        run.attempts[3].outcome = Outcome::Acknowledged(3);
        run.attempts[3].began = run.attempts[2].began;
    });
    assert!(together.is_empty(), "{together:?}");
}
