//! Changes of messages, rights and final states, broken on purpose.

use super::*;
use serde_json::json;

const ROOM: ConversationId = ConversationId(1);
const ADA: UserId = UserId(7);
const BOB: UserId = UserId(8);

fn event(seq: Seq, kind: &str, data: serde_json::Value) -> Event {
    let at = "2026-01-01T00:00:00.000Z";
    let json = json!({ "conversation": "1", "seq": seq, "at": at, "kind": kind, "data": data });
    serde_json::from_value(json).unwrap()
}

fn message(seq: Seq, author: &str, cid: &str, body: Option<&str>) -> Event {
    event(seq, "message.created", json!({ "author": author, "cid": cid, "body": body }))
}

/// Two people join, Ada writes twice, edits one message and deletes the other, Bob reacts, leaves and comes back.
fn log() -> Vec<Event> {
    vec![
        event(1, "member.joined", json!({ "user": "7", "role": "owner" })),
        event(2, "member.joined", json!({ "user": "8", "role": "member" })),
        message(3, "7", "first", Some("one")),
        message(4, "7", "second", None),
        event(5, "message.edited", json!({ "author": "7", "target": 3, "body": "uno" })),
        event(6, "reaction.added", json!({ "user": "8", "target": 3, "emoji": "👍" })),
        event(7, "message.deleted", json!({ "actor": "7", "target": 4 })),
        event(8, "member.left", json!({ "user": "8" })),
        message(9, "7", "third", Some("he is gone")),
        event(10, "member.joined", json!({ "user": "8", "role": "member" })),
    ]
}

fn millis(at: u64) -> Duration {
    Duration::from_millis(at)
}

fn mutation(user: UserId, action: Action, seq: Seq) -> Mutation {
    let began = millis(seq as u64 * 10 + 2);
    let (ended, outcome) = (began + millis(3), Outcome::Acknowledged(seq));
    Mutation { user, conversation: ROOM, action, began, ended, outcome, fresh: true }
}

fn attempt(cid: &str, body: &str, seq: Seq) -> Attempt {
    let began = millis(seq as u64 * 10 + 2);
    let (ended, outcome) = (began + millis(3), Outcome::Acknowledged(seq));
    let (cid, body) = (cid.to_owned(), body.to_owned());
    Attempt { author: ADA, conversation: ROOM, cid, body, began, ended, outcome }
}

fn kept() -> Recording {
    let mut heard = log();
    // Anyone who was there received the text that was deleted later.
    heard[3] = message(4, "7", "second", Some("two"));
    let node = || "one".to_owned();
    let messages = serde_json::from_value(json!([
        { "seq": 3, "author": "7", "cid": "first", "body": "uno", "at": "2026-01-01T00:00:00.000Z",
          "edited_at": "2026-01-01T00:00:00.000Z", "reactions": [{ "emoji": "👍", "users": ["8"] }] },
        { "seq": 4, "author": "7", "cid": "second", "at": "2026-01-01T00:00:00.000Z",
          "deleted_at": "2026-01-01T00:00:00.000Z" },
        { "seq": 9, "author": "7", "cid": "third", "body": "he is gone", "at": "2026-01-01T00:00:00.000Z" },
    ]))
    .unwrap();
    let mut again = mutation(ADA, Action::Edit { target: 3, body: "uno".into() }, 3);
    (again.fresh, again.began, again.ended) = (false, millis(56), millis(57));
    Recording {
        attempts: vec![
            attempt("first", "one", 3),
            attempt("second", "two", 4),
            attempt("third", "he is gone", 9),
        ],
        mutations: vec![
            mutation(ADA, Action::Edit { target: 3, body: "uno".into() }, 5),
            again,
            mutation(BOB, Action::React { target: 3, emoji: "👍".into(), on: true }, 6),
            mutation(ADA, Action::Delete { target: 4 }, 7),
            Mutation { outcome: Outcome::Gone, fresh: false, ..mutation(BOB, react(4), 8) },
        ],
        readings: vec![Reading {
            reader: "carl".into(),
            conversation: ROOM,
            events: heard,
            strange: Vec::new(),
        }],
        visits: vec![Visit {
            user: BOB,
            conversation: ROOM,
            after: 2,
            // What follows his leaving is in time.
            events: log().into_iter().skip(2).take(7).map(|event| (millis(90), event)).collect(),
            left: millis(85),
            bound: millis(1000),
        }],
        logs: vec![Log { node: node(), conversation: ROOM, head: 10, events: log() }],
        snapshots: vec![Snapshot { node: node(), conversation: ROOM, messages }],
        markers: vec![Marker { user: ADA, conversation: ROOM, acknowledged: 4, stored: 9 }],
    }
}

fn react(target: Seq) -> Action {
    Action::React { target, emoji: "👍".into(), on: true }
}

fn broken(plant: impl FnOnce(&mut Recording)) -> BTreeSet<&'static str> {
    let mut recording = kept();
    plant(&mut recording);
    check(&recording).into_iter().map(|violation| violation.invariant).collect()
}

/// Changes the log alone: what readers and snapshots have is compared elsewhere.
fn with_log(change: impl FnOnce(&mut Vec<Event>)) -> BTreeSet<&'static str> {
    broken(|run| {
        (run.readings, run.snapshots, run.visits) = Default::default();
        change(&mut run.logs[0].events);
        run.logs[0].head = run.logs[0].events.len() as Seq;
    })
}

#[test]
fn a_kept_promise_is_left_alone() {
    assert_eq!(check(&kept()), []);
    assert!(with_log(|_| {}).is_empty());
}

#[test]
fn acknowledged_changes_that_are_not_there_are_found() {
    assert_eq!(broken(|run| run.mutations[0].outcome = Outcome::Acknowledged(6)), ["I1"].into());
    let other = Action::Edit { target: 3, body: "eins".into() };
    let lost = broken(|run| run.mutations.push(mutation(ADA, other.clone(), 5)));
    assert_eq!(lost, ["I1"].into());
    let already = Mutation { fresh: false, ..mutation(ADA, other, 3) };
    assert_eq!(broken(|run| run.mutations.push(already)), ["I1"].into());
    let gone = Mutation { outcome: Outcome::Gone, fresh: false, ..mutation(BOB, react(3), 8) };
    assert_eq!(broken(|run| run.mutations.push(gone)), ["I1"].into());
    assert_eq!(broken(|run| run.markers[0].stored = 3), ["I1"].into());
}

#[test]
fn changes_that_nobody_asked_for_or_that_were_refused_are_found() {
    assert_eq!(broken(|run| drop(run.mutations.remove(2))), ["I2"].into());
    let refused = broken(|run| run.mutations[2].outcome = Outcome::Refused("no".into()));
    assert_eq!(refused, ["I1"].into());
    let after_its_end = with_log(|events| {
        events.push(event(11, "reaction.added", json!({ "user": "8", "target": 4, "emoji": "👍" })));
    });
    assert!(after_its_end.contains("I2"), "{after_its_end:?}");
}

#[test]
fn words_that_were_deleted_and_are_still_there_are_found() {
    let kept_words = with_log(|events| events[3] = message(4, "7", "second", Some("two")));
    assert_eq!(kept_words, ["I5"].into());
}

#[test]
fn a_final_state_that_is_not_a_fresh_one_is_found() {
    let reaction = broken(|run| run.snapshots[0].messages[0].reactions.clear());
    assert_eq!(reaction, ["I4"].into());
    let text = broken(|run| run.snapshots[0].messages[0].body = Some("one".into()));
    assert_eq!(text, ["I4"].into());
    assert_eq!(broken(|run| drop(run.snapshots[0].messages.pop())), ["I4"].into());
}

#[test]
fn changes_out_of_order_are_found() {
    // The deletion was requested when a message that lies behind it had already been acknowledged.
    let late = broken(|run| (run.mutations[3].began, run.mutations[3].ended) = (millis(99), millis(100)));
    assert_eq!(late, ["I6"].into());
}

#[test]
fn words_of_those_who_had_left_are_found() {
    let ghost = |events: &mut Vec<Event>| events[8] = message(9, "8", "third", Some("he is gone"));
    assert!(with_log(ghost).contains("I7"));
    let foreign = with_log(|events| {
        events[4] = event(5, "message.edited", json!({ "author": "8", "target": 3, "body": "uno" }));
    });
    assert!(foreign.contains("I7"), "{foreign:?}");
    let ended = with_log(|events| events[7] = event(8, "direct.changed", json!({ "writable": false })));
    assert_eq!(ended, ["I7"].into());
}

#[test]
fn events_that_come_to_those_who_had_left_are_found() {
    assert_eq!(broken(|run| run.visits[0].events[6].0 = millis(85 + 1001)), ["I7"].into());
    // What was stored before leaving may arrive at any time.
    assert!(
        broken(|run| run.visits[0].events.iter_mut().take(6).for_each(|one| one.0 = millis(5000))).is_empty()
    );
    assert_eq!(broken(|run| drop(run.visits[0].events.remove(2))), ["I4"].into());
    let forged = broken(|run| run.visits[0].events[0].1 = message(3, "7", "first", Some("forged")));
    assert_eq!(forged, ["I5"].into());
}
