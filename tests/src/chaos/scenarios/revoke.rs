//! People leave a room and end friendships while others, and they themselves, write on all nodes: from then on none of
//! their messages is stored and nothing reaches them, with and without losses between the nodes.
//!
//! What reaches them is read from the bare socket: a client library would hide what it should never have received.

use fastrand::Rng;
use parlour_client::operations::ListEvents;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parlour_client::native::{Api, ApiError, Received, Socket};
use parlour_protocol::events::Event;
use parlour_protocol::friends::CreateFriendRequest;
use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::limits;
use parlour_protocol::messages::SendMessage;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::rooms::CreateRoom;
use parlour_protocol::socket::{ClientFrame, ServerFrame, Start};
use serde_json::json;

use super::{Settings, Verdict, joined};
use crate::chaos::checker::{self, Recording, Violation, Visit};
use crate::chaos::clients::{self, Journal, Writer, insist};
use crate::chaos::cluster::Cluster;
use crate::chaos::proxy::Mode;
use crate::chaos::report::{self, Times};

const WRITERS: usize = 3;
const GUESTS: usize = 4;
/// Anyone who lost a right must receive nothing after this time, even if the notice was lost between the nodes.
const BOUND: Duration = Duration::from_secs(1);
/// Listening continues for this long beyond the bound.
const BEYOND: Duration = Duration::from_millis(700);
/// Percentage of the messages between nodes that are lost; as many are delayed.
const LOSS: u64 = 30;

/// State that everyone shares.
#[derive(Clone)]
struct Scene {
    room: ConversationId,
    journal: Arc<Journal>,
    slack: u32,
}

/// Runs the scenario.
pub async fn play(settings: Settings, cluster: &Cluster, mut random: Rng) -> Verdict {
    let (_, owner) = cluster.register("owner").await;
    let room = CreateRoom { name: "door".into(), topic: String::new() };
    let room = owner[0].create_room(&room).await.expect("a room").id;
    let scene = Scene { room, journal: Journal::start(), slack: settings.slack };
    let mut writers = Vec::new();
    for number in 0..WRITERS {
        let person = cluster.register(&format!("writer_{number}")).await;
        person.1[0].join_room(room).await.expect("joins");
        let writer = Writer::new(person, vec![room], random.fork(), scene.journal.clone());
        writers.push(tokio::spawn(writer.write()));
    }
    let mut guests = Vec::new();
    for number in 0..GUESTS {
        let person = cluster.register(&format!("guest_{number}")).await;
        // They write too, on any node, whether they may or not.
        let writer = Writer::new(person.clone(), vec![room], random.fork(), scene.journal.clone());
        writers.push(tokio::spawn(send_only(writer, room)));
        guests.push(tokio::spawn(come_and_go(person, scene.clone(), random.fork())));
    }
    let (one, other) = (cluster.register("one").await, cluster.register("other").await);
    befriend(&one, &other).await;
    let direct = insist("a direct chat", || one.1[0].open_direct(other.0)).await.id;
    for person in [&one, &other] {
        let writer = Writer::new(person.clone(), Vec::new(), random.fork(), scene.journal.clone());
        writers.push(tokio::spawn(send_only(writer, direct)));
    }
    let api = one.1[0].clone();
    let friends = tokio::spawn(fall_out((one, other), direct, scene.journal.clone(), random.fork()));

    tokio::time::sleep(settings.load / 2).await;
    cluster.redis.iter().for_each(|proxy| proxy.set(Mode::Meddle(LOSS)));
    tokio::time::sleep(settings.load / 2).await;
    scene.journal.stop();
    let mut recording = Recording::default();
    let mut faults = vec![format!("lost {LOSS} % between the nodes")];
    for guest in guests {
        recording.visits.extend(guest.await.expect("guests do not panic"));
    }
    faults.push(format!("{} departures", recording.visits.len()));
    faults.push(format!("{} quarrels", friends.await.expect("friends do not panic")));
    for writer in writers {
        writer.await.expect("writers do not panic");
    }
    cluster.redis.iter().for_each(|proxy| proxy.set(Mode::Pass));
    recording.attempts = scene.journal.attempts();
    recording.mutations = scene.journal.mutations();
    for reader in &owner {
        recording.logs.push(clients::log(reader, room).await);
    }
    recording.logs.push(clients::log(&api, direct).await);
    let mut violations = checker::check(&recording);
    let strange = scene.journal.strange_things().into_iter();
    violations.extend(strange.map(|what| Violation::of("I7", what)));
    let slowest = recording.visits.iter().filter_map(|visit| {
        let (came, _) = visit.events.last()?;
        came.checked_sub(visit.left).map(report::millis)
    });
    let own = json!({ "faults": faults, "last_heard_after_leaving_ms": slowest.max() });
    (joined([report::measured(&recording, &Times::default()), own]), violations)
}

async fn send_only(mut writer: Writer, room: ConversationId) {
    let mut number = 0;
    while !writer.journal.is_over() {
        writer.send(room, format!("word {number}")).await;
        number += 1;
        let pause = Duration::from_millis(writer.random.u64(10..60));
        tokio::time::sleep(pause).await;
    }
}

/// Joins, listens, leaves through any node, and keeps listening; again and again.
async fn come_and_go((user, nodes): (UserId, Vec<Api>), scene: Scene, mut random: Rng) -> Vec<Visit> {
    let room = scene.room;
    let mut visits = Vec::new();
    while !scene.journal.is_over() {
        let (by, at) = (random.usize(..nodes.len()), random.usize(..nodes.len()));
        let joined = insist("joining", || nodes[by].join_room(room)).await;
        let mut events = Vec::new();
        let mut socket = match listen(&nodes[at], room, joined.head).await {
            Ok(socket) => socket,
            Err(error) => {
                scene.journal.strange(format!("{user} could not listen: {error}"));
                return visits;
            }
        };
        hear(&mut socket, &scene.journal, Duration::from_millis(random.u64(100..700)), &mut events).await;
        let by = random.usize(..nodes.len());
        // While others, and the replay, still push into the same socket.
        insist("leaving", || nodes[by].leave_room(room)).await;
        let left = scene.journal.now();
        for api in &nodes {
            if !matches!(
                refusal(api.list_events(room, &ListEvents { after: Some(0), limit: Some(10) }).await),
                Some(ErrorCode::NotMember)
            ) {
                let what = format!("{user} has left {room}, and could read it at {}", api.base());
                scene.journal.strange(what);
            }
        }
        let bound = scene.slack * BOUND;
        hear(&mut socket, &scene.journal, bound + BEYOND, &mut events).await;
        visits.push(Visit { user, conversation: room, after: joined.head, events, left, bound });
    }
    visits
}

fn refusal<T>(outcome: Result<T, ApiError>) -> Option<ErrorCode> {
    outcome.err().and_then(|error| error.code())
}

/// A bare socket that follows a room from a position on.
async fn listen(api: &Api, room: ConversationId, after: Seq) -> Result<Socket, String> {
    let mut socket = Socket::connect(api.base()).await.map_err(|error| error.to_string())?;
    let cursors = [(room, after)].into();
    let start = Start { id: 1, token: api.access_token(), cursors, live: vec![room], ..Start::default() };
    socket.send(&ClientFrame::Start(start)).await.map_err(|error| error.to_string())?;
    loop {
        match socket.next().await.map_err(|error| error.to_string())? {
            Received::Frame(ServerFrame::Ok(answer)) if answer.id == 1 => return Ok(socket),
            Received::Frame(ServerFrame::Hello(_)) => {}
            other => return Err(format!("{other:?}")),
        }
    }
}

async fn hear(
    socket: &mut Socket,
    journal: &Journal,
    how_long: Duration,
    events: &mut Vec<(Duration, Event)>,
) {
    let until = tokio::time::Instant::now() + how_long;
    while let Ok(received) = tokio::time::timeout_at(until, socket.next()).await {
        match received {
            Ok(Received::Frame(ServerFrame::Event(event))) => events.push((journal.now(), event)),
            Ok(Received::Frame(_)) => {}
            ended => return journal.strange(format!("the socket ended: {ended:?}")),
        }
    }
}

async fn befriend(one: &(UserId, Vec<Api>), other: &(UserId, Vec<Api>)) {
    let whom = CreateFriendRequest { to: other.0.to_string() };
    insist("a request", || one.1[0].create_friend_request(&whom)).await;
    insist("a friendship", || other.1[0].accept_friend_request(one.0)).await;
}

/// Ends and renews a friendship. Returns how often.
async fn fall_out(
    (one, other): ((UserId, Vec<Api>), (UserId, Vec<Api>)),
    direct: ConversationId,
    journal: Arc<Journal>,
    mut random: Rng,
) -> usize {
    let mut quarrels = 0;
    // All requests that two people may make in a day, except the initial one.
    while !journal.is_over() && quarrels < 2 * limits::FRIEND_REQUESTS_PER_DAY as usize - 2 {
        let pause = Duration::from_millis(random.u64(200..800));
        tokio::time::sleep(pause).await;
        let by = random.usize(..one.1.len());
        insist("unfriending", || one.1[by].delete_friend(other.0)).await;
        quarrels += 1;
        let began = Instant::now();
        for (number, api) in one.1.iter().chain(&other.1).enumerate() {
            let message = SendMessage { body: "still there?".into(), reply_to: None };
            let cid = format!("after-quarrel-{quarrels}-{number}");
            let answer = api.send_message(direct, &cid, &message).await;
            if !matches!(refusal(answer), Some(ErrorCode::NotFriends)) {
                let what = format!("could write {:?} after the end of a friendship", began.elapsed());
                journal.strange(what);
            }
        }
        // Requests are rate limited.
        let pause = Duration::from_millis(random.u64(300..1200));
        tokio::time::sleep(pause).await;
        // In turn, since each person may send only a limited number of requests a day.
        match quarrels % 2 {
            0 => befriend(&one, &other).await,
            _ => befriend(&other, &one).await,
        }
    }
    quarrels
}
