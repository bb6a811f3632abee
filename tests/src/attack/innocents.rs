//! People who only want to chat: a message every 30 ms at known times, log-ins with the right password from new and
//! from known devices, reads and new sockets of open sessions.
//!
//! Invariant: the load is open-loop. Every request has its intended time, and latencies count from there, so a server
//! that stalls cannot hide it.

mod chat;
mod visits;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{LocalSet, spawn_local};

use super::people::{Person, address};
use super::scene::{Phase, reached};

/// People who chat. The default allows each five messages a second; together they send 33. That makes the slowest of a
/// hundred about the fourth slowest of a phase, not the slowest.
const CHATTERS: usize = 8;
/// People who log in from new devices.
const STRANGERS: usize = 6;
/// People who log in from devices from which they had logged in before.
const KNOWN: usize = 4;
/// A response that takes longer counts as a refusal.
const PATIENCE: Duration = Duration::from_secs(5);

/// What was requested in one phase, and the outcomes.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Microseconds from the intended moment of a message to its acknowledgement.
    pub ack: Vec<u64>,
    /// Microseconds from the intended moment of a message to each delivery.
    pub delivery: Vec<u64>,
    /// Microseconds by which messages were sent late: what this machine itself adds to the latencies.
    pub late: Vec<u64>,
    /// Milliseconds that successful log-ins took.
    pub log_in: Vec<u64>,
    /// How many of each kind were tried.
    pub tried: BTreeMap<&'static str, u64>,
    /// How many of each kind were refused.
    pub refused: BTreeMap<&'static str, u64>,
    /// Reasons of refusals, such as `log-in, new device: 429`.
    pub why: BTreeMap<String, u64>,
}

impl Tally {
    fn tried(&mut self, kind: &'static str) {
        *self.tried.entry(kind).or_default() += 1;
    }

    fn refused(&mut self, kind: &'static str, why: &str) {
        *self.refused.entry(kind).or_default() += 1;
        *self.why.entry(format!("{kind}: {why}")).or_default() += 1;
    }
}

/// What the innocents saw, by phase.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Before the attack.
    pub calm: Tally,
    /// During the attack.
    pub attacked: Tally,
    /// Sockets of the chat that the server closed, with the close code.
    pub closed: Vec<String>,
}

/// Shared by everything on the innocents' thread.
struct Shared {
    addresses: Vec<SocketAddr>,
    phase: watch::Receiver<Phase>,
    seen: RefCell<Seen>,
    /// Whether open sessions also confirm their password.
    confirms: bool,
}

impl Shared {
    fn to(&self, number: usize) -> SocketAddr {
        self.addresses[number % self.addresses.len()]
    }

    fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Records something under the phase in which it began.
    fn note(&self, begun: Phase, what: impl FnOnce(&mut Tally)) {
        let mut seen = self.seen.borrow_mut();
        match begun {
            Phase::Calm => what(&mut seen.calm),
            Phase::Attack => what(&mut seen.attacked),
            Phase::SetUp | Phase::After => {}
        }
    }

    async fn over(&self) {
        reached(&self.phase, Phase::After).await;
    }
}

/// What attackers may know about the innocents.
#[derive(Debug, Clone)]
pub struct Scenery {
    /// The id of their room.
    pub room: String,
    /// Handles of two of them: one who logs in from a known device, and one whose open session confirms its password.
    pub victims: Vec<String>,
    /// Handles of everyone whose device or session is known, the victims included.
    pub known: Vec<String>,
}

/// Receives the scenery once everything is prepared.
pub type Told = std::sync::mpsc::SyncSender<Scenery>;

/// Runs through all phases on this thread, and returns what was seen.
pub fn live(addresses: Vec<SocketAddr>, confirms: bool, phase: watch::Receiver<Phase>, told: Told) -> Seen {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let shared = Rc::new(Shared { addresses, phase, seen: RefCell::default(), confirms });
    LocalSet::new().block_on(&runtime, all(shared.clone(), told));
    shared.seen.borrow().clone()
}

async fn all(shared: Rc<Shared>, told: Told) {
    let mut people = Vec::new();
    let count = CHATTERS + STRANGERS + KNOWN + 2;
    for number in 0..count {
        let handle = format!("innocent{number}");
        let person = Person::register(shared.to(number), address(2, number), &handle).await;
        people.push(person.expect("innocents register"));
    }
    let chatters: Vec<Person> = people.drain(..CHATTERS).collect();
    let strangers: Vec<Person> = people.drain(..STRANGERS).collect();
    let known: Vec<Person> = people.drain(..KNOWN).collect();
    let (caller, confirmer) = (people.remove(0), people.remove(0));
    let room = chatters[0].create_room(shared.to(0), "calm").await;
    for person in chatters[1..].iter().chain([&caller]) {
        person.join(shared.to(0), &room).await;
    }
    let chat = chat::open(&shared, &chatters, &room).await;
    let victims = vec![known[0].handle.clone(), confirmer.handle.clone()];
    let all_known = chatters.iter().chain(&known).chain([&caller, &confirmer]);
    let all_known = all_known.map(|person| person.handle.clone()).collect();
    let _nobody_waits = told.send(Scenery { room, victims, known: all_known });
    reached(&shared.phase, Phase::Calm).await;
    let mut tasks = vec![
        spawn_local(chat::talk(shared.clone(), chat)),
        spawn_local(visits::log_in_first(shared.clone(), strangers)),
        spawn_local(visits::log_in_again(shared.clone(), known)),
        spawn_local(visits::read(shared.clone(), chatters)),
        spawn_local(visits::open_sockets(shared.clone(), caller)),
    ];
    if shared.confirms {
        tasks.push(spawn_local(visits::confirm(shared.clone(), confirmer)));
    }
    for task in tasks {
        task.await.expect("innocents do not panic");
    }
}

/// Runs `one` every `gap` milliseconds until the end, each run as its own task, and waits for all of them. It begins
/// after `offset` milliseconds, so that people of different kinds do not arrive in step.
async fn every<F>(shared: &Rc<Shared>, (offset, gap): (u64, u64), one: impl Fn(usize) -> F)
where
    F: Future<Output = ()> + 'static,
{
    let mut under_way = Vec::new();
    let start = tokio::time::Instant::now() + Duration::from_millis(offset);
    let mut ticks = tokio::time::interval_at(start, Duration::from_millis(gap));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
    for number in 0.. {
        tokio::select! {
            _ = ticks.tick() => {}
            () = shared.over() => break,
        }
        under_way.push(spawn_local(one(number)));
        under_way.retain(|task| !task.is_finished());
    }
    for task in under_way {
        task.await.expect("innocents do not panic");
    }
}
