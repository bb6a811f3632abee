//! Load and faults: people write, edit, react and read on all nodes, others follow, things break and heal.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fastrand::Rng;
use parlour_client::native::Api;
use parlour_protocol::friends::CreateFriendRequest;
use parlour_protocol::ids::{ConversationId, UserId};
use parlour_protocol::rooms::CreateRoom;
use parlour_protocol::time::{SECOND, Timestamp};
use parlour_server::Clock;
use serde_json::json;
use tokio::task::JoinHandle;

use super::{Scenario, Settings, Verdict, joined};
use crate::chaos::checker::{self, Attempt, Log, Marker, Outcome, Recording, Violation};
use crate::chaos::clients::{self, Journal, Reader, Seen, Writer, insist};
use crate::chaos::cluster::{Cluster, NODES};
use crate::chaos::faults::{self, Fault};
use crate::chaos::report::{self, Times};

const ROOMS: usize = 2;
/// Every third one writes through the socket.
const WRITERS: usize = 6;
/// Readers that stay until their connection ends, equally many on each node.
const STAYING: usize = NODES;
const WANDERING: usize = 2;
/// Once everything is healed, the last reader must have everything within this time: a reconnect's longest wait after
/// outages as short as these, plus the full sweep of all heads.
const QUIET: Duration = Duration::from_secs(40);
/// Without Redis, a node learns of another one's events within two seconds; the rest is for a busy machine.
const LATE: u64 = 2_500;
/// Maximum error of times in the log: a node's clock is set by a query, which takes time.
const TIMES_OFF: i64 = 5 * SECOND;

/// A person's clients, one per node.
type Person = (UserId, Vec<Api>);

/// People, and what they do.
struct Crowd {
    watcher: Person,
    /// Also writes to a friend, and follows on another device.
    chatty: Person,
    rooms: Vec<ConversationId>,
    direct: ConversationId,
    journal: Arc<Journal>,
    writers: Vec<JoinHandle<()>>,
    people: BTreeMap<UserId, Vec<Api>>,
    readers: Vec<JoinHandle<()>>,
    /// Names of readers, whether they move between nodes, and what they have seen.
    seen: Vec<(String, bool, Arc<Mutex<Seen>>)>,
}

impl Crowd {
    async fn gather(cluster: &Cluster, random: &mut Rng) -> Self {
        let watcher = cluster.register("watcher").await;
        let mut rooms = Vec::new();
        for number in 0..ROOMS {
            let room = CreateRoom { name: format!("room {number}"), topic: String::new() };
            rooms.push(watcher.1[0].create_room(&room).await.expect("a room").id);
        }
        let mut writers = Vec::new();
        for number in 0..WRITERS {
            let person = cluster.register(&format!("writer_{number}")).await;
            for room in &rooms {
                person.1[0].join_room(*room).await.expect("joins");
            }
            writers.push(person);
        }
        let (one, other) = (&writers[0], &writers[1]);
        one.1[0].create_friend_request(&CreateFriendRequest { to: other.0.to_string() }).await.expect("asks");
        other.1[0].accept_friend_request(one.0).await.expect("accepts");
        let direct = one.1[0].open_direct(other.0).await.expect("a direct chat").id;
        let people = writers.iter().cloned().collect();
        let mut crowd = Self {
            watcher,
            chatty: writers[0].clone(),
            rooms,
            direct,
            journal: Journal::start(),
            writers: Vec::new(),
            people,
            readers: Vec::new(),
            seen: Vec::new(),
        };
        crowd.follow(cluster, random);
        for (number, person) in writers.into_iter().enumerate() {
            crowd.begin_to_write(number, person, random.fork());
        }
        crowd.connected().await;
        crowd
    }

    /// Waits until all readers are connected: a start that a fault refuses is not a socket that a fault closes.
    async fn connected(&self) {
        let deadline = Instant::now() + QUIET;
        while !self.seen.iter().all(|(_, _, seen)| seen.lock().unwrap().connected) {
            assert!(Instant::now() < deadline, "readers are not connected before anything breaks");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn follow(&mut self, cluster: &Cluster, random: &mut Rng) {
        for number in 0..STAYING + WANDERING {
            let wanders = number >= STAYING;
            let name = format!("{} reader {number}", if wanders { "wandering" } else { "staying" });
            let rooms = self.rooms.clone();
            self.start_reader(name, wanders, number % cluster.nodes.len(), rooms, false, random.fork());
        }
        let everything = self.rooms.iter().copied().chain([self.direct]).collect();
        self.start_reader("own device".into(), false, 0, everything, true, random.fork());
    }

    fn start_reader(
        &mut self,
        name: String,
        wanders: bool,
        node: usize,
        rooms: Vec<ConversationId>,
        own: bool,
        random: Rng,
    ) {
        let seen = Reader::seeing(&rooms);
        self.seen.push((name.clone(), wanders, seen.clone()));
        let nodes = if own { self.chatty.1.clone() } else { self.watcher.1.clone() };
        let reader = Reader { name, nodes, node, wanders, random, journal: self.journal.clone(), seen };
        self.readers.push(tokio::spawn(reader.read()));
    }

    fn begin_to_write(&mut self, number: usize, mut person: Person, random: Rng) {
        let by_socket = number % 3 == 2;
        let mut rooms = self.rooms.clone();
        if by_socket && number / 3 > 0 {
            // Not all on the first node; and the last room belongs to that one.
            let nodes = person.1.len();
            person.1.rotate_left(number / 3 % nodes);
            rooms.pop();
        }
        if number < 2 {
            rooms.insert(0, self.direct);
        }
        let writer = Writer::new(person, rooms, random, self.journal.clone());
        self.writers.push(if by_socket {
            tokio::spawn(writer.write_by_socket())
        } else {
            tokio::spawn(writer.write())
        });
    }

    /// Waits until everyone has finished and everything has arrived, and collects it.
    async fn settle(self) -> (Recording, Times, Duration) {
        self.journal.stop();
        for writer in self.writers {
            writer.await.expect("writers do not panic");
        }
        let healed = Instant::now();
        let mut recording = Recording {
            attempts: self.journal.attempts(),
            mutations: self.journal.mutations(),
            ..Recording::default()
        };
        for (at, watcher) in self.watcher.1.iter().enumerate() {
            let places = self.rooms.iter().map(|room| (watcher, *room));
            for (api, room) in places.chain([(&self.chatty.1[at], self.direct)]) {
                recording.logs.push(clients::log(api, room).await);
                recording.snapshots.push(clients::snapshot(api, room).await);
            }
        }
        while !heard(&self.seen, &recording.logs) && healed.elapsed() < QUIET {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let quiet = healed.elapsed();
        // Duplicates and surplus events would arrive now.
        tokio::time::sleep(Duration::from_millis(200)).await;
        self.readers.iter().for_each(|reader| reader.abort());
        for ((user, conversation), acknowledged) in self.journal.marks() {
            let api = &self.people[&user][0];
            let stored = insist("a conversation", || api.show_conversation(conversation)).await.read_seq;
            recording.markers.push(Marker { user, conversation, acknowledged, stored });
        }
        let mut times = Times::default();
        for (name, wanders, seen) in &self.seen {
            let seen = seen.lock().unwrap();
            recording.readings.extend(clients::readings(name, &seen));
            if !wanders {
                times.add(&seen, &recording.attempts);
            }
        }
        (recording, times, quiet)
    }
}

/// Whether all readers have everything in the logs.
fn heard(seen: &[(String, bool, Arc<Mutex<Seen>>)], logs: &[Log]) -> bool {
    seen.iter().all(|(_, _, seen)| {
        let seen = seen.lock().unwrap();
        let applied = |log: &Log| seen.applied.get(&log.conversation).map(Vec::len);
        logs.iter().all(|log| applied(log).is_none_or(|applied| applied >= log.events.len()))
    })
}

/// Runs a scenario of this kind.
pub async fn play(scenario: Scenario, settings: Settings, cluster: &Cluster, mut random: Rng) -> Verdict {
    let began = Clock::system(0).now();
    let crowd = Crowd::gather(cluster, &mut random).await;
    let (faults, mut violations) = break_things(scenario, settings, cluster, &mut random).await;
    let journal = crowd.journal.clone();
    let (recording, times, quiet) = crowd.settle().await;
    violations.extend(checker::check(&recording));
    violations.extend(journal.strange_things().into_iter().map(|what| Violation::of("liveness", what)));
    violations.extend(promised_during(scenario, settings, &recording.attempts, &times));
    violations.extend(check_times(&recording.logs, began));
    let own = json!({ "faults": faults, "quiet_after_ms": report::millis(quiet) });
    (joined([report::measured(&recording, &times), own]), violations)
}

/// Injects and heals faults until the time is over. Everything is healed afterwards.
async fn break_things(
    scenario: Scenario,
    settings: Settings,
    cluster: &Cluster,
    random: &mut Rng,
) -> (Vec<String>, Vec<Violation>) {
    let short = settings.is_short();
    let began = Instant::now();
    let (mut faults, mut violations) = (Vec::new(), Vec::new());
    let mut planned: Vec<Fault> = Vec::new();
    loop {
        let calm = Duration::from_millis(random.u64(match scenario {
            _ if short => 200..600,
            // There is no other node to go to; clients need time to send something in between.
            Scenario::SqliteKill => 3000..8000,
            _ => 300..1500,
        }));
        tokio::time::sleep(calm).await;
        if began.elapsed() >= settings.load {
            return (faults, violations);
        }
        if planned.is_empty() {
            planned.extend(scenario.faults());
        }
        let happened = if scenario == Scenario::Overlapping {
            faults::happen_together(cluster, short, random).await
        } else {
            // Each fault occurs once before any is repeated.
            let next = planned.swap_remove(random.usize(..planned.len()));
            faults::happen(cluster, next, short, random).await
        };
        match happened {
            Ok(done) => faults.push(done),
            Err(violation) => violations.push(violation),
        }
    }
}

/// What the failure matrix promises while the fault lasts.
fn promised_during(
    scenario: Scenario,
    settings: Settings,
    attempts: &[Attempt],
    times: &Times,
) -> Vec<Violation> {
    let mut found = Vec::new();
    for attempt in attempts {
        if let Outcome::Refused(why) = &attempt.outcome {
            found.push(Violation::of("refused", why));
        }
    }
    let only = |is: fn(Fault) -> bool| {
        let faults = scenario.faults();
        !faults.is_empty() && faults.iter().all(|fault| is(*fault))
    };
    let redis = only(Fault::is_of_redis);
    if redis {
        for attempt in attempts {
            if let Outcome::Unknown(why) = &attempt.outcome {
                found.push(Violation::of("R24", format!("a send failed without redis: {why}")));
            }
        }
    }
    let limit = LATE * u64::from(settings.slack);
    let late = times.deliveries.iter().filter(|delay| **delay > limit).count();
    // One in a hundred may be later.
    if redis && late * 100 > times.deliveries.len() {
        let what = format!("{late} of {} events came later than {limit} ms", times.deliveries.len());
        found.push(Violation::of("R24", what));
    }
    if (redis || only(Fault::is_of_postgres)) && !times.resumes.is_empty() {
        found.push(Violation::of("R28", format!("{} sockets were closed", times.resumes.len())));
    }
    found
}

/// Times in the log are real ones, whatever a node's own clock says.
fn check_times(logs: &[Log], began: Timestamp) -> Option<Violation> {
    let (from, until) = (began.0 - TIMES_OFF, Clock::system(0).now().0 + TIMES_OFF);
    let wrong = |event: &&parlour_protocol::events::Event| !(from..until).contains(&event.at.0);
    let event = logs.iter().flat_map(|log| &log.events).find(wrong)?;
    Some(Violation::of("R32", format!("the time of {event:?} is wrong")))
}
