//! The state of the app: one store for each subject, created once and never disposed.
//!
//! A store owns its signals, and changes them by the pure models in `state/`. It knows nothing of the network: what is to
//! be requested is done by `actions/` and `live/`. Every store is a cheap handle.
//!
//! Invariant: one signal for each thing that changes independently; an incoming message updates its own conversation's
//! entry and row, and no list of others.

pub(crate) mod announcer;
pub(crate) mod conversations;
pub(crate) mod friends;
pub(crate) mod members;
pub(crate) mod notices;
pub(crate) mod open_conversation;
pub(crate) mod outbox;
pub(crate) mod people;
pub(crate) mod preferences;
pub(crate) mod session;
pub(crate) mod ui;

use leptos::prelude::*;

use crate::state::failure::Failure;
use crate::state::load::Load;

/// Sets the outcome of a load, unless something was loaded before and this load has failed.
pub(crate) fn settle<T: Send + Sync + 'static>(load: RwSignal<Load<T>>, outcome: Result<T, Failure>) {
    // By `set`, whose code is there for every type already.
    if load.with_untracked(|load| load.gives_way_to(&outcome)) {
        load.set(outcome.into());
    }
}
