//! A client that consists of the engine, and the network between it and the server.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use fastrand::Rng;
use parlour_protocol::events::{Change, Event};
use parlour_protocol::ids::{ConversationId, Seq};
use parlour_protocol::messages::{Message, MessagePage};
use parlour_protocol::socket::{ClientFrame, CloseCode, ServerFrame};

use super::server::Server;
use super::{DIRECT, LIVE, ME, OTHER, ROOMS};
use crate::engine::{Act, Client, Input, Output, Part, Refreshed, Session, Timeline};

/// A request whose response is on its way; it shows the state at the time of the request.
enum Load {
    Entry(ConversationId, Seq),
    Page(ConversationId, MessagePage),
}

pub(super) struct Device {
    client: Client,
    session: Session,
    pub(super) server: Server,
    pub(super) now: u64,
    random: Rng,
    /// How many frames and connections the network spoilt.
    pub(super) spoilt: usize,
    calm: bool,
    timelines: BTreeMap<ConversationId, Timeline>,
    /// The position up to which each timeline's page already contains everything.
    contained: BTreeMap<ConversationId, Seq>,
    /// The events applied since each log was last loaded.
    applied: BTreeMap<ConversationId, Vec<Seq>>,
    loads: VecDeque<Load>,
    /// What is in flight on this connection, by the id of the command.
    flights: BTreeMap<u64, (ConversationId, &'static str)>,
    acts: Vec<(ConversationId, String)>,
    sent: BTreeSet<String>,
    refused: BTreeSet<String>,
    seed: u64,
}

impl Device {
    pub(super) fn new(client: Client, seed: u64) -> Self {
        let mut random = Rng::with_seed(seed ^ 0x5eed);
        let mut chance = random.fork();
        let mut session = Session::new(client, 1, String::new(), Box::new(move || chance.f64()));
        session.set_live(vec![LIVE]);
        Self {
            client,
            session,
            server: Server::new(&mut random),
            now: 1,
            random,
            spoilt: 0,
            calm: false,
            timelines: BTreeMap::new(),
            contained: BTreeMap::new(),
            applied: BTreeMap::new(),
            loads: VecDeque::new(),
            flights: BTreeMap::new(),
            acts: Vec::new(),
            sent: BTreeSet::new(),
            refused: BTreeSet::new(),
            seed,
        }
    }

    pub(super) fn begin(&mut self) {
        if self.client == Client::Page {
            self.load_everything();
        }
        self.feed(Input::Begin);
    }

    fn load_everything(&mut self) {
        for room in ROOMS {
            self.loads.push_back(Load::Entry(room, self.server.rooms[&room].head()));
        }
        self.load_page(LIVE);
    }

    fn load_page(&mut self, room: ConversationId) {
        self.loads.push_back(Load::Page(room, self.server.rooms[&room].page()));
    }

    fn feed(&mut self, input: Input) {
        for output in self.session.handle(input, self.now) {
            self.carry_out(output);
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Connect(_) => {
                self.flights.clear();
                self.server.accept();
            }
            Output::Disconnect => self.server.wire = None,
            Output::Start(start) => self.transmit(ClientFrame::Start(start)),
            Output::Send(frame) => self.transmit(frame),
            Output::Refresh => {
                let renewed = self.calm || self.random.u64(..3) > 0;
                self.feed(Input::Refreshed(if renewed { Refreshed::Renewed } else { Refreshed::Failed }));
            }
            Output::Stopped(code) => panic!("seed {}: stopped by {code}", self.seed),
            Output::Following { conversation, after } | Output::Reset { conversation, after } => {
                self.applied.insert(conversation, vec![after]);
                if self.client == Client::Page {
                    self.load_page(conversation);
                } else {
                    let page = self.server.rooms[&conversation].page();
                    self.show(conversation, page);
                }
            }
            Output::NewEpoch if self.client == Client::Page => self.load_everything(),
            Output::Resumed { stale: true, .. } => self.load_everything(),
            Output::Stale(id) | Output::News { conversation: id, .. } => {
                self.loads.push_back(Load::Entry(id, self.server.rooms[&id].head()));
            }
            Output::Event(event) => self.apply(&event),
            Output::Sent { pending, .. } => {
                assert!(self.sent.insert(pending.cid), "seed {}: stored twice", self.seed);
            }
            Output::Refused { pending, .. } => {
                self.refused.insert(pending.cid);
            }
            Output::NewEpoch
            | Output::Resumed { .. }
            | Output::Connected
            | Output::Lost { .. }
            | Output::Left(_)
            | Output::Locate(_)
            | Output::OwnStale
            | Output::UserEvent(_)
            | Output::Ephemeral(_)
            | Output::Outbox { .. } => {}
        }
    }

    /// Passes a command to the server, and checks that nothing is in flight that must not be.
    fn transmit(&mut self, frame: ClientFrame) {
        let flight = match &frame {
            ClientFrame::Send { id, conversation, .. }
            | ClientFrame::Edit { id, conversation, .. }
            | ClientFrame::Delete { id, conversation, .. }
            | ClientFrame::React { id, conversation, .. } => Some((*id, (*conversation, "act"))),
            ClientFrame::Sync { id, conversation, .. } => Some((*id, (*conversation, "sync"))),
            _ => None,
        };
        if let Some((id, flight)) = flight {
            let again = self.flights.values().any(|one| *one == flight);
            assert!(!again, "seed {}: {flight:?} is in flight already", self.seed);
            self.flights.insert(id, flight);
        }
        if self.server.wire.is_some() {
            self.server.receive(frame, &mut self.random);
        }
    }

    /// Delivers the next frame, unless the network loses, repeats or reorders it.
    pub(super) fn deliver(&mut self, random: &mut Rng) {
        let Some(wire) = &mut self.server.wire else { return };
        let Some(frame) = wire.pop_front() else { return };
        let mut times = 1;
        match random.u64(..100) {
            _ if self.calm => {}
            0..3 => times = 0,
            3..8 => times = 2,
            8..14 if !wire.is_empty() => {
                times = 0;
                wire.insert(random.usize(1..=wire.len().min(6)), frame.clone());
            }
            _ => {}
        }
        self.spoilt += usize::from(times != 1);
        for _ in 0..times {
            match &frame {
                ServerFrame::Ok(ok) => drop(self.flights.remove(&ok.id)),
                ServerFrame::Error(error) => drop(error.id.and_then(|id| self.flights.remove(&id))),
                _ => {}
            }
            self.feed(Input::Frame(frame.clone()));
        }
    }

    pub(super) fn tick(&mut self) {
        // Mostly on time; sometimes the clock jumps to the next deadline.
        if let Some(deadline) = self.session.deadline().filter(|_| self.random.bool()) {
            self.now = self.now.max(deadline);
        }
        self.feed(Input::Tick);
    }

    /// Completes the oldest request.
    pub(super) fn load(&mut self) {
        match self.loads.pop_front() {
            Some(Load::Entry(room, head)) => {
                if self.session.cursor(room) > Some(head) {
                    // The log has moved on while the request was in flight.
                    return self.loads.push_back(Load::Entry(room, self.server.rooms[&room].head()));
                }
                if room != LIVE {
                    self.applied.insert(room, vec![head]);
                }
                self.feed(Input::Entry { conversation: room, head, direct: room == DIRECT });
            }
            Some(Load::Page(room, page)) => {
                self.applied.insert(room, vec![page.head]);
                let after = page.head;
                self.show(room, page);
                self.feed(Input::Follow { conversation: room, after });
            }
            None => {}
        }
    }

    fn show(&mut self, room: ConversationId, page: MessagePage) {
        self.contained.insert(room, page.head);
        let timeline = self.timelines.entry(room).or_default();
        timeline.clear();
        timeline.add_page(page, Part::Newest);
    }

    fn apply(&mut self, event: &Event) {
        let room = event.conversation;
        self.applied.entry(room).or_default().push(event.seq);
        if let Change::MessageCreated { author: ME, cid, .. } = &event.change
            && self.client == Client::Page
            && self.session.outbox().get(cid).is_some()
        {
            self.sent.insert(cid.clone());
            self.feed(Input::Settle { cid: cid.clone() });
        }
        if event.seq > self.contained.get(&room).copied().unwrap_or(0) {
            self.timelines.entry(room).or_default().apply(event);
        }
    }

    /// The user does something.
    pub(super) fn act(&mut self, random: &mut Rng) {
        let conversation = ROOMS[random.usize(..ROOMS.len())];
        let cid = format!("mine-{:05}", self.acts.len());
        let stored = &self.server.rooms[&conversation];
        let seq = random.i64(0..=stored.head());
        let own = stored.messages.get(&seq).is_some_and(|one| one.author == ME);
        let act = match random.u64(..10) {
            0 | 1 if own => Act::Edit { seq, body: format!("my edit {cid}") },
            2 if own => Act::Delete { seq },
            3 | 4 if stored.messages.contains_key(&seq) => {
                Act::React { seq, emoji: "👍".into(), on: random.bool() }
            }
            _ => {
                self.acts.push((conversation, cid.clone()));
                Act::Send { body: cid.clone(), reply_to: None }
            }
        };
        let cid = match act {
            Act::Send { .. } => cid,
            _ => format!("change-{:016x}", random.u64(..)),
        };
        self.feed(Input::Act { conversation, cid, act });
    }

    pub(super) fn break_connection(&mut self, random: &mut Rng) {
        use CloseCode::*;
        self.spoilt += 1;
        self.server.wire = None;
        let passing = [SlowConsumer, Draining, RateLimited, TokenExpired, Overloaded];
        let grave = [TooManyConnections, AuthenticationFailed, SessionRevoked, BadFrame];
        // A program would stop.
        let codes: Vec<_> = match self.client {
            Client::Program => passing.into(),
            Client::Page => passing.into_iter().chain(grave).collect(),
        };
        let code = if random.bool() { 1006 } else { codes[random.usize(..codes.len())].code() };
        let pause = random.bool().then(|| random.u64(..10_000));
        self.feed(Input::Closed { code, pause });
    }

    pub(super) fn wake_or_refocus(&mut self, random: &mut Rng) {
        let live = if random.bool() { vec![LIVE] } else { vec![LIVE, OTHER] };
        match self.client {
            Client::Program if random.bool() => self.feed(Input::Focus(live)),
            _ => self.feed(Input::Wake),
        }
        self.feed(Input::Probe);
    }

    /// The server's history is replaced: all connections end and all cursors are void.
    pub(super) fn change_epoch(&mut self) {
        self.server.epoch += 1;
        self.server.wire = None;
        self.feed(Input::Closed { code: 1006, pause: None });
    }

    /// The network and the server are kind from now on.
    pub(super) fn calm_down(&mut self, random: &mut Rng) {
        self.calm = true;
        self.server.unkind = (0, 0, 0);
        for round in 0..400 {
            while self.server.wire.as_ref().is_some_and(|wire| !wire.is_empty()) {
                self.deliver(random);
            }
            if round == 300 {
                // A lost event is found with the next head.
                let conversations = ROOMS.map(|room| (room, self.server.rooms[&room].head())).into();
                self.server.push(ServerFrame::Resync { conversations, user: None });
            }
            self.server.send_heads();
            (0..4).for_each(|_| self.load());
            if let Some(deadline) = self.session.deadline().filter(|_| round < 300) {
                self.now = self.now.max(deadline);
                self.feed(Input::Tick);
            }
        }
    }

    /// Compares the client with the server.
    pub(super) fn check(&self) {
        let seed = self.seed;
        assert!(self.session.is_connected(), "seed {seed}");
        assert_eq!(self.session.outbox().unsent().count(), 0, "seed {seed}");
        assert_eq!((self.loads.len(), self.flights.len()), (0, 0), "seed {seed}");
        for room in ROOMS {
            let stored = &self.server.rooms[&room];
            assert_eq!(self.session.cursor(room), Some(stored.head()), "seed {seed}: {room:?}");
            let applied = &self.applied[&room];
            assert!(applied.windows(2).all(|pair| pair[1] == pair[0] + 1), "seed {seed}: {applied:?}");
            assert_eq!(applied.last(), Some(&stored.head()), "seed {seed}: {room:?}");
            if self.client == Client::Program || room == LIVE {
                let messages: Vec<&Message> = self.timelines[&room].iter().collect();
                let fresh: Vec<&Message> = stored.messages.values().collect();
                assert_eq!(messages, fresh, "seed {seed}");
            }
            let in_log: Vec<&str> =
                stored.messages.values().filter(|one| one.author == ME).map(|one| one.cid.as_str()).collect();
            let written: Vec<&str> = self
                .acts
                .iter()
                .filter(|(there, cid)| *there == room && !self.refused.contains(cid))
                .map(|(_, cid)| cid.as_str())
                .collect();
            assert_eq!(in_log, written, "seed {seed}: each once, in order");
        }
        assert!(
            self.acts.iter().all(|(_, cid)| self.sent.contains(cid) != self.refused.contains(cid)),
            "{seed}"
        );
    }
}
