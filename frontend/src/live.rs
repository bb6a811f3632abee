//! The engine's session for the whole app, and what else belongs to one sign-in: what it decides is carried out here, and
//! events are applied to the stores.
//!
//! Invariant: whatever happens goes through [`Context::feed`](crate::context::Context::feed); the session decides about
//! delivery, and nothing here repeats its decisions.

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

use std::collections::BTreeSet;

use futures_channel::mpsc;
use leptos::prelude::*;
use parlour_client::engine::{Client, Input, Outbox, Output, Session};
use parlour_protocol::ids::{ConversationId, Seq};

use crate::browser;
use crate::state::markers::Markers;
use crate::state::rereads::Rereads;

struct Inner {
    session: Session,
    /// What the session wants of the transport and the transport has not done yet.
    orders: Vec<Output>,
    /// Wakes the transport.
    wake: Option<mpsc::Sender<()>>,
    reading: BTreeSet<ConversationId>,
    rereads: Rereads,
    /// Whether there has been a connection since the sign-in.
    started: bool,
    markers: Markers,
    generation: u64,
}

impl Inner {
    fn new(tab: String, generation: u64) -> Self {
        Self {
            session: Session::new(Client::Page, 1, tab, Box::new(browser::chance)),
            orders: Vec::new(),
            wake: None,
            reading: BTreeSet::new(),
            rereads: Rereads::default(),
            started: false,
            markers: Markers::default(),
            generation,
        }
    }
}

/// The state of the current sign-in; a cheap handle.
#[derive(Clone, Copy)]
pub(crate) struct Live(StoredValue<Inner, LocalStorage>);

impl Live {
    /// The state before the first sign-in. This tab gets a random name, which changes with every reload.
    pub(crate) fn new() -> Self {
        Self(StoredValue::new_local(Inner::new(browser::random_cid(), 0)))
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
            *inner = Inner::new(inner.session.tab().to_owned(), generation);
            generation
        })
    }

    /// The number of the current sign-in.
    pub(crate) fn generation(&self) -> u64 {
        self.with(|inner| inner.generation)
    }

    /// The name of this tab among all tabs of the browser.
    pub(crate) fn tab(&self) -> String {
        self.with(|inner| inner.session.tab().to_owned())
    }

    /// Reports to the session what happened, and returns what to do.
    fn handle(&self, input: Input) -> Vec<Output> {
        self.change(|inner| inner.session.handle(input, browser::now_ms() as u64))
    }

    /// Reads the pending actions.
    pub(crate) fn with_outbox<T>(&self, read: impl FnOnce(&Outbox) -> T) -> T {
        self.with(|inner| read(inner.session.outbox()))
    }

    /// Passes something on to the transport.
    fn order(&self, order: Output) {
        self.change(|inner| {
            inner.orders.push(order);
            if let Some(wake) = inner.wake.as_mut() {
                let _ = wake.try_send(());
            }
        });
    }

    /// Notes which conversation is open.
    pub(crate) fn look_at(&self, id: Option<ConversationId>) {
        self.change(|inner| inner.session.set_live(id.into_iter().collect()));
    }

    /// Stops following a log.
    pub(crate) fn forget(&self, id: ConversationId) {
        self.change(|inner| inner.session.forget(id));
    }

    /// Cancels the scheduled reload of a conversation's entry, because the entry was just loaded.
    pub(crate) fn was_read(&self, id: ConversationId) {
        self.change(|inner| inner.rereads.forget(id));
    }

    /// The cursor of a log.
    pub(crate) fn cursor(&self, id: ConversationId) -> Option<Seq> {
        self.with(|inner| inner.session.cursor(id))
    }

    /// Whether a command can be sent now.
    pub(crate) fn connected(&self) -> bool {
        self.with(|inner| inner.session.is_connected())
    }

    /// The cids of a conversation's pending messages, in order.
    pub(crate) fn pending(&self, id: ConversationId) -> Vec<String> {
        self.with(|inner| inner.session.outbox().of(id).map(|pending| pending.cid.clone()).collect())
    }
}
