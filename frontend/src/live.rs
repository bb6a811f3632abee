//! The delivery engine's state for the whole app: cursors, outbox and pending commands.
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

/// The command that an answer belongs to.
#[derive(Debug, Clone)]
pub(crate) enum Asked {
    /// `start`, the first command.
    Start,
    /// A pending action, by its cid.
    Send(ConversationId, String),
    /// The list of conversations followed live.
    Focus,
    /// A page of a log.
    Sync(ConversationId),
    /// A ping.
    Ping,
    /// A command whose answer is ignored.
    Other,
}

impl Asked {
    /// The cid of the action in flight, if it is one.
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
    /// Time of the newest pending action, in milliseconds of this tab's clock.
    last_at: i64,
    /// When the connection was established, in milliseconds of this tab's clock.
    connected_at: i64,
    /// Whether a timer is set to check again for actions that another tab should send.
    waits: bool,
    commands: Option<mpsc::Sender<ClientFrame>>,
    asked: BTreeMap<u64, Asked>,
    /// When the oldest unanswered command was sent or the latest answer came, in milliseconds; `None` if nothing is
    /// unanswered.
    waiting: Option<f64>,
    /// When the last frame arrived, in milliseconds.
    heard: f64,
    last_id: u64,
    syncing: BTreeSet<ConversationId>,
    heads: BTreeMap<ConversationId, Seq>,
    reading: BTreeSet<ConversationId>,
    rereads: Rereads,
    /// Whether there has been a connection since the sign-in.
    started: bool,
    markers: Markers,
    wake: Option<mpsc::Sender<()>>,
    generation: u64,
}

/// The engine; a cheap handle.
#[derive(Clone, Copy)]
pub(crate) struct Live(StoredValue<Inner, LocalStorage>);

impl Live {
    /// An engine without any state.
    pub(crate) fn new() -> Self {
        Self(StoredValue::new_local(Inner::default()))
    }

    fn with<T>(&self, look: impl FnOnce(&Inner) -> T) -> T {
        self.0.with_value(look)
    }

    fn change<T: Default>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        self.0.try_update_value(change).unwrap_or_default()
    }

    /// Clears everything; the previous connection notices the new generation and ends.
    pub(crate) fn reset(&self) -> u64 {
        self.change(|inner| {
            let generation = inner.generation + 1;
            *inner = Inner { generation, ..Inner::default() };
            generation
        })
    }

    /// The number of the current sign-in.
    pub(crate) fn generation(&self) -> u64 {
        self.with(|inner| inner.generation)
    }

    /// Starts following a log from a position.
    pub(crate) fn follow(&self, id: ConversationId, seq: Seq) {
        self.change(|inner| inner.cursors.follow(id, seq));
    }

    /// Stops following a log.
    pub(crate) fn forget(&self, id: ConversationId) {
        self.change(|inner| inner.cursors.forget(id));
    }

    /// Cancels the scheduled reload of a conversation's entry, because the entry was just loaded.
    pub(crate) fn was_read(&self, id: ConversationId) {
        self.change(|inner| inner.rereads.forget(id));
    }

    /// The cursor of a log.
    pub(crate) fn cursor(&self, id: ConversationId) -> Option<Seq> {
        self.with(|inner| inner.cursors.get(id))
    }

    /// Decides what to do with an event, and raises the known head to its position.
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

    /// Sends a command if there is a connection with a free queue slot. Returns whether it was queued.
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

    /// Removes and returns the command that an answer belongs to.
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

    /// Sends a ping unless an answer is already pending, so that a dead connection is noticed early.
    pub(crate) fn probe(&self) {
        if self.waiting().is_none() {
            self.command(Asked::Ping, |id| ClientFrame::Ping { id });
        }
    }

    /// The cids of a conversation's pending messages, in order.
    pub(crate) fn pending(&self, id: ConversationId) -> Vec<String> {
        self.with(|inner| inner.outbox.of(id).map(|pending| pending.cid.clone()).collect())
    }

    /// Ends the back-off before the next connection attempt.
    pub(crate) fn wake(&self) {
        self.change(|inner| {
            if let Some(wake) = inner.wake.as_mut() {
                let _ = wake.try_send(());
            }
        });
    }
}
