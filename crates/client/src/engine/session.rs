//! The live connection of one signed-in user as a state machine free of I/O: [`Session::handle`] takes what happened and
//! returns what to do about it. Both clients are transports around it.
//!
//! Invariants: while a conversation is followed closely and its cursor is below its known head, exactly one `sync` is in
//! flight or scheduled. Of each conversation one action is in flight at a time. What belongs to a connection (pending
//! commands, known heads, scheduled retries) ends with it.

mod acting;
mod following;
mod line;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use parlour_protocol::ids::{ConversationId, Seq};
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::socket::{
    ClientFrame, Ephemeral, ErrorFrame, Event, News, OkFrame, ServerFrame, Start, UserEvent,
};

use super::{Act, Addresses, Cursors, Outbox, Pending};
use following::Fetch;
use line::Line;

/// Returns a random number in 0..1, for jitter.
pub type Chance = Box<dyn FnMut() -> f64 + Send>;

/// The kind of client that a session belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// A program. It gets every event of every conversation, and stops when the server refuses it for good.
    Program,
    /// A page that somebody looks at. It gets the events of direct chats and of the open conversation; of the others it
    /// shows an entry, which it loads again when it is out of date. It never gives up where the user may still change
    /// something, and its sign-in is shared by all tabs of the browser.
    Page,
}

/// The result of refreshing the access token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refreshed {
    /// There is a new access token.
    Renewed,
    /// The server refused: the session has ended.
    Ended,
    /// The server did not respond.
    Failed,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// Connect now, for the first time or after [`Output::Stopped`].
    Begin,
    /// A frame arrived.
    Frame(ServerFrame),
    /// The connection ended or could not be opened.
    Closed {
        /// The close code; 1006 if there is none.
        code: u16,
        /// How long the server asked to stay away, in milliseconds.
        pause: Option<u64>,
    },
    /// The access token was refreshed, or could not be.
    Refreshed(Refreshed),
    /// The time of [`Session::deadline`] has come.
    Tick,
    /// Connect now instead of after the back-off.
    Wake,
    /// Find out whether the connection still works.
    Probe,
    /// Follow these conversations live instead of the previous ones.
    Focus(Vec<ConversationId>),
    /// A part of a log was loaded: its events after this position follow.
    Follow {
        /// The conversation.
        conversation: ConversationId,
        /// The last position that is loaded.
        after: Seq,
    },
    /// A conversation's entry was loaded.
    Entry {
        /// The conversation.
        conversation: ConversationId,
        /// The head of its log when the entry was read.
        head: Seq,
        /// Whether it is a direct chat.
        direct: bool,
    },
    /// The log is known to reach up to a position.
    Head {
        /// The conversation.
        conversation: ConversationId,
        /// The position.
        head: Seq,
    },
    /// The user did something.
    Act {
        /// The conversation.
        conversation: ConversationId,
        /// A fresh client id.
        cid: String,
        /// What they did.
        act: Act,
    },
    /// Send a refused action again.
    Retry {
        /// Its client id.
        cid: String,
    },
    /// An action was discarded by the user, or arrived as an event.
    Settle {
        /// Its client id.
        cid: String,
    },
    /// An action was loaded from the device, or another tab added, changed or removed it.
    Elsewhere {
        /// Its client id.
        cid: String,
        /// Its state; `None` if it was removed.
        pending: Option<Pending>,
    },
    /// The tabs that are open now. The pending actions of all others are sent by this one.
    Tabs(Vec<String>),
    /// The user has read up to a position.
    Read {
        /// The conversation.
        conversation: ConversationId,
        /// The position.
        seq: Seq,
    },
    /// The user is typing.
    Typing {
        /// The conversation.
        conversation: ConversationId,
    },
}

/// Something to do, in this order.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Open a connection to the address with this index.
    Connect(usize),
    /// Drop the connection.
    Disconnect,
    /// Send `start`, with the access token added.
    Start(Start),
    /// Send a command.
    Send(ClientFrame),
    /// Refresh the access token and report [`Input::Refreshed`].
    Refresh,
    /// The server has accepted `start`.
    Connected,
    /// There is no connection. Another attempt follows.
    Lost {
        /// The close code; 1006 if there is none.
        code: u16,
        /// Whether there had been a working connection.
        was_connected: bool,
    },
    /// No further attempt follows, because of this close code.
    Stopped(u16),
    /// The server's epoch has changed: everything loaded before is void.
    NewEpoch,
    /// All differences found by `start` have been reported.
    Resumed {
        /// The user's read markers.
        read: Vec<(ConversationId, Seq)>,
        /// Whether the entries of conversations are out of date.
        stale: bool,
    },
    /// The conversation is followed from now on, after this position.
    Following {
        /// The conversation.
        conversation: ConversationId,
        /// The position.
        after: Seq,
    },
    /// The log cannot be continued from what is loaded. Events follow after this position.
    Reset {
        /// The conversation.
        conversation: ConversationId,
        /// The position.
        after: Seq,
    },
    /// The user is not in the conversation any more.
    Left(ConversationId),
    /// Find out the head of a conversation that the user has joined, and report it as [`Input::Follow`].
    Locate(ConversationId),
    /// The conversation's entry is out of date.
    Stale(ConversationId),
    /// Something happened in a conversation that is not followed closely.
    News {
        /// The conversation.
        conversation: ConversationId,
        /// The head of its log.
        head: Seq,
        /// What happened, if the server says so.
        news: Option<News>,
    },
    /// Events of the user's own stream were missed: what it covers is out of date.
    OwnStale,
    /// Apply the next event of a conversation.
    Event(Event),
    /// Apply the next event of the user's own stream.
    UserEvent(UserEvent),
    /// Show something that is not stored.
    Ephemeral(Ephemeral),
    /// The server has stored an action. It is not in the outbox any more.
    Sent {
        /// The action.
        pending: Pending,
        /// The server's response.
        ok: Box<OkFrame>,
    },
    /// The server has refused an action for good. It is still in the outbox if its text would be lost otherwise.
    Refused {
        /// The action.
        pending: Pending,
        /// Reason for the refusal.
        code: ErrorCode,
        /// The server's explanation, in English.
        detail: String,
    },
    /// An action was added to the outbox, changed, or removed.
    Outbox {
        /// The conversation.
        conversation: ConversationId,
        /// The action's client id.
        cid: String,
    },
}

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
    syncs: BTreeMap<ConversationId, Fetch>,
    outbox: Outbox,
    /// Conversations in which an action was refused for now, and when to try again.
    pauses: BTreeMap<ConversationId, u64>,
    /// The time of the newest action.
    last_at: i64,
    tab: String,
    /// The open tabs.
    tabs: Vec<String>,
    /// When to look again for actions that another tab should have sent.
    look_again: Option<u64>,
    connected_at: u64,
    asked: BTreeMap<u64, Asked>,
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
            syncs: BTreeMap::new(),
            outbox: Outbox::default(),
            pauses: BTreeMap::new(),
            last_at: 0,
            tab,
            tabs: Vec::new(),
            look_again: None,
            connected_at: 0,
            asked: BTreeMap::new(),
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
                self.synced(conversation, ok.events.unwrap_or_default(), ok.head.unwrap_or(0), now);
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
        let asked = self.asked.remove(&id);
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
        self.asked.insert(id, asked);
        self.waiting.get_or_insert(now);
        id
    }

    fn send(&mut self, frame: ClientFrame, now: u64) {
        self.spoke = now;
        self.out.push(Output::Send(frame));
    }
}
