//! What the app knows about the logs, and what waits to be sent: the pure engine, held for the whole app.
//!
//! Invariant: every event goes through [`Live::observe`]; nothing else decides whether it is applied.

pub(crate) mod announcing;
pub(crate) mod connection;
pub(crate) mod outbox;
pub(crate) mod reading;
pub(crate) mod receive;
pub(crate) mod receive_own;
pub(crate) mod rereading;
pub(crate) mod sending;
pub(crate) mod servers;
pub(crate) mod session;

use std::collections::{BTreeMap, BTreeSet};

use futures_channel::mpsc;
use leptos::prelude::*;
use parlour_client::engine::{Cursors, Outbox, Verdict};
use parlour_protocol::ids::{ConversationId, Seq};
use parlour_protocol::socket::{ClientFrame, Event};

use crate::browser;
use crate::state::markers::Markers;
use crate::state::rereads::Rereads;

/// What an answer belongs to.
#[derive(Debug, Clone)]
pub(crate) enum Asked {
    /// The first command.
    Start,
    /// Something pending, by its name.
    Send(ConversationId, String),
    /// The list of what is followed live.
    Focus,
    /// A page of a log.
    Sync(ConversationId),
    /// Whether anybody is there.
    Ping,
    /// Anything whose answer nobody waits for.
    Other,
}

impl Asked {
    /// The name of what is on its way.
    fn cid(&self) -> Option<&str> {
        match self {
            Self::Send(_, cid) => Some(cid),
            _ => None,
        }
    }
}

#[derive(Default)]
struct Inner {
    cursors: Cursors,
    outbox: Outbox,
    /// When something was done last, by this tab's clock.
    last_at: i64,
    /// Since when there is a connection, by this tab's clock.
    connected_at: i64,
    /// Whether it will be looked again for what waits in another tab.
    waits: bool,
    commands: Option<mpsc::Sender<ClientFrame>>,
    asked: BTreeMap<u64, Asked>,
    /// Since when something is asked that was not answered, in milliseconds.
    waiting: Option<f64>,
    /// When the server was heard last, in milliseconds.
    heard: f64,
    last_id: u64,
    syncing: BTreeSet<ConversationId>,
    heads: BTreeMap<ConversationId, Seq>,
    reading: BTreeSet<ConversationId>,
    rereads: Rereads,
    /// Whether there was a connection since the sign-in.
    started: bool,
    markers: Markers,
    wake: Option<mpsc::Sender<()>>,
    generation: u64,
}

/// The engine; a handle, cheap to copy.
#[derive(Clone, Copy)]
pub(crate) struct Live(StoredValue<Inner, LocalStorage>);

impl Live {
    /// Knows nothing yet.
    pub(crate) fn new() -> Self {
        Self(StoredValue::new_local(Inner::default()))
    }

    fn with<T>(&self, look: impl FnOnce(&Inner) -> T) -> T {
        self.0.with_value(look)
    }

    fn change<T: Default>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        self.0.try_update_value(change).unwrap_or_default()
    }

    /// Forgets everything; the connection that was made before ends by itself.
    pub(crate) fn reset(&self) -> u64 {
        self.change(|inner| {
            let generation = inner.generation + 1;
            *inner = Inner { generation, ..Inner::default() };
            generation
        })
    }

    /// Which sign-in this is, counted.
    pub(crate) fn generation(&self) -> u64 {
        self.with(|inner| inner.generation)
    }

    /// Follows a log from a position.
    pub(crate) fn follow(&self, id: ConversationId, seq: Seq) {
        self.change(|inner| inner.cursors.follow(id, seq));
    }

    /// Does not follow a log any more.
    pub(crate) fn forget(&self, id: ConversationId) {
        self.change(|inner| inner.cursors.forget(id));
    }

    /// A conversation's entry was read: it need not be read again.
    pub(crate) fn was_read(&self, id: ConversationId) {
        self.change(|inner| inner.rereads.forget(id));
    }

    /// The known position of a log.
    pub(crate) fn cursor(&self, id: ConversationId) -> Option<Seq> {
        self.with(|inner| inner.cursors.get(id))
    }

    /// Judges an event, and notes how far the log reaches at least.
    pub(crate) fn observe(&self, event: &Event) -> Verdict {
        self.0
            .try_update_value(|inner| {
                let head = inner.heads.entry(event.conversation).or_default();
                *head = (*head).max(event.seq);
                inner.cursors.observe(event.conversation, event.seq)
            })
            .unwrap_or(Verdict::Ignore)
    }

    /// Whether a command can be sent now.
    pub(crate) fn connected(&self) -> bool {
        self.with(|inner| inner.commands.is_some())
    }

    /// Sends a command, if there is a connection that takes it; answers whether it was taken.
    pub(crate) fn command(&self, asked: Asked, make: impl FnOnce(u64) -> ClientFrame) -> bool {
        self.change(|inner| {
            inner.last_id += 1;
            let id = inner.last_id;
            let Some(commands) = inner.commands.as_mut() else { return false };
            let taken = commands.try_send(make(id)).is_ok();
            if taken && !matches!(asked, Asked::Other) {
                inner.asked.insert(id, asked);
                inner.waiting.get_or_insert_with(browser::now_ms);
            }
            taken
        })
    }

    /// Takes what an answer belongs to.
    pub(crate) fn answered(&self, id: u64) -> Option<Asked> {
        self.change(|inner| {
            let asked = inner.asked.remove(&id);
            inner.waiting = (!inner.asked.is_empty()).then(browser::now_ms);
            asked
        })
    }

    /// Since when the server owes an answer, in milliseconds of this page's clock.
    fn waiting(&self) -> Option<f64> {
        self.with(|inner| inner.waiting)
    }

    /// Asks whether the server is there, unless an answer is awaited already: silence is noticed early where it matters.
    pub(crate) fn probe(&self) {
        if self.waiting().is_none() {
            self.command(Asked::Ping, |id| ClientFrame::Ping { id });
        }
    }

    /// Names of the messages of a conversation that are on their way, in order.
    pub(crate) fn pending(&self, id: ConversationId) -> Vec<String> {
        self.with(|inner| inner.outbox.of(id).map(|pending| pending.cid.clone()).collect())
    }

    /// Ends the wait before the next attempt to connect.
    pub(crate) fn wake(&self) {
        self.change(|inner| {
            if let Some(wake) = inner.wake.as_mut() {
                let _ = wake.try_send(());
            }
        });
    }
}
