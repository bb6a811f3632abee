//! PostgreSQL is restored to an older state, and its epoch changed: every client drops its data and loads everything
//! again.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;
use parlour_client::native::{Api, Follower, Options, Update, fresh_cid};
use parlour_protocol::events::Event;
use parlour_protocol::ids::{ConversationId, Seq};
use parlour_protocol::messages::SendMessage;
use parlour_protocol::rooms::CreateRoom;
use parlour_storage::connection::Address;
use serde_json::json;

use super::{Verdict, joined};
use crate::chaos::checker::{self, Attempt, Outcome, Reading, Recording, Violation};
use crate::chaos::clients::{self, Journal};
use crate::chaos::cluster::Cluster;
use crate::chaos::nodes::Node;
use crate::chaos::report::{self, Times};

/// Anyone who was not notified within this time never will be.
const TOLD: Duration = Duration::from_secs(35);
const BEFORE: usize = 30;
const LOST: usize = 20;
const AFTER: usize = 25;

/// Runs the scenario.
pub async fn play(cluster: &Cluster, _lots: Rng) -> Verdict {
    let (ada, apis) = cluster.register("ada").await;
    let room = create(&apis[0], "kept").await;
    let journal = Journal::start();
    let say = async |count: usize, what: &str| {
        let mut sent = Vec::new();
        for number in 0..count {
            let message = SendMessage { body: format!("{what} {number}"), reply_to: None };
            let (cid, began) = (fresh_cid(), journal.now());
            let api = &apis[number % apis.len()];
            let stored = clients::insist("a message", || api.send_message(room, &cid, &message)).await;
            let (ended, outcome) = (journal.now(), Outcome::Acknowledged(stored.seq));
            let (author, conversation, body) = (ada, room, message.body);
            sent.push(Attempt { author, conversation, cid, body, began, ended, outcome });
        }
        sent
    };
    let mut attempts = say(BEFORE, "before").await;
    let head = clients::log(&apis[0], room).await.head;
    let postgres = cluster.own_postgres.clone().expect("a PostgreSQL of one's own");
    let dump = postgres.folder().join("dump");
    let (of, to) = (postgres.clone(), dump.clone());
    tokio::task::spawn_blocking(move || of.dump(&to)).await.expect("it is dumped");

    let lost = say(LOST, "lost").await.len();
    let young = create(&apis[0], "young").await;
    let epoch = apis[0].show_server().await.expect("answers").epoch;
    let mut followers = Vec::new();
    for node in 0..apis.len() {
        followers.push(following(&apis, node, &[room, young]).await);
    }
    for number in 0..cluster.nodes.len() {
        cluster.on_node(number, Node::end).await;
    }
    tokio::task::spawn_blocking(move || {
        postgres.restore(&dump);
        let mut conn = Address::parse(&postgres.url).unwrap().connect().unwrap();
        // What docs/operations.md tells operators to do.
        let sql = "UPDATE server_state SET value = value || '+' WHERE key = 'epoch'";
        assert_eq!(diesel::RunQueryDsl::execute(diesel::sql_query(sql), &mut conn).unwrap(), 1);
    })
    .await
    .expect("it is restored");
    for number in 0..cluster.nodes.len() {
        cluster.on_node(number, Node::restart).await;
    }

    let (mut violations, mut recording) = (Vec::new(), Recording::default());
    for (number, follower) in followers.iter_mut().enumerate() {
        let (reset, left) = reload(follower, room, young).await;
        if reset != Some(head) || !left {
            let what = format!("follower {number} was sent back to {reset:?} of {head}, left: {left}");
            violations.push(Violation::of("R30", what));
        }
    }
    attempts.extend(say(AFTER, "after").await);
    recording.attempts = attempts;
    // Somebody who was away the whole time, and whose position lies below the present head.
    let options =
        Options { cursors: [(room, 1), (young, 1)].into(), epoch: Some(epoch), ..Options::default() };
    let mut late = Follower::start(apis[0].clone(), options);
    let (reset, left) = reload(&mut late, room, young).await;
    if reset.is_none() || !left {
        let what = format!("somebody who comes later was sent back to {reset:?}, left: {left}");
        violations.push(Violation::of("R30", what));
    }
    recording.logs = vec![clients::log(&apis[0], room).await];
    for (number, follower) in followers.iter_mut().enumerate() {
        // What a client has that loads everything again from where it was told to.
        let mut events = recording.logs[0].events[..usize::try_from(head).expect("a head")].to_vec();
        events.extend(hear(follower, room, recording.logs[0].head).await);
        let reader = format!("follower {number}");
        recording.readings.push(Reading { reader, conversation: room, events, strange: Vec::new() });
    }
    violations.extend(checker::check(&recording));
    let own = json!({ "faults": [format!("put back to {head}, which lost {lost} messages and a room")] });
    (joined([report::measured(&recording, &Times::default()), own]), violations)
}

async fn create(api: &Api, name: &str) -> ConversationId {
    let room = CreateRoom { name: name.into(), topic: String::new() };
    api.create_room(&room).await.expect("a room").id
}

/// A follower that has received everything.
async fn following(apis: &[Api], node: usize, rooms: &[ConversationId]) -> Follower {
    let mut nodes = apis.to_vec();
    nodes.rotate_left(node);
    let first = nodes.remove(0);
    let mut cursors = BTreeMap::new();
    for room in rooms {
        cursors.insert(*room, clients::log(&first, *room).await.head);
    }
    let options = Options { live: rooms.to_vec(), cursors, others: nodes, ..Options::default() };
    let mut follower = Follower::start(first, options);
    while follower.next().await.expect("follows") != Update::Connected {}
    follower
}

/// The position from which a room is followed after a reset, and whether the other room was reported as left.
async fn reload(follower: &mut Follower, room: ConversationId, young: ConversationId) -> (Option<Seq>, bool) {
    let (mut reset, mut left) = (None, false);
    let telling = async {
        while reset.is_none() || !left {
            match follower.next().await {
                Ok(Update::Reset { conversation, after }) if conversation == room => reset = Some(after),
                Ok(Update::Left(conversation)) => left |= conversation == young,
                Ok(_) => {}
                Err(_) => return,
            }
        }
    };
    let _all_told = tokio::time::timeout(TOLD, telling).await;
    (reset, left)
}

/// The events of a room up to a position.
async fn hear(follower: &mut Follower, room: ConversationId, head: Seq) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    let hearing = async {
        while events.last().is_none_or(|event| event.seq < head) {
            match follower.next().await {
                Ok(Update::Event(event)) if event.conversation == room => events.push(event),
                Ok(_) => {}
                Err(_) => return,
            }
        }
    };
    let _all_heard = tokio::time::timeout(TOLD, hearing).await;
    events
}
