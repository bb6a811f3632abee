//! People who do what people do: they read and mark as read, type, come and go, log in and register. It measures what
//! that costs beside the same messages to people who only receive.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::{JoinHandle, spawn_local};

use crate::cast::{Database, Somebody, befriend, people, room, tokens};
use crate::entries::{Entered, Entries};
use crate::load::{Marks, Seen, Socket, drive};
use crate::measure::{Crowd, Habits, Measured, SAMPLED, WARM_UP, join, join_with, measure};
use crate::server::Process;
use crate::wire;

/// Default length of each measured round, in seconds.
pub const SECONDS: u64 = 20;
/// Messages per second in the room.
const RATES: [u32; 3] = [2, 8, 50];
/// People in the room, and how many of them send.
const PEOPLE: usize = 1000;
const SENDERS: usize = 10;
/// One in this many people types, and how often they report it.
const TYPISTS: usize = 20;
const TYPING_EVERY: Duration = Duration::from_secs(3);
/// The share of sockets that go away each second, and how long they stay away, in turn: as in a tunnel, and long enough
/// for friends to be told.
const GONE_PER_SECOND: f64 = 0.01;
const AWAY: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(11)];
/// Time for earlier work to finish before a round.
const SETTLE: Duration = Duration::from_secs(3);
/// Rooms of somebody who looks at none of them, or at one.
const OTHER_ROOMS: usize = 50;
/// Messages per second in each of them.
const MESSAGES_PER_SECOND: f64 = 0.5;

/// A thousand people in one room, calm and lively; then a tab that nobody looks at.
pub async fn lively(on: Database, seconds: u64) -> Vec<Value> {
    let (time, database) = (Duration::from_secs(seconds), on.name());
    // Default limits apply: people who do this must not run into any.
    let server = &on.parlour_with(&[("PARLOUR_SENDS_PER_SECOND", "")]);
    let people = people(server, PEOPLE).await;
    befriend(&people).await;
    let place = Place { server, people: &people, room: room(&people).await.to_string(), time };
    let mut lines = Vec::new();
    for rate in RATES {
        let calm = place.round(rate, false).await;
        let lively = place.round(rate, true).await;
        lines.push(compare(&format!("lively {database} {rate}/s"), rate, &calm, &lively));
    }
    let mut idle = idle_tab(server, &people, time).await;
    idle["scenario"] = json!(format!("lively {database}"));
    server.ledger.check().note(&mut idle);
    lines.push(idle);
    lines
}

struct Place<'a> {
    server: &'a Process,
    people: &'a [Somebody],
    room: String,
    time: Duration,
}

struct Round {
    measured: Measured,
    entered: Entered,
    seconds: f64,
    marked: u64,
    presence: u64,
    left: u64,
    refused: BTreeMap<String, u64>,
}

impl Place<'_> {
    async fn round(&self, rate: u32, lively: bool) -> Round {
        let marks = lively.then(|| Rc::new(Marks::default()));
        let habits = Habits { reads: |_| true, marks: marks.clone() };
        let crowd = join_with(self.server, &tokens(self.people), |_| self.room.clone(), habits).await;
        let (seen, senders) = (crowd.seen.clone(), crowd.sockets[..SENDERS].to_vec());
        let seats = Seats::of(crowd);
        let habits = marks.map(|marks| self.live(&seats, marks));
        tokio::time::sleep(SETTLE).await;
        let handles = self.people.iter().map(|one| one.handle.clone()).collect();
        let entries = Entries::start(&self.server.address, handles);
        // When everyone connected, their friends were told as well.
        let (presence, left) = (seen.presence.get(), seats.left.get());
        let began = Instant::now();
        // Log-ins and registrations count from the end of the warm-up, like messages.
        let since = wire::now() + WARM_UP.as_micros() as u64;
        let measured = measure(self.server, &seen, &senders, f64::from(rate), WARM_UP, self.time).await;
        let seconds = began.elapsed().as_secs_f64();
        let entered = entries.end(since).await;
        habits.into_iter().flatten().for_each(|habit| habit.abort());
        eprintln!(
            "  {rate:>3} msg/s, {}: delivery p99 {:.1} ms, {:.1} CPU s per million deliveries, {:.0} marks/s",
            if lively { "lively" } else { "calm" },
            measured.delivery.at(0.99),
            measured.whole_cpu_per_million(),
            seen.marked.get() as f64 / seconds,
        );
        let round = Round {
            measured,
            entered,
            seconds,
            marked: seen.marked.get(),
            presence: seen.presence.get() - presence,
            left: seats.left.get() - left,
            refused: seen.refused_others.take(),
        };
        drop((seats, senders));
        tokio::time::sleep(SETTLE).await;
        round
    }

    /// Starts what people do besides reading: some type, and some go and come back.
    fn live(&self, seats: &Rc<Seats>, marks: Rc<Marks>) -> Vec<JoinHandle<()>> {
        let (address, room) = (self.server.address.clone(), self.room.clone());
        let tokens = tokens(self.people);
        let goers = Rc::downgrade(seats);
        let going = async move {
            // Senders stay, and so do the sampled sockets that measure latency: missed events are late without being
            // the server's fault.
            let may_go = |number: &usize| *number >= SENDERS && !number.is_multiple_of(SAMPLED);
            let pause = Duration::from_secs_f64(1.0 / (GONE_PER_SECOND * PEOPLE as f64));
            // Not one friend after the other.
            for number in (0..).map(|turn: usize| turn * 37 % PEOPLE).filter(may_go) {
                tokio::time::sleep(pause).await;
                let (token, room) = (tokens[number].clone(), room.clone());
                let (goers, address, marks) = (goers.clone(), address.clone(), marks.clone());
                spawn_local(Seats::go_and_return(goers, number, address, token, room, marks));
            }
        };
        let typists = Rc::downgrade(seats);
        let typing = async move {
            let numbers = (0..PEOPLE / TYPISTS).map(|number| number * TYPISTS + TYPISTS / 2).cycle();
            for number in numbers {
                tokio::time::sleep(TYPING_EVERY / (PEOPLE / TYPISTS) as u32).await;
                let Some(typists) = typists.upgrade() else { return };
                typists.type_on(number);
            }
        };
        vec![spawn_local(going), spawn_local(typing)]
    }
}

/// Sockets that may be closed for a while.
struct Seats {
    seen: Rc<Seen>,
    seats: RefCell<Vec<Seat>>,
    left: Cell<u64>,
    /// Everything else that its sockets do ends with it.
    _crowd: Crowd,
}

struct Seat {
    socket: Option<Rc<Socket>>,
    watching: JoinHandle<()>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

impl Seats {
    fn of(mut crowd: Crowd) -> Rc<Self> {
        let sockets = std::mem::take(&mut crowd.sockets).into_iter();
        let seats = sockets.zip(std::mem::take(&mut crowd.watching));
        let seats = seats.map(|(socket, watching)| Seat { socket: Some(socket), watching }).collect();
        Rc::new(Self {
            seen: crowd.seen.clone(),
            seats: RefCell::new(seats),
            left: Cell::new(0),
            _crowd: crowd,
        })
    }

    fn type_on(&self, number: usize) {
        if let Some(socket) = &self.seats.borrow()[number].socket {
            socket.type_on();
        }
    }

    /// Closes a socket; returns the last position that it saw, and how long it stays away. `None` if the seat is empty.
    fn leave(&self, number: usize) -> Option<(u64, Duration)> {
        let seat = &mut self.seats.borrow_mut()[number];
        let socket = seat.socket.take()?;
        seat.watching.abort();
        let left = self.left.replace(self.left.get() + 1);
        Some((socket.last(), AWAY[left as usize % AWAY.len()]))
    }

    /// Closes a socket and opens it again later, unless the round is over by then.
    async fn go_and_return(
        round: Weak<Self>,
        number: usize,
        address: String,
        token: String,
        room: String,
        marks: Rc<Marks>,
    ) {
        let Some((last, away)) = round.upgrade().and_then(|seats| seats.leave(number)) else { return };
        tokio::time::sleep(away).await;
        let Some(seats) = round.upgrade() else { return };
        let (socket, _) = Socket::insist(&address, &token, &room, Some(last)).await;
        let socket = Rc::new(socket);
        let watching = spawn_local(socket.clone().watch(seats.seen.clone(), false, Some(marks)));
        seats.seats.borrow_mut()[number] = Seat { socket: Some(socket), watching };
    }
}

fn compare(name: &str, rate: u32, calm: &Round, lively: &Round) -> Value {
    let mut line = json!({ "scenario": name });
    let mut pair = |figure: &str, value: &dyn Fn(&Round) -> f64| {
        line[format!("{figure}_calm")] = json!(value(calm));
        line[format!("{figure}_lively")] = json!(value(lively));
        value(lively) / value(calm)
    };
    pair("delivery_p50_ms", &|round| round.measured.delivery.at(0.5));
    let slower = pair("delivery_p99_ms", &|round| round.measured.delivery.at(0.99));
    let dearer = pair("cpu_s_per_million_deliveries", &|round| round.measured.whole_cpu_per_million());
    pair("cpu_share_of_server", &|round| round.measured.cpu_seconds / round.measured.seconds);
    pair("cpu_share_of_services", &|round| round.measured.services_cpu_seconds / round.measured.seconds);
    pair("log_in_p50_ms", &|round| round.entered.log_ins.at(0.5));
    pair("log_in_p99_ms", &|round| round.entered.log_ins.at(0.99));
    pair("register_p50_ms", &|round| round.entered.registrations.at(0.5));
    pair("register_p99_ms", &|round| round.entered.registrations.at(0.99));
    pair("failed_entries", &|round| round.entered.failed as f64);
    let wrong = |round: &Round| round.measured.lost + round.measured.doubled + round.measured.closed;
    pair("lost_doubled_or_closed", &|round| wrong(round) as f64);
    pair("resyncs", &|round| round.measured.resyncs as f64);
    line["delivery_p99_ratio"] = json!(slower);
    line["cpu_ratio"] = json!(dearer);
    line["refused_sends"] = json!(lively.measured.refused);
    line["refused_others"] = json!(lively.refused.values().sum::<u64>());
    if !lively.refused.is_empty() {
        let each = lively.refused.iter().map(|(what, count)| format!("{count} {what}"));
        line["refused_others_are"] = json!(each.collect::<Vec<_>>().join(", "));
    }
    line["read_markers_per_second"] = json!(lively.marked as f64 / lively.seconds);
    line["presence_told_per_second"] = json!(lively.presence as f64 / lively.seconds);
    line["sockets_left_per_second"] = json!(lively.left as f64 / lively.seconds);
    let mut at_most = json!({
        "delivery_p99_ratio": 1.5, "log_in_p99_ms_lively": 25, "register_p99_ms_lively": 25,
        "refused_sends": 0, "refused_others": 0, "failed_entries_lively": 0,
        "lost_doubled_or_closed_lively": 0,
    });
    match rate {
        8 => at_most["cpu_ratio"] = json!(2),
        50 => at_most["cpu_ratio"] = json!(1.5),
        _ => {}
    }
    line["at_most"] = at_most;
    line
}

/// What a socket receives whose person is in many rooms, and looks at none of them or at one.
async fn idle_tab(server: &Process, people: &[Somebody], time: Duration) -> Value {
    let (writers, idle) = (&people[..OTHER_ROOMS], &people[PEOPLE - 1]);
    let mut rooms = Vec::new();
    for writer in writers {
        let pair = std::slice::from_ref(writer);
        let room = room(pair).await;
        idle.api.join_room(room).await.expect("joins");
        rooms.push(room.to_string());
    }
    let crowd = join(server, &tokens(writers), |number| rooms[number].clone()).await;
    let live = ["", &rooms[0]];
    let tabs = join(server, &live.map(|_| idle.token.clone()), |tab| live[tab].to_owned()).await;
    let received = || [0, 1].map(|tab| tabs.sockets[tab].received());
    let rate = OTHER_ROOMS as f64 * MESSAGES_PER_SECOND;
    drive(&crowd.sockets, &crowd.seen, rate, WARM_UP).await;
    let (before, began) = (received(), Instant::now());
    drive(&crowd.sockets, &crowd.seen, rate, time).await;
    let (after, seconds) = (received(), began.elapsed().as_secs_f64());
    let per_second = |tab: usize| (after[tab] - before[tab]) as f64 / seconds;
    json!({
        "idle_tab_bytes_per_second": per_second(0),
        "idle_tab_bytes_per_second_with_one_live": per_second(1),
        "at_most": { "idle_tab_bytes_per_second": 2048, "idle_tab_bytes_per_second_with_one_live": 2048 },
    })
}
