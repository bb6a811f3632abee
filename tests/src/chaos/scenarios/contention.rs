//! A thousand concurrent senders in one room, on all nodes: positions are 1 to N, and nothing else.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fastrand::Rng;
use parlour_protocol::rooms::CreateRoom;

use super::{Settings, Verdict};
use crate::chaos::checker::{self, Outcome, Recording, Violation};
use crate::chaos::clients::{self, Journal, Reader, Seen, Writer};
use crate::chaos::cluster::Cluster;
use crate::chaos::report::{self, Times};

const PEOPLE: usize = 50;
/// Each person sends this many messages at the same time.
const DEVICES: usize = 20;
/// With this many in the queue, a response takes its time.
const PATIENCE: Duration = Duration::from_secs(20);
/// Readers must have everything this long after the last message.
const QUIET: Duration = Duration::from_secs(40);

/// Runs the scenario.
pub async fn play(settings: Settings, cluster: &Cluster, mut random: Rng) -> Verdict {
    let (_, watcher) = cluster.register("watcher").await;
    let room = CreateRoom { name: "market".into(), topic: String::new() };
    let room = watcher[0].create_room(&room).await.expect("a room").id;
    let mut people = Vec::new();
    for number in 0..PEOPLE {
        let person = cluster.register(&format!("sender_{number}")).await;
        person.1[0].join_room(room).await.expect("joins");
        people.push(person);
    }
    let journal = Journal::start();
    let mut seen: Vec<Arc<Mutex<Seen>>> = Vec::new();
    let mut readers = Vec::new();
    for node in 0..cluster.nodes.len() {
        let name = format!("reader {node}");
        let sees = Reader::seeing(&[room]);
        seen.push(sees.clone());
        let (nodes, random, journal) = (watcher.clone(), random.fork(), journal.clone());
        let reader = Reader { name, nodes, node, wanders: false, random, journal, seen: sees };
        readers.push(tokio::spawn(reader.read()));
    }
    let mut senders = Vec::new();
    for person in &people {
        for _ in 0..DEVICES {
            let mut writer = Writer::new(person.clone(), vec![room], random.fork(), journal.clone());
            writer.patience = PATIENCE;
            // Without a last room, every node is used.
            writer.rooms.clear();
            senders.push(tokio::spawn(async move {
                let mut number = 0;
                // Everyone sends at least once.
                while number == 0 || !writer.journal.is_over() {
                    writer.send(room, format!("offer {number}")).await;
                    number += 1;
                }
            }));
        }
    }
    tokio::time::sleep(settings.load).await;
    journal.stop();
    for sender in senders {
        sender.await.expect("senders do not panic");
    }
    let mut recording = Recording { attempts: journal.attempts(), ..Recording::default() };
    for api in &watcher {
        recording.logs.push(clients::log(api, room).await);
    }
    let head = recording.logs[0].events.len();
    let heard = || seen.iter().all(|seen| seen.lock().unwrap().applied[&room].len() >= head);
    let quiet = Instant::now();
    // The checker reports what is missing after that.
    while !heard() && quiet.elapsed() < QUIET {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    readers.iter().for_each(|reader| reader.abort());
    let mut times = Times::default();
    for (number, seen) in seen.iter().enumerate() {
        let seen = seen.lock().unwrap();
        recording.readings.extend(clients::readings(&format!("reader {number}"), &seen));
        times.add(&seen, &recording.attempts);
    }
    let mut violations = checker::check(&recording);
    for attempt in &recording.attempts {
        if let Outcome::Refused(why) = &attempt.outcome {
            violations
                .push(Violation::of("R3", format!("nothing was broken, and a send was refused: {why}")));
        }
    }
    violations.extend(journal.strange_things().into_iter().map(|what| Violation::of("liveness", what)));
    (report::measured(&recording, &times), violations)
}
