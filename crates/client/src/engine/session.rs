//! The live connection of one signed-in user as a state machine free of I/O: [`Session::handle`] takes what happened and
//! returns what to do about it. Both clients are transports around it.
//!
//! Invariants: a head above the cursor is never ignored: its events are on their way, one `sync` is in flight or scheduled,
//! or the client was told that what it has loaded is out of date. Of each conversation at most one `sync` and one action
//! are in flight. What belongs to a connection (pending commands, scheduled retries) ends with it.
//!
//! Short lists are vectors: every kind of map and every sort is a few kilobytes of code in the browser.

mod acting;
mod following;
mod inputs;
mod line;
mod outputs;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use parlour_protocol::ids::{ConversationId, Seq};
use parlour_protocol::socket::{ClientFrame, ErrorFrame, OkFrame, ServerFrame};

use super::{Addresses, Cursors, Outbox};
use following::Fetch;
pub use inputs::{Client, Input, Refreshed};
use line::Line;
pub use outputs::Output;

/// Returns a random number in 0..1, for jitter.
pub type Chance = Box<dyn FnMut() -> f64 + Send>;

/// The command that a response belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Asked {
    Start,
    Act(ConversationId, String),
    /// The conversations that were not live before.
    Focus(Vec<ConversationId>),
    Sync(ConversationId),
    Ping,
}

/// The state of one sign-in.
pub struct Session {
    client: Client,
    chance: Chance,
    addresses: Addresses,
    line: Line,
    /// Whether the access token was refreshed since the last working connection.
    renewed: bool,
    cursors: Cursors,
    /// The newest position known of each log.
    heads: BTreeMap<ConversationId, Seq>,
    /// Conversations that were followed in an old epoch and are not yet found in the present one.
    void: BTreeSet<ConversationId>,
    live: Vec<ConversationId>,
    /// The list of live conversations as the server knows it.
    focused: Vec<ConversationId>,
    direct: BTreeSet<ConversationId>,
    syncs: Vec<(ConversationId, Fetch)>,
    outbox: Outbox,
    /// Conversations in which an action was refused for now, and when to try again.
    pauses: Vec<(ConversationId, u64)>,
    /// The time of the newest action.
    last_at: i64,
    tab: String,
    /// The open tabs.
    tabs: Vec<String>,
    /// When to look again for actions that another tab should have sent.
    look_again: Option<u64>,
    connected_at: u64,
    asked: Vec<(u64, Asked)>,
    last_id: u64,
    /// When the oldest unanswered command was sent or the latest answer came; `None` if nothing is unanswered.
    waiting: Option<u64>,
    /// When the last frame arrived.
    heard: u64,
    /// When the last frame was sent.
    spoke: u64,
    /// A ping is sent after this long without traffic in one of the directions.
    ping_after: u64,
    out: Vec<Output>,
}

impl Session {
    /// A session that has not begun. The server has `addresses` addresses; `tab` names the browser tab.
    pub fn new(client: Client, addresses: usize, tab: String, chance: Chance) -> Self {
        Self {
            client,
            chance,
            addresses: Addresses::new(addresses),
            line: Line::Down,
            renewed: false,
            cursors: Cursors::default(),
            heads: BTreeMap::new(),
            void: BTreeSet::new(),
            live: Vec::new(),
            focused: Vec::new(),
            direct: BTreeSet::new(),
            syncs: Vec::new(),
            outbox: Outbox::default(),
            pauses: Vec::new(),
            last_at: 0,
            tab,
            tabs: Vec::new(),
            look_again: None,
            connected_at: 0,
            asked: Vec::new(),
            last_id: 0,
            waiting: None,
            heard: 0,
            spoke: 0,
            ping_after: 0,
            out: Vec::new(),
        }
    }

    /// Resumes from the cursors of an earlier session.
    pub fn resume_from(&mut self, cursors: Cursors) {
        self.cursors = cursors;
    }

    /// Handles what happened at `now` (in milliseconds of any clock) and returns what to do.
    pub fn handle(&mut self, input: Input, now: u64) -> Vec<Output> {
        match input {
            Input::Begin => self.begin(now),
            Input::Frame(frame) => self.receive(frame, now),
            Input::Closed { code, pause } => self.closed(code, pause, now),
            Input::Refreshed(refreshed) => self.refreshed(refreshed, now),
            Input::Tick => self.tick(now),
            Input::Wake => self.wake(now),
            Input::Probe => self.probe(now),
            Input::Focus(live) => self.focus(live, now),
            Input::Follow { conversation, after } => self.follow(conversation, after, now),
            Input::Entry { conversation, head, direct } => self.entry(conversation, head, direct, now),
            Input::Head { conversation, head } => self.learn(conversation, head, now),
            Input::Act { conversation, cid, act } => self.act(conversation, cid, act, now),
            Input::Retry { cid } => self.retry(&cid, now),
            Input::Settle { cid } => self.settle(&cid, now),
            Input::Elsewhere { cid, pending } => self.elsewhere(&cid, pending, now),
            Input::Tabs(tabs) => {
                self.tabs = tabs;
                self.flush(now);
            }
            Input::Read { conversation, seq } if self.is_connected() => {
                let id = self.next_id();
                self.send(ClientFrame::Read { id, conversation, seq }, now);
            }
            Input::Typing { conversation } if self.is_connected() => {
                self.send(ClientFrame::Typing { conversation }, now);
            }
            Input::Read { .. } | Input::Typing { .. } => {}
        }
        std::mem::take(&mut self.out)
    }

    /// The pending actions.
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// The name of this browser tab.
    pub fn tab(&self) -> &str {
        &self.tab
    }

    fn receive(&mut self, frame: ServerFrame, now: u64) {
        if !self.is_open() {
            return;
        }
        self.heard = now;
        match frame {
            ServerFrame::Hello(hello) => self.hello(&hello.epoch, now),
            ServerFrame::Ok(ok) => self.answered(*ok, now),
            ServerFrame::Error(error) => self.refused(error, now),
            ServerFrame::Event(event) => self.event(event, now),
            ServerFrame::UserEvent(event) => self.user_event(event, now),
            ServerFrame::Ephemeral(ephemeral) => self.out.push(Output::Ephemeral(ephemeral)),
            ServerFrame::Heads { conversations, news } => self.heads(conversations, news, now),
            ServerFrame::Resync { conversations, user } => {
                for (conversation, head) in conversations {
                    self.learn(conversation, head, now);
                }
                if let Some(head) = user.filter(|head| self.cursors.user().is_some_and(|seq| seq < *head)) {
                    self.own_missed(head, now);
                }
            }
            ServerFrame::Unknown => {}
        }
    }

    fn answered(&mut self, ok: OkFrame, now: u64) {
        match self.take_asked(ok.id, now) {
            Some(Asked::Start) => self.started(ok, now),
            Some(Asked::Act(_, cid)) => self.stored(&cid, ok, now),
            Some(Asked::Sync(conversation)) => {
                let (events, head) = ok.into_page();
                self.synced(conversation, events, head, now);
            }
            // Events may have been missed between what was loaded and this response.
            Some(Asked::Focus(fresh)) => fresh.into_iter().for_each(|id| self.sync(id, now)),
            Some(Asked::Ping) | None => {}
        }
    }

    fn refused(&mut self, error: ErrorFrame, now: u64) {
        match error.id.and_then(|id| self.take_asked(id, now)) {
            Some(Asked::Act(conversation, cid)) => self.not_stored(conversation, &cid, error, now),
            Some(Asked::Sync(conversation)) => self.not_synced(conversation, &error, now),
            // The close code that follows says what to do.
            Some(Asked::Start | Asked::Focus(_) | Asked::Ping) | None => {}
        }
    }

    fn take_asked(&mut self, id: u64, now: u64) -> Option<Asked> {
        let asked = self.asked.iter().position(|(one, _)| *one == id).map(|at| self.asked.remove(at).1);
        self.waiting = (!self.asked.is_empty()).then_some(now);
        asked
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// The id of a command that the server will answer.
    fn ask(&mut self, asked: Asked, now: u64) -> u64 {
        let id = self.next_id();
        self.asked.push((id, asked));
        self.waiting.get_or_insert(now);
        id
    }

    fn send(&mut self, frame: ClientFrame, now: u64) {
        self.spoke = now;
        self.out.push(Output::Send(frame));
    }
}
