//! Some clients do a lot, in ways that lock rows others need, while others write or log in: nobody waits for anyone.
//!
//! No two transactions may wait for each other: PostgreSQL counts deadlocks, and resolves one only after a second.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use parlour_client::native::{Api, ApiError, Received, Socket, fresh_cid};
use parlour_protocol::friends::CreateFriendRequest;
use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::messages::{EditMessage, SendMessage};
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::rooms::CreateRoom;
use parlour_protocol::sessions::CreateSession;
use parlour_protocol::socket::{ClientFrame, ServerFrame, Start};
use serde_json::json;

use super::{Scenario, Settings, Verdict, joined};
use crate::chaos::checker::{self, Action, Attempt, Marker, Mutation, Outcome, Recording, Violation};
use crate::chaos::clients::{self, Journal};
use crate::chaos::cluster::Cluster;
use crate::chaos::report::{self, Times};

/// Nothing may take this long.
const BOUND: Duration = Duration::from_millis(900);
/// Minimum interval between two read markers of a client.
const EVERY: Duration = Duration::from_millis(250);
const NAMES: [&str; 6] = ["ann", "ben", "cleo", "dan", "eve", "fay"];

#[derive(Clone)]
struct Scene {
    rooms: Vec<ConversationId>,
    journal: Arc<Journal>,
    slack: u32,
    /// How long each request took, in milliseconds.
    times: Arc<std::sync::Mutex<Vec<u64>>>,
}

impl Scene {
    /// Records how long something took, and a violation if it took too long.
    fn took(&self, what: &str, began: Instant) {
        let took = began.elapsed();
        self.times.lock().unwrap().push(report::millis(took));
        if took > self.slack * BOUND {
            self.journal.strange(format!("{what} took {took:?}"));
        }
    }
}

type Person = (UserId, Vec<Api>);

/// Runs one of these scenarios.
pub async fn play(scenario: Scenario, settings: Settings, cluster: &Cluster, mut random: Rng) -> Verdict {
    let mut people = Vec::new();
    for name in NAMES {
        people.push(cluster.register(name).await);
    }
    let mut rooms = Vec::new();
    for (number, (_, nodes)) in people.iter().enumerate() {
        let room = CreateRoom { name: format!("room {number}"), topic: String::new() };
        rooms.push(nodes[0].create_room(&room).await.expect("a room").id);
    }
    for (_, nodes) in &people {
        for room in &rooms {
            nodes[0].join_room(*room).await.expect("joins");
        }
    }
    let (journal, times, slack) = (Journal::start(), Arc::default(), settings.slack);
    let scene = Scene { rooms, journal, slack, times };
    let mut tasks = Vec::new();
    let mut markers = Vec::new();
    match scenario {
        Scenario::CrossedMentions => {
            let mut halls = Vec::new();
            for (number, (_, nodes)) in people.iter().enumerate() {
                let hall = CreateRoom { name: format!("hall {number}"), topic: String::new() };
                halls.push(nodes[0].create_room(&hall).await.expect("a room").id);
            }
            for person in &people {
                // The same person on several nodes at the same time.
                for _ in 0..3 {
                    tasks.push(tokio::spawn(wander(
                        person.clone(),
                        halls.clone(),
                        scene.clone(),
                        random.fork(),
                    )));
                }
                tasks.push(tokio::spawn(mention(person.clone(), scene.clone(), random.fork())));
                let others = people.iter().map(|(id, _)| *id).filter(|id| *id != person.0).collect();
                tasks.push(tokio::spawn(befriend(person.clone(), others, scene.clone(), random.fork())));
            }
        }
        Scenario::Readers => {
            let count = if settings.is_short() { 60 } else { 1000 };
            for number in 0..count {
                let (user, nodes) = cluster.register(&format!("reader_{number}")).await;
                nodes[0].join_room(scene.rooms[0]).await.expect("joins");
                let node = nodes[number % nodes.len()].clone();
                markers.push((user, nodes[0].clone(), tokio::spawn(read(node, scene.clone()))));
            }
            for person in &people[..2] {
                tasks.push(tokio::spawn(talk(person.clone(), scene.clone(), random.fork())));
                tasks.push(tokio::spawn(log_in(person.clone(), scene.clone())));
            }
        }
        _ => {
            let (first, rest) = people.split_first().expect("people");
            let target = send(first, &scene, &mut random, scene.rooms[0], "not yours".into()).await;
            let target = target.expect("a message");
            for person in rest {
                tasks.push(tokio::spawn(meddle(person.clone(), scene.clone(), target)));
            }
            tasks.push(tokio::spawn(talk(first.clone(), scene.clone(), random.fork())));
        }
    }
    tokio::time::sleep(settings.load).await;
    scene.journal.stop();
    for task in tasks {
        task.await.expect("nobody panics");
    }
    let mut recording = Recording {
        attempts: scene.journal.attempts(),
        mutations: scene.journal.mutations(),
        ..Recording::default()
    };
    for (user, api, reader) in markers {
        let acknowledged = reader.await.expect("readers do not panic");
        let conversation = scene.rooms[0];
        let stored = api.show_conversation(conversation).await.expect("a conversation").read_seq;
        recording.markers.push(Marker { user, conversation, acknowledged, stored });
    }
    for room in &scene.rooms {
        for api in &people[0].1 {
            recording.logs.push(clients::log(api, *room).await);
        }
    }
    let mut violations = checker::check(&recording);
    violations.extend(scene.journal.strange_things().into_iter().map(|what| Violation::of("beside", what)));
    let deadlocks = cluster.deadlocks();
    if deadlocks > 0 {
        violations.push(Violation::of("beside", format!("{deadlocks} deadlocks")));
    }
    let times = scene.times.lock().unwrap();
    let own = json!({
        "done": times.len(),
        "took_p50_ms": report::percentile(&times, 50),
        "took_p99_ms": report::percentile(&times, 99),
        "deadlocks": deadlocks,
        "took_max_ms": report::percentile(&times, 100),
    });
    (joined([report::measured(&recording, &Times::default()), own]), violations)
}

/// Sends a message through any node, and records the outcome.
async fn send(
    (id, nodes): &Person,
    scene: &Scene,
    random: &mut Rng,
    room: ConversationId,
    body: String,
) -> Option<Seq> {
    let (cid, node) = (fresh_cid(), random.usize(..nodes.len()));
    let message = SendMessage { body, reply_to: None };
    let (at, began) = (Instant::now(), scene.journal.now());
    let outcome = match nodes[node].send_message(room, &cid, &message).await {
        Ok(stored) => Outcome::Acknowledged(stored.seq),
        Err(error) if error.code() == Some(ErrorCode::RateLimited) => return None,
        Err(error) => {
            scene.journal.strange(format!("a message was refused: {error}"));
            Outcome::Refused(error.to_string())
        }
    };
    scene.took("sending", at);
    let ended = scene.journal.now();
    let (author, body) = (*id, message.body);
    let seq = match outcome {
        Outcome::Acknowledged(seq) => Some(seq),
        _ => None,
    };
    scene.journal.attempted(Attempt { author, conversation: room, cid, body, began, ended, outcome });
    seq
}

/// Writes in every room, mentions everyone in every order, and edits the mentions.
async fn mention(person: Person, scene: Scene, mut random: Rng) {
    while !scene.journal.is_over() {
        let mut names = NAMES;
        for at in (1..names.len()).rev() {
            names.swap(at, random.usize(..(at + 1)));
        }
        let text = |names: &[&str]| names.iter().map(|name| format!("@{name} ")).collect::<String>();
        let room = scene.rooms[random.usize(..scene.rooms.len())];
        if random.u64(..100) < 60 {
            send(&person, &scene, &mut random, room, text(&names)).await;
        } else {
            let Some(seq) = send(&person, &scene, &mut random, room, "first nobody".into()).await else {
                continue;
            };
            let (at, began) = (Instant::now(), scene.journal.now());
            let edit = EditMessage { body: text(&names[..3]) };
            let edited = person.1[random.usize(..person.1.len())].edit_message(room, seq, &edit).await;
            let outcome = match &edited {
                Ok(stored) => Outcome::Acknowledged(stored.seq),
                Err(error) => Outcome::Refused(error.to_string()),
            };
            scene.journal.mutated(Mutation {
                user: person.0,
                conversation: room,
                action: Action::Edit { target: seq, body: edit.body },
                began,
                ended: scene.journal.now(),
                outcome,
                fresh: edited.as_ref().is_ok_and(|stored| !stored.duplicate),
            });
            expect(&scene, "editing", at, edited.map(drop));
        }
        tokio::time::sleep(Duration::from_millis(random.u64(1..20))).await;
    }
}

/// Joins rooms and leaves them again.
async fn wander(person: Person, halls: Vec<ConversationId>, scene: Scene, mut random: Rng) {
    while !scene.journal.is_over() {
        let (api, hall) = (&person.1[random.usize(..person.1.len())], halls[random.usize(..halls.len())]);
        let began = Instant::now();
        let done = if random.u64(..100) < 50 {
            api.join_room(hall).await.map(drop)
        } else {
            api.leave_room(hall).await
        };
        expect(&scene, "coming and going", began, done);
        tokio::time::sleep(Duration::from_millis(random.u64(1..30))).await;
    }
}

/// Sends friend requests and cancels them, or accepts; the others do the same.
async fn befriend(person: Person, others: Vec<UserId>, scene: Scene, mut random: Rng) {
    while !scene.journal.is_over() {
        let at = random.usize(..others.len());
        let (api, other) = (&person.1[random.usize(..person.1.len())], others[at]);
        let began = Instant::now();
        let done = match random.usize(..4) {
            0 => api.create_friend_request(&CreateFriendRequest { to: other.0.to_string() }).await.map(drop),
            1 => api.accept_friend_request(other).await.map(drop),
            2 => api.delete_friend_request(other).await,
            _ => api.delete_friend(other).await,
        };
        expect(&scene, "a change between friends", began, done);
        tokio::time::sleep(Duration::from_millis(random.u64(20..80))).await;
    }
}

/// A refusal by a rule is fine; a fault is not.
fn expect(scene: &Scene, what: &str, began: Instant, outcome: Result<(), ApiError>) {
    match outcome {
        Err(ApiError::Problem(problem)) if problem.status < 500 => {}
        Err(error) => scene.journal.strange(format!("{what}: {error}")),
        Ok(()) => scene.took(what, began),
    }
}

async fn talk(person: Person, scene: Scene, mut random: Rng) {
    let mut number = 0;
    while !scene.journal.is_over() {
        number += 1;
        send(&person, &scene, &mut random, scene.rooms[0], format!("word {number}")).await;
        tokio::time::sleep(Duration::from_millis(220)).await;
    }
}

async fn log_in(person: Person, scene: Scene) {
    let handle = person.1[0].show_account().await.expect("an account").handle;
    while !scene.journal.is_over() {
        let api = Api::new(person.1[0].base().as_str()).expect("an address");
        let session = CreateSession {
            handle: handle.clone(),
            password: "correct horse battery".into(),
            device: None,
            device_token: None,
            refresh: Default::default(),
        };
        let began = Instant::now();
        let outcome = api.create_session(&session).await;
        expect(&scene, "logging in", began, outcome.map(drop));
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

/// Marks everything as read as it arrives, at once and then at intervals. Returns the last acknowledged position.
async fn read(api: Api, scene: Scene) -> Seq {
    let room = scene.rooms[0];
    let run = async {
        let mut socket = Socket::connect(api.base()).await?;
        socket.hello().await?;
        let start = Start { id: 0, token: api.access_token(), live: vec![room], ..Start::default() };
        socket.send(&ClientFrame::Start(start)).await?;
        let (mut seen, mut told, mut next, mut acknowledged) = (0, 0, Instant::now(), 0);
        let mut id = 0;
        // The last marker is waited for.
        while !scene.journal.is_over() || acknowledged < told {
            if seen > told && Instant::now() >= next && !scene.journal.is_over() {
                (id, told, next) = (id + 1, seen, Instant::now() + EVERY);
                socket.send(&ClientFrame::Read { id, conversation: room, seq: seen }).await?;
            }
            let wait = next.saturating_duration_since(Instant::now()).max(Duration::from_millis(50));
            let Ok(received) = tokio::time::timeout(wait, socket.next()).await else { continue };
            let Received::Frame(frame) = received? else { break };
            match frame {
                ServerFrame::Event(event) if event.conversation == room => seen = event.seq,
                ServerFrame::Ok(ok) if ok.id > 0 => {
                    acknowledged = ok.seq.map_or(acknowledged, |seq| seq.max(acknowledged));
                }
                ServerFrame::Error(error) => {
                    scene.journal.strange(format!("a marker was refused: {error:?}"))
                }
                _ => {}
            }
        }
        Ok::<_, parlour_client::native::SocketError>(acknowledged)
    };
    run.await.unwrap_or_else(|error| {
        scene.journal.strange(format!("a reader's socket broke: {error}"));
        0
    })
}

/// Tries to change other people's messages, as fast as possible.
async fn meddle(person: Person, scene: Scene, seq: Seq) {
    let mut node = 0;
    while !scene.journal.is_over() {
        node += 1;
        let edit = EditMessage { body: "mine".into() };
        match person.1[node % person.1.len()].edit_message(scene.rooms[0], seq, &edit).await {
            Err(error) if error.code() == Some(ErrorCode::Forbidden) => {}
            Err(error) if error.code() == Some(ErrorCode::RateLimited) => {}
            other => scene.journal.strange(format!("somebody else's message: {other:?}")),
        }
    }
}
