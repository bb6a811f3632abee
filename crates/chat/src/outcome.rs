//! What operations return: a value for the caller, and the events to publish after COMMIT.

use parlour_protocol::events::{Event, UserChange};
use parlour_protocol::ids::UserId;
use parlour_protocol::time::Timestamp;
use parlour_storage::user_events::{self, Tell};
use parlour_storage::{Connection, StorageError};

use crate::{Refusal, mentions};

/// Something to publish after COMMIT.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// To everyone in the conversation.
    Event(Event),
    /// To one user's devices.
    Tell(Tell),
}

/// A value, and what to publish.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome<T> {
    /// For the caller.
    pub value: T,
    /// What to publish, in order.
    pub effects: Vec<Effect>,
}

impl<T> Outcome<T> {
    /// A value without events.
    pub fn without_events(value: T) -> Self {
        Self { value, effects: Vec::new() }
    }
}

/// Result of an operation that changes something.
pub type Done<T> = Result<Outcome<T>, Refusal>;

/// A user event: for whom, what, and whether it is a notification.
pub(crate) type ForUser = (UserId, UserChange, bool);

/// Turns changes into user events, which are appended at the end of the transaction.
pub(crate) fn tell(now: Timestamp, changes: Vec<ForUser>) -> Vec<Effect> {
    let effect = |(user, change, notify)| Effect::Tell(Tell { user, at: now, change, notify, told: None });
    changes.into_iter().map(effect).collect()
}

/// Appends all user events of a transaction: once, at its end, when all its conversations are already locked, and in
/// one order of users. Two transactions can therefore never deadlock here, whatever they did before.
pub fn tell_all(conn: &mut Connection, mut tells: Vec<&mut Tell>) -> Result<(), StorageError> {
    mentions::leave_out(conn, &mut tells)?;
    user_events::append(conn, &mut tells)?;
    mentions::note_told(conn, &tells)
}

impl<T> Outcome<T> {
    /// Its user events.
    pub fn tells(&mut self) -> Vec<&mut Tell> {
        let tells = self.effects.iter_mut().filter_map(|effect| match effect {
            Effect::Tell(tell) => Some(tell),
            Effect::Event(_) => None,
        });
        tells.collect()
    }
}
