//! Cursors of any age resume on any node, including nodes that never saw the client because they have just started.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use fastrand::Rng;
use parlour_client::native::{Api, Follower, Options, Update};
use parlour_protocol::ids::{ConversationId, Seq};
use parlour_protocol::limits;
use parlour_protocol::rooms::CreateRoom;
use serde_json::json;

use super::{Settings, Verdict, joined};
use crate::chaos::checker::{self, Reading, Recording, Violation};
use crate::chaos::clients::{self, Journal, Writer};
use crate::chaos::cluster::Cluster;
use crate::chaos::faults::{self, Fault};
use crate::chaos::report::{self, Times};

/// More than is replayed at once, in one conversation and in total.
const LONG: usize = limits::REPLAY.1 as usize + 300;
/// Messages in flight while the log is filled.
const AT_ONCE: usize = 20;
/// Somebody who resumes must have everything within this time.
const COMPLETE: Duration = Duration::from_secs(20);

/// Runs the scenario.
pub async fn play(settings: Settings, cluster: &Cluster, mut random: Rng) -> Verdict {
    let ada = cluster.register("ada").await;
    let room = CreateRoom { name: "archive".into(), topic: String::new() };
    let room = ada.1[0].create_room(&room).await.expect("a room").id;
    let journal = Journal::start();
    let mut filling = Vec::new();
    for _ in 0..AT_ONCE {
        let mut writer = Writer::new(ada.clone(), Vec::new(), random.fork(), journal.clone());
        filling.push(tokio::spawn(async move {
            for number in 0..LONG / AT_ONCE {
                writer.send(room, format!("page {number}")).await;
            }
        }));
    }
    for writer in filling {
        writer.await.expect("writers do not panic");
    }
    let began = Instant::now();
    let (mut violations, mut done) = (Vec::new(), Vec::new());
    let mut recording = Recording { attempts: journal.attempts(), ..Recording::default() };
    let mut times = Times::default();
    while done.is_empty() || began.elapsed() < settings.load {
        match faults::happen(cluster, Fault::KillNode, true, &mut random).await {
            Ok(fault) => done.push(fault),
            Err(violation) => violations.push(violation),
        }
        let log = clients::log(&ada.1[0], room).await;
        let (head, replay) = (log.head, limits::REPLAY.0);
        let anywhere = 1 + random.usize(..log.events.len()) as Seq;
        // All of it, one too many, exactly as many as are replayed, a few, none.
        for after in [0, head - replay - 1, head - replay, anywhere, head - 1, head] {
            let node = random.usize(..cluster.nodes.len());
            let resumed = Instant::now();
            let heard = resume(&ada.1[node], room, after, head).await;
            times.resumes.push(report::millis(resumed.elapsed()));
            let mut events = log.events[..usize::try_from(after).expect("a position")].to_vec();
            events.extend(heard);
            let reader = format!("somebody from {after} on node {node}");
            recording.readings.push(Reading { reader, conversation: room, events, strange: Vec::new() });
        }
        violations.extend(edges(&ada.1[random.usize(..cluster.nodes.len())], room, head).await);
        recording.logs = vec![log];
    }
    violations.extend(checker::check(&recording));
    violations.extend(journal.strange_things().into_iter().map(|what| Violation::of("liveness", what)));
    (joined([report::measured(&recording, &times), json!({ "faults": done })]), violations)
}

/// What a follower applies from a cursor on, up to the head.
async fn resume(
    api: &Api,
    room: ConversationId,
    after: Seq,
    head: Seq,
) -> Vec<parlour_protocol::events::Event> {
    let cursors = BTreeMap::from([(room, after)]);
    let options = Options { live: vec![room], cursors, ..Options::default() };
    let mut follower = Follower::start(api.clone(), options);
    let mut events = Vec::new();
    let following = async {
        let mut connected = false;
        while !connected || events.len() < usize::try_from(head - after).expect("the head is not below") {
            match follower.next().await {
                Ok(Update::Event(event)) => events.push(event),
                Ok(Update::Connected) => connected = true,
                Ok(_) => {}
                Err(_) => return,
            }
        }
    };
    // The checker reports what is missing after that.
    let _complete = tokio::time::timeout(COMPLETE, following).await;
    events
}

/// Invalid cursors are reported, never ignored.
async fn edges(api: &Api, room: ConversationId, head: Seq) -> Vec<Violation> {
    let nowhere = ConversationId(room.0 ^ 1);
    let cursors = BTreeMap::from([(room, head + 5), (nowhere, 3)]);
    let mut follower =
        Follower::start(api.clone(), Options { live: vec![room], cursors, ..Options::default() });
    let (mut reset, mut left) = (false, false);
    let following = async {
        while !(reset && left) {
            match follower.next().await {
                Ok(Update::Reset { conversation, after }) => reset |= (conversation, after) == (room, head),
                Ok(Update::Left(conversation)) => left |= conversation == nowhere,
                Ok(_) => {}
                Err(_) => return,
            }
        }
    };
    let _all_said = tokio::time::timeout(COMPLETE, following).await;
    let said =
        [(reset, "a cursor above the head was not reset"), (left, "an unknown conversation is not gone")];
    said.into_iter().filter(|(said, _)| !said).map(|(_, what)| Violation::of("R8", what)).collect()
}
